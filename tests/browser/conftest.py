import shutil

import pytest
from lab import chromium, close_all, jupyterlab, watched


@pytest.fixture(scope="module")
def lab_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def lab(lab_folder):
    with jupyterlab(lab_folder) as address_and_token:
        yield address_and_token


@pytest.fixture(scope="package")
def browser():
    """One that remembers, from page to page, what it has loaded."""
    with chromium(shutil.which("chromium") or shutil.which("chromium-browser")) as browser:
        yield browser.new_context(viewport={"width": 1280, "height": 1000})


@pytest.fixture(scope="module")
def tab(browser):
    """One for all tests, since to load JupyterLab takes longer than to open a notebook in it."""
    tab = watched(browser.new_page())
    yield tab
    tab.close()


@pytest.fixture
def page(tab):
    """A page without notebooks, and without problems so far."""
    tab.problems.clear()
    yield tab
    close_all(tab)
