"""The teacher's pages: each move is made on the demo, which must then say what the page quotes.

And what a quiz asks cannot be answered by the look of its options.
"""

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace

import ipywidgets as widgets
import nbformat
import pytest
from markdown_it import MarkdownIt  # comes with myst-nb

from lenet_book import demos
from lenet_book.demos.controls import described

ROOT = Path(__file__).parents[2]
CHAPTERS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
PAGES = sorted((ROOT / "docs" / "teaching").glob("[0-9][0-9]_*.md"))
SECTIONS = ["Aims", "What learners get wrong", "45 minutes", "90 minutes", "The moves",
            "Board questions", "Quiz"]
MOVES = ["", "Do", "Ask first", "Then it says"]
STARTED = re.compile(r"Demo (?P<name>\w+), started with (?P<call>demos\.(?P=name)\(.*\)):")
MOVE = re.compile(r"press \*\*(?P<button>.+?)\*\*|\*\*(?P<label>.+?)\*\* to `(?P<value>.+?)`")
OPTION = re.compile(r"\(([a-d])\) (.*?)[.,]?(?= \([a-d]\) |$)")


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def page(request):
    return read(request.param.stem, request.param.read_text("utf-8"))


def read(name, text):
    """name, and sections: heading -> what stands below it, as tokens of markdown-it."""
    sections, heading = {"": []}, False
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if heading and token.type == "inline":
            sections[token.content] = []
        heading = token.type == "heading_open" and token.tag == "h2"
        list(sections.values())[-1].append(token)
    return SimpleNamespace(name=name, sections=sections)


def tables(tokens):
    """(last paragraph before it, rows of cells) of each table; paragraphs and cells are tokens."""
    found, paragraph, rows = [], None, None
    for token in tokens:
        if token.type == "table_open":
            rows = []
            found.append((paragraph, rows))
        elif token.type == "table_close":
            paragraph = rows = None
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows is not None:
            rows[-1].append(token)
        elif token.type == "inline":
            paragraph = token
    return found


def shown(inline):
    """The words of a paragraph or cell as they are read on the page."""
    return "".join(" " if part.type == "softbreak" else part.content for part in inline.children)


def moves(page):
    """(the call that starts the demo, its rows of letter, do, ask, said) of each table of moves."""
    found = []
    for before, (header, *rows) in tables(page.sections["The moves"]):
        if [shown(cell) for cell in header] != MOVES:
            continue
        words = shown(before) if before else "nothing"
        started = STARTED.fullmatch(words)
        assert started, (f"{page.name}: before a table of moves stands {words!r}; it must be: Demo "
                         "`name`, started with `demos.name(projector=True)`:")
        found.append((started["call"], rows))
    return found


def play(call, rows, where=""):
    """Start the demo, make the moves of each row, and compare the sentence with what is quoted."""
    before = ""  # the sentence of the row before
    with eval(call, {"demos": demos}) as demo:
        for letter, do, _, said in rows:
            at = f"{where}{call}, move {shown(letter)}"
            made = list(MOVE.finditer(do.content))
            left = MOVE.sub("", do.content)
            assert "**" not in left, (f"{at}: {left!r} is no move; write **label** to `value`, press "
                                      "**button**, or words without bold type")
            for move in made:
                press_or_set(demo, move, at)
            quoted = re.fullmatch('"(.+)"', shown(said))
            assert quoted or '"' not in shown(said), f"{at}: quote one excerpt and nothing else"
            assert quoted or not (made or do.content == "as it opens"), f"{at}: nothing is quoted"
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
    assert [path.stem for path in PAGES] == [*CHAPTERS]


def test_a_page_has_its_sections_and_is_named_as_its_chapter(page):
    assert [*page.sections][1:] == SECTIONS, f"{page.name} has the sections {[*page.sections][1:]}"
    title = next(token.content for token in page.sections[""] if token.type == "inline")
    heading = nbformat.read(CHAPTERS[page.name], as_version=4).cells[0].source.splitlines()[0]
    assert title == heading.replace("# ", "Chapter ", 1).replace(".", ":", 1), page.name


def test_the_moves_can_be_made_and_the_demo_says_what_is_quoted(page):
    async def play_all():  # in an event loop, as in a notebook: `training` learns in one
        for call, rows in moves(page):
            play(call, rows, f"{page.name}: ")

    asyncio.run(play_all())


def test_each_demo_of_the_chapter_has_moves_with_letters_of_their_own(page):
    cells = nbformat.read(CHAPTERS[page.name], as_version=4).cells
    used = {name for cell in cells if cell.cell_type == "code"
            for name in re.findall(r"demos\.(\w+)\(", cell.source)}
    shown_off = {call.split("(")[0].removeprefix("demos.") for call, _ in moves(page)}
    assert used <= shown_off, (f"{page.name}: no moves of {used - shown_off}; a table of moves begins "
                               f"with {MOVES}")
    letters = [shown(row[0]) for _, rows in moves(page) for row in rows]
    assert sorted(set(letters)) == sorted(letters), f"{page.name}: moves of one letter in {letters}"


@pytest.mark.parametrize("length", [45, 90])
def test_the_minutes_add_up_and_name_moves_that_are_there(page, length):
    (_, (_, *rows)), = tables(page.sections[f"{length} minutes"])
    minutes = [int(shown(row[0])) for row in rows]
    assert sum(minutes) == length, f"{page.name}: {' + '.join(map(str, minutes))} = {sum(minutes)}"
    letters = {shown(row[0]) for _, rows in moves(page) for row in rows}
    for row in rows:
        for some in re.findall(r"\b[Mm]oves? ((?:[a-z]\b(?:, | and | to )?)+)", shown(row[1])):
            named = set(re.findall(r"\b[a-z]\b", some))
            assert named <= letters, f"{page.name}: no move {named - letters}; there are {letters}"


def test_exercises_have_the_minutes_that_the_chapter_gives_them(page):
    """Where the page says them: 1 (3 minutes), 2 (5 minutes)."""
    cells = nbformat.read(CHAPTERS[page.name], as_version=4).cells
    heading = re.compile(r"^\*\*(\d+)\. .*\(\w+, (\d+) minutes\)", re.MULTILINE)
    given = {found for cell in cells for found in heading.findall(cell.source)}
    said = {found for length in (45, 90) for token in page.sections[f"{length} minutes"]
            for found in re.findall(r"(\d+) \((\d+) minutes\)", token.content)}
    assert said <= given, f"{page.name}: {said - given}; the chapter has {sorted(given)}"


@pytest.mark.parametrize(("section", "fewest", "most"), [("Board questions", 3, 5), ("Quiz", 10, 10)])
def test_each_question_has_its_folded_answer(page, section, fewest, most):
    """Both are numbered lists, the second one between <details> and </details>."""
    counts = {"asked": 0, "answered": 0}
    kind = "asked"
    for token in page.sections[section]:
        if token.type == "html_block" and "details>" in token.content:
            kind = "answered" if "<details>" in token.content else "asked"
        counts[kind] += token.type == "list_item_open" and token.level == 1 and token.info != ""
    assert fewest <= counts["asked"] == counts["answered"] <= most, f"{page.name}, {section}: {counts}"


def choices(page):
    """Of each question of the quiz that has options: (letter -> option, the letter that is right)."""
    asked, answered = [], []
    kind = asked
    for token in page.sections["Quiz"]:
        if token.type == "html_block" and "details>" in token.content:
            kind = answered if "<details>" in token.content else asked
        elif token.type == "list_item_open" and token.level == 1:
            kind.append("")
        elif token.type == "inline" and token.level == 3:
            kind[-1] += shown(token)
    both = zip(asked, answered, strict=True)
    return [(dict(OPTION.findall(question)), answer[0]) for question, answer in both
            if "(a) " in question]


def of_length(extreme, options):
    """The letters of the longest options (extreme: max) or of the shortest (min): one or more."""
    length = extreme(map(len, options.values()))
    return [letter for letter, option in options.items() if len(option) == length]


def test_a_question_has_four_options_that_differ_and_its_answer_is_one_of_them(page):
    for options, right in choices(page):
        assert [*options] == [*"abcd"] and right in options, f"{page.name}: {options}, {right}"
        assert len(set(options.values())) == 4, f"{page.name}: {options}"


def test_neither_the_length_nor_the_letter_of_an_option_gives_the_answer_away():
    """A guess is right once in four times; who always takes the longest should do little better."""
    asked = [pair for path in PAGES for pair in choices(read(path.stem, path.read_text("utf-8")))]
    for extreme in (max, min):
        guesses = [(of_length(extreme, options), right) for options, right in asked]
        hits = sum((right in letters) / len(letters) for letters, right in guesses)
        assert hits < len(asked) / 2, f"the {extreme.__name__} is right in {hits:.0f} of {len(asked)}"
    for letter in "abcd":
        count = sum(right == letter for _, right in asked)
        assert 0.15 < count / len(asked) < 0.35, f"{letter} is right in {count} of {len(asked)}"


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


QUIZ = """## Quiz

1. How many?
2. Which one?
   (a) This. (b) That, since
   it is so. (c) Another. (d) None.

<details><summary>Answers</summary>

1. **4.** Two and two.
2. **c.** By (a) and
   (b) it cannot be.

</details>
"""


def test_the_options_of_a_question_are_found_and_the_longest_among_them():
    (options, right), = choices(read("a page", QUIZ))
    assert options == {"a": "This", "b": "That, since it is so", "c": "Another", "d": "None"}
    assert right == "c" and of_length(max, options) == ["b"]
    assert of_length(min, {"a": "x", "b": "two", "c": "y"}) == ["a", "c"]
