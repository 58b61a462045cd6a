"""Chapter 07's exercises: right answers, and wrong ones with words of the reason."""

import first_losses
import mended_nets
import numpy as np
import torch
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from mended_nets import B, Drops

from lenet_book import checks

CHAPTER = 7
PARTS = (156, 0, 1516, 0, 48_120, 10_164, 850)


def other(place, value):
    """The right parts but for one."""
    return (*PARTS[:place], value, *PARTS[place + 1:])


RIGHT = {
    "parts_of_60806": [(PARTS,), (list(map(float, PARTS)),), (torch.tensor(PARTS),),
                       (np.array(PARTS),)],
    "first_loss_is_right": first_losses.RIGHT,
    "mend_net_a": mended_nets.RIGHT_A,
    "mend_net_b": mended_nets.RIGHT_B,
    "mend_net_c": mended_nets.RIGHT_C,
}

WRONG = {  # (words that name the error, answer)
    "parts_of_60806": [
        ("7 values in a tuple", 60_806), ("C1: no net", (60_806, 0, 0, 0, 0, 0, 0)),
        ("dense, it would bring", other(2, 2416)), ("S2: with trained", other(1, 12)),
        ("S4: with trained", other(3, 32)), ("RBF's", other(6, 840)), ("59,956", other(6, 0)),
        ("together your parts are 60,846", other(1, 40)), ("biases are missing", other(4, 48_000)),
        ("biases are missing", other(0, 150)), ("28 x 28", other(4, 30_840)),
        ("biases alone", other(6, 10)), ("7 values, not 5", (156, 1516, 48_120, 10_164, 850)),
        ("biases are missing", other(5, 10_080)), ("must be a number", other(0, "156")),
        ("replace the dots", other(0, ...)), ("7 values in a tuple", None)],
    "first_loss_is_right": first_losses.WRONG,
    "mend_net_a": mended_nets.WRONG_A,
    "mend_net_b": mended_nets.WRONG_B,
    "mend_net_c": mended_nets.WRONG_C,
}

EQUAL = {
    "first_loss_is_right": {"return abs(loss - math.log(10)) <= 0.1": "no loss is exactly 0.1 away"},
    "mend_net_b": {
        "x = F.dropout(torch.relu(self.f6(x)), training=self.training)":
            "0.5 is what F.dropout takes by default"},
}


def test_the_dropout_is_looked_at_and_the_net_left_as_it_was():
    net = B().train()
    before = {name: each.clone() for name, each in net.state_dict().items()}
    assert checks.mend_net_b(net)
    assert net.training and net.drop.training
    assert all(each.equal(before[name]) for name, each in net.state_dict().items())


def test_a_dropout_drawn_by_hand_is_known_whatever_the_seed():
    for seed in range(8):
        draws = np.random.default_rng(seed)
        assert checks.mend_net_b(Drops(lambda h, training, draws=draws: h * 2 * torch.tensor(
            draws.random(h.shape) < 0.5) if training else h))
