"""The demo of chapter 3 against torch's own convolution of the trained net."""

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import DIGITS, FIRSTS, Recorder, cells

from lenet_book import demos, models
from lenet_book.demos.channels import compute, paint, say
from lenet_book.demos.examples import trained
from lenet_book.demos.words import number, signed
from lenet_book.plots import BLUE

START = {"digit": 0, "output": 7, "maps": 6, "kernel": 5, "row": 6, "column": 4}
NET = models.pretrained("lenet5").double().requires_grad_(False)
INPUTS = DIGITS[FIRSTS].inputs(32, "standard").double()
S2 = F.relu(F.max_pool2d(NET.c1(INPUTS), 2))  # 10 x 6 x 14 x 14


@st.composite
def settings_of_the_demo(draw):
    kernel = draw(st.sampled_from([1, 5]))
    place = st.integers(0, 14 - kernel)
    return {"digit": draw(st.integers(0, 9)), "output": draw(st.integers(0, 15)),
            "maps": draw(st.integers(0, 6)), "kernel": kernel,
            "row": draw(place), "column": draw(place)}


@given(values=settings_of_the_demo())
@settings(max_examples=60, deadline=None)
def test_the_facts_against_torch(values):
    facts = compute(**values)
    digit, output, _, kernel, row, column = values.values()
    weight, bias = NET.c3.weight[output], NET.c3.bias[output]
    if kernel == 1:
        weight = weight[:, 2:3, 2:3]
    torch.testing.assert_close(facts.inputs, S2[digit])
    assert torch.equal(facts.kernels, weight) and facts.bias == bias.item()
    torch.testing.assert_close(facts.parts, F.conv2d(S2[digit], weight[:, None], groups=6))
    for maps in range(7):  # torch adds up what it reads from the first maps alone
        torch.testing.assert_close(
            facts.sums[maps:maps + 1],
            F.conv2d(S2[digit, :maps], weight[None, :maps], bias[None]) if maps else
            bias.expand(1, 15 - kernel, 15 - kernel))
    assert facts.addends == facts.parts[:, row, column].tolist()
    assert facts.totals == facts.sums[:, row, column].tolist()
    assert facts.reach == [abs(t).max().item() for t in (
        facts.inputs, weight, torch.cat([facts.parts, facts.sums]))]


@given(values=settings_of_the_demo())
@settings(max_examples=30, deadline=None)
def test_picture_and_sentence_show_the_facts(values):
    facts = compute(**values)
    maps, kernel, row, column = (values[name] for name in ("maps", "kernel", "row", "column"))
    sheet, words = Recorder(paint, facts), say(facts)
    digit, *areas = sheet.images
    assert torch.equal(digit.values * 255, DIGITS.images[FIRSTS[values["digit"]]])
    read, pixel = [(row, column, kernel, kernel)], [(row, column, 1, 1)]
    inputs, kernels, sums = facts.reach
    expected = []
    for k in range(6):  # from above: input map, kernel, and the partial sum once it is added
        expected += [(facts.inputs[k], read, inputs),
                     (facts.kernels[k], [], kernels if kernel > 1 else 2 * kernels)]
        expected += [(facts.parts[k], pixel, sums)] * (k < maps)
    expected += [(facts.sums[maps], pixel, sums)]
    for area, (shown, marked, reach) in zip(areas, expected, strict=True):
        assert np.array_equal(area.values, shown) and area.reach == reach
        assert cells(area, sheet.outlines, BLUE) == marked
    size = 15 - kernel
    total, bias = number(facts.totals[maps], 3), number(facts.bias, 3)
    assert {f"output map {values['output']}, {size} × {size}", f"= {total}", f"bias {bias}",
            f"bias + {maps} of 6 maps", f"{kernel} × {kernel}"} <= set(sheet.words)
    addends = [signed(addend, 3) for addend in facts.addends]
    assert [words for words in sheet.words if words[:2] in ("+ ", "− ")] == addends[:maps]
    assert all(number(addend, 3) == words.removeprefix("+ ").replace("− ", "−") for addend, words in
               zip(facts.addends, addends, strict=True))
    assert f"row {row}, column {column}, {maps} of 6 maps added: bias {bias}" in words
    assert (f"= {total}, rounded" in words) == (maps > 0) and len(words) < 250
    assert f"{size} × {size}" in words
    assert any("dashed: 14 × 14" in text for text in sheet.words) == (kernel == 5)
    terms = addends if kernel == 5 else [
        f"{signed(weight.item(), 3)}·{number(pixel, 3)}"
        for weight, pixel in zip(facts.kernels.flatten(), facts.inputs[:, row, column], strict=True)]
    assert " ".join(terms[:maps]) in words and not (maps < 6 and " ".join(terms[:maps + 1]) in words)
    assert all(sheet.veils(text.x, text.y) for text in sheet.texts
               if text.words in {f"= {total}", *addends[:maps]})


def test_row_and_column_end_where_the_output_ends():
    with demos.channels(kernel=1, row=13, column=12) as demo:
        assert (demo.facts.row, demo.facts.column) == (13, 12)
        demo.controls["kernel"].value = 5
        assert (demo.facts.row, demo.facts.column) == (9, 9)
        demo.controls["kernel"].value = 1
        assert demo.controls["row"].max == demo.controls["column"].max == 13


def test_what_chapter_3_says_comes_out():
    with demos.channels() as demo:
        assert demo.values == START
    facts = compute(**START)
    steps = np.diff(facts.totals)
    assert (steps > 0).sum() == (steps < 0).sum() == 3
    corners = {number(compute(**{**START, "kernel": 1, "row": row, "column": column}).totals[6], 3)
               for row in (0, 13) for column in (0, 13)}
    assert len(corners) == 1 and "0.000" not in corners
    assert (S2[0, :, 0, 0] > 0).sum() > 0  # some maps answer to paper, too
    assert (S2[0, :, [0, 0, 13, 13], [0, 13, 0, 13]] - S2[0, :, :1, 0]).abs().max() < 1e-5
    # Another CPU computes the same up to 1e-9, and must write the same digits.
    said = torch.tensor([*facts.addends, facts.bias, facts.totals[6]], dtype=torch.float64)
    assert ((said * 1000).frac().abs() - 0.5).abs().gt(1e-3).all()


def test_a_net_that_another_demo_has_loaded_is_as_good():
    trained.cache_clear()
    trained("lenet5")  # not in inference mode, as `compute` would
    with demos.channels() as demo:
        assert "=" in demo.value
