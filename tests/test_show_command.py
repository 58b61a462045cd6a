"""python -m lenet_book show: a demo's page, where it lies and who opens it."""

from pathlib import Path

import pytest

from lenet_book import __main__, show


@pytest.fixture
def desk(monkeypatch, tmp_path):
    """A machine with a screen, of nobody; gives what its browser is asked to open."""
    asked = []
    monkeypatch.setattr(show.webbrowser, "open", lambda url: asked.append(url) or True)
    monkeypatch.setattr(show.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(show, "SNAPS", tmp_path / "none")
    monkeypatch.setattr(show.sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    return asked


def test_show_opens_a_page_that_stays(desk, tmp_path, capsys):
    assert __main__.main(["show", "padding_stride", "s=3"]) == 0
    path = Path(capsys.readouterr().out.rstrip("\n"))
    assert desk == [path.as_uri()] and path.name == "padding_stride.html"
    assert path.parent.parent == tmp_path and path.parent.stat().st_mode & 0o077 == 0
    html = path.read_text(encoding="utf-8")
    assert "lenet-full" in html and "&quot;value&quot;: 3" in html and "src=" not in html


def test_show_puts_the_page_where_a_browser_from_a_snap_reads_it(desk, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(show, "SNAPS", tmp_path)
    for _ in range(2):
        assert __main__.main(["show", "training"]) == 0
    path = tmp_path / "lenet-book-pages" / "training.html"  # in no hidden folder
    assert desk == [path.as_uri()] * 2 and path.is_file()
    assert "replays a recorded run" in capsys.readouterr().out


def test_show_out_keeps_the_page_and_opens_nothing(desk, tmp_path, capsys):
    assert __main__.main(["show", "inception", "-o", str(tmp_path / "a.html")]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/a.html\n" and not desk


@pytest.mark.parametrize(("platform", "environment", "opens"), [
    ("linux", {"DISPLAY": ""}, False), ("linux", {"DISPLAY": "", "WAYLAND_DISPLAY": "w"}, True),
    ("linux", {"DISPLAY": "", "BROWSER": "helper.sh"}, True), ("darwin", {"DISPLAY": ""}, True),
    ("darwin", {"DISPLAY": "", "SSH_CONNECTION": "a"}, False), ("win32", {"DISPLAY": ""}, True),
    ("linux", {"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "a"}, True)])
def test_show_without_a_screen_says_where_the_page_is(desk, monkeypatch, platform, environment, opens):
    monkeypatch.setattr(show.sys, "platform", platform)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (bool(show.opened(Path("/a/b.html"))), desk) == (opens, ["file:///a/b.html"] * opens)


def test_show_without_a_browser_says_what_to_do(desk, monkeypatch, capsys):
    monkeypatch.setattr(show.webbrowser, "open", lambda url: False)
    assert __main__.main(["show", "inception"]) == 0
    path, advice = capsys.readouterr().out.splitlines()
    assert Path(path).is_file() and "open this file in a browser, or copy it to" in advice
    monkeypatch.setenv("WSL_DISTRO_NAME", "Ubuntu")
    assert show.advice(Path("/tmp/a/b.html")).endswith(r"it is \\wsl.localhost\Ubuntu\tmp\a\b.html")


def test_show_lists_the_demos_and_the_settings_of_one(capsys):
    assert __main__.main(["show", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13 and all(line.endswith((".", "?")) and len(line) < 120 for line in lines)
    assert "pooling            Shift a digit and watch how much its pooled map changes" in lines[10]
    assert __main__.main(["show", "padding_stride", "--list"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("padding_stride: n, k, p, s, d, row, column, hidden\n")
    assert "s: stride, 1 to 5" in said and "hidden: True opens it with its answer hidden." in said


@pytest.mark.parametrize(("arguments", "message"), [
    ([], "which demo? There are ablation, architecture, c3"),
    (["padding"], "no demo is called 'padding'; did you mean padding_stride? There are "),
    (["zzz"], "no demo is called 'zzz'; there are ablation, architecture, c3"),
    (["zzz", "--list"], "no demo is called 'zzz'"), (["Demo"], "no demo is called 'Demo'"),
    (["padding_stride", "stride=2"],
     "padding_stride has no setting 'stride'; it has n, k, p, s, d, row, column, hidden: `show pad"),
    (["pooling", "projector=False"], "pooling has no setting 'projector'; it has digit, kind"),
    (["padding_stride", "s"], "a setting is written NAME=VALUE, not 's'"),
    (["padding_stride", "s=9"], "stride s must be from 1 to 5, not 9"),
    *((["padding_stride", f"s={value}"], f"stride s must be an integer, not '{value[:9]}")
      for value in ("two", "{[]:1}", "-" * 10**5 + "1", "(" * 300)),
    (["cross_correlation", "flip=yes"], "must be True or False, not 'yes'"),
    (["feature_maps", "index=5000"], "index is at most 199 on a page without a kernel, not"),
    (["training", "seed=2"], "training replays a recorded run here and has no settings"),
    (["pooling", "-o", "page.txt"], "must end in .html, not 'page.txt'")])
def test_what_cannot_be_shown(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        __main__.main(["show", *arguments])
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err
