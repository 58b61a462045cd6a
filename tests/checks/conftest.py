import pytest

from lenet_book.checks import EXERCISES


@pytest.fixture(autouse=True)
def forgotten():
    """Nothing is solved when a test begins."""
    for each in EXERCISES.values():
        each.solved = False


def pytest_generate_tests(metafunc):
    """The answers of the chapter whose file a test of every_exercise.py was imported into."""
    chapter = metafunc.module
    if "answers" in metafunc.fixturenames:
        metafunc.parametrize("answers", [chapter], ids=["chapter"])
    if "name" in metafunc.fixturenames and hasattr(chapter, "RIGHT"):
        metafunc.parametrize("name", chapter.RIGHT)
    if "right" in metafunc.fixturenames:
        cases = [(name, answer) for name, several in chapter.RIGHT.items() for answer in several]
        metafunc.parametrize("right", cases, ids=[name for name, _ in cases])
    if "wrong" in metafunc.fixturenames:
        cases = [(name, words, answer) for name, several in chapter.WRONG.items()
                 for words, *answer in several]
        metafunc.parametrize("wrong", cases, ids=[f"{name}: {words}" for name, words, _ in cases])
