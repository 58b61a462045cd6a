"""The demo of chapter 2 against torch's unfold, which says what pixels each window reads."""

from itertools import product

import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recorder import Recorder, cells, shape

from lenet_book import demos
from lenet_book.demos.padding_stride import compute, limits, paint, say
from lenet_book.plots import BLUE, GREEN, PALE, RED


@given(n=st.integers(1, 16), k=st.integers(1, 7), p=st.integers(0, 4), s=st.integers(1, 5),
       d=st.integers(1, 4), row=st.integers(0, 23), column=st.integers(0, 23))
@example(n=8, k=3, p=0, s=2, d=1, row=2, column=2)
@example(n=7, k=3, p=4, s=5, d=1, row=0, column=0)  # the last output reads padding alone
@settings(max_examples=200, deadline=None)
def test_facts_picture_and_sentence_against_unfold(n, k, p, s, d, row, column):
    asked = row, column
    facts, padded, last = compute(n, k, p, s, d, row, column), n + 2 * p, limits(n, k, p, s, d)
    sheet, words = Recorder(paint, facts), say(facts)
    places = torch.arange(1, 1.0 + padded**2).reshape(1, 1, padded, padded)  # each pixel's number
    try:
        read = F.unfold(places, k, dilation=d, stride=s)[0].T.long() - 1  # windows x k²
    except RuntimeError:
        assert facts.m == facts.lost == last["row"] == last["column"] == 0
        assert "no output" in words and f"{padded} − {facts.reach} < 0" in words
        grid, = sheet.grids
        assert "no output: it does not fit" in sheet.words
        assert f"= {n} + 2·{p} − {facts.reach} = −{facts.reach - padded}" in sheet.words
        misfit = sheet.outlines[-1]  # the window, larger than what it should lie in
        assert not misfit.dash and round(misfit.width / grid.cell) == facts.reach > padded
        return
    m = facts.m
    assert len(read) == m**2 and last == {"row": m - 1, "column": m - 1}
    row, column = facts.unit
    assert facts.unit == tuple(min(place, m - 1) for place in asked)
    window = row * m + column
    assert read[window].tolist() == [
        (i + p) * padded + j + p for i, j in product(facts.rows, facts.columns)]
    assert facts.lost == padded - 1 - read.max() // padded
    assert facts.reach == (read[0, -1] - read[0, 0]) // padded + 1

    grid, output = sheet.grids
    assert (shape(grid), shape(output)) == ((padded, padded), (m, m))
    corners = {unit: divmod(read[unit[0] * m + unit[1], 0].item(), padded)  # of each window
               for unit in product(range(m), repeat=2)}
    for unit, colour, dash in (((row, column), BLUE, False), ((row, column + 1), RED, True),
                               ((row + 1, column), GREEN, True)):
        assert cells(grid, sheet.outlines, colour, dash) == (
            [(*corners[unit], facts.reach, facts.reach)] if unit in corners else [])
    assert cells(output, sheet.fills, BLUE) == [(row, column, 1, 1)]
    before = {(top + i, left + j) for top, left, rows, columns in cells(output, sheet.fills, PALE)
              for i in range(rows) for j in range(columns)}  # those made before are grey
    assert before == {unit for unit in product(range(m), repeat=2) if unit < (row, column)}
    dots = [dot for dot in sheet.fills if dot.colour == BLUE and dot.x < output.x]
    assert [int((dot.y - grid.y) / grid.cell) * padded + int((dot.x - grid.x) / grid.cell)
            for dot in dots] == read[window].tolist()
    reached = range(padded - facts.lost)
    assert {mark[:2] for mark in cells(grid, sheet.crosses, RED)} == {
        place for place in product(range(padded), repeat=2) if not set(place) <= set(reached)}

    room = padded - facts.reach
    assert f"= {d}·({k} − 1) + 1 = {facts.reach}" in sheet.words
    assert f"= {n} + 2·{p} − {facts.reach} = {room}" in sheet.words
    assert f"= floor({room} / {s}) + 1 = {m}" in sheet.words
    assert facts.formula.replace("*", "·").replace("-", "−") in words and f"= {m}" in facts.formula
    assert f"output {m} × {m}; output {facts.unit} reads row" in words
    outside = {i for i in (*facts.rows, *facts.columns) if not 0 <= i < n}
    assert ("lies in the padding" in words) == bool(outside)
    assert ("below 0" in words) == any(i < 0 for i in outside)
    assert (f"above {n - 1}" in words) == any(i >= n for i in outside)


def test_the_window_stays_among_the_outputs():
    with demos.padding_stride(n=8, k=3, p=0, s=1, row=5, column=5) as demo:
        assert demo.facts.unit == (5, 5)
        demo.controls["n"].value = 3
        assert demo.facts.unit == (0, 0) and demo.controls["row"].max == 0
