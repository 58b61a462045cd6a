"""Chapter 14's exercises: right answers, and wrong ones with words of the reason."""

from functools import partial

import inception_modules
import torch
import torch.nn.functional as F
from cut_gradients import by_numpy
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn

CHAPTER = 14


def by_hand(x, w1, w3, w5, relu=F.relu, pool=None, order=(0, 1, 2, 3), join=torch.cat):
    paths = [relu(F.conv2d(x, w1)), relu(F.conv2d(x, w3, padding=1)), relu(F.conv2d(x, w5, padding=2)),
             (pool or nn.MaxPool2d(3, 1, 1))(x)]
    return join([paths[which] for which in order], 1)


def by_one_kernel(x, w1, w3, w5):
    """All three as one 5 x 5: small kernels stand in the middle of a larger one."""
    whole = torch.cat([F.pad(w1, (2,) * 4), F.pad(w3, (1,) * 4), w5])
    return torch.hstack([F.conv2d(x, whole, padding="same").clamp(min=0), F.max_pool2d(x, 3, 1, 1)])


def by_unfold(x, w1, w3, w5):
    n, _, h, w = x.shape
    paths = []
    for kernel in (w1, w3, w5):
        columns = F.unfold(x, kernel.shape[2:], padding=kernel.shape[2] // 2)
        paths.append((kernel.flatten(1) @ columns).view(n, -1, h, w).relu())
    padded = F.pad(x, (1,) * 4, value=-torch.inf).unfold(2, 3, 1).unfold(3, 3, 1)
    return torch.cat([*paths, padded.amax((4, 5))], 1)


def bent_but(bare, x, *weights):
    """Wrong: no ReLU behind one of the three."""
    paths = [F.conv2d(x, w, padding="same") for w in weights]
    return torch.cat([*(each if place == bare else each.relu() for place, each in enumerate(paths)),
                      F.max_pool2d(x, 3, 1, 1)], 1)


def by_layers(x, *weights):
    """Wrong: the new layers bring biases of their own."""
    paths = [F.max_pool2d(x, 3, 1, 1)]
    for w in reversed(weights):
        layer = nn.Conv2d(w.shape[1], w.shape[0], w.shape[2], padding="same")
        layer.weight.data = w
        paths.insert(0, layer(x).relu())
    return torch.cat(paths, 1)


def weighed(logits, one, other, labels, main=1, first=0.3, second=0.3, loss=F.cross_entropy):
    return main * loss(logits, labels) + first * loss(one, labels) + second * loss(other, labels)


def by_picking(logits, one, other, labels):
    def loss(scores):
        return (scores.logsumexp(1) - scores.gather(1, labels[:, None])[:, 0]).mean()
    return loss(logits) + 0.3 * (loss(one) + loss(other))


def by_module(logits, one, other, labels):
    loss = nn.CrossEntropyLoss()
    return loss(logits, labels) + 0.6 * sum(loss(h, labels) for h in (one, other)) / 2


def in_one_row(logits, one, other, labels):
    losses = torch.stack([F.cross_entropy(scores, labels) for scores in (logits, one, other)])
    return losses.new_tensor([[1.0, 0.3, 0.3]]) @ losses


def begun_backward(*case):
    loss = weighed(*case)
    loss.backward()
    return loss


def without_graph(*case):
    with torch.no_grad():
        return weighed(*case)


wrong_loss = partial(partial, weighed)


RIGHT = {
    "convolution_for_a_module": [(94,), (94.0,), (torch.tensor(94),)],
    "widest_useful_reduction": [(154,), (154.0,), (torch.tensor([154]),)],
    "naive_inception": [(by_hand,), (by_one_kernel,), (by_unfold,)],
    "inception_module": inception_modules.RIGHT,
    "loss_with_heads": [(weighed,), (by_picking,), (by_module,), (in_one_row,)],
}

WRONG = {  # (words that name the error, answer)
    "convolution_for_a_module": [
        ("95 maps", 95), ("nine weights", 850), ("not three", 283), ("5 x 5", 34),
        ("gives out; a", 256),
        ("naive", 224), ("reads 96", 128), ("reads 192", 70), ("not the most", 93),
        ("kernel that reads 96", 189),
        ("not one", 18_147), ("compare weights", 0), ("how many whole maps", 94.5), ("whole", 94.2),
        ("number", "94"), ("number", None)],
    "widest_useful_reduction": [
        ("153,760", 155), ("1 x 1 costs", 192), ("that follows costs", 800), ("in 3a", 16),
        ("not one", 685), ("not five", 436), ("not five", 87), ("151,776 multiplications a place", 153),
        ("at least one", 0), ("which is the largest whole number", 154.8), ("whole", 154.5),
        ("number", (154,)), ("finite", float("nan"))],
    "naive_inception": [
        ("pooling is missing", partial(by_hand, order=(0, 1, 2))),
        ("joined in the order pooling, 1 x 1, 3 x 3", partial(by_hand, order=(3, 0, 1, 2))),
        ("joined in the order 1 x 1, 5 x 5, 3 x 3", partial(by_hand, order=(0, 2, 1, 3))),
        ("joined in the order 5 x 5, 3 x 3, 1 x 1", partial(by_hand, order=(2, 1, 0, 3))),
        ("each convolution needs a ReLU", partial(by_hand, relu=lambda x: x)),
        *((f"the {k} x {k} needs a ReLU", partial(bent_but, bare)) for bare, k in enumerate((1, 3, 5))),
        ("drawn at random", by_layers),
        ("torch.stack lays", partial(by_hand, join=torch.stack)),
        ("none belongs there", partial(by_hand, pool=lambda x: F.max_pool2d(x, 3, 1, 1).relu())),
        ("mean", partial(by_hand, pool=nn.AvgPool2d(3, 1, 1))),
        ("own padding", partial(by_hand, pool=lambda x: F.max_pool2d(F.pad(x, (1,) * 4), 3, 1))),
        ("should be pooled", partial(by_hand, pool=nn.Identity())),
        ("this is 5 x 5", partial(by_hand, pool=nn.MaxPool2d(5, 1, 2))),
        ("read the pooled", lambda x, *w: by_hand(F.max_pool2d(x, 3, 1, 1), *w, pool=nn.Identity())),
        ("in front of", lambda x, *w: by_hand(
            x.relu(), *w, relu=lambda y: y, pool=lambda _: F.max_pool2d(x, 3, 1, 1))),
        ("no gradient reaches x, w1, w3, w5", lambda *case: by_hand(*case).detach()),
        ("goes through NumPy", by_numpy(by_hand)),
        ("pooling is missing", by_numpy(partial(by_hand, order=(0, 1, 2)))),
        ("no gradient reaches w3: ", lambda x, w1, w3, w5: by_hand(x, w1, nn.Parameter(w3), w5)),
        ("turned", lambda x, *w: by_hand(x, *(each.flip(2, 3) for each in w))),
        ("rows and columns", lambda x, *w: by_hand(x, *(each.mT for each in w))),
        ("a path does not keep the size", partial(by_hand, pool=nn.MaxPool2d(3, 1))),
        ("a path does not keep the size", partial(by_hand, pool=nn.MaxPool2d(3, padding=1))),
        ("a path does not keep the size", lambda x, w1, w3, w5: by_hand(x, w1, w5, w3)),
        ("along the channels, axis 1", partial(by_hand, join=lambda paths, axis: torch.cat(paths))),
        ("along the channels, axis 1", partial(by_hand, join=lambda paths, axis: torch.cat(paths, 2))),
        ("must be a tensor", partial(by_hand, join=lambda paths, axis: paths)),
        ("every path begins with x", lambda x, w1, w3, w5: F.conv2d(F.conv2d(x, w1), w3)),
        ("are added up", partial(by_hand, join=lambda paths, axis: sum(paths))),
        ("changes the x", lambda x, *w: by_hand(x.relu_(), *w)), ("return", print),
        ("function", torch.ones(3))],
    "inception_module": inception_modules.WRONG,
    "loss_with_heads": [
        ("heads do not", wrong_loss(first=0, second=0)), ("own loss is missing", wrong_loss(main=0)),
        ("4d is missing", wrong_loss(second=0)), ("4a is missing", wrong_loss(first=0)),
        ("logits and head_4a are", lambda a, b, c, labels: weighed(b, a, c, labels)),
        ("logits and head_4d are", lambda a, b, c, labels: weighed(c, b, a, labels)),
        ("count alike", wrong_loss(first=1, second=1)),
        ("head at 4d counts 1", wrong_loss(second=1)), ("head at 4a counts 1", wrong_loss(first=1)),
        ("mean of the heads' logits", lambda a, b, c, labels: F.cross_entropy(
            a, labels) + 0.3 * F.cross_entropy((b + c) / 2, labels)),
        ("mean of the heads' logits", lambda a, b, c, labels: F.cross_entropy(
            a, labels) + 0.6 * F.cross_entropy((b + c) / 2, labels)),
        ("sum of the heads' logits", lambda a, b, c, labels: F.cross_entropy(
            a, labels) + 0.3 * F.cross_entropy(b + c, labels)),
        ("heads' logits it is taken twice", lambda a, b, c, labels: weighed(
            a, b.softmax(1), c.softmax(-1), labels)),
        *[("reaches logits, head_4a, head_4d: behind", lambda *case, cut=cut: cut(weighed(*case)))
          for cut in (torch.Tensor.item, torch.Tensor.detach)],
        ("reaches logits, head_4a, head_4d: behind", without_graph),
        ("goes through NumPy", by_numpy(weighed)),
        ("no gradient reaches logits", lambda a, *rest: weighed(a.detach(), *rest)),
        ("no gradient reaches head_4a, head_4d: ", lambda a, b, c, labels: weighed(
            a, b.detach(), c.data, labels)), ("heads alone", wrong_loss(main=0.3)),
        ("two together", wrong_loss(first=0.15, second=0.15)), ("0.7 and 0.3", wrong_loss(main=0.7)),
        ("twice 0.15", wrong_loss(main=0.7, first=0.15, second=0.15)),
        ("wrong side", wrong_loss(main=0.3, first=1, second=1)),
        ("1.6", lambda *case: weighed(*case) / 1.6),
        ("are averaged; the net", wrong_loss(main=1 / 3, first=1 / 3, second=1 / 3)),
        ("over the batch", wrong_loss(loss=nn.CrossEntropyLoss(reduction="sum"))),
        ("twice", wrong_loss(loss=lambda x, y: F.cross_entropy(x.softmax(1), y))),
        ("logarithm is missing", wrong_loss(loss=lambda x, y: F.nll_loss(x.softmax(1), y))),
        *[(f"here {much}", wrong_loss(first=much, second=much)) for much in (0.6, 0.03, 3)],
        ("are taken away", wrong_loss(first=-0.3, second=-0.3)),
        ("not of its logits", lambda a, b, c, labels: weighed(
            a, 0.3 * b, 0.3 * c, labels, first=1, second=1)),
        ("takes the logits first", wrong_loss(loss=lambda x, y: F.cross_entropy(y, x))),
        ("no argmax", wrong_loss(loss=lambda x, y: F.cross_entropy(x.argmax(1), y))),
        ("is made first and then called", wrong_loss(loss=nn.CrossEntropyLoss)),
        ("leave backward to the training", begun_backward),
        *[("add the three losses up", lambda *case, kind=kind: kind(
            [F.cross_entropy(scores, case[3]) for scores in case[:3]])) for kind in (
                list, tuple, torch.stack, lambda losses: dict(enumerate(losses)))],
        ("take the mean over the batch", wrong_loss(loss=nn.CrossEntropyLoss(reduction="none"))),
        ("log-probabilities", wrong_loss(loss=F.nll_loss)), ("sign", lambda *case: -weighed(*case)),
        ("add the losses", lambda a, b, c, labels: F.cross_entropy(a + 0.3 * b + 0.3 * c, labels)),
        ("return", print)],
}

EQUAL = {
    "naive_inception": {
        "convolved = [F.relu(F.conv2d(x, w, padding=w.shape[2] // 2)) for w in (w1, w3, w5)]":
            "the kernels are square"},
}
