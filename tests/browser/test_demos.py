"""Each demo as a reader meets it: its cell is run in JupyterLab, every control moved by keyboard."""

import base64
from io import BytesIO

import ipywidgets as widgets
import numpy as np
import pytest
from lab import CHAPTERS, demos_of, open_chapter, run_all, write_notebook
from PIL import Image
from playwright.sync_api import expect

from lenet_book import demos

expect.set_options(timeout=30_000)  # a view may come a while after the kernel rests

SHOWN = [(name, cell) for chapter in CHAPTERS for name, cell in demos_of(chapter)]
# Below those of the chapters, one each for a test that wants it as it is at first.
UNTOUCHED = "demos.draw_digit()", "demos.receptive_field()", "demos.cross_correlation()"

# What a reader sees of a demo: a hash of the pixels, and the sentence, or what is read out instead.
SEEN = """demo => {
    const canvas = demo.querySelector('.lenet-picture');
    const {data: pixels} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let hash = 0;
    for (const pixel of new Uint32Array(pixels.buffer)) hash = (Math.imul(hash, 31) + pixel) | 0;
    const sentence = demo.querySelector('.lenet-sentence').textContent;
    return {hash, sentence, alternative: canvas.getAttribute('aria-label')};
}"""


@pytest.fixture(scope="module")
def shown(lab, lab_folder, tab):
    """All demos in one notebook, so that one kernel serves them; none needs more of its chapter."""
    cells = *(cell for _, cell in SHOWN), *UNTOUCHED
    write_notebook(lab_folder, "every_demo", *cells)
    open_chapter(tab, lab, "every_demo")
    run_all(tab)
    found = tab.locator(".lenet-demo")
    expect(found.locator(".lenet-picture")).to_have_count(len(cells))
    return found


@pytest.fixture
def untouched(shown):
    """Gives the demo that no other test has moved."""
    return lambda cell: shown.nth(len(SHOWN) + UNTOUCHED.index(cell))


def seen(demo):
    return demo.evaluate(SEEN)


def press(page, demo, target, keys):
    """Focus a control and press keys, one after the other, until picture or sentence has changed."""
    before = seen(demo)
    target.focus()
    for key in keys:
        page.keyboard.press(key)
        for _ in range(60):
            now = seen(demo)
            assert now["alternative"] == now["sentence"]
            if now != before:
                return now
            page.wait_for_timeout(25)
    raise AssertionError(f"no change in picture and sentence: {before} -> {now}")


def draw(page, demo, *points):
    """A stroke with the mouse; points in shares of the canvas."""
    canvas = demo.locator(".lenet-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


def wait_for_sentence(demo, words):
    expect(demo.locator(".lenet-sentence")).to_contain_text(words, timeout=10_000)


def rest(page, demo):
    """Wait until the picture stays as it is: the last points of a line may still be on their way."""
    before = None
    while before != (before := seen(demo)):
        page.wait_for_timeout(300)


def controls_of(demo, name):
    """(kind, control) for every control that a reader meets, and every button of this demo's own."""
    kinds = {"slider": ".noUi-handle", "choice": "select:not([aria-label=speed])",
             "text": "input[type=text]", "switch": "input[type=checkbox]",
             "toggle": "button.widget-toggle-button", "kernel's button": "button.widget-button"}
    found = []
    for kind, selector in kinds.items():
        alike = demo.locator(selector).all()
        if kind == "toggle":  # of a table of them the first and the last
            alike = [*alike[:2], *alike[2:][-2:]]
        found += [(kind, control) for control in alike]
    if name != "training":
        with getattr(demos, name)() as made:
            own = sum(isinstance(control, widgets.Button) for control in made.controls.values())
        found += [("button", button) for button in demo.locator(".lenet-buttons button").all()[:own]]
    return found


KEYS = {"slider": ["ArrowRight", "ArrowLeft", "ArrowLeft"],
        "choice": ["ArrowDown", "ArrowUp", "ArrowUp"], "switch": ["Space"], "toggle": ["Space"]}


def test_every_demo_has_its_chapter():
    assert sorted(name for name, _ in SHOWN) == sorted(set(demos.__all__) - {"Demo"})


@pytest.mark.parametrize("number", range(len(SHOWN)), ids=[name for name, _ in SHOWN])
def test_every_control_moves_picture_or_sentence(number, shown, tab):
    demo, name = shown.nth(number), SHOWN[number][0]
    demo.scroll_into_view_if_needed()
    if name == "pooling":  # else two of its controls change nothing
        demo.locator("select").first.select_option(label="subsampling of 1998")
    for kind, control in controls_of(demo, name):
        if kind == "text":
            control.fill("2 0; 0 -2")
        if kind == "button" and demo.locator(".lenet-canvas").count():  # to undo and clear
            draw(tab, demo, (0.5, 0.2), (0.5, 0.8))
            wait_for_sentence(demo, "is read as 1")
            rest(tab, demo)
        press(tab, demo, control, KEYS.get(kind, ["Enter"]))
    assert not tab.problems


@pytest.mark.parametrize("number", range(len(SHOWN)), ids=[name for name, _ in SHOWN])
def test_every_slider_has_a_track_and_shows_its_value_whole(number, shown):
    for slider in shown.nth(number).locator(".widget-slider").all():
        assert slider.locator(".noUi-target").bounding_box()["width"] > 20
        assert slider.locator(".widget-readout").evaluate("it => it.scrollWidth <= it.clientWidth")


def test_a_seven_drawn_with_the_mouse_is_read_as_seven(untouched, tab):
    demo = untouched("demos.draw_digit()")
    wait_for_sentence(demo, "Draw a digit")
    empty = seen(demo)
    draw(tab, demo, (0.25, 0.2), (0.75, 0.2), (0.45, 0.85))
    wait_for_sentence(demo, "is read as 7")
    assert seen(demo)["hash"] != empty["hash"]
    demo.get_by_role("button", name="clear").click()
    wait_for_sentence(demo, "Draw a digit")
    draw(tab, demo, (0.05, 0.05), (0.15, 0.05), (0.09, 0.2))  # small, in a corner
    wait_for_sentence(demo, "is read as 7")
    assert not tab.problems


def test_the_page_shows_what_python_would_paint(untouched, tab):
    demo = untouched("demos.receptive_field()")
    expect(demo.get_by_role("status")).to_have_count(1)
    canvas = demo.locator(".lenet-picture").first
    png = base64.b64decode(canvas.evaluate("canvas => canvas.toDataURL().split(',')[1]"))
    page = Image.open(BytesIO(png)).convert("L")
    with demos.receptive_field() as painted:
        python = Image.open(BytesIO(painted.figure._repr_mimebundle_()[0]["image/png"])).convert("L")
        assert demo.get_by_role("img", name=painted.value, exact=True).count() == 1
        width, height = painted._size
    page, python = (np.asarray(one.resize((width // 4, height // 4)), float) for one in (page, python))
    assert abs(page - python).mean() < 4 < page.std()  # the same but for the edges of letters
    box = canvas.bounding_box()
    assert box["height"] / box["width"] == pytest.approx(height / width, rel=0.02)
    tab.set_viewport_size({"width": 900, "height": 1000})
    tab.wait_for_timeout(300)
    narrow = canvas.bounding_box()
    tab.set_viewport_size({"width": 1280, "height": 1000})
    assert 200 < narrow["width"] < box["width"]  # no wider than the page, and as a whole
    assert narrow["height"] / narrow["width"] == pytest.approx(height / width, rel=0.02)
    assert not tab.problems


def test_what_a_learner_types_is_shown_as_it_is(untouched, tab):
    demo = untouched("demos.cross_correlation()")
    expect(demo.get_by_role("status")).to_have_count(1)
    images = demo.locator("img").count()
    demo.locator("input[type=text]").fill("<img src=x onerror=alert(1)>")
    tab.keyboard.press("Enter")
    wait_for_sentence(demo, "<img")
    assert demo.locator("img").count() == images == 0
    assert not tab.problems


def test_keys_in_the_picture_go_from_unit_to_unit_and_are_no_commands_of_jupyterlab(untouched, tab):
    demo = untouched("demos.draw_digit()")
    expect(demo.get_by_role("status")).to_have_count(1)
    before = seen(demo)
    active = "() => jupyterapp.shell.currentWidget.content.activeCellIndex"
    demo.locator(".lenet-picture").first.scroll_into_view_if_needed()
    demo.locator(".lenet-buttons button").last.focus()
    tab.keyboard.press("Tab")
    unit = demo.locator(".lenet-hover-unit")
    expect(unit).to_contain_text("C1, map 0, row 0, column 0")
    cell = tab.evaluate(active)
    for key in ("PageDown", "PageDown", "ArrowDown", "ArrowRight"):
        tab.keyboard.press(key)
    expect(unit).to_contain_text("C3, map 1, row 1, column 1")
    assert tab.evaluate(active) == cell and seen(demo) == before
    tab.keyboard.press("Escape")
    expect(unit).to_be_empty()
    assert demo.locator(".lenet-hover-frames > *").count() == 0 and not tab.problems
