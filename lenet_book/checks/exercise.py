"""A check as a chapter calls it: whatever the answer is, one sentence comes back."""

from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from inspect import signature
from io import StringIO

import torch

from ..arguments import checked, shown, whole
from .calls import within
from .errors import one_line
from .loops import ENDS_AT_ONCE, ends_in_first_round
from .verdict import NotYet, Verdict, Wrong


class Exercise:
    """Called with the reader's answer, says whether it is right, and if not, what is wrong with it.

    chapter, number: where it stands in the book. minutes: how long a reader needs, roughly.
    level: easy, medium or hard. check: a function that takes the answer, returns a
    sentence on a right one and raises Wrong, or NotYet for an untouched stub.
    """

    seconds = 8  # that an answer may take in all

    def __init__(self, chapter: int, number: int, level: str, minutes: int,
                 check: Callable[..., str]) -> None:
        self.chapter, self.number, self.level, self.minutes = chapter, number, level, minutes
        self.name, self.__doc__ = check.__name__, check.__doc__
        self._check, self.solved = check, False

    def __call__(self, *answer, remember: bool = True) -> Verdict:
        """Is this right? remember: where it is, count the exercise as solved by the reader."""
        with redirect_stdout(StringIO()) as printed:  # a check calls an answer many times
            verdict = self._verdict(answer)
        self.solved |= verdict.passed and remember
        return verdict if verdict else replace(verdict, printed=printed.getvalue())

    def __repr__(self) -> str:
        return f"checks.{self.name}: call it with your answer to exercise {self.number}"

    def _verdict(self, answer: tuple) -> Verdict:
        if any(part is ... or (isinstance(part, tuple | list) and any(each is ... for each in part))
               for part in answer):
            return Verdict(False, "replace the dots")
        takes = signature(self._check).parameters
        if len(answer) != len(takes):
            return Verdict(False, f"hand over {' and '.join(takes)}, {len(takes)} in all, "
                                  f"not {len(answer)}")
        try:
            # The page's random numbers stay, and what it has switched off is on for the answer.
            with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
                torch.default_generator.manual_seed(0)  # that of the CPU alone, which is quicker
                return Verdict(True, within(self.seconds, self._check, *answer))
        except NotYet:
            return Verdict(False, "replace the dots")
        except TimeoutError:
            return Verdict(False, f"no result within {self.seconds} seconds: does a loop never end?")
        except Wrong as wrong:
            reason = " ".join(str(wrong).split())  # a net is shown in several lines
            return Verdict(False, f"{reason}; {ENDS_AT_ONCE}"
                           if any(map(ends_in_first_round, answer)) else reason)
        except Exception as error:  # an answer that nobody thought of
            given = ", ".join(map(shown, answer))
            return Verdict(False, f"{given} cannot be an answer here ({one_line(error)})")


class Solved(list):
    """The exercises of a chapter; shows which of them are solved."""

    def __repr__(self) -> str:
        done = [str(each.number) for each in self if each.solved]
        left = [str(each.number) for each in self if not each.solved]
        return f"solved: {', '.join(done) or 'none yet'}; to do: {', '.join(left) or 'none'}"


EXERCISES: dict[str, Exercise] = {}  # by name


def exercise(chapter: int, number: int, level: str, minutes: int) -> Callable[[Callable], Exercise]:
    """A decorator that makes a function the check of this exercise."""
    def decorate(check: Callable[..., str]) -> Exercise:
        EXERCISES[check.__name__] = Exercise(chapter, number, level, minutes, check)
        return EXERCISES[check.__name__]
    return decorate


@checked(chapter=whole(1, 15))
def solved(chapter: int) -> Solved:
    """What of a chapter, 1 to 15, has been solved since the kernel was started."""
    return Solved(sorted((each for each in EXERCISES.values() if each.chapter == chapter),
                         key=lambda each: each.number))
