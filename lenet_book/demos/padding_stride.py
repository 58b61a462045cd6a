"""Where the windows lie, what they leave out, and the formula with its numbers."""

from ..arithmetic import conv_output_size, dropped, effective_kernel, explain
from ..plots import BLUE, GREEN, PALE, RED
from .base import Demo
from .controls import slider
from .sheet import Sheet

_AREA, _TOP = 330, 40  # pixels: the square for the input, and where it begins


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
    return Demo("padding_stride", paint, controls, (840, 440), limits=limits, projector=projector)


def limits(n, k, p, s, d, window) -> dict[str, int]:
    """As many windows as there are outputs."""
    return {"window": max(_outputs(n, k, p, s, d)**2 - 1, 0)}


def paint(sheet: Sheet, n, k, p, s, d, window) -> str:
    """Input, windows, output and formula; where nothing fits, the sentence says what to change."""
    outputs = _outputs(n, k, p, s, d)
    padded, reach = n + 2 * p, effective_kernel(k, d)
    lost = dropped(n, k, s, p, d) if outputs else 0
    cell = _AREA / max(padded, 8)
    left = 30
    sheet.text(left, 20, f"input {n} × {n}" + f", padding {p}" * bool(p), 15, anchor="lm", bold=True)
    sheet.fill(left, _TOP, cell * padded, cell * padded, PALE)
    sheet.fill(left + cell * p, _TOP + cell * p, cell * n, cell * n, "white")
    sheet.grid(left, _TOP, cell, padded, padded)
    for i in range(padded):
        for j in range(padded):
            if outputs and max(i, j) >= padded - lost:
                sheet.cross(left + cell * j, _TOP + cell * i, cell, RED)
    if not outputs:
        sheet.text(600, _TOP + 30, "no output: the kernel does not fit", 15, RED, bold=True)
        return (f"A kernel of {k} with dilation {d} reaches across {reach} pixels; the padded input "
                f"has only {n} + 2·{p} = {padded}: {padded} - {reach} < 0, so there is no output. Make "
                "n or p larger, or k or d smaller.")
    row, column = divmod(min(window, outputs**2 - 1), outputs)
    _windows(sheet, left, cell, k, s, d, outputs, row, column)
    right = 470
    size = min(cell, _AREA / outputs)
    sheet.text(right, 20, f"output {outputs} × {outputs}", 15, anchor="lm", bold=True)
    sheet.grid(right, _TOP, size, outputs, outputs)
    sheet.outline(right + size * column, _TOP + size * row, size, size, BLUE, 3)
    sheet.text(left, 394, "floor((n + 2p − d(k − 1) − 1) / s) + 1", 15, anchor="lm")
    sheet.text(left, 420, explain(n, k, s, p, d), 15, anchor="lm", bold=True)
    rows, columns = (range(start * s - p, start * s - p + reach) for start in (row, column))
    beyond = " (what is below 0 lies in the padding)" if min(rows.start, columns.start) < 0 else ""
    return (f"{explain(n, k, s, p, d)}. Input {n} × {n}, output {outputs} × {outputs}; "
            f"output ({row}, {column}) reads rows {rows.start} to {rows[-1]} and columns "
            f"{columns.start} to {columns[-1]} of the input{beyond}.")


def _windows(sheet, left, cell, k, s, d, outputs, row, column) -> None:
    """The chosen window, its taps, and the next ones to the right and below."""
    reach = effective_kernel(k, d)
    neighbours = [(row, column + 1, RED), (row + 1, column, GREEN)]
    for r, c, colour in neighbours:
        if max(r, c) < outputs:
            sheet.outline(left + cell * c * s, _TOP + cell * r * s, cell * reach, cell * reach, colour,
                          2, dash=True)
    x, y = left + cell * column * s, _TOP + cell * row * s
    for i in range(k):
        for j in range(k):
            sheet.fill(x + cell * (d * j + 0.3), y + cell * (d * i + 0.3), cell * 0.4, cell * 0.4, BLUE)
    sheet.outline(x, y, cell * reach, cell * reach, BLUE, 3)


def _outputs(n, k, p, s, d) -> int:
    """Output positions along one axis; none where the kernel does not fit."""
    return conv_output_size(n, k, s, p, d) if effective_kernel(k, d) <= n + 2 * p else 0
