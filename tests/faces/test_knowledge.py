"""What networks know, on painted faces of which every number is known beforehand."""

from dataclasses import replace

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
def world(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_what_is_painted_is_read_and_what_is_asked_is_seen() -> None:
    run = knowledge.describe(PROFILE, "open", NETWORKS)
    assert results.plain(run) == run and list(run["sizes"]["shapes"]) == ["ck"]
    found = results.plain(knowledge.run_one(run))
    for network in knowledge.PROBED:
        rows = [
            knowledge.row(found, network, "pixels", each) for each in ("identity", "expression")
        ]
        assert [row["n"] for row in rows] == [PEOPLE, STRANGERS]  # whom it knew, and strangers
        assert [row["chance"] for row in rows] == pytest.approx([1 / PEOPLE, 1 / len(CLASSES)])
        assert [row["value"] for row in rows] == [1, 1]  # the colours are plain in pixels
    with pytest.raises(ValueError, match="no probe of de_gan was asked about the age in 'pixels'"):
        knowledge.row(found, "de_gan", "pixels", "age")
    assert len(found["probes"]) == 2 * 5 * 2  # networks, kinds of features, questions
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


def test_a_difference_of_probes_is_paired_by_person() -> None:
    images = [4] * 50
    hard = [person % 4 for person in range(50)]
    first = {"about": "identity", "images": images, "hits": [each + 1 for each in hard]}
    second = {"about": "identity", "images": images, "hits": hard}
    assert knowledge.difference(first, second) == (0.25, 0.25, 0.25, 50)  # people differ, it not
    with pytest.raises(ValueError, match="compare two of one question"):
        knowledge.difference(first, {**second, "images": [4] * 49})
