"""Small pretrained networks for readers without the published weights of VGGish and VGG16.

They learn here what those learnt from AudioSet and ImageNet (section 4.2): *which* things are heard
in a second of sound or seen in a picture, never when. Their material is drawn too, but it is other
material: twenty kinds where the corpus has ten classes, other seeds, a wider style. The recipes of
the ten classes are those of the drawn corpus, though: on that rung what is learnt here carries over
more easily than from the web to a home, and its gains are no measure of the paper's.

    python -m lib.sound.stand_ins pretrain audio

pretrains one of them anew and puts it, with its record, into data/checkpoints.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import librosa
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from lib.book import results
from lib.book.files import write_atomically
from lib.book.weights import SHIPPED, save_weights
from lib.sound import pretrained
from lib.sound.datasets import pictures, synthesis

EMBEDDING = 64
SOUNDS = tuple(synthesis.MAKERS)
OFFSET = 0.01  # of the logarithm, as VGGish has it
FRAMES = pretrained.PATCH
SHORTEST_HEARD = 20  # frames of 10 ms; of less, nobody could say what it is
LOUDNESS = (-45.0, -12.0)  # dB of full scale
ROOM_RATIO = (-2.0, 30.0)  # dB of a sound over the room
CLEAR_RATIO = (0.0, 20.0)  # the same in examples by which a network is judged, as in the corpora
SECOND_RATIO = (-8.0, 8.0)  # dB of a second sound over the first
SECOND = 0.35  # of the examples have a second thing
NOTHING = 0.08  # of the sounds are an empty room
SPEEDS = (0.9, 1.12)  # of playing: pitch and pace together
SECONDS = (0.4, 3.0)  # of a sound
LEVEL = 20 * np.log10(synthesis.LEVEL)  # dB of what `synthesise` and `background` return


@dataclass(frozen=True)
class Pretraining:
    """How one network is pretrained: `examples` of each kind are drawn, Adam takes `steps`."""

    kind: str  # "audio" or "image"
    examples: int
    steps: int
    batch_size: int = 128
    learning_rate: float = 0.003
    weight_decay: float = 0.01
    seed: int = 2018


PRETRAININGS = {
    "small_audio": Pretraining("audio", examples=110, steps=1600),
    "small_image": Pretraining("image", examples=500, steps=1600),
}
HELD_OUT = {"small_audio": 25, "small_image": 100}  # examples of each kind


class SmallNetwork(nn.Module):
    """Convolutions that halve the picture, mean and maximum over it, one dense layer."""

    def __init__(self, widths: Sequence[int], pooled: int, kinds: int) -> None:
        """Build it with random weights.

        Args:
            widths: channels before the first and after each convolution.
            pooled: values to each channel that `pool` leaves.
            kinds: how many there are to tell apart in the pretraining.
        """
        super().__init__()
        layers: list[nn.Module] = []
        for index, (before, after) in enumerate(pairwise(widths)):
            stride = 2 if index < 4 else 1
            layers += [nn.Conv2d(before, after, 3, stride, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*layers)
        self.embedding = nn.Linear(widths[-1] * pooled, EMBEDDING)
        self.head = nn.Linear(EMBEDDING, kinds)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the (n, 64) embeddings."""
        return self.embedding(self.pool(self.features(inputs)).flatten(1))

    def logits(self, inputs: Tensor) -> Tensor:
        """Return a logit for each kind, (n, kinds)."""
        return self.head(F.relu(self.forward(inputs)))

    def pool(self, maps: Tensor) -> Tensor:
        """Return mean and maximum over the whole picture."""
        return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)


class SmallAudio(SmallNetwork):
    """Hears log-mel patches (n, 1, 96, 64), offset 0.01, as VGGish does; 165,000 parameters."""

    def __init__(self) -> None:
        super().__init__((1, 16, 32, 64, 128), pooled=8, kinds=len(SOUNDS))

    def pool(self, maps: Tensor) -> Tensor:
        """Return mean and maximum over time only: a band of frequencies is a thing of its own."""
        return torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1)


class SmallImage(SmallNetwork):
    """Sees pictures (n, 3, 64, 64), each colour from -2 to 2; 217,000 parameters."""

    def __init__(self) -> None:
        super().__init__((3, 16, 32, 64, 112, 112), pooled=2, kinds=len(pictures.KINDS))


NETWORKS: dict[str, Callable[[], SmallNetwork]] = {
    "small_audio": SmallAudio,
    "small_image": SmallImage,
}


class Material(Protocol):
    """What a network is pretrained on."""

    def batch(
        self, size: int, generator: np.random.Generator, alone: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return inputs and which kinds are in each, (size, kinds) float32 of 0 and 1.

        Args:
            size: of the batch.
            generator: of everything that is left to chance.
            alone: whether each example is of exactly one kind, as clear as in the corpora.
        """


class Sounds:
    """Single sounds as mel magnitudes, mixed anew for every batch.

    Magnitudes of independent sounds add as powers do, close enough to what mixing the waveforms
    would give and a hundred times faster.
    """

    def __init__(self, examples: int, seed: Sequence[int]) -> None:
        """Draw so many sounds of each kind, and rooms without any."""
        generator = np.random.default_rng(seed)
        tracks = [self._draw(kind, generator) for kind in SOUNDS for _ in range(examples)]
        self.label = np.repeat(np.arange(len(SOUNDS)), examples)
        self.length = np.array([len(track) for track in tracks])
        silence = np.zeros((FRAMES, pretrained.BANDS), dtype=np.float32)
        padded = [part for track in tracks for part in (track, silence)]
        self.frames = np.concatenate([silence, *padded])
        self.first = FRAMES + np.cumsum([0, *(self.length[:-1] + FRAMES)])
        rooms = [synthesis.background(6.0, generator, pretrained.RATE) for _ in range(30)]
        self.rooms = np.concatenate([mel_magnitudes(room) for room in rooms])

    def _draw(self, kind: str, generator: np.random.Generator) -> np.ndarray:
        """Return the mel magnitudes of one sound, played a little too fast or too slowly."""
        sound = synthesis.synthesise(kind, generator.uniform(*SECONDS), generator)
        rate = round(synthesis.RATE * generator.uniform(*SPEEDS))
        return mel_magnitudes(librosa.resample(sound, orig_sr=rate, target_sr=pretrained.RATE))

    def batch(
        self, size: int, generator: np.random.Generator, alone: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return log-mel patches (size, 1, 96, 64) and which kinds are heard, see `Material`."""
        first, second = generator.integers(len(self.label), size=(2, size))
        loud = generator.uniform(*LOUDNESS, size)
        mixed = (generator.random(size) < SECOND) & (not alone)
        empty = (generator.random(size) < NOTHING) & (not alone)
        power = self._heard(first, np.where(empty, -np.inf, loud), generator)
        with_second = np.where(
            mixed & ~empty, loud + generator.uniform(*SECOND_RATIO, size), -np.inf
        )
        power += self._heard(second, with_second, generator)
        ratio = generator.uniform(*(CLEAR_RATIO if alone else ROOM_RATIO), size)
        starts = generator.integers(len(self.rooms) - FRAMES, size=size)
        power += (self.rooms[starts[:, None] + np.arange(FRAMES)] * _gain(loud - ratio)) ** 2
        tilt = generator.normal(0, 0.35, (size, 1, 1)) * np.linspace(-1, 1, pretrained.BANDS)
        log_mel = np.log(np.sqrt(power) * np.exp(tilt) + OFFSET).astype(np.float32)
        targets = np.zeros((size, len(SOUNDS)), dtype=np.float32)
        targets[np.flatnonzero(~empty), self.label[first][~empty]] = 1
        both = np.flatnonzero(np.isfinite(with_second))
        targets[both, self.label[second][both]] = 1
        return torch.from_numpy(log_mel)[:, None], torch.from_numpy(targets)

    def _heard(
        self, index: np.ndarray, decibels: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        """Return the power of sounds, (n, 96, 64), cut somewhere, often past their ends."""
        earliest = SHORTEST_HEARD - FRAMES
        latest = np.maximum(self.length[index] - SHORTEST_HEARD, earliest + 1)
        starts = self.first[index] + generator.integers(earliest, latest)
        return (self.frames[starts[:, None] + np.arange(FRAMES)] * _gain(decibels)) ** 2


def _gain(decibels: np.ndarray) -> np.ndarray:
    """Return the factors, (n, 1, 1) float32, that bring what is at LEVEL to some dB."""
    return (10 ** ((decibels - LEVEL) / 20)).astype(np.float32)[:, None, None]


def mel_magnitudes(samples: np.ndarray) -> np.ndarray:
    """Return the magnitudes in mel bands of a sound at 16 kHz, (frames, 64) float32."""
    frames = torch.from_numpy(samples).unfold(0, pretrained.WINDOW, pretrained.HOP)
    window = torch.hann_window(pretrained.WINDOW, periodic=True)
    magnitude = torch.fft.rfft(frames * window, n=pretrained.FFT).abs().numpy()
    return magnitude @ pretrained.mel_weights()


class Pictures:
    """Pictures of one thing or two, mirrored, shifted and tinted anew for every batch."""

    def __init__(self, examples: int, seed: Sequence[int]) -> None:
        """Draw so many pictures of each kind, some with a second thing."""
        generator = np.random.default_rng(seed)
        count = len(pictures.KINDS)
        scenes, targets = [], np.zeros((examples * count, count), dtype=np.float32)
        for index in range(examples * count):
            shown = [index % count]
            if generator.random() < SECOND:
                shown.append((index + int(generator.integers(1, count))) % count)
            scenes.append(pictures.draw_objects([pictures.KINDS[i] for i in shown], generator))
            targets[index, shown] = 1
        self.scenes = torch.from_numpy(np.stack(scenes)).permute(0, 3, 1, 2)
        self.targets = torch.from_numpy(targets)

    def batch(
        self, size: int, generator: np.random.Generator, alone: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return pictures (size, 3, 64, 64) and which kinds are seen, see `Material`."""
        fitting = np.flatnonzero(self.targets.sum(dim=1).numpy() == 1) if alone else None
        choice = generator.choice(len(self.targets) if fitting is None else fitting, size)
        inputs = (self.scenes[choice].float() / 255 - 0.5) / 0.25
        if alone:
            return inputs, self.targets[choice]
        inputs = inputs.flip(3) if generator.random() < 0.5 else inputs
        down, across = generator.integers(-5, 6, 2).tolist()
        inputs = inputs.roll((down, across), dims=(2, 3))
        tint = generator.normal(0, 0.12, (2, size, 3, 1, 1)).astype(np.float32)
        return inputs * torch.from_numpy(1 + tint[0]) + torch.from_numpy(tint[1]), self.targets[
            choice
        ]


def draw_material(kind: str, examples: int, seed: Sequence[int]) -> Material:
    """Return so many drawn examples of each kind of sound ("audio") or thing ("image")."""
    return Sounds(examples, seed) if kind == "audio" else Pictures(examples, seed)


def pretrain(name: str, config: Pretraining) -> tuple[SmallNetwork, float]:
    """Return a network that knows the kinds, and its accuracy on held-out examples.

    Args:
        name: of NETWORKS.
        config: how; see `PRETRAININGS`.
    """
    material = draw_material(config.kind, config.examples, (config.seed, 0))
    generator = np.random.default_rng((config.seed, 2))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = NETWORKS[name]().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=config.steps
    )
    for _ in range(config.steps):
        inputs, targets = material.batch(config.batch_size, generator)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network.logits(inputs.contiguous(memory_format=torch.channels_last))
        loss = F.binary_cross_entropy_with_logits(logits.float(), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.eval().requires_grad_(False)
    return network, accuracy(name, network, HELD_OUT[name])


@torch.inference_mode()
def accuracy(name: str, network: SmallNetwork, examples: int, stream: int = 1) -> float:
    """Return the share of held-out single examples whose kind gets the highest logit.

    Args:
        name: of NETWORKS.
        network: to be measured.
        examples: of each kind.
        stream: of the random numbers, not 0, with which the training examples were drawn.
    """
    config = PRETRAININGS[name]
    material = draw_material(config.kind, examples, (config.seed, stream))
    generator = np.random.default_rng((config.seed, stream, 1))
    right = []
    for _ in range(examples // 5):
        inputs, targets = material.batch(100, generator, alone=True)
        right.append(network.logits(inputs).argmax(dim=1) == targets.argmax(dim=1))
    return float(torch.cat(right).double().mean())


def checkpoint(name: str) -> Path:
    """Return where the weights of a network are shipped."""
    return SHIPPED / f"part1_{name}.safetensors"


def load(name: str) -> SmallNetwork:
    """Return one of the two pretrained networks, frozen.

    Args:
        name: "small_audio" or "small_image".

    Raises:
        ValueError: there is no such network, or the file holds something else.
        FileNotFoundError: its weights are not there.
    """
    if name not in NETWORKS:
        raise ValueError(f"no stand-in is named {name!r}; choose one of: {', '.join(NETWORKS)}")
    path = checkpoint(name)
    command = f"python -m lib.sound.stand_ins pretrain {PRETRAININGS[name].kind}"
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}; run `{command}`")
    network = NETWORKS[name]()
    try:
        network.load_state_dict({key: value.float() for key, value in load_file(path).items()})
    except (SafetensorError, RuntimeError):
        raise ValueError(f"{path} does not hold the weights of {name}; run `{command}`") from None
    return network.eval().requires_grad_(False)


def ship(name: str) -> Path:
    """Pretrain a network and put it, with its record, into SHIPPED; return its place."""
    config, path = PRETRAININGS[name], checkpoint(name)
    started = time.monotonic()
    network, _ = pretrain(name, config)
    seconds = time.monotonic() - started
    save_weights(network, path)
    record = {
        "run": {"pretraining": asdict(config), "dataset": "drawn", "kinds": list(_kinds(name))},
        "command": f"python -m lib.sound.stand_ins pretrain {config.kind}",
        "licence": "CC BY 4.0",
        "metrics": {
            "held_out_accuracy": accuracy(name, load(name), HELD_OUT[name]),
            "held_out_examples": 20 * HELD_OUT[name],
        },
        "provenance": results.provenance(seconds, "drawn", "embedded"),
    }
    write_atomically(path.with_suffix(".json"), json.dumps(record, indent=1) + "\n")
    return path


def _kinds(name: str) -> tuple[str, ...]:
    """Return what a network tells apart."""
    return SOUNDS if PRETRAININGS[name].kind == "audio" else pictures.KINDS


def main() -> None:
    """Run the command line described at the top."""
    parser = argparse.ArgumentParser(prog="python -m lib.sound.stand_ins")
    parser.add_argument("command", choices=["pretrain"])
    parser.add_argument("kind", choices=["audio", "image"])
    path = ship(f"small_{parser.parse_args().kind}")
    print(path.with_suffix(".json").read_text())


if __name__ == "__main__":
    main()
