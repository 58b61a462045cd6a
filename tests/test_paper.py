"""paper.py against sums worked out by hand: nothing here uses the book's code."""

import math

import numpy as np

from lenet_book import paper


def test_layers_by_hand():
    assert [(layer.name, layer.maps, layer.size, layer.trainable, layer.fixed, layer.connections)
            for layer in paper.LAYERS] == [
        ("C1", 6, 28, 26 * 6, 0, 26 * 6 * 784),
        ("S2", 6, 14, 12, 0, 5 * 1176),
        ("C3", 16, 10, 456 + 606 + 303 + 151, 0, 1516 * 100),
        ("S4", 16, 5, 32, 0, 5 * 400),
        ("C5", 120, 1, 401 * 120, 0, 401 * 120),
        ("F6", 84, 1, 121 * 84, 0, 121 * 84),
        ("output", 10, 1, 0, 840, 840),
    ]
    assert sum(layer.trainable for layer in paper.LAYERS) == paper.TRAINABLE_PARAMETERS == 60_000
    assert sum(layer.connections for layer in paper.LAYERS) == paper.CONNECTIONS == 340_908


def test_the_working_gives_the_count():
    for layer in paper.LAYERS:
        # Digits, brackets and signs only: our own constants, evaluated without any names.
        assert set(layer.working) <= set("0123456789+* ()")
        assert eval(layer.working, {"__builtins__": {}}) == layer.trainable + layer.fixed


def test_c3_connections_column_by_column():
    """Table I as its rows: for each map of S2 the maps of C3 that read it."""
    rows = ["X   XXX  XXXX XX", "XX   XXX  XXXX X", "XXX   XXX  X XXX",
            " XXX  XXXX  X XX", "  XXX  XXXX XX X", "   XXX  XXXX XXX"]
    for source, row in enumerate(rows):
        assert [source in inputs for inputs in paper.C3_CONNECTIONS] == [c == "X" for c in row]
    assert sum(map(len, paper.C3_CONNECTIONS)) == 60  # so no map is named twice


def test_receptive_fields_by_hand():
    # size grows by (kernel - 1) jumps; the jump doubles at each subsampling
    fields = [(layer.receptive_field, layer.jump) for layer in paper.LAYERS[:5]]
    assert fields == [(1 + 4, 1), (5 + 1, 2), (6 + 4 * 2, 2), (14 + 2, 4), (16 + 4 * 4, 4)]


def test_squash_passes_through_plus_and_minus_one():
    for sign in (1, -1):
        value = paper.SQUASH_AMPLITUDE * math.tanh(sign * paper.SQUASH_SLOPE)
        assert math.isclose(value, sign, abs_tol=1e-4)


def test_glyphs_are_of_plus_and_minus_one_and_differ_clearly():
    glyphs = np.array(paper.GLYPHS).reshape(10, 84)
    assert np.shape(paper.GLYPHS) == (10, paper.GLYPH_HEIGHT, paper.GLYPH_WIDTH)
    assert set(glyphs.flat) == {-1, 1}
    differ = (glyphs[:, None] != glyphs).sum(axis=-1)
    assert differ[np.triu_indices(10, k=1)].min() == 10


def test_a_glyph_dot_by_dot():
    drawn = ["".join("#" if dot == 1 else "." for dot in row) for row in paper.GLYPHS[7]]
    assert drawn == [".......", "#######", "##...##", ".....##", "....##.", "....##.",
                     "...##..", "...##..", "..##...", "..##...", "..##...", "......."]


def test_schedule_and_results():
    assert sum(epochs for _, epochs in paper.LEARNING_RATES) == 20
    rates = [rate for rate, _ in paper.LEARNING_RATES]
    assert rates == sorted(rates, reverse=True)
    assert paper.TEST_ERROR * paper.TEST_DIGITS == 95
    assert round(paper.MISCLASSIFIED_SHOWN / paper.TEST_DIGITS, 3) == paper.TEST_ERROR_DISTORTED
