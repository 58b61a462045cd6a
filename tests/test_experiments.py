import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lenet_book import experiments, mnist, models, storage
from lenet_book.experiments import trainings as trainings_of_rows
from lenet_book.training.recipes import Recipe

QUICK = Recipe(learning_rate=5e-3, batch_size=64)
ROWS = (experiments.Row("dense", "lenet5", QUICK),
        experiments.Row("tanh", "lenet5-variant", QUICK, {"activation": "tanh"}))


@pytest.fixture
def quick(monkeypatch):
    """An experiment of two rows on 300 digits."""
    train, test = mnist.load_mnist()
    monkeypatch.setitem(experiments.EXPERIMENTS, "quick", ROWS)
    monkeypatch.setattr(mnist, "load_mnist", lambda: (train[:300], test[:200]))


def trainings(folder):
    return json.loads((folder / "quick.json").read_text())["trainings"]


def test_measure_runs_each_row_with_each_seed_and_nothing_twice(quick, tmp_path, capsys):
    found = experiments.measure("quick", 2, tmp_path)
    assert [(t["row"], t["seed"]) for t in trainings(tmp_path)] == [
        ("dense", 0), ("tanh", 0), ("dense", 1), ("tanh", 1)]
    assert [(r.name, r.parameters, len(r.errors)) for r in found] == [
        ("dense", 61_706, 2), ("tanh", 60_000, 2)]
    assert capsys.readouterr().out.count(", seed ") == 4
    before = (tmp_path / "quick.json").read_bytes()
    experiments.measure("quick", 2, tmp_path)
    assert (tmp_path / "quick.json").read_bytes() == before
    assert capsys.readouterr().out == ""


def test_a_row_that_has_changed_is_run_again_alone(quick, tmp_path, monkeypatch):
    experiments.measure("quick", 2, tmp_path)
    before = trainings(tmp_path)
    changed = (ROWS[0], replace(ROWS[1], recipe=replace(QUICK, batch_size=50)))
    monkeypatch.setitem(experiments.EXPERIMENTS, "quick", changed)
    experiments.measure("quick", 2, tmp_path)
    after = trainings(tmp_path)
    assert [t for t in after if t["row"] == "dense"] == [t for t in before if t["row"] == "dense"]
    assert [t["recipe"]["batch_size"] for t in after if t["row"] == "tanh"] == [50, 50]
    assert len(after) == 4


def test_the_same_seed_gives_the_same_result_and_another_seed_another(quick):
    train, test = mnist.load_mnist()
    first, again, other = (experiments.run(ROWS[0], seed, train, test) for seed in (3, 3, 4))
    losses = [[p["train_loss"] for p in t["epochs"]] for t in (first, again, other)]
    assert losses[0] == losses[1] != losses[2]
    assert first["test_error"] == first["test_errors"] / len(test)


def test_validation_digits_are_measured_and_not_trained_on(quick, monkeypatch):
    monkeypatch.setattr(trainings_of_rows, "_VALIDATION", 100)
    row = replace(ROWS[0], validation=True, recipe=replace(QUICK, epochs=3))
    found = experiments.run(row, 0, *mnist.load_mnist())
    assert found["examples"] == 200
    errors = [epoch["validation_error"] for epoch in found["epochs"]]
    assert all(error == pytest.approx(round(100 * error) / 100) for error in errors)


def test_only_some_rows(quick, tmp_path):
    experiments.measure("quick", 2, tmp_path, only="tanh")
    assert {t["row"] for t in trainings(tmp_path)} == {"tanh"}


@pytest.mark.parametrize("errors", [(0.01, 0.012), (0.01, 0.012, 0.02),
                                    tuple(k / 1000 for k in range(50))])
def test_interval_is_students(errors):
    from scipy import stats
    low, high = stats.t.interval(0.95, len(errors) - 1, loc=sum(errors) / len(errors),
                                 scale=stats.sem(errors))
    assert experiments.Result("", 1, errors, 1.0).interval == pytest.approx((low, high), rel=1e-12)


def test_one_seed_has_no_interval_but_can_be_shown():
    alone = experiments.Result("alone", 7, (0.01,), 1.0)
    with pytest.raises(ValueError, match="alone was run with 1 seed: an interval needs two or more"):
        _ = alone.interval
    assert str(alone) == f"{'alone':36} 1.00% (1 seed), 7 parameters, 1 s"


def test_two_at_once_on_one_log(quick, tmp_path):
    with storage.alone(tmp_path / "quick.json"), pytest.raises(BlockingIOError, match="is at work"):
        experiments.measure("quick", 2, tmp_path)
    assert not [*tmp_path.iterdir()]


def test_what_cannot_be_measured_leaves_nothing(tmp_path):
    with pytest.raises(KeyError, match="no experiment is called 'slow'"):
        experiments.measure("slow", 2, tmp_path / "logs")
    with pytest.raises(ValueError, match="no row of fast has 'x' in its name; there are fast"):
        experiments.measure("fast", 2, tmp_path / "logs", only="x")
    assert not [*tmp_path.iterdir()]


EXAMPLES = {"find-the-digit": {20_000}, "auxiliary-head": {20_000}, "few-digits": {1_000},
            "initial-weights": {10_000}, "training-size": {1_875, 3_750, 7_500, 15_000, 30_000, 60_000}}


@pytest.mark.parametrize("name", sorted(path.stem for path in Path(experiments.LOGS).glob("*.json")))
def test_the_logs_that_ship_tell_of_the_rows_as_they_are(name):
    log = json.loads(Path(experiments.LOGS / f"{name}.json").read_text(encoding="utf-8"))["trainings"]
    for row in experiments.EXPERIMENTS[name]:
        seeds = [t["seed"] for t in log if trainings_of_rows._is(t, row, t["seed"])]
        assert sorted(seeds) == list(range(len(seeds))), row.name
        assert len(seeds) >= (10 if name in ("fast", "accurate") else 3), row.name
    assert {t["row"] for t in log} == {row.name for row in experiments.EXPERIMENTS[name]}
    assert {t["examples"] for t in log} <= EXAMPLES.get(name, {55_000, 60_000})
    assert all(t["test_error"] == t["test_errors"] / 10_000 for t in log)


def test_with_every_size_of_the_training_set_as_many_digits_are_seen():
    rows = experiments.EXPERIMENTS["training-size"]
    assert {row.first * row.recipe.epochs for row in rows} == {180_000}
    assert len({replace(row.recipe, epochs=1) for row in rows}) == 1


def test_a_row_may_have_its_own_scaling_and_fewer_digits(quick, tmp_path, monkeypatch):
    rows = (replace(ROWS[0], scaling="unit", first=100),)
    assert rows[0].build().scaling == "unit"
    monkeypatch.setitem(experiments.EXPERIMENTS, "quick", ROWS[:1])
    experiments.measure("quick", 1, tmp_path)
    (usual,) = trainings(tmp_path)
    monkeypatch.setitem(experiments.EXPERIMENTS, "quick", rows)  # another scaling: run again
    experiments.measure("quick", 1, tmp_path)
    (own,) = trainings(tmp_path)
    assert (usual["scaling"], usual["examples"]) == (None, 300)
    assert (own["scaling"], own["examples"]) == ("unit", 100)
    assert usual["epochs"][0]["train_loss"] != own["epochs"][0]["train_loss"]


def test_only_the_form_of_the_textbook_begins_with_xaviers_weights():
    for row in experiments.EXPERIMENTS["which-lenet"]:
        torch.manual_seed(0)
        model = row.build()
        torch.manual_seed(0)
        usual = models.build(row.model, **row.options)
        if row.name != "dense sigmoids, as published":
            assert all(map(torch.equal, model.parameters(), usual.parameters())), row.name
            continue
        for name, fans in {"c1": 25 + 150, "c3": 150 + 400, "c5": 400 + 120, "f6": 120 + 84,
                           "output": 84 + 10}.items():
            largest = model.get_submodule(name).weight.abs().max().item()
            assert 0.9 < largest / math.sqrt(6 / fans) <= 1, name
            assert torch.equal(model.get_submodule(name).bias, usual.get_submodule(name).bias)
