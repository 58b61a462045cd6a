"""What every layer of a network costs, in three columns; chapter 06 builds it.

parameters     numbers that learning changes; frozen ones are listed beside them as "fixed"
connections    one for each input of each output unit, the bias counted as an input, padding too:
               the paper's own measure (Section II-B)
multiply-adds  multiplications by a weight whose product joins a sum; no bias, no pooling by
               maximum or mean

Activations, dropout and reshaping belong to the units before them and have no row, and neither has
what joins two activations element by element, such as a residual sum or a gate. In a product of two
matrices of activations, as in attention, the second counts as the weights of the first.

A layer in which something ran that is not known keeps its row, with its parameters, and is marked
"not counted" in the other two columns. All figures are for one example. `costs` says how each
operation is counted, `count` runs the network, and `table` is what comes out.
"""

from .count import ledger
from .table import Ledger, Row

__all__ = ["Ledger", "Row", "ledger"]
