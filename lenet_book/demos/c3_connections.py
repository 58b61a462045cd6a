"""Who reads whom in C3: the table of the paper, and tables of one's own."""

import random
from collections.abc import Mapping
from functools import cache

import ipywidgets as widgets
import numpy as np
import torch

from .. import paper
from ..layers import SparseConv2d
from ..ledger import Row, ledger
from ..models import pretrained
from ..plots import BLUE, INK, RED
from .base import Demo
from .controls import choice, slider
from .examples import test_digits
from .sheet import Sheet, number

_S2, _C3, _KERNEL = 6, len(paper.C3_CONNECTIONS), 5  # maps, maps, and pixels
_PAIRS = [(source, output) for source in range(_S2) for output in range(_C3)]
_PAPER = {(source, output) for output, sources in enumerate(paper.C3_CONNECTIONS)
          for source in sources}
TABLES = {  # name -> the pairs, a map of S2 and one of C3, that are connected
    "paper": _PAPER, "dense": set(_PAIRS), "none": set(),
    "random": set(random.Random(0).sample(_PAIRS, len(_PAPER))),
}
_OWN = "your own"
_SIDE, _PITCH, _LEFT, _TOP = 104, 136, 28, 62  # pixels: the maps of S2, and where the first is


def c3_connections(start: str = "paper", map: int = 0, projector: bool = False) -> Demo:
    """Set the 6 x 16 connections from the maps of S2 to those of C3, and see what they cost.

    start: the table to begin with, one of TABLES; "random" has as many kernels as the paper's.
    map: the map of C3 whose inputs are shown, 0 to 15.
    """
    controls = {"start": choice("table", start, [*TABLES, _OWN]),
                "map": slider("map of C3", map, 0, _C3 - 1)}
    table = TABLES.get(start, ())
    toggles = _alike(widgets.ToggleButton, {"width": "34px", "margin": "1px", "padding": "0"}, [
        {"value": pair in table, "description": "×",
         "tooltip": "map {1} of C3 reads map {0} of S2".format(*pair)} for pair in _PAIRS])
    named = {"reads {} {}".format(*pair): one for pair, one in zip(_PAIRS, toggles, strict=True)}

    def begin():
        table = TABLES.get(controls["start"].value)
        if table is not None:
            for pair, toggle in zip(_PAIRS, toggles, strict=True):
                toggle.value = pair in table

    def name_it():
        chosen = {pair for pair, toggle in zip(_PAIRS, toggles, strict=True) if toggle.value}
        controls["start"].value = next(
            (name for name, table in TABLES.items() if table == chosen), _OWN)

    return Demo("c3_connections", paint, controls | named, (840, 350), projector=projector,
                arrange=_arrange, actions={"start": begin} | dict.fromkeys(named, name_it))


def _arrange(controls: Mapping[str, widgets.Widget]) -> widgets.Widget:
    """The toggles as a table: a row for each map of S2, a column for each of C3."""
    start, map, *toggles = controls.values()
    words = ["C3", *range(_C3), *(f"S2 map {source}" for source in range(_S2))]
    labels = _alike(widgets.Label, {"margin": "0 4px"}, [{"value": str(word)} for word in words])
    cells = labels[:_C3 + 1]
    for source in range(_S2):
        cells += [labels[_C3 + 1 + source], *toggles[_C3 * source:_C3 * (source + 1)]]
    table = widgets.GridBox(cells, layout={
        "grid_template_columns": f"repeat({_C3 + 1}, max-content)", "justify_items": "center"})
    table.add_class("lenet-table")
    return widgets.VBox([widgets.HBox([start, map], layout={"flex_flow": "row wrap"}), table])


def _alike(kind: type, layout: dict, each: list[dict]) -> list[widgets.Widget]:
    """Many widgets with one layout and one style: with their own they would be three times as many."""
    first = kind(layout=layout, **each[0])
    return [first, *(kind(layout=first.layout, style=first.style, **one) for one in each[1:])]


def paint(sheet: Sheet, start: str, map: int, **reads: bool) -> str:
    table = [[source for source in range(_S2) if reads[f"reads {source} {output}"]]
             for output in range(_C3)]
    kernels = sum(len(sources) for sources in table)
    idle = [output for output, sources in enumerate(table) if not sources]
    _draw_sources(sheet, table, map)
    sheet.text(_LEFT, 300, f"{kernels} of {len(_PAIRS)} kernels", 16, anchor="lm", bold=True)
    sheet.bar(_LEFT, 317, 240, 20, kernels / len(_PAIRS), BLUE)
    inputs = f"Map {map} of C3 reads {_listed(table[map])} of S2."
    if idle:
        sheet.text(320, 300, _nothing(idle), 16, RED, "lm", bold=True)
        column = "its column" if len(idle) == 1 else "the column of each"
        return (f"{kernels} of {len(_PAIRS)} kernels, but {_nothing(idle)}: so this is no layer yet. "
                f"Press at least one square in {column}. {inputs}")
    cost = _cost(table)
    sets = len({tuple(sources) for sources in table})
    sheet.text(320, 300, f"{cost.parameters:,} parameters", 16, anchor="lm", bold=True)
    sheet.text(320, 328, f"{cost.connections:,} connections", 16, anchor="lm", bold=True)
    sheet.text(580, 300, f"{sets} set{'s' * (sets > 1)} of inputs", 16, anchor="lm", bold=True)
    sheet.text(580, 328, f"for the {_C3} maps of C3", 15, anchor="lm")
    names = {"paper": "The paper's table", "dense": "The dense table"}
    alike = ("no two maps of C3 read the same" if sets == _C3 else
             "all maps of C3 read the same" if sets == 1 else
             f"the {_C3} maps of C3 share {sets} sets of inputs")
    return (f"{names.get(start, 'This table')}: {kernels} of {len(_PAIRS)} kernels, "
            f"{_KERNEL**2}·{kernels} + {_C3} = {cost.parameters:,} parameters, {cost.connections:,} "
            f"connections; {alike}. {inputs}")


def _draw_sources(sheet: Sheet, table: list[list[int]], map: int) -> None:
    """The maps of S2, strong where this map of C3 reads them, and the way down to it."""
    read, maps = table[map], _maps_of_s2()
    reach = float(abs(maps).max())
    sheet.text(_LEFT, 18, f"map {map} of C3 reads {_listed(read)} of S2", 17, anchor="lm", bold=True)
    sheet.text(812, 19, f"violet {number(-reach, 1)} to orange {number(reach, 1)}", 13, anchor="rm")
    for source in range(_S2):
        x, strong = _LEFT + _PITCH * source, source in read
        middle, users = x + _SIDE / 2, sum(source in sources for sources in table)
        sheet.text(middle, 48, f"S2 map {source}", 14, INK if strong else "#707070", bold=strong)
        sheet.image(maps[source] * (1 if strong else 0.25), x, _TOP, _SIDE, low=-reach, high=reach,
                    colours="signed")
        if strong:
            sheet.outline(x - 3, _TOP - 3, _SIDE + 6, _SIDE + 6, BLUE, 3)
            sheet.arrow(middle, _TOP + _SIDE + 26, 420 + (middle - 420) * 0.5, 232, BLUE)
        else:
            sheet.outline(x, _TOP, _SIDE, _SIDE, "#AAAAAA", 1)
            sheet.cross(x, _TOP, _SIDE, "#888888", 2)
        sheet.text(middle, _TOP + _SIDE + 14, f"read by {users} map{'s' * (users != 1)}", 13)
    count = f"{len(read)} kernel{'s' * (len(read) != 1)} of {_KERNEL} × {_KERNEL} and a bias"
    sheet.outline(180, 236, 480, 36, BLUE if read else RED, 3, dash=not read)
    sheet.text(420, 254, f"map {map} of C3: {count if read else 'reads nothing'}", 16, bold=True)


def _listed(maps: list[int]) -> str:
    """[0, 1, 2] -> "maps 0, 1 and 2"."""
    if len(maps) < 2:
        return f"map {maps[0]}" if maps else "no map"
    return f"maps {', '.join(str(one) for one in maps[:-1])} and {maps[-1]}"


def _nothing(idle: list[int]) -> str:
    """Which maps of C3 read nothing; only how many where there are more than four."""
    which = (_listed(idle) if len(idle) <= 4 else
             f"{len(idle)} of the {_C3} maps" if len(idle) < _C3 else f"all {_C3} maps")
    return f"{which} of C3 read{'s' * (len(idle) == 1)} nothing"


def _cost(table: list[list[int]]) -> Row:
    """What C3 costs with this table, on the maps of S2 in LeNet-5."""
    with torch.random.fork_rng(devices=[]):  # its random weights shall not be felt elsewhere
        layer = SparseConv2d(table, _KERNEL, in_channels=_S2)
    return ledger(layer, _maps_of_s2().shape).rows[0]


@cache
def _maps_of_s2() -> np.ndarray:
    """What S2 of the trained net makes of the first test digit, a seven: 6 x 14 x 14."""
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        net = pretrained("lenet5-1998")
        return net[:4](test_digits()[[0]].inputs(net.input_size, net.scaling))[0].numpy()
