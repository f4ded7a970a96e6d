"""The laboratory: an idea changes what it should, is computed once, and is refused in one line."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lib.sound import crnn, mean_teacher, protocol
from lib.sound.crnn import CRNN
from lib.sound.data.corpus import Corpus
from lib.sound.figures import result_plots
from lib.sound.mean_teacher import TrainingConfig
from lib.sound.runs import experiments, laboratory
from lib.sound.runs.laboratory import Idea
from lib.sound.runs.profiles import LABORATORY, PROFILES, Profile

pytestmark = pytest.mark.usefixtures("private_results", "mixed")


def maximum(frame: Tensor) -> Tensor:
    """Pool by the largest frame."""
    return frame.amax(dim=1)


def louder(features: Tensor) -> Tensor:
    """Hear everything twice as loud."""
    return 2 * features


def test_the_paper_s_own_is_trained_as_the_book_trains_to_the_bit(profile: Profile) -> None:
    run = laboratory.run_of(Idea(), profile)
    assert run == experiments.config(experiments.common(profile), ("audio",), 0)
    data, config = experiments.prepared_for(run).training_set(), TrainingConfig(**run["training"])
    book, _ = mean_teacher.train(experiments.model_config(run), config, data, 3)
    mine = laboratory.trained(Idea(), run, data, 3).state_dict()
    assert all(torch.equal(mine[name], value) for name, value in book.state_dict().items())
    other = laboratory.trained(Idea(pooling=maximum), run, data, 3).state_dict()
    assert not torch.equal(mine["head.bias"], other["head.bias"])


def test_each_idea_changes_its_own_thing(profile: Profile) -> None:
    run = laboratory.run_of(Idea(embedding=4, consistency=0), profile)
    assert run["embeddings"] == {"audio": 4} and run["training"]["consistency"] == 0
    network = CRNN(experiments.model_config(run)).eval()
    assert isinstance(network.encoders["audio"][0], torch.nn.Linear)
    assert network.encoders["audio"][0].out_features == 4
    features = torch.randn(2, 151, 2, generator=torch.Generator().manual_seed(0))
    plain, twice = network({"audio": features}), network({"audio": 2 * features})
    laboratory.give(network, Idea(pooling=maximum, heard=louder))
    found = network({"audio": features})
    assert torch.equal(found.frame, twice.frame) and not torch.equal(found.frame, plain.frame)
    assert torch.equal(found.clip, found.frame.amax(dim=1))


def test_what_was_tried_before_comes_back_and_another_code_or_number_does_not(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared, opened = experiments.prepared_for, []
    monkeypatch.setattr(experiments, "prepared_for", lambda run: opened.append(0) or prepared(run))
    profile = replace(profile, trainings=1)
    first = laboratory.tried(Idea(pooling=maximum), profile)
    laboratory.tried(Idea(), profile)
    assert laboratory.tried(Idea(pooling=maximum), profile).metrics == first.metrics
    assert len(opened) == 2

    def other(frame: Tensor) -> Tensor:
        return frame.mean(dim=1)

    other.__name__ = "maximum"  # another code under the same name
    for idea in (Idea(pooling=other), Idea(pooling=maximum, embedding=4)):
        laboratory.tried(idea, profile)
    assert len(opened) == 4


@pytest.mark.parametrize(
    ("pooling", "complaint"),
    [
        (lambda frame: None, "pooling gives NoneType instead of \\(5, 10\\)"),
        (lambda frame: frame.mean(dim=0), "pooling gives \\(151, 10\\) instead of \\(5, 10\\)"),
        (lambda frame: 0 * frame.mean(dim=1) / 0, "pooling gives what is no number"),
        (lambda frame: 4 * frame.mean(dim=1) - 1, "pooling gives what is no probability"),
        (lambda frame: frame.mean(dim=7), "pooling stopped: IndexError: Dimension out of range"),
    ],
)
def test_what_cannot_be_is_one_line(pooling: Any, complaint: str, profile: Profile) -> None:
    pooling.__name__ = "named"  # as if written with def
    with pytest.raises(ValueError, match=complaint) as caught:
        laboratory.tried(Idea(pooling=pooling), profile)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pooling": lambda frame: frame.amax(dim=1)}, "write pooling with def"),
        ({"heard": torch.nn.ReLU()}, "write heard with def"),
        ({"embedding": 0}, "embedding is a whole number from 1 on"),
        ({"consistency": float("nan")}, "consistency a number from 0 on"),
    ],
)
def test_what_is_no_idea_is_refused_before_anything_is_trained(
    change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Idea(**change)


def test_ideas_are_drawn_beside_the_papers(profile: Profile, mixed: Corpus) -> None:
    found = laboratory.beside({"maximum": Idea(pooling=maximum)}, profile)
    assert list(found) == [laboratory.BESIDE, "maximum"]
    scores = found["maximum"].metrics["event"]
    assert len(scores) == profile.trainings == len(set(found["maximum"].metrics["sounding"]))
    clips, _ = result_plots.ideas(found).axes
    assert [label.get_text() for label in clips.get_yticklabels()] == list(found)
    dots = [line.get_xdata() for line in clips.lines if line.get_marker() == "o"]
    assert dots[1] == pytest.approx(100 * np.array(found["maximum"].metrics["clip"]))
    frames = {name: protocol.probabilities(each).frame[0].numpy() for name, each in found.items()}
    truth = mixed.strong["test"]
    drawn = result_plots.heard(truth, 0, frames).axes
    assert len(drawn) == truth.tags[0].sum()
    line = drawn[0].lines[-1].get_ydata()
    assert np.array_equal(line, frames["maximum"][:, truth.tags[0].argmax()])


def test_the_network_is_that_of_chapter_14_and_its_embedding_the_paper_s() -> None:
    quick, small = PROFILES["quick"], LABORATORY["quick"]
    same = ("audio", "visual", "width", "mel_bands")
    assert [getattr(quick, name) for name in same] == [getattr(small, name) for name in same]
    assert crnn.ALONE["audio"] == Idea().embedding
