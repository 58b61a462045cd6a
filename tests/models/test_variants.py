import pytest
import torch
from torch import nn

from lenet_book import models
from lenet_book.layers import RBFOutput, ScaledTanh, SparseConv2d, Subsampling

X = torch.randn(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([3, 1, 4, 1])


def build(**options):
    torch.manual_seed(0)
    return models.build("lenet5-variant", **options).eval()


def trainable(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def test_without_arguments_it_is_the_net_of_1998():
    ours = build()
    torch.manual_seed(0)
    theirs = models.build("lenet5-1998").eval()
    assert trainable(ours) == 60_000
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    assert torch.equal(ours(X), theirs(X))
    assert torch.equal(ours.loss(ours(X), LABELS), theirs.loss(theirs(X), LABELS))
    assert torch.equal(ours.predict(ours(X)), theirs.predict(theirs(X)))


def test_with_everything_exchanged_it_is_the_net_of_today():
    ours = build(activation="relu", pooling="max", connections="dense", output="softmax",
                 initial_weights="torch")
    torch.manual_seed(0)
    theirs = models.build("lenet5").eval()
    assert trainable(ours) == 61_706
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(X), theirs(X))
    assert torch.equal(ours.predict(ours(X)), theirs(X).argmax(dim=1))
    torch.testing.assert_close(ours.loss(ours(X), LABELS),
                               nn.functional.cross_entropy(theirs(X), LABELS))


@pytest.mark.parametrize(("options", "kind", "count"), [
    ({"activation": "logistic"}, nn.Sigmoid, 6),
    ({"activation": "tanh"}, nn.Tanh, 6),
    ({"activation": "scaled tanh"}, ScaledTanh, 6),
    ({"activation": "relu", "pooling": "average"}, nn.ReLU, 4),
    ({"pooling": "subsampling"}, Subsampling, 2),
    ({"pooling": "average"}, nn.AvgPool2d, 2),
    ({"pooling": "max"}, nn.MaxPool2d, 2),
    ({"connections": "table"}, SparseConv2d, 1),
    ({"connections": "dense"}, nn.Conv2d, 3),
    ({"output": "rbf"}, RBFOutput, 1),
    ({"output": "softmax"}, nn.Linear, 2),
    ({"batch_norm": True}, nn.BatchNorm2d, 3),
])
def test_each_choice_exchanges_its_part(options, kind, count):
    assert sum(type(layer) is kind for layer in build(**options)) == count
    assert build(**options)(X).shape == (4, 10)


def test_initial_weights():
    for name, fan_in in (("c1", 25), ("c5", 400), ("f6", 120)):
        for initial, bound in (("paper", 2.4 / fan_in), ("torch", fan_in**-0.5)):
            layer = getattr(build(initial_weights=initial), name)
            assert 0.95 * bound < layer.weight.abs().max() <= bound
            assert layer.bias.abs().max() <= bound
    for initial, bound in (("torch", lambda n: n**-0.5), ("paper", lambda n: 2.4 / n)):
        c3 = build(initial_weights=initial).c3
        kernels = c3.weight.split([len(inputs) for inputs in c3.connections])
        for weight, bias in zip(kernels, c3.bias, strict=True):
            assert 0.9 * bound(weight.numel()) < weight.abs().max() <= bound(weight.numel())
            assert bias.abs() <= bound(weight.numel())
