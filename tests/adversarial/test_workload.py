"""What Part III still has to compute: operations by hand, runs as the chapters ask for them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lib.adversarial import checkpoints, data, evaluation, models, workload
from lib.adversarial.checkpoints import Network
from lib.adversarial.profiles import PROFILES
from lib.book import results, sweep
from lib.book.results import Result
from lib.book.weights import save_weights
from lib.book.workload import calibrate
from tests.workloads import by_name

FIRST, SECOND = 28 * 28 * 32 * 25, 14 * 14 * 64 * 32 * 25  # MACs of an image, layer by layer
THIRD, LAST = 7 * 7 * 64 * 1024, 1024 * 10
FORWARD = FIRST + SECOND + THIRD + LAST
SMOKE, PAPER = PROFILES["smoke"], PROFILES["paper"]


def test_an_attack_goes_forward_and_back_to_the_image_in_each_step() -> None:
    assert workload.attack_flop("madry", "pgd", 40) == 2 * (40 * 2 * FORWARD + FORWARD)
    evading = 2 * (100 * 3 * FORWARD + FORWARD)  # looks in each step whether it has fooled
    assert workload.attack_flop("madry", "evasion", 100) == evading
    assert workload.attack_flop("madry", "noise", 1) == 2 * FORWARD
    reference = 28**2 * 32 * 9 + 14**2 * 64 * 32 * 9 + 7 * 7 * 64 * 200 + 200 * 10
    assert workload.attack_flop("reference", "pgd", 40) == 2 * (40 * 2 + 1) * reference


def test_training_adds_the_gradient_of_the_weights_and_the_attack() -> None:
    update = 3 * FORWARD - FIRST  # the image itself needs no gradient
    assert workload.training_flop(PAPER.natural) == 2 * update
    assert workload.training_flop(PAPER.robust) == 2 * (update + 40 * 2 * FORWARD)


def test_the_paper_attacks_a_million_images(private_folders: Path) -> None:
    digits = data.load("mnist_small")
    large = replace(digits, test_images=digits.test_images[:1].repeat(10_000, axis=0))
    networks = checkpoints.networks(PAPER, large, train=False)
    found = workload.attacks_work(PAPER, networks, large)
    assert [(each.name, each.runs) for each in found] == [
        ("attacks, ours natural", 50),
        ("attacks, ours robust", 50),
        ("attacks, reference natural", 50),
        ("attacks, reference robust", 50),
    ]
    for each in found[:2]:
        assert each.operations == 10_000 * 2 * (40 * 2 + 1) * FORWARD
        assert each.items == 10_000 * 40
    assert sum(each.runs * each.items / 40 for each in found[:2]) == 1_000_000


def test_on_an_empty_book_everything_is_missing(private_folders: Path) -> None:
    found = workload.of("smoke")
    assert (found.dataset, found.rung) == ("mnist_small", "original")
    assert all(work.present == 0 and work.runs for work in found.work)
    waiting = [work for work in found.work if "not trained yet" in work.note]
    assert [work.name for work in waiting] == [
        work.name for work in found.work if work.name.startswith(("attacks, ours", "ledger"))
    ]
    assert not any(private_folders.iterdir())  # nothing was trained, nothing written


@pytest.fixture
def networks(private_folders: Path) -> list[Network]:
    """Give our networks of profile smoke, untrained but there, each with other weights."""
    networks = checkpoints.networks(SMOKE, data.load("mnist_small"), train=False)[:2]
    for seed, network in enumerate(networks):
        model = models.build("madry", torch.Generator().manual_seed(seed))
        save_weights(model, network.path)
    return networks


def test_the_runs_are_those_that_the_chapters_ask_for(
    networks: list[Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    digits, asked = data.load("mnist_small"), dict[str, set[str]]()

    def instead(part, experiment, configs, run_one, **others):  # type: ignore[no-untyped-def]
        asked.setdefault(experiment, set()).update(map(results.key, configs))
        metrics = {"thresholds": {"maximum": 1.0}}
        return [Result(part, experiment, dict(config), metrics) for config in configs]

    monkeypatch.setattr(sweep, "run", instead)
    evaluation.attack_networks(SMOKE, checkpoints.networks(SMOKE, digits), digits)
    for network in networks:
        for grid in evaluation.ledger_grid(SMOKE, network, digits).values():
            evaluation.run_attacks(grid, digits)
    monkeypatch.undo()
    runs = {name: work.runs for name, work in by_name(workload.of("smoke").work).items()}
    assert runs.pop("thresholds of the detector") == len(asked["thresholds"])
    assert runs.pop("network, natural") == runs.pop("network, robust") == 1
    assert sum(runs.values()) == len(asked["attack"])


def test_what_has_a_result_is_present_and_a_damaged_one_is_missing_where_it_lies(
    networks: list[Network], private_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = data.load("mnist_small")
    grid = evaluation.attack_grid(SMOKE, networks[:1], digits, SMOKE.epsilons)
    first, second = (
        results.save(Result("part3", "attack", config, {}), results.RESULTS) for config in grid[:2]
    )
    found = by_name(workload.of("smoke").work)
    assert found["network, natural"].missing == 0
    natural, robust = found["attacks, ours natural"], found["attacks, ours robust"]
    assert (natural.runs, natural.present, robust.present) == (4, 2, 0)
    assert natural.note == ""
    second.write_text(first.read_text()[:-20])
    before = sorted(private_folders.rglob("*"))
    assert by_name(workload.of("smoke").work)["attacks, ours natural"].present == 1
    assert "a damaged result counts as missing" in capsys.readouterr().err
    assert sorted(private_folders.rglob("*")) == before


def test_a_little_of_each_kind_of_work_can_be_done(private_folders: Path) -> None:
    samples = {work.sample for work in workload.of("smoke").work}
    assert None not in samples and len(samples) == 7
    for sample in samples:
        assert sample is not None and calibrate(sample, 0.01).seconds > 0
    assert not any(private_folders.iterdir())
