"""What a look at a model must leave alone."""

from contextlib import contextmanager

import torch


def state_of(model):
    """The model's tensors, gradients, modes and hooks, and torch's random numbers."""
    return {
        "tensors": {name: tensor.clone() for name, tensor in model.state_dict().items()},
        "gradients": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "wanted": [p.requires_grad for p in model.parameters()],
        "modes": [module.training for module in model.modules()],
        "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks)
                  for module in model.modules()],
        "random": torch.get_rng_state()}


@contextmanager
def untouched(model):
    """Inside this block nothing of it changes."""
    before = state_of(model)
    yield
    torch.testing.assert_close(state_of(model), before, rtol=0, atol=0)
