"""Loops that end in their first round, as seen in a function's code."""

import pytest
import torch
from torch import nn

from lenet_book.checks.loops import ends_in_first_round


def in_the_loop(items):
    for item in items:
        total = item + 1
        return total


def in_the_inner_loop(items):
    total = 0
    for item in items:
        for other in items:
            total += item * other
            return total


@torch.no_grad()
def behind_the_inner_loop(items):
    total = 0
    for item in items:
        for other in items:
            total += item * other
        return total


long = {}
exec("def body(items):\n for a in items:\n" + 300 * "  a = [a, a]\n" + " return items", long)


def behind_all(items):
    total = 0
    for item in items:
        for other in items:
            total += item * other
    return total


def where_it_is_found(items):
    for item in items:
        if item > 3:
            return item
        for other in items:
            if other < item:
                continue
            try:
                total = item / other
            except ZeroDivisionError:
                return None
        while total > 1:
            total -= 1
    return [2 * item for item in items], sum(item for item in items)


def left_by_break(items):
    for item in items:
        total = item + 1
        break
    return total


def left_by_raise(items):
    for item in items:
        total = item + 1
        raise ValueError(total)


class Layer(nn.Module):
    def forward(self, items):
        for item in items:
            return item


@pytest.mark.parametrize("answer", [in_the_loop, in_the_inner_loop, behind_the_inner_loop,
                                    left_by_break, left_by_raise, Layer()])
def test_a_return_in_a_loop_is_seen(answer):
    assert ends_in_first_round(answer)


@pytest.mark.parametrize("answer", [long["body"], behind_all, where_it_is_found, nn.Linear(2, 3), 3,
                                    torch.zeros(2), nn.Sequential, torch.conv2d, None, "for"])
def test_loops_that_go_on_are_none(answer):
    assert not ends_in_first_round(answer)
