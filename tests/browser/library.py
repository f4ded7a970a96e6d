"""What the library says of a setting of each explore chapter, apart from any notebook.

Each function takes the settings of one panel and returns the words that must stand below its
picture, made from numbers of the library, and the picture.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

import lib.sound.runs.checkpoints
from lib.adversarial import checkpoints, data, detector, evaluation, plots
from lib.adversarial import profiles as adversarial_profiles
from lib.book.show import png, set_style
from lib.faces import augment, real_people
from lib.faces.data import datasets as face_sets
from lib.faces.data import london
from lib.faces.figures import explore as faces
from lib.faces.figures import upload
from lib.faces.runs import checkpoints as face_networks
from lib.faces.runs import profiles as faces_profiles
from lib.faces.runs import real
from lib.faces.runs.synthesis import codes, synthesise
from lib.sound.data import datasets as sound_sets
from lib.sound.data.corpus import Corpus
from lib.sound.figures import explore as sound
from lib.sound.runs import experiments
from lib.sound.runs import profiles as sound_profiles
from lib.sound.runs.profiles import Profile

Answer = tuple[str, bytes]
set_style()  # as the page of each chapter does
# Tiny networks, but for faces: those of smoke hardly answer to the noise; quick's are shipped.
PROFILES = {
    "15_sound_explore": "smoke",
    "25_faces_explore": "quick",
    "35_adversarial_explore": "smoke",
}
PAIRED = "35_adversarial_explore"  # which is tried as a `.py`, too
METHODS = {"PGD": "pgd", "uniform noise": "noise", "informed": "evasion"}


def _answer(said: str, figure: Figure) -> Answer:
    plt.close(figure)
    return said, png(figure)


@cache
def _sound() -> tuple[Profile, dict[str, Any], Corpus]:
    """Return the profile of chapter 15, what its runs have in common, and its clips."""
    profile = sound_profiles.PROFILES[PROFILES["15_sound_explore"]]
    common = experiments.common(profile)
    return profile, common, sound_sets.load(common["dataset"], profile.sizes)


@cache
def sounds() -> sound.Scenes:
    """Return the clips of chapter 15 and what its networks find in them."""
    profile, common, corpus = _sound()
    clips = sound.choose_clips(corpus.strong["test"], profile.shown_clips)
    networks = lib.sound.runs.checkpoints.networks(common)
    return sound.observe(
        corpus, clips, networks, lib.sound.runs.checkpoints.inputs(common, corpus, clips)
    )


def hear(clip: str, inputs: str, compared_with: str, threshold: float, median: int) -> Answer:
    """Answer for the panel of chapter 15."""
    scenes = sounds()
    models = [name for name in dict.fromkeys((inputs, compared_with)) if name != "nothing"]
    said = []
    for model in models:
        found = sound.scores(scenes, model, threshold, median)
        values = (f"{name} {100 * found[name]:.0f} %" for name in ("clip", "segment", "event"))
        said.append(f"inputs {model}: {', '.join(values)}")
    place = scenes.names.index(clip)
    return _answer("; ".join(said), sound.panel(scenes, place, models, threshold, median))


def seconds(clip: str) -> float:
    """Return how long a clip of chapter 15 sounds."""
    _, _, corpus = _sound()
    waveform = corpus.audio(sounds().truth.clips[sounds().names.index(clip)])
    return len(waveform.samples) / waveform.rate


@cache
def lenders() -> faces.Scenes:
    """Return the people and networks of chapter 25."""
    profile = faces_profiles.PROFILES[PROFILES["25_faces_explore"]]
    return faces.scenes(profile, face_sets.load(profile.dataset, profile.sizes))


def portrait() -> bytes:
    """Return a photograph to upload."""
    return upload.portrait()


def _made(source: np.ndarray, person: int, noise_1: float, noise_2: float) -> torch.Tensor:
    scenes = lenders()
    code, z = codes(scenes.generator, source[None]), faces.noise(noise_1, noise_2)[None]
    return synthesise(scenes.generator, code, [person], z)[0, 0]


def _likeliest(read: np.ndarray) -> str:
    return f"{lenders().classes[read.argmax()]} {100 * read.max():.0f} %"


def lend(face: str, person: int, noise_1: float, noise_2: float) -> Answer:
    """Answer for the first panel of chapter 25."""
    return _lent(lenders().source(face), face, person, noise_1, noise_2)


def lend_mine(person: int, noise_1: float, noise_2: float) -> Answer:
    """Answer for the panel of chapter 25 that shows an uploaded portrait."""
    source = upload.photograph(lenders(), portrait(), "portrait.png")
    return _lent(source, "your photograph", person, noise_1, noise_2)


def _lent(source: np.ndarray, name: str, person: int, noise_1: float, noise_2: float) -> Answer:
    scenes = lenders()
    made = _made(source, person, noise_1, noise_2)
    real = faces.opinion(scenes.expression_judge, augment.centre(source[None]))[0]
    seen = faces.opinion(scenes.expression_judge, made)[0]
    known = faces.opinion(scenes.identity_judge, made)[0]
    said = (
        f"{_likeliest(real)} in the source, {_likeliest(seen)} in the synthesised face; "
        f"identity judge: person {known.argmax()}, {100 * known.max():.0f} %"
    )
    return _answer(said, faces.lend(scenes, source, name, person, (noise_1, noise_2)))


def grid(stranger: str, people: str, noise_1: float, noise_2: float) -> Answer:
    """Answer for the second panel of chapter 25."""
    scenes, (first, last) = lenders(), map(int, people.split(" to "))
    sources, noise = scenes.strangers["ABC".index(stranger)], (noise_1, noise_2)
    said = []
    for person in range(first, last + 1):
        made = torch.cat([_made(each, person, *noise) for each in sources])
        seen = faces.opinion(scenes.expression_judge, made).argmax(1) == np.arange(len(sources))
        known = faces.opinion(scenes.identity_judge, made).argmax(1) == person
        counts = (
            f"expression {seen.sum()} of {len(sources)}, identity {known.sum()} of {len(sources)}"
        )
        said.append(f"person {person}: {counts}")
    return _answer("; ".join(said), faces.grid(scenes, stranger, first, noise))


def walk(begin: str, end: str, person: int, steps: int, noise_1: float, noise_2: float) -> Answer:
    """Answer for the third panel of chapter 25."""
    scenes, noise = lenders(), (noise_1, noise_2)
    first, last = (codes(scenes.generator, scenes.source(name)[None]) for name in (begin, end))
    said = []
    for share in np.linspace(0, 1, steps):
        code = (1 - share) * first + share * last
        made = synthesise(scenes.generator, code.float(), [person], faces.noise(*noise)[None])
        made = made[0, 0]
        said.append(_likeliest(faces.opinion(scenes.expression_judge, made)[0]))
    return _answer(", ".join(said), faces.walk(scenes, begin, end, person, steps, noise))


def smiles(first: int, lender: int, other: int) -> Answer:
    """Answer for the fourth panel of chapter 25."""
    profile = faces_profiles.PROFILES[PROFILES["25_faces_explore"]]
    corpus = face_sets.load(profile.dataset, profile.sizes)
    generator, people = (
        face_networks.load(real.trained(profile, corpus)),
        london.load(profile.real_side),
    )
    learnt = real_people.training_set(people)
    smiling = set(learnt.identities[learnt.expressions == 1].tolist())
    unseen = [str(each) for each in range(first, min(first + 5, 102)) if each not in smiling]
    said = f"smile never seen by the generator: of {', '.join(unseen) or 'nobody'}"
    return _answer(said, faces.smiles(generator, people, first, [lender, other]))


@cache
def attacked() -> Any:
    """Return profile, digits, networks and threshold of chapter 35."""
    profile = adversarial_profiles.PROFILES[PROFILES["35_adversarial_explore"]]
    digits = data.load(profile.dataset)
    networks = {f"{n.kind}, {n.pair}": n.load() for n in checkpoints.networks(profile, digits)}
    return profile, digits, networks, detector.PAPER_THRESHOLD


def attack(digit: int, network: str, attack: str, epsilon: float, steps: int) -> Answer:
    """Answer for the panel of chapter 35."""
    profile, digits, networks, threshold = attacked()
    model, reading = networks[network], detector.READINGS["paper"]
    image = data.to_batch(digits.test_images[digit : digit + 1])
    label = torch.from_numpy(digits.test_labels[digit : digit + 1])
    settings = {"method": METHODS[attack], "epsilon": epsilon, "steps": steps, "norm": "linf"}
    settings |= {"step_size": profile.step_size, "random_start": True}
    generator = torch.Generator().manual_seed(0)
    found = evaluation.attack(model, image, label, settings, generator)
    with torch.no_grad():
        belief = model(found).softmax(dim=1)[0]
    before, after = float(reading.score(image)), float(reading.score(found))
    said = (
        f"a {int(label)}, read as {int(belief.argmax())} with {100 * float(belief.max()):.0f} %; "
        f"p-hat {before:.3g} before, {after:.3g} after, threshold {threshold:.3g}: "
        f"{'' if after > threshold else 'not '}flagged"
    )
    return _answer(said, plots.explore_panel(model, image, found, int(label), threshold))


PANELS: dict[str, list[Callable[..., Answer]]] = {
    "15_sound_explore": [hear],
    "25_faces_explore": [lend, grid, walk, smiles],
    "35_adversarial_explore": [attack],
}


def answer(chapter: str, panel: int, setting: dict[str, Any]) -> Answer:
    """Return what a panel of a chapter must say and show."""
    return PANELS[chapter][panel](**setting)
