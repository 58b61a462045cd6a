"""The chapters as a teacher hands them out: without solutions, with them in place, or for nbgrader.

A chapter holds an exercise as a cell tagged "exercise", whose last line calls its check, and further
down a folded cell tagged "solution", which answers the same check under names that end in "_solution".
In the section "Exercises", what is folded away under one of the words in ANSWERS is for afterwards.
"""

import ast
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

from . import storage

ANSWERS = ("Answer", "Why", "What comes out")
POINTS = {"easy": 1, "medium": 2, "hard": 3}
_HEAD = re.compile(rf"^\*\*(\d+)\. [^*]+\*\* \(({'|'.join(POINTS)}), ", re.MULTILINE)
_TOLD = re.compile(r"A solution follows each in a folded cell; a click on its bar opens it\.")
_ANSWER = re.compile(rf"<details><summary>({'|'.join(ANSWERS)})</summary>.*?</details>\n*", re.DOTALL)

# nbgrader puts something in a solution's place; by default a line that raises an error.
NBGRADER = '''c = get_config()  # noqa: F821
c.ClearSolutions.code_stub = {"python": "# Your answer goes in place of the dots above."}
c.ExecutePreprocessor.timeout = 600
'''


def write(chapters: list[Path], folder: Path, edition: str) -> Iterator[Path]:
    """Write these chapters, in the edition "student", "solutions" or "nbgrader", and yield each file.

    For nbgrader, folder is the course: source/CHAPTER/CHAPTER.ipynb, and nbgrader_config.py if there is
    none. Raises OSError where a file cannot be read, is no notebook, or cannot be written.
    """
    make = {"student": student, "solutions": solved, "nbgrader": nbgrader}[edition]
    made = {}
    for path in chapters:
        try:
            notebook = json.loads(path.read_text(encoding="utf-8"))
            made[path] = make(notebook)
        except (AttributeError, LookupError, RecursionError, SyntaxError, TypeError,
                ValueError) as error:
            raise OSError(f"{path} is no notebook of the book's: {error!r}") from error
    for path, notebook in made.items():
        where = folder / "source" / path.stem if edition == "nbgrader" else folder
        where.mkdir(parents=True, exist_ok=True)
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        storage.write({where / path.name: text.encode()})
        yield where / path.name
    configuration = folder / "nbgrader_config.py"
    if edition == "nbgrader" and not configuration.exists():
        storage.write({configuration: NBGRADER.encode()})
        yield configuration


def student(notebook: dict) -> dict:
    """Exercises and hints, no solutions and no answers."""
    return _with_cells(notebook, [
        _words(cell, _ANSWER.sub("", _TOLD.sub("", _source(cell)))) if inside else cell
        for cell, inside in _walk(notebook) if "solution" not in _tags(cell)])


def solved(notebook: dict) -> dict:
    """Each solution in the place of its dots."""
    solutions, cells = _solutions(notebook), []
    for cell in notebook["cells"]:
        if "exercise" in _tags(cell):
            _, check = _parts(cell)
            cell = _code(f"{solutions[_name(check)]}\n\n{check}", cell["metadata"])
        if "solution" not in _tags(cell):
            cells.append(cell)
    return _with_cells(notebook, cells)


def nbgrader(notebook: dict) -> dict:
    """A source for nbgrader: points, and tests that no student sees; questions are read by hand."""
    solutions, cells, level, number = _solutions(notebook), [], None, None
    for cell, inside in _walk(notebook):
        if "exercise" in _tags(cell):
            code, check = _parts(cell)
            name = _name(check)
            answer = f"{code}\n\n### BEGIN SOLUTION\n{solutions[name]}\n### END SOLUTION"
            test = f"{check}\n### BEGIN HIDDEN TESTS\nassert {check}\n### END HIDDEN TESTS"
            cells.append(_code(answer, _graded(name, solution=True)))
            cells.append(_code(test, _graded(f"{name}_test", points=POINTS[level], locked=True)))
        elif inside and cell["cell_type"] == "markdown":
            for before, answered in _between(_TOLD.sub("", _source(cell)), _ANSWER):
                for head in _HEAD.finditer(before):
                    number, level = head.groups()
                cells.append(_words(deepcopy(cell), before))
                if answered == "Answer":
                    cells.append(_words(deepcopy(cell), "Your answer in words."))
                    cells[-1]["metadata"] = _graded(f"question_{number}", True, POINTS[level])
        elif "solution" not in _tags(cell):
            cells.append(cell)
    return _with_cells(notebook, cells)


def _walk(notebook: dict) -> Iterator[tuple[dict, bool]]:
    """Each cell, and whether it belongs to the exercises."""
    inside = False
    for cell in notebook["cells"]:
        if _source(cell).startswith("## "):
            inside = _source(cell).startswith("## Exercises")
        yield cell, inside


def _between(text: str, pattern: re.Pattern) -> Iterator[tuple[str, str | None]]:
    """The text before each match with the match's first group, and the rest with None."""
    place = 0
    for match in pattern.finditer(text):
        yield text[place:match.start()], match[1]
        place = match.end()
    if text[place:].strip() or not place:
        yield text[place:], None


def _graded(name: str, solution: bool = False, points: int | None = None, locked: bool = False) -> dict:
    """A cell's metadata as nbgrader wants it."""
    graded = {} if points is None else {"points": points}
    return {"nbgrader": {"grade_id": name, "grade": points is not None, "solution": solution,
                         "locked": locked, "task": False, "schema_version": 3, **graded}}


def _solutions(notebook: dict) -> dict[str, str]:
    """{check: the code of its solution, under the names that the exercise uses}"""
    found = {}
    for cell in notebook["cells"]:
        if "solution" in _tags(cell) and "checks." in _source(cell):
            code, check = _parts(cell)
            code = code.partition("\n")[2]  # without the line that a folded cell shows
            found[_name(check)] = re.sub(r"\b(\w+)_solution\b", r"\1", code).strip()
    return found


def _parts(cell: dict) -> tuple[str, str]:
    """The code of an exercise or a solution, and the line that calls the check."""
    source = _source(cell)
    start = ast.parse(source).body[-1].lineno - 1
    lines = source.split("\n")
    return "\n".join(lines[:start]).strip(), "\n".join(lines[start:]).strip()


def _name(check: str) -> str:
    return re.search(r"checks\.(\w+)\(", check)[1]


def _tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def _source(cell: dict) -> str:
    return "".join(cell["source"])


def _words(cell: dict, text: str) -> dict:
    """The cell, with this text if it is one of words."""
    if cell["cell_type"] == "markdown":
        cell["source"] = text.strip("\n").splitlines(keepends=True)
    return cell


def _code(source: str, metadata: dict) -> dict:
    return {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [],
            "source": source.splitlines(keepends=True)}


def _with_cells(notebook: dict, cells: list[dict]) -> dict:
    """The notebook with these cells, less those that an answer has left empty, numbered anew."""
    full = [cell for cell in cells if cell["cell_type"] != "markdown" or _source(cell).strip()]
    return notebook | {"cells": [cell | {"id": f"cell-{place:02d}"}
                                 for place, cell in enumerate(full)]}
