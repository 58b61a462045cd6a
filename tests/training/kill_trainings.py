"""Kill trainings, spoil what they have written, and see how they go on. The tests run a short form.

    kill_trainings.py [--moments 200] [--each 20] [--lines N] [--files 100] [--seed 0]

Every training writes a checkpoint after each step. After a kill the checkpoint must be whole, or not
there yet, and never an older one than before; a training that goes on from it must end as one that
nobody disturbed, bit for bit. Ended by SIGTERM or SIGHUP it must leave nothing beside its checkpoint.
A spoilt file must be refused, and nothing of it executed or taken.
Prints what it counted, and exits with 1 if anything was otherwise.
"""

import argparse
import os

os.environ["OMP_NUM_THREADS"] = "1"  # a process with one thread can be forked

import itertools
import linecache
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import astuple, replace
from pathlib import Path

import torch
from test_state import forged, spoilt
from trainings import BEND, QUICK, SDLM, TEST, TRAIN, Dropping, same, weights

from lenet_book import models, storage, training
from lenet_book.training import run, state
from lenet_book.training.state import CheckpointError

STEPS = 5  # in each of the two epochs
SAVES = 2 * (STEPS + 1)  # one more at the end of each
SAVING = storage.write.__code__, storage._beside.__wrapped__.__code__
KINDS = [  # what adapts, averages, counts or draws has a state of its own that must not be lost
    (Dropping, QUICK),  # the fastest first, which is taken where one kind has to do
    (models.MODELS["lenet5"], replace(QUICK, optimiser="muon", augmentation=BEND, ema=0.2)),
    (models.MODELS["lenet-batchnorm"], replace(QUICK, ema=0.2)),
    (models.MODELS["lenet5-1998"], SDLM)]


class Training:
    """One kind of training, in processes of its own.

    result: what it comes to without any checkpoint. seconds, whole: how long it takes with one, and
    the bytes of the last.
    """

    def __init__(self, make, recipe, folder):
        self.make, self.recipe = make, recipe
        wait(self.start(folder, resume=False))
        self.result = state.load(folder.with_suffix(".result"))
        begin = time.monotonic()
        wait(self.start(folder))
        self.seconds = time.monotonic() - begin
        self.whole = (folder / "net.ckpt").read_bytes()

    def fit(self, path, resume=True, seed=0, prepare=lambda model: None):
        """A net, and the history of a training that begins, or goes on from the file."""
        torch.manual_seed(seed)
        model = self.make()
        prepare(model)
        return model, training.fit(model, TRAIN[:STEPS * self.recipe.batch_size], self.recipe,
                                   TEST[:100], path, resume, progress=False)

    def start(self, folder, prepare=lambda: None, resume=True):
        """Train, and write what came of it beside the folder that holds the checkpoint."""
        def train():
            prepare()
            model, history = self.fit(folder / "net.ckpt" if resume else None, resume)
            epochs = [astuple(replace(epoch, seconds=0.0)) for epoch in history.epochs]
            state.save(folder.with_suffix(".result"),
                            {"model": model.state_dict(), "epochs": epochs})
        return start(train)


def start(function):
    """The number of a process that runs it: a fork, since importing torch takes longer than that."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:  # the child, which never returns
        try:
            function()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return pid


def wait(pid):
    """How the process ended: "whole", "killed", or "failed" after it has printed why."""
    _, status = os.waitpid(pid, 0)
    return "killed" if os.WIFSIGNALED(status) else "failed" if os.WEXITSTATUS(status) else "whole"


# Ways to die within a save; all of this happens in the process that is to die

def in_save(number, action):
    """Have a training do something as it begins the save of that number, counted from 1."""
    count, save_whole = 0, state.save

    def save(path, snapshot):
        nonlocal count
        count += 1
        if count == number:
            action()
        save_whole(path, snapshot)
    state.save = save


def trace_saves(before_line):
    """Have before_line(file, number) called before each line that a save executes."""
    def trace(frame, event, _):
        if frame.f_code not in SAVING:
            return None
        if event == "line":
            before_line(frame.f_code.co_filename, frame.f_lineno)
        return trace
    sys.settrace(trace)


def die_before(place):
    """Die before the line that is executed as number `place` of a save, counted from 0."""
    lines = []

    def before_line(*line):
        if len(lines) == place:
            os.kill(os.getpid(), signal.SIGKILL)
        lines.append(line)
    trace_saves(before_line)


def die_at_byte(size):
    """Have the system end the process when a file that it writes has that many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


# What is left of it

class Counts:
    """How often what was seen, and what should have been otherwise."""

    def __init__(self):
        self.rows, self.failures = defaultdict(Counter), []

    def add(self, row, *seen, wrong=None):
        self.rows[row].update(seen)
        if wrong:
            self.failures.append(f"{row}: {wrong}")

    def __str__(self):
        return "\n".join([f"{row}: {', '.join(f'{number} {what}' for what, number in counts.items())}"
                          for row, counts in self.rows.items()]
                         + [f"FAILED: {failure}" for failure in self.failures])


def look(counts, row, folder, old, allowed, rests=("net.ckpt.part", "net.ckpt.lock")):
    """See what a killed training has left; returns the number of the save that is there, 0 for none."""
    beside = [file.name for file in folder.iterdir() if file.name != "net.ckpt"]
    wrong, number = None, 0
    try:
        found = state.load(folder / "net.ckpt")
        number = found["epoch"] * (STEPS + 1) + found["step"]
    except FileNotFoundError:
        pass
    except CheckpointError as error:
        wrong = error
    if not wrong and number not in allowed:
        wrong = f"save {number} is there, not one of {[*allowed]}"
    if not wrong and not {*beside} <= {*rests}:
        wrong = f"there are {beside}"
    counts.add(row, "tried", *([] if wrong else ["as they should be"]),
               "no file yet" if number == 0 else "the old one" if number == old else "a new one",
               *(["a rest beside it"] if beside else []), wrong=wrong)
    return number


def compare(counts, row, folder, ended, expected):
    """See what a training has come to that could go on to its end."""
    names = [file.name for file in folder.iterdir()]
    wrong = (f"going on, it {ended}" if ended != "whole" else
             "it came to something else"
             if not same(state.load(folder.with_suffix(".result")), expected) else
             f"there are {names}" if names != ["net.ckpt"] else None)
    counts.add(row, "went on to the end", *([] if wrong else ["bit-identical"]), wrong=wrong)


# Three kinds of accident

def at_random_moments(counts, kinds, folder, kills, number):
    """Each training is sent the signal and started again until it comes through."""
    row, killed = f"{signal.Signals(number).name} at a random moment", 0
    rests = [["net.ckpt.part", "net.ckpt.lock"]] if number == signal.SIGKILL else [[]]
    for kind in itertools.cycle(kinds):
        if killed >= kills:
            return
        here, last, ended = Path(tempfile.mkdtemp(dir=folder)), 0, None
        while ended in (None, "killed"):
            pid = kind.start(here)
            time.sleep(random.uniform(0, kind.seconds))
            os.kill(pid, number)
            ended = wait(pid)
            if ended == "killed":
                last = look(counts, row, here, last, range(last, SAVES + 1), *rests)
                killed += 1
        compare(counts, row, here, ended, kind.result)


def within_a_save(counts, kinds, folder, kills, most):
    """Each training is killed in one of its saves, at a random byte of what it writes or before one of
    the lines that a save executes, at most so many of them, and goes on."""
    def once(row, kind, die, where, written):
        here, save = Path(tempfile.mkdtemp(dir=folder)), random.randint(1, SAVES)
        ended = wait(kind.start(here, lambda: in_save(save, lambda: die(where))))
        if ended != "killed":
            counts.add(row, "tried", wrong=f"in save {save} it was not killed, but {ended}")
            return
        look(counts, row, here, save - 1, [save if written else save - 1])
        compare(counts, row, here, wait(kind.start(here)), kind.result)

    some = list(itertools.islice(itertools.cycle(kinds), kills))
    for kind in some:
        once("killed at a random byte", kind, die_at_byte, random.randrange(len(kind.whole)), False)
    lines = []
    trace_saves(lambda *line: lines.append(line))
    state.save(folder / "any.ckpt", {})
    sys.settrace(None)
    texts = [linecache.getline(*line).split("#")[0].strip() for line in lines]
    renamed = next(place for place, text in enumerate(texts) if text.startswith("os.replace("))
    for place in sorted(random.sample(range(len(texts)), min(most, len(texts)))):
        for kind in some:
            once(f"killed at {place:2d}: {texts[place][:44]}", kind, die_before, place, place > renamed)


def offered_a_spoilt_file(counts, kinds, folder, files):
    """Each file is offered to a training, which has to refuse it and to take nothing."""
    row, path, trace, before = "offered a spoilt file", folder / "spoilt.ckpt", folder / "trace", []

    def note(model):
        before.extend([model, weights(model), torch.get_rng_state()])

    def fit():
        refused = False
        try:
            kinds[0].fit(path, seed=3, prepare=note)
        except CheckpointError as error:
            refused = str(path) in str(error)
        model, values, generator = before
        assert refused and same(weights(model), values)
        assert same(torch.get_rng_state(), generator)

    contents = spoilt(kinds[0].whole) + forged(str(trace))
    for number, content in enumerate(random.sample(contents, files)):
        path.write_bytes(content)
        ended = wait(start(fit))
        wrong = (f"file {number}: {ended}" if ended != "whole" else
                 f"file {number} was executed" if trace.exists() else None)
        counts.add(row, "tried", *([] if wrong else ["as they should be"]), wrong=wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=200, help="signals at random moments")
    parser.add_argument("--each", type=int, default=20, help="kills at each step of a save")
    parser.add_argument("--lines", type=int, default=1000, help="at most so many steps of a save")
    parser.add_argument("--files", type=int, default=100, help="files that are no checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    random.seed(asked.seed)
    run.SAVE_EVERY = -1.0  # seconds: after every step
    counts = Counts()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = [Training(make, recipe, Path(tempfile.mkdtemp(dir=folder))) for make, recipe in KINDS]
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP):
            at_random_moments(counts, kinds, folder, asked.moments // 3, number)
        within_a_save(counts, kinds, folder, asked.each, asked.lines)
        offered_a_spoilt_file(counts, kinds, folder, asked.files)
    print(counts)
    sys.exit(bool(counts.failures))


if __name__ == "__main__":
    main()
