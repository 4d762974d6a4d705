# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clips of the rendered street as a camera sends them, and who must not be seen in what was made of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.demo.cameras.source import downscale
from custodes.demo.exposure import EXPOSED_SHARE, LUMA_STEPS
from custodes.demo.street import RATE, Person, Street, Truth
from custodes.domain.ids import CameraId
from custodes.domain.video import Frame, SourceTime
from custodes.video.encode.fragments import FragmentEncoder
from custodes.video.encode.join import as_mp4
from custodes.video.mask.detector import Detector
from custodes.video.mask.masker import Masker
from custodes.video.mask.palette import mask_pixels
from custodes.video.redact.clips import Clip

WIDTH, HEIGHT = 640, 360
LEARNING = 150
"""Pictures at 5 a second from which the masker learns the empty place."""
BEGIN = Instant(1_790_000_000 * SECOND)

Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class Film:
    """Pictures ``first``, ``first + step`` … of a street; the clip's time begins at ``BEGIN``."""

    street: Street
    first: int
    step: int
    count: int

    def at(self, number: int) -> Instant:
        return Instant(BEGIN + number * self.step * SECOND // RATE)

    def truth(self, number: int) -> Truth:
        return self.street.truth(self.first + number * self.step, WIDTH, HEIGHT)

    def write(self, path: Path) -> Clip:
        """H.264 at 4 Mbit/s with a key picture every second, and sound, as MP4."""
        with av.open(str(path), "w", format="mp4") as file:
            stream = file.add_stream("libx264", rate=RATE // self.step)
            stream.codec_context.time_base = Fraction(1, 90_000)
            stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
            stream.bit_rate = 4_000_000
            stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "25", "threads": "1"}
            for number in range(self.count):
                picture = self.street.picture(self.first + number * self.step)
                frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
                frame.pts, frame.time_base = number * self.step * 90_000 // RATE, Fraction(1, 90_000)
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        return Clip(BEGIN, path.read_bytes)

    def masked_copy(self, detector: Detector) -> bytes:
        """What the masker made of it: it learned the empty place in the first half minute, and was certified."""
        masker, encoder = Masker(WIDTH, HEIGHT, detector), FragmentEncoder(CameraId("c" * 26), WIDTH, HEIGHT)
        fragments = []
        for number in range(-LEARNING, self.count * self.step // 5):
            index = number * 5 + (LEARNING * 5 if number < 0 else self.first)
            slot = Instant(BEGIN + number * 200 * MILLISECOND)
            picture = downscale(self.street.picture(index)).tobytes()
            served = masker.observe(Frame(WIDTH, HEIGHT, picture, slot, SourceTime(1, number)), slot)
            if number == -1:
                masker.certify()
            elif number >= 0:
                fragments += encoder.push(served)
        return as_mp4(encoder.init.data, [each.data for each in [*fragments, *encoder.flush()]])


def decoded(path: Path) -> Iterator[bytes]:
    """Every picture of a redacted clip, I420 in the size of the truth."""
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            small = frame.reformat(width=WIDTH, height=HEIGHT, format="yuv420p", interpolation="AREA")
            yield small.to_ndarray().tobytes()


def leaked(served: bytes, truth: Truth) -> Bits:
    """Pixels that are nearer to what was there than to the empty place (as ``custodes.demo.exposure``)."""
    luma = WIDTH * HEIGHT
    shown = np.frombuffer(served, np.uint8)[:luma].reshape(HEIGHT, WIDTH).astype(np.int16)
    there = truth.picture.reshape(-1)[:luma].reshape(HEIGHT, WIDTH).astype(np.int16)
    clean = truth.clean.reshape(-1)[:luma].reshape(HEIGHT, WIDTH).astype(np.int16)
    nearer = np.abs(shown - there) < np.abs(shown - clean)
    return (np.abs(there - clean) > LUMA_STEPS) & nearer & ~mask_pixels(served, WIDTH, HEIGHT)


def share_seen(person: Person, exposed: Bits) -> float:
    """The larger share of head and body that is exposed."""
    parts = [part for part in (person.head, person.body) if part.any()]
    return max(float(exposed[part].sum()) / float(part.sum()) for part in parts)


def is_exposed(person: Person, exposed: Bits) -> bool:
    return share_seen(person, exposed) > EXPOSED_SHARE


def same(before: Person, persons: tuple[Person, ...]) -> Person | None:
    """The person of the next picture whose outline overlaps most."""
    best = max(persons, key=lambda each: int((each.body & before.body).sum()), default=None)
    return best if best is not None and (best.body & before.body).any() else None
