# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small deployment for tests of the web: a real store, log and witness, with feeds that a test fills by hand."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from custodes.clock import MILLISECOND, SECOND, Clock, Instant, SystemClock
from custodes.domain.feeds import FeedEvent, FeedState
from custodes.domain.ids import CameraId, Epoch, Term
from custodes.domain.register import LegalBasis, Purpose, RegisterEntry
from custodes.domain.video import Cover, Fragment, InitSegment, MaskedFrame, StreamUrl
from custodes.node.acts import cameras, register, sessions
from custodes.node.config import Layout
from custodes.node.queries.views import RecordingState
from custodes.node.runtime import states
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.maskedfiles import MaskedFiles
from custodes.node.runtime.sequencer import Sequencer, _WitnessTurn
from custodes.node.runtime.setup import Plan, WitnessAt, initialise
from custodes.node.store import Store
from custodes.trust.custody.policy import Requester
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey
from custodes.trust.tlog.note import Ed25519Cosigner, parse_vkeys
from custodes.trust.tlog.witness import FolderStates, Witness, WitnessClient
from custodes.video.encode.fragments import FragmentEncoder
from custodes.video.encode.still import still

WIDTH, HEIGHT, FPS = 640, 360, 5
PLACES = ("Market square, north", "Tram stop Linden", "Bridge underpass")


class HandFeeds:
    """``LiveFeeds`` that a test fills; may be told from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._states: dict[CameraId, FeedState] = {}
        self._inits: dict[CameraId, InitSegment] = {}
        self._recent: dict[CameraId, list[Fragment]] = {}
        self._readers: dict[CameraId, list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[FeedEvent]]]] = {}

    @asynccontextmanager
    async def subscribe(self, camera: CameraId) -> AsyncIterator[AsyncIterator[FeedEvent]]:
        events: asyncio.Queue[FeedEvent] = asyncio.Queue()
        events.put_nowait(self.state(camera))
        if camera in self._inits:
            events.put_nowait(self._inits[camera])
        for fragment in self._recent.get(camera, []):
            events.put_nowait(fragment)
        reader = (asyncio.get_running_loop(), events)
        self._readers.setdefault(camera, []).append(reader)
        try:
            yield _read(events)
        finally:
            self._readers[camera].remove(reader)

    def state(self, camera: CameraId) -> FeedState:
        down = FeedState(camera, Cover.MASKER_DOWN, self._clock.now(), "")
        return self._states.get(camera, down)

    def readers(self, camera: CameraId) -> int:
        return len(self._readers.get(camera, []))

    def cover(self, camera: CameraId, cover: Cover | None, detail: str = "") -> None:
        self._states[camera] = FeedState(camera, cover, self._clock.now(), cover.value if cover else detail)
        self._tell(camera, self._states[camera])

    def tell(self, camera: CameraId, event: InitSegment | Fragment) -> None:
        if isinstance(event, InitSegment):
            self._inits[camera] = event
        else:
            before = [] if event.key else self._recent.get(camera, [])
            self._recent[camera] = [*before, event]
        self._tell(camera, event)

    def _tell(self, camera: CameraId, event: FeedEvent) -> None:
        for loop, events in list(self._readers.get(camera, [])):
            loop.call_soon_threadsafe(events.put_nowait, event)


async def _read(events: asyncio.Queue[FeedEvent]) -> AsyncIterator[FeedEvent]:
    while True:
        yield await events.get()


@dataclass
class House:
    """The deployment: its store, its sequencer (one witness, in process), its feeds and its cameras."""

    store: Store
    sequencer: Sequencer
    feeds: HandFeeds
    clock: Clock
    requester: SigningKey
    cameras: list[CameraId] = field(default_factory=list)

    def settle(self) -> None:
        """Let what is pending into the log and have it witnessed."""
        self.sequencer.step()

    def sign_in(self, role: str) -> str:
        """The cookie of a new session."""
        return sessions.begin_session(self.store, sessions.issue_link(self.store, role))

    def learn(self, camera: CameraId, progress: int) -> None:
        """Let a reference picture be that far."""
        now = self.clock.now()
        frame = picture(now, 0, None, "empty")
        sealed = self.store.encrypt(still(frame), f"candidate {camera}")
        with self.store.begin() as connection:
            states.candidate(camera, sealed, now, progress, "test")(connection)


@contextmanager
def house(root: Path, clock: Clock | None = None, count: int = 3) -> Iterator[House]:
    """Set a deployment up in ``root`` with ``count`` cameras on the register, all logged and witnessed."""
    clock = clock or SystemClock()
    layout = Layout(root / "node")
    cosigner = Ed25519Cosigner("witness.example/one", os.urandom(32), clock)
    custodians = tuple(
        Custodian(index, label, SigningKey.generate().public, WrappingKey.generate().public)
        for index, label in enumerate(("Court clerk", "Ombudsman", "Works council"), 1)
    )
    requester = SigningKey.generate()
    plan = Plan(
        CustodianSet(Epoch(1), 2, custodians),
        (Requester("control room", requester.public),),
        (WitnessAt("one", (cosigner.key,), "http://witness.invalid"),),
    )
    initialise(layout, plan, clock)
    (root / "witness").mkdir()
    keys = parse_vkeys((layout.log / "vkey").read_text())
    witness = Witness(FolderStates(root / "witness"), [cosigner], lambda _origin: keys)
    store = Store(layout, clock)
    sequencer = Sequencer(store)

    def post(body: bytes) -> tuple[int, bytes]:
        status, _, answer = witness.add_checkpoint(body)
        return status, answer

    sequencer._witnesses = [_WitnessTurn(WitnessClient([cosigner.key], post))]
    found = House(store, sequencer, HandFeeds(clock), clock, requester)
    for number in range(count):
        found.cameras.append(_add_camera(store, number, clock.now()))
    found.settle()
    try:
        yield found
    finally:
        sequencer.log.close()
        store.close()


def _add_camera(store: Store, number: int, now: Instant) -> CameraId:
    url = StreamUrl(f"rtsp://viewer:secret@127.0.0.1:8554/{number}")
    name = PLACES[number % len(PLACES)]
    camera = cameras.add_camera(store, name, url, url)
    day = 24 * 3600 * SECOND
    entry = RegisterEntry(
        camera=camera,
        name=name,
        purpose=(Purpose.TRAFFIC_SAFETY, Purpose.PASSENGER_SAFETY, Purpose.VIOLENT_CRIME)[number % 3],
        purpose_note="Accidents at the crossing; reviewed by the council every year.",
        legal_basis=LegalBasis.PUBLIC_TASK,
        legal_note="Police Act, section 15",
        owner="City of Lindenau, public order office",
        contact="cameras@lindenau.example",
        retention_hours=72,
        review=Instant(now + 180 * day),
        expires=Instant(now + 365 * day),
        latitude_e7=513_405_000 + number * 3_100,
        longitude_e7=123_713_000 + (number * 7_300) % 13_000,
        direction=(130, 250, 20)[number % 3],
        field_of_view=(72, 58, 95)[number % 3],
        height_cm=420,
        range_cm=(4_500, 3_800, 3_000)[number % 3],
        lens="fixed, 4 mm",
        salt=os.urandom(16),
    )
    register.publish_entry(store, entry)
    with store.begin() as connection:
        states.recording_state(camera, RecordingState.RECORDING, "", now)(connection)
    return camera


def picture(slot: Instant, camera: int, cover: Cover | None, what: str = "people") -> MaskedFrame:
    """A plain street: sky, houses, ground, and (``what`` "people") flat shapes that walk."""
    luma = np.full((HEIGHT, WIDTH), 178, np.uint8)
    luma[120:230] = 128
    for left in range(20 + 23 * camera, WIDTH, 90):
        luma[60 + (left * 7) % 50 : 230, left : left + 74] = 110 + (left * 3) % 40
    luma[230:] = 150
    if what == "people":
        seconds = slot / SECOND
        for number in range(4):
            x = int((seconds * (30 + 9 * number) + 170 * number) % (WIDTH + 60)) - 60
            y = 190 + 26 * number
            luma[y : y + 20, max(x + 10, 0) : max(x + 30, 0)] = 40
            luma[y + 20 : y + 90, max(x, 0) : max(x + 40, 0)] = 40
    if cover:
        luma[:] = 90
    chroma = np.full((2, HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    if not cover:
        chroma[0, 115:] = 122
        chroma[1, :60] = 120
    data = luma.tobytes() + chroma.tobytes()
    return MaskedFrame(WIDTH, HEIGHT, data, slot, None, cover, 1000 if cover else 60, "test")


class Film:
    """Encodes a camera's pictures slot by slot."""

    def __init__(self, camera: CameraId, number: int) -> None:
        self._number = number
        self._encoder = FragmentEncoder(camera, WIDTH, HEIGHT, FPS)

    @property
    def init(self) -> InitSegment:
        return self._encoder.init

    def shoot(self, slot: Instant, cover: Cover | None) -> list[Fragment]:
        """The fragments that are complete by the picture of ``slot``."""
        return self._encoder.push(picture(slot, self._number, cover))


def slot_of(instant: int) -> Instant:
    """The place on the grid at or before an instant."""
    grid = SECOND // FPS
    return Instant(instant // grid * grid)


def fill_past(found: House, number: int, start: Instant, end: Instant, covers: dict[int, Cover]) -> None:
    """Store the masked video of [start, end); ``covers`` names the covered minutes, counted from the start."""
    camera = found.cameras[number]
    film = Film(camera, number)
    books = Bookkeeper(found.store)
    books.note(states.masked_init(camera, film.init))
    files = MaskedFiles(found.store, books, camera, Term(1))
    slot = slot_of(start)
    while slot < end:
        minute = (slot - start) // (60 * SECOND)
        for fragment in film.shoot(slot, covers.get(minute)):
            files.write(fragment)
        slot = Instant(slot + 200 * MILLISECOND)
    files.close()
    books.close()
