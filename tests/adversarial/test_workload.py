"""What Part III still has to compute: operations by hand, runs as the chapters ask for them."""

from pathlib import Path

import pytest
import torch

from lib.adversarial import checkpoints, classifiers, data, evaluation, workload
from lib.adversarial.profiles import PROFILES
from lib.runs import results
from lib.runs.checkpoints import save_weights
from lib.runs.results import Result
from lib.runs.workload import Work

SMOKE, PAPER = PROFILES["smoke"], PROFILES["paper"]


def test_an_image_passes_the_network_as_often_as_it_goes_forward_and_back() -> None:
    assert workload.attack_passes("pgd", 40) == 40 * 2 + 1
    assert workload.attack_passes("evasion", 100) == 100 * 3 + 1  # looks whether it has fooled
    assert workload.attack_passes("noise", 1) == 1
    assert workload.training_passes(PAPER.natural) == 3
    assert workload.training_passes(PAPER.robust) == 3 + 40 * 2


def test_the_paper_attacks_a_million_images(private_folders: Path) -> None:
    digits = data.load("mnist")
    ours = [
        each for each in checkpoints.networks(PAPER, digits, train=False) if each.pair == "ours"
    ]
    found = [workload._attacks(PAPER, network, digits) for network in ours]
    assert [work.name for work in found] == ["attacks, ours natural", "attacks, ours robust"]
    assert sum(work.missing * PAPER.test_images for work in found) == 1_000_000
    for work in found:
        assert work.operations and work.operations() == 10_000 * (40 * 2 + 1)


def test_what_has_a_result_is_present_and_a_damaged_one_is_missing_where_it_lies(
    private_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert all(work.missing == len(work.found) > 0 for work in workload.of("smoke"))
    assert not any(private_folders.iterdir())  # nothing was trained, nothing written
    digits = data.load(SMOKE.dataset)
    natural, robust = checkpoints.networks(SMOKE, digits, train=False)[:2]
    for seed, network in enumerate((natural, robust)):
        save_weights(classifiers.build("madry", torch.Generator().manual_seed(seed)), network.path)
    strengths = evaluation.strengths(SMOKE)
    for epsilon in strengths[:2]:
        config = evaluation.attack_config(SMOKE, natural, digits, epsilon)
        path = results.save(Result("part3", "attack", config, {}, {"seconds": 5.0}), results.root())

    def found() -> dict[str, Work]:
        return {work.name: work for work in workload.of("smoke")}

    assert found()["attacks, ours natural"].missing == len(strengths) - 2
    assert found()["attacks, ours natural"].seconds(None) == 5.0
    assert found()["attacks, ours robust"].missing == len(strengths)
    ledger = [work for name, work in found().items() if name.startswith("ledger")]
    runs = {len(work.found) for work in ledger}
    assert len(ledger) == len(evaluation.LEDGER) and runs == {2 * len(SMOKE.ledger_epsilons)}
    path.write_text(path.read_text()[:-20])
    before = sorted(private_folders.rglob("*"))
    assert found()["attacks, ours natural"].missing == len(strengths) - 1
    assert "a damaged result counts as missing" in capsys.readouterr().err
    assert sorted(private_folders.rglob("*")) == before
