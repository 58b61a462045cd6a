"""Pictures on a page without a kernel: played, hidden, frozen, clicked, drawn and dragged in."""

import re

import pytest
from alone_page import demos_on_a_page, element_of, in_step, place, press

NAMES = ["pooling", "padding_stride", "find_the_digit", "draw_digit", "feature_maps", "ablation"]


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    with demos_on_a_page(browser, tmp_path_factory.mktemp("alone"), NAMES) as opened:
        yield opened


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
    press(shown, "unfreeze")
    assert not frozen.is_visible()
    press(shown, "reset")


@pytest.mark.parametrize("name", ["padding_stride", "draw_digit"])  # one without, one with hover
def test_the_frozen_picture_takes_the_place_of_the_other_and_gives_it_back(name, opened):
    page, _ = opened
    shown = element_of(page, name)
    live, sentence = shown.locator(".lenet-picture").first, shown.locator(".lenet-sentence")
    frozen, swap = shown.locator(".lenet-frozen canvas"), shown.get_by_role("button", name="swap")
    press(shown, "freeze")
    control = shown.locator("input[type=range]").first
    control.press("ArrowRight")
    place = live.bounding_box()
    for _ in range(2):
        swap.click()
        assert frozen.bounding_box() == pytest.approx(place)
        assert swap.get_attribute("aria-pressed") == "true"
        assert not live.is_visible() and not sentence.is_visible()
        swap.click()
        assert live.bounding_box() == pytest.approx(place) and sentence.is_visible()
    swap.click()
    control.press("ArrowLeft")  # whoever moves a control sees it move
    assert live.bounding_box() == pytest.approx(place) and swap.get_attribute("aria-pressed") == "false"
    swap.click()
    press(shown, "unfreeze")
    assert live.is_visible() and not frozen.is_visible() and swap.count() == 0
    press(shown, "reset")


def test_a_second_click_on_freeze_lets_the_picture_go_and_so_does_reset(opened):
    page, _ = opened
    shown = element_of(page, "padding_stride")
    freeze, swap = (shown.locator(".lenet-buttons button").filter(has_text=words)
                    for words in (re.compile("^(un)?freeze$"), "swap"))
    place = freeze.bounding_box()
    freeze.click()
    kept = freeze.bounding_box()
    assert kept["x"] == place["x"] and freeze.inner_text() == "unfreeze"
    assert swap.bounding_box()["x"] > kept["x"] + kept["width"]
    freeze.click(position={"x": 5, "y": 5})
    assert shown.locator(".lenet-frozen").count() == 0 and not swap.is_visible()
    freeze.click()
    swap.click()
    press(shown, "reset")
    assert shown.locator(".lenet-frozen").count() == 0 and freeze.inner_text() == "freeze"
    assert shown.locator(".lenet-picture").is_visible() and not swap.is_visible()


def test_the_picture_follows_the_height_of_the_window(opened):
    """Where the demo's own width and place stay as they are."""
    page, _ = opened
    whole, picture = page.viewport_size, element_of(page, "pooling").locator(".lenet-picture")
    before = picture.bounding_box()["height"]
    for height, fits in ((400, False), (whole["height"], True)):
        page.set_viewport_size({**whole, "height": height})
        page.wait_for_timeout(300)
        assert (picture.bounding_box()["height"] == before) == fits


def test_what_pooling_leaves_out_and_the_size_of_its_map_are_hidden_with_the_answer(opened):
    page, _ = opened
    shown = element_of(page, "pooling")
    shown.get_by_role("slider", name="window").press("ArrowRight")  # 3 x 3: one row is left out
    # Of the last pixels of the field and of those that hold "pooled 17 x 17": grey, and the darkest.
    marks = """el => {
        const c = el.querySelector('.lenet-picture'), scale = c.width / 840;
        const of = (...area) => c.getContext('2d').getImageData(...area.map((x) => x * scale)).data;
        return [of(123, 30, 1, 1)[0], Math.min(...of(246, 5, 36, 12))];
    }"""
    assert shown.evaluate(marks) == [0xd9, 0x22]
    press(shown, "hide the answer")
    assert shown.evaluate(marks) == [0xff, 0xee]  # paper, and the veil
    assert "17" not in shown.inner_text()
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
    box = canvas.bounding_box()  # the slider may have scrolled the page
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
    picture.click(position={"x": (12 + 150) * scale, "y": (36 + 2) * scale})
    values = in_step(page, made["feature_maps"])
    assert (values["right"], values["down"]) == (10, -10)  # as far as the sliders go
    shown.get_by_label("LeNet-5").select_option("modern")
    press(shown, "next wrong digit")  # there is none
    assert in_step(page, made["feature_maps"])["index"] == 115
    for _ in range(5):
        press(shown, "step ▶")
    assert in_step(page, made["feature_maps"])["layer"] == "f6" and not page.problems


def test_the_class_of_the_digits_that_are_stepped_through_by_keyboard(opened):
    page, made = opened
    shown = element_of(page, "feature_maps")
    press(shown, "reset")
    shown.get_by_label("class").select_option("8")
    slider, seen = shown.get_by_role("slider", name="test digit"), []
    for key in ("Right", "Right", "Left", "Left"):
        slider.press(f"Arrow{key}")
        seen.append(in_step(page, made["feature_maps"])["index"])
    assert seen == [84, 110, 84, 61]  # the first eights of the test set are 61, 84 and 110
    assert "Test digit 61, an 8, is" in shown.locator(".lenet-sentence").text_content()
    press(shown, "next wrong digit")  # of the 200 no 8 is read wrong
    assert in_step(page, made["feature_maps"])["index"] == 61
    shown.get_by_label("class").select_option("4")
    press(shown, "next wrong digit")
    assert in_step(page, made["feature_maps"])["index"] == 115
    shown.get_by_label("class").select_option("any")
    slider.press("ArrowLeft")
    assert in_step(page, made["feature_maps"])["index"] == 114 and not page.problems
    press(shown, "reset")


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
