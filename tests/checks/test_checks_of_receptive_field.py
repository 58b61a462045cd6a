"""Chapter 05's exercises: right answers, and wrong ones with words of the reason."""

import copy
from functools import partial

import numpy as np
import torch
from every_exercise import *  # noqa: F403  the tests that the tables below are for

from lenet_book.receptive_field import ReceptiveField, measure

CHAPTER = 5


def all_pixels(unit, layers):
    seen = {unit}
    for k, s, p, d in reversed(layers):
        seen = {u * s - p + d * t for u in seen for t in range(k)}
    return [min(seen), max(seen)]


def by_record(unit, layers):
    field = ReceptiveField()
    for layer in layers:
        field = field.then(*layer)
    first = field.start + unit * field.jump - (field.size - 1) / 2
    return first, first + field.size - 1


def by_recursion(unit, layers):
    return tuple(end(unit, layers) for end in (first_of, last_of))


def first_of(unit, layers):
    return unit if not layers else first_of(unit * layers[-1][1] - layers[-1][2], layers[:-1])


def last_of(unit, layers):
    if not layers:
        return unit
    *below, (k, s, p, d) = layers
    return last_of(unit * s - p + (k - 1) * d, below)


def walked(unit, layers, order=reversed, sides=1, strided=True, later=False, last_padding=-1,
           reach=lambda k, d: d * (k - 1)):
    """Right as it stands, both ends; each argument makes one mistake."""
    first = last = unit
    for k, s, p, d in order(layers):
        s, p = s if strided else 1, sides * p
        first = (first - p) * s if later else first * s - p
        last = ((last - p) * s if later else last * s + last_padding * p) + reach(k, d)
    return first, last


walks = partial(partial, walked)


def from_the_last_unit(unit, layers):
    """The last pixel counted from the first unit of the layer above, and not from its last."""
    first = last = unit
    for k, s, p, d in reversed(layers):
        first = first * s - p
        last = first + d * (k - 1)
    return first, last


def reordered(*order):
    """Takes the numbers of a layer for others: order says which stands where."""
    return lambda unit, layers: walked(unit, [[layer[i] for i in order] for layer in layers])


def centred(unit, layers, padding, half):
    """A unit taken for the middle of its window, with the padding taken away, left out, or added."""
    first = last = unit
    for k, s, p, d in reversed(layers):
        first, last = (end * s + padding * p + side * half(k, d) for end, side in (
            (first, -1), (last, 1)))
    return first, last


def in_first_round(unit, layers):
    first = last = unit
    for k, s, p, d in reversed(layers):
        first, last = first * s - p, last * s - p + d * (k - 1)
        return first, last


def turned_in_place(unit, layers):
    layers.reverse()
    return all_pixels(unit, layers[::-1])


def first_and_last_pixel(model, shape, unit):
    pixels = gradient_of(model, shape, unit).nonzero()
    return pixels[0, 1], pixels[-1, 1], pixels[0, 2], pixels[-1, 2]


def gradient_of(model, shape, unit, maps=slice(None), image=torch.randn):
    """C x H x W."""
    x = image(1, *shape).requires_grad_()
    model(x)[0, maps, unit[0], unit[1]].sum().backward()
    return x.grad[0]


def ends(seen):
    rows, columns = np.nonzero(np.asarray(seen))
    return rows.min(), rows.max(), columns.min(), columns.max()


def by_numpy(model, shape, unit):
    return ends((gradient_of(model, shape, unit) != 0).any(0))


def above(model, shape, unit, least=0.0, of_largest=0.0):
    size = gradient_of(model, shape, unit).abs().sum(0)
    return ends(size > least + of_largest * size.max())


def away_from_zero(model, shape, unit):
    gradient = gradient_of(model, shape, unit)
    return ends((~torch.isclose(gradient, torch.zeros(()))).any(0))


def with_ones(model, shape, unit):
    """Changes a net that lies beside its copy, which it measures."""
    found = by_numpy(copy.deepcopy(model), shape, unit)
    for p in model.parameters():
        p.data.fill_(1)
    return found


def at_zero(model, shape, unit):
    """Where the image is even; the gradient's sizes, added up."""
    size = gradient_of(model, shape, unit, image=torch.zeros).abs().sum(0)
    down, across = size.sum(1) > 0, size.sum(0) > 0
    return [end for line in (down, across) for end in (
        line.int().argmax(), len(line) - 1 - line.flip(0).int().argmax())]


def square_at_zero(model, shape, unit):
    x = torch.zeros(1, *shape, requires_grad=True)
    (model(x)[0, :, unit[0], unit[1]] ** 2).sum().backward()
    return ends((x.grad[0] != 0).any(0))


def fourth_powers(model, shape, unit):
    return ends((gradient_of(model, shape, unit) ** 4).sum(0) > 0)


def map_by_map(model, shape, unit):
    x = torch.rand(shape).requires_grad_()
    seen = torch.zeros(shape[1:], dtype=torch.bool)
    for one in model(x[None])[0]:
        gradient, = torch.autograd.grad(one[unit], x, retain_graph=True)
        seen |= gradient.ne(0).any(0)
    return ends(seen)


def by_change(model, shape, unit):
    """Without any gradient: change every pixel, in float64."""
    model, x = copy.deepcopy(model).double(), torch.rand(1, *shape).double()
    seen = torch.zeros(shape[1:], dtype=torch.bool)
    with torch.no_grad():
        before = model(x)[0, :, unit[0], unit[1]]
        changed = x.repeat(seen.numel(), 1, 1, 1)
        rows, columns = torch.cartesian_prod(*map(torch.arange, shape[1:])).T
        for channel in range(shape[0]):
            many = changed.clone()
            many[torch.arange(len(many)), channel, rows, columns] += 5
            change = torch.cat([model(some)[:, :, unit[0], unit[1]] for some in many.split(50)])
            seen |= (change - before).abs().amax(1).gt(1e-13).view(seen.shape)
    return ends(seen)


def by_the_package(model, shape, unit):
    rows, columns = measure(model, shape, "2", unit).window
    return rows[0], rows[-1], columns[0], columns[-1]


STACK = [(3, 2), (3, 2), (3, 2), (3, 1)]

RIGHT = {
    "layers_that_see_a_digit": [(14,), (14.0,), (torch.tensor(14),), (np.int64(14),)],
    "stack_that_sees_a_digit": [(STACK,), ([(3, 2)] * 4,), (torch.tensor(STACK),),
                                (((2, 2), [3, 2], (3, 2), (3, 1)),), (np.array(STACK),)],
    "field_by_hand": [((11, 4, 2),), ([11, 4, 2.0],), (torch.tensor([11, 4, 2]),),
                      (ReceptiveField().then(7, 2, 3).then(3, 2),)],
    "window_from_the_top": [(all_pixels,), (by_record,), (by_recursion,)],
    "window_by_gradient": [(by_numpy,), (at_zero,), (map_by_map,), (by_change,),
                               (square_at_zero,), (fourth_powers,)],
}

WRONG = {  # (words that name the error, answer)
    "layers_that_see_a_digit": [
        ("half a layer", 13.5), ("with 13 layers a unit sees 27 pixels", 13), ("and not one", 27),
        ("and not one", 28), ("not three", 9), ("not three", 10), ("fewer are enough", 15),
        ("with 0 layers a unit sees 1 pixel", 0), ("with 1 layer a", 1),
        ("negative", -3), ("must be a number", "14"), ("finite", float("inf"))],
    "stack_that_sees_a_digit": [
        ("with 3 layers a unit sees 15", STACK[:3]), ("fewer layers do", [(3, 2)] * 5),
        ("fewer layers do", [(3, 1)] * 14),
        ("for those after it", [(3, 1), (3, 2), (3, 2), (3, 2)]),
        *[("two steps, one of 2 only one", each) for each in (
            [(3, 2), (3, 2), (2, 2), (3, 2)], [(2, 2)] * 4, [(3, 2)] * 3 + [(1, 1)])],
        ("more than it takes", [(3, 1)] * 15), ("kernel 7", [(7, 2)]),
        ("not allowed", [(3, 3)] * 3), ("kernel comes first", [(2, 3)] * 4),
        ("holes", [(1, 2), (3, 2), (3, 2), (3, 2), (3, 1)]), ("with 0 layers a unit sees 1 pixel", []),
        ("2 values in a tuple", [3, 3, 3, 3]), ("list of (kernel, stride)", 4),
        ("list of (kernel, stride)", "32323231"), ("list of (kernel, stride)", None),
        ("2 values, not 4", [(3, 2, 0, 1)] * 4), ("whole number", [(2.5, 1)]),
        ("not allowed", [(0, 1)])],
    "field_by_hand": [
        ("two pixels and not one", (9, 4, 2)), ("two steps and not three", (13, 4, 2)),
        ("not its own", (21, 4, 2)), ("the convolution's", (7, 2, 0)), ("how long is each", (12, 4, 2)),
        ("multiplied", (11, 2, 2)), ("multiplies the one before it", (11, 3, 2)),
        ("product of the strides", (11, 6, 2)),
        ("padding of 3", (11, 4, 5)), ("no padding", (11, 4, 0)), ("a unit is two", (11, 4, 1)),
        ("first pixel", (11, 4, -3)), ("before the pooling", (11, 4, 4)), ("in steps of", (11, 4, 7)),
        ("exchanged", (4, 11, 2)),
        ("3 values", (11, 4)), ("3 values in a tuple", 11), ("must be a number", ("11", 4, 2)),
        ("first pixel", ReceptiveField(11, 4, -3.0)), ("replace the dots", (..., 4, 2))],
    "window_from_the_top": [
        ("from the top down", walks(order=list)),
        ("padding does not enter", walks(sides=0)),
        ("padding is added", walks(sides=-1)),
        ("dilation does not", walks(reach=lambda k, d: k - 1)),
        ("strides do not", walks(strided=False)),
        ("added to the last pixel", walks(last_padding=1)),
        ("d k - 1 is right", walks(reach=lambda k, d: d * k - 1)),
        ("changes the layers", turned_in_place), ("not from the first", from_the_last_unit),
        *(("(kernel, stride, padding, dilation), in this order", reordered(*order))
          for order in ((0, 2, 1, 3), (1, 0, 2, 3), (0, 1, 3, 2), (3, 2, 1, 0))),
        ("a step too far in each layer", walks(reach=lambda k, d: d * k)),
        *(("not centred there", partial(centred, padding=padding, half=half)) for padding in (-1, 0, 1)
          for half in (lambda k, d: k // 2, lambda k, d: (k - 1) // 2, lambda k, d: d * (k // 2),
                       lambda k, d: d * (k - 1) // 2)),
        ("each of its results must be a number", lambda *case: [
            torch.tensor(each).item for each in all_pixels(*case)]),
        ("a pixel too far in each layer", walks(reach=lambda k, d: d * (k - 1) + 1)),
        ("always ends in its first round", in_first_round),
        ("lies in the layer below", walks(later=True)),
        ("a slice ends", lambda unit, layers: (
            all_pixels(unit, layers)[0], all_pixels(unit, layers)[1] + 1)),
        ("cut off", lambda unit, layers: (
            max(all_pixels(unit, layers)[0], 0), all_pixels(unit, layers)[1])),
        ("the size, and", lambda unit, layers: (
            all_pixels(unit, layers)[0], int(by_record(0, layers)[1] - by_record(0, layers)[0]) + 1)),
        ("only the last layer", lambda unit, layers: walked(unit, layers[-1:])),
        ("exchanged", lambda unit, layers: walked(unit, layers)[::-1]),
        ("both ends are the same", lambda unit, layers: (walked(unit, layers)[0],) * 2),
        ("last pixel: all", lambda unit, layers: (
            walked(unit, layers)[0], walked(unit, layers, sides=0)[1])),
        ("2 values in a tuple", lambda unit, layers: range(*walked(unit, layers))),
        ("whatever", lambda unit, layers: (3, 7)), ("must be a function", (3, 7))],
    "window_by_gradient": [
        ("rows and columns are exchanged", lambda *case: [by_numpy(*case)[i] for i in (2, 3, 0, 1)]),
        ("unit's row and column", lambda model, shape, unit: by_numpy(model, shape, unit[::-1])),
        ("slices end", lambda *case: [at + i % 2 for i, at in enumerate(by_numpy(*case))]),
        ("all units together", lambda model, shape, unit: by_numpy(
            model, shape, (slice(None), slice(None)))),
        ("not the corners", first_and_last_pixel),
        *(("a small derivative moves the unit as well", partial(above, least=limit))
          for limit in (0.1, 0.05, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10)),
        *(("a small derivative moves the unit as well", partial(above, of_largest=part))
          for part in (0.5, 1e-2, 1e-3, 1e-4, 1e-6)),
        ("a small derivative moves the unit as well", away_from_zero),
        ("changes the weights of the model", with_ones),
        ("first map", lambda *case: ends(gradient_of(*case, maps=0).ne(0).any(0))),
        ("last map", lambda *case: ends(gradient_of(*case, maps=-1).ne(0).any(0))),
        ("first channel", lambda *case: ends(gradient_of(*case)[0] != 0)),
        ("last channel", lambda *case: ends(gradient_of(*case)[-1] != 0)),
        ("below 0", lambda *case: ends(gradient_of(*case).gt(0).any(0))),
        ("of both signs are added", lambda *case: ends(gradient_of(*case).sum(0) != 0)),
        ("a derivative below 0 moves the unit as well, and", lambda *case: ends(
            gradient_of(*case).sum(0) > 0)),
        ("first row, first column", lambda *case: [by_numpy(*case)[i] for i in (0, 2, 1, 3)]),
        ("height and width", lambda *case: [
            at - by_numpy(*case)[i - 1] + 1 if i % 2 else at for i, at in enumerate(by_numpy(*case))]),
        ("measure does the work", by_the_package), ("whatever", lambda *case: (4, 17, 6, 19)),
        ("4 values, not 2", lambda *case: by_numpy(*case)[:2]),
        ("it raises", lambda model: (0, 1, 2, 3)),
        ("must be a number", lambda *case: ((0, 1),) * 4)],
}

EQUAL = {
    "stack_that_sees_a_digit": {
        "my_stack_solution = [(2, 2), (3, 2), (3, 2), (3, 1)]": "four layers that see 30 pixels",
        "my_stack_solution = [(3, 2), (2, 2), (3, 2), (3, 1)]": "four layers that see 29 pixels",
        "my_stack_solution = [(3, 2), (3, 2), (3, 2), (3, 2)]": "the last stride widens no field"},
    "window_by_gradient": {
        "at_unit = model(image)[-1, :, unit[0], unit[1]]": "the first of one image is the last"},
}
