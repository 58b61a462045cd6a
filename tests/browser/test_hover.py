"""A unit that is pointed at: what reaches it is framed and said, as torch's gradient finds it."""

import json
from functools import cache

import numpy as np
import pytest
import torch
from hover import (
    CANVAS,
    IMAGES,
    NAMES,
    ORDER,
    SIZES,
    WIDTHS,
    both_demos,
    boxes,
    sample,
    values_of,
    walls,
)
from matplotlib import colormaps

from lenet_book import models
from lenet_book.demos.reading import LAYERS, read

NETS = ["lenet5-1998", "lenet5"]


def framed(layer, place, frames):
    """Which units of a layer the frames hold, maps x H x W; none of them is cut."""
    left, top, right, bottom = np.moveaxis(boxes(layer, place), -1, 0)
    within, touched = np.zeros((2, *left.shape), bool)
    for x, y, width, height in frames:
        within |= ((left > x - 1e-6) & (right < x + width + 1e-6)
                   & (top > y - 1e-6) & (bottom < y + height + 1e-6))
        touched |= ((right > x + 1e-6) & (left < x + width - 1e-6)
                    & (bottom > y + 1e-6) & (top < y + height - 1e-6))
    assert np.array_equal(within, touched)
    return within


@pytest.fixture(scope="module", params=NETS)
def net(request):
    return request.param


@pytest.fixture(scope="module")
def reaches(net):
    """(layer, map, row, column) -> for each earlier layer the units that the gradient finds.

    With positive weights nothing cancels and ReLU blocks little; of many inputs each lets other units
    through max pooling, and where there is none, few are enough.
    """
    inputs = 300 if net == "lenet5" else 3
    generator = torch.Generator().manual_seed(1)
    model = models.build(net).double().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_((0.1 + torch.rand(weight.shape, generator=generator)) / weight[0].numel())
    x = torch.randn(inputs, 1, 32, 32, dtype=torch.float64, generator=generator).requires_grad_()
    outputs = {"input": x}
    for name, layer in model.named_children():
        x = outputs[name.split("_")[0]] = layer(x)

    @cache  # both demos ask for the same
    def find(layer, n, row, column):
        maps, size = SIZES[layer]
        total = outputs[layer].reshape(-1, maps, size, size)[:, n, row, column].sum()
        earlier = ORDER[:ORDER.index(layer)]
        gradients = torch.autograd.grad(total, [outputs[key] for key in earlier], retain_graph=True)
        return {key: (gradient != 0).any(dim=0).reshape(SIZES[key][0], SIZES[key][1], -1).numpy()
                for key, gradient in zip(earlier, gradients, strict=True)}
    return find


def in_words(layer, unit, value, reach, between):
    """The sentence, from what the gradient has found."""
    where = "map {}, row {}, column {}".format(*unit) if SIZES[layer][1] > 1 else f"unit {unit[0]}"
    parts, before, every = [], None, []
    for key in reversed(reach):
        if not between and key not in (ORDER[ORDER.index(layer) - 1], "input"):
            continue
        maps = reach[key].any(axis=(1, 2)).nonzero()[0].tolist()
        side = int(reach[key].any(axis=(0, 1)).sum())
        name = "the input" if key == "input" else key.upper()
        every.append(name if reach[key].all() else None)
        listed = (f"map {maps[0]}" if len(maps) == 1 else "all 6 maps" if len(maps) == 6
                  else f"maps {', '.join(map(str, maps[:-1]))} and {maps[-1]}")
        what = ("pixels of the input" if key == "input" else
                f"{'units of ' if before is None else 'of '}"
                f"{'the same maps' if maps == before else listed} of {name}")
        parts.append(f"{side}\u00a0×\u00a0{side} {what}")
        before = maps
    said = ", and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    if all(every):
        said = "all of " + " and ".join(filter(None, [", ".join(every[:-1]), every[-1]]))
    number = f"{abs(value):.2f}"
    sign = "−" if value < 0 and float(number) else ""
    return f"{layer.upper()}, {where}: {sign}{number}, from {said}."


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    with both_demos(browser, tmp_path_factory.mktemp("hover")) as page:
        yield page


HOVER = """([name, values, points]) => {
    const demo = lenetBook.demos[name], facts = demo.compute(values);
    return points.map((point) => demo.hover(facts, ...point));
}"""


def hovered(page, name, values, points):
    return page.evaluate(HOVER, [name, values, points])


@pytest.mark.parametrize("name", NAMES)
def test_frames_and_words_are_what_the_gradient_finds(name, net, reaches, page):
    page.load(name)
    for layer in LAYERS:
        places, units = walls(name, net, layer), sample(layer)
        mine = boxes(layer, places[layer])
        points = [((mine[unit][:2] + mine[unit][2:]) / 2).tolist() for unit in units]
        values = {**values_of(page), "net": net, "layer": layer}
        found = hovered(page, name, values, points)
        maps = read(net, IMAGES[name]).maps[layer]
        for unit, one in zip(units, found, strict=True):
            reach = reaches(layer, *unit)
            itself, *frames = one["frames"]
            assert framed(layer, places[layer], [itself])[unit]
            assert framed(layer, places[layer], [itself]).sum() == 1
            for key in places.keys() & reach.keys():
                assert np.array_equal(framed(key, places[key], frames), reach[key]), (layer, unit, key)
            for key in places.keys() - reach.keys():  # in no later layer, and beside it no other unit
                assert not framed(key, places[key], frames).any()
            assert one["words"] == in_words(layer, unit, maps[unit], reach, name == "feature_maps")


def test_the_values_are_torchs(net, page):
    page.load("feature_maps")
    theirs = page.evaluate("""values => {
        const { maps } = lenetBook.demos.feature_maps.compute(values).reading;
        return Object.fromEntries(Object.entries(maps).map(([layer, { data }]) => [layer, [...data]]));
    }""", {**values_of(page), "net": net})
    ours = read(net, IMAGES["feature_maps"]).maps
    for layer in LAYERS:
        assert np.abs(np.array(theirs[layer]) - ours[layer].ravel()).max() < 1e-5


# Three by three pixels around each point; as text, which playwright does not look through.
AROUND = """(canvas, [points, width]) => {
    const scale = canvas.width / width;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const beside = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((along) => canvas.width * down + along));
    return JSON.stringify(JSON.parse(points).map(([x, y]) => {
        const middle = canvas.width * Math.floor(y * scale) + Math.floor(x * scale);
        return beside.flatMap((by) => [...data.subarray(4 * (middle + by), 4 * (middle + by) + 4)]);
    }));
}"""


@pytest.mark.parametrize("width", [1280, 520])
@pytest.mark.parametrize("name", NAMES)
def test_a_frame_is_where_the_unit_is_painted(name, width, page):
    """In the middle of each unit, but for a pixel, is its colour, whatever the scale."""
    page.load(name, width)
    reading = read("lenet5-1998", IMAGES[name])
    for layer in LAYERS:
        if name == "feature_maps":
            page.get_by_label("layer").select_option(layer.upper())
        mine = boxes(layer, walls(name, "lenet5-1998", layer)[layer]).reshape(-1, 4)
        middles = ((mine[:, :2] + mine[:, 2:]) / 2).tolist()
        colours = json.loads(page.locator(CANVAS).evaluate(AROUND, [json.dumps(middles), WIDTHS[name]]))
        full = reading.full[layer]
        steps = (reading.maps[layer].ravel() + full) * (255 / (2 * full)) + 0.5
        expected = (colormaps["PuOr_r"](steps.clip(0, 255).astype(int))[:, :3] * 255).round()
        around = np.reshape(colours, (len(mine), 9, 4))[:, :, :3]
        assert (abs(around - expected[:, None]).max(axis=2).min(axis=1) <= 3).all(), layer


def test_every_unit_is_reached_by_keys(net, page):
    """From the first on, by the points that the keys lead to."""
    page.load("draw_digit")
    for name in NAMES:
        page.load(name)
        counts = page.evaluate("""([name, values, layers]) => layers.map((layer) => {
            const demo = lenetBook.demos[name], facts = demo.compute({ ...values, layer });
            const seen = new Set(), waiting = [demo.hover(facts)];
            while (waiting.length) {
                const one = waiting.pop();
                if (!one || seen.has(String(one.frames[0].map((at) => at.toFixed(3))))) continue;
                seen.add(String(one.frames[0].map((at) => at.toFixed(3))));
                for (const point of Object.values(one.ways)) waiting.push(demo.hover(facts, ...point));
            }
            return seen.size;
        })""", [name, {**values_of(page), "net": net}, LAYERS if name == "feature_maps" else ["c1"]])
        units = [maps * size**2 for maps, size in list(SIZES.values())[1:]]
        assert counts == (units if name == "feature_maps" else [sum(units)])
