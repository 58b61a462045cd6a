"""The book's chapters and its teacher's pages, as the tests of the website read them."""

import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import nbformat
from markdown_it import MarkdownIt  # comes with myst-nb
from markdown_it.tree import SyntaxTreeNode

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TEACHING = ROOT / "docs" / "teaching"
PAGES = sorted(TEACHING.glob("[0-9][0-9]_*.md"))


@cache
def notebook(stem):
    return nbformat.read(ROOT / "notebooks" / f"{stem}.ipynb", as_version=4)


@cache
def prose(stem):
    """What a chapter's cells of words say."""
    return "\n".join(cell.source for cell in notebook(stem).cells if cell.cell_type == "markdown")


def exercises(stem):
    """The minutes of each exercise of a chapter, by its number."""
    found = re.findall(r"^\*\*(\d+)\. .*\(\w+, (\d+) minutes?\)", prose(stem), re.MULTILINE)
    return {int(number): int(minutes) for number, minutes in found}


def read(name, text):
    """name, and sections: heading -> what stands below it, as nodes of markdown-it's tree."""
    sections = {"": []}
    for node in SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text)).children:
        if node.tag == "h2":
            sections[shown(node)] = []
        else:
            list(sections.values())[-1].append(node)
    return SimpleNamespace(name=name, sections=sections)


@cache
def teachers_page(path):
    return read(path.stem, path.read_text("utf-8"))


def shown(node):
    """Its words as they are read on the page."""
    return "".join(" " if part.type == "softbreak" else part.content for part in node.walk()
                   if part.type != "inline")
