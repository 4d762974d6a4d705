# SPDX-License-Identifier: AGPL-3.0-or-later
"""Finds people and vehicles, in order to hide them; it tells nobody apart.

The network is MediaPipe's SSD MobileNetV2 trained on Open Images V4 (Apache-2.0; see ``docs/model-card.md``). Anchors
and box decoding follow MediaPipe's ``SsdAnchorsCalculator`` and ``TensorsToDetectionsCalculator`` with the options of
the Objectron graph: 300x300 input in [-1, 1], six layers, scales 0.2 to 0.95, the lowest layer with three boxes. It
computes in eight bits (``scripts/quantise_weights.py``).
"""

import hashlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from custodes.domain.video import Frame
from custodes.errors import unavailable

Floats: TypeAlias = NDArray[np.float32]

WEIGHTS_SHA256 = "c15d24bd968232ebde5bfcffbf1e2a8b6b27ff650cbd284f5921571eb071982f"
WEIGHTS = Path(__file__).parent / "weights" / "ssd_person.tflite"

_SIDE = 300
_ROWS = (19, 10, 5, 3, 2, 1)
_SCALES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)
_RATIOS = (1.0, 2.0, 0.5, 3.0, 0.3333)
_CLASSES = 24
_NMS_OVERLAP = 0.55
_MOST = 120


class Kind(Enum):
    """What a box holds, as far as hiding needs to know."""

    PERSON = "person"
    CYCLE = "cycle"
    VEHICLE = "vehicle"


@dataclass(frozen=True, slots=True)
class Box:
    """Left, top, right, bottom in pixels of the frame, inside it; score from 0 to 1."""

    kind: Kind
    score: float
    left: float
    top: float
    right: float
    bottom: float


class Detector(Protocol):
    """Anything that finds people and vehicles in a picture."""

    def detect(self, frame: Frame) -> list[Box]:
        """Return what was found; raises when it cannot tell."""
        ...


# Open Images V4 classes of this network by index, with the score from which each is believed. Shoes are people too.
# A little below what the published network is believed from: so nearly nothing that it finds is lost to eight bits.
_WANTED = (
    (4, Kind.PERSON, 0.23),
    (2, Kind.PERSON, 0.42),
    (17, Kind.PERSON, 0.42),
    (19, Kind.PERSON, 0.42),
    (1, Kind.CYCLE, 0.28),
    (18, Kind.VEHICLE, 0.32),
    (23, Kind.VEHICLE, 0.28),
)
# A box of more than this share of the picture is nearly always a mistake of this network unless it is sure.
_LARGE = 0.3
_LARGE_SCORE = 0.45

# BT.709 limited range to RGB in [-1, 1].
_KR, _KB = 0.2126, 0.0722
_Y, _C = 2.0 / 219, 2.0 / 224
_TO_RGB = np.array(
    [
        [_Y, 0.0, _C * 2 * (1 - _KR), -1 - 16 * _Y - 128 * _C * 2 * (1 - _KR)],
        [
            _Y,
            -_C * 2 * (1 - _KB) * _KB / (1 - _KR - _KB),
            -_C * 2 * (1 - _KR) * _KR / (1 - _KR - _KB),
            -1 - 16 * _Y + 128 * _C * 2 * ((1 - _KB) * _KB + (1 - _KR) * _KR) / (1 - _KR - _KB),
        ],
        [_Y, _C * 2 * (1 - _KB), 0.0, -1 - 16 * _Y - 128 * _C * 2 * (1 - _KB)],
    ],
    np.float32,
)


def _anchors() -> Floats:
    """Return 1917 x (centre y, centre x, height, width), in shares of the picture."""
    found: list[tuple[float, float, float, float]] = []
    for layer, rows in enumerate(_ROWS):
        scale = _SCALES[layer]
        if layer == 0:
            shapes = [(1.0, 0.1), (2.0, scale), (0.5, scale)]
        else:
            shapes = [(ratio, scale) for ratio in _RATIOS]
            shapes.append((1.0, (scale * _SCALES[layer + 1]) ** 0.5))
        for y in range(rows):
            for x in range(rows):
                for ratio, size in shapes:
                    found.append(((y + 0.5) / rows, (x + 0.5) / rows, size / ratio**0.5, size * ratio**0.5))
    return np.array(found, np.float32)


_ANCHORS = _anchors()


class SsdDetector:
    """The network, on one thread. Make it with ``load_detector``; not to be shared between threads."""

    def __init__(self, interpreter: Any) -> None:
        self._net = interpreter
        self._input = interpreter.get_input_details()[0]["index"]
        outputs = {tuple(detail["shape"]): detail["index"] for detail in interpreter.get_output_details()}
        self._boxes = outputs[(1, len(_ANCHORS), 4)]
        self._scores = outputs[(1, len(_ANCHORS), _CLASSES)]

    def detect(self, frame: Frame) -> list[Box]:
        """Return persons, cycles and vehicles; ``CustodesError`` (UNAVAILABLE) if the network yields nonsense."""
        boxes, scores = self._run(network_input(frame))
        return _choose(boxes, scores, frame.width, frame.height)

    def check(self) -> None:
        """Run a test pattern; raises ``CustodesError`` (UNAVAILABLE) unless the network answers as it must."""
        ramp = np.linspace(-1, 1, _SIDE, dtype=np.float32)
        pattern = np.stack(
            [np.tile(ramp, (_SIDE, 1)), np.tile(ramp[:, None], (1, _SIDE)), np.outer(ramp, ramp)], axis=-1
        )
        boxes, scores = self._run(np.ascontiguousarray(pattern))
        answer = (float(np.abs(boxes).mean()), float(scores[:, 1:].mean()))
        if not np.allclose(answer, _CHECK, rtol=0.02):
            raise unavailable("the person detector gives wrong answers on this machine")

    def _run(self, picture: Floats) -> tuple[Floats, Floats]:
        self._net.set_tensor(self._input, picture[None])
        self._net.invoke()
        boxes: Floats = self._net.get_tensor(self._boxes)[0]
        scores: Floats = self._net.get_tensor(self._scores)[0]
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise unavailable("the person detector gave no usable answer")
        return boxes, scores


# Mean of the absolute box encodings and of the class predictions for the test pattern (XNNPACK).
_CHECK = (0.9037, -6.5225)


def load_detector(path: Path | None = None) -> SsdDetector:
    """Load the network from ``path`` (by default the file that ``scripts/fetch_weights.py`` put into the package).

    A missing, altered or unusable file raises ``CustodesError`` (UNAVAILABLE).
    """
    place = path or WEIGHTS
    try:
        data = place.read_bytes()
    except OSError:
        raise unavailable(
            f"the person detector's file is missing: run scripts/fetch_weights.py ({place.name})"
        ) from None
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise unavailable("the person detector's file is not the published one: run scripts/fetch_weights.py")
    cv2.setNumThreads(1)
    try:
        net = Interpreter(model_content=data, num_threads=1)
        net.allocate_tensors()
        detector = SsdDetector(net)
    except (RuntimeError, ValueError, KeyError) as error:
        raise unavailable(f"the person detector cannot be started: {error}") from error
    detector.check()
    return detector


def network_input(frame: Frame) -> Floats:
    """Return 300x300x3 RGB in [-1, 1], stretched (the network does not mind)."""
    width, height = frame.width, frame.height
    flat = np.frombuffer(frame.i420, np.uint8)
    luma, chroma = width * height, (width // 2) * (height // 2)
    planes = (
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(height // 2, width // 2),
        flat[luma + chroma : luma + 2 * chroma].reshape(height // 2, width // 2),
    )
    small = [cv2.resize(plane, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR) for plane in planes]
    yuv = np.asarray(cv2.merge(small), np.float32)
    return np.asarray(cv2.transform(yuv, _TO_RGB), np.float32)


def _choose(encodings: Floats, logits: Floats, width: int, height: int) -> list[Box]:
    """Decode, apply the scores wanted of each class and suppress doubles."""
    found: list[Box] = []
    for index, kind, least in _WANTED:
        column = logits[:, index]
        chosen = np.flatnonzero(column >= np.log(least / (1 - least)))
        if not len(chosen):
            continue
        chosen = chosen[np.argsort(-column[chosen])][:_MOST]
        scores = np.asarray(1.0 / (1.0 + np.exp(-column[chosen])), np.float32)
        found += _distinct(_decode(encodings[chosen], _ANCHORS[chosen]), scores, kind, width, height)
    return found


def _decode(encodings: Floats, anchors: Floats) -> Floats:
    """Return n x (left, top, right, bottom), in shares of the picture and inside it."""
    centre = encodings[:, :2] / 10 * anchors[:, 2:] + anchors[:, :2]
    half = np.exp(np.clip(encodings[:, 2:] / 5, -10, 10)) * anchors[:, 2:] / 2
    corners = np.concatenate([(centre - half)[:, ::-1], (centre + half)[:, ::-1]], axis=1)
    return np.asarray(np.clip(corners, 0.0, 1.0), np.float32)


def _distinct(corners: Floats, scores: Floats, kind: Kind, width: int, height: int) -> list[Box]:
    """Greedy non-maximum suppression; rows come best first."""
    area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    fit = (area > 0) & ((area <= _LARGE) | (scores >= _LARGE_SCORE))
    corners, scores, area = corners[fit], scores[fit], area[fit]
    # Every pair at once: how much of their union two boxes share.
    wide = np.minimum(corners[:, None, 2], corners[:, 2]) - np.maximum(corners[:, None, 0], corners[:, 0])
    high = np.minimum(corners[:, None, 3], corners[:, 3]) - np.maximum(corners[:, None, 1], corners[:, 1])
    both = np.maximum(wide, 0) * np.maximum(high, 0)
    distinct = both <= _NMS_OVERLAP * (area[:, None] + area - both)
    alive = np.ones(len(corners), np.bool_)
    kept: list[Box] = []
    for i, (left, top, right, bottom) in enumerate(corners.tolist()):
        if alive[i]:
            kept.append(Box(kind, float(scores[i]), left * width, top * height, right * width, bottom * height))
            alive &= distinct[i]
    return kept
