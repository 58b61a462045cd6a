"""Drawings say what the paper, the arithmetic and the ledger say."""

import pytest

from lenet_book import arithmetic, paper, plots
from lenet_book.ledger import ledger
from lenet_book.models import build
from lenet_book.plots.to_scale import stacks


def test_connection_tables_mark_each_kernel_and_count_them():
    tables = {"C3": paper.C3_CONNECTIONS, "depthwise": [(0,), (1,)]}
    picture = plots.connection_tables(tables)
    for axis, table, rows in zip(picture.axes, tables.values(), (6, 2), strict=True):
        places = {text: [(int(t.get_position()[0]), int(t.get_position()[1])) for t in axis.texts
                         if t.get_text() == text] for text in ("×", "1", "3", "4", "6")}
        assert set(places.pop("×")) == {(output, source) for output, inputs in enumerate(table)
                                        for source in inputs}
        assert {output: int(count) for count, found in places.items() for output, row in found
                if row == rows} == {output: len(inputs) for output, inputs in enumerate(table)}
    assert picture.alt == "C3: 60 of 96 kernels; depthwise: 2 of 4 kernels"
    alone = plots.connection_tables({"pairs": [(0, 1), (2,)]})
    assert alone.alt == "pairs: 3 of 6 kernels; 0 reads 0, 1; 1 reads 2"


@pytest.mark.parametrize("setting", [(8, 3, 2, 0, 1), (5, 3, 1, 1, 1), (9, 3, 2, 1, 2), (7, 7, 1, 0, 1),
                                     (6, 2, 2, 0, 1)])
def test_windows_lie_where_the_arithmetic_says(setting):
    size, kernel, stride, padding, dilation = setting
    picture = plots.window_positions(*setting)
    left, right = picture.axes
    units, lost = arithmetic.conv_output_size(*setting), arithmetic.dropped(*setting)
    padded, reach = size + 2 * padding, arithmetic.effective_kernel(kernel, dilation)
    assert sum(bool(p.get_hatch()) for p in left.patches) == padded**2 - (padded - lost)**2
    grey = [p for p in left.patches if p.get_fill() and p.get_facecolor()[0] < 1]
    assert len(grey) == padded**2 - size**2
    assert sum(p.get_fill() for p in right.patches) == units**2
    assert sum(line.get_marker() == "None" for line in left.lines) == units
    windows = [(*p.get_xy(), p.get_width(), p.get_height()) for p in left.patches
               if p.get_linewidth() > 2]
    last = padded - lost - reach
    assert windows == list(dict.fromkeys([(0, 0, reach, reach), (min(stride, last), 0, reach, reach),
                                          (last, last, reach, reach)]))
    rows = "row and column" if lost == 1 else "rows and columns"
    assert picture.alt.endswith(f"output {units} x {units}, {lost} {rows} dropped")


def test_a_window_without_a_place():
    with pytest.raises(ValueError, match="reaches 5 pixels has no place in 4"):
        plots.window_positions(4, 5)


def test_stages_stand_in_one_line_and_write_what_is_in_them():
    picture = plots.stages({
        "old": [("c1", "Conv2d", (6, 28, 28), 156), ("c1_squash", "Tanh", (6, 28, 28), 0),
                ("s2", "Subsampling", (6, 14, 14), 12), ("flatten", "Flatten", (1176,), 0),
                ("output", "RBFOutput", (10,), 0)],
        "new": [("c1", "Conv2d", (6, 28, 28), 156), ("c1_norm", "BatchNorm2d", (6, 28, 28), 12),
                ("flatten", "Flatten", (4704,), 0), ("output", "Linear", (9,), 1850)]})
    axis, = picture.axes
    boxes = sorted((round(p.get_x() + p.get_width() / 2), round(p.get_y() + p.get_height() / 2))
                   for p in axis.patches)
    assert boxes == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2)]  # the new net has no s2
    words = {(*map(round, t.get_position()), t.get_text()): t for t in axis.texts}
    assert words.keys() >= {
        (0, 0, "Conv2d\nTanh"), (0, 0, "6 × 28 × 28"), (0, 0, "156"), (1, 0, "Conv2d\nBatchNorm2d"),
        (1, 0, "6 × 28 × 28"), (1, 0, "168"), (1, 2, "Linear"), (1, 2, "9"), (1, 2, "1,850")}
    bold = {key for key, t in words.items() if t.get_weight() == "bold" and key[2][0].isdigit()}
    assert bold == {(1, 0, "168"), (1, 2, "9"), (1, 2, "1,850")}  # not as in the old net
    stages = [t.get_text() for t in axis.texts if t.get_position()[0] < -0.5]
    assert stages == ["C1", "S2", "OUTPUT"]
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first stage is on top
    assert "new: c1 Conv2d BatchNorm2d 168, output Linear 1,850" in picture.alt


def test_the_architecture_is_to_scale_and_writes_what_the_ledger_counts():
    axis, = plots.architecture(paper.LAYERS, paper.INPUT_SIZE).axes
    maps = [p for p in axis.patches if p.get_facecolor()[:3] == (1.0, 1.0, 1.0)]
    sides = [(p.get_width(), p.get_height()) for p in maps]
    for side, count in ((32, 1), (28, 6), (14, 6), (10, 16), (5, 16)):
        assert sides.count((side, side)) == count
    words = [t.get_text() for t in axis.texts]
    for row in ledger(build("lenet5-1998"), (1, 32, 32)):
        assert (f"{row.parameters:,}" if row.parameters else f"{row.fixed:,} fixed") in words
    with pytest.raises(ValueError, match="no layer is called 'C9'; there are C1, S2"):
        plots.architecture(paper.LAYERS, 32, highlight="C9")


def test_stacks_follow_each_other_and_read_windows_of_the_kernels_size():
    net = stacks(paper.LAYERS, paper.INPUT_SIZE)
    assert all(a.left + a.width < b.left for a, b in zip(net, net[1:], strict=False))
    for stack in net:  # centred on one line
        boxes = stack.boxes()
        assert min(y for _, y, _, _ in boxes) == -max(y + height for _, y, _, height in boxes)
        assert max(x + width for x, _, width, _ in boxes) == pytest.approx(stack.left + stack.width)
    for before, stack in zip(net, net[1:], strict=False):
        (x, y, width, height), unit = stack.reads(before)
        left, top, wide, high = before.boxes()[0]
        assert left <= x and x + width <= left + wide and top <= y and y + height <= top + high
        assert (width, height) == ((stack.kernel,) * 2 if stack.kernel else (wide, high))
        assert unit[0] >= stack.left
