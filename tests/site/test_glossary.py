"""The glossary: each term stands in the chapter that it names, and where a reader looks for it."""

import re

import pytest
from book import ROOT, prose

ROW = re.compile(r"\| \*\*(?P<term>.+?)\*\* \[(?P<number>\d+)\]"
                 r"\(\.\./notebooks/(?P<chapter>\w+)\.ipynb\)"
                 r"(<br>[^|·]+ · [^|·]+)? \| [^|]+\. \|")


def rows():
    lines = (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
    return [line for line in lines if line.startswith("| **")]


def uses(chapter, term):
    """Is the term, or its plural, in the chapter's prose? Its capital letters count, if it has some."""
    spelt = rf"(?<!\w){re.escape(term)}(s|es|'s)?(?!\w)"
    words = " ".join(prose(chapter).split())
    return re.search(spelt, words, 0 if term != term.lower() else re.IGNORECASE)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.split("**")[1])
def test_the_chapter_uses_the_term(row):
    found = ROW.fullmatch(row)
    assert found, f"not: **term** [number](chapter)<br>simplified · traditional | sentence: {row}"
    term, chapter = found["term"], found["chapter"]
    assert chapter.startswith(f"{found['number']:0>2}_")
    assert uses(chapter, term), f"{chapter} does not say {term!r}"


def test_the_terms_are_in_order_and_there_once():
    terms = [row.split("**")[1].lower() for row in rows()]
    assert len(terms) > 60
    assert terms == sorted(set(terms))


def test_a_word_that_a_chapter_does_not_use_is_seen():
    assert uses("02_padding_and_stride", "stride")
    assert not uses("02_padding_and_stride", "strid")
    assert not uses("02_padding_and_stride", "softmax")
