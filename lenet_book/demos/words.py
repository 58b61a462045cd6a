"""Numbers and places as the sentences and the pictures of the demos write them."""

from collections.abc import Sequence

from ..plots.picture import written as number


def signed(value: float, decimals: int = 2) -> str:
    """With a sign that stands apart, as in a sum: + 1.20 or − 0.53."""
    return f"{'−' if round(value, decimals) < 0 else '+'} {number(abs(value), decimals)}"


def moved(right: int, down: int) -> str:
    """A shift in pixels, such as "2 right, 1 up"; empty for none."""
    ways = (right, "right" if right > 0 else "left"), (down, "down" if down > 0 else "up")
    return ", ".join(f"{abs(by)} {way}" for by, way in ways if by)


def span(name: str, places: range) -> str:
    """From the first to the last of some rows or columns: "row 4" or "rows 4 to 17"."""
    return (f"{name} {places[0]}" if len(places) == 1 else
            f"{name}s {places[0]} to {places[-1]}")


def article(digit: int) -> str:
    """A digit with its article: "a 5" or "an 8"."""
    return f"an {digit}" if digit == 8 else f"a {digit}"


def listed(things: Sequence) -> str:
    """Things in a row: "0, 1 and 2"."""
    *others, last = map(str, things) if things else [""]
    return f"{', '.join(others)} and {last}" if others else last
