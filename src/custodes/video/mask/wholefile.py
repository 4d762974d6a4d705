# SPDX-License-Identifier: AGPL-3.0-or-later
"""The second pass over a recorded file: every picture masked, with what the survey has learnt of the whole.

The live masker's comparison and silhouettes, with two differences. What is found or changes is masked from a second
before it as well as after. And no steward has certified anything: blocks that the survey is not sure of are masked
throughout, and where nothing is sure, everything is covered.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from custodes.clock import SECOND
from custodes.domain.video import Cover, Frame, MaskedFrame, SourceTime
from custodes.video.mask.backdrop import Backdrop
from custodes.video.mask.candidate import Lately, Still
from custodes.video.mask.detector import Box
from custodes.video.mask.grid import Bits, Planes
from custodes.video.mask.light import Lighting
from custodes.video.mask.masker import FilePictures
from custodes.video.mask.reference import Change, Reference
from custodes.video.mask.samples import Scene
from custodes.video.mask.scaling import Scaling
from custodes.video.mask.scene import SceneWatch
from custodes.video.mask.silhouette import Mask, Silhouettes
from custodes.video.mask.survey import Found
from custodes.video.mask.tuning import Tuning, for_scene

_BOTH_SIDES = SECOND
_MOST_WAITING = 512
"""Pictures that wait for what comes after them (where they are masked, nothing of them): more than a second of any."""
_MARGIN = 0.2
_LONGEST_STEP = 10 * SECOND


@dataclass(frozen=True)
class _Waiting:
    at: int
    source: SourceTime
    mask: Mask
    lost: bool
    light: Lighting


class FileMasker:
    """Masks the pictures of one file in their order. ``scene`` is None if there is nothing that could be shown."""

    def __init__(self, scaling: Scaling, scene: Scene | None, found: list[Found], tuning: Tuning) -> None:
        self._scaling, self._scene, self._found = scaling, scene, found
        self._pictures = FilePictures(Backdrop(scene.stored, scene.small, scaling) if scene else None, scaling)
        known = scaling.grid.share(scene.known) if scene else 0.0
        self._tuning = for_scene(tuning, known, _MARGIN)
        self._silhouettes = Silhouettes(scaling.grid, self._tuning)
        self._reference: Reference | None = None
        if scene is not None:
            self._watch = SceneWatch(scaling.grid, self._tuning)
            self._known_cells = scene.known.repeat(2, 0).repeat(2, 1)
        self._masked = np.zeros(scaling.grid.shape, np.bool_)
        self._waiting: deque[_Waiting] = deque()
        self._at: int | None = None
        self._first_found = 0

    def push(self, frame: Frame) -> list[MaskedFrame]:
        """Take the next picture, as stored, ``received`` at its time in the file; return those that are ready."""
        at = int(frame.received)
        if self._scene is None:
            return [self._pictures.covered(Cover.NOT_CERTIFIED, at, frame.source)]
        elapsed = 0 if self._at is None else min(max(at - self._at, 0), _LONGEST_STEP)
        self._at = at
        self._waiting.append(self._look(frame, self._scene, at, elapsed))
        ready = []
        while self._waiting[0].at + _BOTH_SIDES < at or len(self._waiting) > _MOST_WAITING:
            ready.append(self._release())
        return ready

    def flush(self) -> list[MaskedFrame]:
        """The last pictures: nothing comes after them."""
        return [self._release() for _ in range(len(self._waiting))]

    def _look(self, frame: Frame, scene: Scene, at: int, elapsed: int) -> _Waiting:
        planes = self._scaling.small(self._scaling.planes(frame.i420))
        if self._reference is None:
            self._reference = self._begin(scene, planes)
        reference = self._reference
        self._silhouettes.pass_time(elapsed)
        self._silhouettes.found(self._boxes(at))
        lit = reference.lit(planes, self._masked, elapsed)
        change = reference.difference(planes, lit)
        mask = self._silhouettes.mask(change, reference.known, reference.restless)
        self._masked = mask.blocks
        known = Change(change.strong & self._known_cells, change.weak & self._known_cells)
        lost = self._watch.judge(known, planes, lit, mask.blocks, elapsed)
        if not lost:
            reference.learn(planes, mask.blocks, elapsed)
        return _Waiting(at, frame.source, mask, lost, reference.light)

    def _begin(self, scene: Scene, planes: Planes) -> Reference:
        """The reference in the light of the first picture."""
        grid = self._scaling.grid
        lately = Lately([grid.means(plane) for plane in planes], scene.known)
        return Reference(Still(scene.small, scene.known), lately, scene.spread, grid, self._tuning)

    def _boxes(self, at: int) -> list[Box]:
        """What the survey found from a second before to a second after."""
        found = self._found
        while self._first_found < len(found) and found[self._first_found].at < at - _BOTH_SIDES:
            self._first_found += 1
        place, boxes = self._first_found, list[Box]()
        while place < len(found) and found[place].at <= at + _BOTH_SIDES:
            boxes += found[place].boxes()
            place += 1
        return boxes

    def _release(self) -> MaskedFrame:
        """The first of those that wait, with the masks of all that wait behind it."""
        first = self._waiting[0]
        blocks: Bits = np.logical_or.reduce([each.mask.blocks for each in self._waiting])
        people: Bits = np.logical_or.reduce([each.mask.blocks & ~each.mask.vehicles for each in self._waiting])
        lost = any(each.lost for each in self._waiting)
        self._waiting.popleft()
        if lost:
            return self._pictures.covered(Cover.CAMERA_MOVED, first.at, first.source)
        return self._pictures.masked(Mask(blocks, blocks & ~people), first.light, first.at, first.source)
