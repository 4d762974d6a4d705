# SPDX-License-Identifier: AGPL-3.0-or-later
"""The coordinator: asks the catalogue whom to record, shares the cameras out among shards, keeps the shards running."""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from custodes.domain.ids import CameraId
from custodes.domain.register import RecordingPermit
from custodes.domain.video import GapCause
from custodes.errors import CustodesError, Kind
from custodes.node.queries import cameras
from custodes.node.queries.cameras import CameraStreams
from custodes.node.queries.views import RecordingState
from custodes.node.runtime import states
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.permits import Permits
from custodes.node.runtime.recorder import catalogue, wire
from custodes.node.runtime.recorder.keywatch import KeyWatch
from custodes.node.runtime.recorder.process import ShardProcess
from custodes.node.runtime.recorder.segments import SegmentFiles
from custodes.node.runtime.recorder.vault import Vault
from custodes.node.store import Store

PER_SHARD = 10
"""Cameras of one process: fewer cost memory, more wait for one another."""
_LOOK_S = 0.5
_AGAIN_S = 5.0
"""After a camera's recording has ended by itself, the next attempt waits so long."""
_PAUSES_S = (0.0, 0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""How long a camera waits after the first, second, … death of its shard within ``_MEMORY_S``."""
_SUSPICIOUS = 3
"""A camera whose shards died so often within ``_MEMORY_S`` may be what kills them: it gets a shard of its own."""
_MEMORY_S = 60.0
_ALONE_S = 600.0


@dataclass(slots=True)
class _Camera:
    """A camera that is recorded: by which shard, since which turn, under which entry, where it is."""

    shard: ShardProcess
    turn: int
    permit: RecordingPermit
    way: tuple[str, str, str]


@dataclass(slots=True)
class Coordinator:
    """Shares cameras out. ``lock``: descriptor of the role's lock, which the shards hold as long as they live."""

    store: Store
    lock: int
    books: Bookkeeper = field(init=False)
    vault: Vault = field(init=False)
    permits: Permits = field(init=False)
    keys: KeyWatch = field(init=False)
    shards: list[ShardProcess] = field(default_factory=list)
    recorded: dict[CameraId, _Camera] = field(default_factory=dict)
    _alone: dict[CameraId, float] = field(default_factory=dict)
    _deaths: dict[CameraId, list[float]] = field(default_factory=dict)
    _dark: dict[CameraId, str] = field(default_factory=dict)
    _due: dict[CameraId, float] = field(default_factory=dict)
    _untidy: list[CameraId] = field(default_factory=list)
    _turns: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.books = Bookkeeper(self.store)
        self.vault = Vault(self.store.layout, self.store.clock, self.store.entropy)
        self.permits = Permits(self.store)
        self.keys = KeyWatch(self.store)
        self._untidy = [CameraId(name) for name in self.vault.objects.children("manifests")]

    def step(self) -> None:
        """Bring what is recorded in line with what shall be; call it twice a second."""
        for shard in list(self.shards):
            self._hear(shard)
            if not shard.alive:
                self._lost(shard)
        try:
            in_service = {each.id: each for each in cameras.streams(self.store)}
            self.permits.look()
            self._tell_keys()
        except CustodesError as problem:
            if problem.kind is not Kind.UNAVAILABLE:
                raise
            return  # whoever is recorded goes on; who is to be is asked again
        for camera in [camera for camera in self.recorded if camera not in in_service]:
            self._leave(camera)
        for camera, streams in in_service.items():
            cause = self._keep(camera, streams)
            if cause and cause != self._dark.get(camera):
                self.books.note(states.recording_state(camera, RecordingState.DARK, cause, self.store.clock.now()))
            self._dark[camera] = cause
        self._dismiss()
        self._tidy()

    def _tell_keys(self) -> None:
        if self.keys.look():
            for shard in self.shards:
                shard.send(self.keys.order)

    def stop(self) -> None:
        """End all shards in good order, and write what they have reported."""
        for shard in self.shards:
            shard.stop()
        for shard in self.shards:
            shard.wait()
            self._hear(shard)
        self.books.close()

    def _keep(self, camera: CameraId, streams: CameraStreams) -> str:
        """See that the camera is recorded if it may be; returns why it must stay dark, or nothing."""
        known = self.recorded.get(camera)
        way = (streams.main.value, streams.transport, streams.pin)
        if known is None and time.monotonic() < self._due.get(camera, 0.0):
            return self._dark.get(camera, "")
        try:
            allowed, proof = self.permits.of(camera)
        except CustodesError as problem:
            # A newer entry that is not witnessed yet, or witnesses that are away: who records goes on.
            return "" if known is not None else problem.message
        if known is not None and known.permit.entry == allowed.entry and known.way == way:
            return ""
        if known is None and streams.problem:
            return streams.problem
        if known is None and not allowed.in_hours(self.store.clock.now()):
            return GapCause.OUTSIDE_HOURS.value
        if known is None and not self._complete(camera):
            return self._dark.get(camera, "")
        # Keys that were witnessed together with the entry: the first period is to be sealed to them already.
        self._tell_keys()
        shard = known.shard if known is not None else self._place(camera)
        turn = next(self._turns)
        shard.send(wire.Record(camera, turn, *way, *proof))
        self.recorded[camera] = _Camera(shard, turn, allowed, way)
        return ""

    def _complete(self, camera: CameraId) -> bool:
        """Catalogue what a lost report has left out; False if the catalogue must be asked again."""
        try:
            catalogue.complete(self.store, self.vault, self.books, camera)
        except CustodesError:
            return False
        return True

    def _tidy(self) -> None:
        """Close and catalogue what was left open of a camera that is not recorded now: one at a step, none twice.

        Nobody else does it: shards settle what they record.
        """
        if not self._untidy:
            return
        camera = self._untidy.pop()
        if camera in self.recorded:
            return
        try:
            SegmentFiles(self.vault, camera, self._note).settle()
            catalogue.complete(self.store, self.vault, self.books, camera)
        except CustodesError as problem:
            sys.stderr.write(f"{camera}: what was left open cannot be closed now: {problem}\n")

    def _leave(self, camera: CameraId) -> None:
        self.recorded.pop(camera).shard.send(wire.Leave(camera))
        self._dark.pop(camera, None)

    def _place(self, camera: CameraId) -> ShardProcess:
        """The least busy shard that has room, or a new one."""
        load = {id(shard): 0 for shard in self.shards}
        for each in self.recorded.values():
            load[id(each.shard)] += 1
        alone = time.monotonic() < self._alone.get(camera, 0.0)
        free = [
            shard
            for shard in self.shards
            if not shard.single and not shard.stopping and shard.alive and load[id(shard)] < PER_SHARD
        ]
        if free and not alone:
            return min(free, key=lambda shard: load[id(shard)])
        shard = ShardProcess(self.store.layout, self.lock, single=alone)
        shard.send(self.keys.order)
        self.shards.append(shard)
        return shard

    def _dismiss(self) -> None:
        """Let shards go that have nothing left to do."""
        busy = {id(each.shard) for each in self.recorded.values()}
        for shard in [shard for shard in self.shards if id(shard) not in busy]:
            shard.stop()
            if not shard.alive:
                self._hear(shard)
                self.shards.remove(shard)

    def _lost(self, shard: ShardProcess) -> None:
        """A shard has ended: its cameras are placed anew, at once the first times."""
        self._hear(shard)
        self.shards.remove(shard)
        orphans = [camera for camera, each in self.recorded.items() if each.shard is shard]
        for camera in orphans:
            del self.recorded[camera]
        if shard.stopping:
            return
        sys.stderr.write(f"a shard of {len(orphans)} cameras ended with {shard.code}\n")
        now = time.monotonic()
        for camera in orphans:
            deaths = [when for when in self._deaths.get(camera, []) if now - when < _MEMORY_S] + [now]
            self._deaths[camera] = deaths
            self._due[camera] = now + _PAUSES_S[min(len(deaths), len(_PAUSES_S)) - 1]
            if len(deaths) >= _SUSPICIOUS:
                self._alone[camera] = now + _ALONE_S

    def _note(self, report: wire.Report) -> None:
        if not isinstance(report, wire.Gone):
            self.books.note(states.row(report))

    def _hear(self, shard: ShardProcess) -> None:
        """Take in what a shard has reported."""
        for report in shard.reports():
            match report:
                case wire.Gone(camera=camera, turn=turn):
                    known = self.recorded.get(CameraId(camera))
                    if known is not None and known.turn == turn:
                        del self.recorded[CameraId(camera)]
                        self._due[CameraId(camera)] = time.monotonic() + _AGAIN_S
                case _:
                    self._note(report)


def record(store: Store, lock: int, stop: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
    """Record every registered camera until ``stop``: the recorder process's whole life."""
    coordinator = Coordinator(store, lock)
    ready()
    while not stop.wait(_LOOK_S):
        coordinator.step()
    coordinator.stop()
