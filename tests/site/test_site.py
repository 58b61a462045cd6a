"""The website, built as `make site` builds it, but elsewhere: pages read, some opened in a browser."""

import importlib.util
import json
import re
import shutil
import warnings
from collections import Counter
from io import StringIO
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from book import CHAPTERS, ROOT, notebook

from lenet_book import demos
from lenet_book.demos import alone
from lenet_book.demos.base import MIME

PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTqDZgAAAABJRU5ErkJggg==")
ODD = {"label": "\"<b>\" & 'x'"}
MEASURES = """() => ({
    page: document.documentElement.scrollWidth,
    formulas: [...document.querySelectorAll("article div.math")]
        .map(({clientWidth, scrollWidth}) => [clientWidth, scrollWidth]),
    images: [...document.querySelectorAll("article img")]
        .map(({width, height, naturalWidth, naturalHeight, complete}) =>
            [width, height, naturalHeight / naturalWidth, complete]),
})"""
SOME = "index.html", "notebooks/01_cross_correlation.html", "notebooks/11_alexnet.html"


def build(root):
    """The site of the book in this folder: {page: its HTML, parsed}, and where it lies."""
    for needed in ("sphinx", "myst_nb", "sphinx_book_theme", "sphinx_copybutton"):
        assert importlib.util.find_spec(needed), f"{needed} is missing: pip install -e '.[docs]'"
    from bs4 import BeautifulSoup  # comes with the theme
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils
    docs, out, said = root / "docs", root / "docs" / "_build" / "html", StringIO()
    with warnings.catch_warnings(), patch_docutils(docs), docutils_namespace():
        for kind in (DeprecationWarning, PendingDeprecationWarning):  # what a command would not say
            warnings.simplefilter("ignore", kind)
        # In this process, which has imported torch already.
        app = Sphinx(docs, docs, out, root / "doctrees", "html", status=None, warning=said)
        app.build()
    assert (app.statuscode, said.getvalue()) == (0, "")
    texts = {path.relative_to(out).as_posix(): path.read_text("utf-8")
             for path in out.rglob("*.html") if "_static" not in path.parts}
    colours = re.compile(r'<span class="\w{1,2}">([^<]*)</span>')  # of code: half of all tags
    return out, {name: BeautifulSoup(colours.sub(r"\1", text), "html.parser")
                 for name, text in texts.items()}


def copy_of_the_book(folder):
    """All that the site is made of, so that nothing is written here, and two pages more."""
    made = shutil.ignore_patterns("_build", "notebooks", "__pycache__", ".*")
    for part in ("docs", "figures", "lenet_book"):
        shutil.copytree(ROOT / part, folder / part, ignore=made)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copy(ROOT / "README.md", folder)
    heading = nbformat.v4.new_markdown_cell("# A page")
    for name, cells in {"98_odd": [heading, odd_demo()], "99_plain": [heading]}.items():
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
        nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")
    return folder


def odd_demo():
    """A cell with a demo whose words would be tags and quotes if they were not escaped."""
    with demos.padding_stride(n=7) as demo:
        data, _ = demo._repr_mimebundle_()
    data = {"image/png": PIXEL, "text/plain": "[padding_stride] 8 < 9.",
            MIME: json.loads(json.dumps(data[MIME])) | ODD}
    output = nbformat.v4.new_output("execute_result", data, execution_count=1,
                                    metadata={"image/png": {"alt": "an 8", "width": 5, "height": 5}})
    return nbformat.v4.new_code_cell("demos.padding_stride(7)", outputs=[output], execution_count=1)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return build(copy_of_the_book(tmp_path_factory.mktemp("book")))


@pytest.fixture(scope="module")
def pages(site):
    return site[1]


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request, pages):
    """(notebook, its page)"""
    return notebook(request.param.stem), pages[f"notebooks/{request.param.stem}.html"]


def results(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]


def test_every_picture_keeps_its_text_and_size(chapter):
    notebook, page = chapter
    saved = [output.metadata["image/png"] for output in results(notebook) if "image/png" in output.data]
    shown = page.select("article img")
    assert [image["alt"] for image in shown] == [about["alt"] for about in saved]
    assert [int(image["width"]) for image in shown] == [about["width"] for about in saved]


def test_hints_and_solutions_are_folded(chapter):
    notebook, page = chapter
    solutions = sum("solution" in cell.metadata.get("tags", []) for cell in notebook.cells)
    hints = sum(cell.source.count("<details>") for cell in notebook.cells)
    assert len(page.select("details.solution")) == solutions
    assert len(page.select("article details")) == solutions + hints
    assert not page.select("details[open]")
    for cell in notebook.cells:  # and nowhere else
        if "solution" in cell.metadata.get("tags", []):
            code = cell.source.splitlines()[1]
            assert any(code in box.get_text() for box in page.select("details.solution"))


def test_formulas_are_typeset_and_nothing_is_left_raw(chapter):
    notebook, page = chapter
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    written = sum(source.count("$") // 2 for source in prose)
    assert len(page.select(".math .katex")) == pytest.approx(written, abs=written / 2)
    assert (written > 0) == bool(page.select(".math .katex"))
    assert not page.select(".katex-error")
    article = page.select_one("article")
    for out_of_sight in article.select(".katex, pre, code"):
        out_of_sight.decompose()
    assert not re.search(r"\$|\\[a-z]+|^\[\w+\] ", article.get_text(), re.MULTILINE)


def test_every_demo_can_be_brought_to_life(chapter):
    notebook, page = chapter
    saved = [output.data[MIME] for output in results(notebook) if MIME in output.data]
    assert [json.loads(demo["data-demo"]) for demo in page.select("[data-demo]")] == saved
    assert len(saved) == sum(bool(re.search(r"^(demo = )?demos\.\w+\(", cell.source, re.MULTILINE))
                             for cell in notebook.cells if cell.cell_type == "code")


def test_all_links_and_anchors_lead_somewhere(site):
    out, pages = site
    anchors = {name: {tag["id"] for tag in page.find_all(id=True)} for name, page in pages.items()}
    for name, page in pages.items():
        for link in page.find_all("a", href=True):
            parts = urlsplit(link["href"])
            if parts.scheme in ("http", "https"):
                continue
            target = (out / name).parent / unquote(parts.path) if parts.path else out / name
            assert target.exists(), f"{name}: {link['href']}"
            if parts.fragment:
                there = anchors[target.resolve().relative_to(out.resolve()).as_posix()]
                assert unquote(parts.fragment) in there, f"{name}: {link['href']}"
    assert pages["notebooks/00_start_here.html"].select('article a[href="05_receptive_field.html"]')


def test_what_folds_has_a_name(pages):
    folds = [fold for page in pages.values() for fold in page.select("summary")]
    assert len(folds) > 100
    assert not [fold for fold in folds if not (fold.get_text().strip() or fold.get("aria-label"))]


def test_chinese_words_say_that_they_are(pages):
    article = pages["glossary.html"].select_one("article")
    words = {script: [word.extract().get_text() for word in article.select(f'[lang="zh-{script}"]')]
             for script in ("hans", "hant")}
    assert len(words["hans"]) > 60 and len(words["hant"]) > 60
    assert {"卷积", "数据增强"} <= {*words["hans"]}
    assert {"卷積", "資料增強、資料擴增"} <= {*words["hant"]}
    assert not re.search("[\u3400-\u9fff]", article.get_text())  # what is not in such a word


def test_a_chapter_has_the_next_one_and_its_notebook(site):
    out, pages = site
    page = pages["notebooks/05_receptive_field.html"]
    assert page.select_one("a.left-prev")["href"] == "04_pooling.html"
    assert page.select_one("a.right-next")["href"] == "06_lenet5_layer_by_layer.html"
    download = page.select_one('a[href$=".ipynb"]')["href"]
    saved = ROOT / "notebooks" / "05_receptive_field.ipynb"
    assert (out / "notebooks" / download).read_bytes() == saved.read_bytes()


def test_nothing_is_asked_of_another_host(site):
    out, pages = site
    for name, page in pages.items():
        asked = [*page.select("[src], [srcset], link[href]")]
        addresses = [tag.get("src") or tag.get("srcset") or tag["href"] for tag in asked]
        addresses += re.findall(r"url\(([^)]*)\)", (out / name).read_text("utf-8"))
        assert not [address for address in addresses if "//" in address.partition("data:")[0]], name
    for path in out.rglob("*.css"):
        found = re.findall(r"""(?:url\(|@import)\s*["']?([^)"']*)""", path.read_text("utf-8"))
        assert not [address for address in found if re.match(r"(https?:)?//", address)], path


def test_the_style_of_formulas_is_of_the_version_that_typesets_them():
    from sphinxcontrib.katex import katex_version
    folder = ROOT / "lenet_book" / "slides" / "katex"
    style = (folder / "katex.min.css").read_text()
    assert f'"{katex_version}"' in style
    assert f'version:"{katex_version}"' in (folder / "katex.min.js").read_text()  # that of the slides
    assert {folder / font for font in re.findall(r"url\(([^)]*)\)", style)} == {*folder.glob("fonts/*")}


def test_a_demo_keeps_its_picture_and_sentence_and_its_scripts_are_on_its_page_only(site):
    out, pages = site
    box = pages["notebooks/98_odd.html"].select_one("div.lenet-demo")
    assert json.loads(box["data-demo"])["label"] == ODD["label"]
    assert (box.img["alt"], box.get_text().strip()) == ("an 8", "8 < 9.")
    front = pages["index.html"].select_one("div.lenet-demo")
    assert json.loads(front["data-demo"])["name"] == "draw_digit" and "Draw a digit" in front.get_text()
    for name in ("index.html", "notebooks/98_odd.html"):
        script, = [tag for tag in pages[name].select("script[src]") if "live/" in tag["src"]]
        assert script.has_attr("defer")
    assert not [tag for tag in pages["notebooks/99_plain.html"].select("[src], [href]")
                if "live/" in (tag.get("src") or tag["href"])]
    for name in alone.FILES:
        assert (out / "_static" / "live" / "data" / f"{name}.js").stat().st_size > 1000


def test_without_node_one_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    extension = importlib.import_module("extension")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"^node, .*, is not installed; get it from "):
        extension.collect(SimpleNamespace(confdir=ROOT / "docs", srcdir=tmp_path), None)
    assert not [*tmp_path.iterdir()]


@pytest.fixture(scope="module")
def browser():
    from browser.lab import chromium
    with chromium(shutil.which("chromium") or shutil.which("chromium-browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def opened(browser, site):
    """A tab in which each page has been opened from the disk, once, and then got another width.

    measured: (page, width of the window, what MEASURES finds)
    """
    tab = browser.new_page()
    tab.problems, tab.asked, tab.measured = [], Counter(), []
    tab.on("console", lambda said: tab.problems.append(said.text) if said.type == "error" else None)
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("request", lambda request: tab.asked.update([urlsplit(request.url).scheme]))
    for name in sorted(site[1], key=lambda name: name.startswith("notebooks/")):
        widths = [390, *[640] * name.startswith("notebooks/"), *[1280] * (name in SOME)]
        widths.sort(key=lambda width: width != tab.viewport_size["width"])  # begin with what it is
        for width in widths:
            if width != tab.viewport_size["width"]:
                tab.set_viewport_size({"width": width, "height": 800})
            if width == widths[0]:
                tab.goto((site[0] / name).as_uri())
            tab.measured.append((name, width, tab.evaluate(MEASURES)))
    yield tab
    tab.close()


@pytest.mark.parametrize("width", [390, 640])
def test_no_formula_is_cut_on_a_narrow_page(width, opened):
    found = 0
    for name, at, measured in opened.measured:
        if at == width:
            cut = [(room, needed) for room, needed in measured["formulas"] if needed > room > 0]
            assert not cut, name
            found += len(measured["formulas"])
    assert found > 10


def test_a_dark_page_is_printed_as_a_light_one(browser, site):
    tab = browser.new_page(color_scheme="dark")
    tab.goto((site[0] / "notebooks" / "05_receptive_field.html").as_uri())
    ink = "getComputedStyle(document.querySelector('article p')).color"
    tab.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = {ink}; }})")
    dark = tab.evaluate(ink)
    tab.pdf()
    light = tab.evaluate("printed")
    assert min(map(int, re.findall(r"\d+", dark))) > 150 > 80 > max(map(int, re.findall(r"\d+", light)))
    assert tab.evaluate(ink) == dark
    tab.close()


def test_from_disk_it_asks_nobody_and_fits(opened, site):
    for name, width, measured in opened.measured:
        assert measured["page"] <= width, name
        for wide, high, share, shown in measured["images"]:
            assert 0 < wide <= width, name
            assert high / wide == pytest.approx(share, rel=0.05) and shown, name
    assert {width for _, width, _ in opened.measured} == {390, 640, 1280}
    opened.goto((site[0] / "search.html").as_uri() + "?q=subsampling")
    opened.wait_for_selector("#search-results li")
    assert not opened.problems
    assert set(opened.asked) <= {"file", "data"}
