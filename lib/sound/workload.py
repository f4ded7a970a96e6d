"""What Part I still has to compute: features of clips, the trainings of Table 3 and around it.

A step of the mean teacher goes forward and back through the student, forward through the teacher;
after each epoch the student is asked for the validation clips. Of features only the pretrained
networks and the mel bands have operations that count; decoding or mixing the sound, and drawing the
pictures, take time alone.
"""

import copy
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lib.book import profiles, results, sweep, workload
from lib.book.workload import Do, Sample, Work, Workload
from lib.sound import data, experiments, features, pretrained, probes, scored, studies, training
from lib.sound.data import SPLITS, Corpus, Sizes, Waveform
from lib.sound.features import STREAMS
from lib.sound.labels import CLASSES, CLIP_SECONDS
from lib.sound.models import ModelConfig, count_parameters
from lib.sound.profiles import METRICS, PROFILES, Profile, TrainingConfig
from lib.sound.training import Trainer, TrainingSet

Run = Mapping[str, Any]

PART = experiments.PART
WEIGHTS, RESULT = 2, 35e3  # bytes: of a stored weight, of a result of Table 3 about
HEADER = 160  # bytes of a file of features that are no features
PAPERS_NETWORKS = ("vggish", "vgg16")
COUNTED = 2  # clips, or inputs of a pretrained network, at a time
EXTRACTED = 8  # clips at a time, in a sample


def of(profile_name: str) -> Workload:
    """Return what a profile computes.

    Features count where a run reads them that has no result yet.

    Raises:
        ValueError: there is no such profile.
        FileNotFoundError: the data root names no folder.
    """
    lacking = workload.lacking(PART, PAPERS_NETWORKS)
    profile = experiments.fitting(profiles.choose(PROFILES, profile_name))
    corpus = data.load(profile.dataset, profile.sizes)
    shown, common = experiments.runs_of(profile, corpus)
    probing = probes.describe(profile, corpus)
    groups = dict(trainings_asked(shown, common))
    found = {name: experiments.present(runs) for name, runs in groups.items()}
    (probed,) = sweep.run(PART, probes.EXPERIMENT, [probing], probes.run_one, compute=False)
    waiting = [
        run
        for name in groups
        for run, there in zip(groups[name], found[name], strict=True)
        if not there
    ]
    work = [
        *features_work(corpus, waiting + [probing] * (probed is None)),
        *(
            training_work(name, groups[name], sum(each is not None for each in found[name]))
            for name in groups
        ),
        _quick_work("linear probes", 1, int(probed is not None)),
        metrics_work(profile_name),
    ]
    read = sum(each.runs * each.disk for each in work if each.name in map(_of_features, STREAMS))
    return Workload(corpus.name, corpus.rung, work, read, lacking)


def trainings_asked(profile: Profile, common: Run) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the name and the runs of each group of like trainings, no run twice."""
    groups = [
        ("Table 3", experiments.grid(common, profile.trainings)),
        ("joined by time", experiments.aligned_grid(common, profile.trainings)),
        *experiments.ledger_grid(common, profile.trainings).items(),
        *experiments.leads_grid(common).items(),
    ]
    seen: set[str] = set()
    for name, runs in groups:
        rows: dict[str, list[dict[str, Any]]] = {}
        for run in runs:
            if (key := results.key(run)) not in seen:
                seen.add(key)
                rows.setdefault(f"{_letters(run)}: {name}", []).append(run)
        yield from rows.items()


def features_work(corpus: Corpus, waiting: Sequence[Run]) -> list[Work]:
    """Return the features that some runs read, one line for each stream."""
    streams = list(dict.fromkeys(stream for run in waiting for stream in run["streams"].values()))
    if waiting and "log_mel" not in streams:  # tells of every clip where its sound ends
        streams.insert(0, "log_mel")
    clips = [clip for split in SPLITS for clip in corpus.clips[split]]
    return [
        Work(
            _of_features(stream),
            len(clips),
            sum(features.kept(corpus, stream, clips)),
            operations=features_flop(stream),
            sample=_extracting(corpus, stream, tuple(clips[:EXTRACTED])),
            disk=STREAMS[stream].rows * STREAMS[stream].dimensions * 2 + HEADER,
            in_turn=True,
        )
        for stream in streams
    ]


def training_work(name: str, runs: Sequence[Run], present: int) -> Work:
    """Return trainings that differ in nothing but the seed."""
    model, config = experiments.model_config(runs[0]), TrainingConfig(**runs[0]["training"])
    sizes, (step, forward) = Sizes(**runs[0]["sizes"]), clip_flop(model, config.teacher_mode)
    seen = config.epochs * config.steps_per_epoch * (config.weak_batch + config.unlabelled_batch)
    heard = (config.epochs + 1) * sizes.validation + sizes.test
    operations = seen * step + heard * forward
    speed = TrainingConfig(  # all else plays no part in it
        weak_batch=config.weak_batch,
        unlabelled_batch=config.unlabelled_batch,
        teacher_mode=config.teacher_mode,
        bfloat16=config.bfloat16,
    )
    return Work(
        name,
        len(runs),
        present,
        items=operations / step,
        operations=operations,
        sample=_learning(model, speed),
        disk=RESULT + WEIGHTS * _weights(model),
    )


def metrics_work(profile_name: str) -> Work:
    """Return the runs of the chapter on the metrics, which have no operations that count."""
    profile = profiles.choose(METRICS, profile_name)
    listed = studies.grids(profile, scored.load(profile.clips))
    found = [
        result
        for experiment, (runs, run_one) in listed.items()
        for result in sweep.run(PART, experiment, runs, run_one, compute=False)
    ]
    return _quick_work("metrics", len(found), sum(result is not None for result in found))


def _quick_work(name: str, runs: int, present: int) -> Work:
    """Return work whose time is not estimated."""
    return Work(name, runs, present, in_turn=True, note="minutes, not estimated")


def features_flop(stream: str) -> int:
    """Return the FLOP of the features of one clip, see the top for what counts."""
    if stream == "log_mel":
        clip = Waveform(torch.ones(round(CLIP_SECONDS * features.RATE)).numpy(), features.RATE)
        return workload.count(lambda: features.log_mel(clip))
    network = pretrained.NETWORKS[stream]
    size = (
        (3, network.side, network.side) if network.sees else (1, pretrained.PATCH, pretrained.BANDS)
    )
    shadow: nn.Module = copy.deepcopy(pretrained.loaded(stream)).to("meta")
    inputs = torch.empty(COUNTED, *size, device="meta")
    return STREAMS[stream].rows * workload.count(lambda: shadow(inputs)) // COUNTED


@cache
def clip_flop(model: ModelConfig, teacher_mode: str = "train") -> tuple[int, int]:
    """Return the FLOP for one clip in a step of training, and of what the student says of it."""
    config = TrainingConfig(weak_batch=1, unlabelled_batch=1, teacher_mode=teacher_mode)
    trainer = Trainer(model, config, _clips(model, 1), seed=0)
    step = workload.count(partial(trainer.train_step, 0))
    student, clips = trainer.student.eval(), trainer.data.weak
    return step // 2, workload.count(lambda: training.predict(student, clips))


def _of_features(stream: str) -> str:
    """Return the name of the work of computing a stream's features."""
    return f"features, {stream}"


def _letters(run: Run) -> str:
    """Return a row of Table 3 as the first letters of its inputs, S + A + V."""
    return " + ".join(name[0].upper() for name in run["inputs"])


@cache
def _weights(model: ModelConfig) -> int:
    """Return how many weights a network has."""
    with torch.device("meta"):
        return count_parameters(experiments.CRNN(model))


# --- samples


@cache
def _extracting(corpus: Corpus, stream: str, clips: tuple[str, ...]) -> Sample:
    """Return how fast features are computed: an item is a clip."""

    def prepare() -> Do:
        def do(items: int) -> None:
            with tempfile.TemporaryDirectory() as folder:
                features.extract(corpus, stream, clips[:items], Path(folder))

        return do

    return Sample(prepare, len(clips), least=1)


@cache
def _learning(model: ModelConfig, config: TrainingConfig) -> Sample:
    """Return how fast a mean teacher is trained: an item is a clip in a step."""
    whole = config.weak_batch + config.unlabelled_batch

    def prepare() -> Do:
        trainer = Trainer(model, config, _clips(model, whole), seed=0)

        def do(items: int) -> None:
            weak = items * config.weak_batch // whole
            trainer.config = replace(config, weak_batch=weak, unlabelled_batch=items - weak)
            trainer.train_step(1)

        return do

    return Sample(prepare, whole)


def _clips(model: ModelConfig, count: int) -> TrainingSet:
    """Return noise in place of features, so many weak clips and as many unlabelled ones."""
    sizes = {
        "spectral": (features.FRAMES, model.mel_bands),
        "audio": (features.GRID, model.audio_features),
        "visual": (features.GRID, model.visual_features),
    }
    random = torch.Generator().manual_seed(0)
    values = {
        name: torch.randn(count, *sizes[name], generator=random).half() for name in model.inputs
    }
    return TrainingSet(values, torch.ones(count, len(CLASSES)), values)
