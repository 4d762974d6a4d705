# SPDX-License-Identifier: AGPL-3.0-or-later
"""The masker process: per camera one thread that receives and decodes the sub stream and one that masks on a grid.

Nothing here keeps a picture: a frame lives from the decoder to ``Masker.observe`` and is gone.
"""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.feeds import NOT_CONFIRMED, FeedState
from custodes.domain.ids import CameraId, Term
from custodes.domain.register import RecordingPermit
from custodes.domain.video import Cover, Fragment, Frame, Gap, MaskedFrame, Packet
from custodes.domain.zones import Zone
from custodes.errors import CustodesError, Kind, unavailable
from custodes.node.queries import cameras, masks
from custodes.node.queries import zones as set_zones
from custodes.node.queries.cameras import CameraStreams
from custodes.node.queries.hidden import BarWatch
from custodes.node.runtime import references, states
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.feedserver import FeedServer
from custodes.node.runtime.listening import CameraListener
from custodes.node.runtime.maskedfiles import MaskedFiles
from custodes.node.runtime.permits import Permits
from custodes.node.runtime.viewwatch import ViewWatch
from custodes.node.store import Store
from custodes.video.encode.fragments import FragmentEncoder
from custodes.video.encode.still import still
from custodes.video.ingest.decode import SubDecoder
from custodes.video.ingest.session import CameraStream
from custodes.video.mask.detector import Box, Detector, load_detector
from custodes.video.mask.masker import MASKER, Masker

WIDTH, HEIGHT, FPS = 640, 360, 5
SLOT = SECOND // FPS
_TERM = Term(1)
_LOOK_S = 0.5
_CANDIDATE_EVERY = 2 * SECOND
_TIDY_EVERY = 120
"""Looks (one minute) between two searches for references of cameras that are gone."""
_BARS_FRESH = 10 * SECOND
"""A look can take that long while many maskers start; the web, which serves the pictures, looks for itself."""
_REFERENCE_EVERY = 600 * SECOND
"""How often the reference is kept as it has followed the scene, besides at each certification and at the end."""


class SharedDetector:
    """One detector for every camera of the process; it sees one picture at a time."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._lock = threading.Lock()

    def detect(self, frame: Frame) -> list[Box]:
        """Return what was found; raises when it cannot tell."""
        with self._lock:
            return self._detector.detect(frame)


class CameraMasker:
    """Masks one camera's sub stream for as long as its permit holds."""

    def __init__(
        self,
        store: Store,
        books: Bookkeeper,
        feeds: FeedServer,
        detector: Detector | None,
        streams: CameraStreams,
        permit: RecordingPermit,
        bars: BarWatch,
        zones: tuple[Zone, ...] = (),
    ) -> None:
        self.camera = permit.camera
        self.permit = permit
        self._store, self._books, self._feeds = store, books, feeds
        self.streams, self.zones = streams, zones
        self._bars = bars
        self._listener = CameraListener(streams)
        self._stop = threading.Event()
        self._newest: Frame | None = None
        self._lock = threading.Lock()
        self._signal = ""
        self._masker = Masker(WIDTH, HEIGHT, detector, zones=zones, show_unconfirmed=permit.show_unconfirmed)
        self._encoder = FragmentEncoder(self.camera, WIDTH, HEIGHT, FPS)
        self._files = MaskedFiles(store, books, self.camera, _TERM)
        self._view = ViewWatch(books, self.camera)
        self._state: FeedState | None = None
        self._certified = masks.certified_at(store, self.camera)
        self._kept = Instant(0)
        self._restore()
        self._threads = [
            threading.Thread(target=target, name=f"{name} {self.camera}", daemon=True)
            for name, target in (("receive", self._receive), ("mask", self._mask))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        """False once it has ended."""
        return self._threads[1].is_alive()

    def stop(self) -> None:
        """Ask both threads to end."""
        self._stop.set()
        self._listener.stop()

    def join(self) -> None:
        """Wait until they have."""
        for thread in self._threads:
            thread.join(timeout=10)

    def _receive(self) -> None:
        """Follow the camera for as long as the permit holds, in its declared hours."""
        way, clock = self.streams, self._store.clock
        stream = CameraStream(way.sub, self.permit, clock, transport=way.transport, pin=way.pin)
        while self.permit.holds_at(clock.now()):
            self._follow(stream)
            if self._stop.wait(_LOOK_S):
                return

    def _follow(self, stream: CameraStream) -> None:
        decoder = SubDecoder((WIDTH, HEIGHT))
        for event in stream.events(self._stop):
            match event:
                case Packet():
                    try:
                        frames = decoder.decode(event)
                    except CustodesError as problem:
                        self._signal, decoder = problem.message, SubDecoder((WIDTH, HEIGHT))
                        continue
                    if frames:
                        with self._lock:
                            self._newest = frames[-1]
                        self._signal = ""
                case Gap():
                    self._signal, decoder = event.cause.value, SubDecoder((WIDTH, HEIGHT))

    def _take(self) -> Frame | None:
        with self._lock:
            frame, self._newest = self._newest, None
        return frame

    def _mask(self) -> None:
        clock = self._store.clock
        self._books.note(states.masked_init(self.camera, self._encoder.init))
        self._feeds.publish(self.camera, self._encoder.init)
        slot = Instant((clock.now() // SLOT + 1) * SLOT)
        noted = Instant(0)
        while not self._stop.is_set():
            if abs(clock.now() - slot) > 5 * SECOND:
                # The machine slept or its clock was set: leave a gap, and begin anew where time goes back.
                earlier, slot = slot, Instant((clock.now() // SLOT + 1) * SLOT)
                if slot < earlier:
                    self._begin_stream()
            wait = (slot - clock.now()) / SECOND
            if wait > 0 and self._stop.wait(wait):
                break
            frame = self._take()
            barred = self._bars.cover(self.camera, MASKER)
            masked = self._masker.observe(frame, slot, turning=self._listener.turning, barred=barred)
            # What was encoded before the picture goes out before the word on it: a cover ends what was shown.
            self._hand_on(self._encoder.push(masked))
            self._report(masked)
            self._view.look(frame, masked, reported=self._listener.tampered)
            if slot - noted >= _CANDIDATE_EVERY:
                noted = slot
                self._steward(slot)
            slot = Instant(slot + SLOT)
        self._hand_on(self._encoder.flush())
        self._keep(self._files.close)
        self._keep_reference(slot)

    def _begin_stream(self) -> None:
        """Another stream of fragments, on a timeline of its own."""
        self._hand_on(self._encoder.flush())
        self._keep(self._files.close)
        self._encoder = FragmentEncoder(self.camera, WIDTH, HEIGHT, FPS)
        self._feeds.publish(self.camera, self._encoder.init)

    def _hand_on(self, fragments: list[Fragment]) -> None:
        for fragment in fragments:
            self._feeds.publish(self.camera, fragment)
            self._keep(partial(self._files.write, fragment))

    def _keep(self, write: Callable[[], None]) -> None:
        try:
            write()
        except CustodesError:
            # The disk is full: live video goes on, playback has a hole, and the next key picture tries again.
            self._files.abandon()

    def _report(self, masked: MaskedFrame) -> None:
        detail = masked.cover.value if masked.cover else "" if masked.confirmed else NOT_CONFIRMED
        if masked.cover is Cover.NO_SIGNAL and self._signal:
            detail = f"{masked.cover.value}: {self._signal}"
        if self._state is None or (self._state.cover, self._state.detail) != (masked.cover, detail):
            self._state = FeedState(self.camera, masked.cover, masked.slot, detail)
            self._feeds.publish(self.camera, self._state)

    def _restore(self) -> None:
        """Go on with the reference that was certified before this process began."""
        kept = references.load(self._store, self.camera, self._certified, self.permit.retention_hours)
        if kept is not None:
            try:
                self._masker.restore(kept)
            except CustodesError as problem:
                self._signal = problem.message  # of another version: it is certified anew

    def _keep_reference(self, slot: Instant) -> None:
        reference = self._masker.keep()
        if reference is not None and self._certified is not None:
            self._kept = slot
            references.save(self._store, self.camera, self._certified, reference)

    def _steward(self, slot: Instant) -> None:
        """Offer the reference picture while it is not certified, and take the steward's certification."""
        try:
            certified = masks.certified_at(self._store, self.camera)
        except CustodesError:
            return  # the catalogue cannot be read now: asked again in two seconds
        if certified != self._certified:
            self._certified = certified
            try:
                self._masker.certify()
            except CustodesError as problem:
                self._signal = problem.message
            else:
                self._view.accept()
                self._keep_reference(slot)
        elif slot - self._kept >= _REFERENCE_EVERY:
            self._keep_reference(slot)
        try:
            picture = self._masker.candidate()
        except CustodesError:
            picture = None  # the detector has failed: the live picture is covered and says so
        encrypted = None if picture is None else self._store.encrypt(still(picture), f"candidate {self.camera}")
        taken = None if picture is None else picture.slot
        self._books.note(states.candidate(self.camera, encrypted, taken, self._masker.progress, MASKER))


class Maskers:
    """Every camera's masker of this process."""

    def __init__(self, store: Store, feeds: FeedServer, detector: Detector | None) -> None:
        self._store, self._feeds, self._detector = store, feeds, detector
        self._books = Bookkeeper(store)
        self._permits = Permits(store)
        self._bars = BarWatch(store, _BARS_FRESH)
        self._running: dict[CameraId, CameraMasker] = {}
        self._looked = 0

    def step(self) -> None:
        """Bring who is masked in line with who is to be; call it twice a second."""
        self._bars.look()
        try:
            in_service = {each.id: each for each in cameras.streams(self._store)}
            zones = set_zones.every(self._store)
            self._permits.look()
        except CustodesError as problem:
            if problem.kind is not Kind.UNAVAILABLE:
                raise
            return  # whoever is masked goes on; who is to be is asked again
        for camera in [camera for camera in self._running if camera not in in_service]:
            self._running.pop(camera).stop()
        if self._looked == 0:
            references.drop_others(self._store, set(in_service))
        self._looked = (self._looked + 1) % _TIDY_EVERY
        for camera, streams in in_service.items():
            self._keep(camera, streams, zones.get(camera, ()))

    def _keep(self, camera: CameraId, streams: CameraStreams, zones: tuple[Zone, ...] | None) -> None:
        """See that the camera is masked under its newest entry, as it is set now."""
        running = self._running.get(camera)
        if running is not None and not (running.running and running.permit.holds_at(self._store.clock.now())):
            running = None
        try:
            permit, _ = self._permits.of(camera)
            if streams.problem:
                raise unavailable(streams.problem)
            if zones is None:
                raise unavailable("its privacy zones cannot be read: set them again")
        except CustodesError as problem:
            if running is None:
                self._end(camera)
                now = Instant(self._store.clock.now() // MILLISECOND * MILLISECOND)
                self._feeds.publish(camera, FeedState(camera, Cover.NOT_REGISTERED, now, problem.message))
            return
        wanted = (streams, permit.entry, zones)
        if running is None or (running.streams, running.permit.entry, running.zones) != wanted:
            self._end(camera)
            self._running[camera] = CameraMasker(
                self._store, self._books, self._feeds, self._detector, streams, permit, self._bars, zones
            )

    def _end(self, camera: CameraId) -> None:
        previous = self._running.pop(camera, None)
        if previous is not None:
            previous.stop()

    def stop(self) -> None:
        """End all of them in good order."""
        for masker in self._running.values():
            masker.stop()
        for masker in self._running.values():
            masker.join()
        self._books.close()


def mask(store: Store, weights: Path | None, stop: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
    """Mask every registered camera until ``stop``: the masker process's whole life."""
    feeds = FeedServer(store.layout.live_socket)
    try:
        detector: Detector | None = SharedDetector(load_detector(weights))
    except CustodesError:
        detector = None  # every picture is covered with that cause
    ready()
    maskers = Maskers(store, feeds, detector)
    while not stop.wait(_LOOK_S):
        maskers.step()
    maskers.stop()
    feeds.close()
