"""What a control may be set to by a program: refused by the control, or shown like any other value."""

import math

import numpy as np
import pytest
import traitlets

from lenet_book import demos

STRANGE = [None, "strange", -10**30, math.nan, [], np.array([1.0, 2.0]), "9e99"]


@pytest.mark.parametrize("name", [name for name in demos.__all__ if name not in ("Demo", "training")])
def test_a_strange_value_is_refused_or_becomes_a_sentence(name):
    with getattr(demos, name)() as demo:
        for label in [*demo.values][:8]:  # of many alike the first
            control, before = demo.controls[label], demo.values[label]
            for value in STRANGE:
                try:
                    control.value = value
                except (traitlets.TraitError, TypeError, ValueError, OverflowError):
                    assert demo.value  # ipywidgets has said what it takes, and the picture stays
                assert "nan" not in demo.value.lower(), (label, value)
                control.value = before
