"""A checkpoint is whole or refused, and reading one executes nothing."""

import hashlib
import io
import os
import pickle
import random
import subprocess
import sys
import zipfile
from collections import Counter, OrderedDict, defaultdict, namedtuple
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from trainings import same

from lenet_book.training.state import _FORMAT, CheckpointError, load, save

STATE = {"model": OrderedDict(weight=torch.arange(6.0).view(2, 3), count=torch.tensor(7)),
         "step": 3, "rate": 1e-3, "done": False, "name": "lenet5", "history": [(1, 0.5), (2, 0.25)],
         "generator": torch.Generator().manual_seed(3).get_state(), 5: None}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.ckpt"
    save(path, STATE)
    return path


def sealed(data):
    """Any bytes with a header that fits: what a forger would write."""
    return _FORMAT + hashlib.sha256(data).hexdigest().encode() + b"\n" + data


def test_what_was_saved_comes_back(file):
    assert same(load(file), STATE)
    assert [path.name for path in file.parent.iterdir()] == ["net.ckpt"]
    with pytest.raises(FileNotFoundError):
        load(file.with_name("none"))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner)))
def test_plain_values_come_back(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "plain.ckpt"
    save(path, {"value": value})
    assert same(load(path), {"value": value})


Pair = namedtuple("Pair", "a b")
ITSELF = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(("wrong", "message"), [
    ({"d": defaultdict(int)}, r"state\['d'\] is a defaultdict; only"),
    ({"c": Counter()}, "is a Counter; only"), ({"p": Pair(1, 2)}, "is a Pair; only"),
    ({"t": torch.ones(2).as_subclass(type("Mine", (torch.Tensor,), {}))}, "is a Mine; only"),
    ({"m": torch.nn.UninitializedParameter()}, "is a UninitializedParameter; only"),
    ({"b": b""}, "read back"), ({"i": 10**900}, "read back"), ({"l": ITSELF}, "read back"),
    ({"mkldnn": torch.ones(2, 2).to_mkldnn()}, "read back"),
    ([1], "a state is a dict, not a list"), (None, "a state is a dict, not a NoneType"),
    ({"f": print}, "only"), ({"model": torch.nn.Linear(1, 1)}, "only"), ({"s": {1, 2}}, "only"),
    ({(1, 2): 3}, "only"), ({"a": [0, {"b": object()}]}, r"state\['a'\]\[1\]\['b'\] is a object")])
def test_what_could_not_be_read_back_is_refused_before_writing(file, wrong, message):
    before = file.read_bytes()
    with pytest.raises(TypeError, match=message):
        save(file, wrong)
    assert file.read_bytes() == before and len(list(file.parent.iterdir())) == 1


def spoilt(whole):
    """A checkpoint's bytes cut short, with a bit changed, and with more at the end."""
    chosen = random.Random(0)
    lengths = 0, 1, 31, 32, 96, 97, 98, *chosen.sample(range(len(whole)), 12)
    cuts = [whole[:length] for length in lengths]
    flips = []
    for place in (0, 40, 96, 97, *chosen.sample(range(len(whole)), 24)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chosen.randrange(8)
        flips.append(bytes(damaged))
    return cuts + flips + [whole + b"\0", b"\0" * len(whole)]


def test_every_cut_and_every_kind_of_damage_is_refused(file):
    for content in spoilt(file.read_bytes()):
        file.write_bytes(content)
        with pytest.raises(CheckpointError):
            load(file)


class Bomb:
    """Leaves a trace if unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (self.trace,)


def malicious(trace):
    """Files that would run code in a careless reader, each with a header that fits."""
    plain = pickle.dumps({"model": Bomb(trace)})
    stream = io.BytesIO()
    torch.save({"model": Bomb(trace)}, stream)
    nested = io.BytesIO()
    torch.save({"model": {"a": [torch.zeros(2), Bomb(trace)]}}, nested)
    whole = io.BytesIO()
    torch.save(torch.nn.Linear(2, 2), whole)
    swapped = io.BytesIO()
    with zipfile.ZipFile(stream) as source, zipfile.ZipFile(swapped, "w") as target:
        for name in source.namelist():
            target.writestr(name, pickle.dumps(Bomb(trace)) if name.endswith("data.pkl")
                            else source.read(name))
    called = b"cbuiltins\neval\n(S'__import__(\"os\").mkdir(" + repr(trace).encode() + b")'\ntR."
    return [plain, stream.getvalue(), nested.getvalue(), whole.getvalue(), swapped.getvalue(), called,
            b"", b"PK\x03\x04", pickle.dumps([1, 2]), b"\x80\x04." * 50]


def forged(trace):
    """A hundred malicious or foreign files."""
    files = malicious(trace)
    chosen = random.Random(1)
    first, second = files[1:3]
    while len(files) < 90:  # forged after damage: the digest fits, the inside does not
        damaged = bytearray(first if len(files) % 2 else second)
        for _ in range(chosen.randint(1, 20)):
            damaged[chosen.randrange(len(damaged))] = chosen.randrange(256)
        files.append(bytes(damaged))
    return [sealed(data) for data in files] + files[:10]


def test_a_hundred_malicious_or_foreign_files_give_one_error_and_run_nothing(tmp_path):
    trace = str(tmp_path / "trace")
    contents = forged(trace)
    assert len(contents) == 100
    for content in contents:
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(CheckpointError) as caught:
            load(tmp_path / "file")
        assert str(tmp_path / "file") in str(caught.value)
        assert not os.path.exists(trace)
    torch.load(io.BytesIO(malicious(trace)[1]), weights_only=False)  # the trap was real
    assert os.path.exists(trace)


def test_killed_trainings_go_on_as_if_nothing_had_been(tmp_path):
    """A few of what kill_trainings.py does by the hundred; before some lines of a save, one."""
    script = Path(__file__).with_name("kill_trainings.py")
    done = subprocess.run([sys.executable, script, "--moments", "3", "--each", "1", "--lines", "6",
                           "--files", "2"],
                          capture_output=True, text=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
