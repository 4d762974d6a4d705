# SPDX-License-Identifier: AGPL-3.0-or-later
"""Exposure with the real detector, over H.264 as a camera would send it: exact truth on a made-up square."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from tests.mask_scenes import HEIGHT, WIDTH, Figure, Square, View, compressed, frame_of, to_i420

from custodes.errors import CustodesError
from custodes.video.mask.detector import WEIGHTS, load_detector
from custodes.video.mask.masker import Masker
from custodes.video.mask.palette import mask_pixels

_CERTIFY_AT = 150
_NEAR = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (49, 49))


@dataclass
class Exposure:
    """Person-frames in pictures that were shown, those exposed, and masked shares."""

    persons: int = 0
    standing: int = 0
    exposed: int = 0
    shown: int = 0
    pictures: int = 0
    falsely: list[float] = field(default_factory=list)

    def judge(self, view: View, i420: bytes) -> None:
        masked = mask_pixels(i420, WIDTH, HEIGHT)
        served = np.frombuffer(i420, np.uint8)[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH).astype(np.float32)
        clean, scene = view.clean[..., 0], view.scene[..., 0]
        leaked = (np.abs(scene - clean) > 12) & ~masked & (np.abs(served - scene) < np.abs(served - clean))
        people = np.zeros((HEIGHT, WIDTH), np.uint8)
        for truth in view.people:
            if not truth.body.any():
                continue
            people |= truth.body.view(np.uint8)
            self.persons += 1
            self.standing += truth.standing
            parts = [part for part in (truth.body, truth.head) if part.any()]
            self.exposed += any(leaked[part].sum() > 0.05 * part.sum() for part in parts)
        self.falsely.append(float((masked & (cv2.dilate(people, _NEAR) == 0)).mean()))
        self.shown += 1


def cast() -> list[Figure]:
    """Passers-by in the first half minute; then some who stop, small and large, loud and in the ground's colour."""
    grey, red, dark = (114, 126, 130), (90, 110, 160), (45, 128, 128)
    return [
        Figure(1, (-20, 300), (660, 300), 14, 0, 80, red),
        Figure(9, (660, 220), (-20, 220), 20, 0, 35, dark),
        Figure(31, (-20, 200), (150, 200), 5, 60, 25, dark),
        Figure(32, (660, 330), (420, 330), 4, 60, 120, grey),
        Figure(34, (-20, 250), (300, 250), 8, 60, 50, red),
        Figure(36, (660, 215), (-20, 215), 22, 0, 30, grey),
        Figure(40, (-20, 340), (660, 340), 4, 0, 130, dark),
    ]


def play(square: Square, seconds: int, noise: float) -> Exposure:
    dice = np.random.default_rng(11)
    views: list[View] = []

    def pictures() -> Iterator[bytes]:
        for number in range(seconds * 5):
            views.append(square.view(number / 5))
            yield to_i420(views[-1].scene, dice, noise)

    masker, count, certified = Masker(WIDTH, HEIGHT, load_detector()), Exposure(), False
    for number, picture in enumerate(compressed(pictures(), 500_000)):
        frame, slot = frame_of(picture, number)
        served = masker.observe(frame, slot)
        if number >= _CERTIFY_AT and not certified:
            try:
                masker.certify()
                certified = True
            except CustodesError:
                assert masker.progress < 100
        count.pictures += 1
        if served.cover is None:
            count.judge(views[number], served.i420)
    return count


@pytest.mark.parametrize(("drift", "sway", "noise"), [(0.0, 2.5, 2.0), (0.15, 2.5, 3.0)])
def test_nobody_is_exposed_and_little_else_is_masked(drift: float, sway: float, noise: float) -> None:
    if not WEIGHTS.is_file():
        pytest.skip("the detector's weights are missing: run scripts/fetch_weights.py")
    count = play(Square(cast(), drift=drift, sway=sway), 65, noise)
    assert count.shown >= count.pictures - _CERTIFY_AT - 20
    assert count.standing > 200
    assert count.persons > 500
    assert count.exposed == 0
    assert np.mean(count.falsely) <= 0.10
