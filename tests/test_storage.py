"""What is written is whole or not there, links stay, and who wants a file that is taken is told."""

import os
import signal
import threading
from pathlib import Path

import pytest
from accidents import full_disk, odd

from lenet_book import storage


def found(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_home(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert storage.expanded("~/m") == Path("/somewhere/m") and storage.expanded("a/~") == Path("a/~")
    assert storage.expanded("~root/m") == Path(os.path.expanduser("~root/m"))


def test_a_file_is_replaced_and_a_link_stays(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("second")
    (tmp_path / "second").symlink_to("real/file")
    storage.write({tmp_path / "link": b"one"})  # made, where the link points to
    storage.write({tmp_path / "link": b"two"})
    assert found(tmp_path / "real") == {"file": b"two"} and (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("does", [storage.write, storage.rehearse])
def test_where_nothing_can_be_written_nothing_is(tmp_path, does):
    for path, words in odd(tmp_path).items():
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(OSError, match=words):
            does({tmp_path / "file": b"new", path: b"new"})
        assert sorted(tmp_path.rglob("*")) == before
        assert (tmp_path / "file").read_bytes() == b"a thesis"


@pytest.mark.parametrize("does", [storage.write, storage.rehearse])
def test_on_a_full_disk_both_or_neither(tmp_path, does):
    (tmp_path / "a").write_bytes(b"old")
    with full_disk(1000), pytest.raises(OSError, match="too large"):
        does({tmp_path / "a": b"new", tmp_path / "b": bytes(2000)})
    assert found(tmp_path) == {"a": b"old"}


def test_a_rehearsal_leaves_all_as_it_was(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    storage.rehearse({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    assert found(tmp_path) == {"a": b"old"}


@pytest.mark.parametrize("does", [storage.write, storage.rehearse])
def test_who_writes_beside_another_waits_for_the_end(tmp_path, monkeypatch, does):
    def replace(part, path):
        monkeypatch.undo()
        other.start()
        other.join(0.2)
        os.replace(part, path)
        assert path.read_bytes() == b"one"
    other = threading.Thread(target=does, args=[{tmp_path / "a": b"other"}])
    monkeypatch.setattr(os, "replace", replace)
    storage.write({tmp_path / "a": b"one"})
    other.join()
    assert found(tmp_path) == {"a": b"one" if does is storage.rehearse else b"other"}


def test_if_the_second_cannot_take_its_place_it_is_said_what_is_where(tmp_path, monkeypatch):
    def second_fails(source, goal):
        if goal.name == "b":
            raise PermissionError("no")
        replace(source, goal)
    replace = os.replace
    monkeypatch.setattr(os, "replace", second_fails)
    with pytest.raises(OSError, match=r"b could not be replaced.*is in .*b.part; .*a is new already"):
        storage.write({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    assert found(tmp_path) == {"a": b"1", "b.part": b"2"}


def test_what_a_kill_or_another_has_left_is_not_written_through(tmp_path):
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "a.part").symlink_to("other")
    storage.write({tmp_path / "a": b"new"})
    assert found(tmp_path) == {"a": b"new", "other": b"other"} and not (tmp_path / "a").is_symlink()


def test_alone(tmp_path):
    path = tmp_path / "a"
    with storage.alone(path):
        (tmp_path / "link").symlink_to("a")
        for name in (path, tmp_path / "link"):
            with pytest.raises(BlockingIOError, match=f"another process is at work on {path}"), \
                 storage.alone(name):
                pass
        with storage.alone(tmp_path / "b"):
            pass
        (tmp_path / "link").unlink()
    with pytest.raises(ZeroDivisionError), storage.alone(path):
        raise ZeroDivisionError
    assert found(tmp_path) == {}


def test_a_lock_ends_with_its_process(tmp_path):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        with storage.alone(tmp_path / "a"):
            os.write(write, b"!")
            signal.pause()
        os._exit(1)
    os.read(read, 1)
    with pytest.raises(BlockingIOError), storage.alone(tmp_path / "a"):
        pass
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert found(tmp_path) == {"a.lock": b""}
    with storage.alone(tmp_path / "a"):
        pass
    assert found(tmp_path) == {}


def test_who_waits_for_a_lock_file_that_is_just_taken_away_gets_the_next_one(tmp_path, monkeypatch):
    def lock(handle, wait):
        if not taken:
            taken.append((tmp_path / "a.lock").unlink())
        original(handle, wait)
    taken, original = [], storage._lock
    monkeypatch.setattr(storage, "_lock", lock)
    with storage.alone(tmp_path / "a"):
        assert (tmp_path / "a.lock").exists()
        with pytest.raises(BlockingIOError), storage.alone(tmp_path / "a"):
            pass


def test_where_a_file_system_cannot_lock_there_is_no_lock(tmp_path, monkeypatch):
    def flock(handle, how):
        raise OSError(95, "Operation not supported")
    monkeypatch.setattr(storage.fcntl, "flock", flock)
    with storage.alone(tmp_path / "a"), storage.alone(tmp_path / "a"):
        storage.write({tmp_path / "a": b"1"})
    monkeypatch.setattr(storage, "fcntl", None)  # Windows
    with storage.alone(tmp_path / "a"):
        storage.write({tmp_path / "a": b"2"})
    assert found(tmp_path) == {"a": b"2"}
