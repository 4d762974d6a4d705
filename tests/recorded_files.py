# SPDX-License-Identifier: AGPL-3.0-or-later
"""Recorded files as recorders write them: made with libav, of whatever codec, container, rate and size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
TURNED_LEFT = (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30)
"""The matrix of a picture that is to be turned by 90 degrees against the clock."""


@dataclass(frozen=True)
class Way:
    """How a file is written. ``base``: seconds per tick; ``form``: pixel format."""

    codec: str = "libx264"
    form: str = "yuv420p"
    base: Fraction = Fraction(1, 1000)
    options: dict[str, str] = field(default_factory=dict)
    between: int = 0
    """Pictures that are coded out of order (B-frames), at most so many in a row."""
    sound: bool = False
    matrix: tuple[int, ...] | None = None
    aspect: Fraction = Fraction(1)
    titles: dict[str, str] = field(default_factory=dict)


def write(path: Path, pictures: Iterable[Picture], ticks: Sequence[int], way: Way) -> None:
    """Write pictures (I420 with rows of the width, or RGB) at these ticks."""
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(way.titles)
        stream = None
        sound = container.add_stream("aac" if path.suffix != ".avi" else "pcm_s16le", rate=8000) if way.sound else None
        for tick, picture in zip(ticks, pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if stream is None:
                stream = container.add_stream(way.codec, rate=None, options=way.options)
                context = stream.codec_context
                context.width, context.height, context.pix_fmt = frame.width, frame.height, way.form
                stream.time_base = context.time_base = way.base
                context.framerate = Fraction(25)
                context.thread_count = 1
                context.max_b_frames = way.between
                context.sample_aspect_ratio = way.aspect
                stream.set_display_matrix(way.matrix)
            frame = frame.reformat(format=way.form, dst_colorspace="ITU709")
            frame.pts, frame.time_base = tick, way.base
            container.mux(stream.encode(frame))
        assert stream is not None
        container.mux(stream.encode(None))
        if sound is not None:
            noise = np.random.default_rng(1).integers(-9000, 9000, (1, 8000), np.int16)
            piece = AudioFrame.from_ndarray(noise, format="s16", layout="mono")
            piece.sample_rate, piece.pts = 8000, 0
            container.mux(sound.encode(piece))
            container.mux(sound.encode(None))


def read(path: Path) -> tuple[list[Fraction], list[Picture]]:
    """The times in seconds and the pictures (luma) of a file, in the order of display."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    times = [Fraction(frame.pts) * frame.time_base for frame in frames]
    return times, [np.array(frame.reformat(format="gray").to_ndarray()) for frame in frames]
