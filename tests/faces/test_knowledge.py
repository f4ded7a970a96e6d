"""What networks know, on painted faces of which every number is known beforehand."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from lib.faces.data import datasets
from lib.faces.data.corpus import Corpus, Shape
from lib.faces.de_gan import Generator, initialise
from lib.faces.runs import checkpoints, knowledge
from lib.faces.runs.profiles import PROFILES
from lib.runs import results
from tests.faces.made_up import CLASSES, Painter, Reader, painted, small

PEOPLE, STRANGERS = 5, 6
MODEL = small(PEOPLE)
NETWORKS = {kind: kind[:4] for kind in (*knowledge.PROBED, *knowledge.JUDGING)}  # their digests
SHAPES = {name: Shape(STRANGERS, {"anger": 3}, 2) for name in ("ck", "mmi")}
PROFILE = replace(
    PROFILES["smoke"], sizes=replace(PROFILES["smoke"].sizes, people=PEOPLE, shapes=SHAPES)
)


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """Give painted people and four networks in place of stored ones, and one thread."""
    known, others = painted(PEOPLE, 4, 1000), painted(STRANGERS, 4, 5000)
    corpus = Corpus(
        "ict",
        "open",
        lambda: painted(PEOPLE, 4),
        lambda: painted(PEOPLE, 4, 500),
        lambda: known,
        range(500, 560),
        {"ck": lambda: others},
    )
    painter = Painter(MODEL)
    initialise(painter, torch.Generator().manual_seed(0))
    networks: dict[str, nn.Module] = {
        "de_gan": painter,
        "supervised": Generator(MODEL),
        "expression_judge": Reader(0, 7, PEOPLE),
        "identity_judge": Reader(1, PEOPLE, PEOPLE),
    }
    by_digest = {NETWORKS[kind]: network.eval() for kind, network in networks.items()}
    monkeypatch.setattr(datasets, "load", lambda dataset, sizes: corpus)
    monkeypatch.setattr(knowledge, "find_by_digest", lambda digest: digest)
    monkeypatch.setattr(checkpoints, "stored", lambda digest: digest)
    monkeypatch.setattr(checkpoints, "load", by_digest.__getitem__)


def run() -> dict[str, Any]:
    """Return the run on the painted world."""
    return knowledge.describe(PROFILE, "open", NETWORKS)


def test_a_run_is_plain_and_follows_from_its_networks_and_one_set() -> None:
    found = run()
    assert results.plain(found) == found and list(found["sizes"]["shapes"]) == ["ck"]
    assert (found["dataset"], found["rung"]) == ("ict", "open")
    other = knowledge.describe(PROFILE, "open", {**NETWORKS, "de_gan": "another"})
    assert results.key(other) != results.key(found)


def test_what_is_painted_is_read_and_what_is_asked_is_seen() -> None:
    found = results.plain(knowledge.run_one(run()))
    check_probes(found["probes"])
    assert {name: each["value"] for name, each in found["ceiling"].items()} == {
        "expression": 1,
        "identity": 1,
    }
    transfer, strangers = found["transfer"], found["strangers"]
    values = [transfer[name]["value"] for name in ("expression", "identity", "leak")]
    assert values == [1, 1, 0]
    assert strangers["expression"]["value"] == strangers["identity"]["value"] == 1
    assert "leak" not in strangers  # the judges do not know them
    assert [sum(row) for row in transfer["confusion"]] == [80, 80, 80, 0, 0, 0, 0]
    assert strangers["expression"]["n"] == min(PEOPLE, STRANGERS)  # lenders and borrowers are drawn


def check_probes(probes: list[dict[str, Any]]) -> None:
    """Assert that identities are probed on known people and expressions on strangers."""
    pixels = {(row["network"], row["about"]): row for row in probes if row["features"] == "pixels"}
    assert len(pixels) == 4 and len(probes) == 5 * len(pixels)  # five kinds of features
    for network in knowledge.PROBED:
        identity, expression = pixels[network, "identity"], pixels[network, "expression"]
        assert (identity["n"], expression["n"]) == (PEOPLE, STRANGERS)
        assert identity["chance"] == pytest.approx(1 / PEOPLE)
        assert expression["chance"] == pytest.approx(1 / len(CLASSES))
        assert identity["value"] == expression["value"] == 1  # the colours are plain in pixels


def test_a_difference_of_probes_is_paired_by_person() -> None:
    images = [4] * 50
    hard = [person % 4 for person in range(50)]
    first = {"about": "identity", "images": images, "hits": [each + 1 for each in hard]}
    second = {"about": "identity", "images": images, "hits": hard}
    assert knowledge.difference(first, second) == (0.25, 0.25, 0.25, 50)  # people differ, it not
    assert knowledge.difference(second, first).value == -0.25
    independent = {**first, "hits": [4 - each for each in hard]}
    low, high = knowledge.difference(independent, second)[1:3]
    assert low < 0.25 < high
    for other in ({"about": "expression"}, {"images": [4] * 49}):
        with pytest.raises(ValueError, match="compare two of one question"):
            knowledge.difference(first, {**second, **other})
