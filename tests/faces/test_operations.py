"""What trainings cost, against closed forms; and which runs are still missing."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from lib import dry_run
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data import datasets
from lib.faces.de_gan import ModelConfig
from lib.faces.gan_training import GANConfig
from lib.faces.runs import checkpoints, experiments
from lib.faces.runs.operations import fitting_flop, fold_flop, gan_flop
from lib.faces.runs.profiles import PRETRAINING, PROFILES
from lib.runs import results
from lib.runs.results import Result

SMOKE = PROFILES["smoke"]
CHANNELS = (3, 32, 64, 64, 64, 128, 128, 96, 192, 192, 128, 256, 256, 160, 350)  # as published
SIDES = (96, 96, 48, 48, 48, 24, 24, 24, 12, 12, 12, 6, 6, 6)  # of each convolution's result
TINY = ModelConfig(identities=4, expressions=2, side=32, width=0.125)


def test_a_training_step_goes_forward_and_back_through_every_layer() -> None:
    layers = [9 * a * b * side**2 for (a, b), side in zip(pairwise(CHANNELS), SIDES, strict=True)]
    # a gradient for weights, one for inputs but the picture's
    multiplications = 3 * (sum(layers) + 350 * 7) - layers[0]
    one = ClassifierConfig(steps=1, batch=1)
    network = Classifier(PRETRAINING, 7)
    assert fitting_flop(network, PRETRAINING.side, one) == 2 * multiplications
    ten = replace(one, steps=2, batch=5)
    assert fitting_flop(network, PRETRAINING.side, ten) == 10 * 2 * multiplications


def test_a_gan_warms_up_with_d_alone_and_is_trained_in_some_folds() -> None:
    config = GANConfig(steps=4, batch=6, intervals=1)
    whole, warmed = gan_flop(TINY, config), gan_flop(TINY, replace(config, warm_up=4))
    d = fitting_flop(Classifier(TINY, 7), TINY.side, ClassifierConfig(steps=4, batch=6))
    assert warmed == pytest.approx(d, rel=0.1)  # it has another width in the last layer
    assert gan_flop(TINY, replace(config, warm_up=1)) == (warmed + 3 * whole) / 4
    assert whole > 3 * warmed
    common = experiments.describe(SMOKE, "open")
    methods = ("de_gan fold only", "de_gan", "de_gan code")
    a, b, c = (fold_flop(experiments.config(common, each, 0, 0, None)) for each in methods)
    assert a > b > c


def test_networks_and_results_are_found_where_the_chapters_put_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_RESULTS", str(tmp_path / "results"))
    for module in (checkpoints, experiments):
        monkeypatch.setattr(module, "CACHE", tmp_path / "networks")
        monkeypatch.setattr(module, "SHIPPED", tmp_path / "shipped")
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    assert all(each.missing == each.wanted for each in dry_run.part2("smoke"))
    corpus = datasets.load(SMOKE.dataset, SMOKE.sizes)
    description = checkpoints.describe("supervised", SMOKE, corpus)
    network = checkpoints.place(description)
    network.parent.mkdir()
    network.write_bytes(b"weights")
    record = {"run": description, "provenance": {"seconds": 60.0}}
    network.with_suffix(".json").write_text(json.dumps(record))
    common = experiments.describe(SMOKE, corpus.rung)
    run = experiments.config(common, "supervised", 2, 0, network)
    results.save(Result("part2", "recognition", run, {}, {"seconds": 5.0}))
    work = {work.name: work for work in dry_run.part2("smoke")}
    assert len(work["networks"].missing) == len(checkpoints.KINDS) - 1
    assert len(work["recognition, ck"].missing) == len(work["recognition, ck"].wanted) - 1
    assert work["recognition, ck"].hours
    assert work["studies of DE-GAN"].hours is None
