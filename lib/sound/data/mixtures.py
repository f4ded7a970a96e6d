"""The open set of Part I: recordings of ESC-10, mixed in the timing of the paper's own clips.

The ten classes keep their names; each sounds when one class of DCASE 2018 task 4 sounded in a real
clip (section 4.1), so that lengths, gaps and overlaps are those that the paper's models met. Sound
and picture are put together here: see `photos`.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
from scipy import fft, ndimage, signal

from lib.book import data_root
from lib.sound.data import photos
from lib.sound.data.corpus import SPLITS, Corpus, Sight, Sizes, Stills, Waveform
from lib.sound.data.lists import as_seconds, read_durations, read_strong, read_table
from lib.sound.events import CLASSES as DCASE_CLASSES
from lib.sound.events import Events

NAME = "esc10"
VERSION = 3  # of the recipe: another number, another corpus
RATE = 22_050  # Hz
PEAK = 0.95
FADE = 0.010  # seconds, at the ends of an event and between the pieces of one
FRAME = 0.010  # seconds, for finding the quiet parts of a recording
LONGEST_GAP = 0.1  # seconds of quiet that are left inside an event, where sounds come singly
QUIET = 25.0  # dB under the loudest frame
SNR = (0.0, 20.0)  # dB of an event over the room
ROOM_LEVEL = (-50.0, -30.0)  # dB of full scale
ROOM_SLOPE = (0.5, 1.5)  # power falls as frequency to minus this; 1 is pink
ROOM_LOWEST = 30.0  # Hz
ROTATIONS = 5  # of the folds of ESC-10, which share no source
FOLDS = tuple(str(number + 1) for number in range(ROTATIONS))
META_COLUMNS = ("clip", "fold", "label", "active_start", "active_end", "licence", "author")


@dataclass(frozen=True)
class Material:
    """What a class is made of: its label in ESC-10, and the class of DCASE whose timing it has.

    Where sounds come singly, the quiet between them is cut: a label says that a class sounds from
    onset to offset, and two barks a second apart do not.
    """

    label: str
    timing: str
    single: bool = True


MATERIAL = {
    "dog": Material("dog_bark", "Dog"),
    "rooster": Material("rooster", "Cat"),
    "clock_tick": Material("clock_tick", "Alarm_bell_ringing"),
    "sneeze": Material("person_sneeze", "Dishes"),
    "crying_baby": Material("baby_cry", "Speech"),
    "rain": Material("rain", "Running_water", single=False),
    "sea_waves": Material("sea_waves", "Electric_shaver_toothbrush", single=False),
    "fire_crackling": Material("fire_crackling", "Frying", single=False),
    "helicopter": Material("helicopter", "Vacuum_cleaner", single=False),
    "chainsaw": Material("chainsaw", "Blender"),
}
CLASSES = tuple(MATERIAL)
OF_TIMING = {material.timing: name for name, material in MATERIAL.items()}


@dataclass(frozen=True)
class Recording:
    """One source: its file, its class, from when to when (seconds) it sounds, and whose it is."""

    path: Path
    kind: str
    fold: str
    author: str
    licence: str
    start: float
    end: float


@dataclass(frozen=True)
class Layer:
    """One event of a mixture: what plays from onset to offset (seconds), and how loud.

    `phase` in [0, 1) says how late in a steady sound to begin; `snr` is in dB over the room.
    """

    label: str
    onset: float
    offset: float
    source: Recording
    phase: float
    snr: float


@dataclass(frozen=True)
class Recipe:
    """All that determines how one clip sounds; `timing` names the real clip that lent its own."""

    split: str
    seed: int
    seconds: float
    layers: tuple[Layer, ...]
    timing: str


def load(sizes: Sizes, rotation: int, sight: Sight) -> Corpus:
    """Return mixtures of real recordings, each made when it is asked for.

    The rotation, below ROTATIONS, says which folds train, validate and test. ValueError if sizes
    ask for more validation or test clips than there are real ones.
    """
    mixer = open_mixer(rotation)
    camera = photos.Camera(photos.read(data_root.locate("photos")), rotation, sight)
    clips = {split: mixer.names(split, getattr(sizes, split)) for split in SPLITS}

    def content(name: str, sense: str) -> str:
        return mixer.content(name) if sense == "sound" else camera.content(mixer.heard(name))

    return Corpus(
        name=NAME,
        rung="open",
        classes=CLASSES,
        clips=clips,
        weak={name: mixer.labels(name) for name in clips["weak"]},
        strong={split: mixer.strong(split, clips[split]) for split in ("validation", "test")},
        content=content,
        audio=mixer.audio,
        frames=lambda name, times: camera.frames(mixer.heard(name), times),
        stills=Stills(
            camera.key,
            camera.stills,
            lambda name, times: camera.shots(mixer.heard(name), times),
        ),
        left_out={},
        notes=lambda name: "; ".join([mixer.notes(name), photos.CREDIT]),
    )


def open_mixer(rotation: int) -> "Mixer":
    """Return a mixer of what is committed; raise as `load` does."""
    if rotation not in range(ROTATIONS):
        raise ValueError(f"there is no rotation {rotation}; give 0 to {ROTATIONS - 1}")
    lists = data_root.locate("dcase2018_task4")
    durations = read_durations(data_root.locate("desed_baseline") / "validation_durations.tsv")
    validation = read_strong(lists / "test_dcase2018.tsv", durations)  # the challenge's "test"
    test = read_strong(lists / "eval_dcase2018.tsv", durations)
    return Mixer(validation, test, read_recordings(data_root.locate("esc10")), rotation)


def groups(rotation: int) -> dict[str, tuple[str, ...]]:
    """Return the folds of ESC-10 by split: three to train, one to validate, one to test."""
    turned = [FOLDS[(place + rotation) % ROTATIONS] for place in range(ROTATIONS)]
    train, validation, test = tuple(turned[:3]), turned[3], turned[4]
    return {"weak": train, "unlabelled": train, "validation": (validation,), "test": (test,)}


class Mixer:
    """Makes clips of recordings and real timings; what a clip is follows from its name alone."""

    def __init__(
        self, validation: Events, test: Events, recordings: Sequence[Recording], rotation: int
    ) -> None:
        """Keep what clips are made of.

        Test clips have the timing of `test`; those of `validation` are halved: one half lends to
        training clips, the other to validation clips, so that no timing is met twice.
        """
        self.rotation = rotation
        generator = np.random.default_rng([VERSION, rotation])
        order = generator.permutation(len(validation.clips))
        half = len(order) // 2
        lent, kept = order[:half], order[half:]
        self.timings = {
            "weak": (validation, lent),
            "unlabelled": (validation, lent),
            "validation": (validation, kept),
            "test": (test, generator.permutation(len(test.clips))),
        }
        self.sources = {
            (split, kind): [r for r in recordings if r.kind == kind and r.fold in folds]
            for split, folds in groups(rotation).items()
            for kind in CLASSES
        }
        for (split, kind), found in self.sources.items():
            if not found:
                raise ValueError(
                    f"no recording of {kind} for the {split} clips; see data/README.md"
                )

    def names(self, split: str, count: int) -> tuple[str, ...]:
        """Return the names of a split's clips, no more than real clips lend their timing."""
        _, places = self.timings[split]
        if split in ("validation", "test") and count > len(places):
            raise ValueError(
                f"{count} {split} clips asked for, but the published list times only "
                f"{len(places)}; ask for no more"
            )
        return tuple(f"{NAME}_{self.rotation}_{split}_{index:05d}.wav" for index in range(count))

    def audio(self, name: str) -> Waveform:
        """Return the sound of one clip."""
        return Waveform(render(self.recipe(name)), RATE)

    def heard(self, name: str) -> photos.Heard:
        """Return what sounds in a clip, for whoever shows pictures beside it."""
        recipe = self.recipe(name)
        events = ((each.label, each.onset, each.offset, each.snr) for each in recipe.layers)
        return photos.Heard(recipe.seed, recipe.split, tuple(events))

    def content(self, name: str) -> str:
        """Return a digest of how a clip sounds."""
        recipe = self.recipe(name)
        layers = [
            (each.label, each.onset, each.offset, each.phase, each.snr, _identity(each.source))
            for each in recipe.layers
        ]
        facts = (VERSION, name, recipe.seed, recipe.seconds, layers)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def notes(self, name: str) -> str:
        """Return in one line which recordings sound in a clip, whose they are, whose timing."""
        recipe = self.recipe(name)
        credits = {
            f"{layer.label}: {source.path.name} by {source.author} ({source.licence})"
            for layer in recipe.layers
            for source in [layer.source]
        }
        return "; ".join([*sorted(credits), f"timing of {recipe.timing}"])

    def labels(self, name: str) -> tuple[str, ...]:
        """Return which classes sound in a clip."""
        return tuple(dict.fromkeys(layer.label for layer in self.recipe(name).layers))

    def strong(self, split: str, names: Sequence[str]) -> Events:
        """Return the events of validation or test clips: those of real ones, under new names."""
        real, places = self.timings[split]
        events = real.subset([real.clips[place] for place in places[: len(names)]])
        label = np.array([CLASSES.index(OF_TIMING[each]) for each in DCASE_CLASSES])[events.label]
        arrays = (events.durations, events.clip, label, events.onset, events.offset)
        return Events(tuple(names), *arrays, CLASSES)

    @lru_cache(maxsize=4096)  # noqa: B019 -- a mixer lives as long as its corpus
    def recipe(self, name: str) -> Recipe:
        """Return what a clip is made of."""
        _, _, split, number = Path(name).stem.split("_")
        real, places = self.timings[split]
        seed = int.from_bytes(hashlib.sha256(f"{VERSION} {name}".encode()).digest()[:6], "big")
        generator = np.random.default_rng([seed, 0])
        index = int(number) if split in ("validation", "test") else generator.integers(len(places))
        place = int(places[index])
        chosen: dict[str, Recording] = {}  # one source for each class and clip, as at home
        layers = []
        for event in np.flatnonzero(real.clip == place):
            label = OF_TIMING[DCASE_CLASSES[real.label[event]]]
            stock = self.sources[split, label]
            source = chosen.setdefault(label, stock[generator.integers(len(stock))])
            phase, snr = float(generator.random()), float(generator.uniform(*SNR))
            onset, offset = float(real.onset[event]), float(real.offset[event])
            layers.append(Layer(label, onset, offset, source, phase, snr))
        return Recipe(split, seed, float(real.durations[place]), tuple(layers), real.clips[place])


def render(recipe: Recipe) -> np.ndarray:
    """Return the samples of a mixture, (seconds times RATE,) float32."""
    mixture = room(recipe)
    power = float(np.mean(mixture**2))
    for layer in recipe.layers:
        first = round(layer.onset * RATE)
        sound = play(layer, min(round(layer.offset * RATE), len(mixture)) - first)
        gain = math.sqrt(power * 10 ** (layer.snr / 10) / float(np.mean(sound**2)))
        mixture[first : first + len(sound)] += gain * sound
    loudest = float(np.abs(mixture).max())
    return mixture * np.float32(min(1.0, PEAK / loudest))


def room(recipe: Recipe) -> np.ndarray:
    """Return the noise of a room, pink in a varied degree, (seconds times RATE,) float32."""
    generator = np.random.default_rng([recipe.seed, 1])
    length = round(recipe.seconds * RATE)
    frequencies = np.maximum(fft.rfftfreq(length, 1 / RATE), ROOM_LOWEST)
    shape = frequencies ** (-generator.uniform(*ROOM_SLOPE) / 2)
    parts = generator.standard_normal((2, len(shape)), dtype=np.float32)
    noise = fft.irfft(((parts[0] + 1j * parts[1]) * shape).astype(np.complex64), length)
    level = 10 ** (generator.uniform(*ROOM_LEVEL) / 20)
    return (noise * (level / math.sqrt(float(np.mean(noise**2))))).astype(np.float32)


def play(layer: Layer, length: int) -> np.ndarray:
    """Return one event before it is given its level, (length,) float32.

    What is too short is played again and again, each time faded into the next.
    """
    piece = _sound(layer.source)
    fade = round(FADE * RATE)
    times = math.ceil((length - fade) / (len(piece) - fade))
    if times > 1:
        piece = _joined([piece] * times, fade)
    spare = len(piece) - length
    first = 0 if MATERIAL[layer.label].single else int(layer.phase * (spare + 1))
    event = piece[first : first + length].copy()
    ramp = np.linspace(0, 1, min(fade, length // 2), dtype=np.float32)
    event[: len(ramp)] *= ramp
    event[length - len(ramp) :] *= ramp[::-1]
    return event


@lru_cache(maxsize=512)
def _sound(source: Recording) -> np.ndarray:
    """Return what sounds in a recording at RATE, (n,) float32; do not write into it."""
    try:
        samples, rate = soundfile.read(source.path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{source.path} cannot be decoded ({reason}); restore it") from None
    sound = samples[round(source.start * rate) : round(source.end * rate)].mean(axis=1)
    if rate != RATE:
        common = math.gcd(RATE, rate)
        sound = signal.resample_poly(sound, RATE // common, rate // common)
    if MATERIAL[source.kind].single:
        sound = _without_gaps(sound)
    if len(sound) < 4 * FADE * RATE or not sound.any():
        raise ValueError(f"{source.path} holds no sound from {source.start} s on; restore it")
    return sound


def _without_gaps(sound: np.ndarray) -> np.ndarray:
    """Return a recording with the quiet between its sounds cut down to LONGEST_GAP."""
    frame, fade = round(FRAME * RATE), round(FADE * RATE)
    frames = sound[: len(sound) // frame * frame].reshape(-1, frame)
    power = (frames**2).mean(axis=1)
    loud = power > power.max(initial=0) * 10 ** (-QUIET / 10)
    if not loud.any():
        return sound
    margin = round(LONGEST_GAP / FRAME / 2)
    kept = ndimage.binary_dilation(loud, iterations=margin)
    kept[: np.argmax(loud)] = False  # an event begins with its sound, and may fade out
    runs = ndimage.find_objects(ndimage.label(kept)[0])
    pieces = [frames[run].reshape(-1) for run in runs]
    return _joined(pieces, fade)


def _joined(pieces: Sequence[np.ndarray], fade: int) -> np.ndarray:
    """Return pieces one after another, each faded into the next over so many samples."""
    sound = np.zeros(sum(map(len, pieces)) - fade * (len(pieces) - 1), dtype=np.float32)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    place = 0
    for index, piece in enumerate(pieces):
        part = piece.astype(np.float32)
        if index:
            part[:fade] *= ramp
        if index < len(pieces) - 1:
            part[len(part) - fade :] *= ramp[::-1]
        sound[place : place + len(part)] += part
        place += len(part) - fade
    return sound


def _identity(source: Recording) -> tuple[str, int, float, float]:
    """Return what tells a source from another: name, size, active part."""
    return source.path.name, source.path.stat().st_size, source.start, source.end


def read_recordings(folder: Path) -> list[Recording]:
    """Return the recordings of ESC-10 that meta.csv lists, without those under Sampling+."""
    rows = read_table(folder / "meta.csv", META_COLUMNS, unique=True)
    found = [_recording(folder, row, place) for place, row in rows]
    return [each for each in found if "Sampling+" not in each.licence]


def _recording(folder: Path, row: Mapping[str, str], place: str) -> Recording:
    if Path(row["clip"]).name != row["clip"]:
        raise ValueError(f"{place}: {row['clip']!r} is no plain name")
    kinds = {material.label: name for name, material in MATERIAL.items()}
    if row["label"] not in kinds:
        raise ValueError(f"{place}: unknown label {row['label']!r}")
    if row["fold"] not in FOLDS:
        raise ValueError(f"{place}: fold is {row['fold']!r}, expected 1 to 5")
    start, end = (as_seconds(row, column, place) for column in ("active_start", "active_end"))
    if start >= end:
        raise ValueError(f"{place}: active from {start} s to {end} s is no interval")
    path = folder / "audio_ogg22k" / f"{row['clip']}.ogg"
    kind = kinds[row["label"]]
    return Recording(path, kind, row["fold"], row["author"], row["licence"], start, end)
