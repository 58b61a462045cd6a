"""The pictures that README and the chapters embed, each drawn by code: from the papers' data, but for
the one that moves, which is the demo `draw_digit` at work (see `film`).
"""

import io
from collections.abc import Callable
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from . import film, models, paper, plots, storage
from .ledger import ledger
from .plots import BLUE, GREEN, INK, ORANGE, PURPLE
from .plots.picture import SMALL, WORDS
from .receptive_field import trace

NETS = {"LeNet-5": "lenet5", "AlexNet": "alexnet", "VGG-16": "vgg16", "NiN": "nin",
        "GoogLeNet": "googlenet"}


def fields() -> plots.Picture:
    """How the receptive field grows from layer to layer, up to the last pooling or convolution."""
    found = {}
    for title, name in NETS.items():
        net = _on_meta(name)
        rows = trace(net, (getattr(net, "channels", 1), net.input_size, net.input_size)).folded()
        found[title] = [row.field.size for row in rows
                        if row.kind not in ("Linear", "AdaptiveAvgPool2d")]
    positions = range(1, 1 + max(map(len, found.values())))
    return plots.curves({"layer (convolution, pooling or module)": (positions, found)},
                        "receptive field, pixels a side")


def two_towers() -> plots.Picture:
    """AlexNet on two processors: half of each layer but fc8 on each, and where they exchange maps.

    A box is as high as its maps and, on another scale, as wide as they are many; a dense layer is a
    column of its units, on a third scale.
    """
    net = _on_meta("alexnet-two-towers")
    layers = [(row.name, row.output_shape, getattr(net.get_submodule(row.name), "groups", 1) == 1)
              for row in ledger(net, (3, 227, 227)) if row.parameters]
    *_, (last, (classes,), _) = layers  # one box in the paper's Figure 2, which reads both towers
    picture = plots.Picture(
        "AlexNet's two towers: conv1 reads the picture, conv2, conv4 and conv5 their own tower, conv3 "
        "and the dense layers both. " + ", ".join(
            f"{name} {maps // 2} maps of {size[0]} × {size[0]}" if size else f"{name} {maps // 2} units"
            for name, (maps, *size), _ in layers[:-1]) + f" in each tower; {last} {classes} units, one "
        "box for both", 11, 4.9, layout=None)
    axis = _blank(picture, 640, 284)
    before, x = [_box(axis, 36, 30, 10, 227, INK, "picture\n3 × 227 × 227")] * 2, 104
    for name, (maps, *size), both in layers:
        middles = (144,) if name == last else (84, 204)
        maps //= len(middles)
        high, wide = (size[0], maps / 8) if size else (maps / 22, 8)
        shape = " × ".join(map(str, (maps, *size)))
        boxes = [_box(axis, x, middle - high / 2, wide, high, BLUE if size else GREEN,
                      f"{name}\n{shape}", middle < 100) for middle in middles]
        for tower, box in enumerate(boxes):
            for other, source in enumerate(before):
                if both or other == tower:
                    crosses = other != tower and x > 104 and name != last
                    _arrow(axis, source, box, ORANGE if crosses else INK)
        before, x = boxes, x + wide + 54
    return picture


def heads() -> plots.Picture:
    """Parameters as areas: what convolutions hold, and what the layers after the last of them hold."""
    shares = {}
    for title in ("AlexNet", "VGG-16", "NiN", "GoogLeNet"):
        net = _on_meta(NETS[title])
        rows = ledger(net, (net.channels, net.input_size, net.input_size))
        dense = sum(row.parameters for row in rows if row.kind == "Linear")
        shares[title] = rows.parameters - dense, dense
    picture = plots.Picture("parameters as areas: " + "; ".join(
        f"{title} {convolutions / 1e6:.1f} million in convolutions, {dense / 1e6:.1f} in dense layers"
        for title, (convolutions, dense) in shares.items()), 11, 3.12, layout=None)
    axis = _blank(picture, 740, 210)
    x = 16
    for title, counts in shares.items():
        left = x
        for count, colour, words in zip(counts, (BLUE, GREEN), ("convolutions", "dense"), strict=True):
            side = (count / 5_000) ** 0.5  # 5,000 parameters in a square of side 1
            if count:
                axis.add_patch(Rectangle((x, 172 - side), side, side, facecolor=colour + "60",
                                         edgecolor=colour, linewidth=1.4))
            axis.text(x, 178, f"{count / 1e6:.1f} million\n{words}" if count else f"no {words}\nlayers",
                      va="top", fontsize=SMALL, color=INK)
            x += max(side, 66) + 6
        axis.text(left, 8, title, va="center", fontsize=WORDS, weight="bold", color=INK)
        x += 8
    return picture


def inception_module() -> plots.Picture:
    """GoogLeNet's first module: four paths side by side, the maps on each of its edges."""
    net = _on_meta("googlenet")
    rows = {row.name.removeprefix("inception3a."): row.output_shape[0]
            for row in ledger(net, (3, 224, 224)) if row.name.startswith("inception3a.")}
    paths = [[("1 × 1", rows["path1.conv"], BLUE)],
             [("1 × 1 reduction", rows["path3.reduce"], ORANGE), ("3 × 3", rows["path3.conv"], BLUE)],
             [("1 × 1 reduction", rows["path5.reduce"], ORANGE), ("5 × 5", rows["path5.conv"], BLUE)],
             [("3 × 3 max pooling", 192, PURPLE),
              ("1 × 1 projection", rows["pool.projection"], ORANGE)]]
    maps = sum(path[-1][1] for path in paths)
    picture = plots.Picture("GoogLeNet's module 3a: 192 maps go into four paths: " + "; ".join(
        ", then ".join(f"{name} to {count}" for name, count, _ in path) for path in paths)
        + f"; joined they are {maps} maps", 11, 4, layout=None)
    axis = _blank(picture, 640, 232)
    begin = _box(axis, 12, 60, 26, 112, INK, "192 maps\n28 × 28")
    end = _box(axis, 590, 60, 26, 112, INK, f"{maps} maps\njoined")
    for y, path in zip((6, 62, 118, 174), paths, strict=True):
        before = begin
        for x, (name, count, colour) in zip((112, 344), path, strict=False):
            box = _box(axis, x, y, 140, 44, colour, "")
            axis.text(x + 70, y + 22, f"{name}\n{count} maps", ha="center", va="center", fontsize=WORDS,
                      color=INK)
            _arrow(axis, before, box, INK)
            before = box
        _arrow(axis, before, end, INK, at=(y + 22) / 224)
    return picture


def _on_meta(name: str):
    """A network that has shapes alone."""
    with torch.device("meta"):
        return models.build(name)


def _blank(picture: plots.Picture, width: float, height: float) -> Axes:
    """All of the picture, in lengths of its own, y downwards."""
    axis = picture.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    axis.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    return axis


def _box(axis: Axes, x: float, y: float, wide: float, high: float, colour: str,
         words: str, above: bool = False) -> tuple[float, float, float, float]:
    """A rectangle with words below it, or above; returns where it is."""
    axis.add_patch(Rectangle((x, y), wide, high, facecolor=colour + "40", edgecolor=colour,
                             linewidth=1.4, zorder=3))
    if words:
        axis.text(x + wide / 2, y - 4 if above else y + high + 4, words, ha="center", fontsize=SMALL,
                  va="bottom" if above else "top", color=INK)
    return x, y, wide, high


def _arrow(axis: Axes, source: tuple, target: tuple, colour: str, at: float = 0.5) -> None:
    """From the right edge of one box to the left edge of another; at: how far down that edge."""
    axis.annotate("", (target[0], target[1] + target[3] * at),
                  (source[0] + source[2], source[1] + source[3] / 2), zorder=2,
                  arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.3, "shrinkA": 0,
                              "shrinkB": 0})


def _svg(draw: Callable[[], plots.Picture]) -> Callable[[], bytes]:
    """The same picture as the bytes of a file."""
    def drawn() -> bytes:
        stream = io.BytesIO()
        draw().save_svg(stream)
        return stream.getvalue()
    return drawn


FIGURES: dict[str, Callable[[], bytes]] = {
    "lenet5.svg": _svg(lambda: plots.architecture(paper.LAYERS, paper.INPUT_SIZE)),
    "c3_connections.svg": _svg(lambda: plots.connection_tables({
        "C3 (columns) reads maps of S2 (rows)": paper.C3_CONNECTIONS})),
    "fields.svg": _svg(fields),
    "two_towers.svg": _svg(two_towers),
    "heads.svg": _svg(heads),
    "inception_module.svg": _svg(inception_module),
    "draw_digit.webp": film.animation,
    "draw_digit.png": film.still,
}


def write(folder: str | Path) -> list[Path]:
    """Draw every figure into a folder, made if need be; returns the files.

    Raises OSError where they cannot be written; those that were there are then as they were.
    """
    folder = storage.expanded(folder)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {folder / name: draw() for name, draw in FIGURES.items()}
    storage.write(drawn)
    return [*drawn]
