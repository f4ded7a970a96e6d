"""What Part II still has to compute: operations as `arithmetic` has them, runs as chapters ask."""

import json
from pathlib import Path

import pytest

from lib.faces.data import datasets
from lib.faces.de_gan import ModelConfig
from lib.faces.runs import arithmetic, checkpoints, experiments, workload
from lib.faces.runs.profiles import PROFILES
from lib.runs import results
from lib.runs.results import Result
from lib.runs.workload import Work

SMOKE, PAPER = PROFILES["smoke"], PROFILES["paper"]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder without results and networks."""
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    for module in (checkpoints, experiments):
        monkeypatch.setattr(module, "CACHE", tmp_path / "networks")
        monkeypatch.setattr(module, "SHIPPED", tmp_path / "shipped")
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    return tmp_path


def found() -> dict[str, Work]:
    return {work.name: work for work in workload.of("smoke")}


def test_the_totals_are_those_of_the_protocol() -> None:
    both = arithmetic.gan_tflop(arithmetic.PRETRAINING, PAPER.gan)
    assert both == pytest.approx(496_000, rel=0.01)  # TFLOP: 300 epochs of 60,600 pictures
    cost = {method: workload.fold_flop(PAPER, "ck", method) for method in experiments.METHODS}
    second = cost["de_gan"]
    form = ModelConfig(identities=106, expressions=7)  # nine tenths of CK+'s 118 people
    tuned = 1e12 * arithmetic.gan_tflop(form, PAPER.fine_tuning)
    assert cost["de_gan fine-tuned"] == pytest.approx(tuned + second, rel=1e-3)
    assert cost["de_gan code"] == cost["supervised code"] < cost["de_gan maps"] < cost["cnn"]


def test_on_an_empty_book_everything_is_missing(empty: Path) -> None:
    work = found()
    assert all(each.missing == len(each.found) > 0 for each in work.values())
    assert {name: len(work[f"ck: {name}"].found) for name in experiments.METHODS} == {
        name: SMOKE.fine_tuned_folds if name in experiments.TRAINED_ON else SMOKE.folds
        for name in experiments.METHODS
    }
    assert not any(empty.iterdir())


def test_networks_and_results_are_found_where_the_chapters_put_them(empty: Path) -> None:
    corpus = datasets.load(SMOKE.dataset, SMOKE.sizes)
    description = checkpoints.describe("supervised", SMOKE, corpus)
    network = checkpoints.place(description)
    network.parent.mkdir()
    network.write_bytes(b"weights")
    record = {"run": description, "provenance": {"seconds": 60.0}}
    network.with_suffix(".json").write_text(json.dumps(record))
    common = experiments.describe(SMOKE, corpus.rung)
    run = experiments.config(common, "supervised", 2, 0, network)
    path = results.save(Result("part2", "recognition", run, {}, {"seconds": 5.0}), results.RESULTS)
    assert found()["network, supervised"].seconds == 60.0
    assert found()["network, de_gan"].missing == 1
    assert found()["ck: supervised"].seconds == 5.0
    assert found()["ck: supervised"].missing == SMOKE.folds - 1
    assert found()["ck: supervised code"].missing == SMOKE.folds
    path.write_text(path.read_text()[:-9])
    assert found()["ck: supervised"].missing == SMOKE.folds
    assert path.is_file()
