"""Counting: what a run stores adds up, and rates keep their identities."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lib.adversarial import attacks, checkpoints, classifiers, data, evaluation
from lib.adversarial.checkpoints import Network
from lib.adversarial.data import Digits
from lib.adversarial.detector import READINGS
from lib.adversarial.evaluation import LEDGER, RATES, rate
from lib.adversarial.profiles import PAPER_EPSILONS, PROFILES, TABLE_EPSILONS
from lib.runs import results
from lib.runs.checkpoints import save_weights
from tests.adversarial.made_up import run

CURVES = results.paper("part3_figures")["curves"]
TABLE = results.paper("part3_table2")
Few = Callable[[int, int], Digits]

# --- one run


@pytest.fixture
def network(private_folders: Any) -> Network:
    """Give an untrained network on disk, where a run finds it by its digest."""
    path = checkpoints.CACHE / "random.safetensors"
    save_weights(classifiers.build("madry", torch.Generator().manual_seed(2)), path)
    return Network("ours", "natural", path)


def configured(network: Network, digits: Digits, epsilon: float, **changes: Any) -> dict[str, Any]:
    changes = {"images": 30, "steps": 3, "step_size": 0.1, "batch_size": 20} | changes
    return evaluation.attack_config(PROFILES["smoke"], network, digits, epsilon, **changes)


@pytest.mark.parametrize("method", ["pgd", "noise", "evasion"])
def test_the_counts_of_a_run_add_up(method: str, network: Network, digits: Digits) -> None:
    metrics = evaluation.attack_run(configured(network, digits, 0.2, method=method))
    assert metrics["images"] == 30 and 0 <= metrics["correct"] <= 30
    assert set(metrics["readings"]) == set(READINGS)
    for name, reading in metrics["readings"].items():
        assert 0 <= reading["auc"] <= 1
        levels = list(reading["quantiles"].values())
        assert levels == sorted(levels)
        expected = {"maximum", "percentile"} | ({"authors"} if name == "paper" else set())
        assert set(reading["thresholds"]) == expected
        for counts in reading["thresholds"].values():
            assert 0 <= counts["flagged_misclassified"] <= counts["flagged"] <= 30
            assert counts["flagged_misclassified"] <= 30 - metrics["correct"]
        flagged = {name: counts["flagged"] for name, counts in reading["thresholds"].items()}
        assert flagged["percentile"] >= flagged["maximum"]
    assert results.plain(metrics) == metrics  # fit for its file


def test_a_run_is_repeatable_and_its_seed_matters(network: Network, digits: Digits) -> None:
    first, again, other = (
        evaluation.attack_run(configured(network, digits, 0.2, seed=seed)) for seed in (0, 0, 1)
    )
    assert first == again
    assert first["perturbation"] != other["perturbation"]


def test_ink_is_seen_at_once_and_an_epsilon_of_zero_changes_nothing(
    network: Network, digits: Digits
) -> None:
    still = evaluation.attack_run(configured(network, digits, 0.0))
    assert still["perturbation"] == {"changed": 0.0, "size": 0.0, "roughness": 0.0}
    assert [reading["auc"] for reading in still["readings"].values()] == pytest.approx(
        [0.5] * len(READINGS)
    )
    noisy = evaluation.attack_run(configured(network, digits, 0.1, method="noise"))
    counter = noisy["readings"]["ink counter"]
    assert counter["auc"] == 1.0 and counter["thresholds"]["maximum"]["flagged"] == 30


def test_only_missing_runs_are_computed(network: Network, digits: Digits) -> None:
    profile = PROFILES["smoke"]
    first = evaluation.attack_networks(profile, [network], digits, epsilons=[0.1, 0.3])
    files = sorted(results.root().rglob("*.json"))
    stamps = [file.stat().st_mtime_ns for file in files]
    again = evaluation.attack_networks(profile, [network], digits, epsilons=[0.1, 0.3])
    assert again == first
    assert [run.config["epsilon"] for run in first["ours", "natural"]] == [0.1, 0.3]
    assert sorted(results.root().rglob("*.json")) == files
    assert [file.stat().st_mtime_ns for file in files] == stamps


def test_thresholds_are_the_maximum_and_percentile_of_the_training_images(
    private_folders: Any, digits: Digits
) -> None:
    found = evaluation.thresholds(digits)
    assert set(found) == set(READINGS)
    for name, reading in READINGS.items():
        scores = reading.score(data.to_batch(digits.train_images)).numpy()
        assert found[name]["maximum"] == pytest.approx(scores.max(), rel=1e-12), name
        assert found[name]["percentile"] == pytest.approx(np.percentile(scores, 99), rel=1e-9), name


# --- counting by hand


def test_count_counts_what_is_flagged_and_what_is_wrong(
    digits: Digits, monkeypatch: pytest.MonkeyPatch, random: np.random.Generator
) -> None:
    limits = {name: {"maximum": 0.5} for name in READINGS}
    monkeypatch.setattr(evaluation, "thresholds", lambda digits: limits)
    benign = digits.test_images[:6]
    attacked = torch.tensor([0.1, 0.5, 0.6, 0.7, 0.2, 0.9]).double()
    correct = torch.tensor([True, True, True, False, False, False])
    found = evaluation.count(benign, correct, {"paper": attacked}, digits)
    counts = found["readings"]["paper"]["thresholds"]["maximum"]
    assert (found["images"], found["correct"]) == (6, 3)
    assert counts == {"flagged": 3, "flagged_misclassified": 2}  # exactly at the threshold: not


def area(negative: np.ndarray, positive: np.ndarray) -> float:
    """Return P(positive > negative) + P(positive = negative) / 2, pair by pair."""
    above = (positive[:, None] > negative[None, :]).mean()
    return float(above + (positive[:, None] == negative[None, :]).mean() / 2)


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(
    private_folders: Any, digits: Digits, random: np.random.Generator
) -> None:
    benign = digits.test_images[:50]
    batch = data.to_batch(benign)
    scores = {name: reading.score(batch).numpy() for name, reading in READINGS.items()}
    attacked = {
        name: np.concatenate([values[:20], values[20:] + random.normal(0, values.std(), 30)])
        for name, values in scores.items()  # with ties
    }
    found = evaluation.count(
        benign,
        torch.ones(50, dtype=torch.bool),
        {name: torch.from_numpy(values) for name, values in attacked.items()},
        digits,
    )
    for name, values in scores.items():
        auc = found["readings"][name]["auc"]
        assert auc == pytest.approx(area(values, attacked[name]), abs=1e-12), name


@pytest.mark.parametrize("level", [0.2, -0.2])
def test_a_constant_perturbation_is_not_rough(level: float) -> None:
    found = evaluation.describe(torch.full((3, 1, 28, 28), level))
    assert found["roughness"] == pytest.approx(0.0, abs=1e-6)
    assert found["changed"] == 1.0 and found["size"] == pytest.approx(0.2)


def test_a_checkerboard_is_as_rough_as_can_be() -> None:
    row, column = torch.meshgrid(torch.arange(28), torch.arange(28), indexing="ij")
    board = 0.1 * (1.0 - 2.0 * ((row + column) % 2))[None, None]
    assert evaluation.describe(board)["roughness"] == pytest.approx(4.0)  # 1 + 4/2 + 4/4
    half = board.clone()
    half[..., 14:] = 0.001  # less than half a grey level
    assert evaluation.describe(half)["changed"] == 0.5


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_noise_stays_in_both_boxes(norm: str, digits: Digits) -> None:
    images = data.to_batch(digits.test_images[:20])
    labels = torch.from_numpy(digits.test_labels[:20])
    config = {"method": "noise", "epsilon": 0.15, "norm": norm}
    generator = torch.Generator().manual_seed(0)
    found = evaluation.attack(classifiers.build("madry"), images, labels, config, generator)
    gaps = (found - images).flatten(1)
    sizes = gaps.abs().amax(1) if norm == "linf" else gaps.norm(dim=1)
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    assert float(sizes.min()) > 0.05 and float(sizes.max()) <= 0.15 + 1e-6


def test_the_method_decides_which_attack_is_run(digits: Digits) -> None:
    model = classifiers.frozen(classifiers.build("madry", torch.Generator().manual_seed(2)))
    images = data.to_batch(digits.test_images[:10])
    labels = torch.from_numpy(digits.test_labels[:10])
    config = {"epsilon": 0.2, "norm": "linf", "steps": 3, "step_size": 0.05, "random_start": True}

    def by(method: str) -> Tensor:
        generator = torch.Generator().manual_seed(4)
        return evaluation.attack(model, images, labels, config | {"method": method}, generator)

    generator = torch.Generator().manual_seed(4)
    plain = attacks.pgd(model, images, labels, 0.2, steps=3, step_size=0.05, generator=generator)
    assert torch.equal(by("pgd"), plain)
    evading = attacks.evading_pgd(model, images, labels, 0.2, steps=3, step_size=0.05)
    assert torch.equal(by("evasion"), evading)
    assert not torch.equal(by("noise"), plain)


def test_an_attack_refuses_unknown_settings(network: Network, digits: Digits) -> None:
    with pytest.raises(ValueError, match="an attack has no setting 'stepsize'"):
        evaluation.attack_config(PROFILES["smoke"], network, digits, 0.1, stepsize=0.1)


def test_a_config_never_asks_for_more_images_than_there_are(network: Network, few: Few) -> None:
    config = evaluation.attack_config(PROFILES["quick"], network, few(50, 12), 0.1)
    assert config["images"] == 12
    assert config["weights"] == network.digest and config["fingerprint"] == few(50, 12).fingerprint


# --- rates


@pytest.mark.parametrize("counts", [(900, 50, 20), (100, 1000, 900), (0, 500, 500), (1000, 7, 0)])
def test_rates_keep_their_identities(counts: tuple[int, int, int]) -> None:
    correct, flagged, both = counts
    metrics = run(0.1, correct, flagged, both).metrics
    value = {name: rate(metrics, name) for name in RATES}
    assert value["accuracy"] == (correct, 1000)
    assert value["flagged"] == (flagged, 1000)
    assert value["flagged and misclassified"] == (both, 1000)
    assert value["correct or flagged"] == (correct + both, 1000)
    assert value["flagged of successful"] == (both, 1000 - correct)
    assert value["correct or flagged"][0] <= 1000


def test_rightly_handled_loses_what_is_flagged_although_it_was_read() -> None:
    metrics = run(0.1, 900, 50, 20).metrics  # 30 of the 900 right ones are flagged
    assert rate(metrics, "rightly handled") == (900 - 30 + 20, 1000)


def test_a_share_of_no_images_is_nan_and_unknown_names_are_errors() -> None:
    perfect = run(0.1, 1000, 10)
    assert np.isnan(evaluation.share(perfect, "flagged of successful"))
    assert evaluation.share(perfect, "flagged") == 0.01
    for wrong in (("true positives",), ("flagged", "no reading"), ("flagged", "paper", "none")):
        with pytest.raises(KeyError):
            rate(perfect.metrics, *wrong)


@pytest.mark.parametrize("kind", ["natural", "robust"])
def test_the_papers_own_curves_keep_the_same_identity(kind: str) -> None:
    curves = CURVES[kind]
    for epsilon in PAPER_EPSILONS:
        place = f"{epsilon:.2f}"
        total = curves["accuracy"][place] + curves["flagged and misclassified"][place]
        assert curves["correct or flagged"][place] == pytest.approx(total, abs=2e-4), place


@pytest.mark.parametrize("kind", ["natural", "robust"])
def test_the_papers_table_is_its_figure_rounded(kind: str) -> None:
    assert list(TABLE[kind]) == [f"{epsilon:.2f}" for epsilon in TABLE_EPSILONS]
    for place, printed in TABLE[kind].items():
        drawn = CURVES[kind]["flagged and misclassified"][place]
        assert abs(printed - drawn) <= 5.1e-4, place


def test_the_ledgers_readings_of_the_attack_are_settings_and_differ(
    network: Network, few: Few
) -> None:
    grid = evaluation.ledger_grid(PROFILES["quick"], network, few(50, 20))
    keys = {name: [results.key(config) for config in configs] for name, configs in grid.items()}
    assert set(grid) == set(LEDGER)
    for name, found in keys.items():
        assert len(found) == len(PROFILES["quick"].ledger_epsilons)
        same = sum(a == b for a, b in zip(found, keys["as published"], strict=True))
        # a step of 2.5 epsilon / 40 is the published 0.01 at epsilon 0.16 alone, not on the grid
        assert same == (len(found) if name == "as published" else 0), name
