# SPDX-License-Identifier: AGPL-3.0-or-later
"""Listening to what a camera says of itself (ONVIF events): that it is being turned, that somebody tampers with it.

While it is being turned, its picture is covered. The masker sees by itself that a scene has changed; a camera that
announces its movement is believed sooner.
"""

import contextlib
import threading
import time

from custodes.errors import CustodesError
from custodes.node.queries.cameras import CameraStreams
from custodes.video.ingest.onvif.account import login_in
from custodes.video.ingest.onvif.device import open_device
from custodes.video.ingest.onvif.events import CameraEvent, EventKind, PullPoint
from custodes.video.ingest.onvif.http import parse_place

_PULL_S = 5
_BREATH_S = 0.5
_PAUSES_S = (10.0, 600.0)
"""First and longest pause after a failure: a camera without events is not asked for them all day."""
_BELIEVED_S = {EventKind.PTZ_MOVING: 60.0, EventKind.TAMPER: 600.0}
"""How long something is believed whose end is never told."""


class CameraListener:
    """Subscribes to one camera's events on a thread of its own, again and again, until ``stop``.

    A camera for which nobody has said where it answers to ONVIF is not listened to. No failure leaves the thread: a
    camera without events is masked by its pictures alone.
    """

    def __init__(self, streams: CameraStreams) -> None:
        self._streams = streams
        self._stop = threading.Event()
        self._believed_until = dict.fromkeys(EventKind, 0.0)
        if streams.onvif:
            threading.Thread(target=self._listen, name=f"listen {streams.id}", daemon=True).start()

    @property
    def turning(self) -> bool:
        """True while the camera says that it is being turned."""
        return self._says(EventKind.PTZ_MOVING)

    @property
    def tampered(self) -> bool:
        """True while the camera says that somebody tampers with it."""
        return self._says(EventKind.TAMPER)

    def _says(self, kind: EventKind) -> bool:
        return time.monotonic() < self._believed_until[kind]

    def stop(self) -> None:
        """Stop listening; a subscription that is still open ends by itself within a minute."""
        self._stop.set()

    def _listen(self) -> None:
        pause, longest = _PAUSES_S
        while not self._stop.is_set():
            try:
                login = login_in(self._streams.main)
                subscription = PullPoint(open_device(parse_place(self._streams.onvif), login, lambda _note: None))
                pause = _PAUSES_S[0]
                self._follow(subscription)
            except CustodesError:
                self._stop.wait(pause)
                pause = min(pause * 2, longest)

    def _follow(self, subscription: PullPoint) -> None:
        while not self._stop.is_set():
            for event in subscription.pull(_PULL_S):
                self._take(event)
            # A camera may answer at once and with nothing, for ever.
            self._stop.wait(_BREATH_S)
        with contextlib.suppress(CustodesError):
            subscription.close()

    def _take(self, event: CameraEvent) -> None:
        self._believed_until[event.kind] = time.monotonic() + _BELIEVED_S[event.kind] if event.active else 0.0
