"""Settings for speed: there while it trains, gone afterwards."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from trainings import QUICK, SMALL

from lenet_book import training


@pytest.mark.parametrize(("batch_size", "expected"), [(1, (False, 1)), (2, (True, 2))])
def test_single_examples_run_without_onednn_on_one_thread_and_both_are_back(batch_size, expected):
    seen = []

    class Asking(nn.Flatten):
        def forward(self, x):
            seen.append((torch.backends.mkldnn.enabled, torch.get_num_threads()))
            if len(seen) == 3:
                raise RuntimeError("out of luck")
            return super().forward(x)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError, match="out of luck"):
            training.fit(nn.Sequential(Asking(), nn.Linear(1024, 10)), SMALL[:10],
                         replace(QUICK, batch_size=batch_size), progress=False)
        assert seen == [expected] * 3
        assert (torch.backends.mkldnn.enabled, torch.get_num_threads()) == (True, 2)
    finally:
        torch.set_num_threads(before)


def test_memory_lies_as_it_did():
    for memory in (torch.contiguous_format, torch.channels_last):
        model = nn.Sequential(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(6 * 28 * 28, 10))
        model.to(memory_format=memory)
        training.fit(model, SMALL[:64], QUICK, progress=False)
        assert model[0].weight.is_contiguous(memory_format=memory)
