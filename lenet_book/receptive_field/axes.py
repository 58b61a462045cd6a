"""One axis of a feature map, and what becomes of it: windows slide, scatter, repeat, join and meet."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from .formula import ReceptiveField


class Axis(NamedTuple):
    """Rows of units, or columns: their fields by the formula, and what each of them really sees.

    The formula speaks of an endless image; None where no one size and jump fit all units. The
    windows are composed unit by unit, so that they hold there as well, and at the border.
    """

    field: ReceptiveField | None
    windows: tuple[range, ...]

    def gather(self, units: int, taps: Callable[[int], Iterable[int]],
               field: ReceptiveField | None = None) -> "Axis":
        """So many new units, of which each reads the units taps(unit) of these, if they are there."""
        windows = tuple(hull(self.windows[tap] for tap in taps(unit) if 0 <= tap < len(self.windows))
                        for unit in range(units))
        return Axis(field or _of_all(windows), windows)

    def slide(self, units: int, kernel: int, stride: int = 1, padding: int = 0,
              dilation: int = 1) -> "Axis":
        """One more layer with this window, in which it finds so many positions."""
        def taps(unit: int) -> range:
            corner = unit * stride - padding
            return range(corner, corner + kernel * dilation, dilation)

        field = self.field and self.field.then(kernel, stride, padding, dilation)
        return self.gather(units, taps, field)

    def scatter(self, units: int, kernel: int, stride: int, padding: int, dilation: int) -> "Axis":
        """A transposed convolution: a convolution of these units with stride - 1 holes between them.

        Its padding grows where that of the convolution shrinks, and is a crop once that is below 0.
        """
        holed = self if stride == 1 else self.gather(
            (len(self.windows) - 1) * stride + 1,
            lambda unit: [] if unit % stride else [unit // stride])
        reach = dilation * (kernel - 1)
        return holed.crop(units + reach, padding - reach).slide(units, kernel, dilation=dilation)

    def repeat(self, times: int) -> "Axis":
        """Each unit so many times, as in upsampling to the nearest."""
        return self.gather(len(self.windows) * times, lambda unit: [unit // times],
                           self.field if times == 1 else None)

    def crop(self, units: int, offset: int, step: int = 1) -> "Axis":
        """Every step-th unit from number offset on; a negative one pads."""
        field = self.field and ReceptiveField(self.field.size, self.field.jump * step,
                                              self.field.start + offset * self.field.jump)
        return self.gather(units, lambda unit: [offset + unit * step], field)

    def adapt(self, units: int) -> "Axis":
        """Adaptive pooling, whose windows are of one size only where they divide the units."""
        before = len(self.windows)
        if units == 1:
            return self.join()
        if before % units == 0:
            return self.slide(units, kernel=before // units, stride=before // units)
        return self.gather(units, lambda unit: range(unit * before // units,
                                                     -(-(unit + 1) * before // units)))

    def join(self) -> "Axis":
        """One unit that sees what all of these see together."""
        windows = (hull(self.windows),)
        return Axis(_of_all(windows), windows)

    def spread(self) -> "Axis":
        """As many units, of which each sees what all of these see together."""
        field, windows = self.join()
        return Axis(field, windows * len(self.windows))


def meet(axes: Iterable[Axis]) -> Axis:
    """Units that read one unit from each of these; an axis with a single unit serves them all."""
    axes = set(axes)
    if len(axes) == 1:
        return axes.pop()
    units = max(len(axis.windows) for axis in axes)
    axes = [axis if len(axis.windows) == units else axis.join() for axis in axes]
    windows = tuple(hull(axis.windows[unit % len(axis.windows)] for axis in axes)
                    for unit in range(units))
    fields = [axis.field for axis in axes]
    if None in fields or len({field.jump for field in fields}) > 1:  # neighbours differ, or drift apart
        return Axis(_of_all(windows), windows)
    first = min(field.first for field in fields)
    stop = max(field.first + field.size for field in fields)
    return Axis(ReceptiveField(stop - first, fields[0].jump, (first + stop - 1) / 2), windows)


def apart(paths: list[tuple[Axis, Axis]]) -> bool:
    """Whether what paths see together is known for rows and columns each by themselves.

    It is not where one path is blind in some rows of units, so that it sees nothing there, but would
    make the columns that the others see wider.
    """
    for one, other in ((0, 1), (1, 0)):
        units = max(len(path[one].windows) for path in paths)
        sights = {tuple(bool(path[one].windows[unit % len(path[one].windows)]) for path in paths)
                  for unit in range(units)}
        together = meet(path[other] for path in paths).windows
        for sight in sights:
            seeing = [path[other] for path, sees in zip(paths, sight, strict=True) if sees]
            windows = meet(seeing).windows if seeing else together
            if any(window != windows[unit % len(windows)] for unit, window in enumerate(together)):
                return False
    return True


def _of_all(windows: tuple[range, ...]) -> ReceptiveField | None:
    """The field of units that all see the same; None if they do not."""
    if len(set(windows)) > 1:
        return None
    pixels = windows[0]
    return ReceptiveField(len(pixels), 0, (pixels.start + pixels.stop - 1) / 2)


def hull(ranges: Iterable[range]) -> range:
    """The smallest range that covers these; empty ones count for nothing."""
    ranges = [pixels for pixels in ranges if pixels]
    if not ranges:
        return range(0)
    return range(min(pixels.start for pixels in ranges), max(pixels.stop for pixels in ranges))
