"""Output sizes and padding rules along one axis: integers in, integers out. Chapter 02 builds them.

One formula rules every sliding window, convolution and pooling alike:

    output = floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1

Everything else here is that formula solved for another letter, or said in words. All lengths are
pixels; padding is per side, as in PyTorch.
Source: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning",
relationships 6, 14 and 15; PyTorch's Conv2d and MaxPool2d.
"""

from .arguments import checked, flag, whole

_lengths = checked(size=whole(1), kernel=whole(1), stride=whole(1), padding=whole(0), dilation=whole(1),
                   output_padding=whole(0), ceil_mode=flag)


@_lengths
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0,
                     dilation: int = 1, ceil_mode: bool = False) -> int:
    """Number of output positions along one axis.

    size, kernel, stride, padding (per side), dilation: pixels.
    ceil_mode: round up instead of down, as PyTorch's pooling can: the last window may reach up to
    stride - 1 pixels past the padded input. One that would start in the right-hand padding is left
    out, also as PyTorch does.
    Returns floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1.
    Raises ValueError where the dilated kernel does not fit into the padded input, TypeError where
    a length is not an integer.
    Source: PyTorch's Conv2d; Dumoulin & Visin 2016, relationship 14/15.
    """
    past = stride - 1 if ceil_mode else 0  # ceil(a / b) = floor((a + b - 1) / b)
    positions = _room(size, kernel, padding, dilation, past) // stride + 1
    starts_in_right_padding = ceil_mode and (positions - 1) * stride >= size + padding
    return positions - 1 if starts_in_right_padding else positions


@_lengths
def effective_kernel(kernel: int, dilation: int = 1) -> int:
    """Pixels that a dilated kernel reaches across: dilation (kernel - 1) + 1.

    Raises ValueError where kernel or dilation is below 1.
    """
    return dilation * (kernel - 1) + 1


@_lengths
def same_padding(kernel: int, dilation: int = 1) -> int:
    """Padding per side that keeps the size at stride 1: (effective kernel - 1) / 2.

    The rule of thumb 3 -> 1, 5 -> 2, 7 -> 3.
    Raises ValueError for an even effective kernel: its padding could not be equal on both sides.
    """
    reach = effective_kernel(kernel, dilation)
    if reach % 2 == 0:
        raise ValueError(
            f"an even kernel ({kernel}, reaching {reach} pixels) has no equal padding that keeps "
            f"the size: it needs {reach - 1} in all, {(reach - 1) / 2} a side; "
            "use an odd kernel or pad the sides differently")
    return (reach - 1) // 2


@_lengths
def full_padding(kernel: int, dilation: int = 1) -> int:
    """Padding per side at which every overlap of kernel and input counts: effective kernel - 1."""
    return effective_kernel(kernel, dilation) - 1


@_lengths
def transposed_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0,
                           dilation: int = 1, output_padding: int = 0) -> int:
    """Size from which a convolution with these settings comes down to `size`: the inverse.

    Several sizes may lead to the same output when stride > 1; output_padding (0 to stride - 1)
    chooses among them, 0 being the smallest.
    Raises ValueError where no positive size leads there.
    Source: PyTorch's ConvTranspose2d; Dumoulin & Visin 2016, relationship 13.
    """
    reach = effective_kernel(kernel, dilation)
    if output_padding >= stride:
        raise ValueError(f"output_padding {output_padding} must be smaller than stride {stride}")
    result = (size - 1) * stride - 2 * padding + reach + output_padding
    if result < 1:
        raise ValueError(
            f"no input leads to size {size} with kernel {kernel}, stride {stride}, padding "
            f"{padding}: ({size} - 1)*{stride} - 2*{padding} + {reach} + {output_padding} = {result}")
    return result


@_lengths
def dropped(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Rows (or columns) at the far end of the padded input that no window reaches.

    They are what floor throws away: (size + 2 padding - effective kernel) mod stride.
    """
    return _room(size, kernel, padding, dilation) % stride


@_lengths
def explain(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> str:
    """The formula with its numbers, as one line.

    explain(28, 5) -> '(28 + 2*0 - 5) / 1 + 1 = 24'
    """
    room = _room(size, kernel, padding, dilation)
    steps, lost = divmod(room, stride)
    kernel_text = str(kernel) if dilation == 1 else f"({dilation}*({kernel} - 1) + 1)"
    quotient = f"({size} + 2*{padding} - {kernel_text}) / {stride}"
    if not lost:
        return f"{quotient} + 1 = {steps + 1}"
    rows = "row and column" if lost == 1 else "rows and columns"
    return (f"floor({quotient}) + 1 = floor({room / stride:.4g}) + 1 = {steps + 1}, "
            f"{lost} {rows} dropped")


def _room(size: int, kernel: int, padding: int, dilation: int, past: int = 0) -> int:
    """The pixels that are left over beside the first window: how far it can still slide.

    past: how many pixels past the padded input it may reach.
    """
    reach = effective_kernel(kernel, dilation)
    room = size + 2 * padding + past - reach
    if room < 0:
        dilated = f" with dilation {dilation} (reach {reach})" if dilation > 1 else ""
        rounded, more = (f", even {past} past it", f" + {past}") if past else ("", "")
        raise ValueError(
            f"kernel {kernel}{dilated} does not fit into size {size} with padding {padding}{rounded}: "
            f"{size} + 2*{padding}{more} - {reach} < 0; enlarge the input or the padding")
    return room
