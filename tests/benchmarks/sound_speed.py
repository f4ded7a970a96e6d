"""How fast Part I computes, beside the usual way to compute it: run by hand, on an idle machine.

    python -m tests.benchmarks.sound_speed

Four parts: log-mel spectrograms, training steps of the paper's own network, scores at many
thresholds, and YAMNet. In each the ways take turns, with one thread, and the median of their CPU
times counts; results that should agree are compared. Beside that stands how many operations per
second a plain matrix product reaches at that moment, in float32 and in bfloat16, and which share
of it each part uses.
"""

import argparse
import math
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial

import librosa
import numpy as np
import torch
from torch import Tensor, nn

from lib.runs import device
from lib.sound import evaluation, features, pretrained
from lib.sound.crnn import CRNN, DROPOUT, ModelConfig, SpectralEncoder, Stack
from lib.sound.data.corpus import Waveform
from lib.sound.events import CLASSES, Events
from lib.sound.fast import Dropout
from lib.sound.mean_teacher import Trainer, TrainingConfig, TrainingSet
from lib.sound.runs import system_scores

Ways = Mapping[str, Callable[[], object]]
KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
MATRIX = 2048
STORED_RATE = 44_100  # Hz, of most clips of the original
CLOSE = 0.05  # dB by which two log-mels may differ
NEAR = 0.5  # share of the matrix product from which there is little left to gain


def peak_gflops(kind: torch.dtype, products: int = 4) -> float:
    """Return the best rate of a few matrix products, in GFLOP per CPU-second."""
    left, right = (torch.rand(MATRIX, MATRIX).to(kind) for _ in range(2))
    torch.mm(left, right)
    return (
        max(2 * MATRIX**3 / cpu_seconds(lambda: torch.mm(left, right)) for _ in range(products))
        / 1e9
    )


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    started = time.process_time()
    call()
    return time.process_time() - started


def in_turns(ways: Ways, rounds: int) -> dict[str, float]:
    """Return the median CPU-seconds of each way, after one turn that makes what is kept."""
    for call in ways.values():
        call()
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            found[name].append(cpu_seconds(call))
    return {name: statistics.median(values) for name, values in found.items()}


def show(title: str, seconds: Mapping[str, float], unit: str) -> None:
    """Print the ways, each with its ratio to the first."""
    first = next(iter(seconds.values()))
    print(f"\n{title}\n{'':44}{'ms per ' + unit:>20}{'to ours':>9}")
    for name, value in seconds.items():
        print(f"{name:44}{1000 * value:20,.1f}{value / first:9.2f}")


def judge(what: str, flop: float, seconds: float, kind: str = "float32") -> None:
    """Print which share of the matrix product, measured now, a part reaches."""
    peak = peak_gflops(KINDS[kind])
    share = flop / seconds / 1e9 / peak
    verdict = "near the hardware's limit" if share >= NEAR else "not near the hardware's limit"
    print(
        f"{what}: {flop / 1e9:.2f} GFLOP in {seconds:.3f} s, {share:.0%} of the {kind} matrix "
        f"product ({peak:,.0f} GFLOP per CPU-second): {verdict}"
    )


def some_sound(seed: int = 0) -> Waveform:
    """Return ten seconds of noise with a beat."""
    generator = np.random.default_rng(seed)
    samples = generator.normal(size=10 * STORED_RATE) * 0.1
    samples *= 1 + np.sin(np.arange(len(samples)) / 5000)
    return Waveform(samples.astype(np.float32), STORED_RATE)


def log_mel_by_librosa(waveform: Waveform) -> np.ndarray:
    """Return the log-mel of `features.log_mel` as librosa's own functions make it."""
    samples = librosa.resample(waveform.samples, orig_sr=waveform.rate, target_sr=features.RATE)
    mel = librosa.feature.melspectrogram(
        y=samples / np.abs(samples).max(),
        sr=features.RATE,
        n_fft=features.WINDOW,
        hop_length=features.HOP,
        n_mels=features.BANDS,
        power=1.0,
        pad_mode="reflect",
    )
    level = librosa.amplitude_to_db(mel, ref=1.0, amin=features.FLOOR, top_db=None)
    return level.clip(features.QUIETEST, features.LOUDEST).T


def log_mels(rounds: int) -> bool:
    """Time log-mel spectrograms with and without resampling; return whether they are equal."""
    stored = some_sound()
    samples = librosa.resample(stored.samples, orig_sr=STORED_RATE, target_sr=features.RATE)
    ready = Waveform(samples, features.RATE)
    for name, sound in (("44.1 kHz, resampled", stored), ("22.1 kHz", ready)):
        ways = {
            "this book": partial(features.log_mel, sound),
            "librosa": partial(log_mel_by_librosa, sound),
        }
        seconds = in_turns(ways, rounds)
        show(f"Log-mel of a 10 s clip, {name}", seconds, "clip")
    fourier = 2.5 * features.WINDOW * math.log2(features.WINDOW)
    bands = 2 * features.BANDS * (features.WINDOW / 2 + 1)
    judge("log-mel", features.FRAMES * (fourier + bands), seconds["this book"])
    return bool(np.abs(features.log_mel(stored) - log_mel_by_librosa(stored)).max() < CLOSE)


def flop_forward(network: nn.Module, run: Callable[[], object]) -> int:
    """Return the operations of convolutions, GRU and linear layers in one forward pass.

    A layer costs two operations per weight and place at which the weight is used.
    """
    total = 0

    def add(module: nn.Module, _: object, output: Tensor | tuple[Tensor, Tensor]) -> None:
        nonlocal total
        values = output[0] if isinstance(output, tuple) else output
        channels = 1 if isinstance(module, nn.Conv2d) else -1
        places = values.numel() // values.shape[channels]
        weights = (w for name, w in module.named_parameters() if "weight" in name)
        total += 2 * places * sum(weight.numel() for weight in weights)

    counted = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.GRU)]
    hooks = [module.register_forward_hook(add) for module in counted]
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return total


class UsualEncoder(nn.Module):
    """The convolutions of Table 1 as they are usually called, channels first."""

    def __init__(self, stacks: nn.Module) -> None:
        super().__init__()
        self.stacks = stacks

    def forward(self, spectrogram: Tensor) -> Tensor:
        return self.stacks(spectrogram.unsqueeze(1)).squeeze(3).transpose(1, 2)


def usual_memory(network: CRNN) -> None:
    """Let a network's convolutions have their channels first."""
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    encoder = network.encoders["spectral"]
    assert isinstance(encoder, SpectralEncoder)
    network.encoders["spectral"] = UsualEncoder(encoder.stacks)


def usual_dropout(network: CRNN) -> None:
    """Put torch's own dropout in the place of ours."""
    for stack in [module for module in network.modules() if isinstance(module, Stack)]:
        for index, layer in enumerate(stack):
            if isinstance(layer, Dropout):
                stack[index] = nn.Dropout(DROPOUT)


def trainer(clips: int, *changes: Callable[[CRNN], None]) -> Trainer:
    """Return a mean teacher of the paper's size, on noise, its networks changed."""
    generator = torch.Generator().manual_seed(0)
    noise = {"spectral": torch.randn(clips, features.FRAMES, features.BANDS, generator=generator)}
    targets = (torch.rand(clips, len(CLASSES), generator=generator) < 0.2).float()
    config = TrainingConfig(weak_batch=clips, unlabelled_batch=clips)
    made = Trainer(ModelConfig(("spectral",)), config, TrainingSet(noise, targets, noise), seed=0)
    for change in changes:
        change(made.student)
        change(made.teacher)
    return made


def in_precision(bfloat16: bool, work: Callable[[], object]) -> None:
    """Do something as on a processor that has instructions for bfloat16, or as on one without."""
    device.half_precision = lambda _: bfloat16
    work()


def training_steps(rounds: int, clips: int) -> bool:
    """Time steps of the mean teacher; return whether all ways compute the same network."""
    trainers = {
        "this book: bfloat16": trainer(clips),
        "bfloat16, torch's dropout": trainer(clips, usual_dropout),
        "float32": trainer(clips),
        "float32, torch's dropout": trainer(clips, usual_dropout),
        "float32, torch's dropout, channels first": trainer(clips, usual_dropout, usual_memory),
    }
    batch, _ = next(iter(trainers.values())).batch()
    agree = same_outputs([each.student for each in trainers.values()], batch)
    ways = {
        name: partial(in_precision, "bfloat16" in name, partial(each.train_step, 0))
        for name, each in trainers.items()
    }
    seconds = in_turns(ways, rounds)
    show(f"Training step of the paper's network, {clips} + {clips} clips", seconds, "step")
    student = next(iter(trainers.values())).student
    forward = flop_forward(student, partial(student, batch))
    flop = 4 * forward  # student forward, and twice that backward; teacher forward
    for name, kind in (("this book: bfloat16", "bfloat16"), ("float32", "float32")):
        judge(f"training, {kind}", flop, seconds[name], kind)
    return agree


@torch.no_grad()
def same_outputs(networks: list[CRNN], batch: Mapping[str, Tensor]) -> bool:
    """Return whether networks say the same at evaluation."""
    few = {name: values[:2] for name, values in batch.items()}
    outputs = [network.eval()(few).frame for network in networks]
    for network in networks:
        network.train()
    return all(torch.allclose(each, outputs[0], atol=1e-4) for each in outputs)


def score_all(
    count: Callable[[Events, Events], dict[str, float]],
    truth: Events,
    scores: np.ndarray,
    thresholds: np.ndarray,
) -> list[dict[str, float]]:
    """Return the scores at each threshold, after the same filter and decoding."""
    found = []
    for threshold in thresholds:
        active = evaluation.median_filter(evaluation.decide(scores, threshold))
        found.append(count(truth, evaluation.decode(active, truth)))
    return found


def by_counts(truth: Events, found: Events) -> dict[str, float]:
    """Return the scores of `evaluation.by_sed_eval` from vectorised counts."""
    segments = evaluation.segment_counts(truth, found)
    events = evaluation.event_counts(truth, found)
    return {
        "segment micro": evaluation.micro_f1(segments),
        "segment macro": evaluation.macro_f1(segments),
        "event micro": evaluation.micro_f1(events),
        "event macro": evaluation.macro_f1(events),
    }


def thresholds_in_turns(rounds: int, clips: int, count: int) -> bool:
    """Time the scores of a test set at many thresholds; return whether all digits are equal."""
    found = system_scores.load(clips)
    truth, scores = found.truth, found.scores
    values = (np.arange(count) + 0.5) / count
    ways = {
        "this book": partial(score_all, by_counts, truth, scores, values),
        "sed_eval": partial(score_all, evaluation.by_sed_eval, truth, scores, values),
    }
    seconds = in_turns(ways, rounds)
    title = f"Segment and event F1 of {clips} clips at {count} thresholds"
    show(title, {name: each / count for name, each in seconds.items()}, "threshold")
    ours, theirs = (way() for way in ways.values())
    return ours == theirs


def yamnet(rounds: int) -> None:
    """Time YAMNet on one clip, and say which share of the matrix product it reaches."""
    name = "yamnet"
    sound = some_sound()
    offset = pretrained.NETWORKS[name].offset
    patches = pretrained.log_mel_patches(sound, offset)
    ways = {
        "all 167 patches through the network": partial(pretrained.embeddings, name, patches),
        "making the patches": partial(pretrained.log_mel_patches, sound, offset),
    }
    seconds = in_turns(ways, rounds)
    show("YAMNet on a 10 s clip", seconds, "clip")
    network = pretrained.loaded(name)
    flop = flop_forward(network, partial(pretrained.embeddings, name, patches))
    judge("YAMNet", flop, next(iter(seconds.values())))


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; return 1 if results that should agree do not."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sound_speed")
    parser.add_argument("--rounds", type=int, default=3, help="the median of them counts")
    parser.add_argument("--clips", type=int, default=24, help="weak, and as many unlabelled")
    parser.add_argument("--thresholds", type=int, default=50)
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # other libraries' business
    torch.set_num_threads(1)
    print(f"One thread, median of {asked.rounds} turns")
    agree = {
        "log-mel": log_mels(10 * asked.rounds),
        "networks": training_steps(asked.rounds, asked.clips),
        "scores": thresholds_in_turns(asked.rounds, 200, asked.thresholds),
    }
    yamnet(asked.rounds)
    for name in (name for name, same in agree.items() if not same):
        print(f"{name} differ between the ways: something is wrong", file=sys.stderr)
    return 0 if all(agree.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
