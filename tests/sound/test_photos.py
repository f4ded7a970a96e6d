"""The pictures of the mixtures: the right photographs, in step or as far out of it as asked."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from lib.book import data_root
from lib.sound.data import mixtures, photos
from lib.sound.data.corpus import Corpus, Sight
from lib.sound.data.photos import CROPS, FOLDER, PANS, REST, SCENE, Camera, Heard, Photograph

PERFECT = Sight(never_seen=0.0, out_of_step=0.0, distractor=0.0)
TIMES = np.arange(200) / 20  # seconds
DOG = ("dog", 3.0, 7.0, 10.0)
MakeCamera = Callable[..., Camera]
KINDS = (*FOLDER.values(), SCENE)


@pytest.fixture(scope="module")
def photographs() -> list[Photograph]:
    """Give all that the book has."""
    return photos.read(data_root.locate("photos"))


@pytest.fixture(scope="module")
def camera(photographs: list[Photograph]) -> MakeCamera:
    """Return a function that makes a camera whose pictures go with the sounds but for one knob."""

    @cache
    def make(rotation: int = 0, **knobs: float) -> Camera:
        return Camera(photographs, rotation, replace(PERFECT, **knobs))

    return make


def heard(*events: tuple[str, float, float, float], seed: int = 0, split: str = "test") -> Heard:
    return Heard(seed, split, events)


def kinds(camera: Camera, clip: Heard, times: np.ndarray = TIMES) -> list[str]:
    """Return of which folder the photographs are that a clip shows."""
    return [camera.photographs[shot // CROPS].kind for shot in camera.shots(clip, times)]


def seen(camera: Camera, clip: Heard, kind: str) -> np.ndarray:
    """Return at which of TIMES something of a folder is in the picture."""
    return TIMES[np.array(kinds(camera, clip)) == kind]


# --- which photographs


@pytest.mark.parametrize("rotation", range(mixtures.ROTATIONS))
def test_no_photograph_and_no_sitting_is_in_two_splits(
    photographs: list[Photograph], camera: MakeCamera, rotation: int
) -> None:
    parts = photos.split(photographs, rotation)
    assert list(parts) == ["train", "validation", "test"]
    numbers = {name: [*chain(*part.values())] for name, part in parts.items()}
    assert sorted(chain(*numbers.values())) == list(range(len(photographs)))
    sittings = {name: {photographs[i].sitting for i in part} for name, part in numbers.items()}
    assert sum(map(len, sittings.values())) == len(set.union(*sittings.values()))
    for kind in KINDS:
        sizes = [len({photographs[i].sitting for i in part[kind]}) for part in parts.values()]
        assert min(sizes) > 0
        assert np.cumsum(sizes) / sum(sizes) == pytest.approx([0.6, 0.75, 1], abs=1 / sum(sizes))
    for split, part in (("weak", "train"), ("unlabelled", "train"), ("test", "test")):
        for seed in range(20):
            clip = heard(DOG, ("rain", 0, 9, 3), seed=seed, split=split)
            shown = camera(rotation, distractor=0.5).shots(clip, TIMES[::10]) // CROPS
            assert set(shown) <= set(numbers[part])


# --- when they are shown


def test_the_louder_thing_is_in_the_picture(camera: MakeCamera) -> None:
    clip = heard(("dog", 2, 8, 5), ("rooster", 4, 6, 9), ("rain", 5, 7, 1), split="weak")
    expected = np.select(
        [(TIMES >= 4) & (TIMES < 6), (TIMES >= 2) & (TIMES < 8)], ["rooster", "dog"], SCENE
    )
    assert kinds(camera(), clip) == expected.tolist()
    hidden = set(mixtures.CLASSES) - set(FOLDER)
    assert hidden == {"crying_baby", "sneeze", "fire_crackling", "chainsaw"}
    clip = heard(*((label, 0.0, 10.0, 20.0) for label in hidden))
    assert set(kinds(camera(), clip)) == {SCENE}


def test_a_share_of_what_sounds_is_never_seen(camera: MakeCamera) -> None:
    clips = [heard(DOG, ("rain", 3, 7, 5), seed=seed) for seed in range(300)]
    found = [kinds(camera(never_seen=0.4), clip, np.array([5.0]))[0] for clip in clips]
    dogs, rains = found.count("dog"), found.count("rain")
    assert stats.binomtest(dogs, 300, 0.6).pvalue > 1e-3
    assert stats.binomtest(rains, 300 - dogs, 0.6).pvalue > 1e-3  # each by itself
    assert set(kinds(camera(never_seen=1.0), clips[0])) == {SCENE}


def test_in_step_is_from_onset_to_offset_and_out_of_step_early_or_late_by_up_to_a_second(
    camera: MakeCamera,
) -> None:
    for seed in range(20):
        times = seen(camera(), heard(DOG, seed=seed), "dog")
        assert times.tolist() == TIMES[60:140].tolist()
    shifts = []
    for seed in range(200):
        times = seen(camera(out_of_step=1.0), heard(DOG, seed=seed), "dog")
        shifts.append(times[0] - 3)
        assert times[-1] - 7 == pytest.approx(shifts[-1], abs=0.11)  # as long as it sounds
    assert stats.kstest(shifts, "uniform", args=(-1, 2)).pvalue > 1e-3


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_what_is_silent_stands_still_and_does_not_sound(camera: MakeCamera, share: float) -> None:
    clips = [heard(DOG, seed=seed) for seed in range(200)]
    shots = [camera(distractor=share).shots(clip, TIMES[:60:10]) for clip in clips]
    assert all(len(set(each)) == 1 and each[0] % CROPS == REST for each in shots)
    found = [kinds(camera(distractor=share), clip, TIMES[:1])[0] for clip in clips]
    assert "dog" not in found
    others = sum(kind != SCENE for kind in found)
    assert others == 200 if share == 1 else 70 < others < 130
    if share == 1:
        assert set(found) == set(FOLDER.values()) - {"dog"}
        loud = heard(*((label, 3.0, 7.0, 1.0) for label in FOLDER))  # nothing is left
        assert kinds(camera(distractor=1.0), loud, TIMES[:1]) == [SCENE]


def test_one_knob_leaves_the_others_be(camera: MakeCamera) -> None:
    early, inside = TIMES[:30:5], TIMES[90:110]
    for seed in range(40):
        clip = heard(DOG, ("sneeze", 1, 2, 3), seed=seed)
        silence, dog = (camera().shots(clip, each) for each in (early, inside))
        half = camera(never_seen=0.5)
        assert np.array_equal(half.shots(clip, early), silence)
        assert set(half.shots(clip, inside)) in (set(dog), set(silence))
        assert np.array_equal(camera(distractor=1.0).shots(clip, inside), dog)
        moved = camera(out_of_step=1.0)
        assert np.array_equal(moved.shots(clip, early), silence)
        whole = [set(each.shots(clip, TIMES) // CROPS) for each in (camera(), moved)]
        assert whole[0] == whole[1]


# --- the pictures


def test_crops_keep_what_their_zoom_and_pan_say(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(160, dtype=np.uint8)[None, :, None], (160, 160, 3))
    Image.fromarray(np.ascontiguousarray(ramp)).save(tmp_path / "ramp.png")
    found = photos.stills((tmp_path / "ramp.png",))
    assert found.shape == (CROPS, 64, 64, 3) and found.dtype == np.uint8
    for crop, picture in enumerate(found):
        zoom, pan = divmod(crop, len(PANS))
        kept = photos.ZOOMS[zoom]
        columns = PANS[pan] * (160 - kept) + (np.arange(64) + 0.5) * kept / 64 - 0.5
        assert picture[20, 4:-4, 1] == pytest.approx(columns[4:-4], abs=1)


def test_a_photograph_is_cropped_as_ever(photographs: list[Photograph]) -> None:
    first, last = photographs[0], photographs[-1]
    found = photos.stills((first.path, last.path))
    assert found.shape == (2 * CROPS, 64, 64, 3)
    assert first.path.name == "watch_0002.jpg"
    assert found[REST].mean(axis=(0, 1)) == pytest.approx([169.4, 154.5, 141.0], abs=1)


def test_frames_are_the_stills_that_are_shown(mixed: Corpus) -> None:
    assert mixed.stills is not None
    pictures, name = mixed.stills.pictures(), mixed.clips["test"][0]
    shown = mixed.stills.shown(name, TIMES[::10])
    assert len(pictures) == CROPS * len(photos.read(data_root.locate("photos")))  # a few here
    frames = mixed.frames(name, TIMES[::10])
    assert frames is not None and np.array_equal(frames, pictures[shown])


def test_no_photograph_lies_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("file,class,sitting\n../x.jpg,dog,a\n")
    with pytest.raises(ValueError, match=r"index.csv, row 2: '../x.jpg' is no photograph"):
        photos.read(tmp_path)
