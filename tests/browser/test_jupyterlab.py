"""Each chapter that has a demo, as a reader meets it: opened, run, every control moved by keyboard."""

import re

import nbformat
import numpy as np
import pytest
from lab import NOTEBOOKS, clear_all, close_all, notebook_shown, open_chapter, run_all
from nbconvert import HTMLExporter
from nbval.plugin import IPyNbFile, coalesce_streams
from playwright.sync_api import expect

from lenet_book import demos

expect.set_options(timeout=30_000)  # a view may come a while after the kernel rests


def demos_of(path):
    """Names of the demos that a chapter shows, in order."""
    cells = nbformat.read(path, as_version=4).cells
    return [name for cell in cells if cell.cell_type == "code"
            for name in re.findall(r"^(?:demo = )?demos\.(\w+)\(", cell.source, re.MULTILINE)]


CHAPTERS = {path.stem: demos_of(path) for path in sorted(NOTEBOOKS.glob("*.ipynb")) if demos_of(path)}

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
def tab(browser):
    """One for all tests, since to load JupyterLab takes longer than to open a notebook in it."""
    tab = browser.new_page()
    tab.problems = []
    tab.on("console", lambda m: tab.problems.append(f"{m.text} {m.location.get('url')}")
           if m.type == "error" else None)
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    return tab


@pytest.fixture
def page(tab):
    """A page without notebooks, and without problems so far."""
    tab.problems.clear()
    yield tab
    close_all(tab)


@pytest.fixture
def notebook(lab_folder):
    """Writes a notebook of one cell where the lab finds it; gives its name."""
    def write(code):
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        cell = nbformat.v4.new_code_cell(f"from lenet_book import demos\n{code}")
        name = re.sub(r"\W+", "_", code)
        nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata),
                       lab_folder / "notebooks" / f"{name}.ipynb")
        return name
    return write


def seen(demo):
    return demo.evaluate(SEEN)


def press(page, demo, target, keys):
    """Focus a control and press keys, one after the other, until picture and sentence have changed."""
    before = seen(demo)
    target.focus()
    for key in keys:
        page.keyboard.press(key)
        for _ in range(60):
            now = seen(demo)
            assert now["alternative"] == now["sentence"]
            if now["hash"] != before["hash"] and now["sentence"] != before["sentence"]:
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


def wait_for_sentence(page, words):
    page.wait_for_function("words => document.querySelector('.lenet-demo .lenet-sentence')"
                           "?.textContent.includes(words)", arg=words, timeout=10_000)


def rest(page, demo):
    """Wait until the picture stays as it is: the last points of a line may still be on their way."""
    before = None
    while before != (before := seen(demo)):
        page.wait_for_timeout(300)


def controls_of(demo):
    """(kind, control) for every control that a reader meets."""
    kinds = {"slider": ".noUi-handle", "choice": "select", "text": "input[type=text]",
             "switch": "input[type=checkbox]", "toggle": "button.widget-toggle-button",
             "button": "button.widget-button"}
    return [(kind, control) for kind, selector in kinds.items()
            for control in demo.locator(selector).all()]


KEYS = {"slider": ["ArrowRight", "ArrowLeft", "ArrowLeft"],
        "choice": ["ArrowDown", "ArrowUp", "ArrowUp"], "switch": ["Space"], "toggle": ["Space"]}
LOADED = "images => images.filter(image => image.naturalWidth).length"


def saved_pictures(chapter):
    """How many pictures are in the file."""
    return sum("image/png" in output.get("data", {})
               for cell in nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells
               for output in cell.get("outputs", []))


def assert_same_outputs(notebook, path, session):
    """As nbval compares what came out now with what is in the file."""
    now = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    for outputs, cell in zip(now, IPyNbFile.from_parent(session, path=path).collect(), strict=True):
        assert not [o for o in outputs if o.output_type == "error"], outputs
        saved = coalesce_streams(cell.cell.outputs)
        if cell.options["check"] and not cell.compare_outputs(coalesce_streams(outputs), saved):
            raise AssertionError("\n".join([cell.cell.source, *cell.comparison_traceback]))


def test_every_demo_has_its_chapter():
    shown = [name for names in CHAPTERS.values() for name in names]
    assert sorted(shown) == sorted(name for name in demos.__all__ if name != "Demo")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_opened_it_shows_pictures_and_run_every_control_moves_them(chapter, lab, page, request):
    open_chapter(page, lab, chapter)
    images = page.locator(".jp-OutputArea-output.jp-RenderedImage img")
    assert images.evaluate_all(LOADED) == saved_pictures(chapter)  # as it was saved, not run yet
    assert "Error displaying widget" not in page.locator(".jp-Notebook").inner_text()
    clear_all(page)
    run_all(page)
    assert_same_outputs(notebook_shown(page), NOTEBOOKS / f"{chapter}.ipynb", request.session)
    found = page.locator(".lenet-demo")
    found.nth(len(CHAPTERS[chapter]) - 1).locator(".lenet-picture").wait_for()
    assert found.count() == len(CHAPTERS[chapter])
    for demo in found.all():
        demo.scroll_into_view_if_needed()
        demo.locator(".lenet-picture").wait_for()
        for kind, control in controls_of(demo):
            if kind == "text":
                control.fill("2 0; 0 -2")
            if kind == "button" and demo.locator(".lenet-canvas").count():  # to undo and clear
                draw(page, demo, (0.5, 0.2), (0.5, 0.8))
                wait_for_sentence(page, "is read as 1")
                rest(page, demo)
            press(page, demo, control, KEYS.get(kind, ["Enter"]))
    assert not page.problems


def test_a_seven_drawn_with_the_mouse_is_read_as_seven(lab, page, notebook):
    open_chapter(page, lab, notebook("demos.draw_digit()"))
    run_all(page)
    demo = page.locator(".lenet-demo")
    wait_for_sentence(page, "Draw a digit")
    empty = seen(demo)
    draw(page, demo, (0.25, 0.2), (0.75, 0.2), (0.45, 0.85))
    wait_for_sentence(page, "is read as 7")
    assert seen(demo)["hash"] != empty["hash"]
    demo.get_by_role("button", name="clear").click()
    wait_for_sentence(page, "Draw a digit")
    draw(page, demo, (0.05, 0.05), (0.15, 0.05), (0.09, 0.2))  # small, in a corner
    wait_for_sentence(page, "is read as 7")
    assert not page.problems


def test_the_page_has_the_pixels_that_python_painted(lab, page, notebook):
    open_chapter(page, lab, notebook("demos.receptive_field()"))
    run_all(page)
    demo = page.locator(".lenet-demo")
    expect(demo.get_by_role("status")).to_have_count(1)
    canvas = demo.locator(".lenet-picture")
    width, height, data = canvas.evaluate("""canvas => [canvas.width, canvas.height, Array.from(
        canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)]""")
    with demos.receptive_field() as painted:
        assert np.array_equal(np.reshape(data, (height, width, 4))[..., :3], painted._sheet.pixels)
        assert demo.get_by_role("img", name=painted.value, exact=True).count() == 1
    box = canvas.bounding_box()
    assert (box["width"], box["height"]) == (width, height)
    page.set_viewport_size({"width": 900, "height": 1000})
    page.wait_for_timeout(300)
    box = canvas.bounding_box()
    page.set_viewport_size({"width": 1280, "height": 1000})
    assert 200 < box["width"] < width  # no wider than the page, and as a whole
    assert box["height"] / box["width"] == pytest.approx(height / width, rel=0.01)
    assert not page.problems


def test_what_a_learner_types_is_shown_as_it_is(lab, page, notebook):
    open_chapter(page, lab, notebook("demos.cross_correlation()"))
    run_all(page)
    demo = page.locator(".lenet-demo")
    expect(demo.get_by_role("status")).to_have_count(1)
    images = demo.locator("img").count()
    demo.locator("input[type=text]").fill("<img src=x onerror=alert(1)>")
    page.keyboard.press("Enter")
    wait_for_sentence(page, "<img")
    assert demo.locator("img").count() == images == 0
    assert not page.problems


def test_saved_by_a_reader_and_opened_again_it_shows_the_picture(lab, page, notebook):
    """In another session, whose kernel knows nothing of the widget."""
    name = notebook("demos.padding_stride()")
    open_chapter(page, lab, name)
    run_all(page)
    expect(page.locator(".lenet-demo")).to_have_count(1)
    page.evaluate("""async () => {
        const app = window.jupyterapp;
        await app.commands.execute('docmanager:save');
        await app.shell.currentWidget.sessionContext.shutdown();
    }""")
    page.goto("about:blank")
    open_chapter(page, lab, name)
    images = page.locator(".jp-OutputArea-output.jp-RenderedImage img")
    assert images.evaluate_all(LOADED) == 1
    assert "Error displaying widget" not in page.locator(".jp-Notebook").inner_text()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_as_plain_html_too(chapter, browser, tmp_path):
    """Without a kernel and without a network."""
    text, _ = HTMLExporter().from_filename(NOTEBOOKS / f"{chapter}.ipynb")
    (tmp_path / "page.html").write_text(text)
    page = browser.new_page()
    page.route(lambda address: address.startswith("http"), lambda route: route.abort())
    page.goto((tmp_path / "page.html").as_uri())
    shown = page.locator("img").evaluate_all(LOADED)
    page.close()
    assert shown == saved_pictures(chapter) >= 1
