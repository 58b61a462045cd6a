"""The teacher's pages: each move is made on the demo, which must then say what the page quotes."""

import asyncio
import re
from itertools import pairwise

import ipywidgets as widgets
import pytest
from book import CHAPTERS, PAGES, exercises, notebook, read, shown, teachers_page

from lenet_book import demos
from lenet_book.demos.controls import described

SECTIONS = ["Aims", "What learners get wrong", "45 minutes", "90 minutes", "The moves",
            "Board questions", "Quiz"]
MOVES = ["", "Do", "Ask first", "Then it says"]
STARTED = re.compile(r"Demo (?P<name>\w+), started with (?P<call>demos\.(?P=name)\(.*\)):")
MOVE = re.compile(r"press \*\*(?P<button>.+?)\*\*|\*\*(?P<label>.+?)\*\* to `(?P<value>.+?)`")


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def page(request):
    return teachers_page(request.param)


def tables(nodes):
    """(what stands before it, its rows of cells) of each table."""
    return [(before, [row.children for part in node.children for row in part.children])
            for before, node in pairwise([None, *nodes]) if node.type == "table"]


def moves(page):
    """(the call that starts the demo, its rows of letter, do, ask, said) of each table of moves."""
    found = []
    for before, (header, *rows) in tables(page.sections["The moves"]):
        if [shown(cell) for cell in header] != MOVES:
            continue
        words = shown(before) if before else "nothing"
        started = STARTED.fullmatch(words)
        assert started, (f"before a table of moves stands {words!r}; it must be: Demo `name`, started "
                         "with `demos.name(projector=True)`:")
        found.append((started["call"], rows))
    return found


def play(call, rows):
    """Start the demo, make the moves of each row, and compare the sentence with what is quoted."""
    before = ""  # the sentence of the row before
    with eval(call, {"demos": demos}) as demo:
        for letter, do, _, said in rows:
            at = f"{call}, move {shown(letter)}"
            do = do.children[0].content  # with its bold type
            made, left = list(MOVE.finditer(do)), MOVE.sub("", do)
            assert "**" not in left, (f"{at}: {left!r} is no move; write **label** to `value`, press "
                                      "**button**, or words without bold type")
            for move in made:
                press_or_set(demo, move, at)
            quoted = re.fullmatch('"(.+)"', shown(said))
            assert quoted or '"' not in shown(said), f"{at}: quote one excerpt and nothing else"
            assert quoted or not (made or do == "as it opens"), f"{at}: nothing is quoted"
            if quoted:
                words = quoted[1]
                assert words in demo.value, f"{at}: no {words!r} on the screen, but: {demo.value}"
                assert words not in before, (f"{at}: {words!r} stood on the screen before the move, "
                                             f"too; quote more of: {demo.value}")
                before = demo.value


def press_or_set(demo, move, at):
    """Press the button, or set the control, that has this label; what no hand can do is an error."""
    label = move["button"] or move["label"]
    on_screen = [(control, described(control)) for control in demo.controls.values()
                 if hasattr(control, "description")]
    same = [pair for pair in on_screen if pair[1]["label"] == label
            and isinstance(pair[0], widgets.Button) == bool(move["button"])]
    if not same:  # many alike, such as the toggles of a table, are told apart by what they explain
        same = [pair for pair in on_screen if pair[1].get("tooltip") == label]
    names = sorted({about["label"] for _, about in on_screen})
    assert len(same) == 1, (f"{at}: {len(same)} {'buttons' if move['button'] else 'controls'} are "
                            f"called {label!r}; on the screen are {', '.join(names)}")
    control, about = same[0]
    if move["button"]:
        control.click()
        return
    takes, value = values(about, move["value"])
    assert value is not None, f"{at}: {label} cannot be {move['value']!r}; it takes {takes}"
    control.value = value


def values(about, words):
    """What a control takes, in words, and the value that is meant, None where it is none of these."""
    if about["kind"] in ("switch", "toggle"):
        return "on or off", {"on": True, "off": False}.get(words)
    if "options" in about:
        return ", ".join(label for label, _ in about["options"]), dict(about["options"]).get(words)
    if about["kind"] == "text":
        return "any text", words
    low, high, step = about["min"], about["max"], about["step"]
    takes = f"{low} to {high} in steps of {step}"
    try:
        value = type(low)(words.replace("−", "-"))
    except ValueError:
        return takes, None
    steps = (value - low) / step
    return takes, value if low <= value <= high and abs(steps - round(steps)) < 1e-6 else None


def test_each_chapter_has_its_page():
    assert [path.stem for path in PAGES] == [path.stem for path in CHAPTERS]


def test_a_page_has_its_sections_and_is_named_as_its_chapter(page):
    assert [*page.sections][1:] == SECTIONS
    title = shown(page.sections[""][0])
    heading = notebook(page.name).cells[0].source.splitlines()[0]
    assert title == heading.replace("# ", "Chapter ", 1).replace(".", ":", 1)


def test_the_moves_can_be_made_and_the_demo_says_what_is_quoted(page):
    async def play_all():  # in an event loop, as in a notebook: `training` learns in one
        for call, rows in moves(page):
            play(call, rows)

    asyncio.run(play_all())


def test_each_demo_of_the_chapter_has_moves_with_letters_of_their_own(page):
    used = {name for cell in notebook(page.name).cells if cell.cell_type == "code"
            for name in re.findall(r"demos\.(\w+)\(", cell.source)}
    shown_off = {call.split("(")[0].removeprefix("demos.") for call, _ in moves(page)}
    assert used <= shown_off, f"a table of moves begins with {MOVES}"
    letters = [shown(row[0]) for _, rows in moves(page) for row in rows]
    assert sorted(set(letters)) == sorted(letters)


@pytest.mark.parametrize("length", [45, 90])
def test_the_minutes_add_up_and_name_moves_that_are_there(page, length):
    (_, (_, *rows)), = tables(page.sections[f"{length} minutes"])
    minutes = [int(shown(row[0])) for row in rows]
    assert sum(minutes) == length
    letters = {shown(row[0]) for _, rows in moves(page) for row in rows}
    for row in rows:
        for some in re.findall(r"\b[Mm]oves? ((?:[a-z]\b(?:, | and | to )?)+)", shown(row[1])):
            assert {*re.findall(r"\b[a-z]\b", some)} <= letters


def test_exercises_have_the_minutes_that_the_chapter_gives_them(page):
    """Where the page says them: 1 (3 minutes), 2 (5 minutes)."""
    said = {(int(number), int(minutes)) for length in (45, 90)
            for _, rows in tables(page.sections[f"{length} minutes"]) for row in rows for cell in row
            for number, minutes in re.findall(r"(\d+) \((\d+) minutes\)", shown(cell))}
    assert said <= exercises(page.name).items()


# The test itself: what it must refuse.

TABLE = """## The moves

Demo `padding_stride`, started with `demos.padding_stride(projector=True)`:

| | Do | Ask first | Then it says |
|---|---|---|---|
"""
GOOD = """| a | as it opens | | "output 3 × 3" |
| b | **stride s** to `1`, **kernel k** to `5` | | "output 4 × 4" |
"""


def played(rows):
    for call, found in moves(read("a page", TABLE + rows)):
        play(call, found)
    return len(found)


def test_good_moves_are_played():
    assert played(GOOD) == 2
    assert played(GOOD + "| c | drag the window | | it follows |") == 3


@pytest.mark.parametrize(("right", "wrong", "said"), [
    ("3 × 3", "3 × 4", "move a: no 'output 3 × 4' on the screen, but: .*output 3 × 3"),
    ("stride s", "stride", "0 controls are called 'stride'; on the screen are column, .*, stride s"),
    ("`5`", "`8`", "kernel k cannot be '8'; it takes 1 to 7 in steps of 1"),
    ("`5`", "`five`", "kernel k cannot be 'five'"),
    ("**kernel k** to", "**kernel k**:", "is no move"),
    ("**kernel k** to `5`", "press **kernel k**", "0 buttons are called 'kernel k'"),
    ("output 4 × 4", "Input 8 × 8", "stood on the screen before the move, too"),
    ('"output 4 × 4"', "output 4 × 4", "move b: nothing is quoted"),
    ('"output 4 × 4"', '"output" or "4 × 4"', "move b: no 'output\" or"),
    ('"output 4 × 4"', 'it says "output 4 × 4"', "quote one excerpt")])
def test_a_wrong_row_is_refused_with_what_is_on_the_screen(right, wrong, said):
    assert right in GOOD
    with pytest.raises(AssertionError, match=said):
        played(GOOD.replace(right, wrong))
