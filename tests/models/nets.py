"""What the tests of the networks share."""

import torch

from lenet_book import models


def on_meta(name, **options):
    """A net of the book that has shapes alone."""
    with torch.device("meta"):
        return models.build(name, **options)


def counts(net):
    """{layer or block: its parameters}, of those that have any."""
    return {name: n for name, layer in net.named_children()
            if (n := sum(p.numel() for p in layer.parameters()))}


def normalised(x, k):
    """Response normalisation over 5 maps as the papers have it, but for alpha, divided by 5."""
    sums = [x[:, max(0, i - 2):i + 3].square().sum(1) for i in range(x.shape[1])]
    return x / (k + 1e-4 / 5 * torch.stack(sums, 1)) ** 0.75
