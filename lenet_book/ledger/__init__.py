"""What every layer of a network costs, in three columns; chapter 06 builds it.

parameters     numbers that learning changes; frozen ones are listed beside them as "fixed"
connections    one for each input of each output unit, the bias counted as an input, padding too:
               the paper's own measure (Section II-B)
multiply-adds  multiplications by a weight whose product joins a sum; no bias, no pooling by
               maximum or mean

Activations, dropout and reshaping belong to the units before them and have no row, and neither has
what joins two activations element by element, such as a residual sum or a gate. In a product of two
matrices of activations, as in attention, the second counts as the weights of the first.

Normalisation is a scale and a shift of each unit; where its mean and variance are the input's own and
not known beforehand, as in LayerNorm, each of them reads each element once. Upsampling reads one input
for each unit where it copies the nearest, four where it is bilinear. A transposed convolution has the
products that leave its inputs, those included that its padding cuts off.

A layer in which something ran that is not known keeps its row, with its parameters, and is marked
"not counted" in the other columns. What runs in training only, such as GoogLeNet's auxiliary heads, is
listed apart and is in none of the totals. All figures are for one example.

    table = ledger(net, (3, 224, 224))
    table.folded()              a row for each block, such as inception3a
    table.block("inception3a")  the rows of one
    table.memory()              activations, that is the numbers each row gives out, and MiB

`costs` says how each operation is counted, `count` runs the network, and `table` is what comes out.
"""

from .count import ledger
from .table import Ledger, Row

__all__ = ["Ledger", "Row", "ledger"]
