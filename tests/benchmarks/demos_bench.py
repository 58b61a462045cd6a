"""How fast a demo follows: key press to picture, in JupyterLab and on a page without a kernel.

In JupyterLab once while the kernel rests and once while it is busy: the page paints, so that should
make no difference.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from lab import chromium, jupyterlab, open_chapter, run_all

from lenet_book import demos
from lenet_book.demos import alone

NAMES = [name for name in demos.__all__ if name != "Demo"]
PRESSES = 80  # of a key
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# Milliseconds from each key to the moment when the picture that follows it has been drawn; the last
# that a demo does then is to put the sentence behind it.
WATCH = """demo => {
    window.waits = [];
    const pressed = () => { window.pressedAt = performance.now(); };
    const drawn = () => {
        if (window.pressedAt) window.waits.push(performance.now() - window.pressedAt);
        window.pressedAt = 0;
    };
    document.addEventListener('keydown', pressed, true);
    const picture = demo.querySelector('.lenet-picture');
    new MutationObserver(drawn).observe(picture, {attributeFilter: ['aria-label']});
}"""


def waits(page, demo):
    """Milliseconds from key press to picture, of a slider or else of a list: median, 95 %, how many."""
    demo.locator(".lenet-sentence").filter(has_text=" ").wait_for()
    demo.evaluate(WATCH)
    handle = demo.locator(".noUi-handle, input[type=range]")
    control, keys = ((handle.first, ("ArrowRight", "ArrowLeft")) if handle.count()
                     else (demo.locator("select").first, ("ArrowDown", "ArrowUp")))
    control.focus()
    for press in range(PRESSES):
        page.keyboard.press(keys[press % 10 >= 5])
        page.wait_for_timeout(60)
    found = sorted(page.evaluate("() => window.waits"))
    return found[len(found) // 2], found[int(len(found) * 0.95)], len(found)


def in_jupyterlab(browser, name, folder, lab, *busy):
    """In a notebook of its own, in the JupyterLab that `make lab` starts; busy: cells that follow."""
    cells = [f"from lenet_book import demos\ndemos.{name}()", *busy]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)], metadata={
        "kernelspec": {"name": "python3", "display_name": "Python 3"}})
    title = f"bench_{name}_{len(busy)}"
    nbformat.write(notebook, Path(folder) / "notebooks" / f"{title}.ipynb")
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    open_chapter(page, lab, title)
    run_all(page)
    result = waits(page, page.locator(".lenet-demo"))
    page.close()
    return result


def on_a_page(browser, name, folder):
    path = Path(folder) / f"{name}.html"
    with getattr(demos, name)() as demo:
        path.write_text(alone.page(demo, name))
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(path.as_uri())
    result = waits(page, page.locator(".lenet-demo"))
    page.close()
    return result


if __name__ == "__main__":
    if not CHROMIUM:
        sys.exit("no chromium: key press to picture is not measured; apt-get install chromium")
    print("key press to picture, ms: p50, p95, presses")
    with (tempfile.TemporaryDirectory() as folder, jupyterlab(Path(folder)) as lab,
          chromium(CHROMIUM) as browser):
        for name in sys.argv[1:] or NAMES:
            for where, found in (
                    ("kernel at rest", in_jupyterlab(browser, name, folder, lab)),
                    ("kernel busy", in_jupyterlab(browser, name, folder, lab,
                                                  "import time\ntime.sleep(20)")),
                    ("page alone", on_a_page(browser, name, folder))):
                print(f"{name:20} {where:16} {found[0]:5.1f} {found[1]:6.1f} {found[2]:4}", flush=True)
