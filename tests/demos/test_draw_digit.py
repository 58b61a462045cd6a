"""Digits drawn as people draw them, wherever, however large and with whatever pen, are read."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import DIGITS, FIRSTS, Recorder, changed, same_picture
from scipy.interpolate import CubicSpline

from lenet_book import paper
from lenet_book.demos import draw_digit, ink
from lenet_book.demos.draw_digit import compute, paint, say
from lenet_book.demos.examples import trained
from lenet_book.demos.reading import LAYERS, read
from lenet_book.mnist import Digits

# Strokes in a box 10 high, x to the right and y downwards. Their points are joined smoothly; | is a
# corner of a stroke, ; begins the next one.
DRAWINGS = {
    0: ["3,0 1,1.5 0,5 1,8.5 3,10 5,8.5 6,5 5,1.5 3,0",
        "4,0 1.2,1.2 0,4 1.2,6.8 4,8 6.8,6.8 8,4 6.8,1.2 4,0",
        "4,0.5 2,0 0.5,3 0,7 1,9.8 3,9 4.2,6 4.5,2.5 3.6,0.2 2.6,0.4"],
    1: ["2,0 2,10", "3,0 0,10",
        "0,2.5 | 2,0 | 2,10",                      # with a serif
        "0,2.5 | 2,0 | 2,10 ; 0,10 4,10"],         # and a base
    2: ["0,2.5 1,0.5 3,0 5,1 5.3,3 4,5.5 2,8 0,10 | 6,10",
        "0.3,2 2,0 4.5,0.8 4.8,3.5 3,7 1,9.5 0.2,9.3 0.8,8.4 2.5,9 4.5,10 6.3,9.3",
        "0,0.8 2.5,0 5,0.6 4.8,2.5 | 0,9.8 | 5.5,9.6"],
    3: ["0.2,1.5 2,0 4.6,0.8 4.8,3 3.6,4.4 2.2,4.8 | 4.2,5.2 5.4,7 4.6,9.2 2.4,10 0,8.8",
        "0.3,0 | 5,0 | 2.3,4 | 4.5,4.6 5.5,6.8 4.6,9.2 2.2,10 0,9",
        "0,1 2.5,0 4.8,1.5 4,4 2.5,4.6 2.4,5 3,5 5,6 5,8.8 2.5,10 0,9.3"],
    4: ["1,0 | 0.4,5.5 | 6,5.3 ; 4.5,0.3 4.2,10",  # open
        "4,10 | 4,0 | 0,6.8 | 6,6.8",              # closed
        "1.8,0 | 0.2,5 | 5.6,4.6 ; 5,0.5 3.4,10"],
    5: ["5.5,0.2 | 1,0 | 0.6,4.4 | 2.8,3.9 5,5 5.4,7.4 4,9.6 1.8,10 0,9.2",
        "1,0 | 0.7,4.6 | 3,4 5.2,5.4 5,8.4 2.6,10 0,9 ; 1,0 5.8,0",
        "5,0.5 2.5,0 0.8,1.6 1.2,4 3.4,4.8 4.8,6.5 4.2,9 2,10 0,9.3"],
    6: ["4.2,0 1.6,2.5 0,6.2 0.6,9 2.6,10 4.8,8.8 5,6.6 3.4,5.2 1.4,5.8 0.3,7.6",
        "2.5,0 0.6,4.5 0,8 1.4,10 3.6,9.6 4.4,7.6 3,6 1,6.6 0.2,8",
        "5,0.3 2,1.4 0.2,5 0.3,8.5 2.8,10 5.4,8.6 5.6,6.2 3.6,4.6 1.2,5.4 0.2,7"],
    7: ["0,0.2 | 5.5,0 | 2,10",
        "0,0.2 | 5.5,0 | 2,10 ; 1.6,5.2 5,5",      # with a bar
        "0,1.6 | 0.2,0 | 5.6,0 | 3.6,4.5 2.6,10"],
    8: ["5,1.5 3,0 1,1 1,3 3,4.7 5,6.5 5.2,8.8 3,10 0.8,8.8 1,6.5 3,4.7 5,3 5,1.5",
        "3,0 1.2,1 1.2,3.6 3,4.6 4.8,3.6 4.8,1 3,0 ; "
        "3,4.6 0.9,5.6 0.5,8.2 3,10 5.5,8.2 5.1,5.6 3,4.6",
        "4.6,1 3,0 1.6,1.4 2.2,3.6 3.2,5.4 3.2,8 1.6,10 0.2,8.8 0.8,6.6 3.2,4.2 4.6,2.4 4.6,1"],
    9: ["5,1.8 3,0 0.6,1.2 0.4,3.8 2.6,5 4.8,3.6 5,1.5 | 4.6,10",
        "4.8,1.8 3,0 0.6,1.2 0.4,3.8 2.6,5 4.6,3.6 4.8,1.8 4.9,5 4.2,8.5 2.2,10 0.4,9.2",
        "4.6,1 2.4,0 0.6,2 1.2,4.2 3.4,3.8 4.6,1 | 3.2,5 2,10"],
}
# How it is drawn: longer side in shares of the canvas, where (random if None), pen in percent.
CONDITIONS = {
    "like MNIST": (0.7, None, 8), "upper left corner": (0.3, (0, 0), 3),
    "lower right corner": (0.3, (1, 1), 3), "tiny": (0.05, None, 1),
    "tiny with a thick pen": (0.06, None, 6), "from edge to edge": (1.0, None, 10),
    "thin": (0.7, None, 1), "thick": (0.7, None, 20), "very thick": (0.7, None, 30),
}
NETS = ["lenet5-1998", "lenet5"]
SEVEN = [[0.2, 0.2, 0.8, 0.2, 0.45, 0.9]]


@cache
def strokes_of(text):
    """The strokes of one of DRAWINGS, N x 2 each: cubic splines through the points."""
    strokes = []
    for stroke in text.split(";"):
        pieces, points = [], []
        for piece in stroke.split("|"):
            points = points[-1:] + [tuple(map(float, point.split(","))) for point in piece.split()]
            ends = "periodic" if points[0] == points[-1] else "natural"
            if (last := len(points) - 1):
                pieces.append(CubicSpline(range(last + 1), points, bc_type=ends)(
                    np.linspace(0, last, 8 * last + 1)))
        strokes.append(np.concatenate(pieces))
    return strokes


def by_hand(text, random, size=0.7, place=None, thickness=8):
    """Somebody's drawing of it: slanted, wider or narrower, with a wobble."""
    slant, width = random.uniform(-0.07, 0.2), math.exp(random.uniform(-0.12, 0.12))
    turn = random.uniform(-0.08, 0.08)
    strokes = []
    for stroke in strokes_of(text):
        knots = random.normal(0, 0.15, (max(4, len(stroke) // 8), 2))
        at = np.linspace(0, len(knots) - 1, len(stroke))
        x, y = (stroke + np.stack([np.interp(at, range(len(knots)), k) for k in knots.T], axis=1)).T
        x = width * (x - slant * (y - 5))
        strokes.append(np.stack([x * math.cos(turn) - y * math.sin(turn),
                                 x * math.sin(turn) + y * math.cos(turn)], axis=1))
    every = np.concatenate(strokes)
    scale = size / np.ptp(every, axis=0).max()
    room = 1 - scale * np.ptp(every, axis=0)
    corner = room * (random.uniform(0, 1, 2) if place is None else place)
    sent = [((stroke - every.min(axis=0)) * scale + corner).clip(0, 1).flatten().tolist()
            for stroke in strokes]
    return ink.drawn(ink.checked(sent), thickness / 100)


def outputs(net, images):
    """What the net gives out for the images, all at once, N x 10, and what it takes each for."""
    model = trained(net)
    with torch.inference_mode():
        given = model(Digits(torch.stack(images)).inputs(model.input_size, model.scaling))
        return given, model.predict(given)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_drawings_are_read(condition):
    """At least 97 of 100, as well in a corner, tiny or thick as in the manner of MNIST."""
    random = np.random.default_rng(0)
    digits, drawings = zip(*((digit, by_hand(text, random, *CONDITIONS[condition]))
                             for digit, texts in DRAWINGS.items() for text in texts for _ in range(4)),
                           strict=True)
    for net in NETS:
        _, answers = outputs(net, drawings)
        assert np.mean(answers.numpy() == digits) >= 0.97, net


def test_digits_of_mnist_drawn_again_are_read_as_before():
    """Each dark pixel is tapped with a small pen: end to end, but for the pen's own shape."""
    taps = [(image > 140).nonzero().flip(1).numpy() / 28 for image in DIGITS.images[:300]]
    _, answers = outputs("lenet5-1998", [ink.drawn(list(dots[:, None]), 0.7 / 28) for dots in taps])
    assert (answers == DIGITS.labels[:300]).float().mean() > 0.96


NONSENSE = [
    (None, "not a list of strokes"), ("7", "not a list of strokes"),
    ({"x": 1}, "not a list of strokes"),
    ([0.1, 0.2], "stroke 1 is not a list of pairs"), ([[]], "stroke 1 is not a list of pairs"),
    ([[0.1, 0.2], [0.3]], "stroke 2 is not a list of pairs"), ([["x", "y"]], "stroke 1 is not made of"),
    ([[0.1, None]], "stroke 1 is not made of"), ([[0.1, float("nan")]], "stroke 1 is not made of"),
    ([[0.1, float("inf")]], "stroke 1 is not made of"), ([[0, 10**400]], "stroke 1 is not made of"),
    ([[0.1, 1.5]], "stroke 1 is not made of"), ([[-0.1, 0.5]], "stroke 1 is not made of"),
    ([[True, False]], "stroke 1 is not made of"), ([[[0.1], [0.2]]], "stroke 1 is not made of"),
    ([[0.5] * 8002], "it has 4,001 points, more than 4,000"),
]


@pytest.mark.parametrize(("value", "reason"), NONSENSE)
def test_nonsense_from_the_browser_is_refused_in_words(value, reason):
    with pytest.raises(ValueError, match=reason):
        ink.checked(value)
    with draw_digit() as demo:
        demo.controls["canvas"].value = value
        assert reason in demo.value and "Press clear and draw again." in demo.value
        demo.controls["undo"].click()
        demo.controls["clear"].click()
        assert demo.value.startswith("Draw a digit")


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2))


@settings(max_examples=60)
@given(json)
def test_whatever_comes_there_is_a_sentence(value):
    try:
        drawable = bool(ink.checked(value))
    except ValueError:
        drawable = False
    facts = compute(value, 8, "drawing", "lenet5")
    assert bool(facts.reading) is drawable is say(facts).startswith("Your drawing is read as")


@settings(max_examples=40)
@given(st.sampled_from([SEVEN, [], [["x"]]]), st.integers(1, 30),
       st.just("drawing") | st.integers(0, 9), st.sampled_from(NETS))
def test_any_settings(strokes, thickness, show, net):
    """What is read; with nothing to read, what to do about it."""
    facts = compute(strokes, thickness, show, net)
    Recorder(paint, facts)
    if show == "drawing" and strokes != SEVEN:
        name = "of 1998" if net == "lenet5-1998" else "modern"
        assert facts.reading is None and say(facts).endswith(
            f" The pen has {thickness} % of the side; LeNet-5, {name}, will read it.")
        return
    if show == "drawing":
        image, what = ink.drawn(ink.checked(SEVEN), thickness / 100), "Your drawing"
    else:
        image, what = DIGITS.images[FIRSTS[show]], f"The first {show} of the test set"
    expected = read(net, image)
    assert np.array_equal(facts.reading.scores, expected.scores)
    assert say(facts) == f"{what} is read as {expected.answer}: {expected.because()}."


def test_a_test_digit_and_back_to_the_drawing():
    with draw_digit(SEVEN) as demo:
        canvas, show, drawing = demo.controls["canvas"], demo.controls["show"], demo.value
        show.value = 3
        assert demo.value.startswith("The first 3 of the test set is read as 3: ")
        canvas.value = [*SEVEN, [0.3, 0.5, 0.7, 0.5]]
        assert show.value == "drawing"
        assert demo.value.startswith("Your drawing is read as 7")
        demo.controls["undo"].click()
        assert (canvas.value, demo.value) == (SEVEN, drawing)
        for name in "clear", "undo":
            show.value = 3
            demo.controls[name].click()
            assert (canvas.value, show.value) == ([], "drawing")
            assert demo.value.startswith("Draw a digit")


def test_the_slider_of_the_pen_turns_to_the_drawing():
    with draw_digit(SEVEN, thickness=5, show=3) as demo:
        demo.controls["thickness"].value = 20
        assert demo.controls["show"].value == "drawing"
        assert demo.value.startswith("Your drawing is read as 7")


def test_what_the_browser_gets():
    """Its JavaScript draws with pointers of every kind and cleans up; nothing it sends comes back."""
    with draw_digit() as demo:
        canvas = demo.controls["canvas"]
        script, style = canvas._esm, canvas._css
        assert canvas.traits()["value"].metadata["echo_update"] is False
    for word in ("export default { render }", "setPointerCapture", "pointercancel", "ariaLabel",
                 "tabIndex", "requestAnimationFrame", "model.off", f"MOST = {ink.MOST_POINTS};"):
        assert word in script
    assert "touch-action: none" in style and ":focus-visible" in style


@pytest.mark.parametrize("net", NETS)
def test_every_fact_is_painted(net):
    facts, empty = compute(SEVEN, 8, "drawing", net), compute([], 8, "drawing", net)
    sheet, found = Recorder(paint, facts), facts.reading
    *glyphs, image = [area.values for area in sheet.images]
    assert image is found.image
    for wall, layer in zip(sheet.walls, LAYERS[:6 - bool(glyphs)], strict=True):
        assert wall.values is found.maps[layer] and wall.reach == found.full[layer]
    if net == "lenet5-1998":
        assert np.array_equal(glyphs[0].ravel(), found.maps["f6"].ravel())
        assert np.array_equal(glyphs[1], paper.GLYPHS[7])
    assert bool(glyphs) is (net == "lenet5-1998") and facts.net != "your own"
    assert {found.written(digit) for digit in range(10)} < {*sheet.words} and "7" in sheet.words
    for one, change in ((facts, {"reading": None}), (empty, {"pen": 9}), (empty, {"net": "another"}),
                        (facts, {"reading": compute(SEVEN, 20, "drawing", net).reading})):
        assert not same_picture(paint, one, changed(one, **change)), change


@pytest.mark.parametrize("net", NETS)
def test_canvas_and_picture_fit_a_projector_and_a_class_can_predict(net):
    """On 1,081 pixels of a page both are seen, no type smaller than 20; the answer can be covered."""
    with draw_digit(SEVEN, net=net, projector=True) as demo:
        width, height = demo._size
        canvas = float(demo.controls["canvas"].layout.width.removesuffix("px"))
        scale = (1081 - canvas - 5) / width
    assert 245 <= canvas <= 275 and scale * height < 440
    sheet = Recorder(paint, compute(SEVEN, 8, "drawing", net))
    assert min(text.size for text in sheet.texts if text.words != "▶") * scale >= 19.9
    told = [text for text in sheet.texts if str(text.words) in ("7", "ideal", "▶")]
    assert len(told) == 3 + (net == "lenet5-1998")
    for text in told:
        assert sheet.veils(text.x, text.y), text.words
    below = compute([], 30, "drawing", net)
    assert not Recorder(paint, below).answers


def test_what_chapter_00_says_of_letters():
    """An X is called a digit but far from all, in most hands; one H is near to the 4, as digits are."""
    def smallest_distances(texts):
        random = np.random.default_rng(0)
        distances, _ = outputs("lenet5-1998", [by_hand(text, random) for text in texts
                                               for _ in range(10)])
        return distances.amin(dim=1)

    assert np.percentile(smallest_distances(sum(DRAWINGS.values(), [])), 95) < 5
    assert np.median(smallest_distances(["2,1 8,9 | 8,1 2,9"])) > 10
    with draw_digit() as demo:
        demo.controls["canvas"].value = [
            [0.25, 0.1, 0.25, 0.9], [0.75, 0.1, 0.75, 0.9], [0.25, 0.5, 0.75, 0.5]]
        assert "the distance to the 4 is the smallest, 1;" in demo.value
