"""The picture that moves: what is committed is what the code draws, and it shows what it says."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from lenet_book import film, models
from lenet_book.demos.ink import drawn
from lenet_book.mnist import Digits

DRAWINGS = [*film.drawings()]


@pytest.fixture(scope="module")
def frames():
    return [film.frame(strokes) for strokes, _ in DRAWINGS]


def alike(one, other):
    """The same but for a few pixels: another processor rounds otherwise, another Pillow writes so."""
    one, other = (np.asarray(image.convert("RGB")).astype(int) for image in (one, other))
    return one.shape == other.shape and (abs(one - other).max(axis=2) > 8).mean() < 0.02


def test_committed_animation_is_what_the_code_draws(frames, pytestconfig):
    folder = pytestconfig.rootpath / "figures"
    path = folder / "draw_digit.webp"
    assert path.stat().st_size <= 500_000
    with Image.open(path) as committed:
        assert committed.info["loop"] == 0  # for ever
        shown, times = [], []
        for image in ImageSequence.Iterator(committed):
            shown.append(image.convert("RGB"))
            times.append(committed.info["duration"])
    assert times == [time for _, time in DRAWINGS]
    assert 5_000 < sum(times) < 12_000
    for number, (image, (made, _)) in enumerate(zip(shown, frames, strict=True)):
        assert alike(image, made), f"frame {number} is not what the code draws: run make figures"
    with Image.open(folder / "draw_digit.png") as still:
        assert alike(still, frames[-1][0])
    assert not alike(frames[0][0], frames[-1][0])


def test_what_is_said_is_what_the_net_reads(frames):
    net = models.pretrained("lenet5-1998")
    for (strokes, _), (_, said) in list(zip(DRAWINGS, frames, strict=True))[1:]:
        digit = Digits(drawn(strokes, film.PEN / 100)[None], torch.zeros(1, dtype=torch.int64))
        with torch.no_grad():
            distances = net(digit.inputs(32, "paper"))
        assert said.startswith(f"Your drawing is read as {distances.argmin().item()}: ")


def test_one_more_stroke_turns_the_3_into_an_8(frames):
    held = [(len(strokes), said[:26])
            for (strokes, time), (_, said) in zip(DRAWINGS, frames, strict=True) if time > 1000]
    assert held[1:] == [(1, "Your drawing is read as 3:"), (2, "Your drawing is read as 8:")]
    for strokes, _ in DRAWINGS:
        assert all(((stroke > 0) & (stroke < 1)).all() for stroke in strokes)


def test_the_pen_is_seen_on_the_canvas(frames):
    """Where the strokes go it is dark, and elsewhere on the canvas white."""
    left, top = film._CANVAS
    canvas = np.asarray(frames[-1][0].convert("L"))[2 * top:2 * (top + film._SIDE),
                                                    2 * left:2 * (left + film._SIDE)]
    points = np.concatenate(DRAWINGS[-1][0]) * 2 * film._SIDE
    assert (canvas[points[:, 1].astype(int), points[:, 0].astype(int)] < 60).all()
    places = np.stack(np.mgrid[:canvas.shape[0]:9, :canvas.shape[1]:9], axis=-1).reshape(-1, 2)[:, ::-1]
    apart = np.linalg.norm(places[:, None] - points, axis=2).min(axis=1)
    far = places[(apart > film.PEN / 100 * film._SIDE + 3) & (places > 4).all(axis=1)]
    assert len(far) > 500 and (canvas[far[:, 1], far[:, 0]] == 255).all()
