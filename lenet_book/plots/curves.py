"""Numbers against an epoch, a layer or any other position."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from .picture import BLUE, GREEN, INK, ORANGE, PALE, PURPLE, RED, Picture


def learning_curve(series: Mapping[str, Sequence[float]]) -> Picture:
    """Error rate against the epoch, on a logarithmic scale; series: name -> a share an epoch."""
    series = {name: values for name, values in series.items() if len(values)}
    ends = "; ".join(f"{name} from {values[0]:.2%} to {values[-1]:.2%}"
                     for name, values in series.items())
    picture = Picture(f"learning curve: {ends}", width=7, height=3.6)
    axis = picture.subplots()
    styles = zip((BLUE, RED, GREEN, PURPLE), "os^D", ("-", "--", "-.", ":"), strict=True)
    for (name, values), (colour, marker, line) in zip(series.items(), styles, strict=False):
        percent = [100 * value or float("nan") for value in values]  # 0 has no place on a log scale
        axis.plot(range(1, len(values) + 1), percent, color=colour, marker=marker, linestyle=line,
                  label=f"{name}: {values[-1]:.2%} at the end")
    axis.set(xlabel="epoch", ylabel="error, % (log scale)", yscale="log")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid(color=PALE)
    axis.legend(frameon=False)
    return picture


def lines(positions: Sequence[float], curves: Mapping[str, Sequence[float]], xlabel: str,
          ylabel: str) -> Picture:
    """Curves over the same positions, each with its own colour, marker and dashes; name -> values."""
    picture = Picture(f"{ylabel} against {xlabel}: " + "; ".join(
        f"{name}, from {values[0]:.2f} to {values[-1]:.2f}" for name, values in curves.items()),
        width=6.4, height=3.6)
    axis = picture.subplots()
    styles = zip((BLUE, RED, GREEN, PURPLE), "os^D", ("-", "--", "-.", ":"), (5, 2, 2, 2),
                 (11, 6, 7, 6), strict=True)  # the first is broad, to be seen beneath another
    for (name, values), (colour, marker, line, width, size) in zip(curves.items(), styles,
                                                                   strict=False):
        axis.plot(positions, values, color=colour, marker=marker, linestyle=line, linewidth=width,
                  markersize=size, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, None))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(color=PALE)
    axis.legend(frameon=False)
    return picture


def intervals(rows: Mapping[str, tuple[Sequence[float], float, float]], xlabel: str) -> Picture:
    """One line a row: its single values as rings, their mean as a bar, and an interval around it.

    rows: name -> (values, low, high), in one unit; drawn from top to bottom.
    """
    picture = Picture(f"{xlabel}: " + "; ".join(
        f"{name} {np.mean(values):.2f} ({low:.2f} to {high:.2f})"
        for name, (values, low, high) in rows.items()), width=8.4, height=0.8 + 0.32 * len(rows))
    axis = picture.subplots()
    for line, (values, low, high) in enumerate(rows.values()):
        axis.plot([low, high], [line, line], color=BLUE, linewidth=7, alpha=0.35, solid_capstyle="butt")
        axis.plot(values, [line] * len(values), "o", color=INK, markerfacecolor="none", markersize=5)
        axis.plot(np.mean(values), line, "|", color=RED, markersize=16, markeredgewidth=3)
    axis.set(xlabel=xlabel, ylim=(len(rows) - 0.4, -0.6))
    axis.set_yticks(range(len(rows)), list(rows), fontsize=10)
    axis.grid(color=PALE, axis="x")
    return picture


def panels(charts: Mapping[str, tuple[Sequence[float], Mapping[str, Sequence[float]]]],
           ylabel: str) -> Picture:
    """Curves in charts side by side that share the vertical axis.

    charts: what is written below a chart -> (positions, {name of the curve: values}).
    """
    curves = "; ".join(f"{xlabel}: " + ", ".join(
        f"{name} from {values[0]:.2f} to {values[-1]:.2f}" for name, values in named.items())
        for xlabel, (_, named) in charts.items())
    picture = Picture(f"{ylabel} against {curves}", width=min(11, 2.6 * len(charts) + 0.6), height=2.9)
    axes = picture.subplots(1, len(charts), sharey=True, squeeze=False)[0]
    for axis, (xlabel, (positions, named)) in zip(axes, charts.items(), strict=True):
        for (name, values), style in zip(named.items(), _STYLES, strict=False):
            axis.plot(positions, values, label=name, **style, linewidth=1.8, markersize=5)
        axis.set_xlabel(xlabel, fontsize=10)
        axis.grid(color=PALE)
    axes[0].set_ylabel(ylabel)
    axes[0].set_ylim(0, None)
    axes[0].legend(frameon=False, fontsize=9)
    return picture


_STYLES = [{"color": colour, "marker": marker, "linestyle": line} for colour, marker, line in
           zip((BLUE, RED, GREEN, PURPLE), "os^D", ("-", "--", "-.", ":"), strict=True)]


def by_layer(names: Sequence[str], curves: Mapping[str, Sequence[float]], ylabel: str) -> Picture:
    """A number for each layer on a logarithmic scale; curves: name of the net -> one for each layer."""
    picture = Picture(f"{ylabel}, from {names[0]} to {names[-1]}: " + "; ".join(
        f"{name} {' '.join(f'{value:.0e}' for value in values)}" for name, values in curves.items()),
        width=7.6, height=3.6)
    axis = picture.subplots()
    styles = zip((RED, BLUE, GREEN, PURPLE, ORANGE, INK), "os^DvP",
                 ("-", "--", "-.", ":", (0, (6, 1)), (0, (1, 1))), strict=True)
    for (name, values), (colour, marker, line) in zip(curves.items(), styles, strict=False):
        axis.plot(range(len(names)), values, color=colour, marker=marker, linestyle=line, label=name)
    axis.set(ylabel=ylabel, yscale="log")
    axis.set_xticks(range(len(names)), list(names))
    axis.grid(color=PALE)
    axis.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return picture
