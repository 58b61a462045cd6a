"""Each chapter as a reader meets it: opened as it was saved, in JupyterLab and as plain HTML.

One of them is run from top to bottom. That all give what they say is for nbval, which executes them
in the same run; each demo's own cell is in test_demos.py.
"""

import pytest
from lab import (
    CHAPTERS,
    NOTEBOOKS,
    clear_all,
    demos_of,
    notebook_shown,
    open_chapter,
    run_all,
    saved,
    write_notebook,
)
from nbconvert import HTMLExporter
from nbval.plugin import IPyNbFile, coalesce_streams
from playwright.sync_api import expect

LIGHT = "02_padding_and_stride"  # of the chapters with a demo, the one that takes the least to run
LOADED = "images => images.filter(image => image.naturalWidth).length"


def saved_pictures(chapter):
    """How many pictures are in the file."""
    return sum("image/png" in output.get("data", {})
               for cell in saved(chapter).cells for output in cell.get("outputs", []))


def assert_only_pictures(page, count):
    """So many pictures have been loaded, and nothing stands in place of one."""
    images = page.locator(".jp-OutputArea-output.jp-RenderedImage img")
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


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_opened_it_shows_the_pictures_that_were_saved(chapter, lab, page):
    open_chapter(page, lab, chapter)
    assert_only_pictures(page, saved_pictures(chapter))
    assert not page.problems


def test_run_from_top_to_bottom_it_gives_what_was_saved_and_a_demo_that_lives(lab, page, request):
    open_chapter(page, lab, LIGHT)
    clear_all(page)
    run_all(page)
    assert_same_outputs(notebook_shown(page), NOTEBOOKS / f"{LIGHT}.ipynb", request.session)
    expect(page.locator(".lenet-demo .lenet-picture")).to_have_count(len(demos_of(LIGHT)))
    assert not page.problems


def test_saved_by_a_reader_and_opened_again_it_shows_the_picture(lab, lab_folder, page):
    """In another session, whose kernel knows nothing of the widget."""
    write_notebook(lab_folder, "mine", "demos.padding_stride()")
    open_chapter(page, lab, "mine")
    run_all(page)
    expect(page.locator(".lenet-demo")).to_have_count(1, timeout=30_000)
    page.evaluate("""async () => {
        const app = window.jupyterapp;
        await app.commands.execute('docmanager:save');
        await app.shell.currentWidget.sessionContext.shutdown();
    }""")
    page.goto("about:blank")
    open_chapter(page, lab, "mine")
    assert_only_pictures(page, 1)


@pytest.mark.parametrize("chapter", [chapter for chapter in CHAPTERS if demos_of(chapter)])
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
