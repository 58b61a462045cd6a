"""Which names a page's cells read and bind, from their bytecode."""

import dis
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from types import CodeType


def ambiguous(sources):
    """(cell, name, cells that bind it) where a cell reads a name that two or more cells bind or delete,
    loop variables included.

    What such a cell gives depends on which of them ran last: it may not be what it gave, when cells are
    run again, in whatever order. sources: of the code cells, in order; cells count from 0. A function
    reads where it is called what its body reads.
    """
    codes = [compile(source, f"cell {place}", "exec", PyCF_ALLOW_TOP_LEVEL_AWAIT)
             for place, source in enumerate(sources)]
    cells = [reads_and_binds(code) for code in codes]
    bodies = {inner.co_name: _names(inner) for code in codes for inner in _inside(code)}
    found = []
    for place, (reads, binds) in enumerate(cells):
        seen, waiting = set(), [*reads]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += bodies.get(name, set()) - binds
        for name in sorted(seen):
            binding = [other for other, (_, bound) in enumerate(cells) if name in bound]
            if len(binding) > 1:
                found.append((place, name, binding))
    return found


def reads_and_binds(code: CodeType):
    """What a cell reads before it has bound it, or in its functions; what it binds."""
    reads, binds = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("STORE_NAME", "DELETE_NAME"):
            binds.add(step.argval)
        elif step.opname == "LOAD_NAME" and step.argval not in binds:
            reads.add(step.argval)
    return reads | set().union(*map(_names, _inside(code))) - binds, binds


def _names(code: CodeType):
    """Names of the page that a function, or what stands in it, reads."""
    own = {step.argval for step in dis.get_instructions(code)
           if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return own.union(*map(_names, _inside(code)))


def _inside(code: CodeType):
    return [value for value in code.co_consts if isinstance(value, CodeType)]
