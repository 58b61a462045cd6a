"""How wide may a reduction be that pays? Asked in chapters 3 and 14, of a 5 x 5 from 192 maps to 32."""

from .answers import counted, known, whole
from .verdict import Wrong


def check_width(answer) -> None:
    """Refuse what is not the most maps at which a 1 x 1 and the 5 x 5 cost less than that alone."""
    direct, detour = 5 * 5 * 192 * 32, 192 + 5 * 5 * 32
    maps = whole(answer, "the number of maps", {
        direct / detour: "at 154.8 both cost the same: which is the largest whole number below it?"})
    if maps < 1:
        raise Wrong("at least one map must be left to read")
    known(maps, 154, {
        **dict.fromkeys((191, 192), "the 1 x 1 costs something, too: 192 for each of its maps"),
        **dict.fromkeys((799, 800), "the 5 x 5 that follows costs something, too: 25 * 32 for each map "
                                    "that it reads"),
        **dict.fromkeys((6, 685), "a 5 x 5 has 25 weights for each pair of maps, not one"),
        **dict.fromkeys((87, 436), "a 5 x 5 has 25 weights for each pair of maps, not five"),
        27: "the windows are counted alike: for a pair of maps a 5 x 5 has 25 weights, the 1 x 1 one",
        16: "that is GoogLeNet's number, in 3a; the largest that saves anything is asked for",
        154 * 784: "the number of places is the same on both ways, and cancels",
    }, f"with {counted(maps, 'map')} the detour needs {detour * maps:,} multiplications a place, and "
       f"the direct way {direct:,}: {'not fewer' if maps > 154 else 'there is room for more'}")
