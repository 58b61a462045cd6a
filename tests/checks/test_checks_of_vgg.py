"""Chapter 12's exercises: right answers, and wrong ones with words of the reason."""

import nets_from_strings
import torch
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn

from lenet_book.models.vgg import CONFIGURATIONS

CHAPTER = 12
D = CONFIGURATIONS["vgg16"]


def numel(shape):
    return torch.Size(shape).numel()


def he(shape):
    return torch.randn(shape) * (2 / numel(shape[1:])) ** 0.5


def he_by_normal(shape):
    return torch.normal(0.0, (2 * shape[0] / numel(shape)) ** 0.5, shape)


def he_by_init(shape):
    return nn.init.normal_(torch.empty(shape), std=(numel(shape[1:]) / 2) ** -0.5)


def he_in_a_layer(shape):
    """PyTorch's own beginning is overwritten."""
    outputs, inputs, *kernel = shape
    layer = nn.Conv2d(inputs, outputs, kernel) if kernel else nn.Linear(inputs, outputs)
    return layer.weight.data.normal_(0, (2 / layer.weight[0].numel()) ** 0.5)


def with_spread(rule):
    return lambda shape: rule(shape) ** 0.5 * torch.randn(shape)


def same_each_time(shape):
    torch.manual_seed(1)
    return he(shape)


def uniform(shape):
    bound = (6 / numel(shape[1:])) ** 0.5
    return torch.empty(shape).uniform_(-bound, bound)


def laplace(shape):
    return torch.distributions.Laplace(0.0, numel(shape[1:]) ** -0.5).sample(shape)


def logistic(shape):
    return torch.rand(shape).logit(1e-6) * (6 / numel(shape[1:])) ** 0.5 / torch.pi


RIGHT = {
    "stack_that_sees_eleven": [(5, 45), (5.0, 45.0), (torch.tensor(5), torch.tensor(45))],
    "width_for_he": [(22,), (22.0,), (torch.tensor(22),)],
    "net_from_string": nets_from_strings.RIGHT,
    "weights_by_he": [(he,), (he_by_normal,), (he_by_init,), (he_in_a_layer,)],
    "string_with_field_224": [(14 * "64 " + D,), (" " + D.replace("M", 14 * "64 " + "  M ", 1),),
                             (f"{16 * '64 '}M{D.split('M', 1)[1]}",), (14 * "64/3 " + D,)],
}

WRONG = {  # (words that name the error, answer)
    "stack_that_sees_eleven": [
        ("9 x 9", 4, 36), ("13 x 13", 6, 54), ("one adds 2", 10, 90), ("one adds 2", 9, 81),
        ("with 1 layer", 1, 9), ("23 x 23", 11, 99), ("exchanged", 45, 5),
        ("7 x 7", 3, 27), ("one of the layers", 5, 9), ("single 11 x 11", 5, 121),
        ("nine weights", 5, 15), ("three layers", 5, 27), ("saved", 5, 76), ("5 x 5", 5, 25),
        ("five kernels of 11 x 11", 5, 605), ("one layer first", 5, 44), ("number", "5", 45),
        ("whole", 5.5, 45)],
    "width_for_he": [
        ("that is right", 200 / 9), ("that is right", 22.2), ("that is right", 22.22),
        ("must be a whole number", 22.3), ("ReLU", 11.1), ("variance here", 2222.2),
        ("nearer", 23), ("nine places", 200), ("ReLU", 11),
        ("ReLU", 100 / 9), ("and the 2", 100), ("not three", 67), ("variance here", 2222), ("root", 2),
        ("root", 2.2), ("root", 20 / 9), ("He's variance is 2 / n", 7),
        ("with 4 / n; look", 44), ("2 / n", 0), ("number", "22"),
        ("finite", float("inf"))],
    "net_from_string": nets_from_strings.WRONG,
    "weights_by_he": [
        ("stands in many places",
         lambda s: torch.randn(1, *s[1:]).expand(s) * (2 / numel(s[1:])) ** 0.5),
        ("that is the variance", with_spread(lambda s: (2 / numel(s[1:])) ** 2)),
        ("the 2 is missing", with_spread(lambda s: 1 / numel(s[1:]))),
        ("one output reads", with_spread(lambda s: 2 * s[1] / numel(s))),
        ("k * k", with_spread(lambda s: 2 / s[1])),
        ("the number of outputs", with_spread(lambda s: 2 / s[0])),
        ("last axis is missing", with_spread(lambda s: 2 / numel(s[1:-1]))),
        ("columns are missing", with_spread(lambda s: 2 / numel(s[1:3]))),
        ("Xavier", with_spread(lambda s: 2 / (numel(s[1:]) + numel(s) / s[1]))),
        ("PyTorch", with_spread(lambda s: 1 / (3 * numel(s[1:])))),
        ("twice", with_spread(lambda s: (2 / numel(s[1:])) ** 0.5)),
        ("n / 2", with_spread(lambda s: numel(s[1:]) / 2)), ("all weights", with_spread(
            lambda s: 2 / numel(s))),
        ("is 1 whatever", torch.randn), ("is 0.01", with_spread(lambda s: 1e-4)),
        ("0.1 whatever", with_spread(lambda s: 0.01)), ("the same weights", same_each_time),
        ("not drawn from a normal", uniform), ("not drawn from a normal", laplace),
        ("not drawn from a normal", lambda s: nn.init.kaiming_uniform_(
            torch.empty(s), nonlinearity="relu")),
        ("each must be drawn by itself", lambda s: he(s).sign() * (2 / numel(s[1:])) ** 0.5),
        ("not drawn from a normal", logistic), ("in float32", lambda s: he(s).half()),
        ("belongs under it", with_spread(lambda s: 4 / numel(s[1:]))),
        ("whatever its shape", with_spread(lambda s: 2 / (9 * s[1]))),
        ("s / sqrt(3)", lambda s: (2 * torch.rand(s) - 1) * (2 / numel(s[1:])) ** 0.5),
        ("the bias is no input", with_spread(lambda s: 2 / (numel(s[1:]) + 1))),
        ("their mean", lambda s: he(s).abs()),
        ("at random", torch.zeros), ("standard deviation is", with_spread(lambda s: 3 / s[0])),
        ("kaiming_normal_ does", lambda s: nn.init.kaiming_normal_(torch.empty(s))),
        ("must be 64 x 32 x 3 x 3", lambda s: he(s)[None]), ("tensor", lambda s: 0.1),
        ("return", print)],
    "string_with_field_224": [
        ("D itself", D), ("a field of 222", 13 * "64 " + D), ("a convolution stands after", D + " 512"),
        ("2,359,808 more", D[:-1] + "512 M"),
        ("fewer", D.replace(" 512 512 512 M", 5 * " 512" + " M", 1)),
        ("1,033,088 more", D.replace("128", 8 * "128 ", 1)), ("553,920 more", 15 * "64 " + D),
        ("poolings, and this has 6", "M " + D), ("poolings, and this has 4", D[:-1]),
        ("poolings, and this has 0; M is a capital", D.lower()),
        ("block 1 of D holds 64 and nothing else; here it holds '32'", 14 * "32 " + D),
        ("holds '64/1'", 14 * "64/1 " + D), ("take none away", D.replace("128 128", "128")),
        ("block 1 has fewer", D.replace("64", "")),
        ("must be a string", D.split()), ("must be a string", None), ("poolings", "")],
}

EQUAL = {
    "weights_by_he": {"n = weights[-1].numel()": "the last output reads as many as the first"},
}
