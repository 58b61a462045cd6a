"""Does a loop that a reader wrote always end in its first round, by return, break or raise?"""

from collections.abc import Iterator
from dis import get_instructions
from inspect import unwrap
from types import CodeType

ENDS_AT_ONCE = "one of its loops always ends in its first round, by return, break or raise"


def ends_in_first_round(answer) -> bool:
    """Is there a `for` in this function, or in a layer's methods, that nothing leads back to?"""
    parts = answer, getattr(answer, "forward", None), getattr(answer, "__init__", None)
    codes = (getattr(unwrap(part), "__code__", None) for part in parts if callable(part))
    return any(_never_again(each) for code in codes if code for each in _with_inner(code))


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    """This code and that of the functions defined in it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _with_inner(each)


def _never_again(code: CodeType) -> bool:
    """Python leaves out the jump to a loop's head where no round can end by it."""
    steps = list(get_instructions(code))
    heads, prefix = [], None
    for step in steps:
        first = step.offset if prefix is None else prefix
        prefix = first if step.opname == "EXTENDED_ARG" else None
        if step.opname == "FOR_ITER":
            heads.append({first, step.offset})
    back = {step.argval for step in steps if "JUMP" in step.opname and isinstance(step.argval, int)
            and step.argval <= step.offset}
    return any(not head & back for head in heads)
