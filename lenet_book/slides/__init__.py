"""Slides of a chapter, one HTML file that needs no network and in which the demos are alive.

    jupyter nbconvert --to slides --template lenet_book/slides notebooks/02_padding_and_stride.ipynb

This folder is a template for nbconvert, which arranges cells by their `slideshow` metadata, as
JupyterLab shows it: a slide, a subslide below it, a fragment that comes with the next key, notes for
whoever speaks, or skip. A chapter's prose is too long to be shown. So `Deck` shows of a cell of words
what a room should see, the heading, the question, formulas, lists with a line of bold type that leads
them in, and tables, and moves the rest to the notes. A demo opens with its answer hidden.
"""

import base64
import re
from copy import deepcopy
from html import escape
from pathlib import Path

from nbconvert.preprocessors import Preprocessor
from nbformat.v4 import new_markdown_cell, new_output

from ..demos import alone
from ..demos.base import MIME
from ..demos.page import LIVE

_HERE = Path(__file__).parent
_LINES = 8  # of code that a room reads; of a longer cell it sees what comes out
_HEADING = re.compile(r"#+ (.*)")
_SHOWN = re.compile(r"\*\*Predict|^\*\*[^*]+\*\*$|^#+ |^\$\$|^\||^- |^\d+\. |^```", re.MULTILINE)


class Deck(Preprocessor):
    """Makes of a chapter's cells those of its slides, and puts what their page needs into resources."""

    def preprocess(self, notebook, resources):
        notebook, cells, demos, section = deepcopy(notebook), [], [], ""
        for cell in notebook.cells:
            kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
            if kind == "skip":
                continue
            if cell.cell_type == "markdown":
                made = words(cell.source, kind, section)
                cells += made
                headings = [_HEADING.match(cell.source) for cell in made]
                section = next((found[1] for found in headings if found), section)
                continue
            if kind == "subslide":
                cells.append(_words(f"#### {section}", kind))
                cell.metadata.slideshow.slide_type = "-"
            cells.append(code(cell, demos))
        notebook.cells = cells
        title = re.search(r"^# (.*)", "\n".join(cell.source for cell in cells), re.MULTILINE)
        resources["deck"] = {"title": title[1] if title else "Slides", "style": style(),
                             "scripts": scripts(demos)}
        return notebook, resources


def words(source: str, kind: str, section: str) -> list:
    """The cells that a cell of words becomes: notes on the slide before it, itself, notes on it.

    kind: its slide type. section: the heading of the slide before it, which a subslide repeats.
    """
    paragraphs = _paragraphs(source)
    if kind == "notes":
        return [_words(source, kind)]
    start = next((i for i, text in enumerate(paragraphs) if _HEADING.match(text)), 0)
    shown = [text for text in paragraphs[start:] if _SHOWN.search(text)]
    notes = [text for text in paragraphs[start:] if not _SHOWN.search(text)]
    if kind == "subslide":
        shown.insert(0, f"#### {section}")
    return [_words("\n\n".join(texts), part) for texts, part in (
        (paragraphs[:start], "notes"), (shown, kind), (notes, "notes")) if texts]


def code(cell, demos: list[dict]):
    """The cell with its outputs as slides show them; demos grows by the descriptions of its own.

    Its source is shown unless it is long or a picture comes out of it.
    """
    pictures = any("image/png" in output.get("data", {}) for output in cell.outputs)
    if pictures or len(cell.source.splitlines()) > _LINES:
        cell.metadata.transient = {"remove_source": True}
    cell.outputs = [_shown(output, demos) for output in cell.outputs]
    return cell


def style() -> str:
    """All style sheets as one, with the fonts of formulas in it."""
    def font(found):
        data = base64.b64encode((_HERE / "katex" / found[1]).read_bytes()).decode()
        return f"url(data:font/woff2;base64,{data})"
    formulas = (_HERE / "katex" / "katex.min.css").read_text(encoding="utf-8")
    return "\n".join([(_HERE / "reveal" / "reveal.css").read_text(encoding="utf-8"),
                      re.sub(r"url\((fonts/[^)]*)\)", font, formulas), alone.style(),
                      (_HERE / "slides.css").read_text(encoding="utf-8")])


def scripts(demos: list[dict]) -> list[str]:
    """What the page runs, in this order, with the files that its demos paint from."""
    names = ["katex/katex.min.js", "katex/auto-render.min.js", "reveal/reveal.js", "reveal/notes.js"]
    page = LIVE.joinpath("bundled", "page.js").read_text(encoding="utf-8")
    needs = dict.fromkeys(name for demo in demos for name in demo["needs"])
    alive = [page, *(alone.script(name, alone.shipped(name)) for name in needs)] if demos else []
    files = [(_HERE / name).read_text(encoding="utf-8") for name in (*names, "slides.js")]
    return [text.replace("</script", "<\\/script") for text in (
        *files[:-1], *alive, files[-1])]


def _paragraphs(source: str) -> list[str]:
    """The source at its empty lines, of which fenced code may have some inside."""
    parts = []
    for part in re.split(r"\n{2,}", source.strip()):
        if parts and parts[-1].count("```") % 2:
            parts[-1] += f"\n\n{part}"
        else:
            parts.append(part)
    return parts


def _words(source: str, kind: str):
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}})


def _shown(output, demos: list[dict]):
    """A picture with its text, or the demo that it is of; any other output as it is."""
    data = output.get("data", {})
    if "image/png" not in data:
        return output
    about = output.metadata["image/png"]
    picture = (f'<img src="data:image/png;base64,{data["image/png"].strip()}" '
               f'alt="{escape(about["alt"])}" width="{about["width"]}" height="{about["height"]}">')
    if MIME in data:
        demos.append(data[MIME])
        picture = alone.element(data[MIME] | {"hidden": True}, picture)
    return new_output("display_data", {"text/html": picture})
