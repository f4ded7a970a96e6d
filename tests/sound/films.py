"""Small films for the tests of what reads a reader's own."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np


def write_film(path: Path, greys: Sequence[int], sound: np.ndarray | None = None) -> Path:
    """Write one even frame per grey, ten a second, without loss, 64 x 48; sound is of 16 kHz."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        voice = None if sound is None else container.add_stream("pcm_s16le", rate=16_000)
        for grey in greys:
            picture = np.full((48, 64, 3), grey, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
        if voice is not None:
            levels = (sound[None] * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(levels, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, 0
            container.mux([*voice.encode(frame), *voice.encode(None)])
    return path
