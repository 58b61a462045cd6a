"""Side-by-side timings as ratios, for a person to read: make bench.

Each pair is timed in turn, many times, and the median of the ratios is printed: on a busy machine
single times wander, and the ratio of neighbours much less.
"""

import statistics
import time

import torch
from torch import nn

from lenet_book import convolution, layers, mnist, paper


def ratio(ours, theirs, repeats=50, inner=1):
    """Median of time(ours) / time(theirs), each pair measured back to back."""
    def seconds(function):
        start = time.perf_counter()
        for _ in range(inner):
            function()
        return time.perf_counter() - start
    seconds(ours), seconds(theirs)
    return statistics.median(seconds(ours) / seconds(theirs) for _ in range(repeats))


def sparse_against_dense(batch):
    c3 = layers.SparseConv2d(paper.C3_CONNECTIONS, 5)
    dense = nn.Conv2d(6, 16, 5)
    x = torch.randn(batch, 6, 14, 14)
    with torch.inference_mode():
        return ratio(lambda: c3(x), lambda: dense(x), inner=20)


def loops_against_unfold():
    x, weight = torch.randn(256, 1, 32, 32), torch.randn(6, 1, 5, 5)
    with torch.inference_mode():
        return ratio(lambda: convolution.conv2d(x, weight, method="loops"),
                     lambda: convolution.conv2d(x, weight), repeats=3)


if __name__ == "__main__":
    torch.set_num_threads(1)  # threads that wait for each other would drown small differences
    for batch in (1, 32, 256):
        print(f"SparseConv2d / dense convolution, batch {batch:3}: {sparse_against_dense(batch):.2f}")
    print(f"conv2d by loops / unfolded, 256 inputs of C1: {loops_against_unfold():.0f}")
    times = []
    for _ in range(5):
        start = time.perf_counter()
        mnist.load_mnist()
        times.append(time.perf_counter() - start)
    print(f"load_mnist: {statistics.median(times):.2f} s, median of 5")
