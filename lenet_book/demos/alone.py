"""Demos on pages without a kernel: the files that such a page loads, and a page that is one file.

Whoever opens such a page installs nothing; it works from a disk, too, where a page may load scripts
but read no other files. So each file of `page.content` becomes a script that hands it over.
"""

import base64
import gzip
import html
import json
from pathlib import Path

from .base import Demo
from .page import ALONE, LIVE, content

FILES = ("ten-digits", "test-digits", "noise", "training-run", "lenet5-1998", "lenet5",
         "vgg-small-average")
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ margin: {margin}px; }}
{style}</style>
<main>
{heading}
{demo}
</main>
<script>{script}</script>
{files}
</html>
"""


def script(name: str, data: bytes) -> str:
    """A file as a script for the page: gzip in base64."""
    packed = gzip.compress(data, 9, mtime=0)
    return f'lenetFile("{name}", "{base64.b64encode(packed).decode()}");'


def shipped(name: str) -> bytes:
    """A file as pages get it: as in a notebook, but of the test digits only the first."""
    data = content(name)
    return data[:785 * ALONE] if name == "test-digits" else data


def style() -> str:
    """The look of the demos on such a page, CSS."""
    return "".join(LIVE.joinpath(name).read_text("utf-8")
                   for name in ("demo.css", "canvas.css", "page.css"))


def write(folder: Path) -> None:
    """What pages with `element`s load: demos.js, demos.css and data/NAME.js for each file."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "demos.js").write_bytes(LIVE.joinpath("bundled", "page.js").read_bytes())
    (folder / "demos.css").write_text(style(), "utf-8")
    for name in FILES:
        (folder / "data" / f"{name}.js").write_text(script(name, shipped(name)), "utf-8")


def element(description: dict, fallback: str = "", full: bool = False) -> str:
    """Where a demo comes alive. description: see `Demo.described`. fallback: HTML shown until then.

    full: it has the window to itself.
    """
    kind = ' class="lenet-full"' if full else ""
    return f'<div{kind} data-demo="{html.escape(json.dumps(description))}">{fallback}</div>'


def page(demo: Demo, title: str, full: bool = False) -> str:
    """One HTML file with one demo and all that it needs.

    title: stands above it as well, or, where the demo has the full window, is only read aloud.
    """
    scripts = "\n".join(f"<script>{script(name, shipped(name))}</script>"
                        for name in demo.described["needs"])
    bundle = LIVE.joinpath("bundled", "page.js").read_text("utf-8").replace("</script", "<\\/script")
    look = 'class="lenet-aloud"' if full else 'style="font: bold 22px sans-serif"'
    return _PAGE.format(title=html.escape(title), heading=f"<h1 {look}>{html.escape(title)}</h1>",
                        margin=0 if full else 12, style=style(),
                        demo=element(demo.described, full=full), script=bundle, files=scripts)
