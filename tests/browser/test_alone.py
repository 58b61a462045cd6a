"""Demos on a page without a kernel, opened from a disk: every control by keyboard, every button."""

import json

import pytest

from lenet_book import demos
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


def in_step(page, demo):
    """Whether the page says what Python says of the values that the page has."""
    shown = element_of(page, demo.name)
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
