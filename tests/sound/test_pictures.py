"""Drawn pictures: geometry against closed forms, blending against Pillow, movement and labels."""

import numpy as np
import pytest
from PIL import Image

from lib.sound.datasets import pictures
from lib.sound.datasets.pictures import KINDS, Look, Pen
from lib.sound.labels import CLASSES

PLAIN = Look((200, 40, 40), (0, 0, 0), 0.0, 0.0, 1.0, False, 0.0)
CYCLE = 8 / pictures.GRAIN_RATE  # seconds after which the sensor noise repeats


@pytest.fixture
def in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every thing be seen, in step, by one camera, with nothing else about."""
    for name in ("OFF_SCREEN", "OUT_OF_STEP", "DISTRACTOR", "CUT"):
        monkeypatch.setattr(pictures, name, 0.0)


def test_an_ellipse_has_the_area_of_one() -> None:
    pen = Pen(200, PLAIN)
    pen.ellipse(0.1, -0.2, 0.5, 0.3, (255, 255, 255))
    picture = pen.finish()
    scale = 100 / 1.12
    corners = 24 / (2 * np.pi) * np.sin(2 * np.pi / 24)  # it is drawn with so many
    area = np.pi * 0.5 * 0.3 * scale**2 * corners
    assert picture[..., 3].sum() / 255 == pytest.approx(area, rel=0.03)
    rows, columns = np.nonzero(picture[..., 3] > 128)
    assert columns.mean() == pytest.approx(100 + 0.1 * scale, abs=1)
    assert rows.mean() == pytest.approx(100 - 0.2 * scale, abs=1)


def test_a_look_turns_stretches_and_mirrors() -> None:
    quarter = Pen(112, Look(PLAIN.main, PLAIN.second, 0.0, np.pi / 2, 1.0, False, 0.0))
    assert quarter.place([(1, 0)])[0] == pytest.approx((168, 168 + 150))  # right becomes down
    mirrored = Pen(112, Look(PLAIN.main, PLAIN.second, 0.0, 0.0, 4.0, True, 0.0))
    assert mirrored.place([(0.5, 0.5)])[0] == pytest.approx((168 - 150, 168 + 37.5))


def test_a_bezier_curve_passes_where_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(Pen, "line", lambda self, points, thick, fill: drawn.append(points))
    a, b, c, d = (np.array(p) for p in ((0, 0), (0, 1), (1, 1), (1, 0)))
    Pen(64, PLAIN).curve([tuple(p) for p in (a, b, c, d)], 0.1, (0, 0, 0))
    time = np.linspace(0, 1, 14)[:, None]
    cubic = (1 - time) ** 3 * a + 3 * (1 - time) ** 2 * time * b
    cubic = cubic + 3 * (1 - time) * time**2 * c + time**3 * d
    np.testing.assert_allclose(drawn[0], cubic, atol=1e-12)


@pytest.mark.parametrize(("left", "top"), [(5, 9), (-10, 40), (50, -12), (70, 0)])
def test_pasting_agrees_with_pillow(left: int, top: int) -> None:
    generator = np.random.default_rng(0)
    ground = generator.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    thing = generator.integers(0, 256, (24, 24, 4)).astype(np.uint8)
    expected = Image.fromarray(ground).convert("RGBA")
    layer = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    layer.paste(Image.fromarray(thing), (left, top))
    expected = np.asarray(Image.alpha_composite(expected, layer))[..., :3].astype(int)
    alpha = thing[..., 3:].astype(np.float32) / 255
    sprite = np.concatenate([thing[..., :3] * alpha, thing[..., 3:]], axis=2)
    picture = ground.astype(np.float32)
    pictures._paste(picture, sprite, left, top)
    assert np.abs(picture.round().astype(int) - expected).max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_and_varies(kind: str) -> None:
    first, again, other = (
        pictures.draw_object(kind, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.shape == (64, 64, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    look = pictures._draw_look(kind, np.random.default_rng(3), wide=False)
    share = (pictures._sprite(kind, look, 64)[..., 3] > 128).mean()
    assert 0.1 < share < 0.8  # large enough to be seen, and a shape of its own


def test_no_two_kinds_look_alike() -> None:
    outlines = np.stack([pictures._sprite(kind, PLAIN, 48)[..., 3].ravel() for kind in KINDS])
    shapes = np.stack([pictures._sprite(kind, PLAIN, 48).ravel() for kind in KINDS])
    for images in (outlines, shapes):
        distance = np.abs(images[:, None] - images[None]).mean(axis=2)
        assert (distance + 255 * np.eye(len(KINDS))).min() > 5


def test_only_classes_and_kinds_can_be_drawn() -> None:
    with pytest.raises(ValueError, match="nobody can draw 'Dragon'; choose one of: Alarm"):
        pictures.draw_object("Dragon", np.random.default_rng(0))
    with pytest.raises(ValueError, match="nobody can draw 'Car'"):  # a kind, but no class
        pictures.draw_frames([("Car", 1.0, 2.0)], 10.0, 0, np.zeros(1))


def test_a_picture_depends_on_its_time_only() -> None:
    events = [("Dog", 1.0, 3.0), ("Speech", 2.0, 6.0)]
    times = np.linspace(0.03, 9.97, 151)
    every = pictures.draw_frames(events, 10.0, 5, times)
    assert every.shape == (151, 64, 64, 3) and every.dtype == np.uint8
    some = pictures.draw_frames(events, 10.0, 5, times[[80, 3]])
    assert np.array_equal(some, every[[80, 3]])
    assert not np.array_equal(every, pictures.draw_frames(events, 10.0, 6, times))
    assert pictures.draw_frames([], 10.0, 0, np.empty(0)).shape == (0, 64, 64, 3)


@pytest.mark.usefixtures("in_step")
@pytest.mark.parametrize("label", CLASSES)
def test_a_thing_moves_exactly_while_it_sounds(label: str) -> None:
    times = 0.01 + np.arange(270) / 30
    spans = [(2.0, 4.0), (6.5, 7.5)]
    events = [(label, onset, offset) for onset, offset in spans]
    still = pictures.draw_frames(events, 10.0, 3, np.array([0.01]) + CYCLE * np.arange(3))
    assert np.array_equal(still[0], still[1]) and np.array_equal(still[0], still[2])
    now = pictures.draw_frames(events, 10.0, 3, times)
    rest = pictures.draw_frames(events, 10.0, 3, times % CYCLE)  # same noise, before it sounds
    moves = (now != rest).any(axis=(1, 2, 3))
    sounds = np.any([(times >= onset) & (times < offset) for onset, offset in spans], axis=0)
    assert not (moves & ~sounds).any()
    assert (moves & sounds).sum() > 0.6 * sounds.sum()  # a swing passes through its rest


def test_how_often_the_source_is_out_of_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "CUT", 0.0)
    monkeypatch.setattr(pictures, "OUT_OF_STEP", 0.0)
    times = np.array([0.3, 0.4, 0.5]) + np.array([[0], [1], [2]]) * CYCLE
    clips = 120
    seen = 0
    for seed in range(clips):
        frames = pictures.draw_frames([("Dog", 0.0, 10.0)], 10.0, seed, times.ravel())
        frames = frames.reshape(3, 3, -1)
        seen += bool((frames[0] != frames[1:]).any())
    error = np.sqrt(pictures.OFF_SCREEN * (1 - pictures.OFF_SCREEN) / clips)
    assert seen / clips == pytest.approx(1 - pictures.OFF_SCREEN, abs=4 * error)


@pytest.mark.parametrize(("things", "cameras"), [(0, 2), (1, 1), (3, 2)])
def test_things_stand_side_by_side(things: int, cameras: int) -> None:
    slots = pictures._divide(things, cameras, np.random.default_rng(0))
    assert slots.shape == (things, cameras, 2)
    for camera in range(cameras):
        middles = np.sort(slots[:, camera, 0])
        np.testing.assert_allclose(middles, (np.arange(things) + 0.5) / max(things, 1))
