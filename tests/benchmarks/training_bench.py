"""Training against the loop that tutorials print, as ratios: part of make bench.

Every row is the median of alternating runs in this process, ours and theirs in turn. The tutorial loop
is torchvision's MNIST with ToTensor and Normalize in a DataLoader, and the five lines of a training
step, with loss.item() in each. Takes about ten minutes; --quick does two pairs of each.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace

import torch
import torch.nn.functional as F
import torchvision
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms

from lenet_book import experiments, mnist, models
from lenet_book.training import fit
from lenet_book.training.fused import fuse
from lenet_book.training.recipes import RECIPES

NORMALISE = transforms.Compose([transforms.Pad(2), transforms.ToTensor(),
                                transforms.Normalize((0.1307,), (0.3081,))])


def pairs(ours, theirs, count):
    """Medians of the seconds of each, and of their ratio, in alternating runs."""
    measured = [(ours(), theirs()) for _ in range(count)]
    return (statistics.median(a for a, _ in measured), statistics.median(b for _, b in measured),
            statistics.median(b / a for a, b in measured))


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def supply_ours(train):
    """Every digit once, shuffled and normalised, in batches of 64."""
    for batch in torch.randperm(len(train)).split(64):
        train.inputs(size=32, scaling="standard", which=batch), train.labels[batch]  # as in fit


def supply_theirs(folder, batch_size=64):
    digits = torchvision.datasets.MNIST(folder, train=True, transform=NORMALISE)
    return DataLoader(digits, batch_size=batch_size, shuffle=True)


def tutorial_epoch(loader, make_optimiser):
    torch.manual_seed(0)
    net = models.build("lenet-relu")
    optimiser = make_optimiser(net.parameters())
    total = 0.0
    for x, y in loader:
        optimiser.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimiser.step()
        total += loss.item()


def our_epoch(train, recipe):
    """Seconds of one epoch in the middle of a training, as the history has them."""
    torch.manual_seed(0)
    return fit(models.build("lenet5"), train, replace(recipe, epochs=1), progress=False).seconds


def share_of_peak(batch_size, count):
    """FLOP/s of our step as a share of those of a product of two large matrices, in turn."""
    a = torch.randn(1024, 1024)
    net = models.build("lenet5")
    faster, optimiser = fuse(net), torch.optim.AdamW(net.parameters(), fused=True)
    x, y = torch.randn(batch_size, 1, 32, 32), torch.randint(10, (batch_size,))

    def step():
        optimiser.zero_grad()
        F.cross_entropy(faster(x), y).backward()
        optimiser.step()

    with FlopCounterMode(display=False) as counter:  # what the net asks for, not what it is turned into
        F.cross_entropy(net(x), y).backward()
    flops = counter.get_total_flops()
    shares = []
    for _ in range(max(count, 5)):
        product = min(seconds(lambda: a @ a) for _ in range(10))
        ours = min(seconds(step) for _ in range(20))
        shares.append((flops / ours) / (2 * 1024**3 / product))
    return flops, statistics.median(shares)


def epochs_to(error, row):
    """Epochs until a row's validation error is first at most `error`: median of the seeds."""
    entries = json.loads((experiments.LOGS / "to-99.json").read_text())["trainings"]
    return statistics.median(
        next((number for number, each in enumerate(entry["epochs"], 1)
              if each["validation_error"] <= error), math.inf)
        for entry in entries if entry["row"] == row)


def import_cost():
    """Milliseconds and MB that lenet_book.training adds to bare torch, in fresh processes."""
    program = ("import torch, time, psutil, json; m = psutil.Process().memory_info; a = m().rss; "
               "t = time.perf_counter(); import lenet_book.training; "
               "print(json.dumps([1e3 * (time.perf_counter() - t), (m().rss - a) / 1e6]))")
    found = [json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True,
                                       text=True).stdout) for _ in range(5)]
    return [statistics.median(column) for column in zip(*found, strict=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    count = 2 if parser.parse_args().quick else 5
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
          f"{torch.get_num_threads()} threads, torch {torch.__version__}, median of {count} pairs\n")
    train, _ = mnist.load_mnist()
    fast = RECIPES["fast"]
    with tempfile.TemporaryDirectory() as folder:
        mnist.write_torchvision_root(folder)
        loader = supply_theirs(folder)

        def through_loader():
            for _ in supply_theirs(folder):
                pass

        def sgd(parameters):
            return torch.optim.SGD(parameters, lr=0.001, momentum=0.9)

        def adam(parameters):
            return torch.optim.Adam(parameters, lr=1e-3)

        print(f"{'':58} ours    theirs   times")

        def line(name, ours, theirs, ratio):
            print(f"{name:56} {ours:6.2f} s {theirs:6.1f} s {ratio:6.1f}", flush=True)

        line("60,000 digits shuffled and normalised, batches of 64",
             *pairs(lambda: seconds(lambda: supply_ours(train)), lambda: seconds(through_loader),
                    count))
        same = pairs(lambda: our_epoch(train, replace(fast, batch_size=64)),
                     lambda: seconds(lambda: tutorial_epoch(loader, sgd)), count)
        line("an epoch, both at batch 64", *same)
        ours, theirs, ratio = pairs(lambda: our_epoch(train, fast),
                                    lambda: seconds(lambda: tutorial_epoch(loader, sgd)), count)
        line(f"an epoch, ours at batch {fast.batch_size}", ours, theirs, ratio)
        rows = (("tutorial-relu, SGD 0.001", "tutorial loop, SGD", sgd),
                ("Adam 0.001, batch 64", "tutorial loop, Adam", adam))
        measured = (experiments.LOGS / "to-99.json").is_file()
        if not measured:
            print("(to 99.0 %: run `python -m lenet_book measure to-99 --log lenet_book/logs` first)")
        for name, row, make in rows if measured else ():
            ours, theirs, _ = pairs(
                lambda: our_epoch(train, fast),
                lambda make=make: seconds(lambda: tutorial_epoch(loader, make)), count)
            ours, theirs = ours * fast.epochs, theirs * epochs_to(0.01, row)
            line(f"to 99.0 %, against {name}", ours, theirs, theirs / ours)
    flops, share = share_of_peak(fast.batch_size, count)
    print(f"\na step, {flops / fast.batch_size / 1e6:.2f} MFLOP a digit, runs at {share:.2f} of "
          "the peak of a matrix product")
    milliseconds, megabytes = import_cost()
    print(f"import lenet_book.training, beyond torch: {milliseconds:.0f} ms, {megabytes:.0f} MB")


if __name__ == "__main__":
    main()
