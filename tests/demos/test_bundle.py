"""The modules of live/ and the two files made of them, which are what a reader's browser gets."""

import base64
import gzip
import hashlib
import re

from lenet_book.demos import alone
from lenet_book.demos.page import LIVE

SOURCES = sorted(LIVE.glob("*.js"))


def test_the_bundles_are_made_of_these_sources():
    sources = hashlib.sha256(b"\0".join(path.read_bytes() for path in SOURCES)).hexdigest()
    for name in ("notebook", "page"):
        first, rest = LIVE.joinpath("bundled", f"{name}.js").read_bytes().split(b"\n", 1)
        made_of, itself = re.findall(rb"[0-9a-f]{64}", first)
        assert made_of.decode() == sources, "run python .ci/bundle_live.py"
        assert itself.decode() == hashlib.sha256(rest).hexdigest(), f"{name}.js was changed by hand"
        assert len(rest) <= 80_000


def test_they_ask_nothing_of_other_hosts():
    for path in (*SOURCES, *LIVE.glob("bundled/*.js"), *LIVE.glob("*.css")):
        assert not re.search(r"https?://|import\(|eval\(|innerHTML|\bfetch\(", path.read_text()), path


def test_all_that_pages_share_is_small():
    scripts = {name: alone.script(name, alone.shipped(name)) for name in alone.FILES}
    assert sum(map(len, scripts.values())) + len(alone.style()) + 80_000 <= 1_000_000
    packed = re.fullmatch(r'lenetFile\("lenet5", "([A-Za-z0-9+/=]+)"\);', scripts["lenet5"])[1]
    assert gzip.decompress(base64.b64decode(packed)) == alone.shipped("lenet5")
