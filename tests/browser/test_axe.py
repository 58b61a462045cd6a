"""axe-core, which finds what keeps people out of a page, on the page of each demo."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from lenet_book.demos import alone
from lenet_book.show import DEMOS


@pytest.fixture(scope="module")
def tab(browser):
    tab = browser.new_page()
    yield tab
    tab.close()


@pytest.mark.parametrize("name", DEMOS)
def test_nothing_keeps_anybody_out(name, tab, tmp_path):
    """Nothing is serious or critical as it opens, and with a frozen picture and the list of keys."""
    with DEMOS[name]() as demo:
        (tmp_path / "page.html").write_text(alone.page(demo, name), "utf-8")
    tab.goto((tmp_path / "page.html").as_uri())
    tab.wait_for_function("() => document.querySelector('.lenet-sentence')?.textContent")
    for opens in (False, True):
        if opens:
            tab.get_by_role("button", name="freeze").click()
            tab.get_by_role("button", name="? keys").click()
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            assert violations(tab) == {}, scheme


def violations(tab):
    """rule -> the elements that break it."""
    found = Axe().run(tab).response
    assert len(found["passes"]) > 10  # it has looked
    return {one["id"]: [node["html"] for node in one["nodes"]] for one in found["violations"]
            if one["impact"] in ("serious", "critical")}
