"""One run of Table 3: features in, a trained network and its three F1 scores out.

A run is a plain dict (see `config`), so that any number of them can be computed anywhere, each
with a result file of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from lib.book import results, states
from lib.book.files import REPOSITORY, write_atomically
from lib.sound import data, evaluation, features, pretrained, protocol, training
from lib.sound.data import Corpus, Sizes
from lib.sound.evaluation import METRICS
from lib.sound.features import Standardiser
from lib.sound.labels import Events
from lib.sound.models import (
    COMBINATIONS,
    CRNN,
    INPUTS,
    ModelConfig,
    Probabilities,
    count_parameters,
)
from lib.sound.profiles import Profile, TrainingConfig

WEIGHTS = REPOSITORY / "data" / "cache" / "checkpoints" / "part1"  # of every training
PART, EXPERIMENT = "part1", "table3"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A corpus with its features, standardised on the training clips.

    `splits` maps each split to its features by input, (clips, frames, n) float16; training turns
    them into float32 batch by batch. `scales` are what they were standardised by.
    """

    corpus: Corpus
    splits: Mapping[str, Mapping[str, Tensor]]
    scales: Mapping[str, Standardiser]

    def training_set(self) -> training.TrainingSet:
        """Return what a mean teacher is trained on."""
        targets = torch.from_numpy(self.corpus.weak_targets())
        return training.TrainingSet(self.splits["weak"], targets, self.splits["unlabelled"])

    def size(self, name: str) -> int:
        """Return the number of features of an input per frame."""
        return next(iter(self.splits.values()))[name].shape[2]


def describe(profile: Profile, corpus: Corpus) -> dict[str, Any]:
    """Return what all runs of a profile on a corpus have in common, as plain JSON."""
    streams = {"audio": pretrained.audio_stream(), "visual": pretrained.visual_stream()}
    return {
        "dataset": corpus.name,
        "rung": corpus.rung,
        "fingerprint": corpus.fingerprint(),
        "sizes": asdict(profile.sizes),
        "streams": streams,
        "width": profile.width,
        "mel_bands": profile.mel_bands,
        "training": asdict(profile.training),
    }


def config(
    common: Mapping[str, Any], inputs: Sequence[str], seed: int, align: str = "index"
) -> dict[str, Any]:
    """Return one run: a row of Table 3, a seed, and how the streams' frames are joined.

    Args:
        common: see `describe`.
        inputs: of models.COMBINATIONS.
        seed: of the training.
        align: "index" as in the paper, or "time", see `features.on_grid`.
    """
    return {**common, "inputs": list(inputs), "align": align, "seed": seed}


def grid(common: Mapping[str, Any], trainings: int, align: str = "index") -> list[dict[str, Any]]:
    """Return the runs of Table 3, all rows of the first seed before those of the second.

    With `align="time"` only those rows in which there are pretrained audio features to align.
    """
    rows = [row for row in COMBINATIONS if align == "index" or "audio" in row]
    return [config(common, row, seed, align) for seed in range(trainings) for row in rows]


@lru_cache(maxsize=2)
def prepare(
    dataset: str, sizes: Sizes, audio: str, visual: str, align: str, mel_bands: int
) -> Prepared:
    """Return a corpus with the features of all its splits; each is computed once and cached.

    Args:
        dataset: see `data.load`.
        sizes: of a corpus that is made.
        audio: a pretrained audio stream of `features.STREAMS`.
        visual: a pretrained visual stream.
        align: see `features.on_grid`.
        mel_bands: of the log-mel spectrogram; its 128 bands are averaged in groups.
    """
    corpus = data.load(dataset, sizes)
    streams = {"audio": audio, "visual": visual}
    raw = {
        split: raw_features(corpus, names, streams, align, mel_bands)
        for split, names in corpus.clips.items()
    }
    scales = fit_scales([raw["weak"], raw["unlabelled"]])
    splits = {split: standardised(features, scales) for split, features in raw.items()}
    return Prepared(corpus, splits, scales)


def raw_features(
    corpus: Corpus, clips: Sequence[str], streams: Mapping[str, str], align: str, mel_bands: int
) -> dict[str, np.ndarray]:
    """Return the features of some clips by input, (clips, frames, n) float16, as they are."""
    return {
        "spectral": fewer_bands(features.extract(corpus, "log_mel", clips), mel_bands),
        "audio": features.on_grid(features.extract(corpus, streams["audio"], clips), align),
        "visual": features.extract(corpus, streams["visual"], clips),
    }


def fit_scales(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Standardiser]:
    """Return what each input is standardised by: training clips, the silence behind short ones out.

    Args:
        parts: features by input, see `raw_features`, of each training split.
    """
    sounding = [part["spectral"].max(axis=2) > features.QUIETEST for part in parts]
    ends = [each.shape[1] - np.fliplr(each).argmax(axis=1) for each in sounding]
    valid = {"spectral": ends}  # audio and visual frames are four spectral ones long
    valid |= {
        name: [np.ceil(end / features.POOLED).astype(int) for end in ends] for name in INPUTS[1:]
    }
    return {name: Standardiser.fit((part[name] for part in parts), valid[name]) for name in INPUTS}


def fewer_bands(log_mel: np.ndarray, bands: int) -> np.ndarray:
    """Return a log-mel (clips, frames, 128) with neighbouring bands averaged, in dB."""
    clips, frames, there = log_mel.shape
    if there == bands:
        return log_mel
    grouped = log_mel.reshape(clips, frames, bands, there // bands)
    return grouped.mean(axis=3, dtype=np.float32).astype(log_mel.dtype)


def standardised(
    raw: Mapping[str, np.ndarray], scales: Mapping[str, Standardiser]
) -> dict[str, Tensor]:
    """Return features with zero mean and unit variance per dimension over the training clips."""
    return {
        name: torch.from_numpy(scales[name](values).astype(np.float16))
        for name, values in raw.items()
    }


def run_one(run: dict[str, Any]) -> dict[str, Any]:
    """Train one network, keep its weights in the cache, and return its scores.

    Beside `score` of both strongly labelled splits: the test clips' counts (see `protocol.pack`),
    and of each epoch the losses and the validation scores.
    """
    prepared = prepared_for(run)

    def validate(student: CRNN) -> dict[str, float]:
        found = score(student, prepared, "validation")["scores"]
        return {f"validation_{name}": found[name] for name in METRICS}

    path = weights_path(run)
    student, history = training.train(
        model_config(run, prepared),
        TrainingConfig(**run["training"]),
        prepared.training_set(),
        run["seed"],
        path.with_suffix(".training"),
        validate,
    )
    store(student, prepared.scales, path)
    path.with_suffix(".training").unlink()
    student = load_weights(path, model_config(run, prepared))  # reported is what is stored
    truth = prepared.corpus.strong["test"]
    found = count(truth, training.predict(student, prepared.splits["test"]))
    return {
        "validation": score(student, prepared, "validation"),
        "test": score(student, prepared, "test"),
        "counts": {name: protocol.pack(found[name]) for name in METRICS},  # of the test clips
        "shape": list(truth.shape),
        "history": history,
        "parameters": count_parameters(student),
    }


def prepared_for(run: Mapping[str, Any]) -> Prepared:
    """Return the corpus and features of a run.

    Raises:
        ValueError: the clips are not those the run names.
    """
    sizes, streams = Sizes(**run["sizes"]), run["streams"]
    prepared = prepare(
        run["dataset"], sizes, streams["audio"], streams["visual"], run["align"], run["mel_bands"]
    )
    if prepared.corpus.fingerprint() != run["fingerprint"]:
        raise ValueError(f"the clips of {run['dataset']!r} are not those of this run")
    return prepared


def model_config(run: Mapping[str, Any], prepared: Prepared) -> ModelConfig:
    """Return the form of a run's network."""
    return ModelConfig(
        tuple(run["inputs"]),
        audio_features=prepared.size("audio"),
        visual_features=prepared.size("visual"),
        width=run["width"],
        mel_bands=run["mel_bands"],
    )


def weights_path(run: Mapping[str, Any]) -> Path:
    """Return where the weights of a run are kept."""
    return WEIGHTS / f"{results.key(run)}.safetensors"


def store(model: CRNN, scales: Mapping[str, Standardiser], path: Path) -> None:
    """Store weights as float16, half the size, with what the features were standardised by."""
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    for name in model.config.inputs:
        for part in ("mean", "std"):
            weights[f"scales.{name}.{part}"] = torch.from_numpy(getattr(scales[name], part))
    write_atomically(path, save(weights))


def load_weights(path: Path, form: ModelConfig) -> CRNN:
    """Return a stored network, frozen, float32."""
    model = CRNN(form)
    stored = load_file(path)
    model.load_state_dict({name: stored[name] for name in model.state_dict()})
    return model.eval().requires_grad_(False)


def load_scales(path: Path) -> dict[str, Standardiser]:
    """Return by input what the features of a stored network are standardised by."""
    scales = states.unpack("scales", load_file(path))
    return {
        name: Standardiser(scales[f"{name}.mean"].numpy(), scales[f"{name}.std"].numpy())
        for name in INPUTS
        if f"{name}.mean" in scales
    }


def score(model: CRNN, prepared: Prepared, split: str) -> dict[str, Any]:
    """Return the three F1 scores of a strongly labelled split and the event F1 of each class."""
    truth = prepared.corpus.strong[split]
    counts = count(truth, training.predict(model, prepared.splits[split]))
    by_class = [evaluation.f1(*row) for row in counts["event"].sum(axis=0).tolist()]
    return {
        "scores": evaluation.table3_scores(counts),
        "event_by_class": [value if np.isfinite(value) else None for value in by_class],
    }


def count(
    truth: Events,
    found: Probabilities,
    threshold: float = evaluation.THRESHOLD,
    median: int = evaluation.MEDIAN_FRAMES,
) -> dict[str, np.ndarray]:
    """Return the counts of the three metrics for a network's probabilities (section 2.2)."""
    tags = found.clip.numpy() > threshold
    return evaluation.all_counts(truth, events(truth, found, threshold, median), tags)


def events(
    truth: Events,
    found: Probabilities,
    threshold: float = evaluation.THRESHOLD,
    median: int = evaluation.MEDIAN_FRAMES,
) -> Events:
    """Return the events that a network's frame probabilities stand for (section 2.2)."""
    active = evaluation.median_filter(evaluation.decide(found.frame.numpy(), threshold), median)
    return evaluation.decode(active, truth)


def other_reading(run: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a run whose training differs in some fields of TrainingConfig."""
    changed = replace(TrainingConfig(**run["training"]), **changes)
    return {**run, "training": asdict(changed)}
