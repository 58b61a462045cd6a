"""Trainings of networks that give more than logits, on coloured pictures of any size."""

from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from trainings import QUICK, same, weights

from lenet_book import models, training
from lenet_book.models import googlenet

RECIPE = replace(QUICK, optimiser="sgd", schedule="constant", learning_rate=0.1, weight_decay=0,
                 batch_size=8, seed=2)


class Outputs(NamedTuple):
    logits: torch.Tensor
    head: torch.Tensor


class WithHead(nn.Module):
    """A convolution with a head on it in training, then a dropout; any size."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(3, 5, 3, stride=2), nn.BatchNorm2d(5)
        self.dropout, self.fc, self.head = nn.Dropout(0.2), nn.Linear(5, 4), nn.Linear(5, 4)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x))).mean((2, 3))
        logits = self.fc(self.dropout(x))
        return Outputs(logits, self.head(x)) if self.training else logits


class Judged(WithHead):
    loss, predict = googlenet.WithHeads.loss, googlenet.WithHeads.predict

    def forward(self, x):
        outputs = super().forward(x)
        return googlenet.Outputs(outputs.logits, (outputs.head,)) if self.training else outputs


def pictures(height, width):
    x = torch.rand(20, 3, height, width, generator=torch.Generator().manual_seed(1))
    return x, torch.arange(20) % 4


def by_hand(model, x, y):
    """The recipe in torch's own words, two epochs with batches of 8, 8 and 4."""
    step = torch.optim.SGD(model.parameters(), lr=0.1)
    generator, losses = torch.Generator().manual_seed(2), []
    for _ in range(2):
        for batch in torch.randperm(20, generator=generator).split(8):
            logits, (head,) = model.train()(x[batch])
            loss = F.cross_entropy(logits, y[batch]) + 0.3 * F.cross_entropy(head, y[batch])
            step.zero_grad()
            loss.backward()
            step.step()
            losses.append(loss.item() * len(batch))
    return sum(losses[3:]) / 20


@pytest.mark.parametrize(("height", "width"), [(11, 14), (40, 9)])
def test_heads_are_trained_and_validation_has_none(height, width):
    (x, y), mine, theirs = pictures(height, width), Judged(), Judged()
    torch.manual_seed(4)
    history = training.fit(mine, (x, y), RECIPE, validation=(x, y), progress=False)
    torch.manual_seed(4)
    loss = by_hand(theirs, x, y)
    for name, weight in theirs.state_dict().items():
        torch.testing.assert_close(mine.state_dict()[name], weight, rtol=1e-4, atol=1e-6)
    assert history.epochs[-1].train_loss == pytest.approx(loss, rel=1e-4)
    with torch.no_grad():
        logits = mine.eval()(x)
    assert history.epochs[-1].validation_loss == pytest.approx(F.cross_entropy(logits, y).item())
    score = training.evaluate(mine.train(), (x, y), batch_size=7)
    assert torch.equal(score.predictions, logits.argmax(1)) and mine.training


def test_heads_go_with_an_average_and_through_a_checkpoint(tmp_path):
    x, y = pictures(9, 9)
    recipe = replace(RECIPE, optimiser="adamw", ema=0.3)
    kept, path = nn.DataParallel(Judged()), tmp_path / "net.ckpt"
    torch.manual_seed(0)
    training.fit(kept, (x, y), recipe, checkpoint=path, progress=False)
    again = nn.DataParallel(Judged())
    training.fit(again, (x, y), recipe, checkpoint=path, resume=True, progress=False)
    assert same(weights(again), weights(kept))
    assert training.evaluate(again, (x, y)).loss == training.evaluate(kept, (x, y)).loss


@pytest.mark.parametrize("make", [WithHead, lambda: nn.DataParallel(WithHead())])
def test_several_outputs_without_a_loss_are_refused_and_the_remedy_works(make):
    model, (x, y) = make(), pictures(9, 12)
    before = weights(model)
    with pytest.raises(ValueError, match="WithHead must give logits, .* 2 x classes here, not torch."
                                         "float32 2 x 4, torch.float32 2 x 4; a net") as refused:
        training.fit(model, (x, y), RECIPE, progress=False)
    assert same(weights(model), before) and "\n" not in str(refused.value)
    remedy = str(refused.value).partition(" with ")[2]
    for statement in remedy.split(" and model.predict"):
        statement = statement if statement.startswith("model.loss") else f"model.predict{statement}"
        exec(statement, {"model": model, "F": F})
    training.fit(model, (x, y), RECIPE, progress=False)
    with torch.no_grad():
        logits = model.eval()(x)
    score = training.evaluate(model, (x, y))
    assert score.loss == pytest.approx(F.cross_entropy(logits, y).item(), rel=1e-5)
    assert torch.equal(score.predictions, logits.argmax(1))


def test_a_forward_without_return_is_refused():
    class Silent(WithHead):
        def forward(self, x):
            super().forward(x)
    for model in (Silent(), type("Loud", (Silent, Judged), {})()):
        for use in (training.evaluate, lambda *a: training.fit(*a, RECIPE, progress=False)):
            with pytest.raises(ValueError, match="gives nothing, None: the last line of its forward"):
                use(model, pictures(9, 9))


@pytest.mark.parametrize(("name", "size"), [
    ("vgg-small-average", 48), ("nin-small", 33), ("nin-cifar10", 26), ("googlenet-small", 57)])
def test_canvases_of_another_size_and_colours(name, size):
    torch.manual_seed(0)
    model = models.build(name)
    x = torch.randn(6, model.channels, size, size)
    examples = x, torch.arange(6)
    recipe = training.Recipe(learning_rate=1e-3, batch_size=3)
    assert training.fit(model, examples, recipe, validation=examples, progress=False).epochs
    assert torch.equal(training.evaluate(model, examples).predictions, model(x).argmax(1))
