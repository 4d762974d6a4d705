# SPDX-License-Identifier: AGPL-3.0-or-later
"""The two passes over a made-up file, without the file: pictures in, masked pictures out."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.clock import MILLISECOND, Instant
from custodes.domain.video import Frame, MaskedFrame, SourceTime
from custodes.video.mask.detector import Box
from custodes.video.mask.samples import Scene
from custodes.video.mask.scaling import Scaling
from custodes.video.mask.survey import Survey
from custodes.video.mask.tuning import Tuning
from custodes.video.mask.wholefile import FileMasker

STEP = 200 * MILLISECOND
Luma = NDArray[np.uint8]


def place(width: int, height: int, seed: int = 3) -> Luma:
    """An empty place with texture; nothing in it is brighter than 200."""
    dice = np.random.default_rng(seed)
    rough = cv2.GaussianBlur(dice.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 2.5)
    return np.clip(110 + rough * 130, 40, 200).astype(np.uint8)


class Told:
    """Finds in a whole picture what it was told for the moment, and nothing in parts of it."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.boxes: list[Box] = []

    def detect(self, frame: Frame) -> list[Box]:
        return self.boxes if (frame.width, frame.height) == self.size else []


@dataclass
class Film:
    """``draw``: the picture with this number (luma, as stored); ``found``: what the detector finds in it."""

    width: int
    height: int
    count: int
    draw: Callable[[int], Luma]
    found: Callable[[int], list[Box]] = lambda number: []
    turns: int = 0
    scene: Scene | None = None

    def frame(self, number: int) -> Frame:
        dice = np.random.default_rng(number)
        noise = dice.integers(-1, 2, (self.height, self.width))
        luma = np.clip(self.draw(number).astype(np.int16) + noise, 16, 255).astype(np.uint8)
        chroma = np.full(self.width * self.height // 2, 128, np.uint8)
        data = luma.tobytes() + chroma.tobytes()
        return Frame(self.width, self.height, data, Instant(number * STEP), SourceTime(0, number))

    def masked(self) -> list[MaskedFrame]:
        """Both passes."""
        scaling = Scaling(self.width, self.height, self.turns)
        detector = Told((scaling.grid.width, scaling.grid.height))
        survey = Survey(scaling, detector, Tuning())
        for number in range(self.count):
            detector.boxes = self.found(number)
            if survey.wants(number * STEP):
                survey.look(self.frame(number), number * STEP)
        detector.boxes = []
        self.scene = survey.finish()
        masker = FileMasker(scaling, self.scene, survey.found, Tuning())
        ready = [each for number in range(self.count) for each in masker.push(self.frame(number))]
        return ready + masker.flush()


def luma_of(frame: MaskedFrame) -> Luma:
    """Y, height x width."""
    flat = np.frombuffer(frame.i420, np.uint8)
    return flat[: frame.width * frame.height].reshape(frame.height, frame.width)
