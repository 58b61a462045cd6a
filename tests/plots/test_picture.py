"""What every picture has in common, whatever it shows."""

import io
import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from matplotlib.text import Text
from PIL import Image

from lenet_book import figures, mnist, paper, plots
from lenet_book.plots.picture import STYLES

_, TEST = mnist.load_mnist()
NET = [("c1", "Conv2d", (6, 28, 28), 156), ("c1_squash", "Tanh", (6, 28, 28), 0),
       ("output", "RBFOutput", (10,), 0)]
PICTURES = {
    "digits": lambda: plots.images(TEST.images[:3], ["a", "b", "c"]),
    "maps": lambda: plots.images({"C1": torch.randn(9, 5, 5), "F6": torch.randn(1, 1, 84)},
                                 range(9), signed=True),
    "small numbers": lambda: plots.images([torch.eye(5) / 100], ["gradient"], signed=True),
    "filtered": lambda: plots.images([TEST.images[0] / 255, torch.randn(9, 9)], ["a", "b"],
                                     ranges=True),
    "sums": lambda: plots.images([torch.ones(5, 5), -torch.eye(5)], ["a", "b"], signed=True,
                                 signs=["="]),
    "matrices": lambda: plots.matrices({"a": [[1, -2], [3, 4]], "b": TEST.images[0]},
                                       {"a": (0, 1, 2, 1), "b": [(7, 6, 3, 3), (1, 2, 5, 5)]}),
    "kernels": lambda: plots.kernels(torch.randn(4, 3, 5, 5), "C3"),
    "one chart": lambda: plots.curves({"epoch": (range(2), {"x": [2, 1], "y": [3, 0]})}, "%", log=True),
    "long names": lambda: plots.curves({"distance": (range(2), {
        f"training error of net {n}, seed {n}": [n, 1] for n in range(5)})}, "error, %"),
    "charts": lambda: plots.curves({"shift": (range(3), {"a": [0, 1, 2], "b": [2, 1, 1]}),
                                    "turn": (range(2), {"a": [0, 4], "b": [3, 3]})}, "error, %"),
    "intervals": lambda: plots.intervals({"a": ([1, 2, 4], 0.5, 4.1), "b": ([3, 3], 2, 4)}, "error, %"),
    "tables": lambda: plots.connection_tables({"dense": [(0, 1)] * 2, "C3": paper.C3_CONNECTIONS}),
    "windows": lambda: plots.window_positions(8, 3, 2, 1, 1),
    "stages": lambda: plots.stages({"old": NET, "new": NET[:1]}),
    "architecture": lambda: plots.architecture(paper.LAYERS, paper.INPUT_SIZE, "C3"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_itself_whole_and_leaves_nothing_open(name):
    picture = PICTURES[name]()
    data, metadata = picture._repr_mimebundle_()
    assert data["text/plain"] == f"[picture] {picture.alt}"
    assert metadata["image/png"]["alt"] == picture.alt
    shown = np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("RGB"))  # H x W x 3
    assert shown.shape[1] == pytest.approx(2 * metadata["image/png"]["width"], abs=1)
    assert metadata["image/png"]["width"] <= 885  # as wide as a chapter's page
    assert (shown[0, 0] == 255).all()  # white paper, also where the page is dark
    assert 0.01 < (shown < 160).mean() < 0.6  # there is ink on it, and room
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert not pyplot or not pyplot.get_fignums()

    words = [words for words in picture.findobj(Text) if words.get_visible() and words.get_text()]
    assert words and min(one.get_fontsize() for one in words) >= 9  # points, 10 pixels of a page

    tight, paper_size = picture.get_tightbbox(), picture.get_size_inches()  # no words are cut off
    assert tight.x0 > -0.02 and tight.y0 > -0.02
    assert tight.x1 < paper_size[0] + 0.02 and tight.y1 < paper_size[1] + 0.02


def test_styles_are_told_apart_without_colour():
    assert len({style["marker"] for style in STYLES}) == len(STYLES)
    assert len({str(style["linestyle"]) for style in STYLES}) == len(STYLES)


def drawn(path):
    """Words, shapes and places of an SVG, not the outlines of letters: each matplotlib has its own."""
    builder = ElementTree.TreeBuilder(insert_comments=True)  # matplotlib writes each text as a comment
    root = ElementTree.fromstring(path.read_bytes(), ElementTree.XMLParser(target=builder))
    for line in root.findall(".//*[@id]/{*}g[@transform]"):
        line[:] = []
    words = [comment.text for comment in root.iter(ElementTree.Comment)]
    shapes = [(one.tag, one.get("style")) for one in root.iter() if one.tag is not ElementTree.Comment]
    places = [float(number) for one in root.iter() for name in ("viewBox", "d", "x", "y", "transform")
              for number in re.findall(r"-?[\d.]+", one.get(name, ""))]
    return words, shapes, places


def test_committed_figures_are_what_the_code_draws_each_time(tmp_path, pytestconfig, monkeypatch):
    committed = pytestconfig.rootpath / "figures"
    assert {*figures.FIGURES} == {path.name for path in committed.glob("*")}
    # Those of pixels have a test of their own, tests/test_film.py.
    lines = {name: draw for name, draw in figures.FIGURES.items() if name.endswith(".svg")}
    monkeypatch.setattr(figures, "FIGURES", lines)
    new, again = figures.write(tmp_path / "new"), figures.write(tmp_path / "again")
    assert len(new) == len(figures.FIGURES) == 6
    for path, second in zip(new, again, strict=True):
        assert path.read_bytes() == second.read_bytes()
        (words, shapes, places), before = drawn(path), drawn(committed / path.name)
        assert words and len(places) > len(shapes) > len(words)
        assert before == (words, shapes, pytest.approx(places, abs=3)), (  # as high as letters are
            f"figures/{path.name} is not what the code draws: run make figures")
