"""The exponential moving average of a network's weights: the tensors alone, not a second network.

A copy of the network could fail, or could take along what the network keeps for itself, such as the
feature maps of its last batch.
"""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MovingAverage:
    """Of the parameters and of the buffers that are saved with them, such as BatchNorm's.

    share: what each new state counts for, 0 to 1; the first one counts whole.
    tensors: name in the state_dict -> average, or the last value of what is no floating-point number,
    such as a counter. updates: how many states are in it; before the first they are the model's.
    """

    def __init__(self, model: nn.Module, share: float):
        """Raises ValueError where the model does not take back what an average of it would be."""
        try:
            model.load_state_dict(model.state_dict())
        except Exception as error:  # a method of the network's own may raise anything
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise ValueError(f"{type(model).__name__}.load_state_dict does not take what its state_dict"
                             " gives, as it has to where the weights are averaged: mend it, or train "
                             f"without, replace(recipe, ema=0.0) ({reason})") from error
        self.tensors, self.updates = {name: t.clone() for name, t in _tensors(model).items()}, 0
        self._mix = get_ema_multi_avg_fn(1 - share)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the model's weights as they are now."""
        mixed = []
        for name, new in _tensors(model).items():
            if self.updates and new.is_floating_point():
                mixed.append((self.tensors[name], new))
            else:
                self.tensors[name].copy_(new)
        if mixed:
            self._mix(*map(list, zip(*mixed, strict=True)), self.updates)
        self.updates += 1

    def state_dict(self) -> dict[str, Tensor]:
        """For a checkpoint, with the names of torch.optim.swa_utils.AveragedModel."""
        return {"n_averaged": torch.tensor(self.updates, device="cpu"),
                **{f"module.{name}": tensor for name, tensor in self.tensors.items()}}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take up what `state_dict` gave. Raises ValueError where it is another network's."""
        mine = self.state_dict()
        if {name: t.shape for name, t in state.items()} != {name: t.shape for name, t in mine.items()}:
            raise ValueError("its moving average is of another network")
        for name, tensor in self.tensors.items():
            tensor.copy_(state[f"module.{name}"])
        self.updates = int(state["n_averaged"])


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """What a state_dict holds may be more than tensors."""
    return {name: t for name, t in model.state_dict().items() if isinstance(t, Tensor)}
