"""What Part III still has to compute: operations by hand, runs as the chapters ask for them."""

from pathlib import Path

import torch

from lib import dry_run
from lib.adversarial import checkpoints, classifiers, data, evaluation
from lib.adversarial.profiles import PROFILES
from lib.runs import results
from lib.runs.checkpoints import save_weights
from lib.runs.results import Result

SMOKE, PAPER = PROFILES["smoke"], PROFILES["paper"]


def test_an_image_passes_the_network_in_each_step() -> None:
    natural, robust = (
        checkpoints.training_run(each, data.load("mnist")) for each in PAPER.trainings
    )
    assert dry_run.training_passes(natural) == 84 * 60_000
    assert dry_run.training_passes(robust) == 84 * 60_000 * (1 + 40)
    assert dry_run.attack_passes({"images": 7, "steps": 40}) == 7 * 40


def test_the_paper_attacks_a_million_images(private_folders: Path) -> None:
    work = {work.name: work for work in dry_run.part3("paper")}
    ours = [
        run for run in work["attacks of Table II and Fig. 2 to 4"].missing if not run["weights"]
    ]
    assert sum(run["images"] for run in ours) == 1_000_000


def test_what_has_a_result_is_present_and_nothing_is_written(private_folders: Path) -> None:
    assert all(work.missing == work.wanted != [] for work in dry_run.part3("smoke"))
    assert not any(private_folders.iterdir())  # nothing was trained
    digits = data.load(SMOKE.dataset)
    natural = checkpoints.networks(SMOKE, digits, train=False)[0]
    save_weights(classifiers.build("madry", torch.Generator().manual_seed(0)), natural.path)
    for epsilon in evaluation.strengths(SMOKE)[:2]:
        config = evaluation.attack_config(SMOKE, natural, digits, epsilon)
        results.save(Result("part3", "attack", config, {}, {"seconds": 5.0, "processor": "x"}))
    work = {work.name: work for work in dry_run.part3("smoke")}
    attacks = work["attacks of Table II and Fig. 2 to 4"]
    assert len(attacks.missing) == len(attacks.wanted) - 2
    assert attacks.hours
