# SPDX-License-Identifier: AGPL-3.0-or-later
"""The certified reference: what the steward confirmed to be the scene without people, carried through slow light.

Everything that is shown comes from here; no pixel of a live picture is ever copied. Live pictures have two ways of
influence. Light: one smooth field of gains, far coarser than a person. Texture: a slow mean, only in blocks that have
been free of masks for long, only of pixels that hardly differ, and never further than ``drift_luma`` from what was
certified. So a thing that stands still is never absorbed.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from custodes.clock import SECOND
from custodes.video.mask.candidate import Lately, Still
from custodes.video.mask.features import Features, features
from custodes.video.mask.grid import Bits, Bytes, Floats, Grid, Planes, in_blocks, widened
from custodes.video.mask.kept import Kept
from custodes.video.mask.light import BLACK, GREY, Light, Lighting
from custodes.video.mask.tuning import Tuning

_SHOWN_AGE = 10 * SECOND
_FAINT = 0.25
_RESTLESS_SPREAD = 6
_RESTLESS_PIXELS = 16
_NEAR = np.ones((3, 3), np.uint8)
_WIDE = np.ones((7, 7), np.uint8)
_REACH = 3


@dataclass(frozen=True)
class Change:
    """Which cells differ: ``strong`` beyond doubt, ``weak`` a little (includes strong)."""

    strong: Bits
    weak: Bits


class Reference:
    """The scene without people, as certified, in today's light."""

    def __init__(self, still: Still, lately: Lately, spread: Features, grid: Grid, tuning: Tuning) -> None:
        """``lately``: the light of these seconds; ``spread``: how far features stray at rest."""
        self._grid, self._tuning = grid, tuning
        self._still, self._spread = still, spread
        self.known = still.known
        self._certified = [plane.astype(np.float32) for plane in still.planes]
        self._texture = [plane.copy() for plane in self._certified]
        self._luma, self._tones = still.planes.y, [plane - np.float32(GREY) for plane in self._certified[1:]]
        self._slack = self._slack_of(spread)
        restless = (spread.fine > _RESTLESS_SPREAD).astype(np.uint8)
        self._restless = np.asarray(cv2.dilate(restless, _WIDE), np.uint8).view(np.bool_)
        self._foliage = _around(self._restless)
        self.restless = in_blocks(grid.counts(self._restless.view(np.uint8)) > _RESTLESS_PIXELS)
        self._light = Light(grid)
        self._calm = np.zeros(grid.shape, np.int64)
        self._since_learnt = 0
        self._shown_light: Lighting | None = None
        self._shown_age = 0
        self._shown: Planes | None = None
        self._means = [grid.means(plane) for plane in still.planes]
        self._live = lately.means
        self._light.begin(lately.means, self._means, lately.fresh & still.known)

    @classmethod
    def restored(cls, kept: Kept, grid: Grid, tuning: Tuning) -> "Reference":
        """A reference as it was kept; of today's light it knows nothing yet."""
        nowhere = Lately([grid.means(plane) for plane in kept.still.planes], np.zeros(grid.shape, np.bool_))
        reference = cls(kept.still, nowhere, kept.spread, grid, tuning)
        reference._learn_texture([plane.astype(np.float32) for plane in kept.texture])
        return reference

    def kept(self) -> Kept:
        """What ``restored`` needs."""
        return Kept(self._still, Planes(*(_bytes(plane) for plane in self._texture)), self._spread)

    def lit(self, planes: Planes, masked: Bits, elapsed: int) -> Planes:
        """The reference in the light of this picture.

        ``masked``: the blocks masked in the picture before; ``elapsed``: ns since then.
        """
        self._live = [self._grid.means(plane) for plane in planes]
        self._light.follow_exposure(self._live[0], self._means[0], ~masked & self.known, elapsed)
        return self._render(self._light.now)

    @property
    def light(self) -> Lighting:
        """The light of the last picture."""
        return self._light.now

    def _render(self, light: Lighting) -> Planes:
        smooth = self._grid.smooth
        luma = np.asarray(cv2.LUT(self._luma, light.curve), np.float32)
        cv2.multiply(luma, smooth(light.gain), dst=luma)
        gain = smooth(self._light.gain_of(self._means[0]), half=True)
        u, v = (
            cv2.add(cv2.multiply(tone, gain), smooth(tint, half=True) + np.float32(GREY), dtype=cv2.CV_8U)
            for tone, tint in zip(self._tones, (light.u, light.v), strict=True)
        )
        y = cv2.convertScaleAbs(luma, alpha=1, beta=BLACK)
        return Planes(*(np.asarray(plane, np.uint8) for plane in (y, u, v)))

    def shown(self, elapsed: int) -> Planes:
        """What is served where nothing is masked: as ``lit``, but steady: it neither flickers nor costs bits."""
        light = self._light.now
        self._shown_age += elapsed
        old = self._shown_light
        if self._shown is None or old is None or self._shown_age >= _SHOWN_AGE or not light.near(old):
            self._shown, self._shown_light, self._shown_age = self._render(light), light, 0
        return self._shown

    def _slack_of(self, spread: Features) -> Features:
        tuning = self._tuning
        steps = (tuning.fine, tuning.coarse, tuning.chroma, tuning.chroma)
        slacks = (
            step + tuning.spread * np.asarray(cv2.dilate(plane, _NEAR), np.float32)
            for step, plane in zip(steps, spread, strict=True)
        )
        return Features(*(np.clip(slack, 0, 90).astype(np.uint8) for slack in slacks))

    def difference(self, planes: Planes, lit: Planes) -> Change:
        """Compare a picture with the lit reference, feature by feature.

        A pixel is unchanged if a value near it in the reference (3x3; in fine luma 7x7 where the scene is restless, as
        foliage is) explains it within its slack: edges that compression, sway or shake displace are no change.
        """
        now, then = features(planes), features(lit)
        fine = _outside(now.fine, then.fine, self._slack.fine, self._foliage)
        coarse = _outside(now.coarse, then.coarse, self._slack.coarse)
        chroma = _outside(now.u, then.u, self._slack.u) | _outside(now.v, then.v, self._slack.v)
        count = self._grid.counts(fine).astype(np.int32)
        count += self._grid.counts(coarse) // 2
        count += 2 * self._grid.counts(chroma).astype(np.int32)
        return Change(count >= self._tuning.strong_pixels, count >= self._tuning.weak_pixels)

    def learn(self, planes: Planes, masked: Bits, elapsed: int) -> None:
        """Follow the light, and let calm blocks follow slow changes of the scene.

        ``planes``: the picture last given to ``lit``; ``masked``: its masked blocks. Not for pictures that are covered.
        """
        tuning = self._tuning
        self._light.follow_places(self._live, self._means, ~masked & self.known, elapsed)
        self._calm += elapsed
        self._calm[widened(masked) | ~self.known] = 0
        self._since_learnt += elapsed
        if self._since_learnt < tuning.learn_every:
            return
        pace = np.float32(1 - np.exp(-min(self._since_learnt, 2 * tuning.learn_every) / tuning.learn_time))
        self._since_learnt = 0
        calm = self._calm >= tuning.calm
        lit = self._render(self._light.now)
        gain = np.maximum(self._light.gain_of(self._means[0]), _FAINT)
        limits = (tuning.learn_luma, tuning.learn_chroma, tuning.learn_chroma)
        learnt = []
        for index, (plane, like) in enumerate(zip(planes, lit, strict=True)):
            half = index > 0
            step = cv2.divide(cv2.subtract(plane, like, dtype=cv2.CV_32F), self._grid.smooth(gain, half))
            small = cv2.inRange(step, -limits[index], limits[index])
            follows = cv2.bitwise_and(small, self._grid.spread(calm, half).view(np.uint8))
            learnt.append(self._texture[index] + pace * np.asarray(cv2.copyTo(step, follows), np.float32))
        self._learn_texture(learnt)

    def _learn_texture(self, learnt: list[Floats]) -> None:
        """Take a texture over, as far as it has not drifted from what was certified."""
        tuning = self._tuning
        drifts = (tuning.drift_luma, tuning.drift_chroma, tuning.drift_chroma)
        self._texture = [
            np.asarray(cv2.max(cv2.min(plane, certified + drift), certified - drift), np.float32)
            for plane, certified, drift in zip(learnt, self._certified, drifts, strict=True)
        ]
        self._tones = [plane - np.float32(GREY) for plane in self._texture[1:]]
        self._luma, *chroma = (_bytes(plane) for plane in self._texture)
        self._means = [self._grid.means(plane) for plane in (self._luma, *chroma)]


@dataclass(frozen=True)
class _Foliage:
    """Pixels of restless places: the smallest rectangle around them, and which of its pixels they are."""

    place: tuple[slice, slice]
    pixels: Bytes


def _around(restless: Bits) -> _Foliage | None:
    rows, columns = np.flatnonzero(restless.any(1)), np.flatnonzero(restless.any(0))
    if not len(rows):
        return None
    # With three pixels more on each side, so that no window around one of them (7x7) is cut off.
    place = (
        slice(max(int(rows[0]) - _REACH, 0), int(rows[-1]) + 1 + _REACH),
        slice(max(int(columns[0]) - _REACH, 0), int(columns[-1]) + 1 + _REACH),
    )
    return _Foliage(place, np.ascontiguousarray(restless[place]).view(np.uint8))


def _outside(now: Bytes, then: Bytes, slack: Bytes, foliage: _Foliage | None = None) -> Bytes:
    """Mark with 1 the pixels of ``now`` that no pixel of ``then`` nearby explains within ``slack``."""
    low, high = cv2.erode(then, _NEAR), cv2.dilate(then, _NEAR)
    if foliage is not None:
        part = np.ascontiguousarray(then[foliage.place])
        cv2.copyTo(cv2.erode(part, _WIDE), foliage.pixels, low[foliage.place])
        cv2.copyTo(cv2.dilate(part, _WIDE), foliage.pixels, high[foliage.place])
    over = cv2.subtract(now, cv2.add(high, slack))
    under = cv2.subtract(cv2.subtract(low, slack), now)
    return np.asarray(cv2.threshold(cv2.bitwise_or(over, under), 0, 1, cv2.THRESH_BINARY)[1], np.uint8)


def _bytes(values: Floats) -> Bytes:
    return np.asarray(cv2.convertScaleAbs(np.maximum(values, 0)), np.uint8)
