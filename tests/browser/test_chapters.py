"""What is saved in the chapters, as a reader meets it: opened in JupyterLab and as plain HTML.

One chapter is run from top to bottom, saved and opened again. That all give what they say is for nbval,
which executes them in the same run; each demo's own cell is in test_demos.py.
"""

import nbformat
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
)
from nbconvert import HTMLExporter
from nbval.plugin import IPyNbFile, coalesce_streams
from playwright.sync_api import expect

LIGHT = "02_padding_and_stride"  # of the chapters with a demo, the one that takes the least to run
LOADED = "images => images.filter(image => image.naturalWidth).length"


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
    clear_all(page)
    run_all(page)
    assert_same_outputs(notebook_shown(page), NOTEBOOKS / f"{LIGHT}.ipynb", request.session)
    expect(page.locator(".lenet-demo .lenet-picture")).to_have_count(len(demos_of(LIGHT)))
    assert not page.problems
    page.evaluate("""async () => {
        const app = window.jupyterapp;
        await app.commands.execute('docmanager:save');
        await app.shell.currentWidget.sessionContext.shutdown();
    }""")
    page.goto("about:blank")
    open_chapter(page, lab, LIGHT)
    assert_only_pictures(page, saved_pictures(LIGHT))
