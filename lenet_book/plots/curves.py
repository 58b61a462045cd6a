"""Numbers against an epoch, a layer or any other position."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import LogFormatterMathtext, LogLocator, NullFormatter

from ..arguments import checked, fields, flag, named, number, sequence, text
from .picture import BLUE, INK, PALE, RED, SMALL, STYLES, WORDS, Picture, array

_Curves = Mapping[str, Sequence[float]]


def _position(name: str, value) -> str | float:
    return text(name, value) if isinstance(value, str) else number()(name, value)


@checked(charts=named(fields(sequence(_position), named(array(1, least=0, infinite=True)))),
         ylabel=text, log=flag)
def curves(charts: Mapping[str, tuple[Sequence, _Curves]], ylabel: str, log: bool = False) -> Picture:
    """Curves in one chart, or in several side by side that share the vertical axis.

    charts: what is written below a chart -> (positions, {name of a curve: a number a position}).
        Positions are numbers, or names such as those of layers. A curve may end before the last of
        them, and one without numbers is left out. A name has the same style in every chart; there
        are styles for six.
    log: a logarithmic vertical axis, on which 0 has no place; by default, and where there is nothing
        but 0, the axis begins at 0.
    """
    charts = {xlabel: (positions, {name: values for name, values in own.items() if len(values)})
              for xlabel, (positions, own) in charts.items()}
    names = list(dict.fromkeys(name for _, own in charts.values() for name in own))
    longest = max((len(values) - len(positions) for positions, own in charts.values()
                   for values in own.values()), default=0)
    if not 0 < len(names) <= len(STYLES) or longest > 0:
        raise ValueError(f"charts must hold 1 to {len(STYLES)} curves, none longer than its positions, "
                         f"not {', '.join(names) or 'none'}")
    alone = len(charts) == 1
    picture = Picture(f"{ylabel} against " + "; ".join(f"{xlabel}: " + ", ".join(
        f"{name} {_course(values)}" for name, values in own.items())
        for xlabel, (_, own) in charts.items()),
        width=7.5 if alone else min(11, 4 * len(charts) + 0.8), height=4.2 if alone else 3.6)
    axes = picture.subplots(1, len(charts), sharey=True, squeeze=False)[0]
    styles = dict(zip(names, STYLES, strict=False))
    size = WORDS if len(charts) < 4 else SMALL
    lines = {}
    for axis, (xlabel, (positions, own)) in zip(axes, charts.items(), strict=True):
        for name, values in own.items():
            lines[name], = axis.plot(positions[:len(values)], values, **styles[name])
        axis.set_xlabel(xlabel, fontsize=size)
        axis.tick_params(labelsize=size)
        axis.grid(color=PALE)
        if not isinstance(positions[0], str):
            axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel(ylabel, fontsize=WORDS)
    if log and any(max(values) > 0 for _, own in charts.values() for values in own.values()):
        _logarithmic(axes[0])
    else:
        axes[0].set_ylim(0, None)
    beside = int(picture.get_figwidth() / (0.9 + 0.11 * max(map(len, lines))))  # inches
    picture.legend(lines.values(), lines, loc="outside upper center", frameon=False, handlelength=3,
                   fontsize=WORDS, ncols=max(1, min(beside, len(lines))))
    return picture


def _logarithmic(axis) -> None:
    """Ticks in plain numbers, at 1, 2 and 5 where that leaves few enough; tiny: powers of ten."""
    axis.set_yscale("log", nonpositive="mask")
    low, high = axis.get_ylim()
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 200 * low else (1,)))
    axis.yaxis.set_major_formatter("{x:g}" if low > 1e-5 else LogFormatterMathtext())
    axis.yaxis.set_minor_formatter(NullFormatter())


def _course(values: Sequence[float]) -> str:
    """From where to where a curve goes, and its peak if that lies between."""
    peak = max(values)
    between = f" by way of {peak:.3g}" if peak > max(values[0], values[-1]) else ""
    return f"from {values[0]:.3g}{between} to {values[-1]:.3g}"


@checked(rows=named(fields(array(1), number(), number())), xlabel=text)
def intervals(rows: Mapping[str, tuple[Sequence[float], float, float]], xlabel: str) -> Picture:
    """One line a row: its single values as rings, their mean as a bar, and an interval around it.

    rows: name -> (values, low, high), in one unit; drawn from top to bottom. Equal values of a row
    stand one above the other.
    """
    picture = Picture(f"{xlabel}: " + "; ".join(
        f"{name} {np.mean(values):.2f} ({low:.2f} to {high:.2f})"
        for name, (values, low, high) in rows.items()), width=10, height=0.9 + 0.36 * len(rows))
    axis = picture.subplots()
    for line, (values, low, high) in enumerate(rows.values()):
        axis.plot([low, high], [line, line], color=BLUE, linewidth=7, alpha=0.35, solid_capstyle="butt")
        before = [list(values[:place]).count(value) for place, value in enumerate(values)]
        axis.plot(values, [line - 0.2 * many for many in before], "o", color=INK, markersize=6,
                  markerfacecolor="none")
        axis.plot(np.mean(values), line, "|", color=RED, markersize=16, markeredgewidth=3)
    axis.set_xlabel(xlabel, fontsize=WORDS)
    axis.set(ylim=(len(rows) - 0.4, -0.6))
    axis.set_yticks(range(len(rows)), list(rows))
    axis.tick_params(labelsize=WORDS)
    axis.grid(color=PALE, axis="x")
    return picture
