"""What Part I still has to compute: the trainings of Table 3 and around it, and the probes.

Features are computed on the way and not counted; neither are the metrics, which take minutes.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from lib.book import profiles
from lib.runs import results, workload
from lib.runs.workload import Work
from lib.sound import features
from lib.sound.crnn import ModelConfig
from lib.sound.events import CLASSES
from lib.sound.mean_teacher import Trainer, TrainingConfig, TrainingSet
from lib.sound.runs import experiments, probing
from lib.sound.runs.experiments import EXPERIMENT, PART
from lib.sound.runs.profiles import PROFILES


def of(profile_name: str) -> list[Work]:
    """Return what a profile computes."""
    profile = profiles.choose(PROFILES, profile_name)
    common = experiments.common(profile)
    probed = workload.stored(PART, probing.EXPERIMENT, [probing.describe(common)])
    return [*trainings(common, profile.trainings), Work("linear probes", probed)]


def trainings(common: Mapping[str, Any], count: int) -> list[Work]:
    """Return the groups of trainings that differ in nothing but the seed, no run twice."""
    groups = {
        "Table 3": experiments.grid(common, count),
        "joined by time": experiments.aligned_grid(common, count),
        **experiments.ledger_grid(common, count),
        "knobs of the pictures": experiments.sight_grid(common, count),
    }
    like: dict[str, list[dict[str, Any]]] = {}
    seen: set[str] = set()
    for name, runs in groups.items():
        for run in runs:
            if (key := results.key(run)) not in seen:
                seen.add(key)
                letters = " + ".join(each[0].upper() for each in run["inputs"])
                like.setdefault(f"{letters}: {name}", []).append(run)
    return [
        Work(name, workload.stored(PART, EXPERIMENT, runs), partial(training_flop, runs[0]))
        for name, runs in like.items()
    ]


def training_flop(run: Mapping[str, Any]) -> float:
    """Return the FLOP of a training: of one step with two clips, times the steps and clips."""
    model, config = experiments.model_config(run), TrainingConfig(**run["training"])
    pair = TrainingConfig(weak_batch=1, unlabelled_batch=1, teacher_mode=config.teacher_mode)
    trainer = Trainer(model, pair, _clips(model), seed=0)
    clips = config.weak_batch + config.unlabelled_batch
    steps = config.epochs * config.steps_per_epoch
    return workload.flop(lambda: trainer.train_step(0)) / 2 * clips * steps


def _clips(model: ModelConfig) -> TrainingSet:
    sizes = {
        "spectral": (features.FRAMES, model.mel_bands),
        "audio": (features.GRID, model.audio_features),
        "visual": (features.GRID, model.visual_features),
    }
    values = {name: torch.zeros(1, *sizes[name]) for name in model.inputs}
    return TrainingSet(values, torch.ones(1, len(CLASSES)), values)
