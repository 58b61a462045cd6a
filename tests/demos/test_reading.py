"""What a trained net made of a digit: its scores in words and in the picture, and its colours."""

from dataclasses import replace

import numpy as np
import pytest
from recorder import DIGITS, Recorder

from lenet_book.demos.reading import NETS, paint_scores, percent, read

READING = read("lenet5-1998", DIGITS.images[8])


@pytest.mark.parametrize(("are_distances", "label", "words"), [
    (True, None, "the distance to the 2 is the smallest, less than 1; next comes the 0 with 3"),
    (True, 2, "the distance to the 2 is the smallest, less than 1; next comes the 0 with 3"),
    (True, 1, "the distance to the 2 is the smallest, less than 1; the 1 has 60"),
    (False, 1, "the probability of the 2 is the largest, 40 %; the 1 has more than 99 %"),
])
def test_why_it_is_the_answer(are_distances, label, words):
    scores = np.array([3.4, 60.2, 0.4])
    found = replace(READING, scores=scores, are_distances=are_distances, answer=2, second=0)
    assert found.because(label) == words


@pytest.mark.parametrize(("are_distances", "scores", "label", "words"), [
    (True, [25.04, 25.26], 1, "the distance to the 0 is the smallest, 25.0; the 1 has 25.3"),
    (True, [25.04, 25.26], 0,
     "the distance to the 0 is the smallest, 25.0; next comes the 1 with 25.3"),
    (True, [48.2, 48.2], 1, "the 0 and the 1 are equally near, 48; it takes the lower digit"),
    (True, [48.2, 48.2], None, "the 0 and the 1 are equally near, 48; it takes the lower digit"),
    (False, [0.5, 0.5], 1, "the 0 and the 1 are equally probable, 50 %; it takes the lower digit"),
])
def test_what_is_alike_is_told_apart_or_said_to_be_a_tie(are_distances, scores, label, words):
    found = replace(READING, scores=np.array(scores), are_distances=are_distances,
                    answer=0, second=1)
    assert found.because(label) == words


def test_percent():
    shares = (0, 0.004, 0.006, 0.5, 0.994, 0.996, 1)
    assert [percent(share) for share in shares] == [
        *["less than 1 %"] * 2, "1 %", "50 %", "99 %", *["more than 99 %"] * 2]


def test_the_longest_is_not_the_winner_and_none_leaves_its_line():
    found = replace(READING, scores=np.array([0.0, 900.0, *range(2, 10)]), answer=0)
    sheet = Recorder(lambda sheet, found: paint_scores(sheet, found, 612, 52, 122, 23.5), found)
    lines, marks = sheet.fills[::2], sheet.fills[1::2]
    assert marks[0].x == lines[0].x < min(mark.x for mark in marks[1:])
    assert marks[1].x + marks[1].width == lines[1].x + lines[1].width
    assert "<1" in sheet.words and "less than 1" in found.because()


def test_picture_and_sentence_write_a_score_alike():
    scores = np.array([0.001, 0.004, 0.02, 0.4, 0.5, 0.994, 0.996])
    shares = replace(READING, scores=scores, are_distances=False)
    assert [shares.written(i) for i in range(7)] == ["<1%", "<1%", "2%", "40%", "50%", "99%", ">99%"]
    distances = replace(shares, scores=np.array([0.0, 0.49, 0.51, 1.6, 172.4]), are_distances=True)
    assert [distances.written(i) for i in range(5)] == ["<1", "<1", "1", "2", "172"]


@pytest.mark.parametrize("net", [name for _, name in NETS])
def test_the_full_colour_is_that_of_all_but_one_in_a_hundred(net):
    readings = [read(net, image) for image in DIGITS.images[:100]]
    for layer, full in readings[0].full.items():
        sizes = abs(np.stack([one.maps[layer] for one in readings]))
        assert full == pytest.approx(np.percentile(sizes, 99), rel=1e-4)
