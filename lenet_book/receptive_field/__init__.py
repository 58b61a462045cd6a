"""What a unit deep in a network sees of the input: its receptive field. Chapter 05 builds it.

The same question is answered three times: `ReceptiveField` composes the formula by hand, `trace`
runs a model and composes it from what the model does, and `measure` asks the gradient, which knows
no formula.
"""

from .formula import ReceptiveField
from .measure import Measurement, measure
from .table import Row, Trace
from .trace import trace

__all__ = ["Measurement", "ReceptiveField", "Row", "Trace", "measure", "trace"]
