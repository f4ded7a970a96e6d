"""The run behind the chapter on features: probes of *what* and *when* on a corpus (section 5)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib.runs import sweep
from lib.runs.results import Result
from lib.sound import probes
from lib.sound.crnn import INPUTS
from lib.sound.events import CLIP_SECONDS, clear_onsets
from lib.sound.runs import experiments

PART, EXPERIMENT = "part1", "probes"
READ = ("dataset", "rung", "sizes", "rotation", "streams", "weights", "fingerprint")  # of a run


def describe(common: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run on the clips of the first rotation, as plain JSON.

    Args:
        common: see `experiments.describe`.
    """
    everything = experiments.config(common, INPUTS, seed=0)
    read = {name: everything[name] for name in (*READ, "sight") if name in everything}
    return {**read, "regularisation": probes.REGULARISATION, "margin": probes.MARGIN}


def run(common: Mapping[str, Any]) -> Result:
    """Return what the probes find; see `run_one`."""
    return sweep.only(sweep.run(PART, EXPERIMENT, [describe(common)], run_one, jobs=1))


def run_one(config: dict[str, Any]) -> dict[str, Any]:
    """Probe the features of a corpus: *what* on its validation clips, *when* on its test clips.

    Returns:
        `what`: for each kind of features, see `probes.scored`. `when`: for each input, see
        `probes.steps`.
        `drift`: the same for the audio stream joined by index and by time, for onsets in the first
        and in the second half of their clips. `chance`: the mean average precision of a guess.
    """
    corpus = experiments.corpus_of(config)
    streams = {name: config["streams"][name] for name in probes.PRETRAINED}
    scales = probes.standardisers(corpus, streams)
    learnt, heard = (
        probes.clip_features(corpus, streams, split, scales) for split in ("weak", "validation")
    )
    targets, tags = corpus.weak_targets(), corpus.strong["validation"]
    fitted = {name: probes.Probe.fit(each, targets) for name, each in learnt.items()}
    what = {name: probes.scored(probe(heard[name]), tags) for name, probe in fitted.items()}
    truth = corpus.strong["test"]
    responses = {
        name: np.stack(
            [fitted[kind](probes.standardised(frames, scales[kind])) for frames in clips]
        )
        for name, kind, clips in probes.frame_features(corpus, streams, "test")
    }
    seen = clear_onsets(truth, probes.MARGIN)
    late = truth.onset[seen] >= CLIP_SECONDS / 2
    drift = {
        half: {name: probes.steps(responses[name], truth, chosen) for name in ("audio", "by index")}
        | {"expected": float(probes.expected_shift(truth.onset[chosen]).mean())}
        for half, chosen in (("first", seen[~late]), ("second", seen[late]))
    }
    return {
        "what": what,
        "when": {name: probes.steps(responses[name], truth, seen) for name in INPUTS},
        "drift": drift,
        "chance": float(tags.tags.mean(axis=0).mean()),
    }
