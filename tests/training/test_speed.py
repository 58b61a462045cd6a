"""Settings for speed: there while it trains, gone afterwards."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from trainings import QUICK, SMALL, Recording, fresh

from lenet_book import training


@pytest.mark.parametrize("stop", [None, 3])
@pytest.mark.parametrize("ema", [0.0, 0.3])
def test_the_channels_are_last_while_it_trains_and_first_again_in_the_end(ema, stop):
    class Layouts(Recording):
        def before_training(self, run):
            self.last = [p.is_contiguous(memory_format=torch.channels_last)
                         for p in run.model.parameters() if p.dim() == 4]
    model, recording = fresh(), Layouts(stop)
    try:
        training.fit(model, SMALL, replace(QUICK, ema=ema), progress=False, callbacks=[recording])
    except KeyboardInterrupt:
        assert stop
    assert recording.last == [True] * 3
    for (name, tensor), untouched in zip(model.state_dict().items(), fresh().state_dict().values(),
                                         strict=True):
        assert tensor.is_contiguous() and tensor.stride() == untouched.stride(), name


@pytest.mark.parametrize(("batch_size", "enabled"), [(1, False), (2, True)])
def test_single_examples_are_computed_without_onednn_and_it_is_back_afterwards(batch_size, enabled):
    seen = []

    class Asking(nn.Flatten):
        def forward(self, x):
            seen.append(torch.backends.mkldnn.enabled)
            if len(seen) == 3:
                raise RuntimeError("out of luck")
            return super().forward(x)
    with pytest.raises(RuntimeError, match="out of luck"):
        training.fit(nn.Sequential(Asking(), nn.Linear(1024, 10)), SMALL[:10],
                     replace(QUICK, batch_size=batch_size), progress=False)
    assert seen == [enabled] * 3
    assert torch.backends.mkldnn.enabled
