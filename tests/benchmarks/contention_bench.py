"""Trainings that share a machine: how much longer does each take? Part of make bench.

LeNet-5 in batches of 64 and of 256: alone, two and five at once, and beside a program that keeps one
core busy. `fit` chooses its threads (see training.speed), in turn with a `fit` that takes all that
torch has. Each figure is the median of alternating runs. Takes about eight minutes; --quick does one
run of each.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace

import torch

from lenet_book import mnist, models
from lenet_book.training import RECIPES, fit, speed
from lenet_book.training.callbacks import Callback

SECONDS = 4.0  # in which steps are counted
CASES = {"alone": (1, 0), "two at once": (2, 0), "beside a busy program": (1, 1),
         "five at once": (5, 0)}  # trainings and busy programs
POLICY = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"}  # as `make lab` has it


class Enough(Exception):
    """The seconds are over."""


class Count(Callback):
    """Tells how many digits a second were learned in a window that begins when all are under way."""

    def __init__(self, begin):
        self.begin, self.first = begin, None

    def after_step(self, run):
        now = time.monotonic()
        if self.first is None and now >= self.begin:
            self.first, self.steps = now, run.steps
        elif self.first is not None and now >= self.begin + SECONDS:
            rate = (run.steps - self.steps) * run.recipe.batch_size / (now - self.first)
            print(json.dumps({"rate": rate, "threads": torch.get_num_threads()}), flush=True)
            raise Enough


def train(batch_size, all_threads):
    """One of the trainings, in a process of its own."""
    if all_threads:
        speed.threads = lambda *_: torch.get_num_threads()
    train, _ = mnist.load_mnist()
    print("ready", flush=True)
    count = Count(float(sys.stdin.readline()))
    recipe = replace(RECIPES["fast"], batch_size=batch_size, epochs=1000)
    with suppress(Enough):
        fit(models.build("lenet5"), train, recipe, progress=False, callbacks=[count])


def rates(trainings, busy, batch_size, all_threads):
    """Digits a second of each of so many trainings at once, and their threads."""
    command = [sys.executable, __file__, "--train", str(batch_size), *["--all"] * all_threads]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                env={**os.environ, **POLICY}) for _ in range(trainings)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        time.sleep(0.5)  # the busy program is there before they look
        for process in started:
            process.stdin.write(f"{time.monotonic() + 2}\n")
            process.stdin.flush()
        told = [json.loads(process.stdout.readline()) for process in started]
    finally:
        for process in others:
            process.kill()
    for process in started:
        process.communicate()
    return [each["rate"] for each in told], [each["threads"] for each in told]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--train", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--all", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.train:
        return train(chosen.train, chosen.all)
    print(f"{os.cpu_count()} cores, torch {torch.__version__}; microseconds a digit of each training, "
          "times alone, and all together as a share of one alone\n")
    for batch_size in (64, 256):
        found = {}
        for _ in range(1 if chosen.quick else 5):
            for all_threads in (True, False):
                for name, (trainings, busy) in CASES.items():
                    found.setdefault((all_threads, name), []).append(
                        rates(trainings, busy, batch_size, all_threads))
        for all_threads in (True, False):
            alone = statistics.median(sum(each) for each, _ in found[all_threads, "alone"])
            for name in CASES:
                runs = found[all_threads, name]
                one = statistics.median(rate for each, _ in runs for rate in each)
                total = statistics.median(sum(each) for each, _ in runs)
                print(f"batch {batch_size:3}, {'all threads' if all_threads else 'as chosen':11} "
                      f"{name:22} {1e6 / one:6.0f} us {alone / one:5.2f} times {total / alone:6.0%}   "
                      f"threads {sorted(n for _, each in runs for n in each)}", flush=True)


if __name__ == "__main__":
    main()
