"""The syllabus: what it names is there, and its minutes are those of the chapters and add up."""

import re

import pytest
from book import CHAPTERS, TEACHING, exercises, prose

TEXT = (TEACHING / "syllabus.md").read_text("utf-8")
LETTERS = r"((?:[a-zA-Z]\b(?:, | and | to )?)+)"


def chapter(number):
    """Of a chapter: headings of its sections, number of an exercise -> its minutes, minutes to read."""
    stem = CHAPTERS[number].stem
    minutes = re.search(r"\*About (?:(\d+) minutes|an hour)", prose(stem))[1]
    return re.findall(r"^## (.*)$", prose(stem), re.M), exercises(stem), int(minutes or 60)


def rows(section):
    """The cells of each row of the tables below a heading, without header and rule."""
    text = re.split(r"^#+ ", TEXT.split(section + "\n", 1)[1], maxsplit=1, flags=re.M)[0]
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip(" |") for cell in line] for line in lines[2:]]


def taught(row):
    """The number of the chapter whose page a row links to; None for a break."""
    link = re.search(r"\]\((\d\d)_\w+\.md\)", " ".join(row))
    return link and int(link[1])


def numbers(words):
    """"1, 3 to 5 and 8" -> [1, 3, 4, 5, 8]"""
    found = []
    for first, last in re.findall(r"(\d+)(?: to (\d+))?", words):
        found += range(int(first), int(last or first) + 1)
    return found


TABLES = {name: rows(name) for name in ("### Sessions of 45 minutes", "### Sessions of 90 minutes",
                                        "## One afternoon: three and a half hours")}
ROWS = [pytest.param(row, id=f"{name.split()[-2]}-{row[0]}-{taught(row)}")
        for name, table in TABLES.items() for row in table if taught(row) is not None]


@pytest.mark.parametrize("row", ROWS)
def test_the_sections_that_a_row_names_are_those_of_its_chapter(row):
    headings, *_ = chapter(taught(row))
    assert set(re.findall(r'"([^"]*)"', " ".join(row))) <= set(headings)


@pytest.mark.parametrize("row", ROWS)
def test_the_moves_and_cells_that_a_row_names_are_on_the_page(row):
    page, = TEACHING.glob(f"{taught(row):02}_*.md")
    there = set(re.findall(r"^\| ([a-zA-Z]) \|", page.read_text("utf-8"), re.M))
    for letters in re.findall(rf"(?:`\w+`|cells) {LETTERS}", " ".join(row)):
        assert set(re.findall(r"\b[a-zA-Z]\b", letters)) <= there


@pytest.mark.parametrize("row", ROWS)
def test_an_exercise_takes_the_minutes_that_its_chapter_marks(row):
    _, minutes, _ = chapter(taught(row))
    named = re.findall(r"(\d+) \((\d+)\)", " ".join(row))
    assert all(minutes[int(number)] == int(said) for number, said in named)


@pytest.mark.parametrize("length", [45, 90])
def test_homework_adds_up_and_no_exercise_is_forgotten_or_set_twice(length):
    table = TABLES[f"### Sessions of {length} minutes"]
    total = 0
    for session, _, third, homework, left in table:
        said, what = homework.split(": ", 1)
        assert int(said) == sum(map(int, re.findall(r"\((\d+)\)", what))), f"session {session}"
        total += int(said)
        seen = [int(number) for number in re.findall(r"(\d+) \(", what)]
        seen += numbers(third) if length == 90 else []
        for some in re.findall(r"exercises? ([\d ,andto]+)", left):
            seen += numbers(some)
        assert sorted(seen) == [*chapter(int(session))[1]], f"session {session}"
    assert [taught(row) for row in table] == [int(row[0]) for row in table] == [*range(1, 11)]
    assert f"{10 * length + total:,}" in TEXT, 10 * length + total


def test_reading_and_exercises_take_as_long_as_the_chapters_say():
    chapters = [chapter(number) for number in range(1, 11)]
    reading, exercises = sum(c[2] for c in chapters), sum(sum(c[1].values()) for c in chapters)
    assert f"takes {reading} minutes, and their exercises {exercises}" in TEXT


def test_the_afternoon_is_three_and_a_half_hours():
    assert sum(int(row[0]) for row in TABLES["## One afternoon: three and a half hours"]) == 210
