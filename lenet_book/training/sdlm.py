"""Stochastic diagonal Levenberg-Marquardt: how the networks of 1998 were trained.

Every parameter w_k has a step of its own, large where the loss is flat in it and small where the
loss is steep:  w_k <- w_k - lr / (mu + h_kk) * dE/dw_k.  Here h_kk estimates the second derivative
of the loss in w_k. It is measured on a few hundred examples, before an epoch or a part of one, and
stays as it is in between: it is not an average of squared gradients, which is another optimiser
(RMSProp).

`curvature` finds all h_kk, an estimate of the diagonal of the Gauss-Newton matrix, in one backward
pass from the loss to the image, as back-propagation finds the gradient. Two things differ: every
factor on the way is squared, so that nothing cancels and no h_kk is negative, and the second
derivatives of the squashing functions are left out (the Gauss-Newton approximation).
Source: LeCun, Bottou, Bengio, Haffner 1998, Section III-B and Appendix C.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import paper
from ..arguments import number, shown
from ..layers import RBFOutput, SparseConv2d, Subsampling
from ..tensors import check_tensor

WEIGHTED = (nn.Conv2d, SparseConv2d, nn.Linear)  # a = sum of weight times input, plus bias
SQUASHING = (nn.Tanh, nn.Sigmoid, nn.ReLU)       # x = f(a), element by element; nn.Tanh: ScaledTanh too
SELECTING = (nn.Flatten, nn.MaxPool2d)           # each output is one of the inputs


def curvature(model: nn.Sequential, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Diagonal Gauss-Newton estimate of the second derivatives of the loss, in each parameter.

    model: layers in order, from those named in this module. inputs, labels: the N examples to
    measure on, as the model takes them; 500 in the paper. The model's parameters stay as they are.
    Returns {name of a trainable parameter: h, of its shape, nowhere negative}, means over the N.

    At the top stands d2E/dx2 of the loss in the inputs x of the RBF layer (in the outputs where a
    model has none), which the paper does not spell out. It is taken exactly: RBF and MAP loss
    together are convex in x, so that there is nothing to approximate, and it is
    2 (1 - sum_i p_i) + 4 (sum_i p_i d_i^2 - (sum_i p_i d_i)^2), where d_i = x - w_i and
    p_i = e^-y_i / (e^-j + sum_k e^-y_k). Below, with h of a layer's outputs known,
      squashing    x = f(a)                h of a = f'(a)^2 h of x
      weighted     a = sum_i w_i x_i + b   h of w_i = sum x_i^2 h of a,  h of x_i = sum w_i^2 h of a
      subsampling  a = w sum_i x_i + b     h of w = sum (sum_i x_i)^2 h of a,  h of x_i = w^2 h of a
    where the outer sums run over all units that share the weight or read the input. What two units
    with one weight, or two weights into one unit, have to do with each other is left out: that is
    the diagonal approximation.
    Raises TypeError for a layer that is none of these, ValueError where there are no examples.
    """
    _check_model(model)
    check_tensor("inputs", inputs)
    if not inputs.numel():
        raise ValueError(f"inputs hold no examples to estimate the curvature on: {shown(inputs)}")
    names = {layer: name for name, layer in model.named_children()}
    layers = [(names[layer], layer) for layer in model]  # one that comes twice, twice
    top = [layers.pop()[1]] if isinstance(layers[-1][1], RBFOutput) else []
    criterion = getattr(model, "loss", F.cross_entropy)
    reached, x = [], inputs.detach()
    with torch.no_grad():
        for name, layer in layers:
            reached.append(x)
            try:
                x = layer(x)
            except (RuntimeError, ValueError, NotImplementedError) as error:
                raise ValueError(f"inputs, {shown(inputs)}, do not go through the model: layer "
                                 f"{name!r} refuses {shown(x)} ({error})") from error
    try:
        with torch.enable_grad():
            h = _second_derivatives(lambda x: criterion(nn.Sequential(*top)(x), labels) * len(x), x)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"there is no loss of these labels, {shown(labels)}, for the model's outputs, "
                         f"{shown(x)} ({error})") from error
    found: dict[str, Tensor] = {}
    for (name, layer), x in zip(reversed(layers), reversed(reached), strict=True):
        of_parameters, h = _backward(name, layer, x, h)
        for which, value in of_parameters.items():
            found[f"{name}.{which}"] = found.get(f"{name}.{which}", 0) + value / len(inputs)
    return {name: found[name] for name, p in model.named_parameters() if p.requires_grad}


def _check_model(model) -> None:
    if not isinstance(model, nn.Sequential) or not len(model):
        raise TypeError(f"model must be an nn.Sequential with layers, not {shown(model)}")


def _second_derivatives(function, x: Tensor) -> Tensor:
    """d2 function / dx2 at each element of x, N x features, if no example depends on another."""
    x = x.detach().requires_grad_()
    gradient, = torch.autograd.grad(function(x), x, create_graph=True)
    columns = [torch.autograd.grad(gradient[:, k].sum(), x, retain_graph=True)[0][:, k]
               for k in range(x.shape[1])]
    return torch.stack(columns, dim=1)


def _backward(name: str, layer: nn.Module, x: Tensor, h: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """From h of a layer's outputs to h of its parameters, summed over examples, and of its inputs."""
    if isinstance(layer, SQUASHING):
        _, slope = _gradients(layer, {}, x, torch.ones_like(h))
        return {}, slope.square() * h
    if isinstance(layer, SELECTING):
        return _gradients(layer, {}, x, h)
    squared = {which: p.detach().square() for which, p in layer.named_parameters()}
    if isinstance(layer, Subsampling):
        # The coefficient's input is the sum of the window, and that is what has to be squared. The
        # layer adds four inputs: a quarter of the squared sum in each place gives it back. An odd last
        # row or column, which no window reads, stays at 0.
        quarter = F.avg_pool2d(x, 2, divisor_override=1).square() / 4
        windows = quarter.repeat_interleave(2, -1).repeat_interleave(2, -2)
        x = F.pad(windows, (0, x.shape[-1] % 2, 0, x.shape[-2] % 2))
    elif isinstance(layer, WEIGHTED):
        x = x.square()
    else:
        known = ", ".join(kind.__name__ for kind in (*WEIGHTED, Subsampling, *SQUASHING, *SELECTING))
        raise TypeError(f"how curvature passes through layer {name!r}, a {type(layer).__name__}, is "
                        f"not known: it must be one of {known}")
    # The layer is linear in its parameters and in its input, so its ordinary gradients at squared
    # parameters and squared input are the sums wanted.
    return _gradients(layer, squared, x, h)


def _gradients(layer: nn.Module, parameters: dict[str, Tensor], x: Tensor,
               given: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Of the layer's outputs, each times what is `given` for it: for these parameters, and for x.

    As torch.func.vjp, which imports PyTorch's compiler: 1 s and 100 MB.
    """
    parameters = {which: p.requires_grad_() for which, p in parameters.items()}
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        outputs = torch.func.functional_call(layer, parameters, (x.clone(),))  # some write into it
    *of_parameters, of_x = torch.autograd.grad(outputs, [*parameters.values(), x], given)
    return dict(zip(parameters, of_parameters, strict=True)), of_x


class SDLM(torch.optim.Optimizer):
    """Stochastic diagonal Levenberg-Marquardt, for gradients of single examples.

    step() takes lr / (mu + h) times the gradient from each parameter; h is what the last
    estimate() found. lr: the global learning rate, which a schedule may set in `param_groups`. mu:
    keeps the step below lr / mu times the gradient where the loss is flat, as it is in the first
    layers of a fresh network.
    state_dict() carries h: a training that is taken up again goes on with the same steps.
    Raises TypeError for another model, ValueError where lr or mu is not positive,
    RuntimeError for a step without an estimate.
    Source: Section III-B of the paper. Its lr, from 5e-4 down, gave effective rates of 7e-5 to 0.016,
    thus second derivatives of 0.011 and more; four fifths of those that `curvature` finds are below
    that, so with 5e-4 the steps become too long (chapter 10): recipes take a tenth.
    """

    EXAMPLES = 500  # as in the paper, drawn anew before each epoch

    def __init__(self, model: nn.Sequential, lr: float, mu: float = paper.HESSIAN_DAMPING):
        _check_model(model)
        self.model, positive = model, number(above=0)
        super().__init__([p for p in model.parameters() if p.requires_grad],
                         {"lr": positive("lr", lr), "mu": positive("mu", mu)})

    def before_epoch(self, examples, order: Tensor) -> None:
        """Measure h on the first examples of the epoch that begins; `fit` calls this.

        examples: a `data.Examples`. order: their numbers, in the order of the epoch.
        """
        self.estimate(*examples.batch(order[:self.EXAMPLES].to(examples.device)))

    def estimate(self, inputs: Tensor, labels: Tensor) -> None:
        """Measure h anew on these examples (see `curvature`): 500 in the paper, before each epoch."""
        found = curvature(self.model, inputs, labels)
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                self.state[parameter]["h"] = found[name]

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if "h" not in self.state[parameter]:
                    raise RuntimeError("no curvature yet: call estimate(inputs, labels) before step()")
                if parameter.grad is not None:
                    damped = self.state[parameter]["h"] + group["mu"]
                    parameter.addcdiv_(parameter.grad, damped, value=-group["lr"])
