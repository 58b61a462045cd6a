"""The demo of C3's table against Table I of the paper, the layer itself and the ledger."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _instances as registry
from recorder import DIGITS, Recorder, changed, same_picture

from lenet_book import demos, models, paper
from lenet_book.demos.c3_connections import TABLES, begin, compute, paint, say
from lenet_book.layers import SparseConv2d
from lenet_book.ledger import ledger

TABLE_I = """X...XXX..XXXX.XX
             XX...XXX..XXXX.X
             XXX...XXX..X.XXX
             .XXX..XXXX..X.XX
             ..XXX..XXXX.XX.X
             ...XXX..XXXX.XXX"""  # of the paper: a row for each map of S2
SLOTS = [(source, output) for source in range(6) for output in range(16)]
PAPER = {(source, output) for source, row in enumerate(TABLE_I.split())
         for output, mark in enumerate(row) if mark == "X"}


def facts_of(pairs, map=0, start="your own"):
    return compute(start, map, **{"reads {} {}".format(*slot): slot in pairs for slot in SLOTS})


def without(*outputs):
    return {slot for slot in SLOTS if slot[1] not in outputs}


@settings(max_examples=60)
@given(st.sets(st.sampled_from(SLOTS)).flatmap(lambda some: st.sampled_from([some, set(SLOTS) - some])),
       st.integers(0, 15))
def test_any_table(pairs, map):
    facts = facts_of(pairs, map)
    columns = tuple(tuple(s for s in range(6) if (s, output) in pairs) for output in range(16))
    assert (facts.table, facts.kernels, facts.sets) == (columns, len(pairs), len(set(columns)))
    assert facts.idle == tuple(output for output in range(16) if not columns[output])
    words = say(facts)
    assert f"{len(pairs)} of 96 kernels" in words and f"Map {map} of C3 reads " in words
    if facts.idle:
        assert "this is no layer yet" in words and "parameters" not in words
    else:
        row, = ledger(SparseConv2d(columns, 5, in_channels=6), (6, 14, 14))
        assert (facts.parameters, facts.connections) == (row.parameters, row.connections)
        assert f" = {row.parameters:,} parameters, {row.connections:,} connections; " in words
    sheet = Recorder(paint, facts)
    idle = len(facts.idle)
    assert f"{len(pairs)} of 96 kernels" in sheet.words
    if idle:
        assert not sheet.answers and not any("parameter" in word for word in sheet.words)
        assert {f"{idle} maps of C3", "read nothing"} <= {*sheet.words} or idle == 1
    else:
        covered, = sheet.answers  # the answer: what the table costs, and how many sets there are
        inside = [text.words for text in sheet.texts if 0 < text.x - covered.x < covered.width
                  and 0 < text.y - covered.y < covered.height]
        assert inside == [
            f"{len(pairs)} of 96 kernels", f"{row.parameters:,} parameters",
            f"{row.connections:,} connections",
            f"{facts.sets} set{'s' * (facts.sets > 1)} of inputs"]


def test_the_maps_are_those_of_the_trained_net():
    x = DIGITS[[0]].inputs()
    for layer in ("c1", "c1_squash", "s2", "s2_squash"):
        x = getattr(models.pretrained("lenet5-1998"), layer)(x)
    assert np.array_equal(facts_of(PAPER).s2, x[0].detach())


@pytest.mark.parametrize(("pairs", "map", "words"), [
    (PAPER, 0, "This table: 60 of 96 kernels, 25·60 + 16 = 1,516 parameters, 151,600 connections; no "
     "two maps of C3 read the same. Map 0 of C3 reads maps 0, 1 and 2 of S2."),
    (TABLES["dense"], 0, ": 96 of 96 kernels, 25·96 + 16 = 2,416 parameters, 241,600 connections; all "
     "maps of C3 read the same. Map 0 of C3 reads maps 0, 1, 2, 3, 4 and 5 of S2."),
    (PAPER - {(0, 6)}, 6, "the 16 maps of C3 share 15 sets of inputs. Map 6 of C3 reads maps 1, 2 and"),
    (PAPER - {(1, 0), (2, 0)}, 0, "Map 0 of C3 reads map 0 of S2."),
    (without(6), 0, "90 of 96 kernels, but map 6 of C3 reads nothing: so this is no layer yet. Press "
     "at least one square in its column. Map"),
    (without(0, 3, 15), 3, "but maps 0, 3 and 15 of C3 read nothing: so this is no layer yet. Press at "
     "least one square in the column of each. Map 3 of C3 reads no map of S2."),
    (without(*range(5)), 0, "but 5 of the 16 maps of C3 read nothing:"),
    (set(), 0, "0 of 96 kernels, but all 16 maps of C3 read nothing:"),
])
def test_sentences(pairs, map, words):
    assert words in say(facts_of(pairs, map))


def test_the_tables_to_begin_with():
    assert TABLES["paper"] == PAPER
    facts = facts_of(TABLES["random"])  # a layer with as many kernels as the paper's
    assert not facts.idle and facts.parameters == 1_516 and TABLES["random"] != PAPER


@pytest.mark.parametrize("change", [
    {"map": 7}, {"table": ((5,), *paper.C3_CONNECTIONS[1:])}, {"kernels": 61}, {"idle": (3,)},
    {"sets": 15}, {"parameters": 1_541}, {"connections": 154_100}, {"s2": np.zeros((6, 14, 14))}])
def test_every_fact_is_painted(change):
    facts = facts_of(PAPER)
    assert not same_picture(paint, facts, changed(facts, **change))


def test_how_many_maps_read_each_and_how_many_kernels_there_are():
    sheet = Recorder(paint, facts_of({(0, 0), (2, 0), (2, 5)}))
    assert [word for word in sheet.words if word.startswith("read by")] == [
        "read by 1", "read by 0", "read by 2", *["read by 0"] * 3]
    assert (len(sheet.arrows), len(sheet.crosses), sheet.bars[0].share) == (2, 4, 3 / 96)


def test_the_name_of_the_table_stays_true():
    with demos.c3_connections("dense") as demo:
        start, toggle = demo.controls["start"], demo.controls["reads 3 0"]
        start.value = "paper"
        toggle.value = True
        assert start.value == "your own" and "This table: 61 of 96 kernels" in demo.value
        toggle.value = False
        assert start.value == "paper" and "The paper's table" in demo.value
        start.value = "your own"
        assert demo.facts.table == paper.C3_CONNECTIONS  # nothing is lost by choosing it


def test_a_table_to_begin_with_says_what_becomes_of_each_connection():
    assert begin("none") == {"reads {} {}".format(*slot): False for slot in SLOTS}
    assert begin("paper") == {"reads {} {}".format(*slot): slot in PAPER for slot in SLOTS}
    assert begin("your own") == {}


def test_the_toggles_stand_as_a_table_and_share_their_look():
    before = set(registry)
    with demos.c3_connections(projector=True) as demo:
        toggles = [demo.controls["reads {} {}".format(*slot)] for slot in SLOTS]
        (start, shown), table = (box.children for box in demo.widget.children[0].children)
        assert (start, shown) == (demo.controls["start"], demo.controls["map"])
        rows = [table[17 * i:17 * i + 17] for i in range(7)]
        assert [label.value for label in rows[0]] == ["C3", *map(str, range(16))]
        for source, (label, *cells) in enumerate(rows[1:]):
            assert label.value == f"S2 map {source}"
            assert cells == toggles[16 * source:16 * source + 16]
        layout = demo.widget.children[0].children[1].layout
        assert layout.grid_template_columns == "repeat(17, max-content)"
        assert toggles[35].tooltip == "map 3 of C3 reads map 2 of S2"
        assert len({(toggle.layout, toggle.style) for toggle in toggles}) == 1
        assert toggles[0].layout.width == "39px"  # 28, once 1.4 times as wide
        assert len(set(registry) - before) < 160
    assert set(registry) == before
