"""Sound and pictures out of real files (section 4.1: "video clips" of YouTube), through FFmpeg.

Time 0 of a file is its first audio sample, for its pictures too. What cannot be used is refused
with one line that says why, so that a corpus can leave such a clip out and tell.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from lib.sound.data.corpus import Waveform

SHORT_SIDE = 256  # pixels kept: enough for networks that look at 224
CANCELLED = 0.05  # of the channels' power left in their mean: two as loud correlate below -0.9
SLACK = 0.5  # seconds by which sound may end before its container without being called truncated
UNKNOWN_SIZE = 0x7F000000  # programs that write a WAV file into a pipe declare sizes from here on
MISCOUNTED = 64  # bytes: some programs count the header, or a padding byte, that is not there
LOUDEST = 16.0  # times full scale: no decoder overshoots so far, integers taken for floats do


def read_audio(path: Path, content: bytes | None = None) -> Waveform:
    """Return the first audio stream of a file: channels averaged, at the rate it is stored with.

    Truncation shows where the container tells its length, which WAV, FLAC, MP4 and WebM do; an Ogg
    file that is cut reads as a shorter one.

    What lies on no disk is given as `content`; its name is then for complaints only.

    Raises:
        ValueError: it is no media file, has no audio stream, is truncated, changes midway, or its
            sound is refused by `check_waveform`.
    """
    with _opened(path, content) as container:
        if not container.streams.audio:
            raise ValueError(f"{path} has no audio stream; leave this clip out")
        stream = container.streams.audio[0]
        _use_one_thread(stream, path)
        to_float = av.AudioResampler(format="flt")  # interleaved: PyAV crashes on 8 planes or more
        try:
            pieces = [
                piece.to_ndarray().reshape(-1, piece.layout.nb_channels)  # (samples, channels)
                for frame in container.decode(stream)
                for piece in to_float.resample(frame)
            ]
        except ValueError as error:
            if isinstance(error, av.error.FFmpegError):
                raise
            raise ValueError(f"{path} changes midway: pasted together? save it as one") from None
        rate, declared = stream.rate, _declared_seconds(container, stream)
    samples = np.concatenate(pieces) if pieces else np.zeros((0, 1), dtype=np.float32)
    if len(samples) < (declared - SLACK) * rate:
        seconds = len(samples) / rate
        raise ValueError(f"{path} is truncated: {seconds:.2f} s of {declared:.2f} s; get it again")
    return check_waveform(samples, rate, str(path))


def check_waveform(samples: np.ndarray, rate: int, name: str) -> Waveform:
    """Return sound (n, channels), its channels averaged, or say what is wrong with it.

    Raises:
        ValueError: it is empty, not finite, far beyond full scale, silent throughout, or its
            channels cancel.
    """
    if not samples.size:
        raise ValueError(f"{name} holds no sound: it is empty; leave this clip out")
    if not np.isfinite(samples).all():
        raise ValueError(f"{name} holds samples that are not finite; leave this clip out")
    if (peak := np.abs(samples).max()) > LOUDEST:
        raise ValueError(
            f"{name} reaches {peak:.0f}, and full scale is 1; were these integers? "
            "divide them by 32768 (16 bit) or by what their full scale was"
        )
    mono = samples.mean(axis=1)
    if _cancel(samples, mono):
        raise ValueError(f"{name}: its channels cancel when they are averaged; keep one of them")
    if np.ptp(mono) == 0:
        raise ValueError(f"{name} is silent: all its samples are the same; leave this clip out")
    return Waveform(mono.astype(np.float32), rate)


def _cancel(samples: np.ndarray, mono: np.ndarray) -> bool:
    """Return whether channels (n, channels) are opposite: their mean is little but noise."""
    sounding = samples[:, samples.std(axis=0) > 0]
    if sounding.shape[1] < 2 or np.corrcoef(sounding.T).min() > 0:
        return False
    return bool(np.mean(mono**2) < CANCELLED * np.mean(sounding**2))


def read_frames(path: Path, times: np.ndarray) -> np.ndarray | None:
    """Return the frames of the first video stream that are nearest to given times.

    Frames are decoded one after the other and only those asked for are kept, with a short side of
    SHORT_SIDE pixels at most. Times outside the video get its first or its last frame.

    Args:
        path: of the file; ValueError if it is no media, or its video holds no frame.
        times: (n,) in seconds, n at least 1, in any order.

    Returns:
        (n, height, width, 3) uint8, or None where the file has no video stream.
    """
    with _opened(path) as container:
        cover = Disposition.attached_pic
        streams = [stream for stream in container.streams.video if not stream.disposition & cover]
        if not streams:
            return None
        _use_one_thread(streams[0], path)
        order = np.argsort(times, kind="stable")
        nearest = _nearest(_frames(container, streams[0]), np.asarray(times)[order])
        pictures = [picture for frame, count in nearest for picture in [_small(frame)] * count]
    if not pictures:
        raise ValueError(f"{path} has a video stream without a frame; leave this clip out")
    return np.stack(pictures)[np.argsort(order)]


@contextmanager
def _opened(path: Path, content: bytes | None = None) -> Iterator[Any]:
    """Open a media file; what FFmpeg cannot open or decode becomes one line."""
    if content is None and not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; see `./run_all.sh --check`")
    with path.open("rb") if content is None else io.BytesIO(content) as file:
        head, written = file.read(8), file.seek(0, io.SEEK_END)
    if not written:
        raise ValueError(f"{path} is an empty file; get it again")
    _check_wave_size(path, head, written)
    try:
        with av.open(str(path) if content is None else io.BytesIO(content)) as container:
            yield container
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "unreadable names"
        raise ValueError(f"{path} cannot be decoded ({reason}): damaged, or no media") from None


def _use_one_thread(stream: Any, path: Path) -> None:
    """Prepare to decode; raise ValueError where FFmpeg has no decoder for what the stream says."""
    if stream.codec_context is None:
        raise ValueError(f"{path} cannot be decoded (no decoder for it): damaged, or no media")
    stream.codec_context.thread_count = 1


def _check_wave_size(path: Path, head: bytes, written: int) -> None:
    """Raise ValueError where a WAV file is shorter than its header says; FFmpeg lets that pass."""
    size = int.from_bytes(head[4:], "little") + 8
    if head[:4] == b"RIFF" and written + MISCOUNTED < size < UNKNOWN_SIZE:
        raise ValueError(f"{path} is truncated: {written} bytes of {size}; get it again")


def _declared_seconds(container: Any, stream: Any) -> float:
    """Return how long the file says that its sound is, 0 where it does not say."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def _frames(container: Any, stream: Any) -> Iterator[tuple[float, Any]]:
    """Yield time and frame, in the order in which they are shown."""
    audio = container.streams.audio
    begin = 0.0
    if audio and audio[0].start_time is not None:
        begin = float(audio[0].start_time * audio[0].time_base)
    for frame in container.decode(stream):
        if frame.time is not None:
            yield frame.time - begin, frame


def _nearest(frames: Iterator[tuple[float, Any]], times: np.ndarray) -> Iterator[tuple[Any, int]]:
    """Yield each frame that is nearest to some of the ascending times, and to how many."""
    done, before = 0, None
    for after in frames:
        if before is not None:
            until = int(np.searchsorted(times, (before[0] + after[0]) / 2, side="right"))
            if until > done:
                yield before[1], until - done
                done = until
            if done == len(times):
                return
        before = after
    if before is not None:
        yield before[1], len(times) - done


def _small(frame: Any) -> np.ndarray:
    """Return the (height, width, 3) picture of a frame, its short side SHORT_SIDE at most."""
    scale = min(1.0, SHORT_SIDE / min(frame.width, frame.height))
    width, height = round(frame.width * scale), round(frame.height * scale)
    return frame.to_ndarray(format="rgb24", width=width, height=height)
