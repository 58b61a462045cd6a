"""A page with demos and without a kernel, and whether it says what Python says."""

import json
from contextlib import contextmanager

from lab import watched

from lenet_book import demos
from lenet_book.demos import alone


@contextmanager
def demos_on_a_page(browser, folder, names):
    """A page with demos of these names; what it asked for, and what went wrong, are noted."""
    alone.write(folder / "live")
    made = {name: getattr(demos, name)() for name in names}
    (folder / "index.html").write_text("\n".join([
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>demos</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="stylesheet" href="live/demos.css"><script defer src="live/demos.js"></script>',
        *(alone.element(demo.described, f"<p>{name}</p>") for name, demo in made.items())]))
    page = watched(browser.new_page())
    page.names = names
    page.goto((folder / "index.html").as_uri())
    page.locator(".lenet-sentence").nth(len(names) - 1).wait_for()
    page.wait_for_function("() => !document.querySelector('.lenet-sentence[aria-busy=true]')")
    yield page, made
    for demo in made.values():
        demo.close()
    page.close()


def element_of(page, name):
    return page.locator(".lenet-demo").nth(page.names.index(name))


# Values, words and alternative of a demo, once there is all that the picture does not wait for.
STATE = """async number => {
    const shown = document.querySelectorAll(".lenet-demo")[number];
    const sentence = shown.querySelector(".lenet-sentence");
    while (sentence.ariaBusy === "true") await new Promise((go) => setTimeout(go, 10));
    const alternative = shown.querySelector(".lenet-picture").getAttribute("aria-label");
    return JSON.stringify([shown.values(), sentence.textContent, alternative]);
}"""


def in_step(page, demo):
    """Whether the page says what Python says of the values that the page has."""
    values, said, alternative = json.loads(page.evaluate(STATE, page.names.index(demo.name)))
    values |= {name: min(values[name], most) for name, most in demo._limits(**values).items()}
    assert said == alternative == demo._say(demo._compute(**values)), values
    return values


def press(shown, label):
    shown.get_by_role("button", name=label, exact=True).click()


def place(page, name="padding_stride"):
    values = element_of(page, name).evaluate("el => el.values()")
    return values["row"], values["column"]
