"""What holds for every demo: all controls over their ranges, pairs of extremes, nothing left behind."""

import gc
import inspect
import itertools
import random
import re
import sys
from io import BytesIO
from types import SimpleNamespace

import ipywidgets as widgets
import matplotlib
import numpy as np
import psutil
import pytest
import torch
from ipywidgets.widgets.widget import _instances as registry
from PIL import Image

from lenet_book import demos
from lenet_book.demos import base
from lenet_book.demos.sheet import Sheet

NAMES = [name for name in demos.__all__ if name != "Demo"]
EVENTS = 1000
SEVEN = [[0.2, 0.2, 0.8, 0.2, 0.45, 0.9]]  # a stroke on the canvas of draw_digit, in shares of its side


@pytest.fixture(params=NAMES)
def demo(request):
    with getattr(demos, request.param)() as demo:
        yield demo


def possible_values(control):
    """Values over the whole range of a control, ends included; None is a press of a button."""
    if isinstance(control, widgets.Button):
        return [None]
    if hasattr(control, "options"):
        return [option[1] if isinstance(option, tuple) else option for option in control.options]
    if isinstance(control, (widgets.Checkbox, widgets.ToggleButton)):
        return [False, True]
    if isinstance(control, widgets.Text):
        return ["", "1 0; 0 -1", "99 -99 99; 0 0 0; -99 99 -99", "1 2; 3", "one", "nan", "<b>1</b>"]
    if hasattr(control, "max"):
        kind, steps = type(control.value), (control.max - control.min) / control.step
        return [kind(control.min + round(part * steps) * control.step)
                for part in np.linspace(0, 1, 41)]
    return [[], SEVEN, [[0.5, 0.5]], [["x"]]]  # a canvas: strokes, one point, nonsense


def extremes(control):
    first, *others = possible_values(control)
    return [first, *others[-1:]]


def put(demo, name, value):
    """One event: one redraw must follow, or none where the value is what it was."""
    control, count = demo.controls[name], demo.redraws
    if value is None:
        control.click()
        assert demo.redraws == count + 1, name
    else:
        before = control.value
        control.value = value
        assert demo.redraws == count + (control.value != before), name
    assert demo.value and "\n" not in demo.value
    own_words = re.sub(r"'[^']*'", "", demo.value)  # what a reader typed is repeated in quotes
    assert not any(word in own_words for word in ("nan", "inf ", "None", "tensor("))


def events(demo):
    """(control, value): whole ranges, pairs of extremes, and then at random up to EVENTS."""
    names, chosen, count = list(demo.controls), random.Random(0), 0
    for name in names:
        for value in possible_values(demo.controls[name]):
            count += 1
            yield name, value
    few = [name for name in names if not isinstance(demo.controls[name], widgets.ToggleButton)]
    toggles = [name for name in names if name not in few]
    few += chosen.sample(toggles, min(4, len(toggles)))  # 96 toggles alike: four stand for all
    for one, other in itertools.combinations(few, 2):
        for pair in itertools.product(extremes(demo.controls[one]), extremes(demo.controls[other])):
            count += 2
            yield one, pair[0]
            yield other, pair[1]
    while count < EVENTS:
        name = chosen.choice(names)
        count += 1
        yield name, chosen.choice(possible_values(demo.controls[name]))


@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_events_and_nothing_is_left(name):
    widgets_before = set(registry)
    with getattr(demos, name)() as demo:
        sequence = list(events(demo))
        assert len(sequence) >= EVENTS
        process = psutil.Process()
        for number, (control, value) in enumerate(sequence):
            if number == 200:  # fonts, nets and digits are in memory by now
                gc.collect()
                before = process.memory_info().rss
            put(demo, control, value)
        gc.collect()
        growth = (process.memory_info().rss - before) / 2**20
        assert growth < 5, f"{growth:.1f} MB"
    assert set(registry) == widgets_before
    assert "matplotlib.pyplot" not in sys.modules or not matplotlib.pyplot.get_fignums()


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_has_a_default_and_is_refused_if_wrong_with_what_it_may_be(name):
    make = getattr(demos, name)
    parameters = inspect.signature(make).parameters
    assert all(p.default is not p.empty for p in parameters.values())
    assert parameters["projector"].default is False and len(NAMES) == 12
    with make() as demo:
        controls = {argument: demo.controls[argument] for argument in parameters
                    if argument in demo.controls}
    assert controls
    for argument, control in controls.items():
        if hasattr(control, "options"):
            with pytest.raises(ValueError, match="'no such thing'") as refused:
                make(**{argument: "no such thing"})
            listed = f"must be one of {', '.join(map(str, possible_values(control)))}, not"
            may_be_typed = (name, argument) == ("cross_correlation", "kernel")
            assert listed in str(refused.value) or may_be_typed
        elif hasattr(control, "max"):
            for wrong in (control.min - control.step, 10**6):  # a limit may have lowered the highest
                with pytest.raises(ValueError, match=f"{control.description} must be .*{control.min:g} "
                                                     f".*, not {wrong}"):
                    make(**{argument: wrong})


@pytest.mark.parametrize("name", NAMES)
def test_it_leaves_the_random_numbers_alone(name):
    for module in [sys.modules[key] for key in sys.modules if key.startswith("lenet_book.demos.")]:
        for cached in vars(module).values():
            if hasattr(cached, "cache_clear"):
                cached.cache_clear()  # nets that are made again draw their first weights again
    state = torch.get_rng_state()
    with getattr(demos, name)() as demo:
        for control, value in itertools.islice(events(demo), 20):
            put(demo, control, value)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_picture_follows_the_controls(demo):
    def pixels():
        return demo._sheet.pixels

    first, start, facts, sentence = pixels(), demo.values, demo.facts, demo.value
    moved = set()
    for name, control in demo.controls.items():
        if not isinstance(control, (widgets.Button, widgets.ToggleButton)):
            before = pixels()
            for value in possible_values(control):
                put(demo, name, value)
                assert pixels().shape == first.shape
                if not np.array_equal(pixels(), before):
                    moved.add(name)
                    break
    assert len(moved) >= 2
    again = Sheet(*demo._size)
    demo._paint(again, facts)  # what is seen depends on the facts alone, and they stay as they are
    assert np.array_equal(again.pixels, first) and demo._say(facts) == sentence
    for _ in range(2):  # twice, since one control may narrow another
        for name, value in start.items():
            put(demo, name, value)
    assert np.array_equal(pixels(), first)


def test_shows_a_widget_a_picture_and_a_line(demo):
    data, metadata = demo._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert data["text/plain"] == f"[{demo.name}] {demo.value}"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == demo.widget.model_id
    assert metadata["image/png"]["alt"] == demo.value
    saved = Image.open(BytesIO(data["image/png"]))
    live = Image.fromarray(demo._sheet.pixels)
    assert saved.size == (2 * live.width, 2 * live.height)
    assert (metadata["image/png"]["width"], metadata["image/png"]["height"]) == live.size
    half = np.asarray(saved.convert("L").reduce(2), float)
    assert abs(half - np.asarray(live.convert("L"), float)).mean() < 6  # the same picture, only finer
    assert isinstance(demo.figure, matplotlib.figure.Figure)


def test_labels_fit_and_so_does_the_picture_which_leaves_its_margin_free(demo):
    for name, control in demo.controls.items():
        label = getattr(control, "description", "")
        assert len(label) <= 30
        if label and control.layout.width:
            assert 7 * len(label) < float(control.layout.width.removesuffix("px"))
        for value in extremes(control):
            put(demo, name, value)
            pixels = demo._sheet.pixels
            assert pixels.shape[1] <= 840 and pixels.shape[0] <= 460
            for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
                assert (edge == 255).all(), f"{name} = {value}: something touches the edge"


def test_closed_it_shows_the_picture_alone(demo):
    demo._repr_mimebundle_()  # only now it has a page
    page = demo._page
    demo.close()
    assert page.comm is None and page.shown.comm is None and page.layout.comm is None
    data, _ = demo._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    demo.close()  # twice does no harm
    count = demo.redraws
    for name, value in itertools.islice(events(demo), 20):
        control = demo.controls[name]
        control.click() if value is None else control.set_trait("value", value)
    assert demo.redraws == count  # it listens no more


@pytest.mark.parametrize("name", NAMES)
def test_projector_enlarges_all(name):
    with getattr(demos, name)() as small, getattr(demos, name)(projector=True) as large:
        assert large.value == small.value
        widths = [d._sheet.pixels.shape[1] for d in (small, large)]
        assert widths[1] == round(1.4 * widths[0])
        large._repr_mimebundle_()
        assert large._page.layout.width == f"{widths[1]}px"
        assert "lenet-projector" in large.widget._dom_classes


@pytest.mark.parametrize("name", NAMES)
def test_two_of_a_kind_do_not_disturb_each_other(name):
    with getattr(demos, name)() as one, getattr(demos, name)() as other:
        count = other.redraws
        for control, value in itertools.islice(events(one), 20):
            put(one, control, value)
        assert other.redraws == count


def test_the_page_shows_the_picture_and_the_sentence(demo):
    assert demo._page is None
    demo._repr_mimebundle_()
    page = demo._page
    for name, value in [(None, None), *itertools.islice(events(demo), 20)]:
        if name:
            put(demo, name, value)
        picture = page.shown.picture
        colours = np.frombuffer(picture["colours"], np.uint8).reshape(-1, 4)
        assert (colours[:, 3] == 255).all() and page.shown.sentence == demo.value
        pixels = np.repeat(colours[:, :3], np.frombuffer(picture["lengths"], np.uint16), axis=0)
        assert (picture["height"], picture["width"], 3) == demo._sheet.pixels.shape
        assert np.array_equal(pixels, demo._sheet.pixels.reshape(-1, 3))
    demo._repr_mimebundle_()  # shown again
    assert demo._page is page and demo.widget.children.count(page) == 1


def test_a_run_is_as_long_as_its_colour():
    sheet = Sheet(1000, 80)  # more white than a run of uint16 could hold, were it to go on
    sheet.fill(998, 1, 2, 1, "#010203")
    sheet.fill(0, 2, 1, 1, "#010203")
    runs = sheet.runs()
    assert (runs["width"], runs["height"]) == (1000, 80)
    lengths = np.frombuffer(runs["lengths"], np.uint16)
    assert lengths.tolist() == [1000, 998, 2, 1, 999] + 77 * [1000]
    assert runs["colours"][4 * 1:4 * 5] == bytes([255, 255, 255, 255, 1, 2, 3, 255, 1, 2, 3, 255,
                                                  255, 255, 255, 255])


def test_one_message_brings_all_and_comes_first(monkeypatch):
    """A slider that gets another limit is told behind the picture."""
    sent = []
    with demos.padding_stride(n=8, window=8) as demo:
        demo._repr_mimebundle_()
        monkeypatch.setattr(widgets.Widget, "_send", lambda widget, message, buffers=None: sent.append(
            (widget, set(message["state"]))))
        demo.controls["n"].value = 4
    assert [(widget, keys) for widget, keys in sent if widget is not demo.controls["n"]] == [
        (demo._page.shown, {"picture", "sentence"}), (demo.controls["window"], {"max", "value"})]


def test_running_a_cell_again_closes_what_it_made_before(monkeypatch):
    monkeypatch.setattr(base, "_made", {})
    before, running = set(registry), {}
    kernel = SimpleNamespace(get_parent=lambda channel: running)
    monkeypatch.setattr(base, "get_ipython", lambda: SimpleNamespace(kernel=kernel))

    def run(cell, message, count=1):
        running["metadata"], running["header"] = {"cellId": cell} if cell else {}, {"msg_id": message}
        return [demos.padding_stride() for _ in range(count)]

    first, second = run("a", "1", count=2)     # two in one cell live side by side
    other, = run("b", "2")
    assert first._open and second._open
    again, = run("a", "3")
    assert not first._open and not second._open
    assert other._open and again._open
    plain = run(None, "4") + run(None, "5")    # a program that does not name its cells
    assert all(demo._open for demo in plain)
    for demo in (other, again, *plain):
        demo.close()
    assert set(registry) == before
