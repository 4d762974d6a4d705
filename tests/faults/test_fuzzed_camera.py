# SPDX-License-Identifier: AGPL-3.0-or-later
"""A camera gone mad (``fuzz_camera.py``, a process of its own) takes down its own stream at most."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ingest_streams import permit

from custodes.clock import SystemClock
from custodes.domain.video import Gap, GapCause, Packet, StreamUrl
from custodes.video.ingest.session import CameraStream

SECONDS = 9.0
WAYS = [("tcp", 0.0), ("tcp", 0.05), ("udp", 0.0)]
ROOM = 64 << 20
PASSWORD = "hush-9f31c7"


@pytest.fixture(params=[1, 20_260_101], ids=lambda seed: f"seed {seed}")
def mad(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """The camera's process."""
    command = [
        sys.executable,
        "-m",
        "tests.faults.fuzz_camera",
        "--seconds",
        str(SECONDS),
        "--seed",
        str(request.param),
    ]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


class Watched:
    """A stream that is read on a thread; keeps what is needed for judging it, not the pictures."""

    def __init__(self, url: str, transport: str, nap_s: float) -> None:
        self.stop = threading.Event()
        self.pictures = 0
        self.gaps: list[Gap] = []
        self.wrong: list[object] = []
        self.failure: BaseException | None = None
        self._stream = CameraStream(
            StreamUrl(url),
            permit(),
            SystemClock(),
            transport=transport,  # type: ignore[arg-type]
            nap_s=nap_s,
            silence_s=0.3,
            backoff=(0.01, 0.02),
        )
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        try:
            for event in self._stream.events(self.stop):
                self._judge(event)
        except BaseException as failure:  # noqa: BLE001  (that there is none is what the test is about)
            self.failure = failure

    def _judge(self, event: Packet | Gap) -> None:
        if isinstance(event, Gap):
            self.gaps.append(event)
            plain = event.detail.isprintable() and len(event.detail) < 200 and PASSWORD not in event.detail
            # A reader that dies of something unforeseen says so by the name of the exception.
            if not plain or "Error" in event.detail:
                self.wrong.append(event)
        else:
            self.pictures += 1
            sized = 0 < event.info.width <= 16_384 and 0 < event.info.height <= 16_384
            if not event.nals or not all(event.nals) or not sized or len(event.info.parameter_sets) > 100:
                self.wrong.append((len(event.nals), event.info))


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def eventually(condition: object, seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:  # type: ignore[operator]
        time.sleep(0.05)
    return bool(condition())  # type: ignore[operator]


def test_a_camera_gone_mad_raises_nothing_takes_no_memory_and_is_left_when_asked(mad: subprocess.Popen[str]) -> None:
    assert mad.stdout is not None
    assert mad.stderr is not None
    url = json.loads(mad.stdout.readline())["url"].replace("://", f"://warden:{PASSWORD}@")
    threads, files = threading.active_count(), descriptors()
    streams = [Watched(url, transport, nap_s) for transport, nap_s in WAYS]
    time.sleep(2.0)
    before = resident()
    time.sleep(SECONDS - 4.0)
    grown = resident() - before
    alive = [stream.thread.is_alive() for stream in streams]
    for stream in streams:
        stream.stop.set()
    for stream in streams:
        stream.thread.join(5.0)

    assert [stream.failure for stream in streams] == [None] * len(WAYS)
    assert alive == [True] * len(WAYS)
    assert [stream.thread.is_alive() for stream in streams] == [False] * len(WAYS)
    assert [stream.wrong for stream in streams] == [[]] * len(WAYS)
    assert all(stream.gaps[-1].cause is GapCause.STOPPED for stream in streams)
    assert all(stream.pictures for stream in streams)
    assert grown < ROOM
    assert eventually(lambda: threading.active_count() <= threads)
    assert eventually(lambda: descriptors() <= files)

    told, problems = mad.communicate(timeout=30)
    assert problems == ""
    assert json.loads(told)["connections"] > 10
    assert json.loads(told)["bent"] > 200
