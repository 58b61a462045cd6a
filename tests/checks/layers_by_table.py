"""Layers by a table of connections, right and wrong: answers to exercise 3 of chapter 06."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from lenet_book import layers


class Parts(nn.Module):
    """A small convolution for each output map; options are mistakes, before it and after it too."""

    def __init__(self, table, k, bias=True, registered=True, before=lambda x: x, after=lambda y: y):
        super().__init__()
        self.table, self.before, self.after = table, before, after
        parts = [nn.Conv2d(len(inputs), 1, k, bias=bias) for inputs in table]
        self.parts = nn.ModuleList(parts) if registered else parts

    def forward(self, x):
        x = self.before(x)
        return self.after(torch.cat([
            p(x[:, list(i)]) for p, i in zip(self.parts, self.table, strict=True)], 1))


class Stack(nn.Module):
    """One stack of kernels, laid into a dense one."""

    def __init__(self, table, k):
        super().__init__()
        self.out, self.into = (torch.tensor(each) for each in zip(
            *[(o, i) for o, inputs in enumerate(table) for i in inputs], strict=True))
        self.size = len(table), 1 + int(self.into.max()), k, k
        self.kernels = nn.Parameter(torch.rand(len(self.out), k, k) - 0.5)
        self.bias = nn.Parameter(torch.zeros(len(table)))

    def dense(self, kernels):
        return torch.zeros(self.size).index_put((self.out, self.into), kernels)

    def forward(self, x):
        return F.conv2d(x, self.dense(self.kernels), self.bias)


class Sums(nn.Module):
    """A convolution for each entry; the first of each map has the bias."""

    def __init__(self, table, k, first_only=True):
        super().__init__()
        self.table = table
        self.convs = nn.ModuleDict({f"{o} {i}": nn.Conv2d(1, 1, k, bias=not (n and first_only))
                                    for o, inputs in enumerate(table) for n, i in enumerate(inputs)})

    def forward(self, x):
        return torch.cat([sum(self.convs[f"{o} {i}"](x[:, i:i + 1]) for i in inputs)
                          for o, inputs in enumerate(self.table)], 1)


class Masked(nn.Module):
    def __init__(self, table, k):
        super().__init__()
        self.conv = nn.Conv2d(1 + max(map(max, table)), len(table), k)
        mask = torch.zeros_like(self.conv.weight)
        for o, inputs in enumerate(table):
            mask[o, list(inputs)] = 1
        self.register_buffer("mask", mask)

    def forward(self, x):
        return F.conv2d(x, self.conv.weight * self.mask, self.conv.bias)


class NeverAdvances(Stack):
    def forward(self, x):
        outputs = [F.conv2d(x[:, self.into[self.out == o]], self.kernels[None, :(self.out == o).sum()],
                            self.bias[o:o + 1]) for o in range(self.size[0])]
        return torch.cat(outputs, 1)


class Detached(Stack):
    def dense(self, kernels):
        return super().dense(kernels.detach())


class NoGrad(Stack):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class FilledOnce(Stack):
    """keep: what is done with the dense stack that __init__ makes."""

    def __init__(self, table, k, keep=lambda dense: dense):
        super().__init__(table, k)
        self.once = keep(super().dense(self.kernels))

    def dense(self, kernels):
        return self.once


class Derived(layers.SparseConv2d):
    pass


class DerivedAnew(layers.SparseConv2d):
    def __init__(self, table, k):
        super().__init__(table, k)


class Hidden(nn.Module):
    """The book's layer in a list."""

    def __init__(self, table, k):
        super().__init__()
        self.inside = [layers.SparseConv2d(table, k)]
        self.kernels, self.bias = self.inside[0].weight, self.inside[0].bias

    def forward(self, x):
        return self.inside[0](x)


class Equal(Stack):
    def __init__(self, table, k):
        super().__init__(table, k)
        nn.init.zeros_(self.kernels)


class OneBias(Stack):
    def __init__(self, table, k):
        super().__init__(table, k)
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return F.conv2d(x, self.dense(self.kernels)) + self.bias


class AddsNoBias(Stack):
    def forward(self, x):
        return F.conv2d(x, self.dense(self.kernels)) + 0 * self.bias.sum()


class SharedKernel(nn.Module):
    def __init__(self, table, k):
        super().__init__()
        self.table, self.one = table, nn.Parameter(torch.rand(len(table), k, k))
        self.bias = nn.Parameter(torch.zeros(len(table)))

    def forward(self, x):
        return torch.cat([F.conv2d(x[:, list(i)].sum(1, keepdim=True), self.one[None, o:o + 1],
                                   self.bias[o:o + 1]) for o, i in enumerate(self.table)], 1)


class Wraps(nn.Module):
    def __init__(self, table, k):
        super().__init__()
        self.layer = layers.SparseConv2d(table, k)

    def forward(self, x):
        return self.layer(x)


def partial_convolution(x, kernels, bias, table):
    """As the page has it."""
    outputs, first = [], 0
    for output, inputs in enumerate(table):
        stack = kernels[first:first + len(inputs)].unsqueeze(0)
        outputs.append(F.conv2d(x[:, list(inputs)], stack, bias[output:output + 1]))
        first += len(inputs)
    return torch.cat(outputs, dim=1)


class ByThePage(Stack):
    def __init__(self, table, k):
        super().__init__(table, k)
        self.table = table

    def forward(self, x):
        return partial_convolution(x, self.kernels, self.bias, self.table)


class ByThePageInside(ByThePage):
    def forward(self, x):
        return torch.cat([partial_convolution(one[None], self.kernels, self.bias, self.table)
                          for one in x])


class OwnName(Parts):
    """A method of that name is the reader's own."""

    def partial_convolution(self, x):
        return super().forward(x)

    def forward(self, x):
        return self.partial_convolution(x)


class NoSuper(nn.Module):
    def __init__(self, table, k):
        self.table = table

    def forward(self, x):
        return x


class NoSuperNorForward(nn.Module):
    def __init__(self, table, k):
        self.bias = nn.Parameter(torch.zeros(len(table)))


RIGHT = [(Parts,), (Stack,), (Sums,), (OwnName,), (lambda table, k: Parts(table, k),)]

WRONG = [  # (words that name the error, answer)
    ("SparseConv2d is the book's", layers.SparseConv2d), ("SparseConv2d is the book's", Wraps),
    ("partial_convolution is the page's", ByThePage),
    ("partial_convolution is the page's", ByThePageInside),
    ("nor derived from", Derived), ("nor derived from", DerivedAnew),
    ("dense_weight does the work here; it is the book's", Hidden),
    ("no gradient reaches self.kernels, self.bias", NoGrad),
    ("must be made anew in forward", FilledOnce),
    ("must be made anew in forward", partial(FilledOnce, keep=torch.Tensor.detach)),
    ("no map has a bias", partial(Parts, bias=False)),
    ("only nn.Parameter", partial(Parts, registered=False)),
    ("one bias in all", OneBias),
    ("bias for each of the 60 kernels", partial(Sums, first_only=False)),
    ("8 kernels of 3 x 3", lambda table, k: Parts(table, 5)), ("adds none of them", AddsNoBias),
    ("the first line of its __init__ is super", NoSuper),
    ("in the line `self.bias = nn.Par", NoSuperNorForward), ("as a dense layer does", Masked),
    ("as a dense layer does", lambda table, k: nn.Conv2d(1 + max(map(max, table)), len(table), k)),
    ("others do it twice", NeverAdvances),
    ("does not read map 0", partial(Parts, before=lambda x: x.flip(1))),
    ("same kernel for all", SharedKernel), ("equal numbers", Equal),
    ("no gradient reaches self.kernels: ", Detached),
    ("scaled", partial(Parts, after=lambda y: y / 2)),
    ("1 x 16 x 1 x 1", partial(Parts, before=lambda x: F.pad(x, (1,) * 4))),
    ("without brackets", Parts([(0,)], 3)),
    ("nothing; end it with return", partial(Parts, after=lambda y: None)), ("it raises", dict),
    ("derived from nn.Module", lambda table, k: table),
    ("must be a class", [1, 2]), ("must be a class", None), ("must be a class", "Parts")]
