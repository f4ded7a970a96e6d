"""One run of Table 3: features in, a trained network and its three F1 scores out.

A run is a plain dict (see `config`), so that any number of them can be computed anywhere, each
with a result file of its own.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from lib.book import results, states, sweep
from lib.book.files import REPOSITORY
from lib.book.results import Result
from lib.book.rows import Rows
from lib.book.weights import SHIPPED, save_weights, shipped_run
from lib.sound import data, evaluation, features, preparation, pretrained, protocol, training
from lib.sound.data import SPLITS, Corpus, Sizes
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
from lib.sound.profiles import PROFILES, Profile, TrainingConfig

RETRAINED = REPOSITORY / "data" / "cache" / "retrained"
WEIGHTS = REPOSITORY / "data" / "cache" / "checkpoints" / "part1"  # of every training
PART, EXPERIMENT = "part1", "table3"
ALIGNED_ROWS = (("spectral", "audio"), ("audio",))  # pictures are on the spectral grid anyway
LEDGER_ROW = ("audio",)  # the cheapest row that hears
TRAINING_READINGS: dict[str, dict[str, Any]] = {
    "as chosen": {},
    "consistency at full weight from the first step (literal)": {"consistency_ramp": False},
    "teacher without dropout, averaged batch statistics": {"teacher_mode": "eval"},
}
LONGER = 2  # times as many steps, in `leads`


@dataclass(frozen=True, eq=False)
class Prepared:
    """A corpus with features, standardised on the training clips.

    `splits` maps each split to its features by input, (clips, frames, n) float16 on disk; training
    reads them batch by batch, as float32. `scales` are what they were standardised by.
    """

    corpus: Corpus
    splits: Mapping[str, Mapping[str, Rows]]
    scales: Mapping[str, Standardiser]

    def training_set(self) -> training.TrainingSet:
        """Return what a mean teacher is trained on."""
        targets = torch.from_numpy(self.corpus.weak_targets())
        return training.TrainingSet(self.splits["weak"], targets, self.splits["unlabelled"])


def fitting(profile: Profile) -> Profile:
    """Return the profile for the best rung present: the drawn clips have one of their own."""
    best = profile.dataset == "best" and data.best() == "drawn"
    return profile.drawn if best and profile.drawn else profile


def describe(profile: Profile, corpus: Corpus) -> dict[str, Any]:
    """Return what all runs of a profile on a corpus have in common, as plain JSON."""
    streams = {"audio": "small_audio", "visual": "small_image"}
    if corpus.rung != "embedded":  # which is the same for everyone, whatever they have fetched
        streams = {"audio": pretrained.audio_stream(), "visual": pretrained.visual_stream()}
    return {
        "dataset": corpus.name,
        "rung": corpus.rung,
        "fingerprint": corpus.fingerprint(),
        "sizes": asdict(profile.sizes),
        "streams": {"spectral": "log_mel", **streams},
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
    streams = {name: common["streams"][name] for name in inputs}
    weights = {name: weights_digest(stream) for name, stream in streams.items()}
    own = {"inputs": list(inputs), "align": align, "seed": seed}
    return {**common, **own, "streams": streams, "weights": weights}


def weights_digest(stream: str) -> str:
    """Return a digest of a stream's network, nothing where there is none."""
    return "" if stream == "log_mel" else pretrained.digest(stream)


def grid(common: Mapping[str, Any], trainings: int) -> list[dict[str, Any]]:
    """Return the runs of Table 3, all rows of the first seed before those of the second."""
    return [config(common, row, seed) for seed in range(trainings) for row in COMBINATIONS]


def runs_of(profile: Profile, corpus: Corpus) -> tuple[Profile, dict[str, Any]]:
    """Return the profile and the common part of the runs to show: recorded, or of this corpus.

    Results need no clips. Who has only drawn ones is shown what was recorded on real recordings,
    under their name; with BOOK_RETRAIN in the environment the drawn ones are trained on instead.
    """
    common, quick = describe(profile, corpus), PROFILES["quick"]
    recorded = recorded_run(quick) if profile == quick.drawn else None
    if recorded and not os.environ.get("BOOK_RETRAIN"):
        return quick, {name: recorded[name] for name in common}
    return profile, common


def recorded_run(profile: Profile) -> dict[str, Any] | None:
    """Return the run of the network shipped for real recordings, all inputs; None without one."""
    run = shipped_run(shipped_path("open", ("spectral", "audio", "visual")))
    same = run is not None and run["training"] == results.plain(asdict(profile.training))
    return run if same else None


def table3(common: Mapping[str, Any], trainings: int) -> list[Result]:
    """Return the runs of Table 3; what has no result yet is trained."""
    return _run(grid(common, trainings))


def aligned(common: Mapping[str, Any], trainings: int) -> list[Result]:
    """Return the runs of `aligned_grid`; what has no result yet is trained."""
    return _run(aligned_grid(common, trainings))


def aligned_grid(common: Mapping[str, Any], trainings: int) -> list[dict[str, Any]]:
    """Return the runs of `ALIGNED_ROWS` with pretrained audio features joined by time."""
    seeds = range(trainings)
    return [config(common, row, seed, "time") for seed in seeds for row in ALIGNED_ROWS]


def ledger(common: Mapping[str, Any], trainings: int) -> dict[str, list[Result]]:
    """Return by reading the runs of `ledger_grid`; what has no result yet is trained."""
    return {name: _run(runs) for name, runs in ledger_grid(common, trainings).items()}


def ledger_grid(common: Mapping[str, Any], trainings: int) -> dict[str, list[dict[str, Any]]]:
    """Return by reading the runs of `LEDGER_ROW` trained as the paper may also be read."""
    ours = [config(common, LEDGER_ROW, seed) for seed in range(trainings)]
    return {
        name: [other_reading(run, **changes) for run in ours]
        for name, changes in TRAINING_READINGS.items()
    }


def leads(common: Mapping[str, Any]) -> dict[str, list[Result]]:
    """Return the runs of `leads_grid`; what has no result yet is trained."""
    return {name: _run(runs) for name, runs in leads_grid(common).items()}


def leads_grid(common: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return runs of spectral features and of pretrained audio alone that differ in one thing.

    One training each: a look at what it would change, not a measurement. The paper's teacher looks
    back over 1,000 steps, a fiftieth of its training; in a shorter one 0.999 reaches to the start.
    """
    schedule = common["training"]
    steps = schedule["epochs"] * schedule["steps_per_epoch"]
    longer = {
        "steps_per_epoch": LONGER * schedule["steps_per_epoch"],
        "ramp_steps": LONGER * schedule["ramp_steps"],
        "decay": round(schedule["decay"] ** (1 / LONGER), 6),
    }
    variants = {
        "as in the table": {},
        f"{LONGER} times as many steps": longer,
        "teacher looking back over a fiftieth": {"teacher_decay": max(0.0, 1 - 50 / steps)},
    }
    once = [config(common, row, 0) for row in (("spectral",), ("audio",))]
    return {
        name: [other_reading(run, **changes) for run in once] for name, changes in variants.items()
    }


def present(runs: Sequence[Mapping[str, Any]]) -> list[Result | None]:
    """Return the result of each run, None where there is none yet."""
    return sweep.run(PART, EXPERIMENT, runs, run_one, folder=_folder(), compute=False)


def _folder() -> Path:
    """Return where results are looked for; with BOOK_RETRAIN the shipped ones do not count."""
    return RETRAINED if os.environ.get("BOOK_RETRAIN") else results.RESULTS


def _run(runs: list[dict[str, Any]]) -> list[Result]:
    """Return the result of each run; what has none yet is trained, its features first.

    With BOOK_RETRAIN in the environment the shipped results do not count: all runs are trained
    here (what had finished before an interruption is kept in the cache) and take their places.
    """
    folder = _folder()
    if None in present(runs) and not sweep.only_present():
        for run in runs:
            prepared_for(run)
    found = [r for r in sweep.run(PART, EXPERIMENT, runs, run_one, folder=folder) if r]
    if folder == RETRAINED:
        for result in found:
            results.save(result)
    return found


@lru_cache(maxsize=2)
def corpus_of(dataset: str, sizes: Sizes) -> Corpus:
    """Return a corpus, the same object each time."""
    return data.load(dataset, sizes)


@lru_cache(maxsize=4)  # as many as the runs of one sweep read
def prepared_input(
    dataset: str, sizes: Sizes, stream: str, align: str, mel_bands: int
) -> tuple[dict[str, Rows], Standardiser]:
    """Return one input's features of each split, standardised, and by what; kept on disk.

    Args:
        dataset: see `data.load`.
        sizes: of a corpus that is made.
        stream: of `features.STREAMS`.
        align: see `features.on_grid`; plays a part for audio networks only.
        mel_bands: of the log-mel spectrogram.
    """
    return preparation.prepare(corpus_of(dataset, sizes), stream, align, mel_bands)


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
    progress = path.with_suffix(".training")
    student, history = training.train(
        model_config(run),
        TrainingConfig(**run["training"]),
        prepared.training_set(),
        run["seed"],
        progress,
        validate,
    )
    store(student, prepared.scales, path)
    student = load_weights(path, model_config(run))  # reported is what is stored
    truth = prepared.corpus.strong["test"]
    probabilities = training.predict(student, prepared.splits["test"])
    found = count(truth, probabilities)
    metrics = {
        "validation": score(student, prepared, "validation"),
        "test": summary(found),
        "counts": {name: protocol.pack(found[name]) for name in METRICS},  # of the test clips
        "readings": readings(truth, probabilities),
        "shape": list(truth.shape),
        "history": history,
        "parameters": count_parameters(student),
    }
    states.remove(progress)
    return metrics


def prepared_for(run: Mapping[str, Any]) -> Prepared:
    """Return the corpus and the features that a run reads.

    Raises:
        ValueError: clips or pretrained weights are not those the run names.
    """
    sizes = Sizes(**run["sizes"])
    corpus = corpus_of(run["dataset"], sizes)
    weights = {name: weights_digest(stream) for name, stream in run["streams"].items()}
    if (corpus.fingerprint(), weights) != (run["fingerprint"], run["weights"]):
        raise ValueError("clips or pretrained weights are not those of this run")
    align = {"audio": run["align"]}
    found = {
        name: prepared_input(
            run["dataset"], sizes, stream, align.get(name, "index"), run["mel_bands"]
        )
        for name, stream in run["streams"].items()
    }
    splits = {split: {name: found[name][0][split] for name in found} for split in SPLITS}
    return Prepared(corpus, splits, {name: scale for name, (_, scale) in found.items()})


def model_config(run: Mapping[str, Any]) -> ModelConfig:
    """Return the form of a run's network."""
    pretrained_sizes = {
        f"{name}_features": features.STREAMS[stream].dimensions
        for name, stream in run["streams"].items()
        if name != "spectral"
    }
    return ModelConfig(
        tuple(run["inputs"]), width=run["width"], mel_bands=run["mel_bands"], **pretrained_sizes
    )


def shipped_path(rung: str, row: Sequence[str]) -> Path:
    """Return where the best network of a row is shipped: its inputs by their first letters."""
    return SHIPPED / f"part1_{rung}_{''.join(name[0] for name in row)}.safetensors"


def weights_path(run: Mapping[str, Any]) -> Path:
    """Return where the weights of a run are kept."""
    return WEIGHTS / f"{results.key(run)}.safetensors"


def store(model: CRNN, scales: Mapping[str, Standardiser], path: Path) -> None:
    """Store weights as float16, half the size, with what the features were standardised by."""
    kept = {
        f"scales.{name}.{part}": torch.from_numpy(getattr(scales[name], part))
        for name in model.config.inputs
        for part in ("mean", "std")
    }
    save_weights(model, path, kept)


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
    return summary(count(truth, training.predict(model, prepared.splits[split])))


def summary(counts: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the three F1 scores and the event F1 of each class, None where it has none."""
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


def readings(truth: Events, found: Probabilities) -> dict[str, dict[str, float]]:
    """Return the three scores as other readings of sections 2.2 and 4.3.2 would count them."""
    tags, predicted = found.clip.numpy() > evaluation.THRESHOLD, events(truth, found)
    ours = evaluation.all_counts(truth, predicted, tags)
    literal = {**ours, "event": evaluation.event_counts(truth, predicted, rule="min")}
    unfiltered = count(truth, found, median=1)
    allowed = tags[predicted.clip, predicted.label]
    gated = predicted.replaced(
        *(each[allowed] for each in (predicted.clip, predicted.label)),
        *(each[allowed] for each in (predicted.onset, predicted.offset)),
    )
    scores = {
        "as chosen": ours,
        "offset tolerance: the smaller of 200 ms and 20 %": literal,
        "no median filter": unfiltered,
        "tags from events instead of clip probabilities": evaluation.all_counts(truth, predicted),
        "events only of tagged classes": evaluation.all_counts(truth, gated, tags),
    }
    found_scores = {name: evaluation.table3_scores(each) for name, each in scores.items()}
    skipped = evaluation.macro_f1(ours["event"], never_predicted="skip")
    skipping = {**found_scores["as chosen"], "event": 0.0 if np.isnan(skipped) else skipped}
    return {**found_scores, "a class never predicted is left out of the mean": skipping}


def other_reading(run: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a run whose training differs in some fields of TrainingConfig."""
    changed = replace(TrainingConfig(**run["training"]), **changes)
    return {**run, "training": asdict(changed)}
