"""One run of Table 3: features in, a trained network and its three F1 scores out.

A run is a plain dict (see `config`), so that any number of them can be computed anywhere, each
with a result file of its own.
"""

import argparse
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from lib.book.files import REPOSITORY
from lib.runs import results, states, sweep
from lib.runs.checkpoints import SHIPPED, save_weights
from lib.runs.results import Result
from lib.runs.rows import Rows
from lib.sound import evaluation, features, mean_teacher, pretrained, protocol
from lib.sound.crnn import (
    COMBINATIONS,
    CRNN,
    INPUTS,
    ModelConfig,
    Probabilities,
    count_parameters,
    published_embeddings,
)
from lib.sound.data import datasets, mixtures
from lib.sound.data.corpus import SPLITS, Corpus, Sight, Sizes
from lib.sound.evaluation import METRICS
from lib.sound.events import Events
from lib.sound.features import Standardiser
from lib.sound.mean_teacher import TrainingConfig
from lib.sound.runs import extraction, sources
from lib.sound.runs.profiles import PROFILES, Profile

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
SEEING_ROWS = (("spectral", "visual"), ("visual",))  # what the pictures' knobs are turned for
PUBLISHED = {"audio": "vggish", "visual": "vgg16"}  # the paper's networks, which a reader fetches

_corpus = lru_cache(maxsize=16)(datasets.load)
_input = lru_cache(maxsize=4)(extraction.prepare)  # as many as one run reads


@dataclass(frozen=True, eq=False)
class Prepared:
    """A corpus with features, standardised on the training clips.

    `splits` maps each split to its features by input, (clips, frames, n) float16 on disk; training
    reads them batch by batch, as float32. `scales` are what they were standardised by.
    """

    corpus: Corpus
    splits: Mapping[str, Mapping[str, Rows]]
    scales: Mapping[str, Standardiser]

    def training_set(self) -> mean_teacher.TrainingSet:
        """Return what a mean teacher is trained on."""
        targets = torch.from_numpy(self.corpus.weak_targets())
        return mean_teacher.TrainingSet(self.splits["weak"], targets, self.splits["unlabelled"])


def common(profile: Profile) -> dict[str, Any]:
    """Return what all runs of a profile have in common, as plain JSON."""
    dataset = datasets.best() if profile.dataset == "best" else profile.dataset
    return {
        "dataset": dataset,
        "rung": "original" if dataset == "dcase2018" else "open",
        "sizes": asdict(profile.sizes),
        "streams": {"spectral": "log_mel", "audio": profile.audio, "visual": profile.visual},
        "width": profile.width,
        "mel_bands": profile.mel_bands,
        "pooling": "linear",
        "training": asdict(profile.training),
    }


def config(
    common: Mapping[str, Any],
    inputs: Sequence[str],
    seed: int,
    align: str = "index",
    sight: Sight | None = None,
) -> dict[str, Any]:
    """Return one run: a row of Table 3, a seed, and how the streams' frames are joined.

    The seed is also the rotation of the recordings, so that what one training more tells holds for
    other recordings, too. Fingerprints are of what each stream is made from: a run without pictures
    does not change with them.

    For the inputs see `crnn.COMBINATIONS`, for "index" (the paper's) or "time" `features.on_grid`.
    """
    streams = {name: common["streams"][name] for name in inputs}
    made = common["dataset"] == mixtures.NAME
    run = {
        **common,
        "inputs": list(inputs),
        "align": align,
        "seed": seed,
        "rotation": seed % mixtures.ROTATIONS if made else 0,
        "streams": streams,
        "weights": {name: weights_digest(stream) for name, stream in streams.items()},
        "embeddings": published_embeddings(inputs),
    }
    if made and "visual" in inputs:
        run["sight"] = asdict(sight or Sight())
    run["fingerprint"] = fingerprints(run)
    return run


def fingerprints(run: Mapping[str, Any]) -> dict[str, str]:
    """Return by input a digest of the clips and what the input is computed from."""
    corpus = corpus_of(run)
    streams = run["streams"].items()
    return {name: corpus.fingerprint(features.sense_of(stream)) for name, stream in streams}


def weights_digest(stream: str) -> str:
    """Return a digest of a stream's network, nothing where there is none."""
    return "" if stream == "log_mel" else pretrained.digest(stream)


# --- one run


def run_one(run: dict[str, Any]) -> dict[str, Any]:
    """Train one network, keep its weights in the cache, and return its scores.

    Beside `score` of both strongly labelled splits: the test clips' probabilities and counts
    (`protocol.pack_probabilities`, `protocol.pack`), and of each epoch the losses and the
    validation scores.
    """
    prepared = prepared_for(run)

    def validate(student: CRNN) -> dict[str, float]:
        found = score(student, prepared, "validation")["scores"]
        return {f"validation_{name}": found[name] for name in METRICS}

    path = weights_path(run)
    progress = path.with_suffix(".training")
    student, history = mean_teacher.train(
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
    probabilities = mean_teacher.predict(student, prepared.splits["test"])
    found = count(truth, probabilities)
    metrics = {
        "validation": score(student, prepared, "validation"),
        "test": summary(found),
        "probabilities": protocol.pack_probabilities(probabilities),
        "counts": {name: protocol.pack(found[name]) for name in METRICS},  # of the test clips
        "readings": readings(truth, probabilities),
        "shape": list(truth.shape),
        "history": history,
        "parameters": count_parameters(student),
    }
    states.remove(progress)
    return metrics


def prepared_for(run: Mapping[str, Any]) -> Prepared:
    """Return the corpus and the features that a run reads."""
    weights = {name: weights_digest(stream) for name, stream in run["streams"].items()}
    if (fingerprints(run), weights) != (run["fingerprint"], run["weights"]):
        raise ValueError("clips or pretrained weights are not those of this run")
    corpus, align = corpus_of(run), {"audio": run["align"]}
    found = {
        name: _input(corpus, stream, align.get(name, "index"), run["mel_bands"])
        for name, stream in run["streams"].items()
    }
    splits = {split: {name: found[name][0][split] for name in found} for split in SPLITS}
    return Prepared(corpus, splits, {name: scale for name, (_, scale) in found.items()})


def corpus_of(run: Mapping[str, Any]) -> Corpus:
    """Return the clips of a run, the same object each time."""
    sight = Sight(**run.get("sight", {}))
    return _corpus(run["dataset"], Sizes(**run["sizes"]), run["rotation"], sight)


def model_config(run: Mapping[str, Any]) -> ModelConfig:
    """Return the form of a run's network."""
    pretrained_sizes = {
        f"{name}_features": features.STREAMS[stream].dimensions
        for name, stream in run["streams"].items()
        if name != "spectral"
    }
    return ModelConfig(
        tuple(run["inputs"]),
        width=run["width"],
        mel_bands=run["mel_bands"],
        embeddings=dict(run["embeddings"]),
        pooling=run["pooling"],
        **pretrained_sizes,
    )


def shipped_path(run: Mapping[str, Any]) -> Path:
    """Return where the network of a row is shipped: its inputs by their first letters."""
    letters = "".join(name[0] for name in run["inputs"])
    return SHIPPED / f"part1_{run['rung']}_{letters}.safetensors"


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
    return summary(count(truth, mean_teacher.predict(model, prepared.splits[split])))


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
    predicted = evaluation.detect(found.frame.numpy(), truth, threshold, median)
    return evaluation.all_counts(truth, predicted, found.clip.numpy() > threshold)


def readings(truth: Events, found: Probabilities) -> dict[str, dict[str, float]]:
    """Return the three scores as other readings of sections 2.2 and 4.3.2 would count them."""
    tags = found.clip.numpy() > evaluation.THRESHOLD
    predicted = evaluation.detect(found.frame.numpy(), truth)
    ours = evaluation.all_counts(truth, predicted, tags)
    literal = {**ours, "event": evaluation.event_counts(truth, predicted, rule="min")}
    gated = predicted.only(tags[predicted.clip, predicted.label])
    scores = {
        "as chosen": ours,
        "offset tolerance: the smaller of 200 ms and 20 %": literal,
        "no median filter": count(truth, found, median=1),
        "tags from events instead of clip probabilities": evaluation.all_counts(truth, predicted),
        "events only of tagged classes": evaluation.all_counts(truth, gated, tags),
    }
    found_scores = {name: evaluation.table3_scores(each) for name, each in scores.items()}
    skipped = evaluation.macro_f1(ours["event"], never_predicted="skip")
    skipping = {**found_scores["as chosen"], "event": 0.0 if np.isnan(skipped) else skipped}
    return {**found_scores, "a class never predicted is left out of the mean": skipping}


# --- grids of runs


def grid(common: Mapping[str, Any], trainings: int) -> list[dict[str, Any]]:
    """Return the runs of Table 3, all rows of the first seed before those of the second."""
    return [config(common, row, seed) for seed in range(trainings) for row in COMBINATIONS]


def aligned_grid(common: Mapping[str, Any], trainings: int) -> list[dict[str, Any]]:
    """Return the runs of `ALIGNED_ROWS` with pretrained audio features joined by time."""
    seeds = range(trainings)
    return [config(common, row, seed, "time") for seed in seeds for row in ALIGNED_ROWS]


def ledger_grid(common: Mapping[str, Any], trainings: int) -> dict[str, list[dict[str, Any]]]:
    """Return by reading the runs of `LEDGER_ROW` trained as the paper may also be read."""
    ours = [config(common, LEDGER_ROW, seed) for seed in range(trainings)]
    chosen = TrainingConfig(**common["training"])
    return {
        name: [{**run, "training": asdict(replace(chosen, **changes))} for run in ours]
        for name, changes in TRAINING_READINGS.items()
    }


def sight_grid(common: Mapping[str, Any], trainings: int) -> list[dict[str, Any]]:
    """Return runs of `SEEING_ROWS` in which one knob of the pictures is at none or at all.

    Between the ends lie the runs of Table 3 itself.
    """
    return [
        config(common, row, seed, sight=replace(Sight(), **{knob.name: share}))
        for seed in range(trainings)
        for knob in fields(Sight)
        for share in (0.0, 1.0)
        for row in SEEING_ROWS
    ]


def published_grid(common: Mapping[str, Any], trainings: int) -> list[dict[str, Any]]:
    """Return the runs of the rows A and V on the networks that the paper took (section 4.2)."""
    asked = {**common, "streams": {**common["streams"], **PUBLISHED}}
    return [config(asked, (name,), seed) for seed in range(trainings) for name in PUBLISHED]


Grid = Callable[[Mapping[str, Any], int], list[dict[str, Any]]]
GRIDS: dict[str, Grid] = {
    "table3": grid,
    "aligned": aligned_grid,
    "ledger": lambda *asked: [run for runs in ledger_grid(*asked).values() for run in runs],
    "seen": sight_grid,
    "published": published_grid,
}


def table3(common: Mapping[str, Any], trainings: int) -> list[Result]:
    """Return the runs of Table 3; what has no result yet is trained.

    Of the rotations beyond, those rows come with it that are there.
    """
    trained(grid(common, trainings))
    return there(grid, common, trainings)


def ledger(common: Mapping[str, Any], trainings: int) -> dict[str, list[Result]]:
    """Return by reading the runs of `ledger_grid`; what has no result yet is trained."""
    return {name: trained(runs) for name, runs in ledger_grid(common, trainings).items()}


def present(runs: Sequence[Mapping[str, Any]]) -> list[Result | None]:
    """Return the result of each run, None where there is none yet."""
    return _swept(runs, compute=False)


def there(grid: Grid, common: Mapping[str, Any], trainings: int) -> list[Result]:
    """Return the results that are there of a grid, those of all rotations among them."""
    runs = grid(common, max(trainings, mixtures.ROTATIONS))
    return [result for result in present(runs) if result]


def trained(runs: list[dict[str, Any]]) -> list[Result]:
    """Return the result of each run; what has none yet is trained, its features first.

    With BOOK_RETRAIN in the environment the shipped results do not count: all runs are trained
    here (what had finished before an interruption is kept in the cache) and take their places.
    """
    if None in present(runs) and not sweep.only_present():
        for run in runs:
            prepared_for(run)
    found = [result for result in _swept(runs) if result]
    if sweep.retraining():
        for result in found:
            results.save(result)
    return found


def _swept(runs: Sequence[Mapping[str, Any]], *, compute: bool = True) -> list[Result | None]:
    """Return what there is of some runs; with BOOK_RETRAIN the shipped results do not count."""
    folder = RETRAINED if sweep.retraining() else results.root()
    code = (*sources.TRAINED, run_one, count, summary, readings)
    return sweep.run(PART, EXPERIMENT, runs, run_one, folder=folder, compute=compute, sources=code)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.sound.runs.experiments",
        description="Train what is missing of the runs that chapter 14 shows.",
        epilog="Interrupted, it goes on where it stopped.",
    )
    parser.add_argument("profile", choices=list(PROFILES))
    parser.add_argument(
        "grid", nargs="?", choices=list(GRIDS), help="which; all but published if not said"
    )
    options = parser.parse_args(arguments)
    profile = PROFILES[options.profile]
    asked = [options.grid] if options.grid else [name for name in GRIDS if name != "published"]
    for name in asked:
        try:
            found = trained(GRIDS[name](common(profile), profile.trainings))
        except FileNotFoundError as error:  # weights that a reader fetches
            parser.exit(1, f"{error}\n")
        print(f"{name}: {len(found)} trainings are there")


if __name__ == "__main__":  # by its name, so that other processes find what they are to run
    importlib.import_module("lib.sound.runs.experiments").main()
