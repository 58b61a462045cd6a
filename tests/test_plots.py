import io

import numpy as np
import pytest
import torch
from PIL import Image

from lenet_book import figures, mnist, paper, plots
from lenet_book.ledger import ledger
from lenet_book.models import build

_, TEST = mnist.load_mnist()


def pixels(picture):
    """The picture as a reader sees it: H x W x 3, 0 to 255."""
    data, _ = picture._repr_mimebundle_()
    return np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("RGB"))


PICTURES = {
    "digits": lambda: plots.digits(TEST.images[:3], ["a", "b", "c"]),
    "learning_curve": lambda: plots.learning_curve({"x": [0.2, 0.1], "y": [0.3, 0.0]}),
    "glyphs": lambda: plots.glyphs(paper.GLYPHS),
    "maps": lambda: plots.maps(torch.randn(9, 5, 5), "C1"),
    "connection_table": lambda: plots.connection_table(paper.C3_CONNECTIONS),
    "architecture": lambda: plots.architecture(paper.LAYERS, paper.INPUT_SIZE, "C3"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_itself(name):
    picture = PICTURES[name]()
    data, metadata = picture._repr_mimebundle_()
    assert data["text/plain"] == f"[picture] {picture.alt}"
    assert metadata["image/png"]["alt"] == picture.alt
    shown = pixels(picture)
    assert shown.shape[1] == pytest.approx(2 * metadata["image/png"]["width"], abs=1)
    assert (shown[0, 0] == 255).all()  # white paper, also where the page is dark
    assert 0.01 < (shown < 160).mean() < 0.6  # there is ink on it, and room


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_stays_open(name):
    import sys
    PICTURES[name]()
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules[
        "matplotlib.pyplot"].get_fignums()


def test_each_digit_is_drawn():
    picture = plots.digits(TEST.images[:12])
    drawn = [axis.images[0].get_array() for axis in picture.axes if axis.images]
    assert np.array_equal(drawn, TEST.images[:12])
    shown = pixels(picture)
    tenth = np.array_split(shown[:shown.shape[0] // 2], 10, axis=1)
    assert all((part < 100).any() for part in tenth)


def test_maps_share_a_scale_centred_on_zero():
    values = torch.tensor([[[-3.0, 0.0]], [[1.0, 2.0]]])
    picture = plots.maps(values, "C1")
    limits = [axis.images[0].get_clim() for axis in picture.axes[:2]]
    assert limits == [(-3.0, 3.0)] * 2
    assert picture.alt == "2 maps of C1, 1 x 2, between -3.00 and 2.00"


def test_the_connection_table_marks_sixty_cells():
    picture = plots.connection_table(paper.C3_CONNECTIONS)
    marks = {(int(t.get_position()[0]), int(t.get_position()[1]))
             for t in picture.axes[0].texts if t.get_text() == "×"}
    assert marks == {(output, source) for output, inputs in enumerate(paper.C3_CONNECTIONS)
                     for source in inputs}


def test_the_architecture_is_to_scale():
    picture = plots.architecture(paper.LAYERS, paper.INPUT_SIZE)
    squares = [p for p in picture.axes[0].patches if p.get_facecolor()[:3] == (1.0, 1.0, 1.0)]
    sides = [p.get_width() for p in squares]
    for side, maps in ((32, 1), (28, 6), (14, 6), (10, 16), (5, 16)):
        assert sides.count(side) == maps
    assert all(p.get_width() == p.get_height() for p in squares)


def test_the_architecture_writes_what_the_ledger_counts():
    words = [t.get_text() for t in plots.architecture(paper.LAYERS, 32).axes[0].texts]
    for row in ledger(build("lenet5-1998"), (1, 32, 32)):
        expected = f"{row.parameters:,}" if row.parameters else f"{row.fixed:,} fixed"
        assert expected in words


def test_unknown_layer():
    with pytest.raises(ValueError, match="no layer is called 'C9'; there are C1, S2"):
        plots.architecture(paper.LAYERS, 32, highlight="C9")


def test_committed_figures_are_what_the_code_draws(tmp_path, pytestconfig):
    committed = pytestconfig.rootpath / "figures"
    drawn = figures.write(tmp_path / "new")
    assert sorted(p.name for p in drawn) == sorted(p.name for p in committed.glob("*"))
    for path in drawn:
        assert path.read_bytes() == (committed / path.name).read_bytes(), (
            f"figures/{path.name} is not what the code draws: run make figures")


def test_drawing_twice_gives_the_same_file(tmp_path):
    first, second = figures.write(tmp_path / "a"), figures.write(tmp_path / "b")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
