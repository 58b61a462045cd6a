"""Examples of any kind as a network takes them: what a batch becomes on its way to the net.

Digits are padded to the network's size and scaled as it wants them; tensors and the items of a
Dataset are taken as they are. Then, in training, a distortion may bend the inputs; where training sees
crops, everything else sees the middle.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset, default_collate

from ..mnist import Digits
from .interface import kinds, refuse_too_large, said


class Examples:
    """Inputs and labels by their numbers, on the model's device and in its precision.

    undistorted: what is done to inputs that no distortion is given for, such as a crop of the middle.
    labels: of all examples, where they are known beforehand. classes: how many the model tells apart,
    where that is known; a larger label of a Dataset is refused before it is on the device.
    hint: what to say to a network that does not take them.
    """

    undistorted: Callable[[Tensor], Tensor] | None = None
    labels: Tensor | None = None
    classes: int | None = None
    hint = ""

    def __init__(self, model: nn.Module):
        parameters = list(model.parameters())
        self.device = parameters[0].device if parameters else torch.device("cpu")
        self.dtype = next((p.dtype for p in parameters if p.is_floating_point()),
                          torch.get_default_dtype())

    def __len__(self) -> int:
        raise NotImplementedError

    def batch(self, numbers: Tensor, distortion: Callable[[Tensor], Tensor] | None = None
              ) -> tuple[Tensor, Tensor]:
        """Inputs, N x C x H x W, and labels, int64, N, of the examples with these numbers (int64, N).

        distortion: bends the inputs, in training.
        """
        inputs, labels = self._read(numbers)
        distortion = distortion or self.undistorted
        return (inputs if distortion is None else distortion(inputs)).to(self.dtype), labels

    def few(self, count: int) -> Tensor:
        """The numbers of a few examples, the largest label among them where that is known."""
        count = min(count, len(self))
        return (torch.arange(count, device=self.device) if self.labels is None
                else self.labels.topk(count).indices)

    def not_finite(self) -> int | None:
        """The first example whose inputs are not finite numbers, where that is not known beforehand."""
        return None

    def _read(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


def examples_of(data, model: nn.Module) -> Examples:
    """The data as batches for this model, on its device and in the precision of its parameters.

    data: Digits, which become model.input_size pixels a side in the scaling model.scaling (see
    `interface`); a pair of tensors (x, y), x floating point, N x C x H x W of any size, y int64, N;
    or a map-style Dataset of pairs (x, y), read an item at a time and anew in each epoch.
    Digits and tensors are kept whole in memory on the device.
    Raises TypeError for data of another kind, ValueError where there are none or they do not fit
    together.
    """
    if isinstance(data, Examples):
        return data
    if isinstance(data, Digits):
        return _FromDigits(data, model)
    if isinstance(data, tuple | list) and len(data) == 2 and all(isinstance(t, Tensor) for t in data):
        return _FromTensors(*data, model)
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset):
        return _FromDataset(data, model)
    hint = "; give the loader's .dataset, batches are drawn here" if hasattr(data, "dataset") else ""
    raise TypeError("examples must be Digits, a pair of tensors (inputs, labels), or a map-style "
                    f"Dataset of such pairs, not {type(data).__name__}{hint}")


class _FromDigits(Examples):
    hint = "; Digits come with model.input_size pixels a side, by default 32"

    def __init__(self, digits: Digits, model: nn.Module):
        super().__init__(model)
        _refuse_nothing(digits)
        if digits.labels is None:
            raise ValueError("these digits have no labels to compare answers with: give them some, "
                             "Digits(digits.images, labels), or run the model on digits.inputs() for "
                             "its answers alone")
        self.digits = digits.to(self.device)
        self.labels = self.digits.labels
        self.size, self.scaling = said(model, "input_size"), said(model, "scaling")

    def __len__(self) -> int:
        return len(self.digits)

    def _read(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        # Made anew for each batch, which costs a step next to nothing: all inputs at once would take
        # five times the memory of the raw pixels and hold up the first step.
        inputs = self.digits.inputs(size=self.size, scaling=self.scaling, which=numbers)
        return inputs, self.labels[numbers]


class _FromTensors(Examples):
    def __init__(self, inputs: Tensor, labels: Tensor, model: nn.Module):
        super().__init__(model)
        _check(inputs, labels, len(inputs) if inputs.dim() else 0)
        _refuse_nothing(labels)
        # Detached: a gradient would flow on into what has made the inputs, if that is known.
        self.inputs, self.labels = inputs.detach().to(self.device), labels.to(self.device)
        # One sum finds whether any number is not finite, without a second tensor of this size.
        if not self.inputs.sum(dtype=torch.float64).isfinite():
            found = (~self.inputs.isfinite()).flatten(1).any(dim=1).nonzero()[:, 0].tolist()
            if found:
                raise ValueError(f"inputs must be finite numbers; in {len(found)} of {len(inputs)} "
                                 f"examples some are not, first in number {found[0]}")

    def __len__(self) -> int:
        return len(self.labels)

    def _read(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        return self.inputs[numbers], self.labels[numbers]


class _FromDataset(Examples):
    def __init__(self, dataset: Dataset, model: nn.Module):
        super().__init__(model)
        _refuse_nothing(dataset)
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def not_finite(self) -> int | None:
        return next((number for number in range(len(self))
                     if not self.dataset[number][0].isfinite().all()), None)

    def _read(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        items = [self.dataset[number] for number in numbers.tolist()]
        try:
            inputs, labels = default_collate(items)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError("the items of a Dataset must be pairs (tensor, int), all of one shape, not "
                            f"{kinds(items[0])}: give it transform=ToTensor() or the like") from error
        _check(inputs, labels, len(items))
        if self.classes is not None:
            refuse_too_large(labels, self.classes)
        return inputs.to(self.device), labels.to(self.device)


def _refuse_nothing(data) -> None:
    if len(data) == 0:
        raise ValueError("there are no examples: the set is empty")


def _check(inputs, labels, count: int) -> None:
    if not (isinstance(inputs, Tensor) and inputs.is_floating_point() and inputs.dim() >= 2):
        raise ValueError("inputs must be a floating-point tensor, N x C x H x W, not "
                         f"{kinds([inputs])}; pixels become one with inputs.float() / 255")
    if not (isinstance(labels, Tensor) and labels.dtype == torch.int64 and labels.shape == (count,)):
        one_hot = isinstance(labels, Tensor) and labels.dim() == 2 and labels.shape[1] > 1
        remedy = ("labels.argmax(dim=1) makes them of one-hot rows" if one_hot
                  else "labels.long() converts, labels.flatten() takes away an axis")
        raise ValueError(f"labels must be an int64 tensor, one for each of {count} inputs, not "
                         f"{kinds([labels])}; {remedy}")
    if (labels < 0).any():
        raise ValueError(f"labels must be classes, numbered from 0, not {labels.min()}")
