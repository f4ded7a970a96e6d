"""Ways through two parts with data of some size, each in a fresh process of its own.

What costs time and no memory is replaced: features and faces are noise, networks are small.
Reading, writing, preparing, training and judging are the book's own.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lib.runs.sweep import RunOne

# glibc then gives back all large pieces of memory that are freed. Left alone it keeps many, more or
# fewer by chance, up to hundreds of MB that nothing is in.
RETURNED = "MALLOC_MMAP_THRESHOLD_", "131072"


def alone(function: RunOne, config: dict[str, Any]) -> dict[str, Any]:
    """Return what a function returns in a fresh process, and the peak of that process's memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*RETURNED)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(_watched, function, config).result()


def _watched(function: RunOne, config: dict[str, Any]) -> dict[str, Any]:
    torch.set_num_threads(1)
    return {**function(config), "peak_memory_mb": round(peak_memory_mb(), 1)}


def peak_memory_mb() -> float:
    """Return the most memory that this process has had so far.

    `getrusage` starts a Linux process with the peak of the one that started it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


def megabytes(folder: Path) -> float:
    """Return how much the files in a folder hold together."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def sound(config: dict[str, Any]) -> dict[str, float]:
    """Prepare wide features, as of a pretrained network, of clips, and train for one epoch."""
    from lib.sound import features, mean_teacher, pretrained
    from lib.sound.crnn import CRNN, ModelConfig
    from lib.sound.data.corpus import SPLITS, Corpus
    from lib.sound.events import CLASSES
    from lib.sound.mean_teacher import TrainingConfig
    from lib.sound.runs import extraction

    clips, folder = config["size"], Path(config["folder"])

    def noise(corpus: object, stream: str, clip: str) -> np.ndarray:
        rows = features.STREAMS[stream]
        return np.random.default_rng(0).random((rows.rows, rows.dimensions), dtype=np.float32)

    extraction._features, extraction.CACHE = noise, folder
    pretrained.digest = pretrained.loaded = lambda stream: stream  # type: ignore[assignment]
    halves = [tuple(f"{split} {n}" for n in range(clips // 2)) for split in SPLITS[:2]]
    corpus: Any = Corpus(
        name="noise",
        rung="none",
        classes=CLASSES,
        clips=dict(zip(SPLITS, [*halves, (), ()], strict=True)),
        weak=dict.fromkeys(halves[0], CLASSES[:1]),
        strong={},
        content=lambda name, sense: f"noise {int(name.split()[1]) % 2}",
        audio=lambda name: None,  # type: ignore[arg-type, return-value]
        frames=lambda name, times: None,
        left_out={},
        notes=lambda name: "",
    )
    splits, _ = extraction.prepare(corpus, "yamnet", "index", 128)
    weak, unlabelled = ({"audio": splits[split]} for split in extraction.TRAINING_SPLITS)
    form = ModelConfig(("audio",), width=0.125, audio_features=1024)
    steps = clips // 100  # of one epoch
    mean_teacher.train(
        form,
        TrainingConfig(1, steps, weak_batch=10, unlabelled_batch=10, ramp_steps=steps),
        mean_teacher.TrainingSet(weak, torch.from_numpy(corpus.weak_targets()), unlabelled),
        seed=0,
    )
    mean_teacher.predict(CRNN(form), weak)
    return {"data": megabytes(folder / "prepared")}


def faces(config: dict[str, Any]) -> dict[str, float]:
    """Make faces, augment each once, train DE-GAN for some steps and let a classifier look."""
    from lib.faces import augment, classifier, gan_training
    from lib.faces.data.corpus import EXPRESSIONS, Requests
    from lib.faces.de_gan import ModelConfig
    from lib.faces.gan_training import GANConfig
    from lib.faces.render import made

    count, folder = config["size"], Path(config["folder"])

    def noise(requests: Requests, size: int) -> tuple[np.ndarray, None]:
        shape = (len(requests.people), size, size, 3)
        return np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8), None

    people, classes = 10, len(EXPRESSIONS)
    frames = count // (people * classes)
    found = made.pretraining(noise, people, frames, 96, 0, folder=folder)  # type: ignore[arg-type]
    random = torch.Generator().manual_seed(0)
    for rows in torch.randperm(count, generator=random).split(35):
        augment.draw(found.images, rows, random)
    gan_training.train(ModelConfig(people, classes, 96, 0.05), GANConfig(4, 1, 16), found, seed=0)
    classifier.predict(lambda pictures: pictures.mean(dim=(1, 2, 3)), found.images)
    found.take(np.arange(count // 2)).renumbered().fingerprint()
    return {"data": megabytes(folder)}
