"""A real JupyterLab on this machine and a real browser, for tests and timings alike."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
_SETTINGS = {  # cells out of sight stay on the page; nothing is asked of the network
    "notebook-extension/tracker": '{"windowingMode": "none"}',
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
}


def saved(chapter: str) -> nbformat.NotebookNode:
    """A chapter as it is in its file."""
    return nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)


def demos_of(chapter: str) -> list[tuple[str, str]]:
    """Name and cell of each demo that a chapter shows, in order."""
    return [(name, cell.source) for cell in saved(chapter).cells if cell.cell_type == "code"
            for name in re.findall(r"^(?:demo = )?demos\.(\w+)\(", cell.source, re.MULTILINE)]


@contextmanager
def jupyterlab(folder: Path):
    """Serves a copy of the chapters from an empty folder; gives the address and the token."""
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    for name, settings in _SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(settings)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, token = f"http://127.0.0.1:{port}", secrets.token_hex(16)
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    with open(folder / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "lenet_book", "lab", "--no-browser", "--ip=127.0.0.1",
             f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
             f"--ServerApp.root_dir={folder / 'notebooks'}", "--LabApp.expose_app_in_browser=True",
             f"--LabApp.user_settings_dir={folder / 'settings'}",
             *(["--allow-root"] if os.geteuid() == 0 else [])],
            env=os.environ | own, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(address, server, folder / "log")
        yield address, token
    finally:
        server.terminate()
        server.wait(60)


@contextmanager
def chromium(path: str):
    """The browser at this path."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[
            "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"])
        yield browser
        browser.close()


def watched(page, *kinds):
    """The page, which notes from now on what it asks for, in asked, and what goes wrong, in problems.

    kinds: of what is said on the console, beside errors.
    """
    page.asked, page.problems = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda said: page.problems.append(f"{said.text} {said.location.get('url')}")
            if said.type in ("error", *kinds) else None)
    page.on("pageerror", lambda error: page.problems.append(str(error))
            if "Canceled future for" not in str(error) else None)  # JupyterLab's, as a kernel ends
    return page


def write_notebook(folder: Path, name: str, *sources: str) -> None:
    """A notebook of cells with demos, where the lab finds it that serves this folder."""
    cells = [*map(nbformat.v4.new_code_cell, ("from lenet_book import demos", *sources))]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata),
                   folder / "notebooks" / f"{name}.ipynb")


def open_chapter(page, lab: tuple[str, str], name: str) -> None:
    """Open a notebook and wait until its kernel is there."""
    address, token = lab
    if not page.url.startswith(address):  # JupyterLab is not there yet
        page.goto(f"{address}/lab?reset&token={token}")
        page.wait_for_function("() => window.jupyterapp")
    page.evaluate("""async name => {
        const app = window.jupyterapp;
        await app.restored;
        const widget = await app.commands.execute('docmanager:open', {path: name + '.ipynb'});
        await widget.context.ready;
        await widget.sessionContext.ready;
    }""", name)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)


def execute(page, command: str, cell: int | None = None) -> None:
    """A command on the open notebook, at a cell if it wants one, until it has ended."""
    page.evaluate("""([command, cell]) => {
        if (cell !== null) jupyterapp.shell.currentWidget.content.activeCellIndex = cell;
        return jupyterapp.commands.execute(`notebook:${command}`);
    }""", [command, cell])


def run_all(page) -> None:
    """Run all cells and wait for the last."""
    execute(page, "run-all-cells")


def notebook_shown(page) -> nbformat.NotebookNode:
    """The open notebook as it is now."""
    text = page.evaluate("() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model)")
    return nbformat.reads(text, as_version=4)


def close_all(page) -> None:
    """Close every notebook without saving it, and end its kernel."""
    page.evaluate("""async () => {
        for (const widget of [...window.jupyterapp.shell.widgets('main')]) {
            if (widget.context) {
                await widget.sessionContext.shutdown();
                widget.context.model.dirty = false;
            }
            widget.close();
        }
    }""")


def _wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{address}/api", timeout=1)
            return
        except OSError:
            if server.poll() is not None:
                said = log.read_text("utf-8")
                raise RuntimeError(f"JupyterLab did not start: {said}") from None
            time.sleep(0.25)
    raise RuntimeError(f"JupyterLab does not answer: {log.read_text(encoding='utf-8')}")
