"""What the chapters look like on disk; nbval, in the same run, executes and compares them."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from page_names import ambiguous

CHAPTERS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
IGNORED = "nbval-ignore-output"
SLIDE_TYPES = "slide", "subslide", "fragment", "notes", "skip", "-"


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(chapter):
    return [cell for cell in chapter.cells if cell.cell_type == "code"]


def test_there_are_chapters():
    assert [path.stem for path in CHAPTERS] == [
        "00_start_here", "01_cross_correlation", "02_padding_and_stride", "03_channels",
        "04_pooling", "05_receptive_field", "06_lenet5_layer_by_layer", "07_which_lenet5",
        "08_training_on_mnist", "09_inside_lenet5", "10_from_1998_to_today",
        "11_alexnet", "12_vgg", "13_nin", "14_googlenet", "15_many_machines"]


def test_the_map_gives_the_times_that_the_chapters_give():
    said = {}
    for path in CHAPTERS[1:]:
        head = nbformat.read(path, as_version=4).cells[0].source
        minutes, hour = re.search(r"^\*About (?:(\d+) minutes|an (hour))", head, re.MULTILINE).groups()
        said[path.name] = 60 if hour else int(minutes)
    start = "\n".join(cell.source for cell in nbformat.read(CHAPTERS[0], as_version=4).cells)
    shown = re.findall(r"^\| \[.*\]\((\d\d_\w+\.ipynb)\) \|.*\| (\d+) min \|$", start, re.MULTILINE)
    assert {name: int(minutes) for name, minutes in shown} == said


def test_metadata_is_clean(chapter):
    nbformat.validate(chapter)
    assert chapter.metadata.kernelspec.name == "python3"  # else JupyterLab asks for a kernel
    assert set(chapter.metadata) == {"kernelspec", "language_info"}
    assert set(chapter.metadata.language_info) == {"name"}
    for cell in chapter.cells:
        solution = "solution" in cell.metadata.get("tags", [])
        folded = {"jupyter": {"source_hidden": True}} if solution else {}
        others = {key: value for key, value in cell.metadata.items() if key != "tags"}
        slide = others.pop("slideshow", {"slide_type": "-"})
        assert others == folded
        assert [*slide] == ["slide_type"] and slide["slide_type"] in SLIDE_TYPES
        # JupyterLab shows the first line of a folded cell.
        assert solution == cell.source.startswith("# A solution: click to open it\n")


def test_slides_are_chosen(chapter):
    """Every heading of a chapter begins a slide, but for exercises, which no slide gives away."""
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type", "-") for cell in chapter.cells]
    exercises = False
    for number, (cell, kind) in enumerate(zip(chapter.cells, kinds, strict=True)):
        words = cell.source if cell.cell_type == "markdown" else ""
        headings = re.findall("^## (.*)", words, re.MULTILINE)
        exercises = headings[-1].startswith("Exercises") if headings else exercises
        if exercises or {"exercise", "solution"} & {*cell.metadata.get("tags", [])}:
            assert kind == "skip", cell.source
        elif headings:
            assert kind in ("slide", "skip"), cell.source
        assert number or kind == "slide"
    assert kinds.count("slide") >= 5 and "notes" in kinds


def test_executed_from_top_to_bottom(chapter):
    cells = code_cells(chapter)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    assert not [o for o in outputs if o.get("name") == "stderr"]
    assert all(sum(o.output_type == "stream" for o in cell.outputs) <= 1 for cell in cells)


def test_outputs_hold_no_noise(chapter):
    for cell in code_cells(chapter):
        for output in cell.outputs:
            text = json.dumps({k: v for k, v in output.items() if k != "data"}) + json.dumps(
                {k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")})
            assert "widget-view" not in text
            assert not re.search(r"/(root|home|work|tmp|Users)/|site-packages|0x[0-9a-f]{6,}|"
                                 r"Warning", text), text


def test_pictures_are_kept_and_say_what_they_show(chapter):
    for cell in code_cells(chapter):
        draws = re.search(r"^plots\.|^demos\.|^demo$|^history$|^figure$", cell.source, re.MULTILINE)
        pictures = [o for o in cell.outputs if "image/png" in o.get("data", {})]
        assert bool(draws) == bool(pictures), cell.source
        for output in pictures:
            assert len(output.metadata["image/png"]["alt"]) > 10


def test_what_is_not_compared_is_asserted_in_the_next_code_cell(chapter):
    cells = code_cells(chapter)
    for cell, following in zip(cells, cells[1:], strict=False):
        if IGNORED in cell.metadata.get("tags", []):
            only_pictures = all("image/png" in o.get("data", {}) for o in cell.outputs)
            assert "assert" in following.source or only_pictures, cell.source
            assert IGNORED not in following.metadata.get("tags", []), cell.source
    assert IGNORED not in cells[-1].metadata.get("tags", [])


def test_cells_are_short(chapter):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(chapter)]
    assert max(lengths) <= 20
    assert sorted(lengths)[len(lengths) // 2] <= 7
    assert max(len(line) for c in code_cells(chapter) for line in c.source.splitlines()) <= 88


def test_every_cell_can_be_run_again_in_any_order_after_the_whole_page(chapter):
    """No name that it reads is used for something else, before it or later."""
    assert ambiguous([cell.source for cell in code_cells(chapter)]) == []


@pytest.mark.parametrize(("sources", "found"), [
    (["x = 1", "y = x", "x = 2"], [(1, "x", [0, 2])]),
    (["x = 1", "x += 1"], [(1, "x", [0, 1])]),
    (["x = 1", "x = x + 1"], [(1, "x", [0, 1])]),
    (["x = 1", "print(x)\ndel x"], [(1, "x", [0, 1])]),
    (["x = 1\ndel x", "y = 1"], []),
    (["x = 1", "f = lambda: x", "import x"], [(1, "x", [0, 2])]),
    (["x = 1", "def f():\n    return x", "f()", "for x in []: pass"],
     [(1, "x", [0, 3]), (2, "x", [0, 3])]),
    (["x = 1", "[x for _ in '']", "def x(): pass"], [(1, "x", [0, 2])]),
    (["x = 1", "await x", "with open('') as x: pass"], [(1, "x", [0, 2])]),
    (["x = 1", "print(x)", "x = 2", "print(x)"], [(1, "x", [0, 2]), (3, "x", [0, 2])]),
    (["x = 1", "print(x)", "[x for x in '']"], []),
    (["x = 1", "print(x)", "def f(x):\n    return x", "f(2)"], []),
    (["x = 1\nprint(x)", "x = 2\nprint(x)"], []),
    (["x = 1\nprint(x)", "x = 2", "print(x)"], [(2, "x", [0, 1])]),
    (["for x in [1]: print(x)", "x = 2", "print(x)"], [(2, "x", [0, 1])]),
    (["with open('') as x: pass", "x = 2", "def f():\n    return x", "f()"],
     [(2, "x", [0, 1]), (3, "x", [0, 1])]),
    (["x, *y = 1, 2", "y = 3", "[x for y in '']"], []),
])
def test_what_can_not_be_run_again_is_found(sources, found):
    assert ambiguous(sources) == found


def test_no_magic_and_nothing_from_the_network(chapter):
    for cell in code_cells(chapter):
        assert not re.search(r"^\s*[%!]|download=True|urllib|requests\.", cell.source, re.MULTILINE)


def test_links_lead_somewhere(chapter):
    for cell in chapter.cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#]+)\)", cell.source):
                assert target.startswith("https://") or (CHAPTERS[0].parent / target).exists()
