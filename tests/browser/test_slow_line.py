"""On a slow line what was saved of a demo stays, until the live picture can take its place."""

from html import escape
from io import BytesIO

import numpy as np
import pytest
from alone_page import STATE, press
from lab import watched
from PIL import Image

from lenet_book import demos
from lenet_book.demos import alone

LAID_OUT = """() => [document.documentElement.scrollHeight,
    ...document.querySelectorAll(".lenet-demo *, .lenet-demo ~ *")].map((one) => {
        const { x, y, width, height } = one.getBoundingClientRect?.() ?? { height: one };
        return [x, y, width, height];
    })"""


@pytest.fixture
def slow(browser, tmp_path):
    """Opens a page with a demo as the website has it, whose files wait in page.routes."""
    alone.write(tmp_path / "live")
    page = watched(browser.new_page())
    page.routes = []
    page.route("**/live/data/*.js", lambda route: page.routes.append(route))

    def opened(demo):
        data, metadata = demo._repr_mimebundle_()
        (tmp_path / "saved.png").write_bytes(data["image/png"])
        page.saved = Image.open(BytesIO(data["image/png"]))
        size = metadata["image/png"]
        saved = (f'<img src="saved.png" width="{size["width"]}" height="{size["height"]}">'
                 f"<p>{escape(demo.value)}</p>")
        (tmp_path / "index.html").write_text(
            '<!doctype html><link rel="stylesheet" href="live/demos.css">'
            '<script defer src="live/demos.js"></script>'
            f"{alone.element(demo.described, saved)}<p>below</p>")
        page.goto((tmp_path / "index.html").as_uri(), wait_until="domcontentloaded")
        page.wait_for_timeout(300)
        assert page.routes
        return page
    yield opened
    page.close()


def go_on(page):
    """The files come."""
    while page.routes:
        page.routes.pop().continue_()
        page.wait_for_timeout(100)
    page.evaluate(STATE, 0)


def grey(picture, size):
    return np.asarray(picture.convert("L").resize(size), float)


def shot(page):
    return Image.open(BytesIO(page.locator(".lenet-picture").screenshot()))


def blank(page):
    """Whether nothing has been painted on the canvas."""
    return page.locator(".lenet-picture").evaluate("""canvas => !canvas.getContext("2d")
        .getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)""")


def test_the_saved_picture_and_sentence_stay_where_the_live_ones_will_be(slow):
    with demos.feature_maps(index=8) as demo:
        page, sentence = slow(demo), demo.value
    words, canvas = page.locator(".lenet-sentence"), page.locator(".lenet-picture")
    assert words.text_content() == canvas.get_attribute("aria-label") == sentence and blank(page)
    before, place = shot(page), page.evaluate(LAID_OUT)
    go_on(page)
    assert page.evaluate(LAID_OUT) == place and words.text_content() == sentence and not blank(page)
    small = (210, 74)
    saved, before, after = (grey(one, small) for one in (page.saved, before, shot(page)))
    assert max(abs(before - saved).mean(), abs(after - saved).mean()) < 4 < saved.std()
    assert not page.problems


def test_what_is_done_meanwhile_counts_when_the_files_are_there(slow):
    with demos.feature_maps(index=8) as demo:
        page = slow(demo)
    page.get_by_role("slider", name="test digit").press("ArrowRight")
    press(page, "next wrong digit")
    page.locator(".lenet-picture").click()  # of what is there to click at, nothing is known yet
    go_on(page)
    assert "Test digit 115, a 4, is read as 9" in page.locator(".lenet-sentence").text_content()
    assert not page.problems


def test_a_file_that_did_not_come_is_asked_for_again(slow):
    with demos.feature_maps(index=8) as demo:
        page, sentence = slow(demo), demo.value
    while page.routes:
        page.routes.pop().abort()
        page.wait_for_timeout(100)
    assert page.locator(".lenet-sentence").text_content() == sentence and blank(page)
    assert any("cannot be loaded" in problem for problem in page.problems)
    page.get_by_label("layer").select_option("C3")
    page.wait_for_timeout(100)
    go_on(page)
    assert "C3 has 16 maps" in page.locator(".lenet-sentence").text_content() and not blank(page)


def test_a_saved_answer_is_not_shown_where_it_is_hidden(slow):
    with demos.feature_maps(index=8, hidden=True) as demo:
        page = slow(demo)
    assert page.locator(".lenet-sentence").text_content() == ""
    assert np.ptp(grey(shot(page), (84, 30))) == 0
    go_on(page)
    assert "hidden" in page.locator(".lenet-sentence").text_content()
