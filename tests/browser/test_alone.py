"""Demos on a page without a kernel, opened from a disk: every control by keyboard, every button."""

import base64
import json

import pytest
import torch
from safetensors.torch import save_file

from lenet_book import demos, mnist, models
from lenet_book.__main__ import main
from lenet_book.demos import alone

NAMES = [name for name in demos.__all__ if name != "Demo"]
KEYS = {"range": ["ArrowRight", "ArrowLeft"], "select-one": ["ArrowDown", "ArrowUp"],
        "checkbox": ["Space"], "button": ["Space"]}


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """A page with every demo; what it asked for, and what went wrong, are noted."""
    folder = tmp_path_factory.mktemp("alone")
    alone.write(folder / "live")
    made = {name: getattr(demos, name)() for name in NAMES}
    (folder / "index.html").write_text("\n".join([
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>demos</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="stylesheet" href="live/demos.css"><script defer src="live/demos.js"></script>',
        *(alone.element(demo.described, f"<p>{name}</p>") for name, demo in made.items())]))
    page = browser.new_page()
    page.asked, page.problems = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto((folder / "index.html").as_uri())
    page.locator(".lenet-sentence").nth(len(NAMES) - 1).wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.lenet-sentence')].every(words => words.textContent)")
    yield page, made
    for demo in made.values():
        demo.close()
    page.close()


def element_of(page, name):
    return page.locator(".lenet-demo").nth(NAMES.index(name))


def rest(shown):
    """Wait for what the picture does not wait for."""
    shown.locator(".lenet-sentence:not([aria-busy=true])").wait_for()


def in_step(page, demo):
    """Whether the page says what Python says of the values that the page has."""
    shown = element_of(page, demo.name)
    rest(shown)
    values = json.loads(shown.evaluate("el => JSON.stringify(el.values())"))
    values |= {name: min(values[name], most) for name, most in demo._limits(**values).items()}
    said = shown.locator(".lenet-sentence").text_content()
    assert said == demo._say(demo._compute(**values)), values
    assert shown.locator(".lenet-picture").first.get_attribute("aria-label") == said
    return values


@pytest.mark.parametrize("name", NAMES)
def test_every_control_by_keyboard(name, opened):
    page, made = opened
    demo, shown = made[name], element_of(page, name)
    values, moved = in_step(page, demo), set()
    controls = shown.locator(".lenet-controls").locator("input, select, button").all()
    for control in [*controls[:12], *controls[-2:]]:  # of many alike the first and the last
        kind = control.evaluate("control => control.type")
        if kind == "text":
            control.fill("2 0; 0 -2")
            control.press("Enter")
        for key in KEYS.get(kind, []):
            control.press(key)
            now = in_step(page, demo)
            moved |= {key for key in now if now[key] != values[key]}
            values = now
    assert moved and not page.problems
    assert not [url for url in page.asked if not url.startswith("file:")]


FOCUSED = """() => {
    const one = document.activeElement, { top, bottom } = one.getBoundingClientRect();
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    const name = one.ariaLabel ?? (one.labels?.length ? one.labels[0].innerText : one.innerText);
    return { named: /\\w/.test(name), ringed: outlineStyle === "solid" && parseFloat(outlineWidth) >= 3,
             seen: 0 <= top && bottom <= innerHeight, tabIndex: one.tabIndex,
             demo: JSON.parse(one.closest("[data-demo]").dataset.demo).name,
             toggle: Boolean(one.closest(".lenet-toggles")) };
}"""


def test_the_tab_key_stops_at_each_control_in_order_with_a_name_and_a_ring(opened):
    page, _ = opened
    page.reload()
    page.locator(".lenet-sentence").nth(len(NAMES) - 1).wait_for()
    stops = []
    while page.keyboard.press("Tab") or page.evaluate("document.activeElement !== document.body"):
        stops.append(page.evaluate(FOCUSED))
    assert all(one["named"] and one["ringed"] and one["seen"] and one["tabIndex"] == 0 for one in stops)
    assert [one["demo"] for one in stops] == sorted((one["demo"] for one in stops), key=NAMES.index)
    for name in NAMES:
        inside = element_of(page, name).locator("input, select, button, canvas[tabindex]")
        toggles = element_of(page, name).locator(".lenet-toggles button").count()
        here = [one for one in stops if one["demo"] == name]
        assert len(here) == inside.count() - toggles + bool(toggles) > 5, name
    assert sum(one["toggle"] for one in stops) == 1  # all of the table; arrows go on inside


def test_arrow_keys_go_from_square_to_square_of_the_table(opened):
    page, made = opened
    toggles = element_of(page, "c3_connections").locator(".lenet-toggles button")
    toggles.first.focus()
    for key in ("Right", "Down", "Down", "Up", "Left", "Left", "Right"):
        page.keyboard.press(f"Arrow{key}")  # the second to the left: to the end of the row above
    assert page.evaluate("document.activeElement.title") == "map 0 of C3 reads map 1 of S2"
    before = element_of(page, "c3_connections").evaluate("el => el.values()")["reads 1 0"]
    page.keyboard.press("Space")
    assert in_step(page, made["c3_connections"])["reads 1 0"] is not before
    press(element_of(page, "c3_connections"), "reset")


def test_a_sentence_is_read_aloud_once_after_a_rest_and_not_while_it_plays(opened):
    page, _ = opened
    page.reload()
    shown = element_of(page, "padding_stride")
    shown.get_by_role("button", name="▶ play").wait_for()
    everywhere = "[...document.querySelectorAll('.lenet-demo')].map(el => JSON.stringify(el.values()))"
    before = page.evaluate(everywhere)
    page.wait_for_timeout(1000)
    assert page.evaluate(everywhere) == before  # nothing moves by itself, and nothing is read
    assert not any(page.locator(".lenet-aloud").all_text_contents())
    shown.evaluate("""el => {
        window.heard = [];
        for (const one of el.querySelectorAll("output, [role=status]")) {
            const note = () => heard.push(one.textContent);
            new MutationObserver(note).observe(one, { childList: true, subtree: true });
        }
    }""")
    slider = shown.get_by_role("slider", name="row")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    page.wait_for_timeout(1000)
    assert page.evaluate("heard") == [shown.locator(".lenet-sentence").text_content()]
    shown.get_by_label("speed").select_option("slow")
    press(shown, "reset")
    press(shown, "▶ play")
    page.wait_for_timeout(2600)  # two steps
    assert place(page) == (0, 2) and len(page.evaluate("heard")) == 1
    press(shown, "❚❚ pause")
    page.wait_for_timeout(1000)
    assert page.evaluate("heard")[1:] == [shown.locator(".lenet-sentence").text_content()]
    press(shown, "reset")


@pytest.mark.parametrize("width", [640, 390, 320])
def test_nothing_is_cut_on_a_narrow_page(width, opened):
    """640: what 200 % leaves of 1280 pixels."""
    page, _ = opened
    wide = page.viewport_size
    page.set_viewport_size({"width": width, "height": 640})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("""() => [...document.querySelectorAll(".lenet-demo")].flatMap((demo) => {
        const { left, right } = demo.getBoundingClientRect();
        return [...demo.querySelectorAll("*")].filter((one) => {
            const box = one.getBoundingClientRect();
            return box.width && (box.left < left || box.right > right + 0.5);
        }).filter((one) => !one.parentElement.matches(".lenet-toggles")).map((one) => one.outerHTML);
    })""") == []
    table = element_of(page, "c3_connections").locator(".lenet-toggles")
    assert table.evaluate("one => one.scrollWidth > one.clientWidth") == (width < 640)  # inside itself
    canvas, picture = (element_of(page, "draw_digit").locator(one).bounding_box()
                       for one in (".lenet-canvas", ".lenet-picture"))
    assert picture["y"] >= canvas["y"] + canvas["height"]
    page.set_viewport_size(wide)
    page.wait_for_timeout(300)


def test_with_few_colours_of_the_system_ink_and_squares_can_be_told_apart(opened):
    page, _ = opened
    page.emulate_media(forced_colors="active", color_scheme="dark")
    colour = "one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"
    table = element_of(page, "c3_connections")
    on, off = (table.locator(f"button[aria-pressed={value}]").first.evaluate(colour)
               for value in ("true", "false"))
    assert on[0] != on[1] != off[1]
    assert page.locator(".lenet-canvas").evaluate(colour)[1] == "rgb(255, 255, 255)"
    edge = element_of(page, "pooling").get_by_role("button", name="reset").evaluate(
        "one => [getComputedStyle(one).borderTopColor, getComputedStyle(one).backgroundColor]")
    assert edge[0] != edge[1]
    page.emulate_media(forced_colors="none", color_scheme="light")


def press(shown, label):
    shown.get_by_role("button", name=label, exact=True).click()


def place(page, name="padding_stride"):
    values = element_of(page, name).evaluate("el => el.values()")
    return values["row"], values["column"]


def test_play_step_back_and_reset(opened):
    page, made = opened
    shown = element_of(page, "padding_stride")
    press(shown, "reset")
    assert place(page) == (0, 0)
    seen = []
    for _ in range(9):
        press(shown, "step ▶")
        seen.append(place(page))
    assert seen == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (2, 2)]
    press(shown, "◀ back")
    press(shown, "◀ back")
    assert place(page) == (2, 0)
    shown.get_by_label("speed").select_option("fast")
    press(shown, "▶ play")
    shown.get_by_role("button", name="❚❚ pause").wait_for()
    shown.get_by_role("button", name="▶ play").wait_for()  # at the end it rests by itself
    assert place(page) == (2, 2)
    press(shown, "reset")
    assert place(page) == (0, 0) and in_step(page, made["padding_stride"])


def test_the_answer_is_hidden_until_it_is_asked_for(opened):
    page, _ = opened
    shown = element_of(page, "padding_stride")
    pixels = "el => { const c = el.querySelector('.lenet-picture'); return c.toDataURL(); }"
    press(shown, "reset")
    before, answer = shown.evaluate(pixels), shown.locator(".lenet-sentence").text_content()
    press(shown, "hide the answer")
    assert shown.evaluate(pixels) != before
    shown.locator("input").first.press("ArrowRight")  # still hidden after a move
    assert "output" not in shown.locator(".lenet-sentence").text_content()
    assert "output" not in shown.locator(".lenet-picture").first.get_attribute("aria-label")
    shown.locator("input").first.press("ArrowLeft")
    press(shown, "show the answer")
    assert (shown.evaluate(pixels), shown.locator(".lenet-sentence").text_content()) == (before, answer)


def test_where_the_peak_lies_on_the_canvas_is_hidden_with_the_answer(opened):
    page, _ = opened
    shown = element_of(page, "find_the_digit")
    blue = """el => {
        const c = el.querySelector('.lenet-picture'), wide = c.width * 240 / 840;  // left of the maps
        const { data } = c.getContext('2d').getImageData(0, 0, wide, c.height);
        let found = 0;
        for (let i = 0; i < data.length; i += 4) found += data[i] === 0 && data[i + 2] === 0xb2;
        return found;
    }"""
    assert shown.evaluate(blue) > 100
    press(shown, "hide the answer")
    assert shown.evaluate(blue) == 0
    press(shown, "show the answer")
    assert shown.evaluate(blue) > 100


def test_a_frozen_picture_stays_while_the_other_moves(opened):
    page, _ = opened
    shown = element_of(page, "padding_stride")
    press(shown, "freeze")
    frozen = shown.locator(".lenet-frozen canvas")
    before, said = frozen.evaluate("c => c.toDataURL()"), frozen.get_attribute("aria-label")
    shown.locator("input").first.press("ArrowRight")
    assert frozen.evaluate("c => c.toDataURL()") == before
    assert said == frozen.get_attribute("aria-label") != shown.locator(".lenet-sentence").text_content()
    press(shown, "forget the frozen")
    assert not frozen.is_visible()
    press(shown, "reset")


def test_a_click_in_the_picture_moves_the_window(opened):
    page, made = opened
    shown = element_of(page, "padding_stride")
    press(shown, "reset")
    picture = shown.locator(".lenet-picture").first
    box = picture.bounding_box()
    scale = box["width"] / 840
    picture.click(position={"x": (300 + 2.5 * 31) * scale, "y": (36 + 1.5 * 31) * scale})
    assert place(page) == (1, 2)
    picture.click(position={"x": 20 * scale, "y": 40 * scale})  # of the input
    assert place(page) == (0, 0)
    assert in_step(page, made["padding_stride"]) and not page.problems


def dark(shown):
    """How many pixels of the canvas to draw on are as dark as ink."""
    return shown.locator(".lenet-canvas").evaluate("""canvas => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, i) => i % 4 === 3 && value > 200 && data[i - 1] < 60).length;
    }""")


def test_the_pen_on_the_canvas_follows_its_slider_and_a_test_digit_does_not_invite(opened):
    page, made = opened
    shown = element_of(page, "draw_digit")
    press(shown, "reset")
    canvas, picture = shown.locator(".lenet-canvas"), shown.locator(".lenet-picture").first
    canvas.scroll_into_view_if_needed()
    box, beside = canvas.bounding_box(), picture.bounding_box()
    assert beside["x"] > box["x"] + box["width"]  # beside it, not below
    page.mouse.move(box["x"] + 60, box["y"] + 130)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 130, steps=8)
    page.mouse.up()
    page.wait_for_timeout(100)
    thin = dark(shown)
    slider = shown.locator("input[type=range]")
    for _ in range(8):  # from 8 to 16 percent
        slider.press("ArrowRight")
    page.wait_for_timeout(100)
    assert 1.7 * thin < dark(shown) < 2.6 * thin
    assert in_step(page, made["draw_digit"])["thickness"] == 16
    shown.get_by_label("input").select_option("a 3 of MNIST")
    page.wait_for_timeout(100)
    assert dark(shown) == 0 and "The first 3 of the test set is read as 3" in shown.text_content()
    page.mouse.move(box["x"] + 130, box["y"] + 60)  # whoever draws all the same, is read
    page.mouse.down()
    page.mouse.move(box["x"] + 130, box["y"] + 200, steps=8)
    page.mouse.up()
    page.wait_for_timeout(100)
    assert dark(shown) > thin and in_step(page, made["draw_digit"])["show"] == "drawing"
    press(shown, "undo")
    press(shown, "clear")
    assert in_step(page, made["draw_digit"])["canvas"] == [] and not page.problems


def test_the_200_digits_of_a_page_the_next_wrong_one_and_a_digit_that_is_dragged(opened):
    page, made = opened
    shown = element_of(page, "feature_maps")
    press(shown, "reset")
    shown.locator("input[type=range]").first.press("End")
    assert in_step(page, made["feature_maps"])["index"] == 199
    press(shown, "next wrong digit")
    assert in_step(page, made["feature_maps"])["index"] == 115  # the only one of them
    assert "which is wrong" in shown.locator(".lenet-sentence").text_content()
    picture = shown.locator(".lenet-picture").first
    scale = picture.bounding_box()["width"] / 840
    picture.click(position={"x": (12 + 152 * 20 / 32) * scale, "y": (36 + 152 * 11 / 32) * scale})
    values = in_step(page, made["feature_maps"])
    assert (values["right"], values["down"]) == (4, -5)
    shown.get_by_label("LeNet-5").select_option("modern")
    press(shown, "next wrong digit")  # there is none
    assert in_step(page, made["feature_maps"])["index"] == 115
    for _ in range(5):
        press(shown, "step ▶")
    assert in_step(page, made["feature_maps"])["layer"] == "f6" and not page.problems


@pytest.mark.parametrize("form", ["lenet5-1998", "lenet5"])
def test_a_page_of_one_file_reads_with_a_learners_own_net(form, browser, tmp_path):
    """500 digits as torch reads them with it."""
    net, generator = models.pretrained(form), torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in net.parameters():
            weight += 0.05 * torch.randn(weight.shape, generator=generator)
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    out = tmp_path / "page.html"
    assert main(["page", str(out), "--net", str(tmp_path / "net.safetensors")]) == 0
    page, problems = browser.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.goto(out.as_uri())
    shown = page.locator(".lenet-demo")
    shown.get_by_label("input").select_option("an 8 of MNIST")
    shown.locator(".lenet-sentence", has_text="The first 8").wait_for()
    assert shown.get_by_label("LeNet-5").evaluate("list => list.selectedOptions[0].text") == "your own"
    digits = mnist.load_mnist()[1][:500]
    images = base64.b64encode(digits.images.numpy().tobytes()).decode()
    name = shown.evaluate("el => el.values().net")
    theirs = page.evaluate(READ, [name, images])
    with torch.inference_mode():
        scores = net(digits.inputs(net.input_size, net.scaling))
        ours = net.predict(scores)
    assert (ours != digits.labels).sum() > 3  # it is another net than the one of the book
    assert torch.tensor([one["answer"] for one in theirs]).equal(ours)
    scores = scores if form == "lenet5-1998" else scores.softmax(dim=1)
    assert torch.allclose(torch.tensor([one["scores"] for one in theirs]), scores, 1e-3, 1e-4)
    page.close()
    assert not problems


READ = """([net, base64]) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    lenetBook.files.provide("test-digits", Uint8Array.from({ length: 785 * 500 }, (_, i) =>
        (i % 785 ? bytes[784 * Math.floor(i / 785) + (i % 785) - 1] : 0)));
    return Array.from({ length: 500 }, (_, index) => {
        const values = { index, layer: "c1", net, right: 0, down: 0, rotate: 0, scale: 100, noise: 0 };
        return lenetBook.demos.feature_maps.compute(values).reading;
    }).map(({ answer, scores }) => ({ answer, scores }));
}"""


NOISE = """(el, noise) => {
    const slider = el.querySelectorAll("input[type=range]")[2];
    slider.value = noise;
    slider.dispatchEvent(new Event("input"));
    return el.querySelector(".lenet-sentence").textContent;
}"""


def test_a_hundred_digits_are_counted_after_the_picture(opened):
    page, made = opened
    page.reload()
    shown, demo = element_of(page, "ablation"), made["ablation"]
    shown.get_by_role("button", name="mend").wait_for()
    for noise in (30, 60, 30, 45):  # each before the last has been counted
        said = shown.evaluate(NOISE, noise)
        assert f"noise of {noise} %" in said and "reads … of the first 100 test digits" in said
    assert in_step(page, demo)["noise"] == 45
    assert "…" not in shown.evaluate(NOISE, 45)  # it is remembered
    page.wait_for_timeout(1000)
    assert shown.get_by_role("status").text_content() == demo._say(demo._compute(
        **demo.values | {"noise": 45}))
    press(shown, "mend")
    assert in_step(page, demo) == demo.values and not page.problems


def test_parts_are_switched_in_the_picture_and_by_keyboard_alone(opened):
    page, made = opened
    shown, demo = element_of(page, "ablation"), made["ablation"]
    press(shown, "reset")
    picture = shown.locator(".lenet-picture").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    scale = box["width"] / 840

    def to(x, y):
        page.mouse.move(box["x"] + scale * x, box["y"] + scale * y)

    to(210, 60)  # map 1 of C1
    page.mouse.down()
    page.mouse.up()
    assert in_step(page, demo) == demo.values | {"part": "c1 1", "off": ["c1 1"]}
    to(360, 174)  # the first unit of C5, and on to its neighbours
    page.mouse.down()
    for x, y in ((362, 175), (372, 174), (384, 186)):
        to(x, y)
    page.mouse.up()
    assert in_step(page, demo)["off"] == ["c1 1", "c5 0", "c5 1", "c5 14"]
    to(384, 186)
    page.mouse.down()  # on again, and so the others
    to(372, 174)
    page.mouse.up()
    assert in_step(page, demo)["off"] == ["c1 1", "c5 0"]
    press(shown, "mend")
    part = shown.get_by_role("slider", name="map or unit")
    seen = set()
    for key in ("Home", *["ArrowRight"] * 247):
        part.press(key)
        seen.add(part.get_attribute("aria-valuetext"))
    assert len(seen) == 6 + 6 + 16 + 16 + 120 + 84
    shown.get_by_role("button", name="off / on", exact=True).press("Space")
    assert in_step(page, demo)["off"] == ["f6 83"]
    shown.get_by_role("button", name="whole layer").press("Enter")
    assert "with all units of F6 off as 0" in shown.locator(".lenet-sentence").text_content()
    press(shown, "reset")
    assert in_step(page, demo) == demo.values and not page.problems
