"""Both demos in which a unit can be pointed at, on pages, and where each unit is in their pictures."""

import json
from contextlib import contextmanager

import numpy as np
from lab import watched

from lenet_book import demos, paper
from lenet_book.demos import alone, examples
from lenet_book.demos.draw_digit import _PLACES
from lenet_book.demos.feature_maps import _INPUT, _LEFT, _MAPS, _SIDE, _TOP, _WALLS

WIDTHS = {"draw_digit": 660, "feature_maps": 840}  # of the pictures
NAMES = [*WIDTHS]
IMAGES = {"draw_digit": examples.ten_digits().images[8],
          "feature_maps": examples.test_digits().images[3]}
SIZES = {layer.name.lower(): (layer.maps, layer.size) for layer in paper.LAYERS[:-1]}
SIZES = {"input": (1, paper.INPUT_SIZE), **SIZES}  # maps, height and width
ORDER = [*SIZES]
CANVAS = ".lenet-hover-picture > canvas"


def wall(left, top, side, columns, gap):
    return {"left": left, "top": top, "side": side, "columns": columns, "gap": gap}


def walls(name, net, layer=None):
    """Where each layer is in the picture, from the constants of the Python that paints the same."""
    if name == "draw_digit":
        found = {key: wall(*place) for key, (_, *place) in _PLACES.items()}
        found["input"] = wall(10, 30, 92, 1, 0)
        if net == "lenet5-1998":
            found["f6"]["gap"] = 0
        return found
    count, (columns, gap) = SIZES[layer][0], _WALLS[SIZES[layer][0]]
    side = min(_MAPS[0] / columns, _MAPS[1] / -(-count // columns)) - gap
    place = wall(_LEFT, _TOP, side, columns, gap)
    if layer == "f6" and net == "lenet5-1998":
        place = wall(_LEFT, _TOP, 19, paper.GLYPH_WIDTH, 0)
    return {"input": wall(_INPUT, _TOP, _SIDE, 1, 0), layer: place}


def boxes(layer, place):
    """left, top, right, bottom of every unit: maps x H x W x 4."""
    maps, size = SIZES[layer]
    n, row, column = np.indices((maps, size, size))
    unit, pitch = place["side"] / size, place["side"] + place["gap"]
    left = place["left"] + n % place["columns"] * pitch + column * unit
    top = place["top"] + n // place["columns"] * pitch + row * unit
    return np.stack([left, top, left + unit, top + unit], axis=-1)


def middle(name, layer, unit, net="lenet5-1998"):
    box = boxes(layer, walls(name, net, layer)[layer])[unit]
    return (box[:2] + box[2:]) / 2


def sample(layer):
    """Corners, each map once, and a few more."""
    maps, size = SIZES[layer]
    random = np.random.default_rng(0)
    corners = [(0, 0, 0), (maps - 1, size - 1, size - 1), (1, 0, size - 1)]
    some = [(n, *random.integers(0, size, 2).tolist()) for n in range(min(maps, 16))]
    return sorted({*corners, *some})


@contextmanager
def both_demos(browser, folder):
    """Both demos, each on a page of its own at an address; what goes wrong is noted."""
    for name, settings in (("draw_digit", {"show": 8}), ("feature_maps", {"index": 3})):
        for projector in (False, True):
            with getattr(demos, name)(**settings, projector=projector) as demo:
                (folder / f"{name}{projector:d}.html").write_text(alone.page(demo, name))
    page = watched(browser.new_page())

    def load(name, width=1280, height=800, projector=False):
        page.set_viewport_size({"width": width, "height": height})
        page.goto((folder / f"{name}{projector:d}.html").as_uri())
        page.wait_for_function("() => document.querySelector('.lenet-sentence')?.textContent")
        page.wait_for_timeout(150)  # until the picture has its size
        return page
    page.load, page.folder = load, folder
    yield page
    assert not page.problems
    page.close()


def values_of(page):
    return json.loads(page.locator("[data-demo]").evaluate("el => JSON.stringify(el.values())"))
