"""The chapters as a teacher hands them out, made from the real ones."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

from lenet_book import sheets
from lenet_book.__main__ import main

CHAPTERS = sorted(path for path in (Path(__file__).parents[1] / "notebooks").glob("*.ipynb")
                  if '"exercise"' in path.read_text())


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return json.loads(request.param.read_text())


def read(notebook):
    """As nbformat reads it, if it is valid."""
    found = nbformat.reads(json.dumps(notebook), as_version=4)
    nbformat.validate(found)
    assert all(cell.source.strip() for cell in found.cells if cell.cell_type == "markdown")
    assert [cell.id for cell in found.cells] == [f"cell-{n:02d}" for n in range(len(found.cells))]
    return found.cells


def exercises(cells):
    """The text of the section."""
    sections = "\n".join(cell.source for cell in cells).split("\n## ")
    return next(text for text in sections if text.startswith("Exercises"))


def only_answers(cell):
    return bool(re.fullmatch(r"<details><summary>(Answer|Why|What comes out)<.*</details>\s*",
                             cell.source, re.DOTALL))


def tagged(cells, tag):
    return [cell for cell in cells if tag in cell.metadata.get("tags", [])]


def test_students_get_stubs_and_hints_and_nothing_else(chapter):
    whole, cells = read(chapter), read(sheets.student(chapter))
    assert tagged(cells, "exercise") and not tagged(cells, "solution")
    code, words = ([[cell for cell in each if cell.cell_type == kind] for each in (whole, cells)]
                   for kind in ("code", "markdown"))
    assert len(code[1]) == len(code[0]) - len(tagged(whole, "solution"))
    assert len(words[1]) == len(words[0]) - sum(map(only_answers, words[0]))
    text = exercises(cells)
    assert "_solution" not in text and "solution follows" not in text
    assert not re.search(r"<summary>(Answer|Why|What comes out)", text)
    hints = exercises(whole).count("<summary>Hint")
    assert text.count("<summary>Hint") == text.count("</details>") == hints


def test_with_solutions_each_stands_in_place_of_its_dots(chapter):
    whole, cells = read(chapter), read(sheets.solved(chapter))
    solutions = {check_of(cell): cell.source for cell in tagged(whole, "solution")
                 if "checks." in cell.source}
    assert [check_of(cell) for cell in tagged(whole, "exercise")] == list(solutions)
    assert not tagged(cells, "solution")
    for cell in tagged(cells, "exercise"):
        *solution, check = ast.parse(cell.source).body
        renamed = solutions[check_of(cell)].replace("_solution", "")
        *expected, assertion = ast.parse(renamed).body
        assert list(map(ast.dump, solution)) == list(map(ast.dump, expected))
        assertion.test.keywords.clear()  # remember=False
        assert ast.unparse(check) == ast.unparse(assertion.test)
        assert not cell.outputs


def check_of(cell):
    return re.findall(r"checks\.(\w+)\(", cell.source)[-1]


def test_nbgrader_finds_answers_hidden_tests_and_points(chapter):
    whole, cells = read(chapter), read(sheets.nbgrader(chapter))
    graded = [cell for cell in cells if "nbgrader" in cell.metadata]
    marks = [cell.metadata.nbgrader for cell in graded]
    assert len({mark.grade_id for mark in marks}) == len(marks)
    assert {frozenset(mark) - {"points"} for mark in marks} == {frozenset(
        {"grade_id", "grade", "solution", "locked", "task", "schema_version"})}
    tests = [cell for cell in graded if cell.metadata.nbgrader.locked]
    answers = [cell for cell in graded if cell.metadata.nbgrader.solution and cell.cell_type == "code"]
    questions = [cell for cell in graded if cell.cell_type == "markdown"]
    assert len(tests) == len(answers) == len(tagged(whole, "exercise"))
    assert len(questions) == exercises(whole).count("<summary>Answer") >= 1
    for answer, test in zip(answers, tests, strict=True):
        stub, _, solution = answer.source.partition("### BEGIN SOLUTION\n")
        assert "..." in stub and solution.endswith("\n### END SOLUTION")
        assert "_solution" not in solution
        check, _, hidden = test.source.partition("\n### BEGIN HIDDEN TESTS\n")
        assert hidden == f"assert {check}\n### END HIDDEN TESTS" and check.startswith("checks.")
        assert test.metadata.nbgrader.points in sheets.POINTS.values()
    assert not any("solution follows" in cell.source for cell in cells)


def test_the_command_writes_what_it_names(tmp_path, capsys):
    for option, where in (([], ""), (["--solutions"], ""),
                          (["--nbgrader"], f"source/{CHAPTERS[0].stem}/")):
        out = tmp_path / "-".join(["out", *option])
        assert main(["sheets", str(out), *option, "--chapters", str(CHAPTERS[0])]) == 0
        written = [Path(line) for line in capsys.readouterr().out.splitlines()]
        assert written[0] == out / where / CHAPTERS[0].name
        assert all(path.exists() for path in written)
        assert {path for path in out.rglob("*") if path.is_file()} == set(written)
    assert written[1].name == "nbgrader_config.py"
    compile(written[1].read_text(), "nbgrader_config.py", "exec")


def test_a_teacher_s_own_configuration_stays(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("mine")
    assert main(["sheets", str(tmp_path), "--nbgrader", "--chapters", str(CHAPTERS[0])]) == 0
    assert (tmp_path / "nbgrader_config.py").read_text() == "mine"


def test_without_chapters_it_takes_all_of_the_folder_notebooks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["sheets", "out"])
    assert "name them, --chapters NOTEBOOK" in capsys.readouterr().err
    (tmp_path / "notebooks").mkdir()
    for path in CHAPTERS[:2]:
        (tmp_path / "notebooks" / path.name).write_text(path.read_text())
    assert main(["sheets", "out"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [path.name for path in CHAPTERS[:2]]


CELL = '{"cells": [{"cell_type": "code", "source": "%s", "metadata": %s}]}'
EXERCISE = '{"tags": ["exercise"]}'


@pytest.mark.parametrize(("text", "said"), [
    ("{", "is no notebook of the book's"), ("[]", "is no notebook"),
    ('{"cells": [{}]}', "is no notebook"), ("[" * 10**5, "is no notebook"), (None, "No such file"),
    *((CELL % wrong, "is no notebook") for wrong in (
        ("%timeit f", EXERCISE), ("", EXERCISE), ("f()", "[]")))])
def test_what_is_no_chapter_is_refused_and_nothing_written(tmp_path, capsys, text, said):
    if text is not None:
        (tmp_path / "strange.ipynb").write_text(text)
    command = ["sheets", str(tmp_path / "out"), "--solutions", "--chapters", str(CHAPTERS[0])]
    assert main([*command, str(tmp_path / "strange.ipynb")]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_chapters_themselves_are_never_written_over(tmp_path, capsys):
    (tmp_path / "a.ipynb").write_text(CHAPTERS[0].read_text())
    with pytest.raises(SystemExit):
        main(["sheets", str(tmp_path), "--chapters", str(tmp_path / "a.ipynb")])
    assert "would be written over" in capsys.readouterr().err
    assert (tmp_path / "a.ipynb").read_text() == CHAPTERS[0].read_text()


def test_two_chapters_of_one_name_are_not_written_over_each_other(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["sheets", str(tmp_path / "out"), "--chapters", str(CHAPTERS[0]),
              str(tmp_path / CHAPTERS[0].name)])
    assert f"two of the chapters are called {CHAPTERS[0].name}" in capsys.readouterr().err
