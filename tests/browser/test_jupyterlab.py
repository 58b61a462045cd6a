"""Chapters and demos as a reader meets them in JupyterLab, of which one is started for all of them.

What is saved in the chapters is shown, as plain HTML too, and one chapter is run from top to bottom,
saved and opened again: that all give what they say is for nbval, which executes them in the same run.
Of each demo its cell is run and every control moved by keyboard; then it is shown as a teacher does,
large, on a screen of 1280 x 720.
"""

import base64
import re
from io import BytesIO

import nbformat
import numpy as np
import pytest
from hands import KEYS, controls_of, draw, press, rest, seen, wait_for_sentence
from lab import (
    CHAPTERS,
    NOTEBOOKS,
    close_all,
    demos_of,
    execute,
    notebook_shown,
    open_chapter,
    run_all,
    saved,
    write_notebook,
)
from nbval.plugin import IPyNbFile, coalesce_streams
from PIL import Image
from playwright.sync_api import expect

from lenet_book.demos.sheet import TYPE
from lenet_book.show import DEMOS

expect.set_options(timeout=30_000)  # a view may come a while after the kernel rests

LIGHT = "02_padding_and_stride"  # of the chapters with a demo, the one that takes the least to run
LOADED = "images => images.filter(image => image.naturalWidth).length"
SHOWN = [(name, cell) for chapter in CHAPTERS for name, cell in demos_of(chapter)]
# Below those of the chapters, one each for a test that wants it as it is at first.
UNTOUCHED = "demos.draw_digit()", "demos.receptive_field()", "demos.cross_correlation()"
PROJECTED = [f"demos.{name}(projector=True)" for name in DEMOS]
PROJECTED_FROM = 1 + len(SHOWN) + len(UNTOUCHED)  # the first cell imports
SCROLLBAR = 15  # pixels, which the browser of the tests does not take from the width
BARS = 91 + 30  # pixels of JupyterLab above and below the cells
LAID_OUT = """demo => {
    const buttons = [...demo.querySelectorAll(".lenet-buttons > :not([hidden])")];
    return {
        rows: new Set(buttons.map((one) => one.getBoundingClientRect().top)).size,
        beyond: demo.scrollWidth - demo.clientWidth,
        height: demo.getBoundingClientRect().height,
        picture: demo.querySelector(".lenet-picture").clientWidth,
        tracks: [...demo.querySelectorAll(".noUi-target")].map((one) => one.clientWidth),
    };
}"""


def saved_pictures(*chapters):
    """How many pictures are in the files."""
    return sum("image/png" in output.get("data", {}) for chapter in chapters
               for cell in saved(chapter).cells for output in cell.get("outputs", []))


@pytest.fixture(scope="module")
def all_outputs(lab, lab_folder):
    """The path of a notebook with the outputs of each chapter in a cell: sixteen take a minute."""
    cells = [nbformat.v4.new_code_cell(f"# {chapter}", outputs=[
        output for cell in saved(chapter).cells for output in cell.get("outputs", [])])
        for chapter in CHAPTERS]
    path = lab_folder / "notebooks" / "all_outputs.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=saved(LIGHT).metadata), path)
    return path


def assert_only_pictures(page, count):
    """So many pictures have been loaded, and nothing stands in place of one."""
    images = page.locator(".jp-OutputArea-output.jp-RenderedImage img")
    expect(images).to_have_count(count, timeout=30_000)
    assert images.evaluate_all(LOADED) == count
    assert "Error displaying widget" not in page.locator(".jp-Notebook").inner_text()


def assert_same_outputs(notebook, path, session):
    """As nbval compares what came out now with what is in the file."""
    now = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    for outputs, cell in zip(now, IPyNbFile.from_parent(session, path=path).collect(), strict=True):
        assert not [o for o in outputs if o.output_type == "error"], outputs
        saved = coalesce_streams(cell.cell.outputs)
        if cell.options["check"] and not cell.compare_outputs(coalesce_streams(outputs), saved):
            raise AssertionError("\n".join([cell.cell.source, *cell.comparison_traceback]))


def test_in_jupyterlab_every_picture_of_every_chapter_is_shown(all_outputs, lab, page):
    open_chapter(page, lab, all_outputs.stem)
    assert_only_pictures(page, saved_pictures(*CHAPTERS))
    assert not page.problems


def test_as_plain_html_too(all_outputs, browser, tmp_path):
    """Without a kernel and without a network."""
    from nbconvert import HTMLExporter
    text, _ = HTMLExporter().from_filename(all_outputs)
    (tmp_path / "page.html").write_text(text)
    page = browser.new_page()
    page.route(lambda address: address.startswith("http"), lambda route: route.abort())
    page.goto((tmp_path / "page.html").as_uri())
    shown = page.locator("img").evaluate_all(LOADED)
    page.close()
    assert shown == saved_pictures(*CHAPTERS) > len(CHAPTERS)


def test_run_from_top_to_bottom_it_gives_what_was_saved_and_saved_again_it_shows_it(lab, page, request):
    """Opened again in another session, whose kernel knows nothing of the widgets."""
    open_chapter(page, lab, LIGHT)
    assert_only_pictures(page, saved_pictures(LIGHT))
    execute(page, "clear-all-cell-outputs")
    run_all(page)
    assert_same_outputs(notebook_shown(page), NOTEBOOKS / f"{LIGHT}.ipynb", request.session)
    expect(page.locator(".lenet-demo .lenet-picture")).to_have_count(len(demos_of(LIGHT)))
    assert not page.problems
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    close_all(page)
    open_chapter(page, lab, LIGHT)
    assert_only_pictures(page, saved_pictures(LIGHT))


@pytest.fixture(scope="module")
def shown(lab, lab_folder, tab):
    """All demos in one notebook, so that one kernel serves them; none needs more of its chapter.

    Those to be projected are run when their time has come: a page with fewer demos is faster.
    """
    cells = *(re.sub(r"range\(\d+\)", "range(3)", cell) for _, cell in SHOWN), *UNTOUCHED
    write_notebook(lab_folder, "every_demo", *cells, *PROJECTED)
    tab.problems.clear()
    open_chapter(tab, lab, "every_demo")
    execute(tab, "run-all-above", PROJECTED_FROM)
    found = tab.locator(".lenet-demo")
    expect(found.locator(".lenet-picture")).to_have_count(len(cells))
    return found


@pytest.fixture
def untouched(shown):
    """Gives the demo that no other test has moved."""
    return lambda cell: shown.nth(len(SHOWN) + UNTOUCHED.index(cell))


def test_every_demo_has_its_chapter():
    assert sorted(name for name, _ in SHOWN) == sorted(DEMOS)


@pytest.mark.parametrize("number", range(len(SHOWN)), ids=[name for name, _ in SHOWN])
def test_every_slider_is_seen_whole_and_every_control_moves_picture_or_sentence(number, shown, tab):
    demo, name = shown.nth(number), SHOWN[number][0]
    demo.scroll_into_view_if_needed()
    if name == "pooling":  # else two of its controls change nothing
        demo.locator("select").first.select_option("subsampling of 1998")
    for kind, control in controls_of(demo, name):
        if kind == "text":
            control.fill("2 0; 0 -2")
        if kind == "button" and demo.locator(".lenet-canvas").count():  # to undo and clear
            draw(tab, demo, (0.5, 0.2), (0.5, 0.8))
            wait_for_sentence(demo, "is read as 1")
            rest(tab, demo)
        press(tab, demo, control, KEYS.get(kind, ["Enter"]))
    for slider in demo.locator(".widget-slider").all():
        assert slider.locator(".noUi-target").bounding_box()["width"] > 20
        assert slider.locator(".widget-readout").evaluate("it => it.scrollWidth <= it.clientWidth")
    if name == "training":  # else its net would learn on beside the tests below
        demo.get_by_role("button", name="stop").click()
    assert not tab.problems


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
    with DEMOS["receptive_field"]() as painted:
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


@pytest.fixture(scope="module")
def projected(shown, tab):
    """They take the place of the others; beside them the list of files is hidden."""
    execute(tab, "clear-all-cell-outputs")
    tab.set_viewport_size({"width": 1280 - SCROLLBAR, "height": 720})
    tab.evaluate("() => jupyterapp.shell.collapseLeft()")
    execute(tab, "run-all-below", PROJECTED_FROM)
    expect(shown.locator(".lenet-picture")).to_have_count(len(DEMOS))
    return dict(zip(DEMOS, shown.all(), strict=True))


def test_each_demo_can_be_shown_without_scrolling_and_is_large_enough_for_a_room(projected, tab):
    """No row of controls takes from the picture what its words need, nor a label from its slider."""
    for name, demo in projected.items():
        demo.scroll_into_view_if_needed()
        tab.wait_for_timeout(300)  # until the picture has its size
        seen = demo.evaluate(LAID_OUT)
        assert seen["rows"] == 1 and seen["beyond"] <= 0 and seen["height"] <= 720 - BARS, (name, seen)
        with DEMOS[name]() as made:
            words = TYPE * seen["picture"] / made.described["size"][0]
        assert words >= 19.9 and min(seen["tracks"]) >= 50, (name, words, seen)
        demo.get_by_role("button", name="freeze").click()
        assert demo.evaluate(LAID_OUT)["rows"] == 1, name
        demo.get_by_role("button", name="unfreeze").click()
    assert not tab.problems


def test_the_list_of_keys_has_its_terms_on_one_line_each(projected, tab):
    demo = projected["receptive_field"]
    demo.get_by_role("button", name="? keys of this demo").click()
    terms = demo.get_by_role("dialog").locator("dt").all()
    assert len({term.bounding_box()["height"] for term in terms}) == 1 < len(terms)
    tab.keyboard.press("Escape")
    assert not tab.problems


def test_reset_ends_a_training_and_gives_a_fresh_net(projected, tab):
    demo, fresh = projected["training"], "and 61,706 parameters has learned nothing yet; press start."
    wait_for_sentence(demo, fresh)
    before = seen(demo)
    demo.locator("select").first.select_option("tanh")
    demo.get_by_role("button", name="start").click()
    wait_for_sentence(demo, "digits seen (tanh, max; learning rate 0.01, batch size 64).")
    demo.get_by_role("button", name="reset").click()
    wait_for_sentence(demo, fresh)
    tab.wait_for_timeout(1000)  # in which one that learns has told how far it has come
    assert seen(demo) == before and not tab.problems


def test_a_demo_that_is_made_again_unpacks_nothing_that_the_page_has(projected, tab):
    demo = projected["feature_maps"]
    demo.evaluate("""demo => {
        demo.dataset.old = window.unpacked = 0;
        const Unpacking = DecompressionStream;
        window.DecompressionStream = function (kind) { unpacked++; return new Unpacking(kind); };
    }""")
    execute(tab, "run-cell", PROJECTED_FROM + [*DEMOS].index("feature_maps"))
    expect(demo).not_to_have_attribute("data-old", "0")
    wait_for_sentence(demo, "Test digit 0, a 7, is read as 7")
    assert tab.evaluate("unpacked") == 0


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_in_the_full_window_words_stand_out_in_either_theme(theme, projected, tab):
    tab.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    tab.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
    demo = projected["pooling"]
    demo.get_by_role("button", name="full window").click()
    tab.wait_for_function("() => document.fullscreenElement")
    background, *words = demo.evaluate("""demo => [
        getComputedStyle(demo).backgroundColor,
        ...[...demo.querySelectorAll(".widget-label, .widget-readout, .lenet-sentence")]
            .map((one) => getComputedStyle(one).color)]""")
    assert len(words) > 10 and all(contrast(one, background) > 4.5 for one in words), words
    assert (lightness(background) < 0.2) == theme.endswith("Dark")
    tab.evaluate("() => document.exitFullscreen()")
    assert not tab.problems


def lightness(colour):
    """The relative luminance, by WCAG 2."""
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
                        for share in (float(one) / 255 for one in re.findall(r"[0-9.]+", colour)[:3]))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(*colours):
    low, high = sorted(map(lightness, colours))
    return (high + 0.05) / (low + 0.05)


def test_in_the_full_window_a_frozen_picture_takes_no_room_from_the_controls(projected, tab):
    demo = projected["receptive_field"]
    demo.get_by_role("button", name="full window").click()
    tab.wait_for_function("() => document.fullscreenElement")
    tab.wait_for_timeout(300)
    controls = demo.locator(".widget-box").first
    before = controls.bounding_box()
    demo.get_by_role("button", name="freeze").click()
    expect(demo.locator(".lenet-frozen canvas")).to_have_count(1)
    tab.wait_for_timeout(300)
    assert controls.bounding_box() == before
    demo.get_by_role("button", name="swap").click()
    box = demo.locator(".lenet-frozen canvas").bounding_box()
    assert box["y"] + box["height"] <= 720 and not tab.problems
