"""How `python -m lenet_book lab` wants its server to be, beside what the reader has configured."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

WIDGET = "application/vnd.jupyter.widget-view+json"


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Sends what a kernel answers at once.

    By default small packets wait until the one before them has been acknowledged (Nagle's algorithm),
    and a browser may take 40 milliseconds for that: a slider's picture then comes as much later.
    """

    def connect(self):
        self.websocket_handler.set_nodelay(True)
        return super().connect()


def keep_pictures(model, **_):
    """What is saved of a demo is its picture, since its widget ends with the kernel."""
    if model["type"] == "notebook" and model.get("content"):
        for cell in model["content"]["cells"]:
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    output["data"].pop(WIDGET, None)


c = get_config()  # noqa: F821 - Jupyter puts it here
c.ServerApp.kernel_websocket_connection_class = PromptConnection
c.FileContentsManager.pre_save_hook = keep_pictures
