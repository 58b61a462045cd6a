"""LeNet-5 as its paper gives it: numbers, tables and rules as plain data, each with its place.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86(11), November 1998. Sections are the paper's own.
Nothing here is computed from the book's code: the tests hold the code against this page, and this
page against sums worked out by hand.
"""

from typing import NamedTuple


class Layer(NamedTuple):
    """One layer of LeNet-5 in the words of Section II-B."""

    name: str                    # C convolution, S subsampling, F full; counted from the input
    kind: str
    maps: int                    # feature maps, or units where the maps are 1 x 1
    size: int                    # height and width of a map, pixels
    kernel: int                  # height and width of the window, 0 where there is none
    trainable: int               # parameters that learning changes
    fixed: int                   # parameters set by hand
    connections: int             # one for each input of each unit, the bias counted as an input
    working: str                 # the sum behind `trainable + fixed`
    receptive_field: int | None  # pixels of the 32 x 32 input a unit depends on; computed by us
    jump: int | None             # pixels between the fields of neighbouring units; computed by us


INPUT_SIZE = 32  # Section II-B: larger than any character, so that strokes can be centred

LAYERS = (  # Section II-B and Fig. 2
    Layer("C1", "convolution", 6, 28, 5, 156, 0, 122_304, "(5*5*1 + 1) * 6", 5, 1),
    Layer("S2", "subsampling", 6, 14, 2, 12, 0, 5_880, "(1 + 1) * 6", 6, 2),
    Layer("C3", "partial convolution", 16, 10, 5, 1_516, 0, 151_600,
          "(5*5*3 + 1) * 6 + (5*5*4 + 1) * 9 + (5*5*6 + 1)", 14, 2),
    Layer("S4", "subsampling", 16, 5, 2, 32, 0, 2_000, "(1 + 1) * 16", 16, 4),
    Layer("C5", "convolution", 120, 1, 5, 48_120, 0, 48_120, "(5*5*16 + 1) * 120", 32, 4),
    Layer("F6", "full", 84, 1, 0, 10_164, 0, 10_164, "(120 + 1) * 84", None, None),
    Layer("output", "Euclidean RBF", 10, 1, 0, 0, 840, 840, "84 * 10", None, None),
)
TRAINABLE_PARAMETERS = 60_000  # Section II-A
CONNECTIONS = 340_908          # Section II-A

C3_CONNECTIONS = (  # Table I: for each map of C3 the maps of S2 that it reads
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)

# Section II-B: f(a) = A tanh(S a) squashes every layer up to F6; Appendix A argues for the values,
# with which f(1) = 1 and f(-1) = -1.
SQUASH_AMPLITUDE = 1.7159
SQUASH_SLOPE = 2 / 3

INITIAL_RANGE = 2.4  # Appendix A: weights start uniform in +-2.4 / fan-in

# Section II-B and III-A: white (background) and black (ink), so that an image's mean is about 0
# and its variance about 1, says the paper; of these digits the variance is 0.12.
BACKGROUND = -0.1
FOREGROUND = 1.175

# Section III-B: global learning rate, and for how many epochs it holds (20 in all).
LEARNING_RATES = ((5e-4, 2), (2e-4, 3), (1e-4, 3), (5e-5, 4), (1e-5, 8))
HESSIAN_DAMPING = 0.02  # Section III-B: mu in eta / (mu + h)

TRAINING_DIGITS, TEST_DIGITS = 60_000, 10_000  # Section III-A
TEST_ERROR = 0.0095            # Section III-B: after 20 epochs, steady after about 10
TRAINING_ERROR = 0.0035        # Section III-B: after 19 epochs
TEST_ERROR_DISTORTED = 0.008   # Section III-B: trained with distorted copies as well
DISTORTED_COPIES = 540_000     # Section III-B
MISCLASSIFIED_SHOWN = 82       # Fig. 8: these belong to the 0.8 % run, not to the 0.95 % one

GLYPH_WIDTH, GLYPH_HEIGHT = 7, 12  # Section II-B: F6 has 84 = 7 * 12 units

# The pictures of the ten digits that the output layer compares F6 with: # is +1, . is -1.
# The paper shows its own (Fig. 3); these are drawn for this book in the same manner.
_DRAWN = """
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
..###..  ...##..  .#####.  .#####.  ....##.  #######  ..####.  #######  .#####.  .#####.
.##.##.  ..###..  ##...##  ##...##  ...###.  ##.....  .##....  ##...##  ##...##  ##...##
##...##  .####..  ##...##  .....##  ..####.  ##.....  ##.....  .....##  ##...##  ##...##
##...##  ...##..  .....##  .....##  .##.##.  ######.  ##.....  ....##.  ##...##  ##...##
##...##  ...##..  ....##.  ..####.  ##..##.  .....##  ######.  ....##.  .#####.  ##...##
##...##  ...##..  ...##..  .....##  ##..##.  .....##  ##...##  ...##..  ##...##  .######
##...##  ...##..  ..##...  .....##  #######  .....##  ##...##  ...##..  ##...##  .....##
##...##  ...##..  .##....  .....##  ....##.  .....##  ##...##  ..##...  ##...##  .....##
.##.##.  ...##..  ##.....  ##...##  ....##.  ##...##  ##...##  ..##...  ##...##  ....##.
..###..  .######  #######  .#####.  ....##.  .#####.  .#####.  ..##...  .#####.  .####..
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
"""
# GLYPHS[digit][row][column] is +1 or -1.
GLYPHS = tuple(
    tuple(tuple(1 if dot == "#" else -1 for dot in line.split()[digit])
          for line in _DRAWN.strip().splitlines())
    for digit in range(10))
