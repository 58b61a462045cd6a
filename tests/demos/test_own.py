"""A learner's own net in the demos: the one that is shown is theirs, and what cannot be is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from recorder import DIGITS
from safetensors.torch import save_file
from torch import nn

from lenet_book import mnist, models
from lenet_book.__main__ import main
from lenet_book.demos import draw_digit, own, page
from lenet_book.demos.draw_digit import compute, say
from lenet_book.demos.reading import read
from lenet_book.training import RECIPES, fit

TRAIN = mnist.load_mnist()[0]


def trained(form, seed=0):
    """Freshly, on 2,000 digits."""
    torch.manual_seed(seed)
    net = models.build(form)
    fit(net, TRAIN[:2000], replace(RECIPES["fast"], epochs=1, seed=seed))
    return net.cpu().eval()


def perturbed(form, seed=1):
    """That of the book with each weight changed a little."""
    net, generator = models.pretrained(form), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in net.parameters():
            weight += 0.02 * torch.randn(weight.shape, generator=generator)
    return net.eval()


NETS = {"trained 1998": lambda: trained("lenet5-1998"), "trained modern": lambda: trained("lenet5"),
        "perturbed 1998": lambda: perturbed("lenet5-1998"),
        "perturbed modern": lambda: perturbed("lenet5")}


@pytest.fixture(scope="module", params=NETS)
def net(request):
    return NETS[request.param]()


def test_the_demo_reads_with_the_net_itself_as_it_was(net):
    x, some = DIGITS[:100].inputs(net.input_size, net.scaling), DIGITS.images[:100]
    with torch.inference_mode():
        scores = net(x)
        answers = net.predict(scores).tolist()
    if not hasattr(net.output, "codes"):
        scores = scores.softmax(dim=1)
    generator = torch.get_rng_state()
    with draw_digit(show=3, net=net) as demo:
        name = demo.values["net"]
        assert torch.equal(generator, torch.get_rng_state())  # nothing was drawn meanwhile
        for image, answer, ours in zip(some, answers, scores, strict=True):
            found = read(name, image)
            assert found.answer == answer
            assert found.scores == pytest.approx(ours.numpy(), rel=1e-4, abs=1e-5)
        facts, before = compute([], 8, 3, name), demo.value
        assert facts.net == "your own" and before == say(facts)
        assert demo.controls["net"].options[-1] == ("your own", name)
        saved = {key: weight.clone() for key, weight in net.state_dict().items()}
        with torch.no_grad():
            net.c1.weight.zero_()  # a copy is shown
        assert say(compute([], 8, 3, name)) == before
        net.load_state_dict(saved)
        demo.controls["net"].value = "lenet5"
        assert demo.facts.net == "modern"


def test_each_net_has_its_name_and_its_mode_stays():
    first, second = perturbed("lenet5", 1).train(), perturbed("lenet5", 2)
    names = own.adopt(first), own.adopt(second)
    assert len({*names, own.adopt(first)}) == 3 and first.training and not second.training
    one, other = (read(name, DIGITS.images[0]).scores for name in names)
    assert not np.array_equal(one, other)
    assert own.adopt(perturbed("lenet5").double()) and own.form_of(first.state_dict()) == "lenet5"


class Other(nn.Module):
    """The layers of a net with another function where it has its ReLU."""

    def __init__(self, net):
        super().__init__()
        for name, layer in net.named_children():
            setattr(self, name, nn.Sigmoid() if isinstance(layer, nn.ReLU) else layer)

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
        return x


def wider():
    net = models.build("lenet5")
    net.f6 = nn.Linear(120, 100)
    return net


def diverged():
    net = models.pretrained("lenet5")
    with torch.no_grad():
        net.f6.weight[0, 0] = torch.nan
    return net


@pytest.mark.parametrize(("make", "error", "words"), [
    (wider, ValueError, "of lenet5 it differs in f6.weight: 100 x 120 in place of 84 x 120"),
    (lambda: nn.Linear(3, 2), ValueError,
     "computes nets with the weights of lenet5-1998 or lenet5; of lenet5-1998 it differs in c1.weight: "
     "nothing in place of"),
    (lambda: Other(models.pretrained("lenet5")), ValueError,
     "has the weights of lenet5 but makes other scores of them: another activation"),
    (diverged, ValueError, "f6.weight has numbers that are not finite: its training has failed"),
    (lambda: 7, TypeError, "net must be a net or the name of one, not 7"),
    (lambda: None, TypeError, "net must be a net or the name of one, not None"),
    (lambda: "lenet6", ValueError, "must be .*, not 'lenet6'"),
])
def test_what_is_no_such_net_is_refused_in_words(make, error, words):
    with pytest.raises(error, match=words):
        draw_digit(net=make())


def test_files_that_are_none(tmp_path):
    (tmp_path / "words.safetensors").write_text("these are no weights")
    with pytest.raises(ValueError, match=r"is not a safetensors file \(.*save_file\(net.state_dict"):
        own.load(tmp_path / "words.safetensors")
    torch.save(models.build("lenet5").state_dict(), tmp_path / "pickle.pt")
    with pytest.raises(ValueError, match="is not a safetensors file"):
        own.load(tmp_path / "pickle.pt")
    with pytest.raises(FileNotFoundError):
        own.load(tmp_path / "nowhere.safetensors")
    save_file({"a": torch.ones(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="nothing in place of"):
        own.load(tmp_path / "other.safetensors")
    save_file(diverged().state_dict(), tmp_path / "diverged.safetensors")
    with pytest.raises(ValueError, match="not finite"):
        own.load(tmp_path / "diverged.safetensors")
    weights = models.build("lenet5").state_dict()
    large = {name: weight.double() * 1e60 for name, weight in weights.items()}
    save_file(large, tmp_path / "large.safetensors")
    with pytest.raises(ValueError, match="not finite"):  # in single precision
        own.load(tmp_path / "large.safetensors")
    with pytest.raises(ValueError, match="is a folder, not a file"):
        own.load(tmp_path)


def test_a_net_is_left_in_its_modes_also_where_it_fails():
    def fail(*_):
        raise ZeroDivisionError
    net = perturbed("lenet5").train()
    parts = list(net.children())
    parts[0].eval()
    own.adopt(net)
    assert net.training and not parts[0].training and parts[1].training
    net.register_forward_pre_hook(fail)
    with pytest.raises(ZeroDivisionError):
        own.adopt(net)
    assert net.training and not parts[0].training and parts[1].training


def test_the_file_is_the_net(net, tmp_path):
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    loaded = own.load(tmp_path / "net.safetensors")
    x = DIGITS[:50].inputs(net.input_size, net.scaling)
    with torch.inference_mode():
        assert torch.equal(loaded(x), net(x))
    name = own.adopt(loaded)
    assert page.content(name) and page.content(name) != page.content(own.adopt(perturbed("lenet5", 5)))


def test_the_command_writes_a_page_of_one_file_or_says_why_not(tmp_path, capsys):
    weights, out = tmp_path / "net.safetensors", tmp_path / "page.html"
    save_file(perturbed("lenet5").state_dict(), weights)
    assert main(["page", str(out), "--net", str(weights)]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(out) and not said.err
    html = out.read_text()
    assert re.search(r'lenetFile\("your-own-\d+"', html) and "your own" in html
    assert not re.search(r"""(src|href)=["']""", html)  # all of it is in the one file
    weights.write_text("no weights")
    assert main(["page", str(tmp_path / "none.html"), "--net", str(weights)]) == 1
    assert "is not a safetensors file" in capsys.readouterr().err
    assert main(["page", str(tmp_path / "none.html"), "--net", str(tmp_path / "absent")]) == 1
    assert "absent" in capsys.readouterr().err and not (tmp_path / "none.html").exists()
    with pytest.raises(SystemExit):
        main(["page", str(tmp_path / "page.txt")])
    assert "OUT.html: must end in .html" in capsys.readouterr().err
