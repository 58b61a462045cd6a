"""A demo alone in the browser: large, in the full window, for a projector."""

import ast
import difflib
import inspect
import os
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from . import demos, storage
from .demos import Demo, alone

DEMOS: dict[str, Callable[..., Demo]] = {
    name: getattr(demos, name) for name in demos.__all__ if name != "Demo"}
SNAPS = Path("/var/lib/snapd")  # there where browsers may be packages of snap
RECORDED = "training"  # takes a kernel; a page without one replays a run that was recorded


def listed() -> str:
    """The demos, a line each."""
    width = max(map(len, DEMOS))
    return "\n".join(f"{name:{width}}  {inspect.getdoc(make).splitlines()[0]}"
                     for name, make in DEMOS.items())


def about(name: str) -> str:
    """What the demo shows and its settings. Raises ValueError where there is no such demo."""
    make = _found(name)
    hidden = "hidden: True opens it with its answer hidden."
    if name == RECORDED:
        hidden += " It replays a recorded run here and has no other setting."
    return f"{name}: {', '.join(_settings(make))}\n\n{inspect.getdoc(make)}\n\n{hidden}"


def made(name: str, settings: Sequence[str] = ()) -> Demo:
    """The demo for a projector. settings: "NAME=VALUE" each, as the demo's own arguments.

    Raises ValueError or TypeError for a demo, a setting or a value that there is not.
    """
    make = _found(name)
    annotations, values = _settings(make), {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"a setting is written NAME=VALUE, not {setting!r}")
        if name == RECORDED and key != "hidden":
            raise ValueError(f"{name} replays a recorded run here and has no settings but hidden; "
                             "in a notebook it trains as you set it")
        if key not in annotations:
            raise ValueError(f"{name} has no setting {key!r}; it has {', '.join(annotations)}: "
                             f"`show {name} --list` says what they are")
        values[key] = _value(value, annotations[key])
    demo = make(**values, projector=True)
    for key, control in demo.described["controls"].items():
        if key in values and control.get("value") != demo.controls[key].value:
            demo.close()
            raise ValueError(f"{key} is at most {control['max']} on a page without a kernel, "
                             f"not {values[key]}")
    return demo


def _found(name: str) -> Callable[..., Demo]:
    if name not in DEMOS:
        near = difflib.get_close_matches(name.lower(), DEMOS, 1)
        meant = f"did you mean {near[0]}? There" if near else "there"
        raise ValueError(f"no demo is called {name!r}; {meant} are {', '.join(DEMOS)}")
    return DEMOS[name]


def _settings(make: Callable[..., Demo]) -> dict[str, object]:
    """The arguments of a demo, but for the projector, and their annotations."""
    parameters = inspect.signature(make).parameters.items()
    return {name: parameter.annotation for name, parameter in parameters if name != "projector"}


def _value(words: str, annotation) -> object:
    """What is meant by the words: text where the demo wants text, else a number, True, a list."""
    if annotation is not str:
        # Else the demo says what it wants.
        with suppress(MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
            return ast.literal_eval(words)
    return words


def page(demo: Demo) -> bytes:
    """One HTML file with the demo and all that it needs."""
    return alone.page(demo, f"The LeNet book: {demo.name.replace('_', ' ')}", full=True).encode()


def folder() -> Path:
    """Where a page lies as long as it is looked at, and the browser can read it.

    A browser from a snap sees neither /tmp nor hidden folders, but the others of the home folder.
    """
    if not SNAPS.is_dir():
        return Path(tempfile.mkdtemp(prefix="lenet-book-"))
    pages = storage.expanded("~") / "lenet-book-pages"
    pages.mkdir(exist_ok=True)
    return pages


def opened(path: Path) -> bool:
    """Open the page in the browser, if this machine has one and a screen; returns whether it does."""
    here = sys.platform in ("win32", "darwin") and "SSH_CONNECTION" not in os.environ
    screen = here or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))
    return screen and webbrowser.open(path.absolute().as_uri())


def advice(path: Path) -> str:
    """What to do where no browser was opened."""
    where = "open this file in a browser, or copy it to a machine that has one"
    if distribution := os.environ.get("WSL_DISTRO_NAME"):
        within = str(path.absolute()).replace("/", "\\")
        where += rf"; in Windows it is \\wsl.localhost\{distribution}{within}"
    return where
