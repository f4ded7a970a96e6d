"""The run behind the chapter on features: probes of *what* and *when* on a corpus (section 5)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lib.runs import sweep
from lib.runs.results import Result
from lib.sound import features, probes
from lib.sound.crnn import INPUTS
from lib.sound.data.corpus import Corpus
from lib.sound.events import CLIP_SECONDS, clear_onsets
from lib.sound.features import Standardiser
from lib.sound.runs import experiments, extraction, sources

PART, EXPERIMENT = "part1", "probes"
PRETRAINED = ("visual", "audio")  # inputs that networks made
READ = ("dataset", "rung", "sizes", "rotation", "streams", "weights", "fingerprint")  # of a run


def describe(common: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run on the clips of the first rotation, as plain JSON."""
    everything = experiments.config(common, INPUTS, seed=0)
    read = {name: everything[name] for name in (*READ, "sight") if name in everything}
    return {**read, "regularisation": probes.REGULARISATION, "margin": probes.MARGIN}


def run(common: Mapping[str, Any]) -> Result:
    """Return what the probes find; see `run_one`."""
    wanted, code = (
        [describe(common)],
        (*sources.PROBED, run_one, standardisers, clip_features, frame_features),
    )
    return sweep.only(sweep.run(PART, EXPERIMENT, wanted, run_one, jobs=1, sources=code))


def run_one(config: dict[str, Any]) -> dict[str, Any]:
    """Probe the features of a corpus: *what* on its validation clips, *when* on its test clips.

    Returns:
        `what`: for each kind of features, see `probes.scored`. `when`: for each input, see
        `probes.steps`.
        `drift`: the same for the audio stream joined by index and by time, for onsets in the first
        and in the second half of their clips. `chance`: the mean average precision of a guess.
    """
    corpus = experiments.corpus_of(config)
    streams = {name: config["streams"][name] for name in PRETRAINED}
    scales = standardisers(corpus, streams)
    learnt, heard = (
        clip_features(corpus, streams, split, scales) for split in ("weak", "validation")
    )
    targets, tags = corpus.weak_targets(), corpus.strong["validation"]
    fitted = {name: probes.Probe.fit(each, targets) for name, each in learnt.items()}
    what = {name: probes.scored(probe(heard[name]), tags) for name, probe in fitted.items()}
    truth = corpus.strong["test"]
    responses = {
        name: np.stack(
            [fitted[kind](probes.standardised(frames, scales[kind])) for frames in clips]
        )
        for name, kind, clips in frame_features(corpus, streams, "test")
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


def standardisers(corpus: Corpus, streams: Mapping[str, str]) -> dict[str, Standardiser]:
    """Return what each input is standardised by: its frames in the weak clips."""
    every = frame_features(corpus, streams, "weak")
    return {name: Standardiser.fit(clips) for name, _, clips in every if name in INPUTS}


def clip_features(
    corpus: Corpus, streams: Mapping[str, str], split: str, scales: Mapping[str, Standardiser]
) -> dict[str, np.ndarray]:
    """Return what is known of each clip when its frames are averaged, (clips, n) float32 each.

    Beside the three inputs: the spectral one with the deviation over time of each band, and the two
    pretrained ones together.
    """
    found, spread = {}, list[np.ndarray]()
    for name, _, clips in frame_features(corpus, streams, split):
        if name in INPUTS:
            means = []
            for frames in clips:
                means.append(probes.standardised(frames, scales[name]).mean(axis=0))
                if name == "spectral":
                    spread.append(frames.std(axis=0) / scales[name].std)
            found[name] = np.stack(means)
    found["spectral, mean and deviation"] = np.concatenate([found["spectral"], spread], axis=1)
    found["audio and visual"] = np.concatenate([found["audio"], found["visual"]], axis=1)
    return found


def frame_features(
    corpus: Corpus, streams: Mapping[str, str], split: str
) -> Iterator[tuple[str, str, Iterator[np.ndarray]]]:
    """Yield name, input and the clips' features of what the networks are given in a split.

    Each clip's are (151, n) and read when their turn comes. The audio input comes twice: "audio"
    joined by time, and "by index" as in the paper.
    """
    names = corpus.clips[split]
    for name, stream in (("spectral", "log_mel"), *((each, streams[each]) for each in PRETRAINED)):
        clips = extraction.each(corpus, stream, names)
        yield name, name, (probes.grid_features(values) for values in clips)
    clips = extraction.each(corpus, streams["audio"], names)
    yield "by index", "audio", (features.on_grid(values, "index") for values in clips)
