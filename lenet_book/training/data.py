"""Examples of any kind as a network takes them: what a batch becomes on its way to the net.

Digits are padded to the network's size and scaled as it wants them; tensors and the items of a
Dataset are taken as they are. Then, in training, a distortion may bend the inputs.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset, default_collate

from ..mnist import Digits


class Examples:
    """Inputs and labels by their numbers, on one device."""

    device: torch.device

    def __len__(self) -> int:
        raise NotImplementedError

    def batch(self, numbers: Tensor, distortion: Callable[[Tensor], Tensor] | None = None
              ) -> tuple[Tensor, Tensor]:
        """Inputs, N x C x H x W, and labels, int64, N, of the examples with these numbers (int64, N).

        distortion: bends the inputs, in training.
        """
        inputs, labels = self._read(numbers)
        return (inputs if distortion is None else distortion(inputs)), labels

    def _read(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


def examples_of(data, model: nn.Module) -> Examples:
    """The data as batches for this model, on its device.

    data: Digits, which become model.input_size pixels a side in the scaling model.scaling (by
    default 32 and "paper"); a pair of tensors (x, y), x floating point, N x C x H x W of any size,
    y int64, N; or a map-style Dataset of pairs (x, y), read an item at a time and anew in each epoch.
    Digits and tensors are kept whole in memory on the device.
    Raises TypeError for data of another kind, ValueError where there are none or they do not fit
    together.
    """
    if isinstance(data, Examples):
        return data
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    if isinstance(data, Digits):
        return _FromDigits(data, device, getattr(model, "input_size", 32),
                           getattr(model, "scaling", "paper"))
    if isinstance(data, tuple | list) and len(data) == 2 and all(isinstance(t, Tensor) for t in data):
        return _FromTensors(*data, device)
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset):
        return _FromDataset(data, device)
    hint = "; give the loader's .dataset, batches are drawn here" if hasattr(data, "dataset") else ""
    raise TypeError("examples must be Digits, a pair of tensors (inputs, labels), or a map-style "
                    f"Dataset of such pairs, not {type(data).__name__}{hint}")


class _FromDigits(Examples):
    def __init__(self, digits: Digits, device: torch.device, size: int, scaling: str):
        _refuse_nothing(digits)
        self.digits, self.device, self.size, self.scaling = digits.to(device), device, size, scaling

    def __len__(self) -> int:
        return len(self.digits)

    def _read(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        # Made anew for each batch, which costs a step next to nothing: all inputs at once would take
        # five times the memory of the raw pixels and hold up the first step.
        inputs = self.digits.inputs(size=self.size, scaling=self.scaling, which=numbers)
        return inputs, self.digits.labels[numbers]


class _FromTensors(Examples):
    def __init__(self, inputs: Tensor, labels: Tensor, device: torch.device):
        _refuse_nothing(labels)
        _check(inputs, labels, len(inputs))
        self.inputs, self.labels, self.device = inputs.to(device), labels.to(device), device

    def __len__(self) -> int:
        return len(self.labels)

    def _read(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        return self.inputs[numbers], self.labels[numbers]


class _FromDataset(Examples):
    def __init__(self, dataset: Dataset, device: torch.device):
        _refuse_nothing(dataset)
        self.dataset, self.device = dataset, device
        self._read(torch.tensor([0]))  # says at once what does not fit

    def __len__(self) -> int:
        return len(self.dataset)

    def _read(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        items = [self.dataset[number] for number in numbers.tolist()]
        try:
            inputs, labels = default_collate(items)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError("the items of a Dataset must be pairs (tensor, int), all of one shape, not "
                            f"{_kinds(items[0])}: give it transform=ToTensor() or the like") from error
        _check(inputs, labels, len(items))
        return inputs.to(self.device), labels.to(self.device)


def _refuse_nothing(data) -> None:
    if len(data) == 0:
        raise ValueError("there are no examples: the set is empty")


def _check(inputs, labels, count: int) -> None:
    if not (isinstance(inputs, Tensor) and inputs.is_floating_point() and inputs.dim() >= 2):
        raise ValueError("inputs must be a floating-point tensor, N x C x H x W, not "
                         f"{_kinds([inputs])}; pixels become one with inputs.float() / 255")
    if not (isinstance(labels, Tensor) and labels.dtype == torch.int64 and labels.shape == (count,)):
        raise ValueError(f"labels must be an int64 tensor, one for each of {count} inputs, not "
                         f"{_kinds([labels])}; labels.long() converts")


def _kinds(values) -> str:
    """What these are, in words: dtype and shape of tensors, else the type."""
    values = values if isinstance(values, tuple | list) else [values]
    return ", ".join(f"{value.dtype} {' x '.join(map(str, value.shape)) or 'number'}"
                     if isinstance(value, Tensor) else type(value).__name__ for value in values)
