"""What every demo is: controls, one picture, and one sentence that says the result in numbers.

A demo is three functions and the controls whose values the first of them is given:

    def compute(n, k): return Facts(outputs=conv_output_size(n, k))  # all that is shown
    def paint(sheet, facts): sheet.title(20, 20, f"output {facts.outputs}")
    def say(facts): return f"There are {facts.outputs} outputs."

    Demo("sizes", compute, paint, say, {"n": slider("input", 8, 1, 16), "k": ...}, (840, 400))

What is seen depends on the values alone: compute reads no widget, paint and say read only the facts,
and nothing is kept from one picture to the next. So a test can ask compute for its facts and check
them against another way to get them.

In a browser it is the page that computes, paints and says, with the functions of the same names in
`live/`, as soon as a control moves and whether or not the kernel is busy. The functions here say what
is right: a test compares the two, and they make the picture for where no page is alive.
"""

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace as Facts

import ipywidgets as widgets
import numpy as np
import torch
from IPython import get_ipython
from PIL import Image

from ..arguments import checked, fields, flag, named, optional, sequence, shown, text, whole
from ..plots import Picture
from .controls import Held, described
from .page import ALONE, Page, file
from .sheet import Sheet

LARGE = 1.4  # how much larger everything is on a projector
_VIEW = "application/vnd.jupyter.widget-view+json"
MIME = "application/vnd.lenet-book.demo+json"  # of a demo as a page without a kernel makes it anew


def _function(name: str, value) -> Callable:
    if not callable(value):
        raise TypeError(f"{name} must be a function, not {shown(value)}")
    return value


def _control(name: str, value) -> widgets.Widget:
    if not isinstance(value, widgets.Widget):
        raise TypeError(f"{name} must be an ipywidget, not {shown(value)}")
    return value


class Demo:
    """Controls that a reader moves, the picture that follows, and the sentence that reads it aloud.

    compute: called with the value of each control by its name; returns the facts. It must accept every
        combination of values; where one is senseless, that is a fact too. Facts stay as they are: what
        may change later, such as the weights of a net that learns, is copied.
    paint: called with an empty Sheet and the facts. say: called with the facts, returns the sentence.
    controls: name -> ipywidget, in the order in which they are shown; buttons come on the page.
    size: width and height of the picture, pixels of the page.
    actions: name -> what follows when that button is pressed or that control moved: called with all
        values, returns name -> new value of other controls.
    limits: called with all values, returns name -> the largest value that makes sense now.
    projector: larger picture and type, for a room. hidden: the page hides the answer until a button
        shows it.
    arrange: called with the controls that are shown, returns the box that holds them; by default a row
        that wraps.
    plays: names of controls that a reader can let run through their values: the first moves on, and
        where it is at its end it begins anew and the next one moves.
    needs: names of the files that the page paints from, see `page.content`.
    kernel_buttons: the kernel does what the buttons say, not the page.

    controls, values, facts, value (the sentence) and figure (the picture as a matplotlib Figure) may be
    read. close() gives everything back, as does leaving a `with`. In a notebook, running the same cell
    again closes the demo that it had made before.
    """

    @checked(name=text, compute=_function, paint=_function, say=_function, controls=named(_control),
             size=fields(whole(1, 10_000), whole(1, 10_000)), actions=optional(named(_function)),
             limits=optional(_function), projector=flag, hidden=flag, arrange=optional(_function),
             plays=sequence(text, least=0), needs=sequence(text, least=0), kernel_buttons=flag)
    def __init__(self, name: str, compute: Callable[..., Facts], paint: Callable[[Sheet, Facts], None],
                 say: Callable[[Facts], str], controls: Mapping[str, widgets.Widget],
                 size: tuple[int, int], actions: Mapping[str, Callable[..., dict]] | None = None,
                 limits: Callable[..., Mapping[str, float]] | None = None, projector: bool = False,
                 hidden: bool = False,
                 arrange: Callable[[Mapping[str, widgets.Widget]], widgets.Widget] | None = None,
                 plays: Sequence[str] = (), needs: Sequence[str] = (), kernel_buttons: bool = False):
        self.name, self.controls = name, dict(controls)
        self._compute, self._paint, self._say = compute, paint, say
        self._size, self._actions, self._limits = size, actions or {}, limits or (lambda **values: {})
        self._scale, self._hidden = LARGE if projector else 1.0, hidden
        self._plays, self._needs, self._kernel_buttons = plays, needs, kernel_buttons
        self._facts = None  # those of the present values, once they have been asked for
        self._quiet, self._open = False, True
        self._listening = ExitStack()
        self._page = None  # until it is shown: anywidget dislikes to be closed unseen
        unseen = (Held,) if kernel_buttons else (Held, widgets.Button)
        visible = {name: control for name, control in self.controls.items()
                   if not isinstance(control, unseen)}
        self.widget = widgets.VBox([(arrange or _in_a_row)(visible)])
        self.widget.add_class("lenet-demo")
        if projector:
            self.widget.add_class("lenet-projector")
            layouts = {id(control.layout): control.layout for control in visible.values()}
            for layout in layouts.values():  # each once: many controls may share one
                if layout.width:
                    layout.width = f"{round(float(layout.width.removesuffix('px')) * LARGE)}px"
        self._put(self._limits(**self.values), "max")
        for name, control in self.controls.items():
            self._listen(name, control)
        _close_what_this_cell_made_before(self)

    @property
    def values(self) -> dict:
        """The present value of each control that has one, by name, none beyond its limit."""
        values = {name: _value(control) for name, control in self.controls.items()
                  if not isinstance(control, widgets.Button)}
        limits = self._limits(**values)
        return values | {name: min(values[name], highest) for name, highest in limits.items()}

    @property
    def facts(self) -> Facts:
        """All that is shown for the present values."""
        if self._facts is None:
            with _one_thread():
                self._facts = self._compute(**self.values)
        return self._facts

    @property
    def value(self) -> str:
        """The sentence."""
        return self._say(self.facts)

    @property
    def figure(self) -> Picture:
        """The present picture as a matplotlib Figure, to save or to place elsewhere."""
        width, height = self._size
        picture = Picture(self.value, width / 80, height / 80, layout=None)  # 2 pixels each at 160 dpi
        picture.figimage(self._pixels())
        return picture

    def _pixels(self) -> np.ndarray:
        """The present picture, twice as large as the page shows it."""
        sheet = Sheet(*self._size, 2)
        with _one_thread():
            self._paint(sheet, self.facts)
        return sheet.pixels

    @property
    def described(self) -> dict:
        """The demo as a page makes it that has no kernel; for JSON."""
        controls = {name: described(control) for name, control in self.controls.items()}
        if "test-digits" in self._needs:  # of which such a page has the first
            index = controls["index"]
            last = min(index["max"], ALONE - 1)
            index |= {"max": last, "value": min(index["value"], last)}
        return {"name": self.name, "size": [*self._size], "scale": self._scale, "controls": controls,
                "order": [*controls],  # a saved notebook sorts names
                "plays": [*self._plays], "needs": [*self._needs],
                **({"hidden": True} if self._hidden else {})}

    def close(self) -> None:
        """Stop listening and take all widgets away; the picture and the sentence stay readable."""
        self._open = False
        self._listening.close()
        for widget in _family(self.widget, *self.controls.values()):
            widget.close()

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"[{self.name}] {self.value}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The live widget, the picture and the sentence, and what makes it anew without a kernel."""
        stream, (width, height) = io.BytesIO(), self._size
        Image.fromarray(self._pixels()).save(stream, "png")  # a Figure would take three times as long
        data = {"image/png": stream.getvalue(), "text/plain": repr(self),
                MIME: json.loads(json.dumps(self.described))}
        metadata = {"image/png": {"alt": self.value, "width": width, "height": height}}
        if self._open:
            if not self._page:
                self._page = Page(
                    demo=self.described | {"kernel_buttons": self._kernel_buttons},
                    models=self.controls, files={name: file(name) for name in self._needs},
                    layout={"margin": "2px"})
                self.widget.children += (self._page,)
            view, of_page = self._page._repr_mimebundle_()  # in Colab: where the widgets' code is
            data[_VIEW] = view[_VIEW] | {"model_id": self.widget.model_id}
            metadata |= of_page
        return data, metadata

    def _listen(self, name: str, control: widgets.Widget) -> None:
        def moved(change):
            if not self._quiet:
                value = getattr(control, "value", 0)  # a button has none
                nothing = hasattr(control, "options") and value is None
                if nothing or (type(value) is float and math.isnan(value)):  # ipywidgets allows both
                    with self._quietly():
                        control.value = change.old
                    raise ValueError(f"{name} cannot be {value}; it stays {change.old}")
                if name in self._actions:
                    self._put(self._actions[name](**self.values) or {}, "value")
                self._put(self._limits(**self.values), "max")
            self._facts = None

        if isinstance(control, widgets.Button):
            control.on_click(moved)
            self._listening.callback(control.on_click, moved, remove=True)
        else:
            control.observe(moved, "value")
            self._listening.callback(control.unobserve, moved, "value")

            def told(state, set_state=control.set_state):
                with self._quietly():  # the page has seen to all that follows, and told that, too
                    set_state(state)

            control.set_state = told
            self._listening.callback(delattr, control, "set_state")

    def _put(self, changes: Mapping[str, object], trait: str) -> None:
        with self._quietly():
            for name, value in changes.items():
                with self.controls[name].hold_sync():  # a limit and the value that it lowers, at once
                    setattr(self.controls[name], trait, value)

    @contextmanager
    def _quietly(self):
        """Meanwhile nothing follows from a control that changes."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before


def _value(control: widgets.Widget):
    """Of a SelectionSlider that was given None, which it refuses too late, the one that it shows."""
    if control.value is None and hasattr(control, "options"):
        return described(control)["options"][control.index][1]
    return control.value


@contextmanager
def _one_thread():
    """A picture is little work: waking torch's other threads for it can take ten times as long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _in_a_row(controls: Mapping[str, widgets.Widget]) -> widgets.Widget:
    return widgets.Box(list(controls.values()), layout={
        "flex_flow": "row wrap", "align_items": "center", "max_width": "100%",
        "grid_gap": "0 14px"})


def _family(*some: widgets.Widget) -> list[widgets.Widget]:
    """Widgets and all that they hold: children, layouts, styles."""
    found, waiting = {}, [*some]
    while waiting:
        one = waiting.pop()
        if id(one) not in found:
            found[id(one)] = one
            held = [getattr(one, key) for key in one.keys]
            held += [child for value in held if isinstance(value, (tuple, list)) for child in value]
            waiting += [child for child in held if isinstance(child, widgets.Widget)]
    return list(found.values())


_made: dict[str, tuple[str, list[Demo]]] = {}  # of each cell, the run and the demos it made


def _close_what_this_cell_made_before(demo: Demo) -> None:
    kernel = getattr(get_ipython(), "kernel", None)
    request = kernel.get_parent("shell") if kernel else {}
    cell, run = request.get("metadata", {}).get("cellId"), request.get("header", {}).get("msg_id")
    if cell is None:  # not in a notebook, or one whose program does not tell cells apart
        return
    before, demos = _made.get(cell, (run, []))
    if before != run:
        for old in demos:
            old.close()
        demos = []
    _made[cell] = run, [*demos, demo]
