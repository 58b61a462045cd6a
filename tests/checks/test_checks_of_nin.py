"""Chapter 13's exercises: right answers, and wrong ones with words of the reason."""

from functools import partial

import nets_in_nets
import torch
from every_exercise import *  # noqa: F403  the tests that the tables below are for

CHAPTER = 13
def by_sorting(maps, k):
    return maps.flatten(2).sort(2).values[..., -k:].mean(-1)


def one_by_one(maps, k):
    return torch.stack([torch.stack([one.flatten().topk(k).values.mean() for one in example])
                        for example in maps])


def by_sum(maps, k):
    return torch.topk(maps.reshape(*maps.shape[:2], -1), k).values.sum(2) / k


def find(maps, step, name=None, place=None, half=None):
    """name: N x classes scores; place: of flat maps; half: what is added to the first pixel."""
    best = (name(maps) if name else maps.mean((2, 3))).argmax(1)
    chosen = maps[torch.arange(len(maps)), best].flatten(1)
    peak = place(chosen) if place else chosen.argmax(1)
    rows, columns = peak.div(maps.shape[3], rounding_mode="floor"), peak % maps.shape[3]
    return torch.stack([rows, columns], 1) * step + (step / 2 if half is None else half(step))


def places(flat, maps, step):
    """Wrong, where the numbers are not places of one map."""
    return torch.stack([flat // maps.shape[3], flat % maps.shape[3]], 1) * step + step / 2


def by_axes(maps, step):
    found = []
    for example in maps:
        one = example[example.sum((1, 2)).argmax()]
        found.append([one.amax(1).argmax(), one.amax(0).argmax()])
    return (torch.tensor(found) + 0.5) * step


def by_comparing(maps, step):
    named = maps.flatten(2).mean(2).argmax(1)
    chosen = [maps[n, c] for n, c in enumerate(named.tolist())]
    places = torch.cat([(one == one.max()).nonzero() for one in chosen])
    return places.float() * step + step / 2


RIGHT = {
    "dense_in_place_of_mean": [(50_335_744,), (50_335_744.0,), (torch.tensor(50_335_744),)],
    "maps_for_a_cheap_mix": [(10,), (10.0,), (torch.tensor([10]),)],
    "network_in_network": nets_in_nets.RIGHT,
    "mean_of_the_largest": [(by_sorting,), (one_by_one,), (by_sum,)],
    "where_the_digit_is": [(find,), (by_axes,), (by_comparing,)],
}

WRONG = {  # (words that name the error, answer)
    "dense_in_place_of_mean": [
        ("biases are missing", 50_331_648), ("each unit", 50_343_936), ("not one", 790_528),
        ("not eight", 6_295_552), ("second pooling", 201_330_688), ("ten class maps", 2_625_536),
        ("ten units", 122_890), ("inputs; each", 12_288), ("as large as the whole net", 52),
        ("whole of NiN", 966_986), ("flattened maps", 0),
        ("to ten classes, is counted", 50_376_714), ("second layer of 4,096", 67_117_056),
        ("next two layers", 67_158_026), ("two blocks before it are", 50_931_776),
        ("and the ten classes", 50_972_746), ("whole of NiN is counted", 51_302_730),
        ("this one layer alone are asked", 1), ("number", "50,335,744"), ("whole", 1.5)],
    "maps_for_a_cheap_mix": [
        ("still fewer", 9), ("first 1 x 1 alone", 7), ("second 1 x 1 alone", 4), ("not one", 241),
        ("not five", 49), ("one output of each", 15), ("one output of each", 14),
        ("one output of each", 14.08), ("colours", 3), ("fewer are enough already", 11),
        ("not 25 in all", 1844), ("at one place", 100), ("from which whole number", 9.6),
        ("first 1 x 1 alone", 6.4), ("second 1 x 1 alone", 3.2), ("whole", 9.4), ("number", [10, 10]),
        ("number", "ten")],
    "network_in_network": nets_in_nets.WRONG,
    "mean_of_the_largest": [
        ("it gives", lambda maps, k: torch.stack([torch.stack([
            one.unique()[-k:].mean() for one in each]) for each in maps])),
        ("divide by k", lambda maps, k: k * by_sorting(maps, k)),
        ("largest alone", lambda maps, k: maps.amax((2, 3))),
        ("smallest", lambda maps, k: maps.flatten(2).topk(k, largest=False).values.mean(2)),
        ("over all places", lambda maps, k: maps.mean((2, 3))),
        ("k-th", lambda maps, k: maps.flatten(2).topk(k).values[..., -1]),
        ("by all places", lambda maps, k: by_sorting(maps, k) * k / maps[0, 0].numel()),
        ("signs", lambda maps, k: by_sorting(maps.abs(), k)),
        ("first k", lambda maps, k: maps.flatten(2)[..., :k].mean(2)),
        ("k + 1", lambda maps, k: by_sorting(maps, k + 1)),
        ("five", lambda maps, k: maps.flatten(2).topk(5).values.mean(2)),
        ("their mean", lambda maps, k: maps.flatten(2).topk(k).values),
        ("keepdim", lambda maps, k: maps.flatten(2).topk(k).values.mean(2, keepdim=True)),
        ("of each row", lambda maps, k: maps.topk(k, dim=-1).values.mean((2, 3))),
        ("of each row", lambda maps, k: maps.topk(k).values.mean(-1).mean(-1)),
        ("axis 1 are the classes", lambda maps, k: maps.topk(k, dim=1).values.mean((2, 3))),
        ("axis 1 are the classes", lambda maps, k: maps.flatten(2).topk(k, dim=1).values.mean(2)),
        ("of all maps of an example", lambda maps, k: maps.flatten(1).topk(k).values.mean(1)),
        ("as large as the k-th", lambda maps, k: ((maps >= maps.flatten(2).sort(2).values[
            ..., -k, None, None]) * maps).sum((2, 3)) / k),
        ("it gives", lambda maps, k: 2 * by_sorting(maps, k)),
        ("it raises", lambda maps, k: maps.topk(k, dim=7)), ("must be a tensor", lambda maps, k: [k]),
        ("a topk holds two, values", lambda maps, k: maps.flatten(2).topk(k)),
        ("a sort holds two, values", lambda maps, k: maps.flatten(2).sort(2)),
        ("changes the maps", lambda maps, k: by_sorting(maps.mul_(2), k)), ("return", print)],
    "where_the_digit_is": [
        ("swapped", lambda *case: find(*case).flip(1)), ("not pixels", lambda maps, step: find(
            maps, 1, half=lambda step: 0)),
        ("lower right corner", partial(find, half=lambda step: step)),
        ("the edge between two pixels", partial(find, half=lambda step: (step - 1) / 2)),
        ("named maps of all examples", lambda maps, step: places(
            maps[:, maps.mean((2, 3)).argmax(1)].flatten(1).argmax(1), maps, step)),
        ("in all maps of the example", lambda maps, step: places(
            maps.flatten(1).argmax(1), maps, step)),
        ("upper left", partial(find, half=lambda step: 0)),
        ("subtracted", partial(find, half=lambda step: -step / 2)),
        ("step of 8", partial(find, half=lambda step: 4)),
        ("not at step * p + 1", partial(find, half=lambda step: 0.5)),
        ("neither step // 2 nor rounded", partial(find, half=lambda step: step // 2)),
        ("neither step // 2 nor rounded", partial(find, half=lambda step: round(step / 2))),
        ("swapped", lambda maps, step: find(maps, step, half=lambda step: step // 2).flip(1)),
        ("class 0", partial(find, half=lambda step: step // 2,
                            name=lambda maps: maps[:, :, 0, 0] * 0)),
        ("by that of rows", lambda maps, step: find(
            maps.transpose(2, 3), step, place=lambda flat: maps[torch.arange(len(maps)), maps.mean(
                (2, 3)).argmax(1)].flatten(1).argmax(1))),
        ("largest mean", partial(find, name=lambda maps: maps.amax((2, 3)))),
        ("largest of all numbers", lambda maps, step: find(maps.amax(1, keepdim=True), step)),
        ("mean of all maps", lambda maps, step: find(maps.mean(1, keepdim=True), step)),
        ("class 0", partial(find, name=lambda maps: maps[:, :, 0, 0] * 0)),
        ("smallest mean", partial(find, name=lambda maps: -maps.mean((2, 3)))),
        ("map is smallest", partial(find, place=lambda flat: flat.argmin(1))),
        ("of the first", lambda maps, step: find(maps[:1], step).repeat(len(maps), 1)),
        ("one example's", lambda maps, step: find(maps, step)[0]),
        ("2 x N", lambda maps, step: find(maps, step).T),
        ("row and column twice", lambda maps, step: find(maps, step).repeat(1, 2)),
        ("whatever it is given", lambda maps, step: torch.zeros(1, 2)),
        ("must be a tensor", lambda maps, step: find(maps, step).tolist()), ("return", print)],
}

DIM = "the last axis is number 1 of two"
EQUAL = {
    "mean_of_the_largest": {
        "return maps.flatten(2).topk(k).values.mean(dim=2)": "topk takes the last axis by itself",
        "return maps.flatten(-2).topk(k, dim=2).values.mean(dim=2)":
            "of four axes number 2 is the last but one"},
    "where_the_digit_is": {
        "best = maps.mean(dim=(2, 3)).argmax(dim=-1)": DIM,
        "peaks = chosen.flatten(1).argmax(dim=-1)": DIM,
        "best = maps.sum(dim=(2, 3)).argmax(dim=1)": "the maps are equally large",
        "return step * torch.stack([peaks // W, peaks % W], dim=-1) + step / 2": DIM},
}
