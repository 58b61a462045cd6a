"""One good call of every function that draws: plots and demos."""

import ipywidgets as widgets
import torch
from good_values import (
    Call,
    Good,
    count,
    flag,
    function,
    good,
    length,
    named,
    optional,
    perhaps_none,
    ramp,
    size,
    texts,
    title,
)
from undrawn import undrawn

from lenet_book import demos, paper, plots
from lenet_book.demos.base import Facts

ANY = {"negative", "zero"}  # steps to either side, degrees

UNDRAWN = {
    "plots.architecture": good(layers=paper.LAYERS[:1], input_size=32, highlight=optional("C1")),
    "plots.connection_tables": good(tables={"C3": [[0, 1], [1]]}),
    "plots.curves": good(charts={"epoch": ([1, 2], {"training": [0.5, 0.25]})}, ylabel=title("error")),
    "plots.images": good(
        rows=Good(ramp(2, 2, 2), {"truth values"}),
        titles=Good(["a"], texts([]).takes | {"list of strings"}),
        signs=perhaps_none(["+"])._replace(untried={"array of strings", "list of strings"}),
        columns=size(3), alt=optional(title("numbers"))),
    "plots.intervals": good(rows={"tanh": ([1.0, 2.0], 0.5, 2.5)}, xlabel=title("error")),
    "plots.kernels": good(weight=Good(ramp(2, 2, 2, 2), {"truth values"}), name=title("c1"),
                          connections=optional([[0, 1], [1]])),
    "plots.matrices": good(named={"image": ramp(3, 4)}, windows=optional({"image": (0, 0, 1, 1)}),
                           alt=optional(title("numbers"))),
    "plots.stages": good(nets={"LeNet": [("c1", "Conv2d", (6, 28, 28), 156)]}),
    "plots.window_positions": good(size=3, kernel=2, stride=1, padding=count(0), dilation=1),
    "demos.ablation": good(index=count(1), net="lenet5", off=perhaps_none(["c1 3"]), noise=count(10),
                           part="c1 0"),
    "demos.architecture": good(layer="C1", bars="parameters"),
    "demos.c3_connections": good(start="paper", map=count(1)),
    "demos.channels": good(digit=count(0), output=count(7), maps=count(6), kernel=5, row=count(6),
                           column=count(4)),
    "demos.cross_correlation": good(image="digit 7", kernel="blur", row=count(13), column=count(15)),
    "demos.draw_digit": good(strokes=perhaps_none([[0.2, 0.2, 0.2, 0.8]]), thickness=8,
                             show=count("drawing"), net="lenet5"),
    "demos.feature_maps": good(
        index=count(1), layer="c1", net="lenet5", right=Good(0, ANY), down=Good(0, ANY),
        rotate=Good(0, ANY), scale=100, noise=count(0),
        image=Good(torch.arange(784).reshape(28, 28) // 4, {"None"})),
    "demos.find_the_digit": good(index=count(1), row=count(4), column=count(9), canvas=40,
                                 pieces=count(4), seed=count(1)),
    "demos.inception": good(inputs=192, size=28, ones=64, reduce3=96, threes=128, reduce5=16, fives=32,
                            projection=32),
    "demos.padding_stride": good(n=8, k=3, p=count(0), s=2, d=1, row=count(0), column=count(0)),
    "demos.pooling": good(digit=count(4), kind="max", window=2, stride=2, right=Good(1, ANY),
                          down=Good(0, ANY), coefficient=Good(0.5, ANY), bias=Good(0.5, ANY)),
    "demos.receptive_field": good(stack="LeNet-5 to C3", row=count(2), column=count(3)),
    "demos.training": good(learning_rate=0.01, batch_size=64, activation="ReLU", pooling="max",
                           seed=count(1)),
}
PICTURES = {name: Call(undrawn(named(name)), **given) for name, given in UNDRAWN.items()} | {
    "plots.Picture": Call(plots.Picture, alt=title("a line"), width=length(4), height=length(2)),
    "demos.Demo": Call(
        lambda **given: repr(demos.Demo(**given)), name=title("sizes"),
        compute=function(lambda n: Facts(n=n)), paint=function(lambda sheet, facts: None),
        say=function(lambda facts: f"{facts.n}"), controls={"n": widgets.IntSlider(3)}, size=(40, 20),
        actions=optional({"n": print}), limits=optional(function(lambda n: {"n": 9})),
        projector=flag(False), hidden=flag(False),
        arrange=optional(function(lambda controls: widgets.HBox(list(controls.values()))))),
}
