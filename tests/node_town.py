# SPDX-License-Identifier: AGPL-3.0-or-later
"""A whole system for tests: the demonstration's own programs, kept running, to be hurt on purpose."""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from tests.recording_rig import process_tree
from websockets.sync.client import connect

from custodes.clock import Instant
from custodes.demo.exposure import is_covered
from custodes.demo.layout import prepare
from custodes.demo.processes import Ran, custodes
from custodes.demo.served import Operator, decode
from custodes.demo.system import Options, System
from custodes.domain.ids import CameraId, PeriodId
from custodes.errors import CustodesError
from custodes.node.acts import sessions
from custodes.node.queries import playback
from custodes.node.queries.views import Role, SpanKind
from custodes.node.runtime.maskers import HEIGHT, WIDTH
from custodes.node.runtime.supervisor import Child
from custodes.node.store import Store, tables
from custodes.web.security import COOKIE

PATIENCE_S = 180.0


def until(happened: Callable[[], object], what: str, patience: float = PATIENCE_S) -> None:
    """Wait for what must happen by itself; fail only after a very generous while."""
    deadline = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < deadline, f"it never happened: {what}"
        time.sleep(0.2)


@dataclass
class Watched:
    """What an operator's live page got of one camera."""

    states: list[dict[str, object]] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)


@dataclass
class Town:
    """The running system, and who looks after its processes."""

    system: System
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def store(self) -> Store:
        return self.system.store

    @property
    def url(self) -> str:
        return self.system.url

    @property
    def root(self) -> Path:
        return self.system.layout.root

    def watch_over(self) -> None:
        """Restart what has ended, as ``custodes run`` does, until ``close``."""
        while not self._stop.wait(0.1):
            with self._lock:
                self.system.supervisor.check()

    def close(self) -> None:
        self._stop.set()

    def child(self, role: str) -> Child:
        return self.system.roles[role]

    def pid(self, role: str) -> int | None:
        """The role's process as it is now; None while it is down."""
        process = self.child(role).process
        return process.pid if process is not None and process.poll() is None else None

    def kill(self, role: str) -> None:
        """kill -9, and wait until it has been started again."""
        process = self.child(role).process
        assert process is not None
        process.kill()
        until(lambda: self.pid(role) not in (None, process.pid), f"{role} starts again")

    def shards(self) -> list[int]:
        """The recorder's processes that record."""
        coordinator = self.pid("recorder")
        return process_tree(coordinator)[1:] if coordinator else []

    def kill_shards(self) -> None:
        """kill -9 of what records, and wait until others have been started."""
        killed = self.shards()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        until(lambda: set(self.shards()) - set(killed), "another shard starts")

    @contextmanager
    def away(self, role: str) -> Iterator[None]:
        """Kill a role and keep it down."""
        with self._lock:
            child = self.child(role)
            assert child.process is not None
            child.process.kill()
            child.process.wait()
            child.process, child.due = None, float("inf")
        try:
            yield
        finally:
            child.due = 0.0
            until(lambda: self.pid(role), f"{role} starts again")

    @contextmanager
    def started_with(self, role: str, *words: str) -> Iterator[None]:
        """Run a role with other words on its command line."""
        child, before = self.child(role), self.child(role).argv
        child.argv = [*before, *words]
        self.kill(role)
        try:
            yield
        finally:
            child.argv = before
            self.kill(role)

    def order(self, line: str) -> None:
        """Tell the virtual cameras to misbehave."""
        cameras = self.system._cameras
        assert cameras is not None
        assert cameras.process.stdin is not None
        assert cameras.process.stdout is not None
        cameras.process.stdin.write(line + "\n")
        cameras.process.stdin.flush()
        assert json.loads(cameras.process.stdout.readline())["done"]

    def operator(self) -> Operator:
        return Operator(self.system.link(Role.OPERATOR))

    def page(self, camera: CameraId) -> str:
        """The operator's page of a camera, as text."""
        return re.sub(r"<[^>]+>|\s+", " ", self.operator().get(f"/operator/cameras/{camera}").decode())

    def says(self, camera: CameraId, words: str) -> bool:
        """Whether the operator's page of a camera has these words."""
        return words in self.page(camera)

    def live(self, camera: CameraId, enough: Callable[[Watched], bool]) -> Watched:
        """Watch a camera live, as a page does, decoding every picture, until that is enough."""
        cookie = sessions.begin_session(self.store, sessions.issue_link(self.store, Role.OPERATOR.value))
        address = self.url.replace("http", "ws", 1) + "/operator/live"
        watched, init, fragments = Watched(), b"", b""
        deadline = time.monotonic() + PATIENCE_S
        with connect(
            address,
            additional_headers={"Cookie": f"{COOKIE}={cookie}"},
            origin=self.url,  # type: ignore[arg-type]  # Origin is a NewType
            proxy=None,
            max_size=None,
        ) as socket:
            socket.send(json.dumps({"subscribe": camera}))
            while not enough(watched):
                assert time.monotonic() < deadline, f"not enough came: {watched.states}"
                message = socket.recv(timeout=PATIENCE_S)
                if isinstance(message, str):
                    said = json.loads(message)
                    if "state" in said:
                        watched.states.append(said["state"])
                elif message[0] == 1:
                    init, fragments = message[27:], b""
                else:
                    fragments += message[27 + 13 :]
                    watched.pictures = list(decode(init + fragments))
        return watched

    def shows(self, camera: CameraId, since: Instant) -> bool:
        """Whether a picture that is not covered was stored since then."""
        spans = playback.timeline(self.store, camera, since, self.system.now())
        return any(span.kind is SpanKind.SHOWN for span in spans)

    def played(self, camera: CameraId, start: Instant, end: Instant) -> list[bytes]:
        """Every picture that an operator can play back."""
        return [picture for piece in self.operator().playback(camera, start, end) for picture in piece.pictures]

    def row(self, table: sa.Table, camera: CameraId) -> sa.Row[tuple[object, ...]] | None:
        found = self.store.read(sa.select(table).where(table.c.camera == camera))
        return found[0] if found else None

    def recording(self, camera: CameraId) -> str:
        """What the recorder said last of a camera, whatever the register says."""
        row = self.row(tables.recording_states, camera)
        return f"{row.state}: {row.cause}" if row is not None else ""

    def segments(self, camera: CameraId) -> list[Path]:
        """The camera's sealed segments, the oldest first."""
        return sorted((self.root / "store" / "segments" / camera).rglob("*.segment"))

    def certify(self) -> None:
        """Be the steward: certify every reference that is complete and not in use, until every camera is shown."""
        since = self.system.now()

        def done() -> bool:
            for camera in self.system.cameras:
                if not self.shows(camera, since):
                    certify = custodes("mask", "certify", "--dir", self.root, camera)
                    assert "Traceback" not in certify.errors
            return all(self.shows(camera, since) for camera in self.system.cameras)

        until(done, "every camera is shown")

    def command(self, *words: str | Path) -> Ran:
        return custodes(*words)


@dataclass(frozen=True)
class Crash:
    """A recorder that was killed while it wrote ``torn``, came back, wrote ``after`` and was ended in good order."""

    camera: CameraId
    torn: PeriodId
    after: PeriodId
    written: int
    """Bytes of the torn segment that were there some seconds before the kill."""


def covered(pictures: list[bytes]) -> bool:
    """Whether all of these pictures are covered; none at all is a mistake of the test."""
    assert pictures
    return all(is_covered(picture, WIDTH, HEIGHT) for picture in pictures)


def refused(ran: Ran, words: str, code: int = 1) -> None:
    """A command that said no as it should: its exit code, one line, these words, and no traceback."""
    assert ran.code == code, (ran.code, ran.errors)
    assert len(ran.errors.strip().splitlines()) == 1, ran.errors
    assert words in ran.errors, ran.errors
    assert not ran.output.strip()


@contextmanager
def town(folder: Path, cameras: int = 2) -> Iterator[Town]:
    """Start the whole system in a folder; it ends with the block."""
    system = System(prepare(folder), Options(port=0, cameras=cameras, videos=(), seed=1))
    system.supervisor.say = lambda _line: None
    found = Town(system)
    watching = threading.Thread(target=found.watch_over, name="watch over the town")
    try:
        system.start()
        watching.start()
        yield found
    finally:
        found.close()
        if watching.ident is not None:
            watching.join()
        system.stop()
        if hasattr(system, "store"):
            system.store.close()


def eventually(done: Callable[[], object], what: str) -> None:
    """``until``, for what raises while it is not there yet."""

    def happened() -> bool:
        try:
            return bool(done())
        except CustodesError:
            return False

    until(happened, what)
