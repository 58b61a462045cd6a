"""What PyTorch says of a reader's mistake, and what a check says to it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_book.checks.calls import Function
from lenet_book.checks.errors import one_line
from lenet_book.checks.verdict import Wrong

X = torch.randn(2, 4)
LABELS = torch.tensor([1, 3])


class Unbegun(nn.Module):
    def __init__(self, make=None):
        self.part = make() if make else 3

    def forward(self, x):
        return x


MISTAKES = {  # words of what is said, each with what raises
    "nn.Sequential(*layers), with a star": [
        lambda: nn.Sequential([nn.ReLU()]), lambda: nn.ModuleList().append([nn.ReLU()]),
        lambda: nn.Sequential((nn.ReLU(), nn.Tanh())), lambda: nn.Sequential(nn.ReLU() for _ in X)],
    "nn.Tanh is a class, and nn.Tanh(), with brackets": [
        lambda: nn.Sequential(nn.Tanh), lambda: setattr(nn.Sequential(nn.ReLU()), "0", nn.Tanh)],
    "a function or a tensor is none": [
        lambda: nn.Sequential(F.relu), lambda: nn.Sequential(torch.tanh),
        lambda: setattr(nn.Sequential(nn.ReLU()), "0", F.hardtanh)],
    "must begin its __init__ with super().__init__()": [
        lambda: Unbegun(lambda: nn.Linear(1, 1)), lambda: Unbegun(lambda: nn.Parameter(X)),
        lambda: Unbegun()(X)],
    "torch.cat([a, b])": [
        lambda: torch.cat(X, X), lambda: torch.cat(X, X, X), lambda: torch.cat(X, X, dim=1),
        lambda: torch.cat(each for each in X)],
    "torch.hstack([a, b])": [lambda: torch.hstack(X, X)],
    "logits first": [lambda: F.cross_entropy(LABELS, X), lambda: F.nll_loss(LABELS, X)],
    "no argmax, no one-hot": [
        lambda: F.cross_entropy(X.argmax(1), LABELS),
        lambda: F.cross_entropy(X, F.one_hot(LABELS, 4))],
    "is made first and then called": [
        lambda: nn.CrossEntropyLoss(X, LABELS), lambda: nn.MSELoss(X, X), lambda: nn.Hardtanh(X)],
    "torch.where and clamp": [lambda: max(X, 0), lambda: X if X > 0 else -X, lambda: 0 < X < 1],
    "depends on a weight, or on another tensor": [
        lambda: F.cross_entropy(X, LABELS).backward()],
    "backward begins at a single number": [lambda: nn.Linear(4, 1)(X).backward()],
    "whole numbers": [LABELS.mean, lambda: LABELS.softmax(0), (X > 0).mean],
    "torch.stack makes one tensor of several": [lambda: torch.tensor([X, X]), X.item],
}


@pytest.mark.parametrize(("words", "raises"), [
    (words, raises) for words, several in MISTAKES.items() for raises in several])
def test_what_pytorch_says_is_said_in_words_of_the_book(words, raises):
    with pytest.raises(Wrong) as wrong:
        Function(raises, "")()
    said = str(wrong.value)
    assert words in said.partition("; ")[2]
    assert len(said) < 500 and "\n" not in said


@pytest.mark.parametrize("error", [ValueError("a list is no size"), KeyError("cat"), RuntimeError()])
def test_of_other_errors_no_more_is_said_than_they_say(error):
    assert one_line(error) in (f"{type(error).__name__}: {error}", type(error).__name__)
