"""How fast a demo follows: its redraw beside the usual way, and key press to picture in a browser.

The usual way is ipywidgets' interact with pyplot: a new figure for every event. To compare like with
like, the demo paints the very same picture through a sheet whose every method calls Matplotlib.
"""

import io
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import nbformat
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from lab import chromium, jupyterlab, open_chapter, run_all

from lenet_book import demos
from lenet_book.demos.sheet import Sheet

NAMES = [name for name in demos.__all__ if name != "Demo"]
PRESSES = 80  # of a key, in the browser
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


class PyplotSheet(Sheet):
    """What every method of Sheet comes down to, by Matplotlib, in a new pyplot figure."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.figure = plt.figure(figsize=(width / 72, height / 72))  # as large as inline shows it
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.set_axis_off()

    def text(self, x, y, words, size=13, colour="k", anchor="mm", bold=False):
        self.axes.text(x, y, str(words).replace("$", r"\$"), size=size * 0.75, color=colour,
                       ha={"l": "left", "m": "center", "r": "right"}[anchor[0]],
                       va={"t": "top", "m": "center", "b": "bottom", "s": "baseline"}[anchor[1]],
                       weight="bold" if bold else "normal")

    def fill(self, x, y, width, height, colour):
        self.axes.add_patch(Rectangle((x, y), width, height, facecolor=colour, linewidth=0))

    def outline(self, x, y, width, height, colour="k", thickness=2, dash=False):
        self.axes.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=colour,
                                      linewidth=thickness, linestyle="--" if dash else "-"))

    def cross(self, x, y, size, colour, thickness=1):
        self.curve([(x, y), (x + size, y + size)], colour, thickness)
        self.curve([(x, y + size), (x + size, y)], colour, thickness)

    def curve(self, points, colour="k", thickness=2):
        self.axes.plot(*np.asarray(points, float).reshape(-1, 2).T, color=colour, linewidth=thickness)

    def arrow(self, x, y, to_x, to_y, colour="k"):
        self.axes.annotate("", (to_x, to_y), (x, y), arrowprops={"arrowstyle": "->", "color": colour})

    def image(self, values, x, y, width, reach=None, frame=False):
        colours = ({"cmap": "PuOr_r", "vmin": -reach, "vmax": reach} if reach else
                   {"cmap": "gray_r", "vmin": 0, "vmax": 1})
        values = np.asarray(values, float)
        self.paste(values, x, y, width, **colours)
        if frame:
            self.outline(x, y, width, width * values.shape[0] / values.shape[1], "gray", 1)

    def paste(self, pixels, x, y, width, **colours):
        height = width * pixels.shape[0] / pixels.shape[1]
        self.axes.imshow(pixels, extent=(x, x + width, y + height, y), aspect="auto", **colours)
        self.axes.set(xlim=(0, self.width), ylim=(self.height, 0))

    def maps(self, values, x, y, side, columns, gap, reach=None):
        reach = reach or float(abs(np.asarray(values)).max()) or 1.0
        for i, one in enumerate(values):
            row, column = divmod(i, columns)
            self.image(one, x + column * (side + gap), y + row * (side + gap), side, reach)

    def grid(self, x, y, cell, rows, columns, colour="#AAAAAA"):
        self.axes.add_collection(LineCollection(
            [[(x, y + cell * i), (x + cell * columns, y + cell * i)] for i in range(rows + 1)]
            + [[(x + cell * j, y), (x + cell * j, y + cell * rows)] for j in range(columns + 1)],
            colors=colour, linewidths=0.8))


def redraws(name, repeats=30):
    """Median milliseconds of the demo's redraw and of the same picture by pyplot, event by event."""
    ours, theirs = [], []
    with getattr(demos, name)() as demo:
        demo._repr_mimebundle_()  # from now on each picture is made ready for the page, too
        for _ in range(repeats):
            start = time.perf_counter()
            demo.redraw()
            middle = time.perf_counter()
            sheet = PyplotSheet(*demo._size)
            demo._paint(sheet, demo._compute(**demo.values))
            sheet.figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")  # as inline does
            plt.close(sheet.figure)
            ours.append(middle - start)
            theirs.append(time.perf_counter() - middle)
    ratio = statistics.median(t / o for o, t in zip(ours, theirs, strict=True))
    return 1000 * statistics.median(ours), 1000 * statistics.median(theirs), ratio


def waits(page, demo):
    """Milliseconds from key press to picture, of a slider's handle or else of a list, sorted."""
    demo.locator(".lenet-picture").wait_for()
    demo.evaluate(WATCH)
    handle = demo.locator(".noUi-handle")
    control, keys = ((handle.first, ("ArrowRight", "ArrowLeft")) if handle.count()
                     else (demo.locator("select").first, ("ArrowDown", "ArrowUp")))
    control.focus()
    for press in range(PRESSES):
        page.keyboard.press(keys[press % 10 >= 5])
        page.wait_for_timeout(120)
    return sorted(page.evaluate("() => window.waits"))


def in_jupyterlab():
    """name -> waits, each demo in a notebook of its own, in the JupyterLab that `make lab` starts."""
    with (tempfile.TemporaryDirectory() as folder, jupyterlab(Path(folder)) as lab,
          chromium(CHROMIUM) as browser):
        for name in NAMES:
            notebook = nbformat.v4.new_notebook(
                metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
                cells=[nbformat.v4.new_code_cell(f"from lenet_book import demos\ndemos.{name}()")])
            nbformat.write(notebook, Path(folder) / "notebooks" / f"bench_{name}.ipynb")
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            open_chapter(page, lab, f"bench_{name}")
            run_all(page)
            page.wait_for_timeout(1500)
            yield name, waits(page, page.locator(".lenet-demo"))
            page.close()


if __name__ == "__main__":
    print("redraw in Python, median ms:     demo   interact + pyplot   ratio")
    for name in NAMES:
        print("{:32} {:5.1f} {:15.1f} {:12.0f}".format(name, *redraws(name)), flush=True)
    if not CHROMIUM:
        sys.exit("no chromium: key press to picture is not measured; apt-get install chromium")
    print("\nkey press to picture in JupyterLab, ms:   p50    p95   presses")
    for name, sorted_waits in in_jupyterlab():
        middle, high = (sorted_waits[int(len(sorted_waits) * part)] for part in (0.5, 0.95))
        print(f"{name:40} {middle:5.0f} {high:6.0f} {len(sorted_waits):8}", flush=True)
