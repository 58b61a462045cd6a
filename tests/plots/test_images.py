"""Every number of an image, a matrix or a kernel has its place, its size and its colour."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from lenet_book import mnist, plots

_, TEST = mnist.load_mnist()


def shown(picture):
    """The images that a picture shows."""
    return picture.axes[0].images


def places(picture):
    """Boxes on the screen, in its pixels from the lower left: those of images, and words -> theirs."""
    picture.draw_without_rendering()
    boxes = [image.get_window_extent() for image in shown(picture)]
    frames = [frame.get_window_extent().extents for frame in picture.axes[0].patches]
    assert frames == [pytest.approx(box.extents) for box in boxes]
    return boxes, {words.get_text(): words.get_window_extent() for words in picture.axes[0].texts}


def middle(box):
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def test_each_digit_is_drawn_in_rows_with_its_title():
    picture = plots.images(TEST.images[:12, None], range(12))
    assert np.array_equal([image.get_array() for image in shown(picture)], TEST.images[:12])
    boxes, words = places(picture)
    assert list(words) == [str(i) for i in range(12)]
    for box, title in zip(boxes, words.values(), strict=True):
        assert middle(title)[0] == pytest.approx(middle(box)[0], abs=1)
        assert box.y1 < title.y0 < title.y1 < box.y1 + 45
    assert [box.x0 for box in boxes[10:]] == pytest.approx([box.x0 for box in boxes[:2]])
    assert len({round(box.y0) for box in boxes}) == 2 and boxes[0].y0 > words["10"].y1
    assert picture.alt.startswith("12 images, 28 x 28, from 0.00 to 255.00: 0, 1, 2, ")


def test_a_pixel_has_one_size_in_all_images():
    rows = {"C1": torch.ones(2, 6, 6), "S2": -2 * torch.ones(2, 3, 3), "F6": torch.ones(1, 1, 5)}
    picture = plots.images(rows, signed=True)
    sizes = [side / count for box, image in zip(places(picture)[0], shown(picture), strict=True)
             for side, count in zip(box.size, reversed(image.get_array().shape), strict=True)]
    assert sizes == pytest.approx([sizes[0]] * 10)
    assert picture.alt.endswith("C1: 2 of 6 x 6; S2: 2 of 3 x 3; F6: 1 of 1 x 5")


def test_the_first_row_of_an_image_is_the_upper_one():
    picture = plots.images([[[0, 1], [1, 1]]])
    (box,), _ = places(picture)
    grey = Image.open(io.BytesIO(picture._repr_mimebundle_()[0]["image/png"])).convert("L")
    quarters = [[grey.getpixel((int(box.x0 + across * box.width), int(grey.height - box.y1
                                                                     + down * box.height)))
                 for across in (0.25, 0.75)] for down in (0.25, 0.75)]
    assert quarters == [[255, 0], [0, 0]]


def test_rows_with_names_have_one_scale_and_may_be_shorter():
    low, zero, high = (np.full((2, 3), value) for value in (-1.0, 0.0, 3.0))
    picture = plots.images({"a": [low, high], "b": [zero]}, ["one", "two"], signed=True)
    assert [image.get_clim() for image in shown(picture)] == [(-3.0, 3.0)] * 3  # white at zero
    (first, second, below), words = places(picture)
    assert words.keys() == {"one", "two", "a", "b"}
    for name, box in (("a", first), ("b", below)):
        assert words[name].x1 < box.x0 and box.y0 < middle(words[name])[1] < box.y1
    for title, box in (("one", first), ("two", second)):
        assert words[title].y0 > box.y1 and box.x0 < middle(words[title])[0] < box.x1
    plain = plots.images([np.full((2, 2), 4.0), np.full((2, 2), 9.0)])
    assert [image.get_clim() for image in shown(plain)] == [(4.0, 9.0)] * 2


def test_ranges_are_each_images_own():
    picture = plots.images([[[0.0, 0.5]], [[0.0, 3.0]], [[-1.0, 0.2]]], ["light", "bright", "signed"],
                           ranges=True)
    assert [image.get_clim() for image in shown(picture)] == [(0, 1), (0, 3), (-1, 1)]
    assert [image.get_cmap().name for image in shown(picture)] == ["gray_r", "gray_r", "PuOr_r"]
    boxes, words = places(picture)
    for box, its in zip(boxes, ("0.00 to 0.50", "0.00 to 3.00", "−1.00 to 0.20"), strict=True):
        assert words[its].y1 < box.y0 and box.x0 < middle(words[its])[0] < box.x1
    photograph = plots.images([[[0.0, 0.5]]], ranges=True, light=True)
    assert shown(photograph)[0].get_cmap().name == "gray"


def test_signs_stand_between_images():
    values = [torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 0]]), torch.tensor([[0.0, 1.0]])]
    picture = plots.images(values, ["a", "b", "c"], signed=True, signs=["+", "="])
    (a, b, c), words = places(picture)
    assert a.x1 < words["+"].x0 < words["+"].x1 < b.x0 and b.x1 < words["="].x0 < words["="].x1 < c.x0
    assert a.y0 < middle(words["+"])[1] < a.y1
    assert picture.alt == "3 images, 1 x 2, from −2.00 to 1.00: a + b = c"
    with pytest.raises(ValueError, match="3 images have 2 places between them, not 1"):
        plots.images(values, signs=["+"])


def outlines(axis):
    """left, top, width, height of the outlines drawn in an axis, in pixels of the matrix."""
    return [(*p.get_xy(), p.get_width(), p.get_height()) for p in axis.patches
            if not p.get_fill() and p.get_linewidth() > 2]


def test_matrices_write_every_number_and_outline_the_windows():
    values = [[1, -2, np.nan], [3, 4, 0]]
    picture = plots.matrices({"a": values, "b": [[0.25, -0.001]], "c": TEST.images[0]},
                             {"a": (0, 1, 2, 2), "c": [(7, 6, 3, 3)]})
    a, b, c = picture.axes[0].child_axes
    written = {tuple(map(int, t.get_position())): t.get_text() for t in a.texts}
    assert written == {(0, 0): "1", (1, 0): "−2", (0, 1): "3", (1, 1): "4", (2, 1): "0"}
    assert [t.get_text() for t in b.texts] == ["0.25", "0.00"]
    assert not c.texts and np.array_equal(c.images[0].get_array(), TEST.images[0])
    assert (outlines(a), outlines(c)) == ([(0.5, -0.5, 2, 2)], [(5.5, 6.5, 3, 3)])
    assert picture.alt == ("matrices: a 2 x 3, b 1 x 2, c 28 x 28; in a a window of 2 x 2 at row 0, "
                           "column 1; in c a window of 3 x 3 at row 7, column 6")


def test_numbers_of_matrices_have_cells_of_one_size_on_one_scale_of_colours():
    picture = plots.matrices({"wide": np.zeros((2, 10)), "tall": np.full((5, 3), -4), "b": [[1]]})
    axes = picture.axes[0].child_axes
    assert {axis.images[0].get_clim() for axis in axes} == {(-8, 8)}
    sides = [side / count for axis in axes for side, count in zip(
        axis.get_window_extent().size, reversed(axis.images[0].get_array().shape), strict=True)]
    assert sides == pytest.approx([sides[0]] * 6)
    boxes = [axis.get_position() for axis in axes]
    assert min(box.y0 for box in boxes) >= 0 and max(box.x1 for box in boxes) <= 1


def test_kernels_stand_at_their_maps_and_only_unconnected_places_are_empty():
    weight = torch.zeros(2, 3, 1, 1)
    weight[0, 2], weight[1, 0] = 5, -1

    def placed(*connections):
        axis = plots.kernels(weight, "C3", *connections).axes[0]
        assert axis.get_xlabel() == "output map of C3"
        return {(int(left), int(top)): image.get_array().item() for image in axis.images
                for left, _, _, top in [image.get_extent()]}

    assert placed() == {(m, k): weight[m, k].item() for m in range(2) for k in range(3)}
    assert placed([(2,), (0, 1)]) == {(0, 2): 5, (1, 0): -1, (1, 1): 0}  # one that is zero is there


def test_words_above_small_images_take_room_from_the_large_ones():
    sides = (256, 14, 40, 256, 256)
    picture = plots.images([torch.ones(side, side) for side in sides],
                           ["photograph", "convolution 14", "convolution 40", "one", "another"])
    assert 10 < picture.get_figwidth() < 11.05  # inches, a page
    boxes, words = places(picture)
    titles = list(words.values())
    assert all(one.x1 < other.x0 for one, other in zip(titles, titles[1:], strict=False))
    widths = [box.width for box in boxes]
    assert widths == pytest.approx([widths[0] * side / 256 for side in sides])
