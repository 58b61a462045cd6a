"""The page paints and says what Python does: every call on the sheet, every sentence, every action.

For each demo at least 300 random settings, and each end of each control with the others as at first.
"""

import base64
import inspect
import json
import math
import random
from functools import cache
from pathlib import Path

import ipywidgets as widgets
import matplotlib
import numpy as np
import pytest

from lenet_book import demos
from lenet_book.demos import examples
from lenet_book.demos.ablation import PARTS
from lenet_book.demos.controls import Held
from lenet_book.demos.page import LIVE, content
from lenet_book.demos.receptive_field import LAYERS, add
from lenet_book.demos.sheet import Sheet
from lenet_book.show import DEMOS

RANDOM, AT_ONCE = 300, 25  # settings of a demo, and how many of them in one message
CLOSE = 1e-5  # of the number, or of the largest one of an array where that is above 1
KERNELS = ["", "1 0; 0 -1", "99 -99 99; 0 0 0; -99 99 -99", "1 2; 3", "one", "nan", "<b>'1'</b>",
           "0.125 -0.5", "1,2;3,4", "100", "1e1 +2. .5", "1_0", "a \\ \"b\"", "0 0 0; 0 1 0; 0 0 0"]
# Of what a hundred digits are read for, so many kinds, each with several settings of the rest.
DAMAGE, DAMAGES = ("net", "off", "noise", "biases"), 30
# What a browser might send as strokes.
NONSENSE = [None, "7", 7, {"x": 1}, [0.1, 0.2], [[]], [[0.5]], [[0.1, 0.2], [0.3]], [["x", "y"]],
            [[0.1, None]], [[0.1, 1.5]], [[0.2, 0.3], [-0.1, 0.5]], [[True, False]], [[[0.1], [0.2]]],
            [[0, math.inf]], [[math.nan, 0]], [[0.5] * 8002], [["x"] * 8002], []]
# Dots and levels, whose middle is at a half of a pixel; the same point twice; as many as there may be.
DRAWINGS = [[[0, 0]], [[0.5, 0.5], [0.5, 0.5]], [[0, 0], [1, 1]], [[0.1, 0.5, 0.9, 0.5]],
            [[0.3, 0.1, 0.3, 0.1, 0.3, 0.9]], [[0, 0, 1, 0, 1, 1, 0, 1, 0, 0]],
            [[0.2, 0.2, 0.8, 0.8], [0.2, 0.8, 0.8, 0.2]], [[0.12345, 0.00005, 0.10015, 0.99995]],
            [np.random.default_rng(0).random(8000).tolist()]]


@cache
def arguments_of(name):
    """The arguments of a call on the sheet, in order, each with its default."""
    _, *parameters = inspect.signature(getattr(Sheet, name)).parameters.values()
    return {one.name: one.default for one in parameters}


class Noted:
    """In place of a Sheet: keeps the name and all arguments of each call, painting nothing."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        def note(*arguments, **named):
            known = arguments_of(name)
            call = known | dict(zip(known, arguments, strict=False)) | named
            assert len(call) == len(known) >= len(arguments), (name, arguments, named)
            self.calls.append([name, *call.values()])
        return note


@pytest.fixture(scope="module")
def live(browser):
    """A page with the demos, and with each file that one of them needs."""
    page = browser.new_page()
    page.add_script_tag(path=LIVE / "bundled" / "page.js")
    page.add_script_tag(path=Path(__file__).with_name("recorder.js"))
    there = set()

    def record(demo, settings):
        for name in {*demo._needs} - there:
            page.evaluate("([name, bytes]) => provide(name, bytes)",
                          [name, base64.b64encode(content(name)).decode()])
            there.add(name)
        for start in range(0, len(settings), AT_ONCE):
            some = json.dumps(settings[start:start + AT_ONCE])
            # They go and come as text, which playwright does not look through.
            yield from json.loads(page.evaluate(f"JSON.stringify(record('{demo.name}', {some}))"))

    record.page = page
    yield record
    page.close()


def settings(demo):
    """Random ones, and the ends of each control; none beyond the limits."""
    chosen = random.Random(demo.name)
    values = demo.values
    few = [name for name in values if not isinstance(demo.controls[name], widgets.ToggleButton)]
    for name in few:
        yield from ({**values, name: end} for end in ends(demo, name))
    toggles = values.keys() - set(few)
    for i in range(RANDOM):
        pressed = chosen.choice([0, 0.2, 0.5, 0.95, 1])  # a half each would hardly ever be all or none
        some = {name: chosen.random() < pressed if name in toggles else any_of(demo, name, chosen)
                for name in values} if i else values
        if demo.name == "ablation":
            if i % (RANDOM // DAMAGES) == 0:
                damage = {name: some[name] for name in DAMAGE}
            some |= damage
        yield some | {"show": "drawing"} if demo.name == "draw_digit" and i % 2 else some


def ends(demo, name):
    control = demo.controls[name]
    if hasattr(control, "options"):
        options = [value for _, value in control._options_full]
        return [*options[:-1][::len(options) // 12 or 1], options[-1]]  # those of a long scale
    if hasattr(control, "max"):
        return [control.min, control.max]
    if name == "canvas":
        return [*NONSENSE, *DRAWINGS]
    return [any_of(demo, name, random.Random(seed)) for seed in range(8)]


def any_of(demo, name, chosen):
    control = demo.controls[name]
    if isinstance(control, widgets.Checkbox):
        return chosen.random() < 0.5
    if hasattr(control, "options"):
        return chosen.choice([value for _, value in control._options_full])
    if hasattr(control, "max"):
        steps = round((control.max - control.min) / control.step)
        return type(control.value)(control.min + chosen.randint(0, steps) * control.step)
    if isinstance(control, widgets.Text):
        return chosen.choice(KERNELS)
    if isinstance(control, Held):
        return HELD[name](chosen)
    return chosen.choice([chosen.choice(NONSENSE), *[strokes(chosen) for _ in range(8)]])


def strokes(chosen):
    """One to three lines of a pen, somewhere on the canvas."""
    def line():
        return [round(chosen.random(), 4) for _ in range(2 * chosen.randint(1, 12))]
    return [line() for _ in range(chosen.randint(1, 3))]


def layers(chosen):
    """Some that fit onto each other."""
    stack = []
    for _ in range(chosen.randint(0, 10)):
        stack = add(stack, chosen.choice([*LAYERS]))["layers"]
    return stack


def progress(chosen):
    """Of a net that learns: a state of the recorded run, or one that is rarer."""
    run = json.loads(content("training-run"))
    states = run.pop("states")
    seen, kernels = chosen.choice([states[0], states[-1], *states])
    points = {name: [point for point in run[name] if point[0] <= seen]
              for name in ("training", "validation")}
    rarer = [{}, {}, {"training": [], "validation": []}, {"trouble": "The steps are too large."},
             {"validation": [[5056, chosen.choice([0.0, 0.0005, 0.9025, 1.0])]]},
             {"total": 3 * run["total"], "net": ["scaled tanh", "subsampling of 1998"]},
             {"learning_rate": 0.3}, {"batch_size": 512}, {"kernels": [0.0] * 150}]
    return run | points | {
        "seen": seen, "running": chosen.random() < 0.5, "trouble": "",
        "kernels": [weight / 1000 for weight in kernels],
        "recorded": chosen.choice([False, False, True]), **chosen.choice(rarer)}


def off(chosen):
    """Some maps and units, of all layers or of one."""
    layer = chosen.choice(["", "", "c1", "c5", "f6"])
    some = [one for one in PARTS if one.startswith(layer)]
    some = chosen.sample(some, chosen.choice([0, 1, 3, 6, len(some)]))
    return [one for one in PARTS if one in some]


def own_image(chosen):
    """None, or what a reader might hand over."""
    noise = [[chosen.randint(0, 255) for _ in range(28)] for _ in range(28)]
    digit = examples.test_digits().images[chosen.randint(0, 99)].tolist()
    return chosen.choice([None, None, noise, digit])


# Name of a value without a control -> a random one.
HELD = {"image": own_image, "layers": layers, "off": off, "progress": progress,
        "shown": lambda chosen: chosen.randint(0, 9999)}


def same(ours, theirs):
    """Whether an argument is the same in Python and in the page: numbers nearly, words exactly."""
    if isinstance(theirs, dict):
        shape, numbers = theirs["shape"], np.frombuffer(base64.b64decode(theirs["bytes"]), np.float32)
        ours = np.asarray(ours, dtype=float)
        if [*ours.shape] != shape:
            return False
        ours, most = ours.ravel(), np.fmax.reduce(abs(ours), axis=None, initial=1.0)
        close = abs(ours - numbers) <= CLOSE * (most + abs(numbers))
        return (close | np.isnan(ours) & np.isnan(numbers)).all()
    if type(theirs) in (int, float) and not isinstance(ours, str):
        return math.isclose(ours, theirs, rel_tol=CLOSE, abs_tol=CLOSE)
    if isinstance(ours, (bool, type(None))):
        return ours is theirs
    return str(ours) == str(theirs)


def test_the_colours_are_matplotlibs(live):
    ours = np.reshape(live.page.evaluate(COLOURS), (256, 4))[:, :3]
    assert np.array_equal(ours, (matplotlib.colormaps["PuOr_r"](np.arange(256))[:, :3] * 255).round())


COLOURS = """() => {  // a row of 256 pixels, from -127.5 to 127.5
    const canvas = document.createElement("canvas");
    const data = Array.from({ length: 256 }, (_, i) => i - 127.5);
    lenetBook.sheetOn(canvas, 256, 1).image({ shape: [1, 256], data }, 0, 0, 256, { reach: 127.5 });
    return [...canvas.getContext("2d").getImageData(0, 0, 256, 1).data];
}"""


def test_without_a_kernel_a_recorded_training_is_replayed(live):
    """By itself from start to end, each state as Python says it; stopped, it stays, and continues."""
    with demos.training() as demo:
        values = demo.values | {"progress": demo.described["controls"]["progress"]["value"]}
        begin, = live(demo, [values])
        assert "This page replays a recorded run" in begin["sentence"]
        states, ends, reset = json.loads(live.page.evaluate(REPLAY, json.dumps(values)))
        assert [state["seen"] for state in states] == [
            seen for seen, _ in json.loads(content("training-run"))["states"]]
        pages = live(demo, [values | {"progress": state} for state in states])
        for state, page in zip(states, pages, strict=True):
            assert page["sentence"] == demo._say(demo._compute(**values | {"progress": state}))
        assert [state["running"] for state in states] == [True] * (len(states) - 1) + [False]
        assert ends == [{}, None]  # nothing to continue with, nothing to play
        assert reset == {"progress": states[0] | {"running": False}} and reset["progress"]["seen"] == 0


REPLAY = """words => {  // text, too
    const { actions, play } = lenetBook.demos.training, values = JSON.parse(words), states = [];
    let changes = actions.start(values);
    while (changes) {
        Object.assign(values, changes);
        if (states.push(values.progress) > 1000) throw new Error("it has no end");
        changes = play.next(values);
        const stopped = { ...values, ...actions.stop(values) };
        if (changes && play.next(stopped)) throw new Error("stopped, it goes on");
        if (changes && JSON.stringify(actions.continue(stopped)) !== JSON.stringify(changes)) {
            throw new Error("it continues elsewhere");
        }
    }
    return JSON.stringify([
        states, [actions.continue(values), play.next(values)], actions.reset(values)]);
}"""


@pytest.mark.parametrize("name", DEMOS)
def test_in_step(name, live):
    with DEMOS[name]() as demo:
        tried = []
        for values in settings(demo):
            limits = demo._limits(**values)
            tried.append(values | {key: min(values[key], limit) for key, limit in limits.items()})
        assert len(tried) >= RANDOM
        for values, page in zip(tried, live(demo, tried), strict=True):
            facts, sheet = demo._compute(**values), Noted()
            demo._paint(sheet, facts)
            assert page["sentence"] == demo._say(facts), values
            assert [call[0] for call in page["calls"]] == [call[0] for call in sheet.calls], values
            for ours, theirs in zip(sheet.calls, page["calls"], strict=True):
                assert all(map(same, ours, theirs)) and len(ours) == len(theirs), (values, ours, theirs)
            assert page["limits"] == demo._limits(**values)
            if not demo._kernel_buttons:
                actions = {key: act(**values) for key, act in demo._actions.items()}
                assert page["actions"] == json.loads(json.dumps(actions)), values
