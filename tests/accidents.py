"""What is in the way of a file, and a disk that is full."""

import os
import resource
import signal
from contextlib import contextmanager


def odd(folder):
    """Paths in a folder that nothing can be written to, and words that say why."""
    (folder / "file").write_bytes(b"a thesis")
    (folder / "folder").mkdir()
    (folder / "taken.part").mkdir()
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    return {folder / "folder": "is a folder", folder: "is a folder",
            folder / "file" / "a": "Not a directory", folder / "no" / "a": "there is no folder",
            folder / "loop": "symbolic links", folder / ("a" * 300): "too long",
            folder / ("a" * 252): "too long", folder / "pipe": "a device or a pipe",
            "/dev/null": "a device or a pipe", folder / "taken": "taken.part", "": "not a path",
            "a\0b": "not a path", "~no-such-person/a": "home"}


@contextmanager
def full_disk(size):
    """A disk with room for so many bytes: no file may become larger."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
