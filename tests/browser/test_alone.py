"""Demos on a page without a kernel, opened from a disk: every control, by keyboard."""

import base64

import pytest
import torch
from alone_page import demos_on_a_page, element_of, in_step, place, press
from lab import watched
from safetensors.torch import save_file

from lenet_book import demos, mnist, models
from lenet_book.__main__ import main
from lenet_book.demos import alone
from lenet_book.show import DEMOS

NAMES = [*DEMOS]
KEYS = {"range": ["ArrowRight", "ArrowLeft"], "select-one": ["ArrowDown", "ArrowUp"],
        "checkbox": ["Space"], "button": ["Space"]}


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    with demos_on_a_page(browser, tmp_path_factory.mktemp("alone"), NAMES) as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_every_control_by_keyboard(name, opened):
    page, made = opened
    demo, shown = made[name], element_of(page, name)
    values, moved = in_step(page, demo), set()
    controls = shown.locator(".lenet-controls").locator("input, select, button")
    kinds = [*enumerate(controls.evaluate_all("controls => controls.map(({ type }) => type)"))]
    for number, kind in [*kinds[:12], *kinds[12:][-2:]]:  # of many alike the first and the last
        control = controls.nth(number)
        if kind == "text":
            control.fill("2 0; 0 -2")
            control.press("Enter")
        control.focus()
        for key in KEYS.get(kind, []):
            page.keyboard.press(key)
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
        inside = element_of(page, name).locator("input, select, button:not([hidden]), canvas[tabindex]")
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
    view = page.locator(".lenet-view").first
    below = view.evaluate("one => getComputedStyle(one, '::after').content")
    assert ("sideways" in below) == (width < 640)  # where the type has become too small
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


def test_reset_of_a_training_shows_a_fresh_net_that_rests(browser, tmp_path):
    """Also where the saved one has learned, and while the recorded run is replayed."""
    with demos.training() as demo:
        fresh = demo.value
        demo.learner.step()
        demo.redraw()
        (tmp_path / "page.html").write_text(alone.page(demo, "training"), "utf-8")
    page = watched(browser.new_page())
    page.goto((tmp_path / "page.html").as_uri())
    sentence = page.locator(".lenet-sentence")
    sentence.filter(has_text="Stopped: 64 of 58,000 digits seen").wait_for()
    fresh += " This page replays a recorded run: choices act in a notebook."
    press(page, "reset")
    assert sentence.text_content() == fresh
    press(page, "start")
    sentence.filter(has_text="Learning").wait_for()
    press(page, "reset")
    page.wait_for_timeout(600)  # in which it would go on twice
    assert sentence.text_content() == fresh and not page.problems
    page.close()


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
    page = watched(browser.new_page())
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
    assert not page.problems


READ = """([net, base64]) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    lenetBook.provide("test-digits", Uint8Array.from({ length: 785 * 500 }, (_, i) =>
        (i % 785 ? bytes[784 * Math.floor(i / 785) + (i % 785) - 1] : 0)));
    return Array.from({ length: 500 }, (_, index) => {
        const values = { index, layer: "c1", net, right: 0, down: 0, rotate: 0, scale: 100, noise: 0 };
        return lenetBook.demos.feature_maps.compute(values).reading;
    }).map(({ answer, scores }) => ({ answer, scores }));
}"""
