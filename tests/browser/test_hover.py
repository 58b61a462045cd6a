"""A unit that is pointed at: what reaches it is framed and said, as torch's gradient finds it."""

import json

import numpy as np
import pytest
import torch
from matplotlib import colormaps

from lenet_book import demos, models, paper
from lenet_book.demos import alone, examples
from lenet_book.demos.draw_digit import _PLACES
from lenet_book.demos.feature_maps import _INPUT, _LEFT, _MAPS, _SIDE, _TOP, _WALLS
from lenet_book.demos.reading import LAYERS, read

NETS = ["lenet5-1998", "lenet5"]
WIDTHS = {"draw_digit": 660, "feature_maps": 840}  # of the pictures
NAMES = [*WIDTHS]
IMAGES = {"draw_digit": examples.ten_digits().images[8],
          "feature_maps": examples.test_digits().images[3]}
SIZES = {layer.name.lower(): (layer.maps, layer.size) for layer in paper.LAYERS[:-1]}
SIZES = {"input": (1, paper.INPUT_SIZE), **SIZES}  # maps, height and width
ORDER = [*SIZES]
CANVAS = ".lenet-hover-picture > canvas"
STRAIGHT = {"right": 0, "down": 0, "rotate": 0, "scale": 100, "noise": 0}


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
    through max pooling.
    """
    generator = torch.Generator().manual_seed(1)
    model = models.build(net).double().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_((0.1 + torch.rand(weight.shape, generator=generator)) / weight[0].numel())
    x = torch.randn(300, 1, 32, 32, dtype=torch.float64, generator=generator).requires_grad_()
    outputs = {"input": x}
    for name, layer in model.named_children():
        x = outputs[name.split("_")[0]] = layer(x)

    def find(layer, n, row, column):
        maps, size = SIZES[layer]
        total = outputs[layer].reshape(-1, maps, size, size)[:, n, row, column].sum()
        earlier = ORDER[:ORDER.index(layer)]
        gradients = torch.autograd.grad(total, [outputs[key] for key in earlier], retain_graph=True)
        return {key: (gradient != 0).any(dim=0).reshape(SIZES[key][0], SIZES[key][1], -1).numpy()
                for key, gradient in zip(earlier, gradients, strict=True)}
    return find


def sample(layer):
    """Corners, each map once, and a few more."""
    maps, size = SIZES[layer]
    random = np.random.default_rng(0)
    corners = [(0, 0, 0), (maps - 1, size - 1, size - 1), (1, 0, size - 1)]
    some = [(n, *random.integers(0, size, 2).tolist()) for n in range(min(maps, 16))]
    return sorted({*corners, *some})


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
    """Both demos, each on a page of its own at an address; what goes wrong is noted."""
    folder = tmp_path_factory.mktemp("hover")
    for name, settings in (("draw_digit", {"show": 8}), ("feature_maps", {"index": 3})):
        for projector in (False, True):
            with getattr(demos, name)(**settings, projector=projector) as demo:
                (folder / f"{name}{projector:d}.html").write_text(alone.page(demo, name))
    page = browser.new_page()
    page.problems = []
    page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))

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


HOVER = """([name, values, points]) => {
    const demo = lenetBook.demos[name], facts = demo.compute(values);
    return points.map((point) => demo.hover(facts, ...point));
}"""


def hovered(page, name, values, points):
    return page.evaluate(HOVER, [name, values, points])


def values_of(page):
    return json.loads(page.locator("[data-demo]").evaluate("el => JSON.stringify(el.values())"))


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


@pytest.mark.parametrize("width", [1280, 520])
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_frame_is_where_the_unit_is_painted(name, layer, width, page):
    """In the middle of each unit, but for a pixel, is its colour, whatever the scale."""
    page.load(name, width)
    if name == "feature_maps":
        page.get_by_label("layer").select_option(layer.upper())
    reading = read("lenet5-1998", IMAGES[name])
    mine = boxes(layer, walls(name, "lenet5-1998", layer)[layer]).reshape(-1, 4)
    colours = page.locator(CANVAS).evaluate("""(canvas, [points, width]) => {
        const pen = canvas.getContext("2d"), scale = canvas.width / width;
        return points.map(([x, y]) => [...pen.getImageData(x * scale - 1, y * scale - 1, 3, 3).data]);
    }""", [((mine[:, :2] + mine[:, 2:]) / 2).tolist(), WIDTHS[name]])
    full = reading.full[layer]
    steps = ((reading.maps[layer].ravel() + full) * (255 / (2 * full)) + 0.5).clip(0, 255).astype(int)
    expected = (colormaps["PuOr_r"](steps)[:, :3] * 255).round()
    around = np.reshape(colours, (len(mine), 9, 4))[:, :, :3]
    assert (abs(around - expected[:, None]).max(axis=2).min(axis=1) <= 3).all()


def middle(name, layer, unit, net="lenet5-1998"):
    box = boxes(layer, walls(name, net, layer)[layer])[unit]
    return (box[:2] + box[2:]) / 2


def move(page, name, x, y):
    """The pointer to a point of the picture."""
    canvas = page.locator(CANVAS)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    scale = box["width"] / WIDTHS[name]
    page.mouse.move(box["x"] + x * scale, box["y"] + y * scale)


SHOWN = """() => ({
    frames: document.querySelectorAll(".lenet-hover-frames > *").length,
    words: document.querySelector(".lenet-hover-unit").textContent,
    sentence: getComputedStyle(document.querySelector(".lenet-sentence")).visibility === "visible",
})"""
STILL = """() => JSON.stringify([
    document.querySelector("[data-demo]").values(),
    document.querySelector(".lenet-sentence").textContent,
    document.querySelector(".lenet-picture").toDataURL(),
    document.querySelector(".lenet-picture").getAttribute("aria-label"),
    [...document.querySelectorAll("canvas, button, select, input")].map((one) => {
        const { x, y, width, height } = one.getBoundingClientRect();
        return [x + scrollX, y + scrollY, width, height];
    }), document.documentElement.scrollHeight, document.documentElement.scrollWidth])"""
GONE = {"frames": 0, "words": "", "sentence": True}


@pytest.mark.parametrize("hidden", [False, True], ids=["seen", "hidden"])
@pytest.mark.parametrize(("width", "height", "projector"), [
    (1280, 800, False), (1280, 600, True), (810, 600, True), (640, 800, False), (390, 800, False)])
@pytest.mark.parametrize("name", NAMES)
def test_pointing_moves_nothing_and_leaves_nothing(name, width, height, projector, hidden, page):
    page.load(name, width, height, projector)
    if hidden:
        page.get_by_role("button", name="hide the answer").click()
    for layer in LAYERS:
        if name == "feature_maps":
            page.get_by_label("layer").select_option(layer.upper())
        page.mouse.move(1, 1)
        page.locator(CANVAS).scroll_into_view_if_needed()
        before = page.evaluate(STILL)
        move(page, name, *middle(name, layer, sample(layer)[-1]))
        now = page.evaluate(SHOWN)
        assert now["frames"] >= 2 and now["words"].startswith(layer.upper()) and not now["sentence"]
        assert page.evaluate(STILL) == before
        cut, type_size = page.locator(".lenet-hover-unit").evaluate("""one => [
            Math.max(one.scrollWidth - one.clientWidth, one.scrollHeight - one.clientHeight),
            parseFloat(getComputedStyle(one).fontSize)]""")
        assert cut <= 0 and type_size >= (20 if projector else 15)
        page.mouse.move(1, 1)
        assert page.evaluate(SHOWN) == GONE and page.evaluate(STILL) == before


def test_it_follows_what_changes_and_works_before_anything_is_drawn(page):
    page.load("feature_maps")
    move(page, "feature_maps", *middle("feature_maps", "c1", (0, 14, 14)))
    first = page.evaluate(SHOWN)["words"]
    page.get_by_label("layer").evaluate("""list => {
        list.selectedIndex = 2;
        list.dispatchEvent(new Event("change"));
    }""")
    now = page.evaluate(SHOWN)["words"]
    assert first.startswith("C1") and now.startswith("C3")
    page.load("draw_digit")
    page.get_by_label("input").select_option("my drawing")
    move(page, "draw_digit", *middle("draw_digit", "c3", (8, 3, 4)))
    assert page.evaluate(SHOWN)["words"].replace("\u00a0", " ") == (
        "C3, map 8, row 3, column 4, from 5 × 5 units of maps 2, 3, 4 and 5 of S2, and 14 × 14 pixels "
        "of the input.")


def focus_picture(page):
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator(CANVAS).evaluate("one => one === document.activeElement"):
            return
    raise AssertionError("the Tab key does not reach the picture")


def test_keys_alone_reach_every_layer_map_and_edge(page):
    page.load("draw_digit", height=420)  # so low that keys could scroll
    before = page.evaluate(STILL)
    focus_picture(page)
    scrolled = page.evaluate("scrollY")
    outline = page.locator(CANVAS).evaluate("one => getComputedStyle(one).outlineWidth")
    assert outline == "3px"

    def pressed(*keys):
        for key in keys:
            page.keyboard.press(key)
        return page.evaluate(SHOWN)["words"].split(":")[0]

    assert pressed() == "C1, map 0, row 0, column 0"
    assert pressed("ArrowLeft", "ArrowUp") == "C1, map 0, row 0, column 0"  # beyond the edge is nothing
    assert pressed("ArrowRight", "ArrowDown", "ArrowDown") == "C1, map 0, row 2, column 1"
    assert pressed(*["ArrowRight"] * 27) == "C1, map 1, row 2, column 0"
    assert pressed(*["ArrowDown"] * 26) == "C1, map 4, row 0, column 0"
    assert pressed("ArrowUp", "ArrowLeft") == "C1, map 0, row 27, column 27"
    assert [pressed("PageDown").split(",")[0] for _ in LAYERS] == ["S2", "C3", "S4", "C5", "F6", "F6"]
    assert [pressed("PageUp").split(",")[0] for _ in LAYERS] == ["C5", "S4", "C3", "S2", "C1", "C1"]
    assert pressed(*["PageDown"] * 4) == "C5, unit 11"
    assert [pressed(f"Arrow{way}")[-2:] for way in ("Right", "Down", "Left", "Up")] == [
        "12", "20", "19", "11"]
    assert pressed("Escape") == "" and page.evaluate(SHOWN) == GONE
    assert page.locator(CANVAS).evaluate("one => one === document.activeElement")
    assert pressed("ArrowDown") == "C5, unit 11"  # where it was
    assert pressed("Control+ArrowDown", "Alt+PageUp") == "C5, unit 11"
    assert page.evaluate("scrollY") == scrolled
    page.keyboard.press("Tab")
    assert page.evaluate(SHOWN) == GONE and page.evaluate(STILL) == before


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


def test_what_is_hidden_is_neither_framed_nor_said(page):
    """Nothing of the answers is a unit; and a map that a demo would hide stays hidden."""
    page.load("draw_digit")
    page.get_by_role("button", name="hide the answer").click()
    for x, y in ((460, 210), (560, 100), (640, 30)):
        move(page, "draw_digit", x, y)
        assert page.evaluate(SHOWN) == GONE
    page.evaluate("""() => {
        const demo = lenetBook.demos.draw_digit, paint = demo.paint;
        demo.paint = (sheet, facts) => { paint(sheet, facts); sheet.answer(8, 180, 144, 144); }; // C3
    }""")
    page.get_by_label("input").select_option("a 3 of MNIST")
    move(page, "draw_digit", *middle("draw_digit", "c3", (5, 2, 2)))
    assert page.evaluate(SHOWN) == GONE
    move(page, "draw_digit", *middle("draw_digit", "s4", (5, 2, 2)))
    shown = page.evaluate(SHOWN)
    assert shown["words"].startswith("S4, map 5") and shown["frames"] == 1 + 3 + 3 + 1  # none in C3
    page.get_by_role("button", name="show the answer").click()
    move(page, "draw_digit", *middle("draw_digit", "s4", (5, 2, 2)))
    assert page.evaluate(SHOWN)["frames"] == 1 + 1 + 3 + 3 + 1


def test_a_unit_is_read_aloud_once_it_rests(page):
    page.load("draw_digit")
    page.wait_for_timeout(800)
    aloud = page.get_by_role("status")
    for unit in ((0, 5, 5), (0, 5, 6), (0, 5, 7)):
        move(page, "draw_digit", *middle("draw_digit", "c1", unit))
        assert aloud.text_content() == ""
    page.wait_for_timeout(800)
    assert aloud.text_content() == page.evaluate(SHOWN)["words"] != ""
    move(page, "draw_digit", *middle("draw_digit", "c1", (0, 9, 9)))
    page.mouse.move(1, 1)  # gone before it has rested
    page.wait_for_timeout(800)
    assert "column 7" in aloud.text_content()


def test_a_tap_points_and_a_finger_that_draws_over_the_input_still_drags(page, browser):
    context = browser.browser.new_context(has_touch=True, viewport={"width": 900, "height": 900})
    touch = context.new_page()
    touch.goto((page.folder / "feature_maps0.html").as_uri())
    touch.wait_for_function("() => document.querySelector('.lenet-sentence')?.textContent")
    touch.wait_for_timeout(150)
    box = touch.locator(CANVAS).bounding_box()
    scale = box["width"] / 840

    def tap(x, y):
        touch.touchscreen.tap(box["x"] + x * scale, box["y"] + y * scale)
        touch.wait_for_timeout(50)
        return touch.evaluate(SHOWN)

    for n, row, column in ((4, 20, 9), (0, 3, 2)):
        words = tap(*middle("feature_maps", "c1", (n, row, column)))["words"]
        assert words.startswith(f"C1, map {n}, row {row}, column {column}: ")
    assert tap(12 + 152 * 20 / 32, 36 + 152 * 11 / 32) == GONE  # in the input
    values = values_of(touch)
    assert (values["right"], values["down"]) == (4, -5)
    tap(*middle("feature_maps", "c1", (4, 20, 9)))
    touch.touchscreen.tap(5, 5)  # beside the demo
    touch.wait_for_timeout(50)
    assert touch.evaluate(SHOWN) == GONE
    context.close()


def test_a_movement_takes_less_than_four_milliseconds(page):
    page.load("draw_digit")
    took = page.locator(CANVAS).evaluate("""canvas => {
        const { left, top } = canvas.getBoundingClientRect(), times = [];
        for (let i = 0; i < 300; i++) {
            const before = performance.now();
            canvas.dispatchEvent(new PointerEvent("pointermove",
                { clientX: left + 12 + i % 140, clientY: top + 190 + (7 * i) % 130 }));
            canvas.nextSibling.getBoundingClientRect(); // with the layout that it asks for
            times.push(performance.now() - before);
        }
        return times.sort((a, b) => a - b)[150];
    }""")
    assert took <= 4, took
