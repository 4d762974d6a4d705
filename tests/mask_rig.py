# SPDX-License-Identifier: AGPL-3.0-or-later
"""A masker on a small made-up scene, and detectors that do as they are told."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.video import Cover, Frame, MaskedFrame, SourceTime
from custodes.domain.zones import Zone
from custodes.video.mask import palette
from custodes.video.mask.detector import Box
from custodes.video.mask.masker import Masker
from custodes.video.mask.palette import mask_pixels
from custodes.video.mask.tuning import Tuning

WIDTH, HEIGHT = 160, 96
SLOT = 200 * MILLISECOND
BEGIN = Instant(1_790_000_000 * SECOND)


class Obedient:
    """Finds the boxes it was given; raises what it was given."""

    def __init__(self, boxes: list[Box] | None = None) -> None:
        self.boxes = boxes or []
        self.problem: Exception | None = None
        self.calls = 0

    def detect(self, frame: Frame) -> list[Box]:
        self.calls += 1
        if self.problem is not None:
            raise self.problem
        return self.boxes


def scene(seed: int = 3) -> NDArray[np.uint8]:
    """An empty place with texture, luma only, height x width."""
    dice = np.random.default_rng(seed)
    rough = cv2.GaussianBlur(dice.normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 2.5)
    return np.clip(110 + rough * 130, 40, 200).astype(np.uint8)


class Rig:
    """Feeds a masker slot by slot; the sensor's noise makes every picture new."""

    def __init__(
        self,
        detector: Obedient | None = None,
        *,
        tuning: Tuning | None = None,
        zones: Sequence[Zone] = (),
        show_unconfirmed: bool = False,
    ) -> None:
        self.detector = detector or Obedient()
        self.masker = Masker(
            WIDTH, HEIGHT, self.detector, tuning=tuning, zones=zones, show_unconfirmed=show_unconfirmed
        )
        self.empty = scene()
        self.slot = BEGIN
        self.dice = np.random.default_rng(8)

    def picture(self, luma: NDArray[np.uint8], chroma: tuple[int, int] = (128, 128)) -> bytes:
        noisy = np.clip(luma.astype(np.float32) + self.dice.normal(0, 1.5, luma.shape), 0, 255)
        half = WIDTH * HEIGHT // 4
        return noisy.astype(np.uint8).tobytes() + bytes([chroma[0]]) * half + bytes([chroma[1]]) * half

    def with_block(self, left: int, top: int, right: int, bottom: int, luma: int = 20) -> NDArray[np.uint8]:
        """The empty scene with something dark in it."""
        picture = self.empty.copy()
        picture[top:bottom, left:right] = luma
        return picture

    def send(
        self,
        i420: bytes | None,
        *,
        late: int = 0,
        after: int = SLOT,
        turning: bool = False,
        barred: Cover | None = None,
    ) -> MaskedFrame:
        """The next slot, with a frame or with none."""
        self.slot = Instant(self.slot + after)
        source = SourceTime(1, (self.slot - BEGIN) * 9 // 100_000)
        frame = None if i420 is None else Frame(WIDTH, HEIGHT, i420, Instant(self.slot - late), source)
        return self.masker.observe(frame, self.slot, turning=turning, barred=barred)

    def show(self, luma: NDArray[np.uint8], slots: int = 1, after: int = SLOT) -> MaskedFrame:
        """Send the same scene for some slots; return the last picture."""
        for _ in range(slots):
            served = self.send(self.picture(luma), after=after)
        return served

    def certified(self) -> "Rig":
        """Let it learn the empty scene and certify."""
        self.show(self.empty, 125)
        self.masker.certify()
        return self


def luma_of(frame: MaskedFrame) -> NDArray[np.uint8]:
    """Y, height x width."""
    flat = np.frombuffer(frame.i420, np.uint8)
    return flat[: frame.width * frame.height].reshape(frame.height, frame.width)


def masked(frame: MaskedFrame) -> NDArray[np.bool_]:
    """Where a mask's colour is shown, height x width."""
    return mask_pixels(frame.i420, frame.width, frame.height)


def outlined(frame: MaskedFrame) -> NDArray[np.bool_]:
    """Where the steward's still has an outline, height x width."""
    luma, half = frame.width * frame.height, frame.width * frame.height // 4
    chroma = np.frombuffer(frame.i420, np.uint8)[luma:].reshape(2, frame.height // 2, frame.width // 2)
    assert chroma.size == 2 * half
    return ((chroma[0] == palette.CHANGED.u) & (chroma[1] == palette.CHANGED.v)).repeat(2, 0).repeat(2, 1)
