from collections import namedtuple

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._pytree import tree_leaves, tree_map_only

from lenet_book import models
from lenet_book.features import capture


def hooks(model):
    """How many hooks of any kind are on the model's modules."""
    return sum(len(value) for module in model.modules() for key, value in vars(module).items()
               if "hooks" in key and value)


class Learner(nn.Module):
    """As learners write it: one ReLU used twice, a tied layer, a function, one that never runs."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)  # 6 x 5 to 4 x 3, and after the pooling 2 x 1
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.dense = self.tied = nn.Linear(4, 4)
        self.unused = nn.Linear(1, 1)

    def forward(self, x):
        x = F.max_pool2d(self.relu(self.conv(x)), 2).flatten(1)
        return self.drop(self.tied(self.relu(self.dense(x))))


@pytest.fixture
def learner():
    """In training mode; whatever a test does to it, in the end no hook is left."""
    torch.manual_seed(0)
    learner = Learner()
    yield learner
    assert hooks(learner) == 0


@pytest.fixture
def x():
    return torch.randn(3, 1, 6, 5, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", [name for name in models.MODELS if name.startswith("lenet")])
def test_every_layer_of_lenet(name):
    """Against the layers called one by one."""
    net = models.build(name).eval()
    x = torch.randn(2, 1, 32, 32)
    with capture(net) as kept:
        output = net(x)
    assert list(kept) == [child for child, _ in net.named_children()]
    for child, layer in net.named_children():
        x = layer(x)
        assert torch.equal(kept[child], x)
    assert torch.equal(output, x)
    assert hooks(net) == 0


@pytest.mark.parametrize(("names", "expected"), [
    (["c3", "c1"], ["c1", "c3"]), ("f6", ["f6"])])
def test_only_what_is_asked_for(names, expected):
    net = models.build("lenet5")
    with capture(net, names) as kept:
        net(torch.zeros(4, 1, 32, 32))
    assert list(kept) == expected


def test_a_block_that_holds_others():
    net = models.build("googlenet-small")
    paths = [f"inception3a.{path}" for path in ("path1", "path3", "path5", "pool")]
    with capture(net, ["inception3a", *paths]) as kept, capture(net) as leaves:
        net(torch.randn(1, 1, 40, 40))
    assert list(kept) == [*paths, "inception3a"]
    assert torch.equal(kept["inception3a"], torch.cat([kept[path] for path in paths], dim=1))
    assert "inception3a.path1.conv" in leaves and not kept.keys() & leaves.keys()


def test_a_model_of_one_layer():
    layer = nn.ReLU()
    with capture(layer) as kept:
        assert kept == {}
        layer(torch.tensor([-1.0, 2.0]))
    assert kept["ReLU"].tolist() == [0, 2]


def test_layers_used_twice_and_in_place(learner, x):
    with capture(learner) as kept:
        output = learner(x)
    assert list(kept) == ["conv", "relu", "dense", "relu#2", "dense#2", "drop"]
    convolved = F.conv2d(x, learner.conv.weight, learner.conv.bias)
    torch.testing.assert_close(kept["conv"], convolved)  # not what the ReLU made of it in place
    assert (kept["conv"] < 0).any()
    torch.testing.assert_close(kept["relu"], convolved.relu())
    torch.testing.assert_close(kept["relu#2"], kept["dense"].relu())
    torch.testing.assert_close(kept["dense#2"], output)
    torch.testing.assert_close(output, learner.eval()(x))  # watching changes nothing


def test_a_shared_layer_under_the_name_that_is_asked_for(learner, x):
    with capture(learner, ["tied", "dense"]) as kept:
        learner(x)
    assert sorted(kept) == ["dense", "dense#2", "tied", "tied#2"]
    assert torch.equal(kept["tied#2"], kept["dense#2"])
    assert not torch.equal(kept["tied"], kept["tied#2"])


def test_each_run_begins_anew(learner, x):
    with capture(learner) as kept:
        learner(x)
        first = dict(kept)
        learner(2 * x)
        assert list(kept) == list(first)
        assert not torch.equal(kept["conv"], first["conv"])
        with pytest.raises(RuntimeError):
            learner(x[..., :1])  # too narrow for the first layer
        assert kept == {}
    learner(x)
    assert kept == {}  # outside the block nothing is kept any more


def test_gradients_reach_what_is_kept():
    net = models.build("lenet5")
    x = torch.randn(1, 1, 32, 32, requires_grad=True)
    with capture(net, ["c3", "f6"]) as kept:
        score = net(x)[0, 3]
    of_c3, = torch.autograd.grad(score, kept["c3"], retain_graph=True)
    after = nn.Sequential(*list(net)[4:])
    c3 = kept["c3"].detach().requires_grad_()
    expected, = torch.autograd.grad(after(c3)[0, 3], c3)
    torch.testing.assert_close(of_c3, expected)
    of_x, = torch.autograd.grad(kept["f6"][0, 5], x)
    assert of_x.any()
    with capture(net) as kept, torch.no_grad():
        net[:3](x)  # a part of the model runs alone
    assert list(kept) == ["c1", "s2", "s2_relu"]
    assert not any(tensor.requires_grad for tensor in kept.values())


def test_evaluation_mode_meanwhile_and_each_modules_own_mode_after(learner, x):
    learner.drop.eval()
    modes = {name: module.training for name, module in learner.named_modules()}
    with capture(learner) as kept:
        assert not any(module.training for module in learner.modules())
        learner(x)
        learner.train()  # and whatever happens to it inside
    assert {name: module.training for name, module in learner.named_modules()} == modes
    norm = nn.BatchNorm2d(1)
    with capture(norm) as kept:
        norm(x + 7)
    assert norm.training
    assert norm.running_mean.item() == 0  # looking has taught it nothing
    assert len(kept) == 1


def test_nothing_is_left_after_an_error(learner, x):
    with pytest.raises(ZeroDivisionError), capture(learner) as kept:
        len(learner(x)) / 0
    assert len(kept) == 6
    assert hooks(learner) == 0
    assert learner.training

    def fail(*_):
        raise OverflowError("in the middle of a run")

    theirs = learner.tied.register_forward_hook(fail)
    with pytest.raises(OverflowError), capture(learner) as kept:
        learner(x)
    assert list(kept) == ["conv", "relu"]  # how far it came: theirs was there first
    assert hooks(learner) == 1  # theirs
    theirs.remove()


def test_nothing_is_left_where_a_hook_cannot_be_placed(learner, monkeypatch):
    monkeypatch.setattr(learner.drop, "register_forward_hook", None)
    with pytest.raises(TypeError), capture(learner):
        pass
    assert learner.training


def test_nested(learner, x):
    with capture(learner, "conv") as outer:
        with pytest.raises(ZeroDivisionError), capture(learner) as inner:
            len(learner(x)) / 0
        assert not learner.training
        assert torch.equal(outer["conv"], inner["conv"])
        kept = inner["conv"]
        learner(2 * x)
        assert inner["conv"] is kept
        assert not torch.equal(outer["conv"], kept)
    assert learner.training
    with capture(learner) as whole, capture(learner.conv) as part:  # a model and a layer of it
        learner(x)
    assert torch.equal(whole["conv"], part["Conv2d"])


@pytest.mark.parametrize("name", ["c9", "", "module.", "C1"])
def test_unknown_names(name):
    net = models.build("lenet5")
    message = f"no layer is called '{name}'; there are LeNet5, c1, s2, s2_relu, c3, "
    with pytest.raises(KeyError, match=message), capture(net, ["c1", name]):
        pass
    assert hooks(net) == 0


@pytest.mark.filterwarnings("ignore")  # torch warns where there is no accelerator
def test_inside_dataparallel(learner, x):
    spread = nn.DataParallel(learner)
    with capture(spread, ["conv", "module.dense"]) as kept:
        spread(x)
        spread(x)
    assert list(kept) == ["conv", "module.dense", "module.dense#2"]
    with capture(spread) as kept:
        spread(x)
    assert list(kept) == ["conv", "relu", "dense", "relu#2", "dense#2", "drop"]
    assert spread.training and learner.training
    spread.device_ids = [0, 1]
    with pytest.raises(TypeError, match="spread over 2 devices, .* run model.module"), capture(spread):
        pass


@pytest.mark.filterwarnings("ignore")  # torch.jit.script is deprecated, and still met
def test_what_has_no_layers_to_listen_to_is_refused(learner):
    with pytest.raises(TypeError, match="must be a torch.nn.Module, not function"), capture(F.relu):
        pass
    scripted = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    inner = nn.Sequential(nn.Linear(2, 2), scripted)
    learner.dense.compile()
    for model, where in [(scripted, "the model"), (inner, "1"), (learner, "dense")]:
        with pytest.raises(TypeError, match=f"^{where} is compiled"), capture(model):
            pass
        assert hooks(model) == 0


class Both(nn.Module):  # its result and its input
    def __init__(self, pack):
        super().__init__()
        self.conv, self.pack = nn.Conv2d(1, 2, 3), pack

    def forward(self, x):
        return self.pack(self.conv(x), x)


PACKS = {"tuple": lambda *both: both, "list": lambda *both: list(both),
         "dict": lambda *both: dict(enumerate(both)),
         "nested": lambda *both: {0: [both[0]], 1: (None, both[1])},
         "named": namedtuple("Pair", "result input")}


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
def test_what_is_kept_is_safe_from_layers_that_work_in_place(pack, x):
    """Whatever it is packed in, and whoever else holds the tensor: a later layer, or the model."""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.both, self.relu = Both(pack), nn.ReLU(inplace=True)

        def forward(self, x):
            x = x.clone()
            tree_map_only(torch.Tensor, self.relu, self.both(x))
            return x.zero_()

    with capture(net := Net(), ["both", "both.conv"]) as kept, torch.no_grad():
        net(x)
        result = F.conv2d(x, net.both.conv.weight, net.both.conv.bias)
    assert (result < 0).any() and (x < 0).any()
    assert type(kept["both"]) is type(pack(result, x))
    torch.testing.assert_close([t for t in tree_leaves(kept["both"]) if t is not None], [result, x])
    torch.testing.assert_close(kept["both.conv"], result)


def test_gradients_reach_every_tensor_that_is_kept():
    net = nn.LSTM(2, 3)
    with capture(net) as kept:
        output, (hidden, _) = net(torch.ones(4, 2))
    (output.sum() + hidden.sum()).backward(inputs=[kept["LSTM"][0], kept["LSTM"][1][0]])
    assert kept["LSTM"][0].grad.tolist() == [[1.0] * 3] * 4
    torch.testing.assert_close((output, hidden), (kept["LSTM"][0], kept["LSTM"][1][0]))


def test_what_is_no_tensor_passes_as_it_is():
    class Sizes(nn.Module):
        def forward(self, x):
            return x.shape, None, "text"

    with capture(net := Sizes()) as kept:
        assert net(torch.ones(2)) == ((2,), None, "text") == kept["Sizes"]
