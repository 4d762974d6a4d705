# SPDX-License-Identifier: AGPL-3.0-or-later
"""Notices that a camera no longer sees what it is there to see: covered, turned, out of focus, frozen, black.

One picture a second is compared with what this camera usually shows, as a whole: a picture of 160x90 and the sharpness
of its edges, learnt slowly and apart for day and for night mode (infrared, without colour). What is judged must last,
so that a lorry that passes, a cloud or a lamp is nothing. Nothing of this leaves the process but one word.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from custodes.clock import SECOND, Instant
from custodes.domain.video import Frame, Tamper
from custodes.video.mask.grid import Bits, Bytes, Floats

_WIDTH, _HEIGHT = 160, 90
_TILES = (9, 10, 16, 10)
"""Rows of tiles, rows of a tile, columns of tiles, columns of a tile."""
_BLACK = 16
_HOUR = 3_600 * SECOND
_BLURRED = 0.0
"""Sharpness of a picture without any fine edge."""


@dataclass(frozen=True, slots=True)
class TamperTuning:
    """Times in nanoseconds, luma in 8-bit steps, shares between 0 and 1."""

    every: int = SECOND
    learn: int = 60 * SECOND
    """How long a view is learnt before anything is judged by it."""
    follow: int = 600 * SECOND
    """How slowly what was learnt follows the day."""
    hold: int = 20 * SECOND
    """How long something must be wrong, and ..."""
    clear: int = 10 * SECOND
    """... how long it must be well again."""
    textured: float = 4.0
    """Standard deviation from which a tile has something to be recognised by."""
    tiles: int = 8
    """Tiles with texture that a view needs to be judged at all."""
    black: int = 24
    matching: float = 0.35
    matching_again: float = 0.5
    shift: float = 3.0
    """Pixels of the small picture by which the whole view must have moved."""
    contrast: float = 0.12
    contrast_again: float = 0.3
    sudden: int = 30 * SECOND
    """A lens is covered within this time; fog takes longer."""
    sharpness: float = 0.65
    sharpness_again: float = 0.8
    bright: float = 45.0
    """Luma of the brightest part from which focus can be judged."""
    still_time: int = 300 * SECOND
    still: float = 0.5
    """Change of a tile's mean in that time that a codec makes out of one and the same picture."""
    lively: float = 1.5
    """The least change, at this hour of an earlier day, that makes stillness remarkable."""


class _Look(NamedTuple):
    """One picture, reduced. ``sharpness``: fine against coarse edges; ``colour``: mean distance from grey."""

    small: Floats
    means: Floats
    deviations: Floats
    sharpness: float
    brightest: float
    p95: float
    colour: float


def _tiles(small: Floats) -> Floats:
    return small.reshape(_TILES)


def _reduce(frame: Frame) -> _Look:
    flat = np.frombuffer(frame.i420, np.uint8)
    size = frame.width * frame.height
    luma = flat[:size].reshape(frame.height, frame.width)
    small = np.asarray(cv2.resize(luma, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA), np.float32)
    tiles = _tiles(small)
    means = tiles.mean((1, 3))
    deviations = np.sqrt(np.maximum((tiles * tiles).mean((1, 3)) - means * means, 0))
    chroma = flat[size::16].astype(np.int16)
    return _Look(
        small,
        means,
        deviations,
        _sharpness(luma),
        float(small.max()),
        float(np.partition(small.ravel()[::4], -180)[-180]),
        float(np.abs(chroma - 128).mean()),
    )


def _sharpness(luma: Bytes) -> float:
    """Bend over one pixel against bend over four, where the coarse edges are: no matter how bright or hazy it is."""
    rows = luma[4::8].astype(np.int16)
    middle = 2 * rows[:, 4:-4]
    fine = np.abs(middle - rows[:, 3:-5] - rows[:, 5:-3])
    coarse = np.abs(middle - rows[:, :-8] - rows[:, 8:])
    edges = coarse > max(2.5 * float(coarse.mean()), 12)
    if np.count_nonzero(edges) < 50:
        return _BLURRED
    return float(fine[edges].mean()) / float(coarse[edges].mean())


class _Usual:
    """What the camera usually shows, in one of its modes."""

    def __init__(self) -> None:
        self.small = np.zeros((_HEIGHT, _WIDTH), np.float32)
        self.sharpness = 0.0
        self.age = 0
        self._facts: tuple[Floats, Floats, Floats, Bits] | None = None

    def learn(self, look: _Look, elapsed: int, tuning: TamperTuning) -> None:
        """Follow the picture: quickly at first, slowly later."""
        self.age += elapsed
        share = elapsed / min(self.age, tuning.follow)
        self.small += np.float32(share) * (look.small - self.small)
        if look.p95 >= tuning.bright:  # noise in the dark looks sharp
            self.sharpness += share * (look.sharpness - self.sharpness)
        self._facts = None

    def facts(self, tuning: TamperTuning) -> tuple[Floats, Floats, Floats, Bits]:
        """Tiles less their means (9 x 10 x 16 x 10), means, deviations, and which tiles have texture (9 x 16)."""
        if self._facts is None:
            tiles = _tiles(self.small)
            means = tiles.mean((1, 3))
            centred = tiles - means[:, None, :, None]
            deviations = np.sqrt((centred * centred).mean((1, 3)))
            self._facts = centred, means, deviations, deviations > tuning.textured
        return self._facts

    def ready(self, tuning: TamperTuning) -> bool:
        """Whether a picture can be judged by it."""
        return self.age >= tuning.learn and int(self.facts(tuning)[3].sum()) >= tuning.tiles

    def matching(self, small: Floats, tuning: TamperTuning) -> float:
        """The share of textured tiles that show what they usually show, in whatever light."""
        centred, _, deviations, textured = self.facts(tuning)
        tiles = _tiles(small)
        means = tiles.mean((1, 3))
        spread = np.sqrt(np.maximum((tiles * tiles).mean((1, 3)) - means * means, 0))
        likeness = (tiles * centred).mean((1, 3)) / np.maximum(spread * deviations, 1e-3)
        return float((likeness[textured] > 0.5).mean())

    def contrast(self, look: _Look, tuning: TamperTuning) -> float:
        """The share of textured tiles that have kept their contrast, measured against their brightness."""
        _, means, deviations, textured = self.facts(tuning)
        usual = deviations / (np.maximum(means - _BLACK, 0) + 8)
        today = look.deviations / (np.maximum(look.means - _BLACK, 0) + 8)
        return float((today[textured] > 0.35 * usual[textured]).mean())

    def shifted(self, small: Floats, matching: float, tuning: TamperTuning) -> bool:
        """Whether it is the usual view, only elsewhere in the picture: put back where it was, it fits far better."""
        # Copies: OpenCV applies the window to what it is given.
        (right, down), _ = cv2.phaseCorrelate(self.small.copy(), small.copy(), _WINDOW)
        if np.hypot(right, down) < tuning.shift:
            return False
        back = np.roll(small, (-round(down), -round(right)), (0, 1))
        return self.matching(back, tuning) > max(0.5, matching + 0.2)


_WINDOW = np.asarray(cv2.createHanningWindow((_WIDTH, _HEIGHT), cv2.CV_32F), np.float32)


class _Stillness:
    """Whether nothing at all changes, at an hour at which on an earlier day something always did."""

    def __init__(self, tuning: TamperTuning) -> None:
        self._tuning = tuning
        self._samples: deque[tuple[Instant, Floats]] = deque()
        self._quietest: dict[int, tuple[int, float]] = {}

    def judge(self, look: _Look, at: Instant) -> bool:
        """Take one more picture into account."""
        tuning = self._tuning
        self._samples.append((at, look.means))
        if at - self._samples[0][0] < tuning.still_time:
            return False
        while at - self._samples[1][0] >= tuning.still_time:
            self._samples.popleft()
        together = np.stack([means for _, means in self._samples])
        change = float(np.percentile(np.ptp(together, axis=0), 75))
        day, hour = divmod(at // _HOUR, 24)
        learnt, least = self._quietest.get(hour, (day, change))
        known = learnt < day and min(self._near(hour)) >= tuning.lively
        if known and change < tuning.still:
            return True
        self._quietest[hour] = (learnt, min(least, change))
        return False

    def _near(self, hour: int) -> list[float]:
        return [self._quietest[each % 24][1] for each in (hour - 1, hour, hour + 1) if each % 24 in self._quietest]


class TamperWatch:
    """Watches one camera's view. Not thread-safe; time comes in by ``at`` only."""

    def __init__(self, tuning: TamperTuning | None = None) -> None:
        self._tuning = tuning or TamperTuning()
        self.tamper: Tamper | None = None
        """What is wrong; None: nothing, or nothing can be said yet."""
        self.infrared = False
        """Whether the picture is without colour: night mode."""
        self._looked: Instant | None = None
        self.accept()

    def accept(self) -> None:
        """Somebody has looked and found the view to be right: learn it anew."""
        self.tamper = None
        self._usual = {False: _Usual(), True: _Usual()}
        self._stillness = _Stillness(self._tuning)
        self._contrasts: deque[tuple[Instant, float]] = deque()
        self._candidate: Tamper | None = None
        self._pressure = 0
        self._grey_for = 0

    def look(self, frame: Frame, at: Instant) -> None:
        """Take a picture into account; all but one a second are passed over."""
        if self._looked is None or at < self._looked:
            self._looked = at  # the first one, or the clock was set back
            return
        elapsed = at - self._looked
        if elapsed < self._tuning.every:
            return
        self._looked = at
        elapsed = min(elapsed, 10 * self._tuning.every)
        look = _reduce(frame)
        self._see_mode(look, elapsed)
        verdict = self._judge(look, at)
        self._weigh(verdict, elapsed)
        if verdict is None and self.tamper is None:
            self._usual[self.infrared].learn(look, elapsed, self._tuning)

    def _see_mode(self, look: _Look, elapsed: int) -> None:
        grey = look.colour < 0.3
        self._grey_for = self._grey_for + elapsed if grey is not self.infrared else 0
        if self._grey_for >= 5 * SECOND:
            self.infrared, self._grey_for = grey, 0

    def _judge(self, look: _Look, at: Instant) -> Tamper | None:
        tuning = self._tuning
        if look.brightest < tuning.black:
            return Tamper.DARK
        own, other = self._usual[self.infrared], self._usual[not self.infrared]
        usual = own if own.ready(tuning) else other
        if not usual.ready(tuning):
            return None
        contrast = usual.contrast(look, tuning)
        if self._covered(contrast, at):
            return Tamper.COVERED
        if usual is other or contrast < tuning.contrast_again:
            return None  # another mode, or fog: nothing to go by
        matching = usual.matching(look.small, tuning)
        limit = tuning.matching_again if self.tamper is Tamper.TURNED else tuning.matching
        if matching < limit or (matching < 2 * tuning.matching and usual.shifted(look.small, matching, tuning)):
            return Tamper.TURNED
        limit = tuning.sharpness_again if self.tamper is Tamper.DEFOCUSED else tuning.sharpness
        if look.p95 >= tuning.bright and look.sharpness < limit * usual.sharpness:
            return Tamper.DEFOCUSED
        return Tamper.FROZEN if self._stillness.judge(look, at) else None

    def _covered(self, contrast: float, at: Instant) -> bool:
        """Whether the view is gone, and went quickly; once it is, it stays so until enough of it is back."""
        self._contrasts.append((at, contrast))
        while at - self._contrasts[0][0] > self._tuning.sudden:
            self._contrasts.popleft()
        if self.tamper is Tamper.COVERED:
            return contrast < self._tuning.contrast_again
        seen_lately = max(before for _, before in self._contrasts) >= self._tuning.contrast_again
        return contrast < self._tuning.contrast and seen_lately

    def _weigh(self, verdict: Tamper | None, elapsed: int) -> None:
        """Believe what lasts. A passing doubt takes away as quickly as it came."""
        tuning = self._tuning
        if self.tamper is not None:
            self._pressure = 0 if verdict is self.tamper else self._pressure + elapsed
            if self._pressure >= tuning.clear:
                self.tamper, self._candidate, self._pressure = None, verdict, 0
            return
        if verdict is not None and verdict is not self._candidate:
            self._candidate, self._pressure = verdict, 0
        self._pressure = max(self._pressure + (elapsed if verdict is not None else -elapsed), 0)
        if self._candidate is not None and self._pressure >= tuning.hold:
            self.tamper, self._pressure = self._candidate, 0
