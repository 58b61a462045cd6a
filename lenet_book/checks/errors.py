"""An error that a reader's code raises, as a part of a sentence: where it arose, and what it means."""

import linecache
import re
import traceback
from sysconfig import get_paths

LIBRARIES = ("<frozen ", *(get_paths()[which] for which in ("stdlib", "purelib", "platlib")))

_MEANING = {  # patterns of a file and an error that arose there, each with what it says to a reader
    r"(list|tuple|gen\w+>?) is not a Module": "the layers must be taken out of their list: "
                                              "nn.Sequential(*layers), with a star",
    r"torch\.nn\.modules\.\w+\.(\w+)'? (is not a Module|as child module)":
        r"nn.\1 is a class, and nn.\1(), with brackets and in them the numbers that it needs, makes "
        "a layer of it",
    r"is not a Module|as child module": "a layer is made by a class of torch.nn and brackets, as by "
                                        "nn.ReLU(); a function or a tensor is none",
    r"before Module.__init__\(\)|no attribute '_(backward_hooks|modules|parameters|buffers)'":
        "a class made from nn.Module must begin its __init__ with super().__init__()",
    r"\b(cat|\w?stack)\(\)(: argument 'tensors'| takes| received .* got \(Tensor)":
        r"\1 takes its tensors in one list: torch.\1([a, b])",
    r"log_softmax\w*. not implemented for 'Long'|target with class probabilities|multi-target":
        "cross_entropy takes the logits first, N x classes, then the labels, a class number for each "
        "example: no argmax, no one-hot",
    r"torch.nn.(modules|_reduction)\S*: \w+: Boolean value of Tensor":
        "a layer or a loss of torch.nn is made first and then called: nn.ReLU()(x), "
        "nn.CrossEntropyLoss()(logits, labels); the functions of torch.nn.functional do both",
    r"Boolean value of Tensor with more":
        "if, and, or and Python's own max and min ask for one answer, and a tensor of many numbers has "
        "many: torch.where and clamp work number by number",
    r"element 0 of tensors does not require grad":
        "nothing here depends on a weight, or on another tensor after requires_grad_(), or no "
        "longer, after no_grad, detach, item or argmax; where the exercise asks for a loss, return "
        "it, and leave backward to the training",
    r"grad can be implicitly created only": "backward begins at a single number: take the sum, or the "
                                            "mean",
    r"not implemented for '(Long|Int|Bool)'|(?i:infer output dtype|floating point).*(Long|Int|Bool)":
        "these are whole numbers, or True and False; .float() or .double() makes floating-point "
        "numbers of them",
    r"[Oo]nly one element tensors|elements cannot be converted to Scalar":
        "torch.stack makes one tensor of several; float() and .item() take a tensor of a single number",
}


def one_line(error: BaseException, function=None) -> str:
    """An error as a part of a sentence, and what it means where PyTorch's own words do not tell.

    function: the reader's, whose last line that the error has passed is told, too, if it is known.
    """
    text = " ".join(str(error).split())
    said = f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
    passed = [*traceback.walk_tb(error.__traceback__)]
    file = passed[-1][0].f_code.co_filename if passed else ""
    found = ((re.search(pattern, f"{file}: {said}"), told) for pattern, told in _MEANING.items())
    meaning = next((f"; {match.expand(told)}" for match, told in found if match), "")
    return f"{said}{_where(passed, function)}{meaning}"


def _where(passed: list, function) -> str:
    """The last line of the function's own among these frames and the numbers of their lines."""
    parts = function, getattr(function, "forward", None), getattr(function, "__init__", None)
    own = {each.__code__.co_filename for each in parts if hasattr(each, "__code__")}
    for frame, number in reversed(passed):
        file = frame.f_code.co_filename
        if file in own and not file.startswith(LIBRARIES):
            line = linecache.getline(file, number).strip()
            return f", in the line `{line if len(line) <= 90 else line[:87] + ' ...'}`"
    return ""
