"""Make of the modules in lenet_book/demos/live one file for notebooks and one for pages.

Needs node, which nobody needs who only reads the book: the two files are committed. Their first line
says which sources they were made from, so that a test sees when they are out of step.
"""

import hashlib
import os
import subprocess
from pathlib import Path

LIVE = Path(__file__).resolve().parents[1] / "lenet_book" / "demos" / "live"
ESBUILD = os.environ.get("ESBUILD", "npx --yes esbuild@0.28.2").split()
FORMATS = {"notebook": ["--format=esm"], "page": ["--format=iife"]}


def sha(*contents: bytes) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def first_line(bundle: bytes) -> str:
    """What a bundle, of which this is the rest, begins with."""
    sources = [path.read_bytes() for path in sorted(LIVE.glob("*.js"))]
    return f"// by .ci/bundle_live.py from sources {sha(*sources)}, itself {sha(bundle)}\n"


def bundle() -> None:
    (LIVE / "bundled").mkdir(exist_ok=True)
    for name, options in FORMATS.items():
        command = [*ESBUILD, f"{name}.js", "--bundle", "--minify", "--charset=utf8", *options]
        made = subprocess.run(command, cwd=LIVE, check=True, stdout=subprocess.PIPE).stdout
        (LIVE / "bundled" / f"{name}.js").write_bytes(first_line(made).encode() + made)
        print(f"{name}.js: {len(made):,} bytes")


if __name__ == "__main__":
    bundle()
