"""A demo alone, as `show` makes its page: it fills the window, and `?` says what its keys are."""

import pytest
from lab import watched

from lenet_book.__main__ import main
from lenet_book.show import DEMOS

# Notes the words that the picture is painted with, and their size on the screen, in pixels.
NOTE_WORDS = """
    window.words = [];
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        const size = parseFloat(this.font.match(/([0-9.]+)px/)[1]);
        words.push([this.canvas, String(text), size]);
        return fillText.call(this, text, ...place);
    };"""
SEEN = """() => {
    const root = document.querySelector(".lenet-demo");
    const parts = [...root.querySelectorAll(
        ".lenet-controls :is(label, button, span, select), .lenet-buttons > *, .lenet-sentence, " +
        "canvas")];
    const boxes = parts.map((one) => one.getBoundingClientRect()).filter(({ width }) => width);
    const types = parts.filter((one) => /\\w/.test(one.innerText))
        .map((one) => parseFloat(getComputedStyle(one).fontSize));
    const painted = words.filter(([, text]) => /\\w/.test(text))
        .map(([canvas, , size]) => (size * canvas.clientWidth) / canvas.width);
    const [page, picture] = [document.documentElement, root.querySelector(".lenet-picture")];
    return {
        parts: boxes.length, painted: painted.length, width: picture.clientWidth,
        edges: [Math.min(...boxes.map(({ left }) => left)), Math.min(...boxes.map(({ top }) => top)),
                innerWidth - Math.max(...boxes.map(({ right }) => right)),
                innerHeight - Math.max(...boxes.map(({ bottom }) => bottom))],
        hidden: [page, root, ...root.querySelectorAll(".lenet-toggles")].flatMap((one) =>
            [one.scrollWidth - one.clientWidth, one.scrollHeight - one.clientHeight]),
        smallest: Math.min(...types, ...painted),
    };
}"""
LISTED = {  # a control, and what the list says of its keys
    "input[type=range]": "Home, End", "select": "another choice", "input[type=checkbox]": "on or off",
    "input[type=text]": "in a field", ".lenet-toggles": "from square to square",
    ".lenet-canvas": "Backspace"}
# What a click (or a drag) in the picture does by the docstrings and by trying, and a picture that a
# pointer can do nothing in.
POINTED = {
    "ablation": "a click or a drag sets map or unit and what is off;",
    "architecture": "a click or a drag sets layer;",
    "c3_connections": "a click sets the squares of the table;",
    "channels": "a click or a drag sets input maps added, row and column;",
    "cross_correlation": "a click or a drag sets row and column;", "inception": None, "training": None,
    "draw_digit": "a digit of MNIST can be chosen",
    "feature_maps": "a click or a drag sets shift right and shift down;",
    "find_the_digit": "a click or a drag sets row and column;",
    "padding_stride": "a click or a drag sets row and column;",
    "pooling": "a click or a drag sets shift right, shift down and pooling;",
    "receptive_field": "a click or a drag sets row and column;"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """name -> the page that the command writes."""
    folder = tmp_path_factory.mktemp("show")
    for name in DEMOS:
        assert main(["show", name, "--out", str(folder / f"{name}.html")]) == 0
    return {name: folder / f"{name}.html" for name in DEMOS}


@pytest.fixture(scope="module")
def tab(browser):
    """A page that notes what it asks for and what goes wrong."""
    tab = watched(browser.new_page(), "warning")
    tab.add_init_script(NOTE_WORDS)
    yield tab
    tab.close()


def resize(tab, width, height):
    tab.set_viewport_size({"width": width, "height": height})
    tab.wait_for_timeout(100)  # until the picture has its size


def load(tab, path):
    tab.asked.clear()
    tab.problems.clear()
    tab.set_viewport_size({"width": 1280, "height": 720})
    tab.goto(path.as_uri())
    tab.wait_for_function("() => document.querySelector('.lenet-sentence')?.textContent")
    resize(tab, 1280, 720)


def dialog_of(tab):
    return tab.get_by_role("dialog", name="The keys of this demo")


def check_the_list_of_keys(name, tab):
    dialog, button = dialog_of(tab), tab.get_by_role("button", name="? keys")
    tab.keyboard.press("?")  # nothing has the focus
    assert dialog.is_visible()
    box, said = dialog.bounding_box(), dialog.inner_text()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 720
    assert dialog.evaluate("one => one.scrollHeight <= one.clientHeight")
    for kind, words in LISTED.items():
        assert (words in said) == (tab.locator(kind).count() > 0), kind
    assert POINTED[name] in said if POINTED[name] else "a click" not in said
    tab.keyboard.press("?")
    assert dialog.count() == 0
    button.click()
    for _ in range(3):  # the focus stays inside, or goes to the bars of the browser
        assert tab.evaluate("document.activeElement.closest('dialog') || "
                            "document.activeElement === document.body")
        tab.keyboard.press("Tab")
    tab.keyboard.press("Escape")
    assert dialog.count() == 0 and button.evaluate("one => one === document.activeElement")
    button.press("Enter")
    dialog.get_by_role("button", name="close").click()
    assert dialog.count() == 0


def test_a_demo_can_open_with_its_answer_hidden(tab, tmp_path):
    """The crosses of padding_stride, too; with one window no other mark is red."""
    settings = ["n=6", "k=5", "s=2", "hidden=True"]
    assert main(["show", "padding_stride", *settings, "--out", str(tmp_path / "hidden.html")]) == 0
    load(tab, tmp_path / "hidden.html")

    def crossed():
        return tab.evaluate("""() => {
            const canvas = document.querySelector(".lenet-picture");
            const { data } = canvas.getContext("2d")
                .getImageData(0, 0, 0.34 * canvas.width, canvas.height);
            return data.some((red, i) => i % 4 === 0 && red > 190 && data[i + 2] < 60);
        }""")

    sentence = tab.locator(".lenet-sentence")
    assert "hidden" in sentence.text_content() and not crossed()
    tab.get_by_role("button", name="show the answer").click()
    assert "output 1 × 1" in sentence.text_content() and crossed()
    tab.get_by_role("button", name="reset").click()  # as it opened: hidden
    assert tab.get_by_role("button", name="show the answer").is_visible()
    assert "hidden" in sentence.text_content() and not crossed()


@pytest.mark.parametrize("name", DEMOS)
def test_a_demo_fills_the_window_and_a_question_mark_opens_the_list_of_keys(name, pages, tab):
    load(tab, pages[name])
    check_the_list_of_keys(name, tab)
    tab.evaluate("document.activeElement.blur()")
    for width, height in (1280, 720), (1920, 1080), (810, 1080):
        resize(tab, width, height)
        tab.evaluate("words.length = 0")
        tab.get_by_role("button", name="reset").click()  # which paints all words anew, at their size
        seen = tab.evaluate(SEEN)
        assert seen["parts"] > 10 and seen["painted"] > 3
        assert min(seen["edges"]) >= 0 and max(seen["hidden"]) <= 0, (width, height, seen)
        beside = 0.37 * width if name == "draw_digit" and width > height else 0  # the canvas
        assert seen["width"] >= 0.88 * (width - beside)
        if width > height:
            assert seen["smallest"] >= 20 * height / 720, (width, height, seen)
    assert not tab.problems and not [url for url in tab.asked if not url.startswith("file:")]


@pytest.mark.parametrize("name", DEMOS)
def test_a_frozen_picture_is_seen_whole_in_the_place_of_the_other(name, pages, tab):
    load(tab, pages[name])
    live = tab.locator(".lenet-picture").first
    place = live.bounding_box()
    tab.get_by_role("button", name="freeze").click()
    tab.wait_for_timeout(100)
    seen = tab.evaluate(SEEN)
    assert min(seen["edges"]) >= 0 and max(seen["hidden"]) <= 0 and live.bounding_box() == place, seen
    tab.get_by_role("button", name="swap").click()
    frozen, caption = tab.locator(".lenet-frozen canvas"), tab.locator(".lenet-frozen figcaption")
    assert frozen.bounding_box() == pytest.approx(place) and not live.is_visible()
    assert caption.evaluate("one => one.scrollHeight <= one.clientHeight")
    for label in "unfreeze", "swap":
        assert tab.get_by_role("button", name=label).is_visible()
    resize(tab, 1280, 640)
    box = frozen.bounding_box()
    assert frozen.is_visible() and box["y"] + box["height"] <= 640
    assert not tab.problems


def test_a_sentence_that_grows_takes_its_room_from_the_picture(pages, tab):
    load(tab, pages["c3_connections"])
    tab.evaluate("document.querySelector('.lenet-sentence').style.minHeight = '250px'")
    tab.wait_for_timeout(200)
    seen = tab.evaluate(SEEN)
    assert seen["width"] < 1240 and seen["hidden"][:4] == [0, 0, 0, 0]


def test_a_question_mark_in_a_field_is_one(pages, tab):
    load(tab, pages["cross_correlation"])
    field = tab.locator("input[type=text]")
    field.fill("")
    field.press("?")
    assert field.input_value() == "?" and dialog_of(tab).count() == 0
    tab.get_by_role("slider", name="row").press("?")
    assert dialog_of(tab).count() == 1
    tab.keyboard.press("Escape")
    tab.keyboard.press("Control+?")
    assert dialog_of(tab).count() == 0


def test_settings_are_how_it_begins(tab, tmp_path):
    out = tmp_path / "page.html"
    assert main(["show", "cross_correlation", "kernel=0 1; 2 3", "flip=True", "row=4", "image=digit 3",
                 "-o", str(out)]) == 0
    load(tab, out)
    values = tab.locator(".lenet-demo").evaluate("el => el.values()")
    assert values == {"image": "digit 3", "kernel": "typed by you", "numbers": "0 1; 2 3", "flip": True,
                      "row": 4, "column": 15}
    assert "Convolution, window at row 4" in tab.locator(".lenet-sentence").text_content()
