"""The exercises of a chapter as they stand on its page, and their solutions, whole and mutated."""

import ast
from functools import cache
from pathlib import Path

import nbformat
import torch
from page_names import reads_and_binds

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CHECK = "checks."
MOST = 80  # mutants of a solution that are tried: of a longer list every second, third, ...


@cache
def cells_of(chapter):
    path, = NOTEBOOKS.glob(f"{chapter:02d}_*.ipynb")
    return nbformat.read(path, as_version=4).cells


def prose(chapter):
    """The text of the page."""
    return "\n".join(cell.source for cell in cells_of(chapter) if cell.cell_type == "markdown")


def code_of(chapter):
    """The sources of the chapter's code cells, and for each whether it is a solution."""
    return [(cell.source, "solution" in cell.metadata.get("tags", []))
            for cell in cells_of(chapter) if cell.cell_type == "code"]


def checked_in(source):
    """The names of the checks that a cell calls."""
    return [node.func.attr for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(CHECK)]


def stubs(chapter):
    """{exercise: its cell}"""
    return {name: source for source, solved in code_of(chapter) if not solved
            for name in checked_in(source) if name != "solved"}


def solutions(chapter):
    """{exercise: its cell}"""
    return {name: source for source, solved in code_of(chapter) if solved
            for name in checked_in(source)}


@cache
def _compiled(chapter):
    """What the cells that are no solutions run, each import by itself, with what it reads and binds."""
    codes = []
    for text, solved in code_of(chapter):
        parts = []  # of the cell
        for line in [] if solved else ast.parse(text).body:
            if parts and not any(isinstance(each, ast.Import | ast.ImportFrom)
                                 for each in (line, parts[-1][-1])):
                parts[-1].append(line)
            else:
                parts.append([line])
        codes += [compile(ast.Module(part, []), "cell", "exec") for part in parts]
    return [(code, *reads_and_binds(code)) for code in codes]


def page_for(chapter, source):
    """A namespace with all that this cell needs of the page: what binds it, and what that needs."""
    wanted, needed = reads_and_binds(compile(source, "cell", "exec"))[0], []
    for code, reads, binds in reversed(_compiled(chapter)):
        if binds & wanted:
            needed.append(code)
            wanted |= reads
    page = {"__name__": "__main__"}
    for code in reversed(needed):
        exec(code, page)
    return page


_OPERATORS = [ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod]
_COMPARISONS = [ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq]
_TWINS = [("max", "min"), ("argmax", "argmin"), ("sum", "mean"), ("zeros", "ones"), ("amax", "amin"),
          ("relu", "tanh"), ("log", "exp"), ("sqrt", "square"), ("Conv2d", "ConvTranspose2d"),
          ("MaxPool2d", "AvgPool2d"), ("max_pool2d", "avg_pool2d"), ("ReLU", "Tanh"), ("all", "any"),
          ("append", "remove"), ("ceil", "floor"), ("item", "bool"), ("new_zeros", "new_ones")]
TWINS = {**dict(_TWINS), **{b: a for a, b in _TWINS}}


def mutants(source):
    """(old lines, new lines, the source) for every small change of a solution; its check stays."""
    tree = ast.parse(source)
    *body, _ = tree.body
    places = [node for each in body for node in ast.walk(each)]
    names = sorted({node.id for node in places
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
                   | {node.arg for node in places if isinstance(node, ast.arg)})
    plain = ast.unparse(tree)
    seen = {plain}
    for node in places:
        before = vars(node).copy()
        for change in range(len(list(_changes(node, names)))):
            vars(node).update({field: value.copy() for field, value in before.items()
                               if isinstance(value, list)})  # the changes are made in a copy
            list(_changes(node, names))[change]()
            text = ast.unparse(tree)
            vars(node).update(before)
            if text not in seen:
                seen.add(text)
                old, new = (set(t.splitlines()) for t in (plain, text))
                yield *(" / ".join(lines).strip() for lines in (old - new, new - old)), text


def _changes(node, names):
    """Functions, each of which makes one small change to this node of a syntax tree."""
    def put(attribute, value):
        return lambda: setattr(node, attribute, value)

    match node:
        case ast.BinOp() | ast.AugAssign():
            yield from (put("op", kind()) for kind in _OPERATORS if not isinstance(node.op, kind))
        case ast.Compare():
            yield from (put("ops", [kind(), *node.ops[1:]]) for kind in _COMPARISONS
                        if not isinstance(node.ops[0], kind))
        case ast.Constant(value=bool()):
            yield put("value", not node.value)
        case ast.Constant(value=int() | float()):
            yield from (put("value", value) for value in
                        (node.value + 1, node.value - 1, -node.value, 2 * node.value, 0))
        case ast.UnaryOp(op=ast.USub()):
            yield put("op", ast.UAdd())
        case ast.UnaryOp(op=ast.Not()):
            yield put("op", ast.UAdd())
        case ast.Name(ctx=ast.Load()) if node.id in names:
            yield from (put("id", name) for name in names if name != node.id)
        case ast.Attribute() if node.attr in TWINS:
            yield put("attr", TWINS[node.attr])
        case ast.Subscript(slice=ast.Tuple()):
            yield put("slice", ast.Tuple(node.slice.elts[::-1], ast.Load()))
        case ast.Slice():
            yield from (put(end, None) for end in ("lower", "upper", "step") if getattr(node, end))
        case ast.Tuple(ctx=ast.Load()) if len(node.elts) > 1:
            yield lambda: node.elts.reverse()
        case ast.BoolOp():
            yield put("op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.IfExp():
            yield lambda: vars(node).update(body=node.orelse, orelse=node.body)
        case ast.Call():
            if len(node.args) > 1:
                yield lambda: node.args.reverse()
                yield lambda: node.args.pop()
            yield from ((lambda k=k: node.keywords.pop(k)) for k in range(len(node.keywords)))
            if ast.unparse(node.func) == "range":
                shorter = ast.BinOp(node.args[-1], ast.Sub(), ast.Constant(1))
                yield lambda: node.args.__setitem__(-1, shorter)
    for body in (getattr(node, "body", []), getattr(node, "orelse", [])):
        if isinstance(body, list):
            for place, statement in enumerate(body):
                words = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
                if not words and not isinstance(statement, ast.FunctionDef | ast.ClassDef):
                    yield (lambda b=body, p=place: b.__setitem__(p, ast.Pass()))


def survivors(source, every, page):
    """(old lines, new lines) of each mutant that its check lets pass with numbers of its own."""
    arguments = [ast.unparse(each) for each in ast.parse(source).body[-1].test.args]

    def answers(text):
        mine = dict(page)
        exec(compile(text, "mutant", "exec"), mine)  # raises where the check refuses
        return [eval(each, mine) for each in arguments]

    right = answers(source)
    for old, new, text in every[::len(every) // MOST + 1]:
        try:
            found = answers(text)
        except Exception:  # refused, or no answer at all
            continue
        if not all(map(_same_numbers, found, right)):
            yield old, new


def _same_numbers(one, other):
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.shape == other.shape and torch.allclose(one, other)
    return isinstance(one, int | float | tuple | list) and one == other
