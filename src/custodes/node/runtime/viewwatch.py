# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports to the catalogue whether a camera still sees what it is there to see, and whether its picture is shown."""

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Frame, MaskedFrame, Tamper
from custodes.node.runtime import states
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.video.mask.tamper import TamperWatch

_REPORT_EVERY = 10 * SECOND
"""A masker that has nothing new to say is heard all the same."""


class ViewWatch:
    """One camera's view. Its methods are called by the camera's masking thread."""

    def __init__(self, books: Bookkeeper, camera: CameraId) -> None:
        self._books, self._camera = books, camera
        self._watch = TamperWatch()
        self._tamper: tuple[Tamper | None, Instant] | None = None
        self._cover: tuple[Cover | None, Instant] | None = None
        self._infrared = False
        self._reported = Instant(0)

    def look(self, frame: Frame | None, masked: MaskedFrame, *, reported: bool = False) -> None:
        """Take a picture, and what the masker made of it, into account; report what has changed.

        ``reported``: the camera itself says that somebody tampers with it. What is seen says more, and goes before it.
        """
        if frame is not None and masked.cover is not Cover.FROZEN:
            self._watch.look(frame, masked.slot)
        now = masked.slot
        changed = self._infrared is not self._watch.infrared
        tamper = self._watch.tamper or (Tamper.REPORTED if reported else None)
        if self._tamper is None or self._tamper[0] is not tamper:
            self._tamper, changed = (tamper, now), True
        if self._cover is None or self._cover[0] is not masked.cover:
            self._cover, changed = (masked.cover, now), True
        if changed or abs(now - self._reported) >= _REPORT_EVERY:
            self._infrared, self._reported = self._watch.infrared, now
            self._books.note(states.view(self._camera, now, self._tamper, self._infrared, self._cover))

    def accept(self) -> None:
        """The steward has certified the view: what is seen now is what is to be seen."""
        self._watch.accept()
