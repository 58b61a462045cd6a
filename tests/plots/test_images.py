import io

import numpy as np
import pytest
import torch
from PIL import Image

from lenet_book import arithmetic, figures, mnist, paper, plots
from lenet_book.ledger import ledger
from lenet_book.models import build

_, TEST = mnist.load_mnist()


def pixels(picture):
    """The picture as a reader sees it: H x W x 3, 0 to 255."""
    data, _ = picture._repr_mimebundle_()
    return np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("RGB"))


TWO_NETS = {
    "old": [("c1", "Conv2d", (6, 28, 28), 156), ("c1_squash", "Tanh", (6, 28, 28), 0),
            ("s2", "Subsampling", (6, 14, 14), 12), ("flatten", "Flatten", (1176,), 0),
            ("output", "RBFOutput", (10,), 0)],
    "new": [("c1", "Conv2d", (6, 28, 28), 156), ("c1_norm", "BatchNorm2d", (6, 28, 28), 12),
            ("flatten", "Flatten", (4704,), 0), ("output", "Linear", (10,), 1850)]}
PICTURES = {
    "digits": lambda: plots.digits(TEST.images[:3], ["a", "b", "c"]),
    "learning_curve": lambda: plots.learning_curve({"x": [0.2, 0.1], "y": [0.3, 0.0]}),
    "glyphs": lambda: plots.glyphs(paper.GLYPHS),
    "maps": lambda: plots.maps(torch.randn(9, 5, 5), "C1"),
    "framed": lambda: plots.framed(TEST.images[:2], [(range(4, 18), range(6, 20))] * 2, "ab"),
    "connection_table": lambda: plots.connection_table(paper.C3_CONNECTIONS),
    "intervals": lambda: plots.intervals({"a": ([1, 2, 4], 0.5, 4.1), "b": ([3, 3], 2, 4)}, "error, %"),
    "architecture": lambda: plots.architecture(paper.LAYERS, paper.INPUT_SIZE, "C3"),
    "matrices": lambda: plots.matrices({"a": [[1, -2], [3, 4]], "b": TEST.images[0]},
                                       {"a": (0, 1, 2, 1), "b": [(7, 6, 3, 3), (1, 2, 5, 5)]}),
    "filtered": lambda: plots.filtered({"a": TEST.images[0] / 255, "b": torch.randn(9, 9)}, ink=True),
    "window_positions": lambda: plots.window_positions(8, 3, 2, 1, 1),
    "side_by_side": lambda: plots.side_by_side([torch.ones(5, 5), -torch.eye(5)], ["a", "b"], ["="]),
    "kernels": lambda: plots.kernels(torch.randn(4, 3, 5, 5), "C3"),
    "lines": lambda: plots.lines(range(3), {"a": [0, 1, 2], "b": [1, 1, 1]}, "shift", "change"),
    "gallery": lambda: plots.gallery({"a": TEST.images[:3], "b": TEST.images[3:5]}, ["x", "y", "z"]),
    "all_maps": lambda: plots.all_maps({"C1": torch.randn(6, 28, 28), "F6": torch.randn(84)}),
    "confusion": lambda: plots.confusion([[7, 2], [0, 5]]),
    "panels": lambda: plots.panels({"shift": (range(3), {"a": [0, 1, 2], "b": [2, 1, 1]}),
                                    "turn": (range(2), {"a": [0, 4], "b": [3, 3]})}, "error, %"),
    "along": lambda: plots.along(torch.rand(8, 40), torch.rand(10, 8), range(2, 40, 5), "distance"),
    "who_reads_whom": lambda: plots.who_reads_whom({"dense": [(0, 1)] * 2, "each": [(0,), (1,)]}),
    "stages": lambda: plots.stages(TWO_NETS),
    "by_layer": lambda: plots.by_layer(["c1", "c3"], {"a": [1e-4, 1e-2], "b": [0.5, 2]}, "gradient"),
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


def outlines(axis):
    """left, top, width, height of the outlines drawn in an axis, in pixels of the matrix."""
    return [(*p.get_xy(), p.get_width(), p.get_height()) for p in axis.patches
            if not p.get_fill() and p.get_linewidth() > 2]


def test_matrices_write_every_number_and_outline_the_windows():
    values = [[1, -2, np.nan], [3, 4, 0]]
    picture = plots.matrices({"a": values, "b": [[0.25, -0.001]], "c": TEST.images[0]},
                             {"a": (0, 1, 2, 2), "c": [(7, 6, 3, 3)]})
    written = {tuple(map(int, t.get_position())): t.get_text() for t in picture.axes[0].texts}
    assert written == {(0, 0): "1", (1, 0): "−2", (0, 1): "3", (1, 1): "4", (2, 1): "0"}
    assert [t.get_text() for t in picture.axes[1].texts] == ["0.25", "0.00"]
    assert not picture.axes[2].texts and np.array_equal(picture.axes[2].images[0].get_array(),
                                                        TEST.images[0])
    assert outlines(picture.axes[0]) == [(0.5, -0.5, 2, 2)]
    assert outlines(picture.axes[2]) == [(5.5, 6.5, 3, 3)]
    assert picture.alt == ("matrices: a 2 x 3, b 1 x 2, c 28 x 28; in a a window of 2 x 2 at row 0, "
                           "column 1; in c a window of 3 x 3 at row 7, column 6")


def test_the_cells_of_matrices_have_one_size():
    picture = plots.matrices({"wide": np.zeros((2, 10)), "tall": np.zeros((5, 3))})
    width, height = picture.get_size_inches()
    boxes = [axis.get_position() for axis in picture.axes]
    sides = [boxes[0].width * width / 10, boxes[0].height * height / 2,
             boxes[1].width * width / 3, boxes[1].height * height / 5]
    assert sides == pytest.approx([sides[0]] * 4)
    assert min(box.y0 for box in boxes) >= 0 and max(box.x1 for box in boxes) <= 1


def test_images_with_negative_numbers_have_a_scale_centred_on_zero():
    picture = plots.filtered({"light": [[0.0, 0.5]], "bright": [[0.0, 3.0]], "signed": [[-1.0, 0.2]]})
    assert [axis.images[0].get_clim() for axis in picture.axes] == [(0, 1), (0, 3), (-1, 1)]
    assert [axis.get_xlabel() for axis in picture.axes] == ["0.00 to 0.50", "0.00 to 3.00",
                                                            "-1.00 to 0.20"]


@pytest.mark.parametrize("setting", [(8, 3, 2), (5, 3, 1, 1), (9, 3, 2, 1, 2), (7, 7), (6, 2, 2)])
def test_windows_lie_where_the_arithmetic_says(setting):
    picture = plots.window_positions(*setting)
    left, right = picture.axes
    size, kernel, stride, padding, dilation = setting + (1, 1, 0, 1)[len(setting) - 1:]
    units = arithmetic.conv_output_size(size, kernel, stride, padding, dilation)
    lost = arithmetic.dropped(size, kernel, stride, padding, dilation)
    padded = size + 2 * padding
    hatched = [p for p in left.patches if p.get_hatch()]
    assert len(hatched) == padded**2 - (padded - lost)**2
    grey = [p for p in left.patches if p.get_fill() and p.get_facecolor()[0] < 1]
    assert len(grey) == padded**2 - size**2
    assert len([p for p in right.patches if p.get_fill()]) == units**2
    bars = [line for line in left.lines if line.get_marker() == "None"]
    assert len(bars) == units
    x, y, width, height = outlines(left)[-1]
    end = padded - lost - 0.2  # of the last window, up to its inset
    assert x + width == pytest.approx(end, abs=0.2) == y + height
    assert picture.alt.endswith(f"output {units} x {units}, {lost} rows and columns dropped")


def test_a_window_without_a_place():
    with pytest.raises(ValueError, match="reaches 5 pixels has no place in 4"):
        plots.window_positions(4, 5)


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


def test_a_frame_surrounds_exactly_its_pixels():
    picture = plots.framed(TEST.images[:1], [(range(4, 18), range(6, 20))], ["unit"])
    frame, = picture.axes[0].patches
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((6, 4), 14, 14)
    assert picture.axes[0].images[0].get_extent() == [0, 28, 28, 0]  # pixel i lies from i to i + 1
    assert "unit: rows 4 to 17, columns 6 to 19" in picture.alt


def test_maps_side_by_side_share_a_scale_and_have_signs_between():
    values = [torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5]]), torch.tensor([[0.0, 1.0]])]
    picture = plots.side_by_side(values, ["a", "b", "c"], ["+", "="])
    shown = [axis for axis in picture.axes if axis.images]
    assert [axis.get_title() for axis in shown] == ["a", "b", "c"]
    assert {axis.images[0].get_clim() for axis in shown} == {(-2.0, 2.0)}
    assert [t.get_text() for axis in picture.axes for t in axis.texts] == ["+", "="]
    assert picture.alt == "maps side by side: a + b = c; between -2.00 and 1.00"
    with pytest.raises(ValueError, match="3 maps have 2 places between them, not 1"):
        plots.side_by_side(values, ["a", "b", "c"], ["+"])


def test_kernels_stand_at_their_maps_and_missing_ones_are_left_out():
    weight = torch.zeros(2, 3, 1, 1)
    weight[0, 2], weight[1, 0] = 5, -1
    axis = plots.kernels(weight).axes[0]
    placed = {(round(left), round(top)): image.get_array().item() for image in axis.images
              for left, _, _, top in [image.get_extent()]}
    assert placed == {(0, 2): 5, (1, 0): -1}  # (output map, input map)


def test_who_reads_whom_marks_each_kernel():
    tables = {"C3": paper.C3_CONNECTIONS, "depthwise": [(0,), (1,)]}
    picture = plots.who_reads_whom(tables)
    for axis, table in zip(picture.axes, tables.values(), strict=True):
        marks = {(int(t.get_position()[0]), int(t.get_position()[1])) for t in axis.texts}
        assert marks == {(output, source) for output, inputs in enumerate(table)
                         for source in inputs}
    assert picture.alt == "C3: 60 of 96 kernels; depthwise: 2 of 4 kernels"


def test_lines_go_through_their_values_and_are_told_apart_without_colour():
    curves = {"a": [0.0, 0.5], "b": [0.2, 0.1], "c": [1.0, 1.0], "d": [0.0, 0.0]}
    drawn = plots.lines([0, 3], curves, "shift", "change").axes[0].lines
    assert [list(line.get_ydata()) for line in drawn] == list(curves.values())
    assert [list(line.get_xdata()) for line in drawn] == [[0, 3]] * 4
    assert len({(line.get_marker(), line.get_linestyle()) for line in drawn}) == 4


def test_intervals_stand_where_their_numbers_are():
    picture = plots.intervals({"a": ([1, 2, 6], 0.5, 5.5), "b": ([3, 4], 2, 5)}, "error, %")
    axis, = picture.axes
    drawn = [(line.get_xdata().tolist(), set(line.get_ydata())) for line in axis.lines]
    assert drawn == [([0.5, 5.5], {0}), ([1, 2, 6], {0}), ([3.0], {0}),
                     ([2, 5], {1}), ([3, 4], {1}), ([3.5], {1})]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first row is on top
    assert "a 3.00 (0.50 to 5.50); b 3.50 (2.00 to 5.00)" in picture.alt


def test_stages_stand_in_one_line_and_write_what_is_in_them():
    picture = plots.stages(TWO_NETS)
    axis, = picture.axes
    boxes = sorted((round(p.get_x() + p.get_width() / 2), round(p.get_y() + p.get_height() / 2))
                   for p in axis.patches)
    assert boxes == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2)]  # the new net has no s2
    words = {(round(t.get_position()[0]), round(t.get_position()[1]), t.get_text()): t
             for t in axis.texts}
    assert {text for x, y, text in words if (x, y) == (0, 0)} == {
        "Conv2d\nTanh", "6 × 28 × 28    156"}
    assert {text for x, y, text in words if (x, y) == (1, 0)} == {
        "Conv2d\nBatchNorm2d", "6 × 28 × 28    168"}
    assert {text for x, y, text in words if (x, y) == (1, 2)} == {"Linear", "10    1,850"}
    bold = {(x, text) for (x, _, text), t in words.items()
            if t.get_weight() == "bold" and "    " in text}
    assert bold == {(1, "6 × 28 × 28    168"), (1, "10    1,850")}
    assert [t.get_text() for t in axis.texts if t.get_ha() == "right"] == ["C1", "S2", "OUTPUT"]
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first stage is on top
    assert "new: c1 Conv2d BatchNorm2d 168, output Linear 1,850" in picture.alt


def test_no_stage_is_cut_off_by_the_edge():
    picture = plots.stages(TWO_NETS)
    picture.draw_without_rendering()
    assert all(picture.bbox.containsx(end.x0) and picture.bbox.containsx(end.x1)
               and picture.bbox.containsy(end.y0) and picture.bbox.containsy(end.y1)
               for end in (t.get_window_extent() for t in picture.axes[0].texts))


def test_by_layer_draws_each_number_over_its_layer_on_a_log_scale():
    picture = plots.by_layer(["c1", "c3", "f6"], {"a": [1e-4, 1e-2, 0.3], "b": [0.5, 2, 1]}, "size")
    axis, = picture.axes
    drawn = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axis.lines}
    assert drawn == {"a": ([0, 1, 2], [1e-4, 1e-2, 0.3]), "b": ([0, 1, 2], [0.5, 2, 1])}
    assert [label.get_text() for label in axis.get_xticklabels()] == ["c1", "c3", "f6"]
    assert axis.get_yscale() == "log" and axis.get_ylabel() == "size"
    first, second = axis.lines
    assert first.get_marker() != second.get_marker()
    assert first.get_linestyle() != second.get_linestyle()
    assert picture.alt == "size, from c1 to f6: a 1e-04 1e-02 3e-01; b 5e-01 2e+00 1e+00"


def test_a_gallery_has_one_scale_and_empty_places_where_a_row_is_shorter():
    low, zero, high = (np.full((2, 3), value) for value in (-1.0, 0.0, 3.0))
    picture = plots.gallery({"a": [low, high], "b": [zero]}, ["one", "two"], signed=True)
    images = [axis.images[0] for axis in picture.axes if axis.images]
    assert [image.get_clim() for image in images] == [(-3.0, 3.0)] * 3
    assert [axis.get_ylabel() for axis in picture.axes[::2]] == ["a", "b"]
    assert [axis.get_title() for axis in picture.axes[:2]] == ["one", "two"]
    plain = plots.gallery({"a": [np.full((2, 2), 4.0), np.full((2, 2), 9.0)]})
    assert plain.axes[0].images[0].get_clim() == (4.0, 9.0)


def test_all_maps_have_pixels_of_one_size_and_white_at_zero():
    picture = plots.all_maps({"C1": torch.ones(2, 6, 6), "S2": -2 * torch.ones(2, 3, 3),
                              "F6": torch.ones(5)})
    shapes = [axis.images[0].get_array().shape for axis in picture.axes]
    assert shapes == [(6, 13), (3, 7), (1, 5)]  # a pixel between two maps, none between units
    sizes = [axis.get_window_extent() for axis in picture.axes]
    for axis, (rows, columns) in zip(sizes, shapes, strict=True):
        assert axis.width / columns == pytest.approx(sizes[0].width / 13)
        assert axis.height / rows == pytest.approx(sizes[0].width / 13)
    assert [axis.images[0].get_clim() for axis in picture.axes] == [(-1, 1), (-2, 2), (-1, 1)]
    assert [text.get_text() for text in picture.texts] == [
        "C1: 2 × 6 × 6\n±1.00", "S2: 2 × 3 × 3\n±2.00", "F6: 5 units\n±1.00"]


def test_the_confusion_matrix_writes_every_count_and_shades_only_mistakes():
    picture = plots.confusion([[7, 2, 0], [0, 5, 1], [0, 4, 9]])
    axis, = picture.axes
    written = {text.get_position(): text.get_text() for text in axis.texts}
    assert written == {(0, 0): "7", (1, 0): "2", (1, 1): "5", (2, 1): "1", (1, 2): "4", (2, 2): "9"}
    assert axis.images[0].get_array().tolist() == [[0, 2, 0], [0, 0, 1], [0, 4, 0]]
    assert picture.alt.endswith("28 answers, 7 wrong; most often a 2 was taken for a 1: 4 times")


def test_panels_share_the_vertical_axis():
    picture = plots.panels({"shift": ([0, 2], {"a": [0, 1]}), "turn": ([0, 9], {"a": [0, 8]})}, "error")
    left, right = picture.axes
    assert left.get_ylim() == right.get_ylim() and left.get_ylim()[0] == 0 and left.get_ylim()[1] >= 8
    assert right.lines[0].get_xydata().tolist() == [[0, 0], [9, 8]]
    assert [axis.get_xlabel() for axis in picture.axes] == ["shift", "turn"]


def test_numbers_stand_below_their_places_in_the_image():
    values = np.array([[3.0, 0.0, 5.0], [1.0, 4.0, 2.0]])
    picture = plots.along(np.zeros((4, 24)), values, [4, 12, 20], "distance")
    above, below = picture.axes[:2]
    assert above.get_xlim() == below.get_xlim() == (0, 24)
    assert below.images[0].get_extent() == [0, 24, 1.5, -0.5]
    assert below.lines[0].get_xydata().tolist() == [[4, 1], [12, 0], [20, 1]]  # rings: the smallest
