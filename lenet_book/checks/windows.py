"""Windows that move over maps: what a convolution or a pooling may have wrong in stride and padding."""

from collections.abc import Callable


def slips_of_windows(right: Callable) -> dict[str, Callable]:
    """Sentences, each with what makes the maps of which it is true.

    right: x, ..., stride, padding -> maps; stride and padding may be pairs, of rows and columns.
    """
    def moved(change: Callable, cut: bool = False) -> Callable:
        """change: stride, padding -> two others. cut: are there as many places as there should be?"""
        def maps(x, *given):
            *others, stride, padding = given
            found = right(x, *others, *change(stride, padding))
            rows, columns = (right(x, *given) if cut else found).shape[2:]
            return found[:, :, :rows, :columns]
        return maps

    return {
        "the padding does not enter": moved(lambda s, p: (s, 0)),
        "the padding lies on the left and right alone": moved(lambda s, p: (s, (0, p))),
        "the padding lies above and below alone": moved(lambda s, p: (s, (p, 0))),
        "the stride does not enter": moved(lambda s, p: (1, p)),
        "the stride enters along the rows alone": moved(lambda s, p: ((s, 1), p)),
        "the stride enters along the columns alone": moved(lambda s, p: ((1, s), p)),
        "the windows begin at every pixel: place i begins at stride times i":
            moved(lambda s, p: (1, p), cut=True),
        "the rows begin at the stride's multiples, the columns at every pixel: both move by the stride":
            moved(lambda s, p: ((s, 1), p), cut=True),
        "the columns begin at the stride's multiples, the rows at every pixel: both move by the stride":
            moved(lambda s, p: ((1, s), p), cut=True),
        "the rows and columns of the result are exchanged":
            lambda *case: right(*case).transpose(2, 3),
        "only the first output map is there": lambda *case: right(*case)[:, :1],
        "only the first image of the batch is there": lambda *case: right(*case)[:1],
    }
