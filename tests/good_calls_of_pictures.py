"""One good call of every function that draws: plots and demos."""

import ipywidgets as widgets
import torch
from good_values import (
    Call,
    Good,
    count,
    flag,
    function,
    length,
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

PICTURES = {
    "plots.Picture": Call(plots.Picture, alt=title("a line"), width=length(4), height=length(2)),
    "plots.architecture": Call(undrawn(plots.architecture), layers=paper.LAYERS[:1], input_size=32,
                               highlight=optional("C1")),
    "plots.connection_tables": Call(undrawn(plots.connection_tables), tables={"C3": [[0, 1], [1]]}),
    "plots.curves": Call(undrawn(plots.curves), charts={"epoch": ([1, 2], {"training": [0.5, 0.25]})},
                         ylabel=title("error"), log=flag()),
    "plots.images": Call(undrawn(plots.images), rows=Good(ramp(2, 2, 2), {"truth values"}),
                         titles=Good(["a"], texts([]).takes | {"list of strings"}), signed=flag(),
                         ranges=flag(), light=flag(),
                         signs=perhaps_none(["+"])._replace(
                             untried={"array of strings", "list of strings"}),
                         columns=size(3), alt=optional(title("numbers"))),
    "plots.intervals": Call(undrawn(plots.intervals), rows={"tanh": ([1.0, 2.0], 0.5, 2.5)},
                            xlabel=title("error")),
    "plots.kernels": Call(undrawn(plots.kernels), weight=Good(ramp(2, 2, 2, 2), {"truth values"}),
                          name=title("c1"),
                          connections=optional([[0, 1], [1]])),
    "plots.matrices": Call(undrawn(plots.matrices), named={"image": ramp(3, 4)},
                           windows=optional({"image": (0, 0, 1, 1)}), alt=optional(title("numbers"))),
    "plots.stages": Call(undrawn(plots.stages), nets={"LeNet": [("c1", "Conv2d", (6, 28, 28), 156)]}),
    "plots.window_positions": Call(undrawn(plots.window_positions), size=3, kernel=2, stride=1,
                                   padding=count(0), dilation=1),
    "demos.Demo": Call(
        lambda **given: repr(demos.Demo(**given)), name=title("sizes"),
        compute=function(lambda n: Facts(n=n)), paint=function(lambda sheet, facts: None),
        say=function(lambda facts: f"{facts.n}"), controls={"n": widgets.IntSlider(3)}, size=(40, 20),
        actions=optional({"n": print}), limits=optional(function(lambda n: {"n": 9})), projector=flag(),
        hidden=flag(),
        arrange=optional(function(
            lambda controls: widgets.HBox(list(controls.values()))))),
    "demos.ablation": Call(
        undrawn(demos.ablation), index=count(1), net="lenet5", off=perhaps_none(["c1 3"]),
        noise=count(10), biases=flag(), part="c1 0", projector=flag(), hidden=flag()),
    "demos.architecture": Call(
        undrawn(demos.architecture), layer="C1", bars="parameters", projector=flag(), hidden=flag()),
    "demos.c3_connections": Call(
        undrawn(demos.c3_connections), start="paper", map=count(1), projector=flag(), hidden=flag()),
    "demos.channels": Call(
        undrawn(demos.channels), digit=count(0), output=count(7), maps=count(6), kernel=5,
                           row=count(6), column=count(4), projector=flag(), hidden=flag()),
    "demos.cross_correlation": Call(
        undrawn(demos.cross_correlation), image="digit 7", kernel="blur", row=count(13),
        column=count(15),
        flip=flag(), projector=flag(), hidden=flag()),
    "demos.draw_digit": Call(
        undrawn(demos.draw_digit), strokes=perhaps_none([[0.2, 0.2, 0.2, 0.8]]),
        thickness=8, show=count("drawing"), net="lenet5", projector=flag(), hidden=flag()),
    "demos.feature_maps": Call(
        undrawn(demos.feature_maps), index=count(1), layer="c1", net="lenet5",
        right=Good(0, {"negative", "zero"}),
        down=Good(0, {"negative", "zero"}), rotate=Good(0, {"negative", "zero"}), scale=100,
        noise=count(0), projector=flag(), hidden=flag(),
        image=Good(torch.arange(784).reshape(28, 28) // 4, {"None"})),
    "demos.find_the_digit": Call(
        undrawn(demos.find_the_digit), index=count(1), row=count(4), column=count(9), canvas=40,
        pieces=count(4), seed=count(1), projector=flag(), hidden=flag()),
    "demos.inception": Call(
        undrawn(demos.inception), inputs=192, size=28, reductions=flag(), ones=64, reduce3=96,
        threes=128, reduce5=16, fives=32, projection=32, projector=flag(), hidden=flag()),
    "demos.padding_stride": Call(
        undrawn(demos.padding_stride), n=8, k=3, p=count(0), s=2, d=1, row=count(0),
        column=count(0), projector=flag(), hidden=flag()),
    "demos.pooling": Call(
        undrawn(demos.pooling), digit=count(4), kind="max", window=2, stride=2,
        right=Good(1, {"negative", "zero"}), down=Good(0, {"negative", "zero"}),
        coefficient=Good(0.5, {"negative", "zero"}), bias=Good(0.5, {"negative", "zero"}),
        projector=flag(), hidden=flag()),
    "demos.receptive_field": Call(
        undrawn(demos.receptive_field), stack="LeNet-5 to C3", row=count(2),
                                  column=count(3), measured=flag(), projector=flag(), hidden=flag()),
    "demos.training": Call(
        undrawn(demos.training), learning_rate=0.01, batch_size=64, activation="ReLU",
                           pooling="max", seed=count(1), projector=flag(), hidden=flag()),
}
