"""Where the windows lie, what they leave out, and the formula with its numbers."""

from itertools import product

from ..arithmetic import conv_output_size, dropped, effective_kernel, explain
from ..plots import BLUE, GREEN, PALE, RED
from .base import Demo, Facts
from .controls import slider
from .sheet import Sheet
from .words import span

_SIDE, _LEFT, _RIGHT, _TOP = 330, 30, 470, 40  # pixels: input and output, and where they begin


def padding_stride(n: int = 8, k: int = 3, p: int = 0, s: int = 2, d: int = 1, window: int = 0,
                   projector: bool = False) -> Demo:
    """Input, windows and output of a convolution or pooling, square, with the formula.

    n: height and width of the input, 1 to 16. k: of the kernel, 1 to 7. p: padding a side, 0 to 4.
    s: stride, 1 to 5. d: dilation, 1 to 4. All in pixels. window: which of them, in reading order.
    """
    controls = {
        "n": slider("input n", n, 1, 16), "k": slider("kernel k", k, 1, 7),
        "p": slider("padding p", p, 0, 4), "s": slider("stride s", s, 1, 5),
        "d": slider("dilation d", d, 1, 4), "window": slider("window", window, 0, 24**2 - 1),
    }
    return Demo("padding_stride", compute, paint, say, controls, (840, 440), limits=limits,
                projector=projector)


def limits(n, k, p, s, d, window) -> dict[str, int]:
    """As many windows as there are outputs."""
    return {"window": max(_outputs(n, k, p, s, d)**2 - 1, 0)}


def compute(n, k, p, s, d, window) -> Facts:
    """One window of a layer; lengths in pixels. m is 0 where the kernel does not fit."""
    m, reach = _outputs(n, k, p, s, d), effective_kernel(k, d)
    unit = divmod(min(window, m**2 - 1), m) if m else (0, 0)
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
    cell = _SIDE / max(padded, 8)
    sheet.title(_LEFT, 20, f"input {n} × {n}" + f", padding {p}" * bool(p))
    sheet.fill(_LEFT, _TOP, cell * padded, cell * padded, PALE)
    sheet.fill(_LEFT + cell * p, _TOP + cell * p, cell * n, cell * n, "white")
    sheet.grid(_LEFT, _TOP, cell, padded, padded)
    for i, j in product(range(padded), repeat=2):
        if max(i, j) >= padded - facts.lost:
            sheet.cross(_LEFT + cell * j, _TOP + cell * i, cell, RED)
    if not m:
        sheet.text(600, _TOP + 30, "no output: the kernel does not fit", 15, RED, bold=True)
        return
    _windows(sheet, facts, cell)
    row, column = facts.unit
    size = min(cell, _SIDE / m)
    sheet.title(_RIGHT, 20, f"output {m} × {m}")
    sheet.grid(_RIGHT, _TOP, size, m, m)
    sheet.outline(_RIGHT + size * column, _TOP + size * row, size, size, BLUE, 3)
    sheet.text(_LEFT, 394, "floor((n + 2p − d(k − 1) − 1) / s) + 1", 15, anchor="lm")
    sheet.title(_LEFT, 420, facts.formula)


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


def say(facts: Facts) -> str:
    n, p, m, reach = facts.n, facts.p, facts.m, facts.reach
    if not m:
        padded = n + 2 * p
        return (f"A kernel of {facts.k} with dilation {facts.d} reaches across {reach} pixels; the "
                f"padded input has only {n} + 2·{p} = {padded}: {padded} - {reach} < 0, so there "
                "is no output. Make n or p larger, or k or d smaller.")
    outside = ["below 0"] * (min(facts.rows[0], facts.columns[0]) < 0)
    outside += [f"above {n - 1}"] * (max(facts.rows[-1], facts.columns[-1]) >= n)
    beyond = f" (what is {' or '.join(outside)} lies in the padding)" if outside else ""
    return (f"{facts.formula}. Input {n} × {n}, output {m} × {m}; output {facts.unit} reads "
            f"{span('row', facts.rows)} and {span('column', facts.columns)} of the input{beyond}.")
