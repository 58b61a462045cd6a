"""What a demo gives to a notebook and to a page, and what the page tells it."""

import gzip
import json
from io import BytesIO

import ipywidgets as widgets
import matplotlib
import numpy as np
import pytest
from PIL import Image
from recorder import painted

from lenet_book import demos, jupyter
from lenet_book.demos.base import MIME
from lenet_book.demos.page import Page, content

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(params=[name for name in demos.__all__ if name != "Demo"])
def demo(request):
    with getattr(demos, request.param)() as demo:
        yield demo


def test_shows_a_widget_a_picture_a_line_and_what_makes_it_anew(demo):
    data, metadata = demo._repr_mimebundle_()
    assert set(data) == {MIME, VIEW, "image/png", "text/plain"}
    assert data["text/plain"] == f"[{demo.name}] {demo.value}"
    assert data[VIEW]["model_id"] == demo.widget.model_id
    assert metadata["image/png"]["alt"] == demo.value
    saved, (width, height) = Image.open(BytesIO(data["image/png"])), demo._size
    assert saved.size == (2 * width, 2 * height)
    assert (metadata["image/png"]["width"], metadata["image/png"]["height"]) == demo._size
    half = np.asarray(saved.convert("L").reduce(2), float)
    live = np.asarray(Image.fromarray(painted(demo)).convert("L"), float)
    assert abs(half - live).mean() < 6  # the same picture, only finer
    assert isinstance(demo.figure, matplotlib.figure.Figure)


def test_what_makes_it_anew_says_all_of_it(demo):
    data, _ = demo._repr_mimebundle_()
    described = json.loads(json.dumps(data[MIME]))
    assert described == data[MIME] and MIME == jupyter.DEMO
    assert (described["name"], described["size"]) == (demo.name, [*demo._size])
    assert [*described["controls"]] == described["order"] == [*demo.controls]
    values = {name: control["value"] for name, control in described["controls"].items()
              if control["kind"] != "button"}
    now = json.loads(json.dumps(demo.values))
    if demo.name == "training":  # without a kernel a recorded run is replayed
        assert values.pop("progress")["recorded"] and not now.pop("progress")["recorded"]
    assert values == now
    assert {control["kind"] for control in described["controls"].values()} <= {
        "slider", "choice", "stops", "switch", "toggle", "text", "button", "held", "canvas"}
    for name in described["plays"]:
        assert described["controls"][name]["kind"] in ("slider", "choice", "stops")
    page = demo._page
    assert page.demo | data[MIME] == page.demo and page.models == demo.controls
    for name in described["needs"]:
        assert gzip.decompress(page.files[name].content) == content(name) != b""


def test_in_colab_the_bundle_says_where_the_widgets_code_is(monkeypatch):
    where = {VIEW: {"colab": {"custom_widget_manager": {"url": "https://example.org/manager.js"}}}}
    monkeypatch.setattr(Page, "_repr_mimebundle_", lambda self, **named: ({VIEW: {}}, where))
    monkeypatch.delattr(widgets.Widget, "_repr_mimebundle_")  # Colab's, of version 7, have none
    with demos.padding_stride() as demo:
        data, metadata = demo._repr_mimebundle_()
        assert data[VIEW] == {"model_id": demo.widget.model_id}
    assert metadata[VIEW] == where[VIEW] and "alt" in metadata["image/png"]


def test_closed_it_shows_the_picture_alone(demo):
    demo._repr_mimebundle_()  # only now it has a page
    page = demo._page
    demo.close()
    assert page.comm is None and page.layout.comm is None
    assert all(control.comm is None for control in demo.controls.values())
    data, _ = demo._repr_mimebundle_()
    assert set(data) == {MIME, "image/png", "text/plain"}
    demo.close()  # twice does no harm


def test_what_the_page_tells_is_not_answered(monkeypatch):
    """The page has already done what follows: an answer of a kernel that was busy would undo more."""
    with demos.padding_stride(n=8, s=1, row=5) as demo, demos.cross_correlation() as other:
        demo._repr_mimebundle_()
        sent = []
        monkeypatch.setattr(widgets.Widget, "_send", lambda widget, message, buffers=None: sent.append(
            (widget, set(message.get("state", ())))))
        n, row, kernel, numbers = (demo.controls["n"], demo.controls["row"], other.controls["kernel"],
                                   other.controls["numbers"])
        n.set_state({"value": 4})
        kernel.set_state({"index": 2})
        told = [keys for widget, keys in sent if widget in (demo._page, row, numbers)]
        assert told == [] and (row.max, numbers.value) == (5, "-1 0 1; -1 0 1; -1 0 1")
        assert demo.facts.unit == (1, 0) and demo.values["row"] == 1  # it knows, though
        sent.clear()
        n.value = 3  # a program says so: what follows is done here and told
        assert (row, {"max", "value"}) in sent and row.max == demo.facts.m - 1 == 0
        kernel.value = "slope"
        assert numbers.value == "0 1; -1 0" and (numbers, {"value"}) in sent
