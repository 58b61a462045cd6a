"""Plots and demos up to the point at which they are drawn, when all arguments have been seen."""

import sys
from functools import wraps
from types import SimpleNamespace

import pytest
import traitlets

from lenet_book import demos, plots
from lenet_book.arguments import flag


class Reached(Exception):
    """What would have been drawn."""


class Control(traitlets.HasTraits):
    """In the place of a widget, of which a demo has up to a hundred."""

    value, layout, style = traitlets.Any(), traitlets.Any(), traitlets.Any()

    def __init__(self, **settings):
        super().__init__(value=settings.get("value"))


KINDS = ("IntSlider", "FloatSlider", "Dropdown", "SelectionSlider", "Checkbox", "Button",
         "ToggleButton")


def draw(self, alt, *_, **__):
    raise Reached(str(alt))


def show(self, name, compute, paint, say, controls, size, actions=None, limits=None, projector=False,
         hidden=False, arrange=None, **_):
    raise Reached({name: control.value for name, control in controls.items()}
                  | {"projector": flag("projector", projector), "hidden": flag("hidden", hidden),
                     "seed": getattr(vars(self).get("learner"), "seed", None)})


def undrawn(function):
    """The same function, but it returns what a picture says, or what the controls of a demo hold."""
    @wraps(function)
    def call(**arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plots.Picture, "__init__", draw)
            patch.setattr(demos.Demo, "__init__", show)
            patch.setattr(sys.modules["lenet_book.demos.training"], "Learner",
                          lambda seed, *_: SimpleNamespace(seed=seed, progress=lambda running: None))
            for name in ("controls", "c3_connections"):
                module = sys.modules[f"lenet_book.demos.{name}"]
                patch.setattr(module, "widgets", SimpleNamespace(**dict.fromkeys(KINDS, Control),
                                                                 Text=module.widgets.Text))
            try:
                return function(**arguments)
            except Reached as reached:
                return reached.args[0]
    return call
