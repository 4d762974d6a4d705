# SPDX-License-Identifier: AGPL-3.0-or-later
"""A virtual camera: a thread that takes pictures at 25 per second, encodes them, notes them and hands them on."""

import threading
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from custodes.clock import SECOND, Clock
from custodes.demo.cameras.delivery import SentPicture, Stream
from custodes.demo.cameras.encoder import MAIN, PPS, SPS, SUB, PictureEncoder, StreamForm, nal_type
from custodes.demo.cameras.journal import NalJournal
from custodes.demo.cameras.rtp import payloads
from custodes.demo.cameras.source import I420, RATE, PictureSource, downscale

_PICTURE = SECOND // RATE
_MAX_LATE = 3
"""Pictures that a camera may be behind (120 ms, a hiccup of the machine) before it leaves some out."""


class Fault(Enum):
    """What a camera can be told to do wrong."""

    FREEZE = "freeze"
    """Both streams show one picture over and over; the sub stream's is decoded to the same bytes each time."""
    STICK = "stick"
    """The sensor gives one picture over and over, and the encoder works on: what is decoded differs by a little."""
    HANG = "hang"
    """Nothing is sent."""


class VirtualCamera:
    """One camera with its streams.

    ``make_source`` is called by the camera's own thread, because a source may take seconds to prepare. ``post`` runs a
    callback in the event loop that owns the streams. ``phase`` (nanoseconds) is where in the monotonic clock's seconds
    the camera begins, so that cameras do not work all at the same instant.
    """

    def __init__(
        self,
        name: str,
        make_source: Callable[[], PictureSource],
        streams: list[Stream],
        folder: Path,
        clock: Clock,
        post: Callable[[Callable[[], None]], object],
        phase: int = 0,
    ) -> None:
        self.name = name
        self.fault: Fault | None = None
        self._make_source, self._clock, self._post, self._phase = make_source, clock, post, phase
        self._tracks = [_Track(stream, NalJournal(folder, name, stream.form.role)) for stream in streams]
        self._stop = threading.Event()

    def stop(self) -> None:
        """Make ``run`` return soon."""
        self._stop.set()

    def run(self) -> None:
        """Work until stopped. Picture ``n`` is due ``n/25`` s after the start; when too late, pictures are left out."""
        try:
            self._work(self._make_source())
        finally:
            for track in self._tracks:
                track.journal.close()

    def _work(self, source: PictureSource) -> None:
        now = self._clock.monotonic()
        started = now + (self._phase - now) % SECOND
        index, last = 0, None
        while not self._stop.wait((started + index * _PICTURE - self._clock.monotonic()) / SECOND):
            index = max(index, (self._clock.monotonic() - started) // _PICTURE - _MAX_LATE)
            fault = self.fault
            if fault is not Fault.HANG:
                if last is None or fault is None:
                    last = source.picture(index)
                for track in self._tracks:
                    track.freeze(fault is Fault.FREEZE)
                    self._take(track, last, index, started)
            index += 1

    def _take(self, track: "_Track", picture: I420, index: int, started: int) -> None:
        turn = index // track.form.every
        if turn == track.turn:
            return
        track.turn = turn
        key, nals = track.encode(picture if track.form is MAIN else downscale(picture), index)
        if not track.opened:
            sets = tuple(nal for nal in nals if nal_type(nal) in (SPS, PPS))
            self._post(lambda: track.stream.open(sets, started))
            track.opened = True
        track.journal.write(nals, index, self._clock.now())
        sent = SentPicture(index, key, payloads(nals))
        self._post(lambda: track.stream.publish(sent))


class _Track:
    """A stream's encoder and where it stands."""

    def __init__(self, stream: Stream, journal: NalJournal) -> None:
        self.stream, self.journal = stream, journal
        self.form: StreamForm = stream.form
        self.turn: int | None = None
        self.opened = False
        self._encoder = PictureEncoder(stream.form)
        self._frozen: PictureEncoder | None = None
        self._last_key: int | None = None

    def freeze(self, frozen: bool) -> None:
        """Begin or end to send pictures that are decoded to the same bytes. Only the sub stream does."""
        if self.form is SUB and frozen != (self._frozen is not None):
            self._frozen = PictureEncoder(SUB, constant=True) if frozen else None
            self._last_key = None

    def encode(self, picture: I420, index: int) -> tuple[bool, tuple[bytes, ...]]:
        """Return whether it became a key picture, and its NAL units."""
        if self._frozen is not None:
            return True, self._frozen.encode(picture, index, key=True)
        key = self._last_key is None or index - self._last_key >= self.form.key_every
        if key:
            self._last_key = index
        return key, self._encoder.encode(picture, index, key=key)
