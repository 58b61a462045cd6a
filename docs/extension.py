"""What the site needs beyond Sphinx: chapters from another folder, texts of pictures, demos, languages.

A notebook keeps a picture's text and size beside its bytes, and with a demo's picture which demo it is
and how its controls stand. myst-nb leaves both out of the page; here they are put back.
"""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from html import escape
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from sphinxcontrib import katex

from lenet_book import demos
from lenet_book.demos import alone
from lenet_book.demos.base import MIME

CHINESE = re.compile("[\u3400-\u9fff、]+")


class Demo(nodes.Element):
    """A demo's saved picture and sentence; the script, where there is one, takes their place."""


def collect(app, config):
    """Bring what the site is made of into reach: Sphinx reads only what lies below its own folder."""
    if not shutil.which("node"):
        sys.exit("node, which typesets the formulas, is not installed; get it from https://nodejs.org "
                 "or by apt-get install nodejs")
    root, here = Path(app.confdir).parent, Path(app.srcdir)
    _replace(root / "notebooks", here / "notebooks")
    alone.write(here / "_build" / "static" / "live")
    _replace(root / "lenet_book" / "slides" / "katex", here / "_build" / "static" / "katex", "*.js")
    config.html_static_path.append("_build/static")


def _replace(source, target, *without):
    shutil.rmtree(target, ignore_errors=True)
    if source.exists():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*", *without))


def relink(app, docname, source):
    """A chapter's link to a module of the package becomes one to a copy of the file, and a link from
    here to a chapter, which in the repository lies beside docs, one to what `collect` copied."""
    for old, new in (("../lenet_book/", "/../lenet_book/"), ("../notebooks/", "/notebooks/"),
                     ("../../notebooks/", "/notebooks/")):
        source[0] = source[0].replace(f"]({old}", f"]({new}")


class Outputs(SphinxTransform):
    """Gives each picture of a notebook its text and each demo its element."""

    default_priority = 400

    def apply(self):
        path = Path(self.env.doc2path(self.env.docname))
        if path.suffix != ".ipynb":
            return
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for cell in _containers(self.document, "cell_code"):
            outputs = cells[cell["cell_index"]]["outputs"]
            results = [output for output in outputs if "data" in output]
            for bundle, result in zip(_containers(cell, "mime_bundle"), results, strict=True):
                for picture in bundle.findall(nodes.image):
                    picture["alt"] = result["metadata"].get("image/png", {}).get("alt", "")
                    if MIME in result["data"]:
                        _wrap(picture, result["data"])


def _containers(node, kind):
    return [found for found in node.findall(nodes.container) if found.get("nb_element") == kind]


def _wrap(picture, data):
    """Put a picture into the element of its demo, with the sentence that says what it shows."""
    about = data[MIME]
    said = "".join(data["text/plain"]).removeprefix(f"[{about['name']}] ")
    demo = Demo(description=json.dumps(about))
    picture.replace_self(demo)
    demo += [picture, nodes.paragraph("", said)]


class Chinese(SphinxTransform):
    """Says of Chinese words that they are: they are read aloud, and drawn, accordingly.

    Simplified characters stand before a dot in the middle of the line, traditional ones behind it.
    """

    default_priority = 900

    def apply(self):
        for text in [text for text in self.document.findall(nodes.Text) if CHINESE.search(text)]:
            pieces, script = [], "hans"
            for part in filter(None, re.split(f"( · |{CHINESE.pattern})", text)):
                if part == " · ":
                    script = "hant"
                pieces.append(nodes.inline("", part, classes=[f"language-zh-{script}"])
                              if CHINESE.match(part) else nodes.Text(part))
            text.parent.replace(text, pieces)


class ShowDemo(SphinxDirective):
    """```{demo} name```: the demo of that name as it is at first; without JavaScript its sentence."""

    required_arguments = 1

    def run(self):
        with getattr(demos, self.arguments[0])() as demo:
            shown = Demo(description=json.dumps(demo.described))
            shown += nodes.paragraph("", demo.value)
        return [shown]


def start_demos(app, page, template, context, doctree):
    """The scripts of the demos, on pages that have one."""
    if doctree and next(doctree.findall(Demo), None):
        app.add_css_file("live/demos.css")
        app.add_js_file("live/demos.js", loading_method="defer")


def drop_source_maps(app, exception):
    """Those of the theme's scripts are larger than all chapters, and for its authors only."""
    for path in Path(app.outdir, "_static").rglob("*.map"):
        path.unlink()


def start_typesetting(folder, timeout):
    """Start the server of formulas and connect to it: (process, socket).

    The extension's own way asks once, and may ask before the server listens; with its other way, over
    TCP, each half of a request or an answer waits 40 ms until the half before has been acknowledged.
    """
    address = str(folder / "katex.sock")
    process = subprocess.Popen(katex.KaTeXServer.build_command(socket=address), cwd=folder)
    until = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < until:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(address)
            return process, client
        except (FileNotFoundError, ConnectionRefusedError):
            client.close()
            time.sleep(0.01)
    process.kill()
    raise katex.KaTeXServer.timeout_error(timeout)


def open_demo(self, node):
    self.body.append(f'<div class="lenet-demo" data-demo="{escape(node["description"])}">\n')


def close_demo(self, node):
    self.body.append("</div>\n")


def open_solution(self, node):
    """As the hints, which are HTML in the chapters, look."""
    self.body.append(f'<details class="solution"><summary>{escape(node["prompt_show"])}</summary>\n')


def close_solution(self, node):
    self.body.append("</details>\n")


def setup(app):
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 120  # seconds, not 5: a busy machine takes longer
    katex.KaTeXServer.start_server_process = (
        staticmethod(start_typesetting) if hasattr(socket, "AF_UNIX")
        else katex.KaTeXServer.start_network_socket)  # on Windows
    app.connect("config-inited", collect)
    app.connect("source-read", relink)
    app.connect("html-page-context", start_demos)
    app.connect("build-finished", drop_source_maps)
    app.add_transform(Outputs)
    app.add_transform(Chinese)
    app.add_directive("demo", ShowDemo)
    app.add_node(Demo, html=(open_demo, close_demo))
    app.add_node(HideCodeCellNode, override=True, html=(open_solution, close_solution))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
