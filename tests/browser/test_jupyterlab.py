"""Each chapter that has a demo, as a reader meets it: opened, run, every control moved by keyboard."""

import re

import nbformat
import pytest
from lab import NOTEBOOKS, open_chapter, run_all
from nbconvert import HTMLExporter

from lenet_book import demos


def demos_of(path):
    """Names of the demos that a chapter shows, in order."""
    cells = nbformat.read(path, as_version=4).cells
    return [name for cell in cells if cell.cell_type == "code"
            for name in re.findall(r"^(?:demo = )?demos\.(\w+)\(", cell.source, re.MULTILINE)]


CHAPTERS = {path.stem: demos_of(path) for path in sorted(NOTEBOOKS.glob("*.ipynb")) if demos_of(path)}

# What a reader sees of a demo: a hash of the decoded pixels, and the sentence.
SEEN = """async demo => {
    const image = demo.querySelector('img');
    for (let tries = 0; tries < 50; tries++) {  // another picture may arrive meanwhile
        try { await image.decode(); break; } catch { await new Promise(go => setTimeout(go, 20)); }
    }
    const canvas = document.createElement('canvas');
    canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    let hash = 0;
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    for (const pixel of new Uint32Array(pixels.buffer)) hash = (Math.imul(hash, 31) + pixel) | 0;
    return {hash, sentence: demo.querySelector('.lenet-sentence').textContent};
}"""


@pytest.fixture
def page(lab, browser):
    page = browser.new_page()
    page.problems = []
    page.on("console", lambda m: page.problems.append(f"{m.text} {m.location.get('url')}")
            if m.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    page.close()


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
            if now["hash"] != before["hash"] and now["sentence"] != before["sentence"]:
                return now
            page.wait_for_timeout(25)
    raise AssertionError(f"no change in picture and sentence: {before} -> {now}")


def draw(page, demo, *points):
    """A stroke with the mouse; points in shares of the canvas."""
    canvas = demo.locator("canvas")
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
                           ".textContent.includes(words)", arg=words, timeout=10_000)


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


def test_every_demo_has_its_chapter():
    shown = [name for names in CHAPTERS.values() for name in names]
    assert sorted(shown) == sorted(name for name in demos.__all__ if name != "Demo")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_opened_it_shows_pictures_and_run_every_control_moves_them(chapter, lab, page):
    open_chapter(page, lab, chapter)
    images = page.locator(".jp-OutputArea-output.jp-RenderedImage img")
    assert images.evaluate_all(LOADED) == saved_pictures(chapter)  # as it was saved, not run yet
    assert "Error displaying widget" not in page.locator(".jp-Notebook").inner_text()
    run_all(page)
    found = page.locator(".lenet-demo")
    assert found.count() == len(CHAPTERS[chapter])
    for demo in found.all():
        demo.scroll_into_view_if_needed()
        for kind, control in controls_of(demo):
            if kind == "text":
                control.fill("2 0; 0 -2")
            if kind == "button" and demo.locator("canvas").count():  # something to undo and clear
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


def test_saved_by_a_reader_and_opened_again_it_shows_the_picture(lab, page, notebook):
    """In another session, whose kernel knows nothing of the widget."""
    name = notebook("demos.padding_stride()")
    open_chapter(page, lab, name)
    run_all(page)
    assert page.locator(".lenet-demo").count() == 1
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
