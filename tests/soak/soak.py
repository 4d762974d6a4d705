# SPDX-License-Identifier: AGPL-3.0-or-later
"""The soak: the product's recorder for half an hour among everything that goes wrong; prints one JSON line.

Servers are restarted and stopped dead, shards and coordinator are killed with -9, a small disk is filled, the machine's
clock is set (as far as the recorder can see), and one camera talks garbage all the time. Afterwards the store is judged
from outside: what the cameras pushed, what the segments hold, which holes have a cause, what ``custodes fsck`` finds.

Needs GStreamer's RTSP server, a C compiler, and the right to mount a tmpfs.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.recording_rig import (
    Deployment,
    GStreamerCameras,
    deployment,
    noise_film,
    process_tree,
    pss_mb,
    wait_for,
)
from tests.soak.judge import Judgement, Trouble, judge

from custodes.domain.ids import CameraId
from custodes.node.runtime.supervisor import Supervisor

FPS, GOP, BITS_PER_S, FILM_S = 25, 25, 1_000_000, 20
SHIM = Path(__file__).with_name("setclock.c")
WARM_UP_S = 60.0
HEADS = (b"", b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n", b"$\x00\x05\xdc", b"\x80\x60")
OFFSETS_S = (0, 7, 90, 3_600, -7, -90, -240)
"""Never further behind than five minutes: a machine that is, against what witnesses have signed, may not record."""


def film(path: Path) -> Path:
    """What the cameras send."""
    return noise_film(path, 640, 360, FPS, FILM_S, BITS_PER_S, GOP)


@dataclass
class Server:
    """A camera server that can be restarted at its port."""

    film: Path
    count: int
    stats: Path
    cameras: GStreamerCameras = field(init=False)
    lives: int = 0

    def __post_init__(self) -> None:
        self.cameras = self._start(0)

    def _start(self, port: int) -> GStreamerCameras:
        self.lives += 1
        return GStreamerCameras(self.film, self.count, FPS, self.stats.with_suffix(f".{self.lives}.json"), port)

    def restart(self, after_s: float) -> None:
        port = self.cameras.port
        self.cameras.stop()
        time.sleep(after_s)
        self.cameras = self._start(port)


class Clock:
    """The wall clock of the recorder's processes: the machine's plus an offset that can be set while they run."""

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "setclock.so", folder / "clock"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SHIM)], check=True)
        self._file.write_bytes(bytes(8))
        self.environment = {"LD_PRELOAD": str(library), "SOAK_CLOCK": str(self._file)}

    def set(self, offset_s: int) -> None:
        with self._file.open("r+b") as file:
            file.write(offset_s.to_bytes(8, sys.byteorder, signed=True))


class GarbageCamera(threading.Thread):
    """Listens, and answers whatever it is asked with noise; now and then with a valid beginning."""

    def __init__(self, seed: int) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._random = random.Random(seed)
        self._done = threading.Event()
        self.url = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/noise"

    def run(self) -> None:
        self._listener.settimeout(0.5)
        while not self._done.is_set():
            try:
                peer, _ = self._listener.accept()
            except TimeoutError:
                continue
            with peer:
                peer.settimeout(1)
                try:
                    peer.recv(4096)
                    for _ in range(self._random.randrange(40)):
                        head = self._random.choice(HEADS)
                        peer.sendall(head + self._random.randbytes(self._random.randrange(4000)))
                except OSError:
                    continue

    def stop(self) -> None:
        self._done.set()
        self.join()
        self._listener.close()


@contextmanager
def small_disk(folder: Path, seconds: float) -> Iterator[Path]:
    """A tmpfs that can hold one camera for that long, and little more."""
    folder.mkdir(parents=True, exist_ok=True)
    size = int(seconds * BITS_PER_S / 8 * 1.5) + (32 << 20)
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(words, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


@dataclass
class Street:
    """What is hurt. Each trouble returns when it is over."""

    made: Deployment
    supervisor: Supervisor
    servers: list[Server]
    clock: Clock
    disk: Path
    cameras: list[CameraId]
    chance: random.Random
    troubles: list[Trouble] = field(default_factory=list)
    offset: int = 0

    def recorder(self) -> int | None:
        process = self.supervisor.children[0].process
        return process.pid if process is not None and process.poll() is None else None

    @contextmanager
    def trouble(self, cameras: list[CameraId], *, kill: bool = False) -> Iterator[None]:
        since = time.time()
        yield
        self.troubles.append(Trouble(since, time.time(), frozenset(cameras), kill))

    def of(self, server: Server) -> list[CameraId]:
        first = sum(each.count for each in self.servers[: self.servers.index(server)])
        return self.cameras[first : first + server.count]

    def restart_server(self) -> None:
        server = self.chance.choice(self.servers)
        with self.trouble(self.of(server)):
            server.restart(self.chance.uniform(0.5, 8))

    def freeze_server(self) -> None:
        server = self.chance.choice(self.servers)
        with self.trouble(self.of(server)):
            server.cameras.process.send_signal(signal.SIGSTOP)
            time.sleep(self.chance.uniform(1, 9))
            server.cameras.process.send_signal(signal.SIGCONT)

    def kill_shard(self) -> None:
        root = self.recorder()
        self._kill(self.chance.choice(process_tree(root)[1:] or [root]) if root else None)

    def kill_coordinator(self) -> None:
        self._kill(self.recorder())

    def _kill(self, pid: int | None) -> None:
        if pid is not None:
            with self.trouble(self.cameras, kill=True):
                os.kill(pid, signal.SIGKILL)

    def fill_disk(self) -> None:
        """Until there is no room, for a while."""
        filler = self.disk / "filler"
        with self.trouble(self.cameras[:1]):
            with suppress(OSError), filler.open("wb") as file:
                while file.write(bytes(1 << 16)):
                    file.flush()
            time.sleep(self.chance.uniform(3, 10))
            filler.unlink()

    def set_clock(self) -> None:
        self.offset = self.chance.choice([each for each in OFFSETS_S if each != self.offset])
        self.clock.set(self.offset)


def main() -> None:
    """Run, hurt, judge, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=1_800)
    parser.add_argument("--cameras", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dir", type=Path, help="keep everything here, to look at it")
    arguments = parser.parse_args()
    if shutil.which("cc") is None:
        sys.exit("the soak needs a C compiler, to set the recorder's clock: apt install gcc libc6-dev")
    folder = arguments.dir or Path(tempfile.mkdtemp(prefix="custodes-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        result = soak(folder, arguments.seconds, arguments.cameras, arguments.seed)
    finally:
        if arguments.dir is None:
            shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(json.dumps(result) + "\n")


def soak(folder: Path, seconds: float, count: int, seed: int) -> dict[str, float]:
    """Hurt a recorder for that long; ``count`` cameras, of which one is on the small disk and one talks garbage."""
    chance = random.Random(seed)
    source = film(folder / "film.h264")
    half = (count - 1) // 2
    servers = [
        Server(source, number, folder / f"stats{index}") for index, number in enumerate((half, count - 1 - half))
    ]
    garbage = GarbageCamera(seed)
    garbage.start()
    clock = Clock(folder)
    with deployment(folder) as made:
        urls = [url for server in servers for url in server.cameras.urls]
        cameras = [made.add(url) for url in urls]
        made.add(garbage.url, "garbage")
        made.witness()
        with small_disk(made.layout.store / "segments" / cameras[0], seconds) as disk:
            street = Street(made, Supervisor(say=lambda _line: None), servers, clock, disk, cameras, chance)
            growth = _hurt(street, cameras, seconds)
            street.supervisor.stop()
            judgement = judge(made, counted(servers, cameras), source, street.troubles)
            sys.stderr.write("".join(f"{note}\n" for note in judgement.notes))
            fsck = _fsck(made)
    garbage.stop()
    for server in servers:
        server.cameras.stop()
    return _line(seconds, judgement, fsck, growth)


def counted(servers: list[Server], cameras: list[CameraId]) -> dict[CameraId, list[tuple[Path, str]]]:
    """Where the pushed pictures of each camera are counted: statistics files and the mount's name."""
    found: dict[CameraId, list[tuple[Path, str]]] = {}
    number = 0
    for server in servers:
        files = [server.stats.with_suffix(f".{life}.json") for life in range(1, server.lives + 1)]
        for mount in range(server.count):
            found[cameras[number]] = [(file, f"cam{mount}") for file in files]
            number += 1
    return found


def _hurt(street: Street, cameras: list[CameraId], seconds: float) -> float:
    """Start the recorder, do one thing after the other to it; returns how much its memory has grown, 10^6 bytes."""
    words = [sys.executable, "-m", "custodes.cli.worker", "recorder", "--dir", str(street.made.layout.root)]
    environment = [f"{name}={value}" for name, value in street.clock.environment.items()]
    street.supervisor.start("recorder", ["env", *environment, *words], street.made.layout.root / "run" / "recorder.log")
    segments = street.made.layout.store / "segments"
    wait_for("every camera is recorded", lambda: all(list((segments / each).rglob("*.segment")) for each in cameras))
    watching = threading.Event()

    def watch() -> None:
        while not watching.wait(0.1):
            street.supervisor.check()

    watcher = threading.Thread(target=watch)
    watcher.start()
    ended = time.monotonic() + seconds
    time.sleep(min(WARM_UP_S, seconds / 4))
    first = _memory(street)
    troubles: list[Callable[[], None]] = [
        street.restart_server, street.freeze_server, street.kill_shard, street.kill_coordinator,
        street.fill_disk, street.set_clock,
    ]  # fmt: skip
    turn: list[Callable[[], None]] = []
    while time.monotonic() < ended - 30:
        turn = turn or street.chance.sample(troubles, len(troubles))
        turn.pop()()
        time.sleep(street.chance.uniform(12, 22))
    time.sleep(max(0.0, ended - time.monotonic()))
    growth = _memory(street) - first
    watching.set()
    watcher.join()
    return growth


def _memory(street: Street) -> float:
    root = street.recorder()
    return pss_mb(process_tree(root)) if root else 0.0


def _fsck(made: Deployment) -> int:
    """How much ``custodes fsck`` finds wrong."""
    words = [sys.executable, "-m", "custodes", "fsck", "--dir", str(made.layout.root), "--hashes", "--json"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    sys.stderr.write(ran.stderr)
    found = json.loads(ran.stdout)
    if found["problems"]:
        sys.stderr.write(ran.stdout)
    return int(found["problems"])


def _line(seconds: float, judgement: Judgement, fsck: int, growth: float) -> dict[str, float]:
    return {
        "seconds": seconds,
        "gaps": judgement.gaps,
        "gaps_unexplained": judgement.unexplained,
        "received_lost_s_max": round(judgement.lost_s_max, 2),
        "outage_s_max": round(judgement.outage_s_max, 2),
        "fsck_errors": fsck,
        "rss_growth_mb": round(growth, 1),
    }


if __name__ == "__main__":
    main()
