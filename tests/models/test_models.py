import json
import math
from dataclasses import asdict

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_book import layers, mnist, models, paper, training
from lenet_book.training.recipes import RECIPES

SHIPPED = ["lenet5-1998", "lenet5"]


def test_1998_against_an_independent_construction():
    """The same sums with torch's functions and a masked dense C3, weights copied across."""
    torch.manual_seed(0)
    model = models.build("lenet5-1998").double()
    x = torch.randn(3, 1, 32, 32, dtype=torch.float64)
    mask = torch.zeros(16, 6)
    for output, inputs in enumerate(paper.C3_CONNECTIONS):
        mask[output, list(inputs)] = 1
    dense = torch.zeros(16, 6, 5, 5, dtype=torch.float64)
    dense[mask.bool()] = model.c3.weight.detach()  # row-major, the order of the table
    p = dict(model.named_parameters())

    def squash(a):
        return 1.7159 * torch.tanh(2 * a / 3)

    def subsample(a, name):
        return (4 * F.avg_pool2d(a, 2) * p[f"{name}.weight"].view(1, -1, 1, 1)
                + p[f"{name}.bias"].view(1, -1, 1, 1))

    a = squash(F.conv2d(x, p["c1.weight"], p["c1.bias"]))
    a = squash(subsample(a, "s2"))
    a = squash(F.conv2d(a, dense, p["c3.bias"]))
    a = squash(subsample(a, "s4"))
    a = squash(a.flatten(1) @ p["c5.weight"].flatten(1).T + p["c5.bias"])
    a = squash(a @ p["f6.weight"].T + p["f6.bias"])
    codes = torch.tensor(paper.GLYPHS, dtype=torch.float64).view(10, 84)
    torch.testing.assert_close(model(x), torch.cdist(a, codes)**2, rtol=1e-9, atol=1e-9)


LABEL = torch.tensor([1])
Y = torch.tensor([[5.0, 1.0, 9.0]])  # of three classes


def test_1998_loss_and_decision():
    model = models.build("lenet5-1998", j=2.0)
    assert model.predict(Y).tolist() == [1]
    assert model.loss(Y, LABEL) == layers.map_loss(Y, LABEL, 2.0)


@pytest.mark.parametrize("name", [
    "lenet5", "lenet-batchnorm", "lenet-relu", "lenet-sigmoid", "lenet-tanh"])
def test_modern_loss_and_decision(name):
    model = models.build(name)
    assert model.predict(Y).tolist() == [2]
    by_hand = math.log(math.exp(5) + math.exp(1) + math.exp(9)) - 1
    assert model.loss(Y, LABEL).item() == pytest.approx(by_hand)


@pytest.mark.parametrize(("name", "options", "error", "message"), [
    ("lenet-relu", {"j": 2}, TypeError, "lenet-relu has no option 'j'; it has none"),
    ("lenet5-1998", {"k": 2}, TypeError, "lenet5-1998 has no option 'k'; it has j"),
    ("lenet5-1998", {"j": -1}, ValueError, "j must be above 0, not -1"),
    ("lenet5-variant", {"pooling": "mean"}, ValueError, "pooling must be one of subsampling, average"),
    ("lenet5-variant", {"batch_norm": 2}, TypeError, "batch_norm must be True or False, not 2")])
def test_wrong_options(name, options, error, message):
    with pytest.raises(error, match=message):
        models.build(name, **options)


def test_no_weights_ship_for_a_model(monkeypatch):
    monkeypatch.setitem(models.MODELS, "untrained", nn.Identity)
    with pytest.raises(FileNotFoundError, match="'untrained', only for lenet5, lenet5-1998"):
        models.pretrained("untrained")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights(name):
    """The error measured again is the one in the log, give or take rounding on other machines."""
    log = json.loads((models.WEIGHTS / f"{name}.json").read_text())
    _, test = mnist.load_mnist()
    model = models.pretrained(name)
    assert not model.training
    score = training.evaluate(model, test)
    assert abs(score.errors - log["test_errors"]) <= 3
    assert log["test_error"] == log["test_errors"] / 10_000
    assert log["test_error_interval"][0] < log["test_error"] < log["test_error_interval"][1]
    assert len(log["epochs"]) == log["recipe"]["epochs"]
    recipe = {"lenet5": "accurate", "lenet5-1998": "paper-1998"}[name]
    assert log["command"] == f"python -m lenet_book train {name} --recipe {recipe} --seed 0"
    assert log["recipe"] == json.loads(json.dumps(asdict(RECIPES[recipe])))
    assert {"torch", "python", "lenet_book"} <= log["versions"].keys()
    content = (models.WEIGHTS / f"{name}.safetensors").read_bytes()
    assert len(content) < 300_000
    header = int.from_bytes(content[:8], "little")
    assert json.loads(content[8:8 + header])  # safetensors, no pickle: a length, JSON, plain numbers


def test_shipped_glyphs_are_the_papers():
    codes = models.pretrained("lenet5-1998").output.codes
    assert torch.equal(codes, torch.tensor(paper.GLYPHS, dtype=torch.float32).view(10, 84))


def test_pretrained_nets_are_independent():
    first, second = models.pretrained("lenet5"), models.pretrained("lenet5")
    with torch.no_grad():
        first.c1.weight.zero_()
    assert second.c1.weight.any()


@pytest.mark.parametrize("content", [
    (models.WEIGHTS / "lenet5.safetensors").read_bytes()[:1000],       # cut off
    (models.WEIGHTS / "lenet5-1998.safetensors").read_bytes(),         # another net's
    b"\x80\x04\x95 a pickle", b""])
def test_damaged_weights_are_refused(monkeypatch, tmp_path, content):
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    (tmp_path / "lenet5.safetensors").write_bytes(content)
    with pytest.raises(RuntimeError, match=r"(?s)lenet5.safetensors does not hold the weights"
                                           r".*reinstall"):
        models.pretrained("lenet5")
