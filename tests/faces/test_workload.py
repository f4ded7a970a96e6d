"""What Part II still has to compute: operations as `arithmetic` has them, runs as chapters ask."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lib.book import results
from lib.book.results import Result
from lib.book.weights import file_digest
from lib.book.workload import Work, calibrate
from lib.faces import arithmetic, checkpoints, data, experiments, workload
from lib.faces.datasets import ict, made
from lib.faces.profiles import PROFILES
from tests.workloads import by_name

SMOKE, PAPER = PROFILES["smoke"], PROFILES["paper"]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder without results, networks and faces."""
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    for module in (checkpoints, experiments):
        monkeypatch.setattr(module, "CACHE", tmp_path / "networks")
        monkeypatch.setattr(module, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(made, "CACHE", tmp_path / "faces")
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def paper() -> dict[str, Work]:
    """Give what profile paper asks for on rendered faces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PROFILES, "paper", replace(PAPER, dataset="ict"))
        return by_name(workload.of("paper").work)


def test_the_totals_are_those_of_the_protocol(paper: dict[str, Work]) -> None:
    protocol = arithmetic.protocol()
    second = 10 * paper["ck: de_gan"].operations / 1e12
    assert second == pytest.approx(protocol.recognition, rel=1e-3)  # whole batches
    tuned = paper["ck: de_gan fine-tuned"]
    assert tuned.runs == 10
    both = protocol.fine_tuning + protocol.recognition
    assert tuned.runs * tuned.operations / 1e12 == pytest.approx(both, rel=1e-3)
    before = paper["network, de_gan"].operations / 1e12
    assert before == pytest.approx(protocol.pretraining, rel=1e-3)  # one class more than BU-4DFE
    assert paper["network, de_gan"].items == pytest.approx(121_200 * 150)


def test_the_second_stage_is_as_cheap_as_what_it_reads(paper: dict[str, Work]) -> None:
    cost = {name: work.operations for name, work in paper.items()}
    assert cost["ck: de_gan code"] < cost["ck: de_gan maps"] < cost["ck: cnn"]
    assert cost["ck: de_gan code"] == cost["ck: supervised code"]
    assert cost["ck: cnn"] == pytest.approx(cost["network, supervised"], rel=1e-3)


def test_the_faces_are_as_many_as_the_sets_have(empty: Path) -> None:
    assert workload.faces_asked(PAPER) == [60_802, 60_802, 8484, 981, 624, 1440]
    corpus = data.load("ict", PAPER.sizes)
    [work] = workload.faces_work(PAPER, corpus)
    assert (work.runs, work.present) == (6, 0)
    assert work.runs * work.items == pytest.approx(sum(workload.faces_asked(PAPER)))
    assert work.runs * work.disk == pytest.approx(133_133 * 110**2 * 3)


def test_a_set_of_faces_counts_once_it_is_made(empty: Path) -> None:
    corpus, sizes = data.load("ict", SMOKE.sizes), SMOKE.sizes
    one = made.pretraining(ict.render, sizes.people, sizes.frames, sizes.side, 0, folder=made.CACHE)
    [work] = workload.faces_work(SMOKE, corpus)
    asked = workload.faces_asked(SMOKE)
    assert (work.runs, work.present) == (len(asked), 1) == (4, 1)
    assert work.missing * work.items == pytest.approx(sum(asked) - len(one.images))
    for place, count in enumerate(asked):  # that size twice: for DE-GAN and for its judges
        np.save(made.CACHE / f"ict-{place}.npy", np.zeros((count, *one.images.shape[1:]), "u1"))
    [work] = workload.faces_work(SMOKE, corpus)
    assert work.missing == 0


def test_on_an_empty_book_everything_is_missing(empty: Path) -> None:
    found = workload.of("smoke")
    assert (found.dataset, found.rung) == ("ict", "open")
    assert set(found.lacking) == {"bu_4dfe", "ck_plus", "mmi", "oulu_casia"}
    work = by_name(found.work)
    assert all(each.present == 0 and each.runs for each in work.values())
    assert {name: work[f"ck: {name}"].runs for name in experiments.METHODS} == {
        name: SMOKE.fine_tuned_folds if name in experiments.TRAINED_ON else SMOKE.folds
        for name in experiments.METHODS
    }
    assert work["ck: cnn"].note == work["ck: de_gan fold only"].note == ""
    assert "not trained yet" in work["ck: supervised"].note
    assert work["studies"].runs == 3
    assert not any(empty.iterdir())


def test_networks_and_results_are_found_where_the_chapters_put_them(empty: Path) -> None:
    corpus = data.load(SMOKE.dataset, SMOKE.sizes)
    description = checkpoints.describe("supervised", SMOKE, corpus)
    network = checkpoints.place(description)
    assert network.parent == checkpoints.CACHE
    network.parent.mkdir()
    network.write_bytes(b"weights")
    network.with_suffix(".json").write_text(json.dumps({"run": description}))
    common = experiments.describe(SMOKE, "open")
    run = experiments.config(common, "supervised", 2, 0, network)
    assert run["encoder"] == file_digest(network)
    path = results.save(Result("part2", "recognition", run, {}), results.RESULTS)
    found = by_name(workload.of("smoke").work)
    assert found["network, supervised"].missing == found["network, de_gan"].present == 0
    assert (found["ck: supervised"].present, found["ck: supervised code"].present) == (1, 0)
    assert found["ck: supervised"].note == ""
    path.write_text(path.read_text()[:-9])
    assert by_name(workload.of("smoke").work)["ck: supervised"].present == 0
    assert path.is_file()


def test_a_method_that_is_only_shown_is_never_missing(empty: Path) -> None:
    paths = {kind: empty / kind for kind in checkpoints.KINDS}
    quick = PROFILES["quick"]
    found = workload.recognition_work(quick, "open", paths, "ck", waits=True)
    shown = {work.name: work.runs for work in found}
    assert shown["ck: de_gan fine-tuned"] == shown["ck: de_gan fold only"] == 0
    assert shown["ck: cnn"] == 10


def test_a_little_of_each_kind_of_work_can_be_done(empty: Path) -> None:
    samples = {work.sample for work in workload.of("smoke").work}
    assert None not in samples and len(samples) >= 7
    for sample in samples:
        assert sample is not None and calibrate(sample, 0.01).seconds > 0
    assert not any(empty.iterdir())
