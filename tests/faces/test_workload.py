"""What trainings cost, against closed forms and a real step; and which runs are still missing."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lib.faces.classifier import Classifier
from lib.faces.data import datasets
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import ModelConfig, Trunk
from lib.faces.gan_training import GANConfig, Trainer
from lib.faces.recognition import Recogniser
from lib.faces.runs import checkpoints, experiments, workload
from lib.faces.runs.profiles import PROFILES
from lib.faces.runs.workload import PRETRAINING
from lib.runs import results
from lib.runs.results import Result

SMOKE, PAPER = PROFILES["smoke"], PROFILES["paper"]
CHANNELS = (3, 32, 64, 64, 64, 128, 128, 96, 192, 192, 128, 256, 256, 160)  # as published
SIDES = (96, 96, 48, 48, 48, 24, 24, 24, 12, 12, 12, 6, 6, 6)  # of each convolution's result
FIRST = 9 * 3 * 32 * 96**2  # the first convolution's
TINY = ModelConfig(identities=4, expressions=2, side=32, width=0.125)


def trunk(features: int) -> int:
    pairs = pairwise((*CHANNELS, features))
    return sum(9 * a * b * side**2 for (a, b), side in zip(pairs, SIDES, strict=True))


def decoder(identities: int) -> int:
    channels = (320, *CHANNELS[:0:-1])
    start = (350 + identities + 50) * 320 * 6**2
    total, side = start, 6
    for place, (a, b) in enumerate(pairwise(channels)):
        doubling = place in (2, 5, 8, 11)
        total += (16 if doubling else 9) * a * b * side**2  # transposed: on the smaller side
        side *= 2 if doubling else 1
    return total + 9 * 32 * 3 * side**2


def test_the_steps_of_the_gan_cost_what_their_layers_do() -> None:
    forward = trunk(320) + 320 * (7 + 101)
    each = workload.gan_steps(PRETRAINING)
    # a gradient for weights, one for inputs but the picture's
    assert each.warm_up == 3 * forward - FIRST
    unasked = 2 * 320 * 101  # the gradient of whom a fake shows
    assert each.discriminator == 2 * each.warm_up - unasked
    generator = 3 * trunk(350) - FIRST + 3 * decoder(101)
    assert each.generator == generator + 2 * forward  # back through a D that is frozen


def test_both_steps_are_what_a_real_training_computes() -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 36, 36, 3)).astype(np.uint8)
    rows = np.arange(8)
    faces = Faces("noise", "open", images, rows % 2, rows // 2, rows, 0 * rows, ("a", "b"))
    config = GANConfig(steps=3, batch=6, warm_up=1, own_identity=0.5, reconstruction=5.0)
    trainer = Trainer(TINY, config, faces, seed=0)
    with FlopCounterMode(display=False) as warm_up:
        trainer.advance()
    with FlopCounterMode(display=False) as counter:
        trainer.advance()
    each = workload.gan_steps(TINY)
    both = each.discriminator + each.generator
    assert warm_up.get_total_flops() == 2 * 6 * each.warm_up
    assert counter.get_total_flops() == 2 * 6 * both
    expected = 2 * 6 * (each.warm_up + 2 * both) / 1e12
    assert workload.gan_tflop(TINY, config) == pytest.approx(expected, rel=1e-12)


def test_the_second_stage_goes_forward_through_the_encoder_and_back_through_the_rest() -> None:
    with torch.device("meta"):
        recogniser = Recogniser(Trunk(PRETRAINING, 350), PRETRAINING, 7)
        plain = Classifier(PRETRAINING, 7)
    training = trunk(350)
    for channels, side in ((128, 48), (192, 24), (256, 12), (350, 6)):
        first, second = 9 * channels * 64 * side**2, 9 * 64 * 64 * side**2
        after = 64 * 9 * 128 + 128 * 7
        training += 2 * first + 3 * (second + after)  # the maps need no gradient
    joint = (4 * 128 + 350) * 7
    assert workload.training_macs(recogniser, 96) == training + 3 * joint
    assert workload.training_macs(plain, 96) == 3 * (trunk(350) + 350 * 7) - FIRST


def test_networks_and_results_are_found_where_the_chapters_put_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_RESULTS", str(tmp_path / "results"))
    for module in (checkpoints, experiments):
        monkeypatch.setattr(module, "CACHE", tmp_path / "networks")
        monkeypatch.setattr(module, "SHIPPED", tmp_path / "shipped")
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    assert all(each.missing == len(each.found) > 0 for each in workload.of("smoke"))
    corpus = datasets.load(SMOKE.dataset, SMOKE.sizes)
    description = checkpoints.describe("supervised", SMOKE, corpus)
    network = checkpoints.place(description)
    network.parent.mkdir()
    network.write_bytes(b"weights")
    record = {"run": description, "provenance": {"seconds": 60.0}}
    network.with_suffix(".json").write_text(json.dumps(record))
    common = experiments.describe(SMOKE, corpus.rung)
    run = experiments.config(common, "supervised", 2, 0, network)
    results.save(Result("part2", "recognition", run, {}, {"seconds": 5.0}), results.root())
    work = {work.name: work for work in workload.of("smoke")}
    assert work["network, supervised"].seconds(None) == 60.0
    assert work["network, de_gan"].missing == 1
    assert work["ck: supervised"].seconds(None) == 5.0
    assert work["ck: supervised"].missing == SMOKE.folds - 1
    assert work["ck: supervised code"].missing == SMOKE.folds
