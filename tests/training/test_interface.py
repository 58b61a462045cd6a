"""What a network says of itself, and what is said before a training that cannot be."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from trainings import QUICK, SMALL, TEST, fresh, same, weights

from lenet_book import models, training
from lenet_book.training import distributed, interface
from lenet_book.training.interface import said

TEN = SMALL[:10]
ONE_STEP = replace(QUICK, epochs=1)


@pytest.fixture(scope="module")
def net():
    return models.pretrained("lenet5-1998")


@pytest.fixture(scope="module")
def score(net):
    """Of the first 1,000 test digits: by hand, with the loss, decision and scaling of 1998."""
    with torch.no_grad():
        distances = net(TEST[:1000].inputs(32, "paper"))
    wrong = (distances.argmin(1) != TEST.labels[:1000]).sum().item()
    assert wrong < 20
    return wrong / 1000, net.loss(distances, TEST.labels[:1000]).item()


# Wrappers

class Holder(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)


@pytest.mark.parametrize("wrap", [
    nn.DataParallel, torch.optim.swa_utils.AveragedModel, lambda net: net[:],
    lambda net: nn.DataParallel(nn.DataParallel(net))])
def test_found_through_a_wrapper(wrap, net, score):
    found = training.evaluate(wrap(net), TEST[:1000])
    assert found.error_rate == score[0] and found.loss == pytest.approx(score[1], rel=1e-5)


def test_found_through_torch_compile(net):
    """Not run: to compile takes seconds."""
    assert interface.judge(torch.compile(net)) == (net.loss, net.predict)
    assert said(nn.DataParallel(torch.compile(net)), "scaling") == "paper"
    with pytest.raises(ValueError, match="Holder says nothing of its loss"):
        said(torch.compile(Holder(net)), "loss")


@pytest.mark.filterwarnings("ignore")  # torch moves it to torchao
def test_quantised_it_is_judged_as_before(net, score):
    quantised = torch.ao.quantization.quantize_dynamic(net, {nn.Linear})
    assert training.evaluate(quantised, TEST[:1000]).error_rate == pytest.approx(score[0], abs=0.005)


@pytest.mark.parametrize("wrap", [
    lambda net: torch.jit.trace(net, torch.zeros(2, 1, 32, 32)),
    lambda net: torch.export.export(net, (torch.zeros(1000, 1, 32, 32),)).module(),
    lambda net: torch.fx.symbolic_trace(models.build("lenet5")),
    lambda net: torch.jit.script(models.build("lenet5"))])
@pytest.mark.filterwarnings("ignore")
def test_a_traced_network_is_refused_until_it_says_what_it_has_lost(wrap, net):
    model = wrap(net)
    for what in ("scaling", "loss", "predict"):
        with pytest.raises(ValueError, match=f"has lost what the original.* its {what}: give the orig"):
            said(model, what)
    with pytest.raises(ValueError, match="traced, scripted or exported"):
        training.evaluate(model, TEN)


@pytest.mark.filterwarnings("ignore")
def test_a_traced_network_that_says_it_is_taken(net, score):
    model = torch.jit.trace(net, torch.zeros(2, 1, 32, 32))
    model.input_size, model.scaling = 32, "paper"
    model.loss, model.predict = net.loss, net.predict
    assert training.evaluate(model, TEST[:1000]).error_rate == score[0]


@pytest.mark.parametrize(("wrap", "part"), [
    (nn.Sequential, "0"), (Holder, "net"), (lambda net: nn.DataParallel(Holder(net)), "net")])
def test_what_only_a_part_says_is_refused_and_the_remedy_works(wrap, part, net, score):
    outer = wrap(net)
    model = outer.module if isinstance(outer, nn.DataParallel) else outer
    for what in ("input_size", "scaling", "loss", "predict"):
        remedy = f"model.{what} = model.get_submodule('{part}').{what}"
        with pytest.raises(ValueError, match="says nothing of its") as refused:
            training.evaluate(outer, TEST[:1000])
        assert str(refused.value).endswith(f"set {remedy}")
        exec(remedy, {"model": model})
    assert training.evaluate(outer, TEST[:1000]).error_rate == score[0]


def test_slices_say_what_is_still_true(net):
    x, y = TEST[:100].inputs(32, "paper"), TEST.labels[:100]
    with torch.no_grad():
        features = net[:9](x)
    head = training.evaluate(net[9:], (features, y))
    assert head.loss == pytest.approx(training.evaluate(net, (x, y)).loss, rel=1e-5)
    with pytest.raises(ValueError, match="Sequential.loss must be a function .*, not None"):
        training.evaluate(net[:-1], TEN)
    for what in ("input_size", "scaling"):
        assert said(net[:-1], what) == getattr(net, what) and not hasattr(net[3:5], what)
    assert type(net[:3]) is nn.Sequential and net[:3][0] is net[0] is net.c1
    assert net[3:5].loss is net[3:5].predict is None
    copy.deepcopy(net[:3])
    tuned = nn.Sequential(fresh()[:-1], nn.Linear(84, 10))
    with pytest.raises(ValueError, match="nothing of its input_size, but its part '0', a Sequential"):
        training.fit(tuned, TEN, ONE_STEP, progress=False)
    training.fit(tuned, (TEN.inputs(32, "standard"), TEN.labels), ONE_STEP, progress=False)


def test_a_recurrent_layer_says_nothing_of_pixels():
    class Rows(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = nn.RNN(32, 4, batch_first=True), nn.Linear(4, 10)

        def forward(self, x):
            return self.out(self.rnn(x.squeeze(1))[0][:, -1])
    assert len(training.fit(Rows(), TEN, ONE_STEP, progress=False).epochs) == 1


# What a reader's network may have

def plain(outputs=10, inputs=1024, **says):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs))
    for name, value in says.items():
        setattr(model, name, value)
    return model


class Giving(nn.Module):
    """Gives something made of the logits."""

    def __init__(self, make, **says):
        super().__init__()
        self.logits, self.make = plain(), make
        for name, value in says.items():
            setattr(self, name, value)

    def forward(self, x):
        return self.make(self.logits(x))


REFUSED = [
    # what it says of itself
    (plain(input_size=(28, 28)), r"input_size must be a whole number of pixels a side, .*\(28, 28\)"),
    (plain(input_size=20), "28 or more, not 20"),
    (plain(784, input_size=784), "cannot take inputs of torch.float32 1 x 1 x 784 x 784: .*multiplied"),
    (plain(inputs=784), "1 x 1 x 32 x 32: .*; Digits come with model.input_size pixels a side, by def"),
    (plain(scaling=["paper"]), r"scaling must be the name .*, not \['paper'\]; call it something else"),
    (plain(scaling="zscore"), "scaling must be one of paper, standard, unit, not 'zscore'"),
    (plain(loss=[]), r"loss must be a function .*, not \[\]; call it something else"),
    (Giving(lambda y: y, loss=nn.CrossEntropyLoss(reduction="none")), "mean loss, .*not torch.floa"),
    (plain(loss=lambda outputs, labels: 1.0), "mean loss, .*not float"),
    (plain(loss=lambda images: images.sum()), r"loss\(outputs, labels\) fails for outputs of"),
    (plain(predict=0), "predict must be a function .*, not 0"),
    (plain(predict=lambda images: images.argmax(1, keepdim=True)), "int64 1, not torch.int64 1 x 1"),
    (Giving(lambda y: y, predict=nn.Linear(10, 10)), "a class for each example, .*float32 1 x 10"),
    (Giving(lambda y: y, predict=nn.Linear(84, 10)), r"predict\(outputs\) fails for outputs of torch."),
    # what it gives
    (plain(9), "gives 9 logits, for labels from 0 to 8, but there is a label 9"),
    (Giving(lambda y: (y, y)), "must give logits, .*1 x classes here, not torch.float32 1 x 10, torch"),
    (Giving(lambda y: {"logits": y}), "not dict; a network that is judged otherwise says so with mod"),
    (Giving(lambda y: y[:, 0]), "not torch.float32 1;"),
    (Giving(lambda y: y[..., None, None]), "not torch.float32 1 x 10 x 1 x 1"),
    (Giving(torch.detach), "the loss of Giving has no gradient"),
    (Giving(lambda y: y.exp().add_(1)), "gradient of the loss of Giving cannot be computed: one of"),
    (nn.Conv2d(3, 10, 32), r"Conv2d cannot take inputs of .* 1 x 1 x 32 x 32: .* 3 channels"),
    (nn.Sequential(nn.Flatten(), nn.Linear(1024, 8), nn.BatchNorm1d(8), nn.Linear(8, 10)),
     "cannot take inputs of torch.float32 1 x 1 x 32 x 32: Expected more than 1 value per channel"),
    # what it is
    (nn.Sequential(nn.Flatten()), "nothing to train: of its parameters, 0, none"),
    (fresh().requires_grad_(False), "nothing to train: of its parameters, 61,706, none"),
    (nn.Sequential(nn.Flatten(), nn.LazyLinear(10)), "without weights yet: run it once"),
    (fresh().half(), "in half precision, torch.float16, .*: train model.float"),
    (fresh().to("meta"), 'on the device "meta"'),
]


@pytest.mark.parametrize(("model", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_cannot_be_is_refused_in_a_sentence_before_anything_is_done(model, message):
    real = not any(torch.nn.parameter.is_lazy(p) or p.is_meta for p in model.parameters())
    before, generator = weights(model) if real else None, torch.get_rng_state()
    model.train()
    with pytest.raises(ValueError, match=message) as refused:
        training.fit(model, SMALL[:65], QUICK, progress=False)  # the last batch is of one
    assert "\n" not in str(refused.value)
    assert model.training and torch.equal(torch.get_rng_state(), generator)
    assert not real or same(weights(model), before)


def test_sparse_gradients_are_refused():
    class Grey(nn.Embedding):
        def forward(self, x):
            return super().forward(x[:, 0, 0, :1].mul(255).long()).squeeze(1)
    examples = torch.zeros(4, 1, 3, 3), TEN.labels[:4]
    with pytest.raises(ValueError, match="Grey has sparse gradients, .*sparse=False"):
        training.fit(Grey(256, 10, sparse=True), examples, QUICK, progress=False)
    assert training.fit(Grey(256, 10), examples, QUICK, progress=False).epochs


def test_a_network_that_is_not_finite_is_said():
    model = plain()
    with torch.no_grad():
        model[1].bias[3] = torch.nan
    with pytest.raises(FloatingPointError, match="loss of Sequential is nan before the first step"):
        training.fit(model, TEN, QUICK, progress=False)
    assert math.isnan(training.evaluate(model, TEN).loss)


def test_among_several_processes_what_takes_no_part_is_refused(monkeypatch):
    model = fresh()
    model.spare = nn.Flatten()
    model.spare.weight = nn.Parameter(torch.zeros(3))
    training.fit(model, TEN, ONE_STEP, progress=False)
    monkeypatch.setattr(distributed, "size", lambda: 2)
    with pytest.raises(ValueError, match="LeNet5 has parameters that its loss does not depend on"):
        training.fit(model, TEN, ONE_STEP, progress=False)


def test_the_validation_set_is_tried_as_well():
    wide = torch.zeros(4, 1, 32, 40), torch.zeros(4).long()
    with pytest.raises(ValueError, match="cannot take inputs of torch.float32 1 x 1 x 32 x 40"):
        training.fit(fresh(), TEN, QUICK, validation=wide, progress=False)
    many = SMALL.inputs()[:4], torch.tensor([0, 1, 10, 2])
    with pytest.raises(ValueError, match="10 logits.* a label 10"):
        training.fit(plain(), TEN, QUICK, validation=many, progress=False)
