# SPDX-License-Identifier: AGPL-3.0-or-later
"""The masker of one camera: frames in, masked frames out, one for every slot of the time grid. The only way out.

Fails closed: whatever is unsure, late, broken or not yet certified yields a picture of one colour, with its cause.
Pictures are composed of the certified reference and constant colours; no pixel of the camera's picture is copied.
"""

import threading
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from custodes.clock import SECOND, Instant
from custodes.domain.video import Cover, Frame, MaskedFrame, SourceTime
from custodes.domain.zones import Zone
from custodes.errors import conflict, corrupt
from custodes.video.mask import kept, palette
from custodes.video.mask.backdrop import Backdrop
from custodes.video.mask.candidate import Collector, Still
from custodes.video.mask.detector import Detector
from custodes.video.mask.firststart import FirstStart, placed
from custodes.video.mask.grid import Grid, Planes
from custodes.video.mask.light import Lighting
from custodes.video.mask.modes import Mode, ModeWatch, in_grey
from custodes.video.mask.proposal import Proposal, propose
from custodes.video.mask.reference import Reference
from custodes.video.mask.scaling import Scaling
from custodes.video.mask.scene import SceneWatch
from custodes.video.mask.silhouette import Mask, Silhouettes, compose, solid
from custodes.video.mask.steady import Steady
from custodes.video.mask.tuning import VERSION, Tuning
from custodes.video.mask.zones import Zones

MASKER = VERSION
"""Stamped on every masked frame."""

_LONGEST_STEP = 10 * SECOND


class _DetectorError(Exception):
    """The detector raised; its own exception is the cause."""


class Masker:
    """Masks one camera's sub stream. Its methods may be called from several threads; each waits for the other.

    ``width``, ``height``: pixels, even, at least 16, else ``CustodesError`` (INVALID). ``detector`` is None if it could
    not be loaded: everything stays covered. Time comes in by ``slot`` and ``frame.received`` only. ``zones``: privacy
    zones; what is in them is taken out of every picture before anything else looks at it. ``show_unconfirmed``: the
    register entry permits that what has looked the same for long is shown before the steward has looked.
    """

    def __init__(
        self,
        width: int,
        height: int,
        detector: Detector | None,
        *,
        tuning: Tuning | None = None,
        zones: Sequence[Zone] = (),
        show_unconfirmed: bool = False,
    ) -> None:
        cv2.setNumThreads(1)
        self._lock = threading.Lock()
        self._grid = Grid(width, height)
        self._zones = Zones(zones, self._grid)
        self._detector = detector
        self._tuning = tuning or Tuning()
        self._cover_picture = solid(palette.COVER, self._grid)
        self._modes = ModeWatch(self._grid, self._tuning, self._zones.blocks)
        self._mode: Mode | None = None
        self._certified: dict[Mode, Reference] = {}
        self._reference: Reference | None = None
        """The one of this mode: certified, or made of the other mode's."""
        self._slot: Instant | None = None
        self._silence = 0
        self._unchanged_for = 0
        self._luma = b""
        self._served: MaskedFrame | None = None
        self._unverified = 0
        self._checked: Cover = Cover.STARTING
        """Why what is not verified is covered."""
        self._show_unconfirmed = show_unconfirmed
        self._begin_scene()
        self._begin_candidate()

    def _begin_scene(self) -> None:
        self._watch = SceneWatch(self._grid, self._tuning, self._zones.share)
        self._steady = Steady(self._grid, self._tuning)
        self._silhouettes = Silhouettes(self._grid, self._tuning)
        self._masked = np.zeros(self._grid.shape, np.bool_)
        self._frames_to_detection = 0

    def _begin_candidate(self) -> None:
        self._collector = Collector(self._grid, self._tuning, self._zones.blocks)
        self._other_scene = False
        self._first = FirstStart(self._grid, self._tuning) if self._show_unconfirmed else None
        self._begin_proposal()

    def _begin_proposal(self) -> None:
        self._proposal: Proposal | None = None
        self._still_complete = False
        self._poster: MaskedFrame | None = None
        self._poster_age = 0

    @property
    def progress(self) -> int:
        """How far the candidate reference is, 0 to 100; ``certify`` works at 100."""
        with self._lock:
            return self._collector.progress

    def observe(
        self, frame: Frame | None, slot: Instant, *, turning: bool = False, barred: Cover | None = None
    ) -> MaskedFrame:
        """Return the picture for ``slot``; call once per slot of 200 ms, in order.

        ``frame`` is the newest frame since the last slot, None if there is none: then the last picture is repeated for
        two seconds. ``turning``: the camera says that it is being turned. ``barred``: why the picture must be covered
        whatever is in it; the scene is followed all the same. Never raises for what a camera or the detector does; the
        picture's ``cover`` tells.
        """
        with self._lock:
            elapsed = self._pass_time(slot)
            try:
                self._served = self._repeat(slot) if frame is None else self._see(frame, slot, elapsed)
            except _DetectorError:
                self._served = self._cover(Cover.DETECTOR_FAILED, slot, frame)
            except Exception:  # noqa: BLE001 (whatever went wrong, the picture must be covered and the next one tried)
                self._served = self._cover(Cover.MASKER_FAILED, slot, frame)
            if barred is not None:
                return self._cover(barred, slot, frame)
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
        return replace(last, slot=slot)

    def _see(self, frame: Frame, slot: Instant, elapsed: int) -> MaskedFrame:
        since_last, self._silence = self._silence, 0
        if (frame.width, frame.height) != (self._grid.width, self._grid.height):
            return self._cover(Cover.MASKER_FAILED, slot, frame)
        frame = replace(frame, i420=self._zones.burn(frame.i420))
        planes = self._grid.planes(frame.i420)
        if self._is_frozen(frame):
            return self._cover(Cover.FROZEN, slot, frame)
        if abs(slot - frame.received) > self._tuning.late:
            return self._cover(Cover.LATE, slot, frame)
        if self._detector is None:
            return self._cover(Cover.DETECTOR_FAILED, slot, frame)
        if self._modes.look(planes, since_last):
            self._switch()
        self._detect(frame)
        reference = self._compared_with
        if reference is None:
            self._collector.look(planes, self._silhouettes.people, since_last)
            if self._first is not None:
                self._first.renew(self._collector)
            return self._cover(Cover.SWITCHED if self._certified else Cover.NOT_CERTIFIED, slot, frame)
        mask = self._follow(planes, reference, since_last)
        if mask is None:
            self._unverified = self._tuning.verify if self._unverified else 0
            return self._cover(self._moved_cause, slot, frame)
        if self._unverified:
            self._unverified = max(0, self._unverified - since_last)
            return self._cover(self._checked, slot, frame)
        confirmed = reference is self._reference
        if not confirmed and self._first is not None:
            mask = self._first.look(mask, self._silhouettes.found_anything, since_last)
            self._first.renew(self._collector)
            if mask.blocks.all():
                return self._cover(Cover.NOT_CERTIFIED, slot, frame)
        picture = self._zones.burn(compose(reference.shown(since_last), mask, self._grid))
        share = round(1000 * self._grid.share(mask.blocks & ~self._zones.blocks))
        return self._make(picture, slot, frame.source, None, share, confirmed=confirmed)

    @property
    def _moved_cause(self) -> Cover:
        """Right after a switch, or where this mode is not certified, another scene is nothing but the other mode."""
        switched = self._unverified and self._checked is Cover.SWITCHED
        return Cover.SWITCHED if switched or self._made_grey else Cover.CAMERA_MOVED

    @property
    def _made_grey(self) -> bool:
        return self._reference is not None and self._reference not in self._certified.values()

    def _switch(self) -> None:
        """Go on with the reference of the mode that the camera is in now, and learn it from the beginning."""
        self._checked = Cover.STARTING if self._mode is None else Cover.SWITCHED
        self._mode = self._modes.mode
        colour, grey = self._certified.get(Mode.COLOUR), self._certified.get(Mode.GREY)
        if self._mode is Mode.GREY:
            self._reference = grey or (in_grey(colour, self._grid, self._tuning) if colour else None)
        else:
            self._reference = colour
        self._unverified = self._tuning.verify if self._reference is not None else 0
        self._begin_scene()
        self._begin_candidate()

    @property
    def _compared_with(self) -> Reference | None:
        """The certified reference, or, where that is permitted, the one that nobody has confirmed yet."""
        if self._reference is None and self._first is not None:
            return self._first.reference
        return self._reference

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
            if self._reference is None and self._first is not None:
                part, left, top = self._first.next_part(frame)
                boxes = boxes + placed(self._detector.detect(part), left, top)
        except Exception as error:
            raise _DetectorError from error
        self._silhouettes.found(boxes)
        tuning = self._tuning
        active = tuning.detect_quiet if self._silhouettes.calm else tuning.detect_active
        self._frames_to_detection = tuning.detect_learning if self._compared_with is None else active

    def _follow(self, planes: Planes, reference: Reference, elapsed: int) -> Mask | None:
        """Compare with the reference and let it learn; None if this is another scene."""
        lit = reference.lit(planes, self._masked, elapsed)
        change = reference.difference(planes, lit)
        seen = planes
        steadied = self._steady.steadied(planes, lit, change.strong, elapsed)
        if steadied is not None:
            again = reference.difference(steadied, lit)
            if self._steady.fits(change.strong, again.strong):
                planes, change = steadied, again
        mask = self._silhouettes.mask(change, reference.known, reference.restless)
        self._masked = mask.blocks
        moved = self._watch.judge(change, seen, lit, mask.blocks, elapsed)
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
            self._other_scene = moved and self._reference is not None
            if self._reference is None:
                self._begin_scene()  # nobody has confirmed the old one: the new one is the scene

    def candidate(self) -> MaskedFrame | None:
        """Return the candidate reference as a still for the steward; None while there is nothing to see.

        People the detector finds in it, and blocks not known yet, are masked; what would look different from what is
        certified is outlined. ``cover`` is ``NOT_CERTIFIED`` though the
        picture is not covered, so that nobody takes it for a picture to be served; ``slot`` is when it was made. It is
        made anew every few seconds only. ``CustodesError`` (UNAVAILABLE) if the detector fails.
        """
        with self._lock:
            return self._develop()

    def certify(self) -> None:
        """The steward confirms the still that ``candidate`` returned last, or would return now.

        What is masked in it stays as it was: as certified before, or masked. ``CustodesError``: CONFLICT while the
        candidate is not complete, UNAVAILABLE if the detector fails.
        """
        with self._lock:
            if not self._still_complete:
                self._develop()
            if self._proposal is None or not self._still_complete:
                raise conflict(f"the reference is not complete yet ({self._collector.progress} %): certify it later")
            self._reference = self._proposal.reference(self._collector, self._grid, self._tuning)
            self._certified[self._mode or Mode.COLOUR] = self._reference
            self._unverified = 0
            self._begin_scene()
            self._begin_proposal()

    def keep(self) -> bytes | None:
        """The certified references as bytes for ``restore``, None while there are none. They show the empty scene."""
        with self._lock:
            if not self._certified or self._unverified:
                return None
            return kept.encode({mode.value: each.kept() for mode, each in self._certified.items()})

    def restore(self, data: bytes) -> None:
        """Go on with a reference that was certified before a restart; the caller vouches that it was this camera's.

        Everything stays covered until the scene has been recognised for some seconds. Bytes of another version, size
        or origin: ``CustodesError`` (CORRUPT), and nothing has changed.
        """
        with self._lock:
            found = kept.decode(data, self._grid)
            if not found or not found.keys() <= {mode.value for mode in Mode}:
                raise corrupt("a kept reference is of a kind that is not known")
            self._certified = {
                Mode(name): Reference.restored(self._without_zones(each), self._grid, self._tuning)
                for name, each in found.items()
            }
            self._modes, self._mode = ModeWatch(self._grid, self._tuning, self._zones.blocks), None
            self._reference = next(iter(self._certified.values()))
            self._unverified, self._checked = self._tuning.verify, Cover.STARTING
            self._begin_scene()

    def _without_zones(self, found: kept.Kept) -> kept.Kept:
        """A zone that was set since is taken out; where one is no more nobody has seen what is there."""
        still, texture = (
            self._grid.planes(self._zones.burn(b"".join(plane.tobytes() for plane in planes)))
            for planes in (found.still.planes, found.texture)
        )
        return kept.Kept(Still(still, found.still.known & ~self._zones.blocks), texture, found.spread)

    def _develop(self) -> MaskedFrame | None:
        """Make the steward's still if it is time."""
        if self._detector is None or self._slot is None:
            return None
        every = self._tuning.still_every if self._reference is None else self._tuning.still_later
        complete = self._collector.progress == 100
        if self._poster is not None and self._poster_age < every and self._still_complete == complete:
            return self._poster
        # Of another scene nothing that was certified remains.
        before = None if self._other_scene else self._reference
        proposal = propose(self._collector, before, self._detector, self._grid, self._tuning, self._slot)
        if proposal is None:
            return None
        self._proposal, self._still_complete, self._poster_age = proposal, complete, 0
        share = round(1000 * self._grid.share(proposal.hidden))
        shown = self._zones.burn(proposal.picture(self._grid))
        self._poster = self._make(shown, self._slot, None, Cover.NOT_CERTIFIED, share)
        return self._poster

    def _cover(self, cause: Cover, slot: Instant, frame: Frame | None) -> MaskedFrame:
        return self._make(self._cover_picture, slot, None if frame is None else frame.source, cause, 1000)

    def _make(
        self,
        i420: bytes,
        slot: Instant,
        source: SourceTime | None,
        cover: Cover | None,
        share: int,
        *,
        confirmed: bool = True,
    ) -> MaskedFrame:
        return MaskedFrame(self._grid.width, self._grid.height, i420, slot, source, cover, share, MASKER, confirmed)


class FilePictures:
    """Makes the masked pictures of a recorded file: of its backdrop and constant colours, or covered."""

    def __init__(self, backdrop: Backdrop | None, scaling: Scaling) -> None:
        self._backdrop, self._scaling = backdrop, scaling
        self._cover_picture = b"".join(
            bytes([level]) * (scaling.width * scaling.height // part)
            for level, part in zip(palette.COVER, (1, 4, 4), strict=True)
        )

    def masked(self, mask: Mask, light: Lighting, at: int, source: SourceTime) -> MaskedFrame:
        """The backdrop in this light, as far as it is not masked; ``at``: ns since the file's beginning."""
        if self._backdrop is None:
            return self.covered(Cover.NOT_CERTIFIED, at, source)
        picture = self._backdrop.paint(mask, light, at)
        return self._make(picture, at, source, None, round(1000 * self._scaling.grid.share(mask.blocks)))

    def covered(self, cause: Cover, at: int, source: SourceTime) -> MaskedFrame:
        """Nothing but the cover's colour."""
        return self._make(self._cover_picture, at, source, cause, 1000)

    def _make(self, i420: bytes, at: int, source: SourceTime, cover: Cover | None, share: int) -> MaskedFrame:
        scaling = self._scaling
        return MaskedFrame(scaling.width, scaling.height, i420, Instant(at), source, cover, share, MASKER)
