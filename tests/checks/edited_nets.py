"""Nets with something else in the place of some of their layers, or behind them."""

from torch import nn


def edited(layers_of, start, stop, *others):
    """What makes a net of these layers, the others in the place of those from start to stop."""
    def net(*case):
        layers = [*layers_of(*case)]
        layers[start:stop] = others
        return nn.Sequential(*layers)
    return net


class Then(nn.Module):
    """A net, and a function of what it gives."""

    def __init__(self, net, function):
        super().__init__()
        self.net, self.function = net, function

    def forward(self, x):
        return self.function(self.net(x))
