"""Each demo as a teacher shows it: large, in JupyterLab, on a screen of 1280 x 720."""

import pytest
from lab import open_chapter, run_all, write_notebook
from playwright.sync_api import expect

from lenet_book import demos

NAMES = [name for name in demos.__all__ if name != "Demo"]
SCROLLBAR = 15  # pixels, which the browser of the tests does not take from the width
BARS = 91 + 30  # pixels of JupyterLab above and below the cells
LAID_OUT = """demo => {
    const buttons = [...demo.querySelectorAll(".lenet-buttons > *")];
    return {
        rows: new Set(buttons.map((one) => one.getBoundingClientRect().top)).size,
        beyond: demo.scrollWidth - demo.clientWidth,
        height: demo.getBoundingClientRect().height,
    };
}"""


@pytest.fixture(scope="module")
def shown(lab, lab_folder, tab):
    """All demos in a notebook, beside which the list of files is hidden."""
    tab.set_viewport_size({"width": 1280 - SCROLLBAR, "height": 720})
    write_notebook(lab_folder, "projected", *(f"demos.{name}(projector=True)" for name in NAMES))
    open_chapter(tab, lab, "projected")
    tab.evaluate("() => jupyterapp.shell.collapseLeft()")
    run_all(tab)
    found = tab.locator(".lenet-demo")
    expect(found.locator(".lenet-picture")).to_have_count(len(NAMES), timeout=60_000)
    return dict(zip(NAMES, found.all(), strict=True))


def test_each_demo_can_be_shown_without_scrolling(shown, tab):
    for name, demo in shown.items():
        demo.scroll_into_view_if_needed()
        tab.wait_for_timeout(300)  # until the picture has its size
        seen = demo.evaluate(LAID_OUT)
        assert seen["rows"] == 1 and seen["beyond"] <= 0 and seen["height"] <= 720 - BARS, (name, seen)
        demo.get_by_role("button", name="freeze").click()
        assert demo.evaluate(LAID_OUT)["rows"] == 1, name
        demo.get_by_role("button", name="unfreeze").click()
    assert not tab.problems


def test_the_list_of_keys_has_its_terms_on_one_line_each(shown, tab):
    demo = shown["receptive_field"]
    demo.get_by_role("button", name="? keys of this demo").click()
    terms = demo.get_by_role("dialog").locator("dt").all()
    assert len({term.bounding_box()["height"] for term in terms}) == 1 < len(terms)
    tab.keyboard.press("Escape")
    assert not tab.problems


def test_in_the_full_window_a_frozen_picture_takes_no_room_from_the_controls(shown, tab):
    demo = shown["receptive_field"]
    demo.get_by_role("button", name="full window").click()
    tab.wait_for_function("() => document.fullscreenElement")
    tab.wait_for_timeout(300)
    controls = demo.locator(".widget-box").first
    before = controls.bounding_box()
    demo.get_by_role("button", name="freeze").click()
    expect(demo.locator(".lenet-frozen canvas")).to_have_count(1)
    tab.wait_for_timeout(300)
    assert controls.bounding_box() == before
    demo.get_by_role("button", name="swap").click()
    box = demo.locator(".lenet-frozen canvas").bounding_box()
    assert box["y"] + box["height"] <= 720 and not tab.problems
