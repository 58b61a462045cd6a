"""Files that are written whole or not at all, under the paths that readers give.

What is written goes into FILE.part beside the old file and then takes its place in one step, so that
whatever happens, a kill, a full disk, a power cut, one of the two is there and whole.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows, where nothing is locked
    fcntl = None


def expanded(path: str | Path) -> Path:
    """The path with ~ and ~user as a shell reads them.

    Raises FileNotFoundError for what cannot be a path: an empty one, or a ~ without a home folder.
    """
    if not str(path) or "\0" in str(path):
        raise FileNotFoundError(f"{str(path)!r} is not a path")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise FileNotFoundError(f"{path}: {error}") from error


def target(path: str | Path) -> Path:
    """Where a file of that name is written: at the end of the links, so that these stay.

    Raises OSError where its folder is missing, or something is there that is not a file.
    """
    path = Path(os.path.realpath(expanded(path)))
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {path.parent}") from None
        return path
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise OSError(f"{path} is {kind}, not a file")
    return path


def write(files: Mapping[str | Path, bytes]) -> None:
    """Write the files in place of those that may be there: all of them, or none and OSError."""
    done = []
    with _beside(files) as (parts, handles):
        try:
            for path, part in [*parts.items()]:
                os.replace(part, path)
                del parts[path]
                done.append(path)
        except BaseException as error:
            if not done:
                raise
            parts.clear()  # they stay; only who changes the folder at this moment can bring this about
            raise OSError(f"{path} could not be replaced ({error}): its new content is in {part}; "
                          f"{', '.join(map(str, done))} is new already") from error
        for handle in handles:
            if handle is not None:
                os.fsync(handle)  # the new names are on the disk, too


def rehearse(files: Mapping[str | Path, bytes]) -> None:
    """Raise OSError where `write` would, before the work is done whose result is to be written."""
    with _beside(files):
        pass


@contextmanager
def alone(path: str | Path) -> Iterator[None]:
    """Be the only process that works on a file.

    FILE.lock beside it is locked meanwhile; a lock ends with its process, however that ends. Windows,
    and some network file systems, cannot lock: there, two at once are not noticed.
    Raises BlockingIOError where another one is at work on it, OSError where nothing can be written.
    """
    path = target(path)
    beside = path.with_name(path.name + ".lock")
    while True:
        with open(beside, "ab") as file:
            try:
                _lock(file.fileno(), wait=False)
            except BlockingIOError:
                raise BlockingIOError(f"another process is at work on {path}") from None
            if not _is_still(file.fileno(), beside):
                continue  # the one before has just taken it away
            try:
                yield
            finally:
                with suppress(OSError):
                    beside.unlink()
            return


@contextmanager
def _beside(files: Mapping[str | Path, bytes]) -> Iterator[tuple[dict[Path, Path], list[int | None]]]:
    """{file: its content on the disk beside it}, and the folders, where no one else writes meanwhile.

    In the end what still lies beside a file is taken away.
    """
    files, parts = {target(path): content for path, content in files.items()}, {}
    with ExitStack() as locked:
        handles = [locked.enter_context(_folder(folder))
                   for folder in sorted({path.parent for path in files})]
        try:
            for path, content in files.items():
                # One name, so that a kill leaves at most one behind.
                part = parts[path] = path.with_name(path.name + ".part")
                part.unlink(missing_ok=True)  # the file or link that it may have left
                with open(part, "xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())  # on the disk before it gets its name
            yield parts, handles
        finally:
            for part in parts.values():
                with suppress(OSError):
                    part.unlink()


@contextmanager
def _folder(folder: Path) -> Iterator[int | None]:
    """A handle of the folder, in which no other process writes meanwhile; None where there is none."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # on Windows, or where its names cannot be listed
        yield None
        return
    try:
        _lock(handle, wait=True)
        yield handle
    finally:
        os.close(handle)


def _lock(handle: int, wait: bool) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
            raise
        # This file system cannot lock.


def _is_still(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
