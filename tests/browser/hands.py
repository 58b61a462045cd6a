"""What a reader does with a demo in JupyterLab, and sees of it."""

import ipywidgets as widgets
from playwright.sync_api import expect

from lenet_book import demos

KEYS = {"slider": ["ArrowRight", "ArrowLeft", "ArrowLeft"],
        "choice": ["ArrowDown", "ArrowUp", "ArrowUp"], "switch": ["Space"], "toggle": ["Space"]}
# What a reader sees of a demo: a hash of the pixels, and the sentence, or what is read out instead.
SEEN = """demo => {
    const canvas = demo.querySelector('.lenet-picture');
    const {data: pixels} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let hash = 0;
    for (const pixel of new Uint32Array(pixels.buffer)) hash = (Math.imul(hash, 31) + pixel) | 0;
    const sentence = demo.querySelector('.lenet-sentence').textContent;
    return {hash, sentence, alternative: canvas.getAttribute('aria-label')};
}"""


def seen(demo):
    return demo.evaluate(SEEN)


def press(page, demo, target, keys):
    """Focus a control and press keys, one after the other, until picture or sentence has changed."""
    value, largest = (target.get_attribute(f"aria-value{which}") for which in ("now", "max"))
    if value and value == largest:
        keys = keys[1:]  # a slider at its right end
    before = seen(demo)
    target.focus()
    for key in keys:
        page.keyboard.press(key)
        for _ in range(60):
            now = seen(demo)
            assert now["alternative"] == now["sentence"]
            if now != before:
                return now
            page.wait_for_timeout(25)
    raise AssertionError(f"no change in picture and sentence: {before} -> {now}")


def draw(page, demo, *points):
    """A stroke with the mouse; points in shares of the canvas."""
    canvas = demo.locator(".lenet-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


def wait_for_sentence(demo, words):
    expect(demo.locator(".lenet-sentence")).to_contain_text(words, timeout=10_000)


def rest(page, demo):
    """Wait until the picture stays as it is: the last points of a line may still be on their way."""
    before = None
    while before != (before := seen(demo)):
        page.wait_for_timeout(300)


def controls_of(demo, name):
    """(kind, control) for every control that a reader meets, and every button of this demo's own."""
    kinds = {"slider": ".noUi-handle", "choice": "select:not([aria-label=speed])",
             "text": "input[type=text]", "switch": "input[type=checkbox]",
             "toggle": "button.widget-toggle-button", "kernel's button": "button.widget-button"}
    found = []
    for kind, selector in kinds.items():
        alike = demo.locator(selector).all()
        if kind == "toggle":  # of a table of them the first and the last
            alike = [*alike[:2], *alike[2:][-2:]]
        found += [(kind, control) for control in alike]
    if name != "training":
        with getattr(demos, name)() as made:
            own = sum(isinstance(control, widgets.Button) for control in made.controls.values())
        found += [("button", button) for button in demo.locator(".lenet-buttons button").all()[:own]]
    return found
