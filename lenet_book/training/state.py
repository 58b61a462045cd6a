"""The state of a training in a file that is either whole or not there, and that executes nothing.

A checkpoint is one line, which names the format and the SHA-256 of the rest, and the state as
PyTorch writes it. It is written beside the old one and then takes its place in one step, so that
whatever happens, a kill, a full disk, a power cut, one of the two is there and whole.
"""

import hashlib
import io
import os
from pathlib import Path

import torch
from torch import Tensor

_FORMAT = b"lenet_book checkpoint 1, sha256 "
_HEADER = len(_FORMAT) + 64 + 1  # bytes: the format, the hexadecimal digits, the end of the line


class CheckpointError(RuntimeError):
    """A file is not a whole checkpoint of this book, or could not be written."""


def save(path: str | Path, state: dict) -> None:
    """Write a state in place of the checkpoint that may be there.

    state: a dict of tensors, numbers, strings, None, and lists, tuples and dicts of these.
    Raises TypeError, before anything is written, where something else is in it, and CheckpointError
    where the file cannot be written; the checkpoint before it is then still there and whole.
    """
    _check(state, "state")
    path = Path(path)
    stream = io.BytesIO()
    torch.save(state, stream)
    data = stream.getvalue()
    beside = path.with_name(path.name + ".part")  # one name, so that a kill leaves at most one behind
    try:
        with open(beside, "wb") as file:
            file.write(_FORMAT + hashlib.sha256(data).hexdigest().encode() + b"\n")
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # on the disk before it gets its name
        os.replace(beside, path)
        _sync_folder(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        kept = "; the one before is unharmed" if path.exists() else ""
        raise CheckpointError(f"the checkpoint {path} could not be written ({error}){kept}") from error


def load(path: str | Path) -> dict:
    """The state from a file, its tensors on the CPU.

    Nothing of the file is executed: its digest is compared first, and PyTorch then reads tensors
    and plain values only (weights_only).
    Raises FileNotFoundError where there is no such file, CheckpointError for anything in it that is
    not a whole checkpoint.
    """
    path = Path(path)
    content = path.read_bytes()
    if not content.startswith(_FORMAT):
        raise CheckpointError(f"{path} is not a checkpoint of this book; "
                              "choose another name, or delete it if it is not needed")
    header, data = content[:_HEADER], content[_HEADER:]
    if header != _FORMAT + hashlib.sha256(data).hexdigest().encode() + b"\n":
        raise CheckpointError(f"{path} is damaged: its {len(data):,} bytes do not have the digest that "
                              "they had when it was written; delete it and start again")
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        _check(state, "state")
    except Exception as error:  # a file made to look like one can make the reader raise anything
        raise CheckpointError(f"{path} holds what a checkpoint must not hold, and was not opened "
                              f"({type(error).__name__})") from error
    return state


def _check(value, where: str) -> None:
    """Refuse what cannot be read back without executing code."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if type(key) not in (str, int):
                raise TypeError(f"{where} has the key {key!r}; only strings and integers can be saved")
            _check(inner, f"{where}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            _check(inner, f"{where}[{number}]")
    elif not (isinstance(value, Tensor) or type(value) in (int, float, bool, str, bytes, type(None))):
        raise TypeError(f"{where} is a {type(value).__name__}; only tensors, numbers, strings, None, "
                        "lists, tuples and dicts can be saved")
    if where == "state" and not isinstance(value, dict):
        raise TypeError(f"a state is a dict, not a {type(value).__name__}")


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk, too, where the system can do that."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
