"""Who reads whom in C3: the table of the paper, and tables of one's own."""

import random
from collections.abc import Mapping, Sequence
from functools import cache

import ipywidgets as widgets
import numpy as np

from .. import paper
from ..arithmetic import conv_output_size
from ..plots import BLUE, INK, RED
from . import reading
from .base import Demo, Facts
from .controls import choice, slider
from .examples import ten_digits
from .sheet import Sheet
from .words import listed

_S2, _C3, _KERNEL = 6, len(paper.C3_CONNECTIONS), 5  # maps, maps, and pixels
_PAIRS = [(source, output) for source in range(_S2) for output in range(_C3)]
_PAPER = {(source, output) for output, sources in enumerate(paper.C3_CONNECTIONS)
          for source in sources}
TABLES = {  # name -> the pairs, a map of S2 and one of C3, that are connected
    "paper": _PAPER, "dense": set(_PAIRS), "none": set(),
    "random": set(random.Random(0).sample(_PAIRS, len(_PAPER))),
}
_OWN = "your own"
_NAMES = {f"reads {source} {output}": (source, output) for source, output in _PAIRS}  # of the toggles
_SIDE, _PITCH, _LEFT, _TOP = 86, 104, 10, 24  # pixels: the maps of S2, and where the first is
_READER = _LEFT, 162, 5 * _PITCH + _SIDE, 32  # x, y, width, height of the map of C3
_RIGHT = 644  # where the numbers begin


def c3_connections(start: str = "paper", map: int = 0, projector: bool = False,
                   hidden: bool = False) -> Demo:
    """Set the 6 x 16 connections from the maps of S2 to those of C3, and see what they cost.

    start: the table to begin with, one of TABLES; "random" has as many kernels as the paper's.
    map: the map of C3 whose inputs are shown, 0 to 15.
    """
    controls = {"start": choice("table", start, [*TABLES, _OWN], 200),
                "map": slider("map of C3", map, 0, _C3 - 1, width=200)}
    toggles = dict(zip(_NAMES, _alike(
        widgets.ToggleButton, {"width": "28px", "margin": "1px", "padding": "0"}, [
            {"value": pair in TABLES.get(start, ()), "description": "×",
             "tooltip": "map {1} of C3 reads map {0} of S2".format(*pair)} for pair in _PAIRS]),
        strict=True))
    return Demo("c3_connections", compute, paint, say, controls | toggles, (840, 200), ACTIONS,
                projector=projector, hidden=hidden, arrange=_arrange, plays=["map"],
                needs=["lenet5-1998", "ten-digits"])


def begin(start: str, **others) -> dict[str, bool]:
    """All connections as in the table of that name; one's own stays as it is."""
    table = TABLES.get(start)
    return {} if table is None else {name: pair in table for name, pair in _NAMES.items()}


def name_it(start: str, map: int, **reads: bool) -> dict[str, str]:
    """Which of the tables the connections are."""
    chosen = {_NAMES[name] for name, connected in reads.items() if connected}
    return {"start": next((name for name, table in TABLES.items() if table == chosen), _OWN)}


ACTIONS = {"start": begin, **dict.fromkeys(_NAMES, name_it)}


def _arrange(controls: Mapping[str, widgets.Widget]) -> widgets.Widget:
    """The toggles as a table: a row for each map of S2, a column for each of C3; beside it the rest."""
    start, map, *toggles = controls.values()
    words = ["C3", *range(_C3), *(f"S2 map {source}" for source in range(_S2))]
    labels = _alike(widgets.Label, {"margin": "0 4px"}, [{"value": str(word)} for word in words])
    cells = labels[:_C3 + 1]
    for source in range(_S2):
        cells += [labels[_C3 + 1 + source], *toggles[_C3 * source:_C3 * (source + 1)]]
    table = widgets.GridBox(cells, layout={
        "grid_template_columns": f"repeat({_C3 + 1}, max-content)", "justify_items": "center"})
    table.add_class("lenet-table")
    return widgets.HBox([widgets.VBox([start, map]), table], layout={"flex_flow": "row wrap"})


def _alike(kind: type, layout: dict, each: list[dict]) -> list[widgets.Widget]:
    """Many widgets with one layout and one style: with their own they would be three times as many."""
    first = kind(layout=layout, **each[0])
    return [first, *(kind(layout=first.layout, style=first.style, **one) for one in each[1:])]


def compute(start: str, map: int, **reads: bool) -> Facts:
    """What the table costs, and what one of the maps of C3 reads."""
    table = tuple(tuple(source for source in range(_S2) if reads[f"reads {source} {output}"])
                  for output in range(_C3))
    s2 = _maps_of_s2()
    kernels = sum(len(sources) for sources in table)
    parameters = _KERNEL**2 * kernels + _C3  # a bias for each map
    return Facts(
        start=start, map=map, kernels=kernels, parameters=parameters,
        table=table,  # for each map of C3 the maps of S2 that it reads
        idle=tuple(output for output in range(_C3) if not table[output]),  # no layer with any of these
        connections=parameters * conv_output_size(s2.shape[1], _KERNEL)**2,
        sets=len(set(table)),  # different sets of inputs
        s2=s2)  # 6 x 14 x 14, of the trained net, for the first seven of the test set


@cache
def _maps_of_s2() -> np.ndarray:
    """6 x 14 x 14, of the trained net, for the first seven of the test set."""
    return reading.read("lenet5-1998", ten_digits().images[7]).maps["s2"]


def paint(sheet: Sheet, facts: Facts) -> None:
    _paint_sources(sheet, facts)
    sheet.title(_RIGHT, 14, f"{facts.kernels} of {len(_PAIRS)} kernels")
    sheet.bar(_RIGHT, 28, 180, 16, facts.kernels / len(_PAIRS), BLUE)
    if facts.idle:
        sheet.title(_RIGHT, 66, f"{len(facts.idle)} map{'s' * (len(facts.idle) > 1)} of C3", colour=RED)
        sheet.title(_RIGHT, 90, f"read{'s' * (len(facts.idle) == 1)} nothing", colour=RED)
    else:
        sheet.text(_RIGHT, 66, f"{facts.parameters:,} parameters")
        sheet.text(_RIGHT, 90, f"{facts.connections:,} connections")
        sets = f"{facts.sets} set{'s' * (facts.sets > 1)} of inputs"
        sheet.text(_RIGHT, 114, sets)
        sheet.answer(_RIGHT - 6, 2, 194, 128)
    sheet.text(_RIGHT, 162, "violet: below zero")
    sheet.text(_RIGHT, 184, "orange: above zero")


def _paint_sources(sheet: Sheet, facts: Facts) -> None:
    """The maps of S2, strong where this map of C3 reads them, and the way down to it."""
    reach, read = float(abs(facts.s2).max()), facts.table[facts.map]
    left, top, width, height = _READER
    for source, values in enumerate(facts.s2):
        x, strong = _LEFT + _PITCH * source, source in read
        middle, users = x + _SIDE / 2, sum(source in sources for sources in facts.table)
        sheet.text(middle, 11, f"S2 {source}", colour=INK if strong else "#707070", anchor="mm",
                   bold=strong)
        sheet.image(values * (1 if strong else 0.25), x, _TOP, _SIDE, reach, frame=not strong)
        if strong:
            sheet.outline(x - 3, _TOP - 3, _SIDE + 6, _SIDE + 6, BLUE, 3)
            sheet.arrow(middle, _TOP + _SIDE + 29, middle, top - 1, BLUE)
        else:
            sheet.cross(x, _TOP, _SIDE, "#888888", 2)
        sheet.text(middle, _TOP + _SIDE + 16, f"read by {users}", anchor="mm")
    count = f"{len(read)} kernel{'s' * (len(read) != 1)} of {_KERNEL} × {_KERNEL} and a bias"
    sheet.outline(left, top, width, height, BLUE if read else RED, 3, dash=not read)
    sheet.text(left + width / 2, top + height / 2,
               f"map {facts.map} of C3: {count if read else 'reads nothing'}", anchor="mm", bold=True)


def say(facts: Facts) -> str:
    kernels = f"{facts.kernels} of {len(_PAIRS)} kernels"
    inputs = f"Map {facts.map} of C3 reads {_listed(facts.table[facts.map])} of S2."
    if facts.idle:
        column = "its column" if len(facts.idle) == 1 else "the column of each"
        return (f"{kernels}, but {_nothing(facts.idle)}: so this is no layer yet. "
                f"Press at least one square in {column}. {inputs}")
    name = {"paper": "The paper's table", "dense": "The dense table"}.get(facts.start, "This table")
    alike = ("no two maps of C3 read the same" if facts.sets == _C3 else
             "all maps of C3 read the same" if facts.sets == 1 else
             f"the {_C3} maps of C3 share {facts.sets} sets of inputs")
    return (f"{name}: {kernels}, {_KERNEL**2}·{facts.kernels} + {_C3} = {facts.parameters:,} "
            f"parameters, {facts.connections:,} connections; {alike}. {inputs}")


def _listed(maps: Sequence[int]) -> str:
    """[0, 1, 2] -> "maps 0, 1 and 2"."""
    if len(maps) < 2:
        return f"map {maps[0]}" if maps else "no map"
    return f"maps {listed(maps)}"


def _nothing(idle: Sequence[int]) -> str:
    """Which maps of C3 read nothing; only how many where there are more than four."""
    which = (_listed(idle) if len(idle) <= 4 else
             f"{len(idle)} of the {_C3} maps" if len(idle) < _C3 else f"all {_C3} maps")
    return f"{which} of C3 read{'s' * (len(idle) == 1)} nothing"
