"""The state of a training in a file that is either whole or not there, and that executes nothing.

A checkpoint is one line, which names the format and the SHA-256 of the rest, and the state as
PyTorch writes it.
"""

import hashlib
import io
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import torch
from torch import Tensor, nn

from .. import storage
from ..arguments import shown

_FORMAT = b"lenet_book checkpoint 1, sha256 "
_HEADER = len(_FORMAT) + 64 + 1  # bytes: the format, the hexadecimal digits, the end of the line


class CheckpointError(RuntimeError):
    """A file is not a whole checkpoint of this book, or could not be written."""


def save(path: str | Path, state: dict) -> None:
    """Write a state in place of the checkpoint that may be there.

    state: a dict of tensors, numbers, strings, None, and lists, tuples and dicts of these.
    Raises TypeError, before anything is written, for what `load` could not read back, and
    CheckpointError where the file cannot be written; the checkpoint before it is then still there
    and whole.
    """
    content = _packed(state)
    try:
        storage.write({storage.expanded(path): content})
    except OSError as error:
        raise CheckpointError(f"the checkpoint {path} could not be written ({error}); if there was one "
                              "before, it is unharmed") from error


@contextmanager
def reserved(path: str | Path, state: dict) -> Iterator[None]:
    """Keep a checkpoint for this process, which is about to save states like this one.

    Raises TypeError and CheckpointError where `save` would, and CheckpointError where another process
    keeps it, or where it is some other file.
    """
    content = _packed(state)
    with ExitStack() as kept:
        try:
            with suppress(FileNotFoundError), open(storage.target(path), "rb") as file:
                _refuse_others(path, file.read(len(_FORMAT)))
            kept.enter_context(storage.alone(path))
            storage.rehearse({path: content})
        except OSError as error:
            raise CheckpointError(f"the checkpoint {path} cannot be written ({error})") from error
        yield


def load(path: str | Path) -> dict:
    """The state from a file, its tensors on the CPU.

    Nothing of the file is executed: its digest is compared first, and PyTorch then reads tensors
    and plain values only (weights_only).
    Raises FileNotFoundError where there is no such file, CheckpointError for anything that is not a
    whole checkpoint.
    """
    try:
        content = storage.target(path).read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CheckpointError(f"the checkpoint {path} cannot be read ({error})") from error
    _refuse_others(path, content)
    header, data = content[:_HEADER], content[_HEADER:]
    if header != _header(data):
        raise CheckpointError(f"{path} is damaged: its {len(data):,} bytes do not have the digest that "
                              "they had when it was written; delete it and start again")
    try:
        return _unpacked(data)
    except Exception as error:  # a file made to look like one can make the reader raise anything
        raise CheckpointError(f"{path} holds what a checkpoint must not hold, and was not opened "
                              f"({type(error).__name__})") from error


def _refuse_others(path: str | Path, beginning: bytes) -> None:
    if not beginning.startswith(_FORMAT):
        raise CheckpointError(f"{path} is not a checkpoint of this book; "
                              "choose another name, or delete it if it is not needed")


def _header(data: bytes) -> bytes:
    return _FORMAT + hashlib.sha256(data).hexdigest().encode() + b"\n"


def _packed(state: dict) -> bytes:
    """The content of a file that can be read back."""
    stream = io.BytesIO()
    try:
        _check(state, "state")
        torch.save(state, stream)
        _unpacked(stream.getvalue())
    except TypeError:
        raise
    except Exception as error:  # some tensors, b"", integers of 300 digits, a list that holds itself
        raise TypeError(f"the state cannot be saved and read back, {shown(state)}: {error}") from error
    return _header(stream.getvalue()) + stream.getvalue()


def _unpacked(data: bytes) -> dict:
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    _check(state, "state")
    return state


def _check(value, where: str) -> None:
    """Refuse what cannot be read back, as what it was, without executing code."""
    if type(value) in (dict, OrderedDict):
        for key, inner in value.items():
            if type(key) not in (str, int):
                raise TypeError(f"{where} has the key {key!r}; only strings and integers can be saved")
            _check(inner, f"{where}[{key!r}]")
    elif type(value) in (list, tuple):
        for number, inner in enumerate(value):
            _check(inner, f"{where}[{number}]")
    elif type(value) not in (Tensor, nn.Parameter, int, float, bool, str, bytes, type(None)):
        raise TypeError(f"{where} is a {type(value).__name__}; only tensors, numbers, strings, None, "
                        "lists, tuples and dicts can be saved, not what is derived from them")
    if where == "state" and type(value) not in (dict, OrderedDict):
        raise TypeError(f"a state is a dict, not a {type(value).__name__}")
