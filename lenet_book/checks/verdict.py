"""What a check says: right or not, and one sentence why."""

from dataclasses import dataclass
from html import escape

_SHOWN = 8  # printed lines; the first call prints the first of them


@dataclass(frozen=True)
class Verdict:
    """What a check found; shown as the last line of a cell, and true where the answer is right.

    passed: is the answer right? reason: one sentence, that names the error where there is one.
    printed: what a wrong answer has printed, of which the first lines are shown.
    """

    passed: bool
    reason: str
    printed: str = ""

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"{'right' if self.passed else 'not yet'}: {self.reason}" + "".join(
            f"\n| {line}" for line in self._lines())

    def _lines(self) -> list[str]:
        """The first lines that were printed."""
        lines = [line[:200] for line in self.printed.splitlines()]
        return lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], "..."]

    def _repr_html_(self) -> str:
        word, edge = ("right", "solid") if self.passed else ("not yet", "dashed")
        # No colour of its own: the page is light or dark. What a learner wrote may stand in the reason.
        return (f'<div style="border-left: 4px {edge}; padding: 0.2em 0.8em">'
                f"<b>{word}:</b> {escape(self.reason)}"
                + "".join(f"<br><code>{escape(line)}</code>" for line in self._lines()) + "</div>")


class NotYet(Exception):
    """The stub stands as it was."""


class Wrong(Exception):
    """What is wrong with an answer, in one sentence for its author."""
