# SPDX-License-Identifier: AGPL-3.0-or-later
"""A scene: a place, its people and its weather, picture by picture, with the truth about each."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from benchmarks.exposure.weather import FPS, HEIGHT, WIDTH, Bytes, Weather

from custodes.demo.street import RATE, Street, Truth


@dataclass(frozen=True, slots=True)
class Scene:
    """What is played: ``tags`` are the conditions of all of it. ``build`` is called when its turn comes."""

    name: str
    tags: frozenset[str]
    build: Callable[[], "Stage"]
    seconds: float = 420.0


class Stage(Protocol):
    """A scene that was built."""

    @property
    def sleepers(self) -> frozenset[Hashable]:
        """``who`` of those the scene is about, if they sleep from the start."""
        ...

    def shot(self, number: int) -> tuple[Truth, Bytes]:
        """Picture ``number`` of five a second, 640x360: the truth, and what the camera makes of it."""
        ...


@dataclass(frozen=True, slots=True)
class StreetStage:
    """A street in some weather."""

    street: Street
    weather: Weather
    sleepers: frozenset[Hashable] = frozenset()

    def shot(self, number: int) -> tuple[Truth, Bytes]:
        """Picture ``number``."""
        return weathered(self.street.truth(number * RATE // FPS, WIDTH, HEIGHT), self.weather, number)


def weathered(truth: Truth, weather: Weather, number: int) -> tuple[Truth, Bytes]:
    """The same people in that weather, and what the camera sends."""
    picture, clean = weather.light(number, truth.picture), weather.light(number, truth.clean)
    chroma = truth.clean[HEIGHT:]
    looks = (weather.light(number, np.vstack([luma, chroma]))[:HEIGHT] for luma in (truth.darkest, truth.brightest))
    darkest, brightest = looks
    there = replace(truth, picture=picture, clean=clean, darkest=darkest, brightest=brightest)
    return there, weather.glass(number, picture)
