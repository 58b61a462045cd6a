"""Parts that leave a net's numbers as they are and cut the way of the gradient."""

import torch
from torch import nn


class Detach(nn.Module):
    def forward(self, x):
        return x.detach()


class WithoutGradients(nn.Sequential):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


def by_numpy(function):
    return lambda *given: torch.as_tensor(function(*given).numpy())


class ByNumpy(nn.Sequential):
    def forward(self, x):
        return by_numpy(super().forward)(x)


class Overwriting(nn.Sequential):
    """What a layer has read, and the way back needs, is set to 0."""

    def forward(self, x):
        image = x
        for layer in self:
            read, x = x, layer(x)
            if read is not image:
                read.detach().zero_()
        return x
