"""An extension of Jupyter's server: what is saved of a demo is its picture.

A demo's widget ends with its kernel. A notebook that was saved with it would show an error in its place
when it is opened the next day, or on a page; without it the picture shows, which stands beside it.

Every server in whose environment the package is installed loads this, whoever starts it: `jupyter lab`,
a hub, Binder. It is told to by `lenet_book.json`, which is installed into etc/jupyter. It needs no
torch, and leaves outputs that are not a demo's as they are. That it imports `lenet_book` gives the
server's kernels what is set there.
"""

DEMO = "application/vnd.lenet-book.demo+json"  # demos.base.MIME, which would load torch
WIDGET = "application/vnd.jupyter.widget-view+json"


def keep_pictures(model: dict, **_) -> None:
    """Take the widget away from each demo in what is about to be saved, a model of the contents API."""
    if model["type"] == "notebook" and model.get("content"):
        for cell in model["content"]["cells"]:
            for output in cell.get("outputs", []):
                if {DEMO, "image/png"} <= output.get("data", {}).keys():
                    output["data"].pop(WIDGET, None)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "lenet_book.jupyter"}]


def _load_jupyter_server_extension(server) -> None:
    server.contents_manager.register_pre_save_hook(keep_pictures)
