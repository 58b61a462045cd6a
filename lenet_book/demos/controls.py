"""The controls of the demos: ipywidgets with a label that fits and a value that is checked."""

from collections.abc import Sequence

import ipywidgets as widgets
import traitlets

from ..arguments import Rule, flag, number, one_of, whole

_LABEL = {"description_width": "initial"}  # as wide as its words


class Held(widgets.Widget):
    """A value that belongs to what is shown but has no control of its own, such as a list of layers.

    value: anything that JSON can hold. rule: see `arguments`. label: what a click in the picture sets.
    """

    value = traitlets.Any().tag(sync=True)
    value.allow_none = False  # it is checked as well

    def __init__(self, name: str, value, rule: Rule = lambda name, value: value, label: str = ""):
        self._name, self._rule, self.label = name, rule, label
        super().__init__(value=rule(name, value))

    @traitlets.validate("value")
    def _checked(self, proposal):
        return self._rule(self._name, proposal.value)


def slider(label: str, value: float, low: float, high: float, step: float = 1,
           width: int = 245) -> widgets.IntSlider | widgets.FloatSlider:
    """A slider from low to high, moved with the arrow keys too; whole numbers if step is one.

    Raises ValueError where the value is outside, TypeError where it is no number.
    """
    whole_numbers = isinstance(step, int)
    value = (whole(low, high) if whole_numbers else number(least=low, most=high))(label, value)
    kind = widgets.IntSlider if whole_numbers else widgets.FloatSlider
    return kind(value=value, min=low, max=high, step=step, description=label, style=_LABEL,
                layout={"width": f"{width}px"})


def choice(label: str, value, options: Sequence, width: int = 220,
           kind: type = widgets.Dropdown) -> widgets.Dropdown | widgets.SelectionSlider:
    """One of several. options: the values, or pairs of what is shown and the value.

    Raises ValueError where the value is none of them.
    """
    values = [option[1] if isinstance(option, tuple) else option for option in options]
    return kind(value=one_of(*values)(label, value), options=list(options), description=label,
                style=_LABEL, layout={"width": f"{width}px"})


def stops(label: str, value, options: Sequence, width: int) -> widgets.SelectionSlider:
    """One of several that have an order, on a slider; otherwise as `choice`."""
    return choice(label, value, options, width, widgets.SelectionSlider)


def switch(label: str, value: bool, width: int = 150) -> widgets.Checkbox:
    """On or off. Raises TypeError where the value is neither True nor False."""
    return widgets.Checkbox(value=flag(label, value), description=label, indent=False,
                            layout={"width": f"{width}px"})


def button(label: str, tooltip: str, width: int = 110) -> widgets.Button:
    """Does something when it is pressed."""
    return widgets.Button(description=label, tooltip=tooltip, layout={"width": f"{width}px"})


def described(control: widgets.Widget) -> dict:
    """What a page needs to make this control itself: kind, label, value, range or options; for JSON."""
    kinds = {widgets.IntSlider: "slider", widgets.FloatSlider: "slider", widgets.Dropdown: "choice",
             widgets.SelectionSlider: "stops", widgets.Checkbox: "switch", widgets.Text: "text",
             widgets.ToggleButton: "toggle", widgets.Button: "button", Held: "held"}
    facts = {"kind": kinds.get(type(control), type(control).__name__.lower()),
             "label": getattr(control, "description", getattr(control, "label", ""))}
    if tooltip := getattr(control, "tooltip", None):
        facts["tooltip"] = tooltip
    if facts["kind"] != "button":
        facts["value"] = control.value
    if facts["kind"] == "slider":
        facts |= {"min": control.min, "max": control.max, "step": control.step}
    if facts["kind"] in ("choice", "stops"):
        facts["options"] = [[*option] if isinstance(option, tuple) else [str(option), option]
                            for option in control.options]
    return facts
