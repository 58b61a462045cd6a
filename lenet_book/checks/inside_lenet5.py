"""Chapter 09: the odd digit out, a hook, an occlusion map, a drawing by descent, a strip of digits."""

from contextlib import suppress
from math import nan

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .. import models, paper
from .answers import compare, known, number, tensor, whole
from .calls import Function
from .drawing import Watched, one_layer
from .exercise import exercise
from .hooks import INPUT, Small, left_behind, state
from .occlusion import MISTAKES, Score, covered
from .verdict import Wrong

LOW, HIGH = paper.BACKGROUND, paper.FOREGROUND


@exercise(chapter=9, number=1, level="easy", minutes=3)
def farthest_digit(answer) -> str:
    """The test digit whose smallest distance to a glyph, by the net of 1998, is the largest."""
    if 48 < number(answer) < 48.6:
        raise Wrong("that is its distance; the position in `nearest` is asked")
    index = whole(answer)
    if not 0 <= index < 10_000:
        raise Wrong(f"the test digits have the numbers 0 to 9,999, and {index} is none of them")
    known(index, 9634, {
        3276: "that is the nearest of all; the farthest is asked",
        5975: "its second glyph is far away, but its first is near; `nearest` has the first",
        2654: "that one is farthest from its own glyph; another glyph is near to it",
        4013: "one of its ten distances is the largest of all, but some glyph is near to it",
        409: "the mean of its ten distances is the largest, but some glyph is near to it",
        4507: "its two nearest glyphs are about as near as each other, but they are not far",
        6558: "its two nearest glyphs are about as near as each other, but they are not far",
        0: "that is its label; its number, from 0 to 9,999, is asked",
        1: "that is what the net takes it for; its number, from 0 to 9,999, is asked",
        9635: "count from 0",
        1527: "that is the second: another one lies a little farther out",
    }, f"another digit is farther from its nearest glyph than test digit {index} is")
    return "it is a 0, and is taken for a 1, at a distance of 48"


@exercise(chapter=9, number=2, level="medium", minutes=10)
def output_of_layer(answer) -> str:
    """net, name, x -> what the layer of that name gives out; the net is left as it was."""
    cases = [(Small(), name, torch.randn(N, 1, H, W).double()) for name, N, H, W in (
        ("block.0", 2, 6, 7), ("block", 1, 5, 8), ("norm", 2, 5, 6), ("squash", 3, 7, 5),
        ("first", 2, 6, 6))]
    norms = [net.norm for net, _, _ in cases]  # an answer may exchange them
    try:
        _compare_outputs(answer, cases)
    except Wrong as wrong:
        if any(said in str(wrong) for said in ("attribute 'block.0'", "KeyError: 'block.0'")) and (
                _sets_no_hook(answer, *cases[0][1:])):
            raise Wrong("the net has no attribute of a name with a dot, such as block.0: "
                        "net.get_submodule(name) finds the layer") from None
        if any(part._backward_hooks or part._backward_pre_hooks
               for net, _, _ in cases for part in net.modules()):
            raise Wrong("the hook is still there afterwards: remove it") from None
        if any(net.replaced for net, _, _ in cases):
            raise Wrong("the hook returns something, and what a hook returns takes the place of what "
                        "the layer gave out: let it return nothing") from None
        raise
    if any(net.disturbed for net, _, _ in cases):
        raise Wrong("the hook changes what the layer gives out, in place or by what it returns, and so "
                    "what the net gives out: let it keep a copy, and return nothing")
    if any(norm.num_batches_tracked > 1 for norm in norms):
        raise Wrong("the net, or the layer, runs twice, and a batch normalisation in training counts "
                    "both runs: run the net once")
    function = Function(answer, "net name x")
    for fails, training in ((False, True), (False, False), (True, True)):
        net, x, came_out = Small(training, fails), cases[0][2], False
        before = state(net)
        try:
            function(net, "block.0", x)
        except Wrong as wrong:
            if not fails:
                raise
            came_out = wrong.__context__ is net.failure
        if said := left_behind(before, state(net)):
            raise Wrong(f"where the net raises an error {said[0]} afterwards: {said[1]} in any case "
                        "(finally)" if fails else f"{said[0]} afterwards: {said[1]}")
        if net.failures and not came_out:
            raise Wrong("the net's error is swallowed, or another takes its place; with try and "
                        "finally, without except, it comes out")
    return "inside a block as well, and no hook is left, even where the net fails"


def _sets_no_hook(answer, name: str, x: Tensor) -> bool:
    """Does the reader's function end before it has registered a hook at any layer, or run the net?"""
    net = Small()
    before = RemovableHandle.next_id  # counts every hook that is registered
    with suppress(Wrong):
        Function(answer, "net name x")(net, name, x)
    return RemovableHandle.next_id == before and not net.norm.num_batches_tracked


def _compare_outputs(answer, cases: list[tuple]) -> None:
    compare(answer, lambda net, name, x: net.stages(x)[name], cases, "net name x", {
        "this is what goes into the layer; what it gives out is asked":
            lambda net, name, x: net.stages(x)[INPUT[name]],
        "the net runs in evaluation mode, and should run in the modes that it is in":
            lambda net, name, x: net.stages(x, training=False)[name],
        "this is what the whole net gives out": lambda net, name, x: net.stages(x)["last"],
        "the layer after this one works in place and has written into it: keep a copy":
            lambda net, name, x: net.stages(x)["squash" if name == "first" else name],
        "this is what goes into the layer, which moreover was overwritten in place":
            lambda net, name, x: net.stages(x)["squash" if name == "squash" else INPUT[name]],
    }, {"capture": "write the hook yourself", "create_feature_extractor": "write the hook yourself"})


@exercise(chapter=9, number=3, level="medium", minutes=12)
def occlusion_map(answer) -> str:
    """score, image, side, stride, blank -> how much of the score is lost by covering each place."""
    cases = []
    for C, H, W, side, stride in ((1, 5, 5, 3, 1), (1, 7, 9, 3, 2), (1, 8, 6, 2, 3), (3, 5, 6, 4, 1),
                                  (1, 4, 4, 4, 1)):
        blank = (LOW, 0.5, -1.0)[len(cases) % 3]
        cases.append((Score(C, H, W), torch.rand(1, C, H, W).double(), side, stride, blank))
    names = "score image side stride blank"
    compare(answer, covered, cases[:-1], names, MISTAKES)
    compare(answer, covered, cases, names)  # the last has a single place, or with some mistakes none
    return "any image, any number of channels, any square and stride"


@exercise(chapter=9, number=4, level="hard", minutes=12)
def image_of_class(answer) -> str:
    """net, digit -> an image that the net takes for this digit, at a small distance."""
    function, lenet = Function(answer, "net digit"), models.pretrained("lenet5-1998")
    blank, (net, best) = torch.full((1, 1, 32, 32), LOW), one_layer()
    watched = Watched(net), Watched(lenet)
    seven = _drawn(function, net, 7)
    if torch.equal(seven, blank):
        raise Wrong("the image is blank: no step has changed it")
    if watched[0].first is None:
        raise Wrong("it does not use the net that is given: take `net`")
    if (watched[0].first - LOW).abs().max() > 0.02:
        low, high = (each.item() for each in watched[0].first.aminmax())
        raise Wrong("begin with an empty image, all paper.BACKGROUND; the first that the net is given "
                    + (f"is {low:.2f} everywhere" if low == high else
                       f"has grey values from {low:.2f} to {high:.2f}"))
    start, now, least = (net(each)[0].tolist() for each in (blank, seven, best[7:8]))
    gone = [(a - b) / (start[7] - least[7]) for a, b in zip(start, now, strict=True)]
    if gone[7] < -0.3:
        raise Wrong("the distance to the 7 grows: go against the gradient, not along it")
    if max(gone) > 0.5 > gone[7]:
        raise Wrong(f"this image comes near to the {gone.index(max(gone))}, and asked was the 7: does "
                    "it depend on the digit?")
    if gone[7] < 0.6:
        _that_of_the_digit_alone(watched[0], 7)
        raise Wrong("in a net of one layer, whose best image is known, the distance to the 7 falls by "
                    f"only {max(gone[7], 0):.0%} of what is possible; take more steps along the "
                    "gradient of the net that is given, or larger ones")
    three = _drawn(function, lenet, 3)
    distances = lenet(three)[0]
    if distances[3] > 1 or distances.argmin() != 3:
        _that_of_the_digit_alone(watched[1], 3)
    if distances.argmin() != 3:
        other = distances.argmin().item()
        raise Wrong(f"the net of 1998 reads your image of the 3 as {'an' if other == 8 else 'a'} "
                    f"{other}: its distance is {distances[3]:.0f} to the 3, and {distances[other]:.0f} "
                    f"to the {other}; take more steps")
    held = ("; the image still holds a gradient when the next comes: is it cleared before each step?"
            * watched[1].adds_up)
    if distances[3] > 1:
        raise Wrong(f"the net of 1998 takes it for a 3, at a distance of {distances[3]:.1f}; "
                    "come below 1: clamp after each step, and take more steps, or shorter ones" + held)
    return f"the net of 1998 takes it for a 3 at a distance of {distances[3]:.2f}; look at it{held}"


image_of_class.seconds = 20  # a gradient of the net of 1998 takes milliseconds


def _that_of_the_digit_alone(watched: Watched, digit: int) -> None:
    """Raises Wrong where what was made small is not this distance alone: then no step helps."""
    if others := sorted(watched.outputs - {digit}):
        raise Wrong("what it makes small is not the distance to the digit alone: take net(image)[0, "
                    f"digit]; for the {digit} it has differentiated output {others[0]}, too")


def _drawn(function: Function, net: nn.Module, digit: int) -> Tensor:
    """The reader's image, as the net of 1998 takes it, in float32; net stays as it is. Raises Wrong."""
    before = [each.detach().clone() for each in net.parameters()]
    image = tensor(function(net, digit), (1, 1, 32, 32), "the image").float()
    after = [*net.parameters()]
    if len(before) != len(after) or not all(old.equal(new.to(old)) for old, new in zip(
            before, after, strict=True)):
        raise Wrong("the net's weights are not what they were: the image is to change, not the net")
    low, high = image.aminmax()
    if low < LOW - 1e-4 or high > HIGH + 1e-4:
        raise Wrong(f"its grey values go from {low:.2f} to {high:.2f}; they should stay between "
                    f"{LOW} and {HIGH}")
    return image


@exercise(chapter=9, number=5, level="medium", minutes=8)
def strip_of_digits(answer) -> str:
    """images, spacing -> one strip, each image `spacing` pixels right of the one before."""
    def right(images, spacing, join=torch.maximum, paper=nan, wide=0, reverse=False):
        strip = torch.full((1, 1, 32, 32 + (len(images) - 1) * spacing + wide), paper).double()
        for place in range(len(images))[::-1 if reverse else 1]:
            there = strip[..., spacing * place:spacing * place + 32]
            image = images[place, ..., :there.shape[-1]]
            there.copy_(torch.where(there.isnan(), image, join(there, image)))
        return strip.nan_to_num(LOW)  # where no digit stands

    def last(there, image):
        return image.expand_as(there)

    cases = [(LOW + (HIGH - LOW) * torch.rand(N, 1, 32, 32).double(), spacing)
             for N, spacing in ((2, 32), (3, 28), (4, 20), (6, 9), (1, 12), (3, 37))]
    compare(answer, right, cases, "images spacing", {
        "where two overlap the later one hides the earlier; the darker pixel should stand":
            lambda *case: right(*case, join=last),
        "where two overlap the earlier one hides the later; the darker pixel should stand":
            lambda *case: right(*case, join=last, reverse=True),
        "where two overlap their pixels are added; the darker one should stand":
            lambda *case: right(*case, join=torch.add, paper=0.0),
        "the images are added to the blank strip; the darker pixel should stand":
            lambda *case: right(*case, join=torch.add, paper=LOW),
        "where two overlap they are added; the darker of the two should stand":
            lambda *case: right(*case, join=torch.add),
        "where two overlap their ink is added; the darker pixel should stand":
            lambda *case: right(*case, join=lambda there, image: there + image - LOW),
        "where two overlap their ink is added, up to full ink; the darker pixel should stand":
            lambda *case: right(*case, join=lambda there, image: (there + image - LOW).clamp(max=HIGH)),
        "the images are added to the blank strip, up to full ink; the darker pixel should stand":
            lambda *case: right(*case, join=torch.add, paper=LOW).clamp(max=HIGH),
        "each image is averaged with what is there, blank or not; the darker pixel should stand":
            lambda *case: right(*case, join=lambda there, image: (there + image) / 2, paper=LOW),
        "where two overlap they are averaged; the darker pixel should stand":
            lambda *case: right(*case, join=lambda there, image: (there + image) / 2),
        "where two overlap the lighter pixel stands; the darker one should":
            lambda *case: right(*case, join=torch.minimum),
        "the lighter pixel stands; ink has the larger value": lambda *case:
            right(*case, join=torch.minimum, paper=HIGH),
        "the strip stays blank: the lighter pixel stands, or nothing is written into the strip (copy_)":
            lambda *case: right(*case, join=torch.minimum, paper=LOW),
        "the strip begins as 0, which is a light grey; blank is paper.BACKGROUND":
            lambda *case: right(*case, paper=0.0),
        "the strip is too wide: the last image begins (N - 1) * spacing pixels from the left":
            lambda images, spacing: right(images, spacing, wide=spacing),
        "the strip is too narrow: the last digit keeps its 32 columns":
            lambda images, spacing: right(images, spacing, wide=spacing - 32),
        "the spacing is 28, whatever is given": lambda images, spacing: right(images, 28),
        "the spacing goes from the left edge of one image to the left edge of the next":
            lambda images, spacing: right(images, 32 + spacing),
        "the images lie side by side: the spacing is not used":
            lambda images, spacing: right(images, 32),
        "the images come in the reverse order": lambda images, spacing: right(images.flip(0), spacing),
    })
    return "each of its windows can be read like a digit of its own"
