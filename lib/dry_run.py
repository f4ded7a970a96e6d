"""What a profile would still compute, before it does: `./run_all.sh paper --dry-run`.

The one file of the library that knows all three parts; no other imports it.
"""

import argparse
import sys
from dataclasses import replace

import torch

from lib.adversarial import checkpoints as digit_networks
from lib.adversarial import evaluation
from lib.adversarial import profiles as digit_profiles
from lib.book import profiles
from lib.book.files import REPOSITORY
from lib.faces.data import datasets
from lib.faces.runs import ablations, knowledge, operations
from lib.faces.runs import checkpoints as face_networks
from lib.faces.runs import experiments as faces
from lib.faces.runs import profiles as face_profiles
from lib.runs import code, results, workload
from lib.runs.checkpoints import file_digest
from lib.runs.sweep import Config
from lib.runs.workload import Work, counted, flop, networks, stored
from lib.sound import features
from lib.sound.events import CLASSES
from lib.sound.mean_teacher import Trainer, TrainingConfig, TrainingSet
from lib.sound.runs import experiments as sound
from lib.sound.runs import probing
from lib.sound.runs import profiles as sound_profiles


def part1(profile_name: str) -> list[Work]:
    """Return what Part I computes; features are computed on the way and not counted."""
    profile = profiles.choose(sound_profiles.PROFILES, profile_name)
    common, done = sound.common(profile), stored(sound.PART, sound.EXPERIMENT)
    names = ("inputs", "streams", "width", "mel_bands", "embeddings", "pooling", "training")
    flops = counted(mean_teacher_flop, *names)
    first: dict[str, tuple[str, Config]] = {}  # some runs stand in several grids
    for name, grid in sound.GRIDS.items():
        for run in grid(common, profile.trainings):
            first.setdefault(results.key(run), (name, run))
    trainings = [
        Work(f"trainings, {name}", [run for of, run in first.values() if of == name], done, flops)
        for name in sound.GRIDS
    ]
    probed = stored(sound.PART, probing.EXPERIMENT)
    return [*trainings, Work("linear probes", [probing.describe(common)], probed)]


def mean_teacher_flop(run: Config) -> float:
    """Return the FLOP of a training: of one step with two clips, times the steps and clips."""
    model, config = sound.model_config(run), TrainingConfig(**run["training"])
    sizes = {
        "spectral": (features.FRAMES, model.mel_bands),
        "audio": (features.GRID, model.audio_features),
        "visual": (features.GRID, model.visual_features),
    }
    clip = {name: torch.zeros(1, *sizes[name]) for name in model.inputs}
    clips = TrainingSet(clip, torch.ones(1, len(CLASSES)), clip)
    trainer = Trainer(model, replace(config, weak_batch=1, unlabelled_batch=1), clips, seed=0)
    pairs = (config.weak_batch + config.unlabelled_batch) / 2
    return flop(lambda: trainer.train_step(0)) * pairs * config.epochs * config.steps_per_epoch


def part2(profile_name: str) -> list[Work]:
    """Return what Part II computes."""
    profile = profiles.choose(face_profiles.PROFILES, profile_name)
    corpus = datasets.load(profile.dataset, profile.sizes)
    described = [face_networks.describe(kind, profile, corpus) for kind in face_networks.KINDS]
    place = {run["kind"]: face_networks.place(run) for run in described}
    there = {kind: path for kind, path in place.items() if path.is_file()}
    digest = {kind: file_digest(there[kind]) if kind in there else "" for kind in place}

    names = ("method", "folds", "shape", "model", "training", "fine_tuning")
    fold_flop = counted(operations.fold_flop, *names)
    recognised = stored(faces.PART, faces.EXPERIMENT)
    tables = []
    for name in corpus.sets:
        common = faces.describe(profile, corpus.rung, name)
        for methods, count in faces.planned(profile, name):
            # what reads a network to come is not there, whatever that will be
            grid = faces.grid(common, there, methods, count)
            what = ", a GAN for each fold" if methods == faces.TRAINED_ON else ""
            tables.append(Work(f"recognition, {name}{what}", grid, recognised, fold_flop))
    known = knowledge.describe(profile, corpus.rung, digest)
    studies = [*ablations.grid(ablations.profile_of(profile), corpus).values()]
    return [
        Work("networks", described, networks("part2", place.values()), operations.network_flop),
        *tables,
        Work("probes and judges", [known], stored(faces.PART, knowledge.EXPERIMENT)),
        Work("studies of DE-GAN", studies, stored(faces.PART, ablations.EXPERIMENT)),
    ]


def part3(profile_name: str) -> list[Work]:
    """Return what Part III computes."""
    profile = profiles.choose(digit_profiles.PROFILES, profile_name)
    digits = evaluation.cached_digits(profile.dataset)
    found = digit_networks.networks(profile, digits, train=False)
    places = [digit_networks.place(config, digits) for config in profile.trainings]
    trainings = [digit_networks.training_run(config, digits) for config in profile.trainings]
    attacks = evaluation.attack_grid(profile, found, digits, evaluation.strengths(profile))
    ours = [network for network in found if network.pair == "ours"]
    ledger = [evaluation.ledger_grid(profile, network, digits) for network in ours]
    readings = [run for grids in ledger for grid in grids.values() for run in grid]
    attacked = stored(evaluation.PART, "attack")
    known = stored(evaluation.PART, "thresholds")
    return [
        Work("networks", trainings, networks("part3", places), training_passes),
        Work("thresholds of the detector", evaluation.threshold_configs(digits), known),
        Work("attacks of Table II and Fig. 2 to 4", attacks, attacked, attack_passes),
        Work("attacks, other readings of the paper", readings, attacked, attack_passes),
    ]


def training_passes(run: Config) -> float:
    """Return how often the training of a network goes forward and back, its attacks included."""
    config, digits = run["training"], evaluation.cached_digits(run["dataset"])
    steps = 1 + (config["attack_steps"] if config["epsilon"] else 0)
    return steps * config["epochs"] * len(digits.train_images)


def attack_passes(run: Config) -> float:
    """Return how often an attack goes forward and back."""
    return run["images"] * run["steps"]


PARTS = {"part1": part1, "part2": part2, "part3": part3}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lib.dry_run")
    parser.add_argument("profile", choices=profiles.PROFILES)
    parser.add_argument("jobs", type=int, help="runs at a time")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}")
    options = parser.parse_args(arguments)
    if not options.parts:
        print("these chapters compute nothing of their own; name others, or none for all")
        return 0
    print(f"Profile {options.profile}: what is there, and what would be computed\n")
    print(workload.ROW.format(*workload.HEADS))
    works: list[Work] = []
    try:
        for part in options.parts:
            works += workload.report(part, PARTS[part], options.profile)
    except KeyboardInterrupt:
        return 130
    print(f"\n{workload.together(works, options.jobs)}")
    code.tell_older(results.root(), REPOSITORY)
    return 0


if __name__ == "__main__":
    sys.exit(main())
