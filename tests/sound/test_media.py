"""Real files decode as another reader decodes them, and what cannot be used says why."""

import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound.data import media
from tests.sound.films import write_film

RATE = 16000
TONE = (0.5 * np.sin(np.arange(RATE) / RATE * 2 * np.pi * 440)).astype(np.float32)
NOISE = np.random.default_rng(0).normal(scale=0.01, size=(len(TONE), 2))
OPPOSITE = np.stack([TONE, -TONE], axis=1) + NOISE


@pytest.fixture(scope="session")
def real_files() -> Path:
    """Give the folder of real video files."""
    return data_root.locate("av")


def write_sound(path: Path, codec: str, samples: np.ndarray, rate: int) -> Path:
    """Write mono sound with an encoder of FFmpeg."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        size = stream.codec_context.frame_size
        pieces = av.AudioResampler(stream.codec_context.format, "mono", rate, size)
        for piece in (*pieces.resample(frame), None):
            container.mux(stream.encode(piece))
    return path


@pytest.mark.parametrize(
    ("form", "subtype", "channels"),
    [
        ("flac", "PCM_16", 1),
        ("wav", "PCM_24", 9),  # PyAV crashes on 8 planes or more
        ("wav", "FLOAT", 2),
    ],
)
def test_sound_reads_as_soundfile_reads_it(
    tmp_path: Path, form: str, subtype: str, channels: int
) -> None:
    path = tmp_path / f"tone.{form}"
    soundfile.write(path, np.outer(TONE, np.linspace(1, 0.1, channels)), RATE, subtype=subtype)
    expected, _ = soundfile.read(path, always_2d=True)
    found = media.read_audio(path)
    assert found.rate == RATE and found.samples.dtype == np.float32
    np.testing.assert_allclose(found.samples, expected.mean(axis=1), atol=1e-6)


def pasted(path: Path) -> None:
    """Write two sounds of different rates behind each other."""
    both = [
        write_sound(path.with_suffix(f".{rate}.aac"), "aac", TONE, rate).read_bytes()
        for rate in (44100, 22050)
    ]
    path.write_bytes(b"".join(both))


def test_real_frames_are_those_a_seek_finds_and_large_ones_are_kept_small(real_files: Path) -> None:
    path = real_files / "nasa_13013.mp4"
    found = media.read_frames(path, np.array([11.0, 2.0]))
    assert found is not None and found.shape == (2, 180, 320, 3)
    with av.open(str(path)) as container:
        for place, second in enumerate((11.0, 2.0)):
            container.seek(round(second * 1e6))
            frame = next(f for f in container.decode(video=0) if f.time >= second - 0.02)
            np.testing.assert_array_equal(found[place], frame.to_ndarray(format="rgb24"))
    large = media.read_frames(real_files / "big_buck_bunny_432_433.webm", np.array([0.5]))
    assert large is not None and large.shape == (1, 256, 455, 3)


def test_the_nearest_frame_is_given_for_each_time_in_any_order(tmp_path: Path) -> None:
    greys = [10, 20, 30, 40, 50, 60]
    path = write_film(tmp_path / "greys.mkv", greys)
    times = np.array([9.0, 0.24, 0.26, 0.0, -1.0, 0.31, 0.31, 0.5])
    expected = [greys[np.abs(np.arange(6) / 10 - time).argmin()] for time in times]
    found = media.read_frames(path, times)
    assert found is not None and found.dtype == np.uint8
    assert found[:, 0, 0, 0].tolist() == expected
    soundfile.write(tmp_path / "tone.wav", TONE, RATE)
    assert media.read_frames(tmp_path / "tone.wav", np.zeros(1)) is None


# --- what cannot be used


@pytest.mark.parametrize(
    ("name", "write", "complaint"),
    [
        (
            "x.mp4",
            lambda path: path.write_bytes(b"no film at all" * 99),
            "cannot be decoded .*no m",
        ),
        ("x.wav", lambda path: path.touch(), "is an empty file"),
        ("x.wav", lambda path: None, "no file .*x.wav"),
        ("x.mkv", lambda path: write_film(path, [1, 2]), "has no audio stream; leave"),
        ("x.aac", pasted, "x.aac changes midway: pasted together"),
    ],
    ids=["text", "empty", "missing", "silent film", "another rate midway"],
)
def test_files_that_cannot_be_used_are_named_in_one_line(
    tmp_path: Path, name: str, write: Callable[[Path], object], complaint: str
) -> None:
    write(tmp_path / name)
    with pytest.raises((ValueError, FileNotFoundError), match=complaint) as raised:
        media.read_audio(tmp_path / name)
    assert name in str(raised.value) and "\n" not in str(raised.value)


def test_truncated_files_are_noticed(tmp_path: Path, real_files: Path) -> None:
    with wave.open(str(tmp_path / "whole.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.tile(TONE, 3) * 32767).astype("<i2").tobytes())
    soundfile.write(tmp_path / "whole.flac", np.tile(TONE, 3), RATE)
    for path in (
        tmp_path / "whole.wav",
        tmp_path / "whole.flac",
        real_files / "big_buck_bunny_0_30.webm",
        real_files / "nasa_13013.mp4",
    ):
        cut = tmp_path / f"cut{path.suffix}"
        cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(ValueError, match=r"is truncated: .* of|cannot be decoded"):
            media.read_audio(cut)


@pytest.mark.parametrize(("places", "size"), [((4, 40), 2**32 - 1), ((4,), 2 * RATE + 44)])
def test_a_whole_wave_file_may_declare_no_size_or_a_wrong_one(
    tmp_path: Path, places: tuple[int, ...], size: int
) -> None:
    """As programs write it that write into a pipe, or that count the header."""
    soundfile.write(tmp_path / "tone.wav", TONE, RATE, subtype="PCM_16")
    content = bytearray((tmp_path / "tone.wav").read_bytes())
    for place in places:
        content[place : place + 4] = size.to_bytes(4, "little")
    (tmp_path / "whole.wav").write_bytes(content)
    assert media.read_audio(tmp_path / "whole.wav").seconds == 1.0


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [
        (np.zeros((0, 2)), "holds no sound: it is empty"),
        (np.full((100, 1), -1 / 128), "is silent: all its samples are the same"),
        (TONE[:, None] * 32767, "reaches 16384, and full scale is 1; were these integers?"),
        (OPPOSITE, "its channels cancel when they are averaged; keep one"),
        (np.array([[0.1], [np.nan], [0.2]]), "not finite"),
    ],
)
def test_sound_that_cannot_be_used_says_why(samples: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        media.check_waveform(samples, RATE, "clip.wav")
