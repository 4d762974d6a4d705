# SPDX-License-Identifier: AGPL-3.0-or-later
"""Watching a scripted camera through ``CameraStream``: what came, what was said of it, and that it ends."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from tests.ingest_streams import permit
from tests.rtp_packets import Picture
from tests.scripted_camera import QuirkyCamera

from custodes.clock import SystemClock
from custodes.domain.video import Gap, GapCause, Packet, StreamUrl
from custodes.video.ingest.session import CameraStream

Event = Packet | Gap
Done = TypeVar("Done")
USER, PASSWORD = "warden", "hush-9f31c7"
PATIENCE_S = 8.0
"""After this a test gives up on an event that does not come."""


def watch(
    camera: QuirkyCamera,
    until: Callable[[list[Event]], bool],
    *,
    url: str = "",
    transport: str = "tcp",
    nap_s: float = 0.0,
    silence_s: float = 1.0,
    backoff: tuple[float, float] = (0.05, 0.2),
    secrets: Sequence[str] = (USER, PASSWORD),
) -> list[Event]:
    """All events up to STOPPED, which is asked for when ``until`` says so, or when patience ends.

    The address holds a user name and a password; neither may stand in any event.
    """
    stop, events = threading.Event(), []
    address = url or camera.plain_url.replace("://", f"://{USER}:{PASSWORD}@")
    stream = CameraStream(
        StreamUrl(address),
        permit(),
        SystemClock(),
        transport=transport,
        nap_s=nap_s,
        silence_s=silence_s,
        backoff=backoff,
    )
    impatience = threading.Timer(PATIENCE_S, stop.set)
    impatience.start()
    try:
        for event in stream.events(stop):
            events.append(event)
            if until(events):
                stop.set()
    finally:
        impatience.cancel()
        impatience.join()
    told = repr([event for event in events if isinstance(event, Gap)]) + repr(stream)
    assert not [secret for secret in secrets if secret in told]
    return events


def pictures(events: Iterable[Event]) -> list[Packet]:
    return [event for event in events if isinstance(event, Packet)]


def causes(events: Iterable[Event]) -> list[GapCause]:
    """What was said of holes, without the first (CONNECTING) and the last (STOPPED)."""
    found = [event.cause for event in events if isinstance(event, Gap)]
    assert found[0] is GapCause.CONNECTING
    assert found[-1] is GapCause.STOPPED
    return found[1:-1]


def gap(*wanted: GapCause) -> Callable[[list[Event]], bool]:
    """A hole with one of these causes was told; any but the first where none is named."""

    def told(events: list[Event]) -> bool:
        last = events[-1]
        return isinstance(last, Gap) and (last.cause in wanted if wanted else last.cause is not GapCause.CONNECTING)

    return told


ENDED = gap(GapCause.ENDED)


def received(number: int) -> Callable[[list[Event]], bool]:
    """So many pictures have come."""
    return lambda events: len(pictures(events)) >= number


def _short(nals: Iterable[bytes]) -> str:
    """What a failure can show: the lengths of the NAL units and the hash of all their bytes."""
    kept = tuple(nals)
    lengths = "+".join(str(len(nal)) for nal in kept[:6]) + ("+…" if len(kept) > 6 else "")
    digest = sha256()
    for nal in kept:
        digest.update(len(nal).to_bytes(4, "big") + nal)
    return f"{len(kept)} units of {lengths} bytes, {digest.hexdigest()[:16]}"


def story(events: Iterable[Event]) -> list[str | GapCause]:
    """What happened between CONNECTING and STOPPED: each picture's bytes in short, and the cause of each hole."""
    return [_short(event.nals) if isinstance(event, Packet) else event.cause for event in events][1:-1]


def whole(sent: Iterable[Picture | Packet]) -> list[str | GapCause]:
    """The story of pictures that all came."""
    return [_short(picture.nals) for picture in sent]


def broken(sent: Sequence[Picture], damaged: int, count: int = 1) -> list[str | GapCause]:
    """The story of pictures that lost packets: they are left out and told of, and the next one goes on."""
    return [*whole(sent[:damaged]), GapCause.LOST, *whole(sent[damaged + count :])]


def together(jobs: Mapping[str, Callable[[], Done]]) -> dict[str, Done]:
    """Do these at the same time: what takes long because a camera waits takes as long for many as for one."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        begun = {name: pool.submit(job) for name, job in jobs.items()}
        return {name: each.result() for name, each in begun.items()}


class Memory:
    """The most memory this process had resident since ``Memory()``, beyond what it had then; bytes (Linux)."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")
        self._before = self._read("VmRSS")

    @staticmethod
    def _read(name: str) -> int:
        status = Path("/proc/self/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1]) * 1024

    @property
    def grown(self) -> int:
        return self._read("VmHWM") - self._before
