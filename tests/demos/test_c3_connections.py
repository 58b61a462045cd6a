"""The demo of C3's table against the paper's numbers and counts made by hand."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _instances as registry
from PIL import ImageColor

from lenet_book import demos
from lenet_book.demos.c3_connections import TABLES, paint
from lenet_book.demos.sheet import Sheet
from lenet_book.plots import BLUE, RED

LEFT, PITCH, TOP, SIDE = 28, 136, 62, 104  # pixels of the picture: the maps of S2
TABLE_I = """X...XXX..XXXX.XX
             XX...XXX..XXXX.X
             XXX...XXX..X.XXX
             .XXX..XXXX..X.XX
             ..XXX..XXXX.XX.X
             ...XXX..XXXX.XXX"""  # of the paper: a row for each map of S2
SLOTS = [(source, output) for source in range(6) for output in range(16)]
PAPER = {(source, output) for source, row in enumerate(TABLE_I.split())
         for output, mark in enumerate(row) if mark == "X"}


@pytest.fixture(scope="module")
def demo():
    with demos.c3_connections() as demo:
        yield demo


def painted(pairs, map=0, start="your own"):
    sheet = Sheet(840, 350)
    reads = {f"reads {source} {output}": (source, output) in pairs for source, output in SLOTS}
    return paint(sheet, start, map, **reads), sheet.pixels


def pressed(demo):
    return {slot for slot in SLOTS if demo.controls["reads {} {}".format(*slot)].value}


def listed(words):
    """"maps 0, 1 and 2" -> [0, 1, 2]"""
    return [int(number) for number in re.findall(r"\d+", words)]


def test_the_paper(demo):
    demo.controls["start"].value = "paper"
    assert pressed(demo) == TABLES["paper"] == PAPER
    assert demo.value.startswith(
        "The paper's table: 60 of 96 kernels, 25·60 + 16 = 1,516 parameters, 151,600 connections; "
        "no two maps of C3 read the same. Map 0 of C3 reads maps 0, 1 and 2 of S2.")
    for map in range(16):
        demo.controls["map"].value = map
        own = re.search(rf"Map {map} of C3 reads maps (.*) of S2\.$", demo.value)[1]
        assert listed(own) == [source for source, output in sorted(PAPER) if output == map]
    demo.controls["map"].value = 0


def test_dense_random_and_none(demo):
    demo.controls["start"].value = "dense"
    assert "96 of 96 kernels, 25·96 + 16 = 2,416 parameters, 241,600 connections" in demo.value
    assert "all maps of C3 read the same" in demo.value
    demo.controls["start"].value = "random"
    assert "60 of 96 kernels" in demo.value and "1,516 parameters" in demo.value
    assert {output for _, output in pressed(demo)} == set(range(16)) and pressed(demo) != PAPER
    demo.controls["start"].value = "none"
    assert "0 of 96 kernels, but all 16 maps of C3 read nothing" in demo.value
    assert "Map 0 of C3 reads no map of S2." in demo.value


def test_two_maps_alike():
    words, _ = painted(PAPER - {(0, 6)})  # map 6 then reads 1, 2 and 3, as map 1 does
    assert "59 of 96 kernels" in words and "the 16 maps of C3 share 15 sets of inputs" in words


@settings(max_examples=40)
@given(st.sets(st.sampled_from(SLOTS)), st.integers(0, 15))
def test_any_table(pairs, map):
    check(pairs, map)


@settings(max_examples=25)  # tables in which hardly any map reads nothing
@given(st.sets(st.sampled_from(SLOTS), max_size=25).map(lambda gaps: set(SLOTS) - gaps),
       st.integers(0, 15))
def test_any_full_table(pairs, map):
    check(pairs, map)


def check(pairs, map):
    words, picture = painted(pairs, map)
    own = [source for source in range(6) if (source, map) in pairs]
    assert f"{len(pairs)} of 96 kernels" in words
    assert listed(re.search(rf"Map {map} of C3 reads (.*) of S2\.$", words)[1]) == own
    columns = [frozenset(s for s, o in pairs if o == output) for output in range(16)]
    idle = [output for output, column in enumerate(columns) if not column]
    assert ("read nothing" in words or "reads nothing" in words) == bool(idle)
    if idle:
        which = listed(re.search(r"but (.*) of C3 reads? nothing", words)[1])
        assert which == (idle if len(idle) <= 4 else [len(idle), 16] if len(idle) < 16 else [16])
        assert "parameters" not in words
    else:
        parameters = sum(25 * len(column) + 1 for column in columns)
        assert f"= {parameters:,} parameters, {100 * parameters:,} connections" in words
        sets = len(set(columns))
        share = {16: "no two maps", 1: "all maps"}.get(sets, f"share {sets} sets")
        assert share in words
    for source in range(6):  # framed where read, crossed out where not
        x = LEFT + PITCH * source
        framed = tuple(picture[TOP + SIDE // 2, x - 2]) == ImageColor.getrgb(BLUE)
        crossed = tuple(picture[TOP + SIDE // 4, x + SIDE // 4]) == ImageColor.getrgb("#888888")
        assert (framed, crossed) == (source in own, source not in own)
    box = ImageColor.getrgb(BLUE if own else RED)
    assert any(tuple(pixel) == box for pixel in picture[237, 180:660])
    filled = sum(tuple(pixel) == ImageColor.getrgb(BLUE) for pixel in picture[327, 29:267])
    assert abs(filled / 238 - len(pairs) / 96) < 0.02


def test_how_many_read_each_map(monkeypatch):
    words = []
    monkeypatch.setattr(Sheet, "text", lambda self, x, y, text, *_, **__: words.append(str(text)))
    painted(PAPER)
    assert words.count("read by 10 maps") == 6
    words.clear()
    painted({(0, 0), (2, 0), (2, 5)})
    counts = [word for word in words if word.startswith("read by")]
    assert counts == ["read by 1 map", "read by 0 maps", "read by 2 maps", *["read by 0 maps"] * 3]


def test_a_start_is_one_redraw_and_its_name_stays_true(demo):
    start, toggle = demo.controls["start"], demo.controls["reads 3 0"]
    start.value = "dense"
    redraws = demo.redraws
    start.value = "paper"
    assert demo.redraws == redraws + 1
    toggle.value = True
    assert start.value == "your own" and "This table: 61 of 96 kernels" in demo.value
    assert demo.redraws == redraws + 2
    toggle.value = False
    assert start.value == "paper" and "The paper's table" in demo.value
    start.value = "your own"
    assert pressed(demo) == PAPER  # nothing is lost by choosing it


def test_the_toggles_stand_as_a_table_and_share_their_look():
    before = set(registry)
    with demos.c3_connections(projector=True) as demo:
        toggles = [demo.controls["reads {} {}".format(*slot)] for slot in SLOTS]
        _, table = demo.widget.children[0].children
        rows = [table.children[17 * i:17 * i + 17] for i in range(7)]
        assert [label.value for label in rows[0]] == ["C3", *map(str, range(16))]
        for source, (label, *cells) in enumerate(rows[1:]):
            assert label.value == f"S2 map {source}"
            assert cells == toggles[16 * source:16 * source + 16]
        assert table.layout.grid_template_columns == "repeat(17, max-content)"
        assert toggles[35].tooltip == "map 3 of C3 reads map 2 of S2"
        assert len({id(toggle.layout) for toggle in toggles}) == 1
        assert len({id(toggle.style) for toggle in toggles}) == 1
        assert toggles[0].layout.width == "48px"  # 34, once 1.4 times as wide
        assert len(set(registry) - before) < 160
    assert set(registry) == before


def test_it_leaves_the_random_numbers_alone(demo):
    state = torch.get_rng_state()
    demo.controls["start"].value = "dense"
    demo.controls["map"].value = 7
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(("arguments", "message"), [
    ({"start": "sparse"}, "table must be one of paper, dense, none, random, your own, not 'sparse'"),
    ({"map": 16}, "map of C3 must be between 0 and 15, not 16"),
])
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        demos.c3_connections(**arguments)
