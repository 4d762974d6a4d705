# SPDX-License-Identifier: AGPL-3.0-or-later
"""The masker of one camera: frames in, masked frames out, one for every slot of the time grid. The only way out.

Fails closed: whatever is unsure, late, broken or not yet certified yields a picture of one colour, with its cause.
Pictures are composed of the certified reference and constant colours; no pixel of the camera's picture is copied.
"""

import threading

import cv2
import numpy as np

from custodes.clock import SECOND, Instant
from custodes.domain.video import Cover, Frame, MaskedFrame, SourceTime
from custodes.errors import conflict, unavailable
from custodes.video.mask import kept, palette
from custodes.video.mask.candidate import Collector, Still
from custodes.video.mask.detector import Detector, Kind
from custodes.video.mask.grid import Grid, Planes
from custodes.video.mask.reference import Reference
from custodes.video.mask.scene import SceneWatch
from custodes.video.mask.silhouette import Mask, Silhouettes, compose, solid
from custodes.video.mask.tuning import VERSION, Tuning

MASKER = VERSION
"""Stamped on every masked frame."""

_LONGEST_STEP = 10 * SECOND


class _DetectorError(Exception):
    """The detector raised; its own exception is the cause."""


class Masker:
    """Masks one camera's sub stream. Its methods may be called from several threads; each waits for the other.

    ``width``, ``height``: pixels, even, at least 16, else ``CustodesError`` (INVALID). ``detector`` is None if it could
    not be loaded: everything stays covered. Time comes in by ``slot`` and ``frame.received`` only.
    """

    def __init__(self, width: int, height: int, detector: Detector | None, *, tuning: Tuning | None = None) -> None:
        cv2.setNumThreads(1)
        self._lock = threading.Lock()
        self._grid = Grid(width, height)
        self._detector = detector
        self._tuning = tuning or Tuning()
        self._cover_picture = solid(palette.COVER, self._grid)
        self._reference: Reference | None = None
        self._slot: Instant | None = None
        self._silence = 0
        self._unchanged_for = 0
        self._luma = b""
        self._served: MaskedFrame | None = None
        self._unverified = 0
        self._begin_scene()
        self._begin_candidate()

    def _begin_scene(self) -> None:
        self._watch = SceneWatch(self._grid, self._tuning)
        self._silhouettes = Silhouettes(self._grid, self._tuning)
        self._masked = np.zeros(self._grid.shape, np.bool_)
        self._frames_to_detection = 0

    def _begin_candidate(self) -> None:
        self._collector = Collector(self._grid, self._tuning)
        self._still: Still | None = None
        self._still_complete = False
        self._poster: MaskedFrame | None = None
        self._poster_age = 0
        self._other_scene = False

    @property
    def progress(self) -> int:
        """How far the candidate reference is, 0 to 100; ``certify`` works at 100."""
        with self._lock:
            return self._collector.progress

    def observe(self, frame: Frame | None, slot: Instant, *, turning: bool = False) -> MaskedFrame:
        """Return the picture for ``slot``; call once per slot of 200 ms, in order.

        ``frame`` is the newest frame since the last slot, None if there is none: then the last picture is repeated for
        two seconds. ``turning``: the camera says that it is being turned. Never raises for what a camera or the
        detector does; the picture's ``cover`` tells.
        """
        with self._lock:
            elapsed = self._pass_time(slot)
            try:
                self._served = self._repeat(slot) if frame is None else self._see(frame, slot, elapsed)
            except _DetectorError:
                self._served = self._cover(Cover.DETECTOR_FAILED, slot, frame)
            except Exception:  # noqa: BLE001 (whatever went wrong, the picture must be covered and the next one tried)
                self._served = self._cover(Cover.MASKER_FAILED, slot, frame)
            if turning and self._served.cover is None:
                return self._cover(Cover.CAMERA_MOVED, slot, frame)
            return self._served

    def _pass_time(self, slot: Instant) -> int:
        """Return nanoseconds since the last slot; a clock that was set back or far ahead does no harm."""
        elapsed = 0 if self._slot is None else min(max(slot - self._slot, 0), _LONGEST_STEP)
        self._slot = slot
        self._silence += elapsed
        self._poster_age += elapsed
        self._unchanged_for += elapsed
        self._silhouettes.pass_time(elapsed)
        return elapsed

    def _repeat(self, slot: Instant) -> MaskedFrame:
        if self._silence >= self._tuning.silence:
            return self._cover(Cover.NO_SIGNAL, slot, None)
        if self._served is None or self._served.source is None:
            return self._cover(Cover.DETECTOR_FAILED if self._detector is None else Cover.STARTING, slot, None)
        last = self._served
        return self._make(last.i420, slot, last.source, last.cover, last.masked_share)

    def _see(self, frame: Frame, slot: Instant, elapsed: int) -> MaskedFrame:
        since_last, self._silence = self._silence, 0
        if (frame.width, frame.height) != (self._grid.width, self._grid.height):
            return self._cover(Cover.MASKER_FAILED, slot, frame)
        planes = self._grid.planes(frame.i420)
        if self._is_frozen(frame):
            return self._cover(Cover.FROZEN, slot, frame)
        if abs(slot - frame.received) > self._tuning.late:
            return self._cover(Cover.LATE, slot, frame)
        if self._detector is None:
            return self._cover(Cover.DETECTOR_FAILED, slot, frame)
        self._detect(frame)
        if self._reference is None:
            self._collector.look(planes, self._silhouettes.people, since_last)
            return self._cover(Cover.NOT_CERTIFIED, slot, frame)
        mask = self._follow(planes, self._reference, since_last)
        if mask is None:
            self._unverified = self._tuning.verify if self._unverified else 0
            return self._cover(Cover.CAMERA_MOVED, slot, frame)
        if self._unverified:
            self._unverified = max(0, self._unverified - since_last)
            return self._cover(Cover.STARTING, slot, frame)
        picture = compose(self._reference.shown(since_last), mask, self._grid)
        return self._make(picture, slot, frame.source, None, round(1000 * self._grid.share(mask.blocks)))

    def _is_frozen(self, frame: Frame) -> bool:
        luma = frame.i420[: frame.width * frame.height]
        if luma != self._luma:
            self._luma, self._unchanged_for = luma, 0
        return self._unchanged_for >= self._tuning.frozen

    def _detect(self, frame: Frame) -> None:
        """Run the detector when it is its turn: often while something is going on, else now and then."""
        self._frames_to_detection -= 1
        if self._frames_to_detection > 0 or self._detector is None:
            return
        # A failure below leaves the turn open: the next picture tries again, and is covered if that fails too.
        self._frames_to_detection = 0
        try:
            boxes = self._detector.detect(frame)
        except Exception as error:
            raise _DetectorError from error
        self._silhouettes.found(boxes)
        tuning = self._tuning
        active = tuning.detect_quiet if self._silhouettes.calm else tuning.detect_active
        self._frames_to_detection = tuning.detect_learning if self._reference is None else active

    def _follow(self, planes: Planes, reference: Reference, elapsed: int) -> Mask | None:
        """Compare with the reference and let it learn; None if this is another scene."""
        lit = reference.lit(planes, self._masked, elapsed)
        change = reference.difference(planes, lit)
        mask = self._silhouettes.mask(change, reference.known, reference.restless)
        self._masked = mask.blocks
        moved = self._watch.judge(change, planes, lit, mask.blocks, elapsed)
        self._renew_candidate(moved)
        self._collector.look(planes, self._silhouettes.people, elapsed)
        if moved:
            return None
        reference.learn(planes, mask.blocks, elapsed)
        return mask

    def _renew_candidate(self, moved: bool) -> None:
        """Samples of two scenes must not mix."""
        long_lost = (self._watch.moved_for or 0) >= self._tuning.moved_restart
        if (long_lost and not self._other_scene) or (self._other_scene and not moved):
            self._begin_candidate()
            self._other_scene = moved

    def candidate(self) -> MaskedFrame | None:
        """Return the candidate reference as a still for the steward; None while there is nothing to see.

        People the detector finds in it, and blocks not known yet, are masked; ``cover`` is ``NOT_CERTIFIED`` though the
        picture is not covered, so that nobody takes it for a picture to be served; ``slot`` is when it was made. It is
        made anew every few seconds only. ``CustodesError`` (UNAVAILABLE) if the detector fails.
        """
        with self._lock:
            return self._develop()

    def certify(self) -> None:
        """The steward confirms the still that ``candidate`` returned last, or would return now.

        What is masked in it stays masked until a later certification. ``CustodesError``: CONFLICT while the candidate
        is not complete, UNAVAILABLE if the detector fails.
        """
        with self._lock:
            if not self._still_complete:
                self._develop()
            if self._still is None or not self._still_complete:
                raise conflict(f"the reference is not complete yet ({self._collector.progress} %): certify it later")
            lately, spread = self._collector.lately(), self._collector.spread(self._still)
            self._reference = Reference(self._still, lately, spread, self._grid, self._tuning)
            self._unverified = 0
            self._begin_scene()

    def keep(self) -> bytes | None:
        """The certified reference as bytes for ``restore``, None while there is none. They show the empty scene."""
        with self._lock:
            if self._reference is None or self._unverified:
                return None
            return kept.encode(self._reference.kept())

    def restore(self, data: bytes) -> None:
        """Go on with a reference that was certified before a restart; the caller vouches that it was this camera's.

        Everything stays covered until the scene has been recognised for some seconds. Bytes of another version, size
        or origin: ``CustodesError`` (CORRUPT), and nothing has changed.
        """
        with self._lock:
            self._reference = Reference.restored(kept.decode(data, self._grid), self._grid, self._tuning)
            self._unverified = self._tuning.verify
            self._begin_scene()

    def _develop(self) -> MaskedFrame | None:
        """Make the still if it is time; hide whoever the detector finds there (a sleeper was in every sample)."""
        if self._detector is None or self._slot is None:
            return None
        every = self._tuning.still_every if self._reference is None else self._tuning.still_later
        complete = self._collector.progress == 100
        if self._poster is not None and self._poster_age < every and self._still_complete == complete:
            return self._poster
        still = self._collector.still()
        if not still.known.any():
            return None
        picture = b"".join(plane.tobytes() for plane in still.planes)
        frame = Frame(self._grid.width, self._grid.height, picture, self._slot, SourceTime(0, 0))
        try:
            boxes = self._detector.detect(frame)
        except Exception as error:
            raise unavailable("the person detector does not work: no reference can be made") from error
        known = still.known.copy()
        for box in boxes:
            if box.kind is Kind.PERSON:
                known[self._grid.box(box.left, box.top, box.right, box.bottom, self._tuning.box_margin)] = False
        self._still, self._still_complete, self._poster_age = Still(still.planes, known), complete, 0
        mask = Mask(~known, np.zeros(self._grid.shape, np.bool_))
        share = round(1000 * self._grid.share(mask.blocks))
        shown = compose(still.planes, mask, self._grid)
        self._poster = self._make(shown, self._slot, None, Cover.NOT_CERTIFIED, share)
        return self._poster

    def _cover(self, cause: Cover, slot: Instant, frame: Frame | None) -> MaskedFrame:
        return self._make(self._cover_picture, slot, None if frame is None else frame.source, cause, 1000)

    def _make(
        self, i420: bytes, slot: Instant, source: SourceTime | None, cover: Cover | None, share: int
    ) -> MaskedFrame:
        return MaskedFrame(self._grid.width, self._grid.height, i420, slot, source, cover, share, MASKER)
