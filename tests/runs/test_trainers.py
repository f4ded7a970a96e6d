"""All trainings of the book under one loop: known losses, the same bits after any interruption."""

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lib.adversarial import classifiers, data, training
from lib.adversarial.data import Digits
from lib.adversarial.fast import convolve_image
from lib.faces import classifier, gan_training
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import CODE, ModelConfig, Trunk
from lib.faces.gan_training import GANConfig
from lib.faces.recognition import Recogniser, total_loss
from lib.runs import device, trainer
from lib.runs.trainer import Training
from lib.sound import mean_teacher
from lib.sound.crnn import CRNN
from lib.sound.crnn import ModelConfig as SoundConfig
from lib.sound.mean_teacher import TrainingConfig, TrainingSet
from tests.damage import Bits, bits, flipped, stored

NAN = math.nan


class Found(NamedTuple):
    """What comes of a training."""

    weights: Bits
    history: dict[str, list[float]]


Train = Callable[..., Found]  # of a seed, and where its state is kept

# --- the four, each as small as it can be

CLIPS = TrainingConfig(epochs=3, steps_per_epoch=2, weak_batch=3, unlabelled_batch=2, ramp_steps=3)
CRNN_FORM = SoundConfig(
    ("spectral", "audio"), audio_features=6, visual_features=5, width=0.125, mel_bands=16
)
GAN_FORM = ModelConfig(identities=4, expressions=2, side=32, width=0.125)
GAN = GANConfig(  # D waits, too
    steps=8,
    intervals=4,
    batch=8,
    learning_rate=2e-3,
    generator_rate=2,
    strong=0.1,
    augmentation="flips",
    warm_up=3,
    own_identity=0.25,
    reconstruction=5.0,
    falling=0.5,
    average=0.9,
)
FITTING = ClassifierConfig(steps=7, batch=4, learning_rate=2e-3, falling=0.5)
NATURAL = training.TrainingConfig(
    "natural", epochs=4, batch_size=32, average_from=0.4, average_decay=0.9
)
ROBUST = replace(
    NATURAL, name="robust", epsilon=0.3, attack_steps=2, restart_epochs=3, ramp_epochs=1.0
)


def clips(weak: int = 5, unlabelled: int = 4, spoilt: bool = False) -> TrainingSet:
    """Return features of noise; they may be spoilt."""
    features = {}
    for seed, (split, count) in enumerate({"weak": weak, "unlabelled": unlabelled}.items()):
        noise = torch.Generator().manual_seed(seed)
        spectral = torch.randn(count, 604, 16, generator=noise).half()
        audio = torch.randn(count, 151, 6, generator=noise).half()
        features[split] = {"spectral": spectral * (NAN if spoilt else 1), "audio": audio}
    targets = (torch.arange(10 * weak).reshape(weak, 10) % 3 == 0).float()
    return TrainingSet(features["weak"], targets, features["unlabelled"])


def faces(frames: int = 3) -> Faces:
    """Return noise that shows four people with two expressions."""
    who, what, frame = np.indices((4, 2, frames)).reshape(3, -1)
    images = np.random.default_rng(0).integers(0, 256, (len(who), 36, 36, 3)).astype(np.uint8)
    return Faces("noise", "open", images, what, who, np.arange(len(who)), frame, ("high", "low"))


def digits(count: int = 64) -> Digits:
    """Return the first images of MNIST."""
    every = data.load("mnist_small")
    train = every.train_images[:count], every.train_labels[:count]
    return Digits("few", *train, every.test_images[:8], every.test_labels[:8])


def level(student: CRNN) -> dict[str, float]:
    """Return a number of a network, as a validation does."""
    return {"level": float(student.head.bias.detach().abs().sum())}


def teach(
    seed: int = 0,
    path: Path | None = None,
    config: TrainingConfig = CLIPS,
    form: SoundConfig = CRNN_FORM,
    **changes: Any,
) -> Found:
    """Train a mean teacher."""
    student, history = mean_teacher.train(form, config, clips(**changes), seed, path, level)
    return Found(bits(student.state_dict()), history)


def paint(
    seed: int = 0,
    path: Path | None = None,
    config: GANConfig = GAN,
    form: ModelConfig = GAN_FORM,
    people: Faces | None = None,
) -> Found:
    """Train DE-GAN."""
    found = gan_training.train(form, config, people or faces(), seed, path)
    both = {f"generator.{name}": each for name, each in found.generator.state_dict().items()}
    return Found(bits(both | dict(found.discriminator.state_dict())), found.history)


def fit(
    seed: int = 0,
    path: Path | None = None,
    config: ClassifierConfig = FITTING,
    width: float = 0.125,
    people: Faces | None = None,
) -> Found:
    """Train a classifier of expressions."""
    network, seen = Classifier(replace(GAN_FORM, width=width), 2), people or faces()
    losses = classifier.fit(
        network, F.cross_entropy, seen.images, seen.expressions, config, seed, path
    )
    return Found(bits(network.state_dict()), {"loss": losses})


def read(seed: int = 0, path: Path | None = None) -> Found:
    """Train a recogniser on a frozen encoder."""
    encoder = Trunk(GAN_FORM, CODE)
    classifier.initialise(encoder, torch.Generator().manual_seed(9))
    network, seen = Recogniser(encoder, GAN_FORM, 2), faces()
    losses = classifier.fit(network, total_loss, seen.images, seen.expressions, FITTING, seed, path)
    return Found(bits(network.state_dict()), {"loss": losses})


class Small(nn.Module):
    """The network of Part III with fewer channels: its states are written many times."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(8, 12, kernel_size=5, padding=2)
        self.dense = nn.Linear(12 * 7 * 7, 10)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        hidden = F.relu(F.max_pool2d(convolve_image(self.conv1, images), 2))
        hidden = F.relu(F.max_pool2d(self.conv2(hidden), 2))
        return self.dense(hidden.flatten(1))


def defend(
    seed: int = 0,
    path: Path | None = None,
    config: training.TrainingConfig = ROBUST,
    images: int = 64,
) -> Found:
    """Train a network on digits; its losses are the trainer's."""
    kept: list[training.Trainer] = []
    with pytest.MonkeyPatch.context() as patch:
        run = Training.run
        patch.setattr(Training, "run", lambda one, *rest: (kept.append(one), run(one, *rest)))
        network = training.train(replace(config, seed=seed), digits(images), path)
    return Found(bits(network.state_dict()), kept[0].history)


def natural(seed: int = 0, path: Path | None = None) -> Found:
    """Train a network on clean digits."""
    return defend(seed, path, NATURAL)


TRAININGS: dict[str, Train] = {
    "mean teacher": teach,
    "DE-GAN": paint,
    "classifier": fit,
    "recogniser": read,
    "robust": defend,
}
ROUNDS = {teach: 3, paint: 8, fit: 7, read: 7, defend: 4}
each_training = pytest.mark.parametrize("train", TRAININGS.values(), ids=TRAININGS)


@pytest.fixture(autouse=True)
def alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train small networks on the CPU, in float32, and keep states often."""
    for module in (mean_teacher, gan_training, classifier, training):
        monkeypatch.setattr(module, "best_device", lambda: torch.device("cpu"))
    for module in (device, training):
        monkeypatch.setattr(module, "half_precision", lambda device: False)
    monkeypatch.setitem(classifiers.ARCHITECTURES, "madry", Small)
    monkeypatch.setattr(classifier, "CHECKPOINT_STEPS", 2)


@dataclass
class Power:
    """Which rounds were begun; the power goes in an optimiser's step."""

    rounds: list[int]
    left: float = math.inf  # steps until then


class Gone(Exception):
    """The power went."""


@pytest.fixture
def power(monkeypatch: pytest.MonkeyPatch) -> Power:
    """Watch all trainings to come."""
    found = Power([])
    advance, step = Training.advance, torch.optim.Adam.step

    def counted(one: Training) -> dict[str, float]:
        found.rounds.append(one.done)
        return advance(one)

    def stopping(optimizer: torch.optim.Adam, *rest: Any) -> Any:
        if found.left == 0:
            raise Gone
        found.left -= 1
        return step(optimizer, *rest)

    monkeypatch.setattr(Training, "advance", counted)
    monkeypatch.setattr(torch.optim.Adam, "step", stopping)
    return found


def same(left: Found, right: Found) -> bool:
    """Return whether weights and losses are equal to the bit."""
    histories = [sorted(each.history.items()) for each in (left, right)]
    return left.weights == right.weights and repr(histories[0]) == repr(histories[1])


# --- what comes of them

KNOWN: dict[Train, dict[str, list[float]]] = {  # in float32, before they stood under one loop
    teach: {
        "classification": [0.68907, 0.695102, 0.689666],
        "clip_consistency": [3.489e-05, 4.095e-05, 7.953e-05],
        "frame_consistency": [0.001008, 0.000986, 0.000974],
        "level": [0.614445, 0.61792, 0.622303],
    },
    paint: {
        "discriminator": [2.536465, 2.746701],
        "generator": [NAN, 2.867981],
        "reconstruction": [NAN, 0.507467],
    },
    fit: {"loss": [0.678901, 1.077494, 1.288725]},
    read: {"loss": [2.079374, 2.07429, 2.079573]},
    natural: {"loss": [2.305615, 2.289057, 2.269384, 2.261251]},
    defend: {"loss": [2.327993, 2.375342]},
}


@cache
def whole(train: Train) -> tuple[Found, bytes]:
    """Return what comes of a training that nothing interrupts, and its last state."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.training"
        return train(path=path), path.read_bytes()


@pytest.mark.parametrize("train", KNOWN, ids=lambda train: train.__name__)
def test_losses_are_those_that_are_known(train: Train) -> None:
    history = whole(train)[0].history
    for name, values in KNOWN[train].items():
        np.testing.assert_allclose(history[name][: len(values)], values, rtol=5e-3, err_msg=name)


@each_training
def test_the_seed_alone_decides(train: Train) -> None:
    kept = whole(train)[0]
    torch.manual_seed(2)  # the global generator plays no part
    before = torch.random.get_rng_state()
    assert same(kept, train())
    if train in (teach, paint):  # the others' networks are made here, from that generator
        assert torch.equal(before, torch.random.get_rng_state())
    assert not same(kept, train(seed=4))


# --- interrupted


def done(path: Path) -> int:
    """Return how many rounds a state has behind it, none where there is none."""
    return int.from_bytes(stored(path)["done"][2], "little") if path.exists() else 0


@each_training
def test_a_training_interrupted_in_any_step_ends_at_the_same_bits(
    train: Train, power: Power, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, state = whole(train)
    path = tmp_path / "new" / "state.training"
    for power.left in (1, 3, 2):  # in the first of them before anything was kept
        with pytest.raises(Gone):
            train(path=path)
    power.left, begin = math.inf, done(path)
    power.rounds.clear()
    assert begin
    assert same(train(path=path), found)
    assert power.rounds == [*range(begin, ROUNDS[train])]  # what was kept is not repeated
    assert path.read_bytes() == state  # optimisers and draws, too
    power.rounds.clear()
    assert same(train(path=path), found)
    assert power.rounds == [*range(done(path), ROUNDS[train])]  # those after the last state
    path.write_bytes(flipped(state, 6 * len(state)))
    power.rounds.clear()
    assert same(train(path=path), found) and path.read_bytes() == state
    assert "state.training is damaged" in capsys.readouterr().err
    assert power.rounds == [*range(ROUNDS[train])]


# --- refused

OTHERS: list[tuple[Train, dict[str, Any]]] = [
    *((train, {"seed": 1}) for train in TRAININGS.values()),
    (teach, {"config": replace(CLIPS, epochs=4)}),
    (teach, {"form": replace(CRNN_FORM, width=0.25)}),
    (paint, {"config": replace(GAN, steps=12)}),
    (paint, {"form": replace(GAN_FORM, width=0.25)}),
    (paint, {"people": faces(frames=2)}),
    (fit, {"config": replace(FITTING, steps=9)}),
    (fit, {"width": 0.25}),
    (fit, {"people": faces(frames=2)}),
    (defend, {"config": replace(ROBUST, epsilon=0.2)}),
    (defend, {"images": 63}),
]


@pytest.mark.parametrize(("train", "change"), OTHERS)
def test_the_state_of_another_training_is_refused_and_kept(
    train: Train, change: dict[str, Any], tmp_path: Path
) -> None:
    path, state = tmp_path / "state.training", whole(train)[1]
    path.write_bytes(state)
    with pytest.raises(ValueError, match="belongs to another configuration; move it away"):
        train(path=path, **change)
    assert path.read_bytes() == state


WILD: list[tuple[Train, dict[str, Any], str]] = [
    (teach, {"spoilt": True}, "step 1: probabilities are no numbers"),
    (paint, {"config": replace(GAN, learning_rate=1e30)}, "step 2: .*nan"),
    (fit, {"config": replace(FITTING, learning_rate=1e30)}, "step 2: .*nan"),
    (defend, {}, "epoch 1: .*nan"),
]


@pytest.mark.parametrize(("train", "change", "said"), WILD)
def test_what_is_no_number_stops_a_training_and_is_not_kept(
    train: Train,
    change: dict[str, Any],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training.Trainer, "learning_rate", lambda one, progress: NAN)
    with pytest.raises(FloatingPointError, match=f"{said}.*; lower the learning rate, check the"):
        train(path=tmp_path / "state.training", **change)
    assert not (tmp_path / "state.training").exists()


# --- steps that all take


def test_follow_is_the_weighted_mean_of_weights_and_asked_for_statistics() -> None:
    for buffers in (True, False):
        average, network = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        for module, value in ((average, 2.0), (network, 10.0)):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                tensor.data.fill_(value)
        average.num_batches_tracked.fill_(5)
        trainer.follow(average, network, 0.75, buffers)
        assert int(average.num_batches_tracked) == 5
        for tensor in (average.weight, average.bias):
            assert tensor.tolist() == [0.75 * 2 + 0.25 * 10] * 3
        for tensor in (average.running_mean, average.running_var):
            assert tensor.tolist() == [4.0 if buffers else 2.0] * 3
        assert network.weight.tolist() == network.running_mean.tolist() == [10.0] * 3


def convolutions() -> tuple[nn.Module, torch.optim.Adam]:
    """Return a network in the layout of the trainings, and its optimiser."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 19, 3), nn.ELU(), nn.Conv2d(19, 21, 3))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, torch.optim.Adam(network.parameters(), betas=(0.5, 0.999))


def test_an_optimiser_goes_on_in_the_same_order_of_memory() -> None:
    network, optimizer = convolutions()
    pictures = torch.randn(4, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    trainer.descend(optimizer, network(pictures).square().mean(), 1e-3)
    kept = {name: each.clone().contiguous() for name, each in trainer.packed(optimizer).items()}
    _, second = convolutions()
    trainer.unpacked(second, kept)
    assert bits(trainer.packed(second)) == bits(trainer.packed(optimizer))
    for name, value in trainer.packed(optimizer).items():
        assert trainer.packed(second)[name].stride() == value.stride(), name
