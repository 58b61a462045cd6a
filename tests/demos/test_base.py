"""What holds for every demo: all controls over their ranges, pairs of extremes, nothing left behind."""

import gc
import inspect
import itertools
import random
import re
import sys
from types import SimpleNamespace

import ipywidgets as widgets
import matplotlib
import numpy as np
import psutil
import pytest
import torch
from ipywidgets.widgets.widget import _instances as registry
from recorder import painted

from lenet_book import demos, memory
from lenet_book.demos import base
from lenet_book.demos.controls import Held
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
    if isinstance(control, Held):
        return [control.value]  # other controls change it
    return [[], SEVEN, [[0.5, 0.5]], [["x"]]]  # a canvas: strokes, one point, nonsense


def extremes(control):
    first, *others = possible_values(control)
    return [first, *others[-1:]]


def put(demo, name, value):
    """One event, after which there is a sentence that a reader can read."""
    control = demo.controls[name]
    if isinstance(control, widgets.Button):
        control.click()
    else:
        control.value = value
    said = demo.value
    assert said and "\n" not in said
    own_words = re.sub(r"'[^']*'", "", said)  # what a reader typed is repeated in quotes
    assert not any(word in own_words for word in ("nan", "inf ", "None", "tensor("))


def events(demo):
    """(control, value): whole ranges, pairs of extremes, and then at random up to EVENTS."""
    names, chosen, count = list(demo.controls), random.Random(0), 0
    values = {name: possible_values(control) for name, control in demo.controls.items()}
    for name in names:
        for value in values[name]:
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
        yield name, chosen.choice(values[name])


def held(process):
    """Its memory in bytes, without what is free."""
    gc.collect()
    memory.give_back()
    return process.memory_info().rss


@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_events_and_nothing_is_left(name):
    widgets_before = set(registry)
    with getattr(demos, name)() as demo:
        sequence = list(events(demo))
        assert len(sequence) >= EVENTS
        process = psutil.Process()
        for number, (control, value) in enumerate(sequence):
            if number == EVENTS // 2:  # fonts, nets and what they read are in memory by now
                before = held(process)
            put(demo, control, value)
            if number % 10 == 0:
                painted(demo)
        growth = (held(process) - before) / 2**20
        assert growth < 5, f"{growth:.1f} MB"
    assert set(registry) == widgets_before
    assert "matplotlib.pyplot" not in sys.modules or not matplotlib.pyplot.get_fignums()


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_has_a_default_and_is_refused_if_wrong_with_what_it_may_be(name):
    make = getattr(demos, name)
    parameters = inspect.signature(make).parameters
    assert all(p.default is not p.empty for p in parameters.values())
    assert parameters["projector"].default is False and len(NAMES) == 13
    with make() as demo:
        controls = {argument: demo.controls[argument] for argument in parameters
                    if argument in demo.controls}
    assert controls
    for argument, control in controls.items():
        if hasattr(control, "options"):
            with pytest.raises(ValueError, match="'no such thing'") as refused:
                make(**{argument: "no such thing"})
            if (name, argument) == ("ablation", "part"):  # of 248 it names the ranges
                assert "must be one of c1 0 to 5, s2 0 to 5, c3" in str(refused.value)
                continue
            listed = f"must be one of {', '.join(map(str, possible_values(control)))}, not"
            may_be_typed = (name, argument) == ("cross_correlation", "kernel")
            assert listed in str(refused.value) or may_be_typed
        elif hasattr(control, "max"):
            for wrong in (control.min - control.step, 10**6):  # a limit may have lowered the highest
                label = re.escape(control.description)
                with pytest.raises(ValueError,
                                   match=f"{label} must be .*{control.min:g} .*, not {wrong}"):
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
    first, start, facts, sentence = painted(demo), demo.values, demo.facts, demo.value
    moved = set()
    for name, control in demo.controls.items():
        if not isinstance(control, (widgets.Button, widgets.ToggleButton)):
            before = painted(demo), demo.value
            for value in possible_values(control):
                put(demo, name, value)
                if not np.array_equal(painted(demo), before[0]) or demo.value != before[1]:
                    moved.add(name)
                    break
    assert len(moved) >= 2
    again = Sheet(*demo._size)
    demo._paint(again, facts)  # what is seen depends on the facts alone, and they stay as they are
    assert np.array_equal(again.pixels, first) and demo._say(facts) == sentence
    for _ in range(2):  # twice, since one control may narrow another
        for name, value in start.items():
            put(demo, name, value)
    assert np.array_equal(painted(demo), first)


def test_labels_fit_and_so_does_the_picture_which_leaves_its_margin_free(demo):
    for name, control in demo.controls.items():
        label = getattr(control, "description", "")
        assert len(label) <= 30
        if label and control.layout.width:
            assert 7 * len(label) < float(control.layout.width.removesuffix("px"))
        for value in extremes(control):
            put(demo, name, value)
            pixels = painted(demo)
            # With the projector's 1.3: 390, or beside a canvas with its controls 437.
            highest = 336 if "lenet-beside" in demo.widget._dom_classes else 300
            assert pixels.shape[1] <= 840 and pixels.shape[0] <= highest
            for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
                assert (edge == 255).all(), f"{name} = {value}: something touches the edge"


@pytest.mark.parametrize("name", NAMES)
def test_projector_enlarges_all(name):
    with getattr(demos, name)() as small, getattr(demos, name)(projector=True) as large:
        assert large.value == small.value
        assert (small.described["scale"], large.described["scale"]) == (1.0, 1.4)
        assert "lenet-projector" in large.widget._dom_classes
        widths = [{key: c.layout.width for key, c in demo.controls.items() if hasattr(c, "layout")}
                  for demo in (small, large)]
        if "lenet-beside" in large.widget._dom_classes:  # the canvas leaves the picture the room
            assert all(abs(float(width[:-2]) - float(widths[0][key][:-2])) <= 2
                       for key, width in widths[1].items() if width)
            return
        shown = [key for key in widths[0] if widths[0][key] != widths[1][key]]
        assert shown and all(float(widths[1][key][:-2]) == round(1.4 * float(widths[0][key][:-2]))
                             for key in shown)


@pytest.mark.parametrize("name", NAMES)
def test_two_of_a_kind_do_not_disturb_each_other(name):
    with getattr(demos, name)() as one, getattr(demos, name)() as other:
        facts = other.facts
        for control, value in itertools.islice(events(one), 20):
            put(one, control, value)
        assert other.facts is facts


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
