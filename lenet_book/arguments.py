"""What an argument may be, each kind stated once, and refused in one sentence that shows the value.

A rule is a function (name, value) -> value: it returns what the code goes on with, such as Python's
own int for NumPy's, or raises TypeError for another kind of thing and ValueError for one out of range.
Rules are put together: named(sequence(whole(0))) is a dict from names to lists of whole numbers.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from math import inf, isfinite
from numbers import Real
from operator import index
from reprlib import repr as short_repr

from .tables import by

Rule = Callable[[str, object], object]


def checked(**rules: Rule) -> Callable[[Callable], Callable]:
    """A decorator: the function gets its arguments as these rules return them."""
    def decorate(function: Callable) -> Callable:
        known = signature(function)

        @wraps(function)
        def call(*args, **kwargs):
            given = known.bind(*args, **kwargs)
            for name in [name for name in given.arguments if name in rules]:
                given.arguments[name] = rules[name](name, given.arguments[name])
            return function(*given.args, **given.kwargs)
        return call
    return decorate


def shown(value) -> str:
    """A value as a message shows it: not too long, a tensor or an array by its dtype and shape."""
    kind = type(value).__name__
    if isinstance(value, int) and value.bit_length() > 10_000:  # Python refuses to write it out
        return f"{kind} of {value.bit_length():,} bits"
    if hasattr(value, "dtype") and not isinstance(value, type) and getattr(value, "shape", ()):
        return f"{kind} of {value.dtype}, {by(value.shape)}"
    plain = type(value).__module__ == "builtins" and not callable(value)
    text = short_repr(value)
    return text if plain or text.startswith(kind) else f"{kind} {text}"


def whole(least: int, most: float = inf) -> Rule:
    """A whole number in this range: an int, or NumPy's, or a tensor of one."""
    limits = f"at least {least}" if most == inf else f"from {least} to {most:,}"

    def check(name: str, value) -> int:
        try:
            if isinstance(value, bool) or str(getattr(value, "dtype", "")) == "torch.bool":
                raise TypeError
            number = index(value)
        except (TypeError, RuntimeError):
            raise TypeError(f"{name} must be an integer, not {shown(value)}") from None
        if not least <= number <= most:
            raise ValueError(f"{name} must be {limits}, not {number}")
        return number
    return check


def number(above: float = -inf, below: float = inf, least: float = -inf, most: float = inf) -> Rule:
    """A finite real number in this range."""
    limits = [f"{word} {limit:g}" for word, limit in (
        ("at least", least), ("above", above), ("below", below), ("at most", most))
        if isfinite(limit)]

    def check(name: str, value) -> float:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"{name} must be a number, not {shown(value)}")
        plain = value if type(value) in (int, float) else float(value)
        if not (max(least, -1e300) <= plain <= min(most, 1e300) and above < plain < below):
            raise ValueError(f"{name} must be {' and '.join(limits) or 'finite'}, not {value}")
        return plain
    return check


def flag(name: str, value) -> bool:
    """True or False, and nothing that only counts as one of them."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {shown(value)}")
    return value


def text(name: str, value) -> str:
    """A string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {shown(value)}")
    return value


def instance(kind: type, such_as: str) -> Rule:
    """An object of this class."""
    def check(name: str, value):
        if not isinstance(value, kind):
            raise TypeError(f"{name} must be a {kind.__name__}, such as {such_as}, not {shown(value)}")
        return value
    return check


def one_of(*options) -> Rule:
    """One of these strings and numbers."""
    def check(name: str, value):
        if isinstance(value, bool) or not isinstance(value, (str, Real)) or value not in options:
            raise ValueError(f"{name} must be one of {', '.join(map(str, options))}, "
                             f"not {shown(value)}")
        return options[options.index(value)]
    return check


def optional(rule: Rule) -> Rule:
    """None, or what the rule says."""
    return lambda name, value: None if value is None else rule(name, value)


def sequence(rule: Rule, least: int = 1) -> Rule:
    """At least so many things in order, each by the rule: a list, a tuple, an array, a tensor."""
    def check(name: str, value) -> list:
        if (isinstance(value, (str, bytes, Mapping, type)) or not hasattr(value, "__getitem__")
                or not hasattr(value, "__len__") or getattr(value, "shape", None) == ()):
            raise TypeError(f"{name} must be a list, not {shown(value)}")
        if len(value) < least:
            raise ValueError(f"{name} must hold at least {least}, not {shown(value)}")
        return [rule(f"{name}[{place}]", one) for place, one in enumerate(value)]
    return check


def fields(*rules: Rule) -> Rule:
    """Several things in order, each by its own rule."""
    def check(name: str, value) -> tuple:
        values = sequence(lambda _, one: one, least=0)(name, value)
        if len(values) != len(rules):
            raise ValueError(f"{name} must hold {len(rules)} things, not {shown(value)}")
        return tuple(rule(f"{name}[{place}]", one)
                     for place, (rule, one) in enumerate(zip(rules, values, strict=True)))
    return check


def named(rule: Rule) -> Rule:
    """A dict, not empty, from strings to what the rule says."""
    def check(name: str, value) -> dict:
        if not isinstance(value, Mapping):
            raise TypeError(f"{name} must be a dict, not {shown(value)}")
        if not value:
            raise ValueError(f"{name} must not be empty: {shown(value)}")
        return {text(f"a key of {name}", key): rule(f"{name}[{key!r}]", one)
                for key, one in value.items()}
    return check
