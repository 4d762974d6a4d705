# SPDX-License-Identifier: AGPL-3.0-or-later
"""Independent judges: do they still see a person or a face in a masked picture?

Neither shares weights or training data with the product's own detector. Persons: SSDLite with MobileNetV2, on the whole
picture and on overlapping squares of it (it looks at 300x300). Faces: CenterFace at full size. Boxes are
left, top, right, bottom in pixels, and the score.
"""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from benchmarks.exposure import weights
from benchmarks.exposure.tfgraph import trimmed
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]

PERSON_SCORE, FACE_SCORE = 0.5, 0.4
"""From these scores on a detection is meaningful: below, both judges also find people in empty scenes."""
OVERLAP = 0.3
"""Intersection over union from which a detection is one that the empty reference shows as well."""

_SIDE = 300
_ROWS = (19, 10, 5, 3, 2, 1)
_SCALES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)
_RATIOS = (1.0, 2.0, 0.5, 3.0, 0.3333)
_STEP = 32
_SAME = 0.5


@dataclass(frozen=True)
class Seen:
    """One detection."""

    kind: str
    score: float
    left: float
    top: float
    right: float
    bottom: float

    def shared(self, other: "Seen") -> float:
        """The area of both, in pixels."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0.0) * max(high, 0.0)

    def overlaps(self, other: "Seen") -> bool:
        """Whether both are of one thing: intersection over union of ``OVERLAP``."""
        both = self.shared(other)
        return both >= OVERLAP * (self.area + other.area - both)

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)


class Judges:
    """Both detectors, on one thread."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self._faces = cv2.dnn.readNetFromONNX(str(weights.fetched(weights.FACES)))
        outputs = [f"BoxPredictor_{layer}/{part}" for layer in range(6) for part in _PARTS]
        whole = weights.fetched(weights.PERSONS).read_bytes()
        graph = trimmed(whole, "Preprocessor/sub", [f"{output}/BiasAdd" for output in outputs])
        self._persons = cv2.dnn.readNetFromTensorflow(np.frombuffer(graph, np.uint8))
        # OpenCV joins a convolution with its bias, under the convolution's name.
        self._outputs = [f"{output}/Conv2D" for output in outputs]
        self._anchors = _anchors()

    def look(self, picture: Bytes) -> list[Seen]:
        """What both see in a picture (BGR)."""
        return self.persons(picture) + self.faces(picture)

    def persons(self, picture: Bytes) -> list[Seen]:
        """Persons in the whole picture and in squares of its height."""
        height, width = picture.shape[:2]
        found = self._persons_in(picture, 0)
        for left in _places(width, height):
            found += self._persons_in(picture[:, left : left + height], left)
        return _distinct(found)

    def _persons_in(self, part: Bytes, left: int) -> list[Seen]:
        height, width = part.shape[:2]
        blob = cv2.dnn.blobFromImage(part, 1 / 127.5, (_SIDE, _SIDE), (127.5,) * 3, swapRB=True)
        self._persons.setInput(blob)
        answers = self._persons.forward(self._outputs)
        boxes, scores = [], []
        for encoding, logits in zip(answers[::2], answers[1::2], strict=True):
            boxes.append(encoding[0].transpose(1, 2, 0).reshape(-1, 4))
            scores.append(logits[0].transpose(1, 2, 0).reshape(len(boxes[-1]), -1)[:, 1])
        score = 1 / (1 + np.exp(-np.concatenate(scores)))
        chosen = np.flatnonzero(score >= PERSON_SCORE)
        anchor, encoded = self._anchors[chosen], np.concatenate(boxes)[chosen]
        centre = encoded[:, :2] / 10 * anchor[:, 2:] + anchor[:, :2]
        half = np.exp(np.clip(encoded[:, 2:] / 5, -10, 10)) * anchor[:, 2:] / 2
        low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
        return [
            Seen("person", float(s), left + a[1] * width, a[0] * height, left + b[1] * width, b[0] * height)
            for s, a, b in zip(score[chosen], low.tolist(), high.tolist(), strict=True)
        ]

    def faces(self, picture: Bytes) -> list[Seen]:
        """Faces in the whole picture, at twice its size (the picture is small, faces in it more so)."""
        height, width = picture.shape[:2]
        size = (-(-2 * width // _STEP) * _STEP, -(-2 * height // _STEP) * _STEP)
        self._faces.setInput(cv2.dnn.blobFromImage(picture, 1.0, size, (0, 0, 0), swapRB=True))
        heat, scale, offset, _ = self._faces.forward(["537", "538", "539", "540"])
        found = []
        for row, column in np.argwhere(heat[0, 0] >= FACE_SCORE):
            high, wide = np.exp(scale[0, :, row, column]) * 4
            middle_y = (row + offset[0, 0, row, column] + 0.5) * 4
            middle_x = (column + offset[0, 1, row, column] + 0.5) * 4
            edges = np.array([middle_x - wide / 2, middle_y - high / 2, middle_x + wide / 2, middle_y + high / 2])
            left, top, right, bottom = (edges * np.tile([width / size[0], height / size[1]], 2)).tolist()
            found.append(Seen("face", float(heat[0, 0, row, column]), left, top, right, bottom))
        return _distinct(found)


_PARTS = ("BoxEncodingPredictor", "ClassPredictor")


def _anchors() -> Floats:
    """1917 x (centre y, centre x, height, width), as TensorFlow's ``ssd_anchor_generator`` makes them for 300x300."""
    found = []
    for layer, rows in enumerate(_ROWS):
        scale = _SCALES[layer]
        shapes = [(ratio, scale) for ratio in _RATIOS] + [(1.0, (scale * _SCALES[layer + 1]) ** 0.5)]
        if layer == 0:
            shapes = [(1.0, 0.1), (2.0, scale), (0.5, scale)]
        found += [
            ((y + 0.5) / rows, (x + 0.5) / rows, size / ratio**0.5, size * ratio**0.5)
            for y in range(rows)
            for x in range(rows)
            for ratio, size in shapes
        ]
    return np.array(found, np.float32)


def _places(length: int, side: int) -> list[int]:
    """Where windows of ``side`` begin so that they overlap by a third at least and cover the whole length."""
    count = max(1, -(-3 * (length - side) // (2 * side)) + 1)
    return [0] if count == 1 else [index * (length - side) // (count - 1) for index in range(count)]


def _distinct(found: list[Seen]) -> list[Seen]:
    """The best of those that mean the same."""
    kept: list[Seen] = []
    for each in sorted(found, key=lambda seen: -seen.score):
        if each.area > 0 and all(each.shared(other) < _SAME * min(each.area, other.area) for other in kept):
            kept.append(each)
    return kept
