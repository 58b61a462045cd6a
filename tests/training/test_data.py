"""Examples of any kind on their way to the net."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from trainings import BEND, QUICK, SMALL, Seeing, changed_batches, fresh

from lenet_book import mnist, models, training
from lenet_book.training import Distortion
from lenet_book.training.data import examples_of


def test_inputs_are_made_a_batch_at_a_time():
    class Counting(mnist.Digits):
        def inputs(self, **how):
            made.append(len(how["which"]))
            return super().inputs(**how)
    made, digits = [], Counting(SMALL.images[:50], SMALL.labels[:50])
    training.fit(models.build("lenet5"), digits, replace(QUICK, batch_size=20, epochs=1),
                 validation=digits, progress=False)
    training.evaluate(models.build("lenet5"), digits, batch_size=30)
    assert made == [2, 1, 20, 20, 10, 50, 30, 20]  # the first two to see that all fits together


def test_each_batch_is_distorted_anew_and_what_is_validated_is_not():
    model, recipe = Seeing(), replace(QUICK, augmentation=BEND, batch_size=30, seed=3)
    training.fit(model, SMALL[:100], recipe, validation=SMALL[100:150], progress=False)
    shown, validated = model.shown[True][1:], model.shown[False][1:]  # without the trial
    assert len(shown) == 8 and len(validated) == 2
    torch.testing.assert_close(shown, changed_batches(SMALL[:100].inputs(), recipe), rtol=0, atol=1e-5)
    assert all(torch.equal(x, SMALL[100:150].inputs()) for x in validated)


def test_distortions_decay_over_the_second_half(monkeypatch):
    strengths, apply = [], Distortion.apply

    def noted(self, images, even, normal):
        strengths.append(even.abs().max().item())
        return apply(self, images, even, normal)
    monkeypatch.setattr(Distortion, "apply", noted)
    monkeypatch.setattr(Distortion, "draw", lambda self, count, generator: (
        torch.ones(count, 6), torch.ones(count, 2, self.grid, self.grid)))
    recipe = replace(QUICK, augmentation=BEND, augmentation_end=0.2, batch_size=10)  # 2 x 5 steps
    training.fit(models.build("lenet5"), SMALL[:50], recipe, progress=False)
    assert strengths == pytest.approx([1, 1, 1, 1, 1, 1, 0.84, 0.68, 0.52, 0.36])


# Of other kinds than Digits


class Numbers(Dataset):
    """Coloured images of a size of their own, each with its number as the first pixel."""

    def __init__(self, count=30, item=lambda x, y: (x, y)):
        generator = torch.Generator().manual_seed(0)
        self.x = torch.rand(count, 3, 8, 11, generator=generator)
        self.y = (self.x.mean((1, 2, 3)) > 0.5).long()
        self.item, self.asked = item, []

    def __len__(self):
        return len(self.y)

    def __getitem__(self, number):
        self.asked.append(number)
        return self.item(self.x[number], self.y[number].item())


def small():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(),
                               torch.nn.Linear(4 * 6 * 9, 2))


@pytest.mark.parametrize("bend", [None, BEND])
def test_tensors_and_datasets_train_alike_in_any_size(bend):
    numbers, recipe = Numbers(), replace(QUICK, batch_size=8, augmentation=bend)
    x, y, found = numbers.x, numbers.y, []
    for data in ((x, y), TensorDataset(x, y), numbers):
        model = small()
        history = training.fit(model, data, recipe, validation=data, progress=False)
        score = training.evaluate(model, data, batch_size=7)
        assert history.epochs[-1].validation_error == score.error_rate
        assert torch.equal(score.predictions, model(x).argmax(dim=1))
        assert score.loss == pytest.approx(F.cross_entropy(model(x), y).item(), rel=1e-5)
        found.append(model[0].weight)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_digits_as_tensors_come_to_what_digits_come_to():
    mine, theirs = fresh(), fresh()
    training.fit(mine, SMALL, QUICK, progress=False)
    training.fit(theirs, (SMALL.inputs(scaling="standard"), SMALL.labels), QUICK, progress=False)
    assert torch.equal(mine.f6.weight, theirs.f6.weight)


def test_each_item_of_a_dataset_is_read_once_an_epoch():
    numbers = Numbers()
    training.fit(small(), numbers, replace(QUICK, batch_size=8), progress=False)
    asked = numbers.asked[2:]  # the first two, to see that all fits together
    assert sorted(asked[:30]) == sorted(asked[30:]) == list(range(30)) and asked[:30] != asked[30:]


class Stream(IterableDataset):
    def __iter__(self):
        yield torch.zeros(1, 32, 32), 0


@pytest.mark.parametrize(("data", "message"), [
    ("mnist", "must be Digits, a pair of tensors .* not str"),
    (DataLoader(Numbers()), "not DataLoader; give the loader's .dataset"),
    (Stream(), "not Stream"),
    (torch.zeros(4, 1, 32, 32), "not Tensor"),
    ((torch.zeros(4, 1, 32, 32), [0, 1, 2, 3]), "not tuple"),
    ((torch.zeros(4, 1, 32, 32, dtype=torch.uint8), torch.zeros(4).long()),
     r"floating-point tensor.*not torch.uint8 4 x 1 x 32 x 32.*float\(\) / 255"),
    ((torch.zeros(4, 1, 32, 32), torch.zeros(4)), r"int64 tensor.*4 inputs, not torch.float32 4.*long"),
    ((torch.zeros(4, 1, 32, 32), torch.zeros(4, 1).long()), r"torch.int64 4 x 1; .*flatten\(\)"),
    ((torch.zeros(4, 1, 32, 32), torch.eye(10)[:4]), r"float32 4 x 10; labels.argmax\(dim=1\)"),
    ((torch.zeros(4, 1, 32, 32), torch.tensor([0, 1, -1, 2])), "classes, numbered from 0, not -1"),
    ((torch.tensor([0, math.nan, 1, math.inf])[:, None, None, None], torch.zeros(4).long()),
     "finite numbers; in 2 of 4 examples some are not, first in number 1"),
    ((torch.zeros(4, 1, 32, 32), torch.zeros(3).long()), "one for each of 4 inputs, not torch.int64 3"),
    ((torch.zeros(0, 1, 32, 32), torch.zeros(0).long()), "there are no examples"),
    (Numbers(0), "there are no examples"),
    (Numbers(item=lambda x, y: x), r"inputs.*not|pairs"),
    (Numbers(item=lambda x, y: (x.numpy().tobytes(), y)), "inputs must be a floating-point"),
    (Numbers(item=lambda x, y: (SMALL, y)), "pairs .tensor, int., all of one shape, not Digits"),
    (Numbers(item=lambda x, y: (x, float(y))), "labels must be an int64 tensor")])
def test_other_data_is_refused_in_a_sentence_before_anything_is_done(data, message):
    model = small().train()
    before = model[0].weight.clone()
    for use in (lambda: training.fit(model, data, QUICK, progress=False),
                lambda: training.fit(model, Numbers(), QUICK, validation=data, progress=False),
                lambda: training.evaluate(model, data)):
        with pytest.raises((TypeError, ValueError), match=message):
            use()
    assert torch.equal(model[0].weight, before) and model.training


def dense(*more):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 11, 10), *more)


class Spoilt(Numbers):
    """One of its items is another."""

    def __getitem__(self, number):
        x, y = self.x[number], self.y[number].item()
        return self.item(x, y) if number == 17 else (x, y)


@pytest.mark.parametrize(("item", "message"), [
    (lambda x, y: (x, 12), "gives 10 logits, for labels from 0 to 9, but there is a label 12"),
    (lambda x, y: (x * math.nan, y), "is nan: the inputs of example 17 are not all finite")])
def test_what_is_wrong_with_one_item_is_said_when_it_is_met(item, message):
    data = Spoilt(item=item)
    with pytest.raises((ValueError, FloatingPointError), match=message):
        training.fit(dense(), data, replace(QUICK, batch_size=5), progress=False)


def test_a_label_too_large_is_refused_before_its_loss_is_computed():
    """That would cost the process its GPU; of a Dataset the network does not even see the batch."""
    seen, model, data = [], dense(), Spoilt(item=lambda x, y: (x, 12))
    model.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs[0]))
    with pytest.raises(ValueError, match="there is a label 12"):
        training.fit(model, data, replace(QUICK, batch_size=5), progress=False)
    assert seen and not any(torch.equal(x, data.x[17]) for x in seen)
    pair = data.x, torch.cat([data.y[:-1], torch.tensor([12])])
    for use in (lambda: training.fit(model, pair, QUICK, progress=False),
                lambda: training.fit(model, (data.x, data.y), QUICK, pair, progress=False),
                lambda: training.evaluate(model, pair), lambda: training.evaluate(model, data)):
        with pytest.raises(ValueError, match="^Sequential gives 10 logits, .* there is a label 12"):
            use()


def test_a_batch_of_one_that_is_left_over_is_said_and_digits_are_not_spoken_of():
    for x, hint in ((torch.rand(31, 3, 8, 11), True), (torch.rand(31, 1, 24, 11), True),
                    (torch.rand(30, 3, 8, 12), False)):
        with pytest.raises(ValueError, match="cannot take inputs") as error:
            training.fit(dense(nn.BatchNorm1d(10)), (x, torch.arange(len(x)) % 10),
                         replace(QUICK, batch_size=10), progress=False)
        assert ("a batch of one example is left over" in str(error.value)) == hint
        assert "Digits" not in str(error.value)


@pytest.mark.parametrize(("data", "message"), [
    ((torch.rand(4, 3, 8, 11), torch.tensor(3)), "labels must be an int64 tensor.*torch.int64 number"),
    ((torch.tensor(3.0), torch.tensor([3])), "inputs must be a .*, not torch.float32 number")])
def test_numbers_without_axes_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        training.fit(dense(), data, QUICK, progress=False)


def test_examples_are_taken_as_they_are():
    model = small()
    examples = examples_of(Numbers(), model)
    assert examples_of(examples, model) is examples
    inputs, labels = examples.batch(torch.tensor([3, 1]), lambda x: -x)
    assert torch.equal(inputs, -examples.dataset.x[[3, 1]])
    assert torch.equal(labels, examples.dataset.y[[3, 1]])


def test_digits_without_labels_are_refused_and_the_remedy_works():
    unknown, model = mnist.Digits(SMALL.images[:20]), models.build("lenet5")
    for use in (lambda digits: training.evaluate(model, digits),
                lambda digits: training.fit(model, digits, QUICK, progress=False),
                lambda digits: training.fit(model, SMALL[:20], QUICK, digits, progress=False)):
        with pytest.raises(ValueError, match=r"these digits have no labels .*Digits\(digits.images"):
            use(unknown)
        use(mnist.Digits(unknown.images, SMALL.labels[:20]))
