"""What a reader photographs comes back as a digit of MNIST, or is refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from photographs import clean, photograph
from PIL import Image

from lenet_book import mnist, models
from lenet_book.mnist import photos

TRAIN, TEST = mnist.load_mnist()
ALL_NEW = TRAIN[55_000:]  # on these the thresholds of photos.py were chosen, and never on TEST
A_PAGE = np.full((120, 160), 200, np.uint8)


@pytest.fixture(scope="module")
def errors():
    """Wrong answers of the modern net in percent, for images of these labels."""
    net = models.pretrained("lenet5")

    def count(images, labels):
        digits = mnist.Digits(images, labels)
        with torch.no_grad():
            answers = net.predict(net(digits.inputs(net.input_size, net.scaling)))
        return 100 * (answers != labels).float().mean().item()
    return count


def read_as_one(picture):
    """The digit in it, or an empty image where it is refused or taken for several."""
    try:
        images = mnist.from_image(picture).images
    except ValueError:
        images = ()
    return images[0] if len(images) == 1 else torch.zeros(28, 28, dtype=torch.uint8)


def test_photographed_test_digits_are_read(errors, record_property):
    """200 of them; simply shrunk to 28 x 28 they are not."""
    some, random = TEST.subset(200, seed=0), np.random.default_rng(0)
    taken = [photograph(image, random) for image in some.images]
    read = [read_as_one(picture) for picture in taken]
    shrunk = [torch.from_numpy(np.array(Image.fromarray(picture).convert("L").resize((28, 28))))
              for picture in taken]
    figures = {name: errors(torch.stack(images), some.labels) for name, images in (
        ("as they were", [*some.images]), ("from_image", read),
        ("shrunk", shrunk))}
    record_property("errors in percent", figures)
    assert figures["from_image"] <= 3, figures
    assert figures["shrunk"] > 40, figures


def difference(image, wanted):
    """Mean absolute difference, shifted by up to a pixel where that is less: grey values of 255."""
    shifts = [image.float().roll((down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return min((shift - wanted.float()).abs().mean().item() for shift in shifts)


# An image of MNIST has a mean of 33. Of all 5,000, as they are, 20 differ by 8 or more, or are in two
# pieces; the mean difference is 1.2.
@pytest.mark.parametrize(("enlarged", "least"), [(False, 8), (True, 15)])
def test_digits_come_back_nearly_themselves(enlarged, least):
    random, strange = np.random.default_rng(0), []
    for number in range(0, 5000, 20):
        image, dark = ALL_NEW.images[number], random.random() < 0.5
        page = (clean(image, random, random.integers(56, 201), dark) if enlarged
                else image if dark else 255 - image)
        back = read_as_one(page)
        strange += [number] if difference(back, image) >= least or back.max() != 255 else []
    assert len(strange) <= 5, strange


@given(st.integers(0, 4999), st.integers(0, 60), st.integers(0, 80), st.sampled_from([1, 2, 3]))
@settings(max_examples=25)
def test_place_and_size_do_not_matter(number, top, left, scale):
    """The same ink elsewhere on the sheet, and each pixel of the picture two or three times as wide."""
    ink = ALL_NEW.images[number].numpy().repeat(3, axis=0).repeat(3, axis=1)
    page = np.zeros((150, 170), np.uint8)
    page[top:top + 84, left:left + 84] = ink
    middle = np.zeros((150, 170), np.uint8)
    middle[33:33 + 84, 43:43 + 84] = ink
    wanted, = mnist.from_image(middle).images
    back, = mnist.from_image(page.repeat(scale, axis=0).repeat(scale, axis=1)).images
    assert difference(back, wanted) < 8


def written(digits, gap=12, enlarged=4):
    """A row of digits, light on dark, so many pixels apart."""
    cut = [image[:, image.any(axis=0)] for image in
           (image.numpy().repeat(enlarged, axis=0).repeat(enlarged, axis=1) for image in digits.images)]
    space = np.zeros((28 * enlarged, gap), np.uint8)
    row = np.concatenate([part for image in cut for part in (image, space)], axis=1)
    return np.pad(row, 20)  # with paper all round


@given(st.lists(st.integers(0, 4999), min_size=1, max_size=6), st.integers(8, 60))
@settings(max_examples=20)
def test_a_row_is_read_from_left_to_right(numbers, gap):
    digits = ALL_NEW[numbers]
    back = mnist.from_image(written(digits, gap))
    assert back.labels is None
    assert len(back) == len(digits)
    for image, wanted in zip(back.images, digits.images, strict=True):
        assert difference(image, wanted) < 21


def with_ink(*parts, page=A_PAGE):
    page = page.copy()
    for part in parts:
        page[part] = 20
    return page


@pytest.mark.parametrize(("bar", "why"), [
    (np.s_[20:30, 44:84], "above"), (np.s_[20:30, 78:110], "above, half beside"),
    (np.s_[60:70, 90:120], "low and beside"), (np.s_[41:43, 40:60], "nearly touching")])
def test_broken_strokes_of_one_digit_stay_together(bar, why):
    body, belly = np.s_[44:108, 40:52], np.s_[98:108, 40:84]  # of a five
    page = with_ink(body, belly, bar)
    assert len(mnist.from_image(page)) == 1, why
    assert mnist.image_steps(page)["ink"][bar].mean() > 0.9  # and the part is still there


def test_two_low_strokes_side_by_side_belong_to_the_digit():
    page = with_ink(np.s_[20:100, 20:32], np.s_[76:92, 60:70], np.s_[76:92, 92:102])
    assert len(mnist.from_image(page)) == 1


STROKES = st.tuples(st.integers(0, 110), st.integers(0, 150), st.integers(1, 70), st.integers(1, 40))


@given(st.lists(STROKES, max_size=8))
@settings(max_examples=150)
def test_any_strokes_are_digits_or_are_refused_in_a_sentence(strokes):
    page = with_ink(*(np.s_[top:top + height, left:left + width]
                      for top, left, height, width in strokes))
    try:
        images, refusal = mnist.from_image(page).images, ""
    except ValueError as error:
        images, refusal = torch.zeros(0, 28, 28), str(error)
    assert images.flatten(1).any(1).all()
    assert len(images) or any(word in refusal for word in ("blank", "paper", "crop")), refusal


def test_specks_are_no_digits():
    one = np.s_[30:90, 70:80]
    clean_one = mnist.from_image(with_ink(one)).images
    both = mnist.from_image(with_ink(one, np.s_[10:13, 20:23], np.s_[100:103, 140:143])).images
    assert len(both) == 1 and difference(both[0], clean_one[0]) < 2


def test_the_steps_can_be_drawn():
    page = 255 - written(TEST[:3])
    steps = mnist.image_steps(page)
    assert list(steps) == ["grey", "even light", "ink", "digits"]
    for name, step in steps.items():
        assert step.dtype == torch.float32 and 0 <= step.min() < step.max() <= 1
        assert step.shape == ((28, 3 * 28) if name == "digits" else page.shape)
    images = mnist.from_image(page).images
    assert torch.equal(torch.cat([*images], dim=1), (255 * steps["digits"]).round().byte())


def test_no_side_is_longer_than_a_thousand_pixels():
    page = Image.fromarray(255 - TEST.images[0].numpy()).resize((2800, 1400))
    assert mnist.image_steps(page)["grey"].shape == (500, 1000)


def blank(random, shade=0.5):
    return photograph(np.zeros((28, 28), np.uint8), random, side=160, shade=shade)


FRAME = np.pad(A_PAGE[12:-12, 12:-12], 12, constant_values=10)


@pytest.mark.parametrize(("page", "message"), [
    (A_PAGE, "blank, .* differs from the paper by 0%, and the paper from itself by 0%"),
    (0 * A_PAGE, "blank"), (A_PAGE[:1, :1], "blank"),
    (A_PAGE[:1], "blank"), (np.eye(9)[:, :0], "empty: 9 x 0"),
    *((blank(np.random.default_rng(seed)), "blank") for seed in range(6)),
    (with_ink(np.s_[30:90, 70:80], page=FRAME), "leave nothing but paper around"),
    (with_ink(np.s_[:, :10], np.s_[30:90, 70:80]),
     "ink would cover 25% of the picture's edge; leave paper all round"),
    *((with_ink(np.s_[:, :width], np.s_[30:90, 70:80]), "the paper would have .* and [01]% in another")
      for width in (20, 30, 40)),
    (with_ink(np.s_[60:63, 5:155]), "wide and .* high is no digit; crop lines away"),
    (with_ink(np.s_[10:50, 40:50], np.s_[70:110, 40:50]), "one below the other; crop .* to one row"),
], ids=lambda value: value if isinstance(value, str) else "page")
def test_what_is_no_row_of_digits_is_refused(page, message):
    with pytest.raises(ValueError, match=message):
        mnist.from_image(page)


def test_digits_of_mnist_are_centred_as_they_were():
    """Cut out of its background and centred again, each lies exactly where MNIST has it."""
    for image in TEST.images[:2000]:
        rows, columns = image.any(dim=1).nonzero(), image.any(dim=0).nonzero()
        cut = image[rows[0, 0]:rows[-1, 0] + 1, columns[0, 0]:columns[-1, 0] + 1]
        assert torch.equal(photos.centred(cut.numpy() / 255), image)
