"""What the tests of the receptive field share: small models, and what their traces say."""

from torch import nn

from lenet_book.receptive_field import ReceptiveField


class Forward(nn.Module):
    """A module of these layers whose forward is a function: forward(x, *layers)."""

    def __init__(self, forward, *layers):
        super().__init__()
        self.function, self.layers = forward, nn.ModuleList(layers)

    def forward(self, x):
        return self.function(x, *self.layers)


def stack(*windows) -> ReceptiveField:
    field = ReceptiveField()
    for window in windows:
        field = field.then(*window)
    return field


def sizes(rows) -> list[tuple[int, int]]:
    return [(row.field.size, row.field.jump) for row in rows]


def centre(row) -> tuple[int, int]:
    return len(row.windows[0]) // 2, len(row.windows[1]) // 2


def assert_same_window(measured, traced):
    """A unit whose rows or whose columns see only padding sees nothing at all."""
    assert measured == (traced if all(traced) else (range(0), range(0)))


CONV, POOL = (3, 1, 1), (2, 2)
VGG16 = [*[CONV] * 2, POOL, *[CONV] * 2, POOL, *[CONV] * 3, POOL, *[CONV] * 3, POOL, *[CONV] * 3]
ALEXNET = [(11, 4), (3, 2), (5, 1, 2), (3, 2), CONV, CONV, CONV]  # 227 pixels


def thin(windows):
    """The windows of a network without its width: one map, a pooling where the kernel is even."""
    return nn.Sequential(*(nn.MaxPool2d(*w) if w in (POOL, (3, 2)) else nn.Conv2d(1, 1, *w)
                           for w in windows))
