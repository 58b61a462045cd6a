import shutil

import pytest
from lab import chromium, jupyterlab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with jupyterlab(tmp_path_factory.mktemp("lab")) as address_and_token:
        yield address_and_token


@pytest.fixture(scope="module")
def browser():
    with chromium(shutil.which("chromium") or shutil.which("chromium-browser")) as browser:
        yield browser
