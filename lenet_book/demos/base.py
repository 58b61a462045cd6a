"""What every demo is: controls, one picture, and one sentence that says the result in numbers.

A demo is three functions and the controls whose values the first of them is given:

    def compute(n, k): return Facts(outputs=conv_output_size(n, k))  # all that is shown
    def paint(sheet, facts): sheet.title(20, 20, f"output {facts.outputs}")
    def say(facts): return f"There are {facts.outputs} outputs."

    Demo("sizes", compute, paint, say, {"n": slider("input", 8, 1, 16), "k": ...}, (840, 400))

What is seen depends on the values alone: compute reads no widget, paint and say read only the facts,
and nothing is kept from one picture to the next. So a test can ask compute for its facts and check
them against another way to get them, and a page could paint the same facts itself.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace as Facts

import anywidget
import ipywidgets as widgets
import torch
import traitlets
from IPython import get_ipython

from ..arguments import checked, fields, flag, named, optional, shown, text, whole
from ..plots import Picture
from .sheet import Sheet

_LARGE = 1.4  # how much larger everything is on a projector


class _Shown(widgets.Widget):
    """What the page is told at every redraw, in one message.

    picture: see `Sheet.runs`. sentence: the words below it, and instead of it for who cannot see it.
    """

    picture = traitlets.Dict().tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)


class _Page(anywidget.AnyWidget):
    """The picture and the sentence on the page, their look, and keys that reach a control.

    The picture needs no decoder there: from key to picture it takes a third less time than with the
    Image and HTML of ipywidgets. What is shown is a model of its own, since anywidget's is told
    nothing more if a slow browser needed over two seconds to load it.
    """

    _esm = Path(__file__).with_name("demo.js")
    _css = Path(__file__).with_name("demo.css")
    shown = traitlets.Instance(_Shown).tag(sync=True, **widgets.widget_serialization)


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
    controls: name -> ipywidget, in the order in which they are shown.
    size: width and height of the picture, pixels of the page.
    actions: name -> what to do, before painting, when that button is pressed or that control
        moved. What an action changes in other controls belongs to the same one redraw.
    limits: called with all values, returns name -> the largest value that makes sense now.
    projector: larger picture and type, for a room.
    arrange: called with the controls, returns the box that holds them; by default a row that wraps.

    controls, facts, value (the sentence), figure (the picture as a matplotlib Figure) and redraws (how
    often it has been painted) may be read. close() gives everything back, as does leaving a `with`.
    In a notebook, running the same cell again closes the demo that it had made before.
    """

    @checked(name=text, compute=_function, paint=_function, say=_function, controls=named(_control),
             size=fields(whole(1, 10_000), whole(1, 10_000)), actions=optional(named(_function)),
             limits=optional(_function), projector=flag, arrange=optional(_function))
    def __init__(self, name: str, compute: Callable[..., Facts], paint: Callable[[Sheet, Facts], None],
                 say: Callable[[Facts], str], controls: Mapping[str, widgets.Widget],
                 size: tuple[int, int], actions: Mapping[str, Callable[[], None]] | None = None,
                 limits: Callable[..., Mapping[str, float]] | None = None, projector: bool = False,
                 arrange: Callable[[Mapping[str, widgets.Widget]], widgets.Widget] | None = None):
        self.name, self.controls, self.value, self.redraws = name, dict(controls), "", 0
        self._compute, self._paint, self._say = compute, paint, say
        self._size, self._actions, self._limits = size, actions or {}, limits
        self._scale = _LARGE if projector else 1.0
        self._quiet, self._open = False, True
        self._listening = ExitStack()
        self._page = None  # until it is shown: anywidget dislikes to be closed unseen
        self.widget = widgets.VBox([(arrange or _in_a_row)(self.controls)])
        self.widget.add_class("lenet-demo")
        if projector:
            self.widget.add_class("lenet-projector")
            layouts = {id(control.layout): control.layout for control in self.controls.values()}
            for layout in layouts.values():  # each once: many controls may share one
                if layout.width:
                    layout.width = f"{round(float(layout.width.removesuffix('px')) * _LARGE)}px"
        self.redraw()
        for name, control in self.controls.items():
            self._listen(name, control)
        _close_what_this_cell_made_before(self)

    @property
    def values(self) -> dict:
        """The present value of each control that has one, by name."""
        return {name: control.value for name, control in self.controls.items()
                if not isinstance(control, widgets.Button)}

    @property
    def figure(self) -> Picture:
        """The present picture as a matplotlib Figure, to save or to place elsewhere."""
        width, height = self._size
        picture = Picture(self.value, width / 80, height / 80, layout=None)  # 2 pixels each at 160 dpi
        picture.figimage(self._painted(2).pixels)
        return picture

    def redraw(self) -> None:
        """Compute the facts for the present values, paint the picture and write the sentence."""
        with self._quietly(), ExitStack() as behind:  # the picture goes to the page before the limits
            for name, highest in (self._limits(**self.values) if self._limits else {}).items():
                behind.enter_context(self.controls[name].hold_sync())
                self.controls[name].max = highest
            with _one_thread():
                self.facts = self._compute(**self.values)
            self._sheet, self.value = self._painted(self._scale), self._say(self.facts)
            if self._page:
                shown = self._page.shown
                with shown.hold_sync():
                    shown.picture, shown.sentence = self._sheet.runs(), self.value
            self.redraws += 1

    def close(self) -> None:
        """Stop listening and take all widgets away; the picture and the sentence stay readable."""
        self._open = False
        self._listening.close()
        for widget in _family(self.widget):
            widget.close()

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"[{self.name}] {self.value}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The live widget, and for a page without a kernel the picture and the sentence."""
        data, metadata = self.figure._repr_mimebundle_()
        data["text/plain"] = repr(self)
        if self._open:
            if not self._page:
                shown = _Shown(picture=self._sheet.runs(), sentence=self.value)
                self._page = _Page(shown=shown, layout={
                    "width": f"{round(self._size[0] * self._scale)}px", "max_width": "100%",
                    "margin": "2px"})
                self.widget.children += (self._page,)
            view = "application/vnd.jupyter.widget-view+json"
            data[view] = self.widget._repr_mimebundle_()[view]
        return data, metadata

    def _painted(self, scale: float) -> Sheet:
        sheet = Sheet(*self._size, scale)
        with _one_thread():
            self._paint(sheet, self.facts)
        return sheet

    def _listen(self, name: str, control: widgets.Widget) -> None:
        def moved(change):
            if self._quiet:
                return
            value = getattr(control, "value", 0)  # a button has none
            nothing = hasattr(control, "options") and value is None
            if nothing or (type(value) is float and math.isnan(value)):  # ipywidgets lets these pass
                with self._quietly():
                    control.value = change.old
                raise ValueError(f"{name} cannot be {value}; it stays {change.old}")
            if name in self._actions:
                with self._quietly(), _one_thread():
                    self._actions[name]()
            self.redraw()

        if isinstance(control, widgets.Button):
            control.on_click(moved)
            self._listening.callback(control.on_click, moved, remove=True)
        else:
            control.observe(moved, "value")
            self._listening.callback(control.unobserve, moved, "value")

    @contextmanager
    def _quietly(self):
        """Meanwhile a control that changes asks for no redraw of its own."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before


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


def _family(widget: widgets.Widget) -> list[widgets.Widget]:
    """A widget and all that it holds: children, layouts, styles."""
    found, waiting = {}, [widget]
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
