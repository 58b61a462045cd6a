"""What a training and a measurement say of themselves."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lenet_book import training


def test_history_shows_itself():
    history = training.History()
    assert repr(history) == "no epoch yet"
    assert history._repr_mimebundle_() == {"text/plain": "no epoch yet"}
    history.epochs += [training.Epoch(1, 0.5, 0.1, 0.4, 0.08, 2.0),
                       training.Epoch(2, 0.3, 0.05, 0.2, 0.04, 2.0)]
    assert repr(history) == ("2 epochs in 4 s; in the last training error 5.00%, loss 0.3000; "
                             "validation error 4.00%")
    data, metadata = history._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert "validation from 8 to 4" in metadata["image/png"]["alt"]


@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_is_wilsons(counts):
    from scipy.stats import binomtest
    wrong, n = counts
    score = training.Score(wrong / n, 0.0, torch.zeros(n))
    expected = binomtest(wrong, n).proportion_ci(method="wilson")
    assert score.interval() == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert score.errors == wrong


def test_a_score_says_itself():
    score = training.Score(0.0095, 0.0, torch.zeros(10_000))
    assert repr(score) == ("error 0.95% (95 of 10,000 wrong; 95 % interval 0.78% to 1.16%), "
                           "loss 0.0000")


def test_a_score_needs_an_example():
    with pytest.raises(ValueError, match="of one example or more"):
        training.Score(0.0, 0.0, torch.empty(0, dtype=torch.int64))
