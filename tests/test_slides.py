"""Slides of a chapter, made as the teacher's page says, and opened from the disk in a browser."""

import json
import shutil
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest

from lenet_book import slides

ROOT = Path(__file__).parents[1]
CHAPTER = ROOT / "notebooks" / "02_padding_and_stride.ipynb"
LEAF = ".slides section section"
HEIGHTS = f"""() => {{
  document.body.classList.add("measuring");
  const found = [...document.querySelectorAll("{LEAF}")]
    .filter((slide) => !slide.querySelector(".lenet-demo"))
    .map((slide) => [slide.scrollHeight, slide.scrollWidth, slide.textContent.trim()]);
  document.body.classList.remove("measuring");
  return found;
}}"""


@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    """A page with the slides of a chapter, and its file."""
    from browser.lab import chromium
    from nbconvert import nbconvertapp as nbconvert
    out = tmp_path_factory.mktemp("slides")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        nbconvert.main(["--log-level", "WARN", "--to", "slides", "--template", "lenet_book/slides",
                        str(CHAPTER), "--output-dir", str(out)])
    file, = out.iterdir()
    with chromium(shutil.which("chromium") or shutil.which("chromium-browser")) as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.asked, page.problems = Counter(), []
        page.on("request", lambda request: page.asked.update([urlsplit(request.url).scheme]))
        page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(file.as_uri())
        page.wait_for_function("window.Reveal?.isReady()")
        yield page, file


def test_one_file_asks_nobody_and_every_slide_fits(deck):
    page, file = deck
    heights = page.evaluate(HEIGHTS)
    assert len(heights) > 30
    for high, wide, text in heights:
        assert text and high <= 740 and wide <= 1280, text[:200]
    assert not page.problems and {*page.asked} <= {"file", "data"}
    assert file.stat().st_size < 4_000_000


def test_each_section_is_a_column_and_formulas_are_typeset(deck):
    page, _ = deck
    cells = nbformat.read(CHAPTER, as_version=4).cells
    sections = sum(cell.metadata.get("slideshow", {}).get("slide_type") == "slide" for cell in cells)
    assert page.locator(".slides > section").count() == sections
    assert page.locator(".slides .katex").count() > 10
    assert not page.locator(".slides .katex-error").count()
    shown = page.evaluate(f"""() => [...document.querySelectorAll("{LEAF}")].map((slide) => {{
        const copy = slide.cloneNode(true);
        copy.querySelectorAll("aside, pre, code, .katex").forEach((part) => part.remove());
        return copy.textContent; }}).join()""")
    assert "$" not in shown
    assert "Exercises" not in shown and "A solution" not in shown
    assert "Predict:" in shown


def test_a_demo_is_alive_on_its_slide_and_as_large_as_it_allows(deck):
    page, _ = deck
    h, v = page.evaluate("""() => {
        const { h, v } = Reveal.getIndices(document.querySelector(".lenet-demo").closest("section"));
        Reveal.slide(h, v, 99);
        return [h, v]; }""")
    demo = page.locator(".lenet-demo").first
    show = demo.get_by_role("button", name="show the answer")
    show.click()  # a class has been asked before
    before = demo.locator(".lenet-sentence").text_content()
    demo.locator("input[type=range]").first.press("ArrowRight")
    page.wait_for_function("said => document.querySelector('.lenet-sentence').textContent !== said",
                           arg=before)
    now = page.evaluate("Reveal.getIndices()")
    assert (now["h"], now["v"]) == (h, v)  # the key was the demo's alone
    box = demo.bounding_box()
    assert box["height"] > 300 and box["y"] + box["height"] <= 725
    assert not page.problems


def shown(source, kind, section="Section"):
    return [(cell.metadata.slideshow.slide_type, cell.source)
            for cell in slides.words(source, kind, section)]


def test_prose_goes_to_the_notes_and_the_rest_is_shown():
    source = "An answer.\n\n## Next\n\nProse.\n\n$$ m $$\n\n**Predict:** what?"
    assert shown(source, "slide") == [
        ("notes", "An answer."), ("slide", "## Next\n\n$$ m $$\n\n**Predict:** what?"),
        ("notes", "Prose.")]
    assert shown("Prose.\n\n- a\n- b", "subslide") == [
        ("subslide", "#### Section\n\n- a\n- b"), ("notes", "Prose.")]
    assert shown("```\na\n\nb\n```", "fragment") == [("fragment", "```\na\n\nb\n```")]
    assert shown("- a", "notes") == [("notes", "- a")]
    assert shown("**Lead-in**\n\n- a\n\n**B** c **d**", "slide") == [
        ("slide", "**Lead-in**\n\n- a"), ("notes", "**B** c **d**")]


def test_code_is_shown_if_it_is_short_and_draws_nothing():
    def hidden(source, data):
        output = nbformat.v4.new_output("display_data", data, metadata={
            "image/png": {"alt": 'a "7"', "width": 3, "height": 2}})
        cell = slides.code(nbformat.v4.new_code_cell(source, outputs=[output]), found)
        return "transient" in cell.metadata, cell.outputs[0].data
    found = []
    assert hidden("x\n" * 8, {"text/plain": "1"}) == (False, {"text/plain": "1"})
    assert hidden("x\n" * 9, {"text/plain": "1"})[0]
    gone, data = hidden("figure", {"image/png": "AAAA", "text/plain": "[picture]"})
    assert gone and 'alt="a &quot;7&quot;" width="3" height="2"' in data["text/html"]
    about = {"name": "pooling", "needs": ["noise"]}
    _, data = hidden("demos.pooling()", {"image/png": "AAAA", slides.MIME: about})
    assert found == [about] and "data-demo" in data["text/html"]
    hiding = json.dumps({**about, "hidden": True})
    assert hiding.replace('"', "&quot;") in data["text/html"]
