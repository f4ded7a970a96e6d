"""The open rung of Part I: real recordings mixed in the timing of the paper's own clips.

The sounds are ESC-10 and spoken digits, each DCASE class played by a class whose character is near
(`data/README.md` has the map). The timing is that of real clips of DCASE 2018 task 4 (section 4.1),
so that lengths, gaps and overlaps are those that the paper's models met.
"""

import csv
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
from lib.sound.data import SPLITS, Corpus, Sizes, Waveform
from lib.sound.datasets import pictures
from lib.sound.labels import (
    CLASSES,
    CLIP_SECONDS,
    Events,
    read_durations,
    read_strong,
    read_text,
    read_weak,
)

VERSION = 2  # of the recipe: another number, another corpus
RATE = 22_050  # Hz
PEAK = 0.95
FADE = 0.010  # seconds, at the ends of an event and between the pieces of one
FRAME = 0.010  # seconds, for finding the quiet parts of a recording
LONGEST_GAP = 0.1  # seconds of quiet that are left inside an event, where sounds come singly
QUIET = 25.0  # dB under the loudest frame
BAND, TAPER = 4_000.0, 300.0  # Hz; the digits hold nothing above, and end gradually below
SNR = (0.0, 20.0)  # dB of an event over the room
ROOM_LEVEL = (-50.0, -30.0)  # dB of full scale
ROOM_SLOPE = (0.5, 1.5)  # power falls as frequency to minus this; 1 is pink
ROOM_LOWEST = 30.0  # Hz
PAUSE = (0.03, 0.12)  # seconds, after a spoken digit
DIGIT = "digit"
DIGIT_SECONDS = 0.4  # about one, with its pause
SOURCES = {
    "Alarm_bell_ringing": "clock_tick",
    "Blender": "chainsaw",
    "Cat": "rooster",
    "Dishes": "person_sneeze",
    "Dog": "dog_bark",
    "Electric_shaver_toothbrush": "sea_waves",
    "Frying": "fire_crackling",
    "Running_water": "rain",
    "Speech": "baby_cry",  # in band-limited clips DIGIT
    "Vacuum_cleaner": "helicopter",
}
SINGLE = (  # come one by one, with quiet between them
    *("clock_tick", "chainsaw", "rooster", "person_sneeze", "dog_bark", "baby_cry", DIGIT),
)
TRAINING = ("1", "2", "3", "george", "jackson", "lucas", "nicolas")
GROUPS = {  # folds of ESC-10 and speakers
    "weak": TRAINING,
    "unlabelled": TRAINING,
    "validation": ("4", "theo"),
    "test": ("5", "yweweler"),
}
META_COLUMNS = ("clip", "fold", "label", "active_start", "active_end", "licence", "author")

Timing = list[tuple[str, float, float]]  # class, onset, offset (seconds) of each event


@dataclass(frozen=True)
class Recording:
    """One source: its file, what sounds in it from `start` to `end` (seconds), and whose it is.

    No two splits share a `group`: the fold of ESC-10, or the speaker.
    """

    path: Path
    kind: str
    group: str
    author: str
    licence: str
    start: float = 0.0
    end: float = CLIP_SECONDS


@dataclass(frozen=True)
class Layer:
    """One event of a mixture: what plays from onset to offset (seconds), and how loud.

    `sources` are one recording, or the digits of a phrase with a pause (seconds) after each;
    `phase` in [0, 1) says how late in a steady sound to begin; `snr` is in dB over the room.
    """

    label: str
    onset: float
    offset: float
    sources: tuple[Recording, ...]
    pauses: tuple[float, ...]
    phase: float
    snr: float


@dataclass(frozen=True)
class Recipe:
    """All that determines one clip; `timing` names the real clips that lent theirs."""

    seed: int
    seconds: float
    band_limited: bool
    layers: tuple[Layer, ...]
    timing: tuple[str, ...]

    @property
    def events(self) -> Timing:
        """Return class, onset and offset of each event."""
        return [(layer.label, layer.onset, layer.offset) for layer in self.layers]


def load(sizes: Sizes) -> Corpus:
    """Return mixtures of real recordings, each made when it is asked for.

    Raises:
        FileNotFoundError: a dataset is missing.
        ValueError: a list is wrong, or sizes ask for more test clips than there are real ones.
    """
    mixer = open_mixer()
    clips = {
        split: tuple(f"esc10_{split}_{index:05d}.wav" for index in range(getattr(sizes, split)))
        for split in SPLITS
    }
    return Corpus(
        name="esc10",
        rung="open",
        clips=clips,
        weak={name: mixer.labels(name) for name in clips["weak"]},
        strong={split: mixer.strong(split, clips[split]) for split in mixer.real},
        content=mixer.content,
        audio=mixer.audio,
        frames=mixer.frames,
        left_out={},
        notes=mixer.notes,
    )


def open_mixer() -> "Mixer":
    """Return a mixer of what the data root holds; raise as `load` does."""
    lists = data_root.locate("dcase2018_task4")
    durations: Mapping[str, float] | float = CLIP_SECONDS
    if data_root.present("desed_baseline"):
        folder = data_root.locate("desed_baseline")
        durations = read_durations(folder / "validation_durations.tsv")
    real = {
        "validation": read_strong(lists / "test_dcase2018.tsv", durations),
        "test": read_strong(lists / "eval_dcase2018.tsv", durations),
    }
    label_sets = tuple(read_weak(lists / "metadata/train/weak.csv").values())
    esc10 = read_recordings(data_root.locate("esc10"))
    return Mixer(real, label_sets, (*esc10, *read_digits(data_root.locate("speech"))))


class Mixer:
    """Makes clips of recordings and real timings; what a clip is follows from its name alone."""

    def __init__(
        self,
        real: Mapping[str, Events],
        label_sets: Sequence[tuple[str, ...]],
        recordings: Sequence[Recording],
    ) -> None:
        """Keep what clips are made of.

        Args:
            real: the published events of "validation" and "test".
            label_sets: the labels of the published weak clips.
            recordings: all sources.

        Raises:
            ValueError: a split has no recording of some kind.
        """
        self.real = real
        self.label_sets = label_sets
        generator = np.random.default_rng(VERSION)
        self.order = {split: generator.permutation(len(real[split].clips)) for split in real}
        self.sources = {
            (split, kind): [r for r in recordings if r.kind == kind and r.group in groups]
            for split, groups in GROUPS.items()
            for kind in (*SOURCES.values(), DIGIT)
        }
        for (split, kind), found in self.sources.items():
            if not found:
                raise ValueError(
                    f"no recording of {kind} for the {split} clips; see data/README.md"
                )

    def audio(self, name: str) -> Waveform:
        """Return the sound of one clip."""
        return Waveform(render(self.recipe(name)), RATE)

    def frames(self, name: str, times: np.ndarray) -> np.ndarray:
        """Return drawn pictures of one clip at times in seconds, (times, 64, 64, 3) uint8."""
        recipe = self.recipe(name)
        return pictures.draw_frames(recipe.events, recipe.seconds, recipe.seed, times)

    def content(self, name: str) -> str:
        """Return a digest of the recipe, with names and sizes of its sources."""
        recipe = self.recipe(name)
        layers = [
            (*event, layer.pauses, layer.phase, layer.snr, [_identity(s) for s in layer.sources])
            for event, layer in zip(recipe.events, recipe.layers, strict=True)
        ]
        own = (name, recipe.seed, recipe.seconds, recipe.band_limited, layers)
        facts = (VERSION, pictures.VERSION, *own)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def notes(self, name: str) -> str:
        """Return in one line which recordings sound in a clip, whose they are, whose timing."""
        recipe = self.recipe(name)
        credits: dict[str, dict[str, None]] = {}  # ordered, each once
        for layer in recipe.layers:
            for source in layer.sources:
                credit = f"{source.path.name} by {source.author} ({source.licence})"
                credits.setdefault(layer.label, {})[credit] = None
        lines = [f"{label}: {', '.join(each)}" for label, each in credits.items()]
        return "; ".join([*lines, f"timing of {', '.join(recipe.timing)}"])

    def labels(self, name: str) -> tuple[str, ...]:
        """Return which classes sound in a clip."""
        return tuple(dict.fromkeys(label for label, _, _ in self.recipe(name).events))

    def strong(self, split: str, names: tuple[str, ...]) -> Events:
        """Return the events of validation or test clips: those of real ones, under new names.

        Raises:
            ValueError: there are fewer real clips than names.
        """
        real = self.real[split]
        if len(names) > len(real.clips):
            raise ValueError(
                f"{len(names)} {split} clips asked for, but the published list times only "
                f"{len(real.clips)}; ask for no more"
            )
        events = real.subset([real.clips[index] for index in self.order[split][: len(names)]])
        arrays = (events.durations, events.clip, events.label, events.onset, events.offset)
        return Events(names, *arrays, events.classes)

    def recipe(self, name: str) -> Recipe:
        """Return what a clip is made of."""
        _, split, number = Path(name).stem.split("_")
        seed = int.from_bytes(hashlib.sha256(f"{VERSION} {name}".encode()).digest()[:6], "big")
        if split in self.real:
            real, place = self.real[split], int(self.order[split][int(number)])
            seconds, timing = float(real.durations[place]), _timing(real, place)
            lenders: tuple[str, ...] = (real.clips[place],)
        else:
            seconds = CLIP_SECONDS
            timing, lenders = self._borrowed(np.random.default_rng([seed, 0]))
        generator = np.random.default_rng([seed, 1])  # never saw the classes
        band_limited = bool(generator.random() < 0.5)
        layers = self._layers(split, timing, band_limited, generator)
        return Recipe(seed, seconds, band_limited, layers, lenders)

    def _borrowed(self, generator: np.random.Generator) -> tuple[Timing, tuple[str, ...]]:
        """Return events for the labels of a random weak clip, and the clips that lent the timing.

        Only validation clips lend: no timing of the test clips is heard in training.
        """
        real = self.real["validation"]
        events: Timing = []
        lenders: dict[str, None] = {}
        for label in self.label_sets[int(generator.integers(len(self.label_sets)))]:
            place = int(generator.choice(np.flatnonzero(real.tags[:, CLASSES.index(label)])))
            lenders[real.clips[place]] = None
            events += [event for event in _timing(real, place) if event[0] == label]
        return events, tuple(lenders)

    def _layers(
        self, split: str, timing: Timing, band_limited: bool, generator: np.random.Generator
    ) -> tuple[Layer, ...]:
        """Return the events with a source each: one per class and clip, as at home."""
        chosen: dict[str, Recording] = {}
        layers = []
        for label, onset, offset in timing:
            kind = DIGIT if band_limited and label == "Speech" else SOURCES[label]
            stock = self.sources[split, kind]
            source = chosen.setdefault(label, stock[generator.integers(len(stock))])
            sources, pauses = (source,), (0.0,)
            if kind == DIGIT:
                voice = [each for each in stock if each.group == source.group]
                length = math.ceil((offset - onset) / DIGIT_SECONDS)
                sources = tuple(voice[i] for i in generator.integers(len(voice), size=length))
                pauses = tuple(generator.uniform(*PAUSE, size=length).tolist())
            phase, snr = float(generator.random()), float(generator.uniform(*SNR))
            layers.append(Layer(label, onset, offset, sources, pauses, phase, snr))
        return tuple(layers)


def render(recipe: Recipe) -> np.ndarray:
    """Return the samples of a mixture, (seconds times RATE,) float32."""
    mixture = room(recipe)
    power = float(np.mean(mixture**2))
    for layer in recipe.layers:
        first = round(layer.onset * RATE)
        sound = play(layer, min(round(layer.offset * RATE), len(mixture)) - first, recipe)
        gain = math.sqrt(power * 10 ** (layer.snr / 10) / float(np.mean(sound**2)))
        mixture[first : first + len(sound)] += gain * sound
    loudest = float(np.abs(mixture).max())
    return mixture * np.float32(min(1.0, PEAK / loudest))


def room(recipe: Recipe) -> np.ndarray:
    """Return the noise of a room, pink in a varied degree, (seconds times RATE,) float32."""
    generator = np.random.default_rng([recipe.seed, 2])
    length = round(recipe.seconds * RATE)
    frequencies = np.maximum(fft.rfftfreq(length, 1 / RATE), ROOM_LOWEST)
    shape = frequencies ** (-generator.uniform(*ROOM_SLOPE) / 2)
    parts = generator.standard_normal((2, len(shape)), dtype=np.float32)
    spectrum = ((parts[0] + 1j * parts[1]) * shape).astype(np.complex64)
    noise = fft.irfft(spectrum * _band(length) if recipe.band_limited else spectrum, length)
    level = 10 ** (generator.uniform(*ROOM_LEVEL) / 20)
    return (noise * (level / math.sqrt(float(np.mean(noise**2))))).astype(np.float32)


def play(layer: Layer, length: int, recipe: Recipe) -> np.ndarray:
    """Return one event before it is given its level, (length,) float32.

    What is too short is played again and again, each time faded into the next.
    """
    pieces = [_sound(source, recipe.band_limited) for source in layer.sources]
    silences = [np.zeros(round(pause * RATE), dtype=np.float32) for pause in layer.pauses]
    piece = pieces[0]
    if layer.sources[0].kind == DIGIT:
        piece = np.concatenate(
            [part for pair in zip(pieces, silences, strict=True) for part in pair]
        )
    fade = round(FADE * RATE)
    times = math.ceil((length - fade) / (len(piece) - fade))
    if times > 1:
        piece = _joined([piece] * times, fade)
    spare = len(piece) - length
    first = 0 if layer.sources[0].kind in SINGLE else int(layer.phase * (spare + 1))
    event = piece[first : first + length].copy()
    ramp = np.linspace(0, 1, min(fade, length // 2), dtype=np.float32)
    event[: len(ramp)] *= ramp
    event[length - len(ramp) :] *= ramp[::-1]
    return event


@lru_cache(maxsize=512)
def _sound(source: Recording, band_limited: bool) -> np.ndarray:
    """Return what sounds in a recording at RATE, (n,) float32; do not write into it.

    Raises:
        ValueError: the file cannot be decoded, or is silent.
    """
    try:
        samples, rate = soundfile.read(source.path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{source.path} cannot be decoded ({reason}); fetch it again") from None
    sound = samples[round(source.start * rate) : round(source.end * rate)].mean(axis=1)
    if rate != RATE:
        common = math.gcd(RATE, rate)
        sound = signal.resample_poly(sound, RATE // common, rate // common)
    if band_limited:
        sound = fft.irfft(fft.rfft(sound) * _band(len(sound)), len(sound))
    if source.kind in SINGLE:
        sound = _without_gaps(sound)
    if len(sound) < 4 * FADE * RATE or not sound.any():
        raise ValueError(f"{source.path} holds no sound from {source.start} s on; fetch it again")
    return sound


def _without_gaps(sound: np.ndarray) -> np.ndarray:
    """Return a recording with the quiet between its sounds cut down to LONGEST_GAP.

    A label says that the class sounds from onset to offset; two barks a second apart do not.
    """
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


@lru_cache(maxsize=64)
def _band(length: int) -> np.ndarray:
    """Return the gain of each frequency bin of a band-limited recording, float32."""
    frequencies = fft.rfftfreq(length, 1 / RATE)
    return np.clip((BAND - frequencies) / TAPER, 0, 1).astype(np.float32)


def _timing(real: Events, place: int) -> Timing:
    """Return the events of one real clip."""
    of_clip = np.flatnonzero(real.clip == place)
    return [(CLASSES[real.label[i]], float(real.onset[i]), float(real.offset[i])) for i in of_clip]


def _identity(source: Recording) -> tuple[str, int, float, float]:
    """Return what tells a source from another: name, size, active part."""
    return source.path.name, source.path.stat().st_size, source.start, source.end


def read_recordings(folder: Path) -> list[Recording]:
    """Return the recordings of ESC-10 that meta.csv lists, without those under Sampling+.

    Raises:
        FileNotFoundError: there is no meta.csv.
        ValueError: a line is wrong; the message names file and row.
    """
    path = folder / "meta.csv"
    reader = csv.DictReader(read_text(path, see="data/README.md").splitlines())
    columns = reader.fieldnames or []
    if missing := [column for column in META_COLUMNS if column not in columns]:
        raise ValueError(f"{path}, row 1: no column {missing[0]!r}")
    found: dict[str, Recording] = {}
    for row in reader:
        place = f"{path}, row {reader.line_num}"
        if row["clip"] in found:
            raise ValueError(f"{place}: {row['clip']} is listed twice")
        found[row["clip"]] = _recording(folder, row, place)
    return [each for each in found.values() if "Sampling+" not in each.licence]


def _recording(folder: Path, row: Mapping[str, str], place: str) -> Recording:
    """Return one line of meta.csv as a recording, or raise ValueError."""
    if None in (*row, *row.values()):  # as DictReader marks them
        raise ValueError(f"{place}: too few or too many fields")
    if Path(row["clip"]).name != row["clip"]:
        raise ValueError(f"{place}: {row['clip']!r} is no plain name")
    if row["label"] not in SOURCES.values():
        raise ValueError(f"{place}: unknown label {row['label']!r}")
    if row["fold"] not in ("1", "2", "3", "4", "5"):
        raise ValueError(f"{place}: fold is {row['fold']!r}, expected 1 to 5")
    try:
        start, end = float(row["active_start"]), float(row["active_end"])
    except ValueError:
        start = end = math.nan
    if not 0 <= start < end < math.inf:
        raise ValueError(
            f"{place}: active from {row['active_start']!r} to {row['active_end']!r} is no interval"
        )
    path = folder / "audio_ogg22k" / f"{row['clip']}.ogg"
    return Recording(path, row["label"], row["fold"], row["author"], row["licence"], start, end)


def read_digits(folder: Path) -> list[Recording]:
    """Return the spoken digits of FSDD, in the order of their names."""
    recordings = []
    for path in sorted((folder / "fsdd").glob("*.flac")):
        _, speaker, _ = path.stem.split("_")
        author = f"{speaker}, Free Spoken Digit Dataset"
        recordings.append(Recording(path, DIGIT, speaker, author, "CC BY-SA 4.0"))
    return recordings
