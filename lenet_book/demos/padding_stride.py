"""Where the windows lie, what they leave out, and the formula with its numbers."""

from itertools import product

from ..arithmetic import conv_output_size, dropped, effective_kernel, explain
from ..plots import BLUE, GREEN, INK, PALE, RED
from .base import Demo, Facts
from .controls import slider
from .sheet import Sheet
from .words import span

_LEFT, _MIDDLE, _RIGHT, _TOP = 14, 300, 524, 36  # pixels: input, output and words, and where they begin
_SIDE, _OUTPUT = 250, 196  # the most that input and output may take


def padding_stride(n: int = 8, k: int = 3, p: int = 0, s: int = 2, d: int = 1, row: int = 0,
                   column: int = 0, projector: bool = False, hidden: bool = False) -> Demo:
    """Input, windows and output of a convolution or pooling, square, with the formula.

    n: height and width of the input, 1 to 16. k: of the kernel, 1 to 7. p: padding a side, 0 to 4.
    s: stride, 1 to 5. d: dilation, 1 to 4. All in pixels. row, column: of the output that is made,
    0 to 23; the last one where there are fewer.
    """
    controls = {
        "n": slider("input n", n, 1, 16, width=180), "k": slider("kernel k", k, 1, 7, width=180),
        "p": slider("padding p", p, 0, 4, width=180), "s": slider("stride s", s, 1, 5, width=180),
        "d": slider("dilation d", d, 1, 4, width=180), "row": slider("row", row, 0, 23, width=180),
        "column": slider("column", column, 0, 23, width=180),
    }
    return Demo("padding_stride", compute, paint, say, controls, (840, 296), limits=limits,
                projector=projector, hidden=hidden, plays=["column", "row"])


def limits(n, k, p, s, d, **others) -> dict[str, int]:
    """As many rows and columns as there are outputs."""
    last = max(_outputs(n, k, p, s, d) - 1, 0)
    return {"row": last, "column": last}


def compute(n, k, p, s, d, row, column) -> Facts:
    """One window of a layer; lengths in pixels. m is 0 where the kernel does not fit."""
    m, reach = _outputs(n, k, p, s, d), effective_kernel(k, d)
    unit = (min(row, m - 1), min(column, m - 1)) if m else (0, 0)
    rows, columns = (range(u * s - p, u * s - p + reach, d) for u in unit)
    return Facts(
        n=n, k=k, p=p, s=s, d=d, m=m, reach=reach,
        lost=dropped(n, k, s, p, d) if m else 0,  # at the end of the padded input, read by no window
        unit=unit,  # row and column of the output that this window makes
        rows=rows, columns=columns,  # of the input that it reads; from -p to -1 and from n on: padding
        formula=explain(n, k, s, p, d) if m else "")


def _outputs(n, k, p, s, d) -> int:
    """Output positions along one axis; none where the kernel does not fit."""
    return conv_output_size(n, k, s, p, d) if effective_kernel(k, d) <= n + 2 * p else 0


def paint(sheet: Sheet, facts: Facts) -> None:
    n, p, m = facts.n, facts.p, facts.m
    padded = n + 2 * p
    cell = _SIDE / max(padded, facts.reach, 8)
    sheet.title(_LEFT, 18, f"input {n} × {n}" + f", padding {p}" * bool(p))
    sheet.fill(_LEFT, _TOP, cell * padded, cell * padded, PALE)
    sheet.fill(_LEFT + cell * p, _TOP + cell * p, cell * n, cell * n, "white")
    sheet.grid(_LEFT, _TOP, cell, padded, padded)
    for i, j in product(range(padded), repeat=2):
        if max(i, j) >= padded - facts.lost:
            sheet.cross(_LEFT + cell * j, _TOP + cell * i, cell, RED, answer=True)
    _words(sheet, facts)
    sheet.answer(_MIDDLE - 4, 4, _RIGHT + 312 - _MIDDLE, 172)
    if not m:
        sheet.outline(_LEFT, _TOP, cell * facts.reach, cell * facts.reach, RED, 3)
        return
    _windows(sheet, facts, cell)
    _made(sheet, facts, min(cell, _OUTPUT / m))


def _windows(sheet: Sheet, facts: Facts, cell: float) -> None:
    """The chosen window with the pixels it reads, and the next ones to the right and below."""
    row, column = facts.unit
    left, top = _LEFT + cell * facts.p, _TOP + cell * facts.p  # of the input's first pixel
    x, y, side = left + cell * facts.columns[0], top + cell * facts.rows[0], cell * facts.reach
    if column + 1 < facts.m:
        sheet.outline(x + cell * facts.s, y, side, side, RED, 2, dash=True)
    if row + 1 < facts.m:
        sheet.outline(x, y + cell * facts.s, side, side, GREEN, 2, dash=True)
    for i, j in product(facts.rows, facts.columns):
        sheet.fill(left + cell * (j + 0.3), top + cell * (i + 0.3), cell * 0.4, cell * 0.4, BLUE)
    sheet.outline(x, y, side, side, BLUE, 3)


def _made(sheet: Sheet, facts: Facts, cell: float) -> None:
    """The outputs, those grey that are made before the chosen one."""
    m, (row, column) = facts.m, facts.unit
    sheet.title(_MIDDLE, 18, f"output {m} × {m}")
    sheet.fill(_MIDDLE, _TOP, cell * m, cell * row, PALE)
    sheet.fill(_MIDDLE, _TOP + cell * row, cell * column, cell, PALE)
    sheet.grid(_MIDDLE, _TOP, cell, m, m)
    sheet.fill(_MIDDLE + cell * column, _TOP + cell * row, cell, cell, BLUE)


def _words(sheet: Sheet, facts: Facts) -> None:
    """The formula, a step a line, and what the marks mean."""
    n, k, p, s, d, reach = facts.n, facts.k, facts.p, facts.s, facts.d, facts.reach
    room = n + 2 * p - reach
    lines = [("a window reaches d(k − 1) + 1", f"= {d}·({k} − 1) + 1 = {reach}"),
             ("room for it n + 2p − reach", f"= {n} + 2·{p} − {reach} = {room}".replace("-", "−")),
             ("no output: it does not fit", "") if room < 0 else
             ("outputs floor(room / s) + 1", f"= floor({room} / {s}) + 1 = {facts.m}")]
    for i, (name, numbers) in enumerate(lines):
        y = 18 + 52 * i
        sheet.title(_RIGHT, y, name, colour=RED if room < 0 and i == 2 else INK)
        sheet.text(_RIGHT, y + 24, numbers)
    sheet.fill(_RIGHT, 186, 12, 12, BLUE)
    sheet.text(_RIGHT + 24, 192, "read by the window")
    sheet.outline(_RIGHT - 2, 208, 16, 16, RED, 2, dash=True)
    sheet.outline(_RIGHT + 18, 208, 16, 16, GREEN, 2, dash=True)
    sheet.text(_RIGHT + 44, 217, "the next, right and below")
    sheet.fill(_RIGHT - 2, 234, 16, 16, PALE)
    sheet.text(_RIGHT + 24, 242, "padding; outputs made before")
    sheet.cross(_RIGHT - 2, 260, 16, RED)
    sheet.text(_RIGHT + 24, 268, "past the last window")


def say(facts: Facts) -> str:
    n, p, m, reach = facts.n, facts.p, facts.m, facts.reach
    if not m:
        padded = n + 2 * p
        return (f"A kernel of {facts.k} with dilation {facts.d} reaches across {reach} pixels; the "
                f"padded input has only {n} + 2·{p} = {padded}: {padded} − {reach} < 0, so there "
                "is no output. Make n or p larger, or k or d smaller.")
    outside = ["below 0"] * (min(facts.rows[0], facts.columns[0]) < 0)
    outside += [f"above {n - 1}"] * (max(facts.rows[-1], facts.columns[-1]) >= n)
    beyond = f" (what is {' or '.join(outside)} lies in the padding)" if outside else ""
    formula = facts.formula.replace("*", "·")  # as in the picture
    said = (f"{formula}. Input {n} × {n}, output {m} × {m}; output {facts.unit} reads "
            f"{span('row', facts.rows)} and {span('column', facts.columns)} of the input{beyond}.")
    return said.replace("-", "−")
