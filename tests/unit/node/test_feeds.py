# SPDX-License-Identifier: AGPL-3.0-or-later
"""Live masked video between masker and web: what is sent arrives, and silence is told as such."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies

from custodes.clock import Instant, SystemClock
from custodes.domain.feeds import FeedEvent, FeedState
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Fragment, FrameNote, InitSegment, SourceTime
from custodes.errors import CustodesError, Kind
from custodes.node.runtime import feedwire
from custodes.node.runtime.feedclient import SocketFeeds
from custodes.node.runtime.feedserver import FeedServer

CAMERA, OTHER = CameraId("a" * 26), CameraId("b" * 26)
INIT = InitSegment("avc1.42E01F", 640, 360, b"init")
SHOWN = FeedState(CAMERA, None, Instant(5), "")


def fragment(start: int, key: bool, cover: Cover | None = None) -> Fragment:
    note = FrameNote(SourceTime(1, 9), cover, 12)
    return Fragment(CAMERA, Instant(start), 400, key, b"piece %d" % start, (note, note), "masker")


LATE = FeedState(CAMERA, Cover.LATE, Instant(9), "too late")
UNCONFIRMED = replace(fragment(3, True), frames=(FrameNote(None, None, 500, confirmed=False),) * 2)
EVENTS: list[FeedEvent] = [INIT, SHOWN, LATE, fragment(1, True), fragment(2, False), UNCONFIRMED]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_comes_out_as_it_went_in(event: FeedEvent) -> None:
    message = feedwire.encode(CAMERA, event)
    length = int.from_bytes(message[:4])
    head, rest = message[4 : 4 + length], message[4 + length :]
    assert int.from_bytes(rest[:4]) == len(rest) - 4
    assert feedwire.decode(head, rest[4:]) == (CAMERA, event)


@given(strategies.binary(max_size=100), strategies.binary(max_size=10))
def test_a_message_that_is_none_raises_one_type_only(head: bytes, body: bytes) -> None:
    with pytest.raises(CustodesError, check=lambda problem: problem.kind is Kind.CORRUPT):
        feedwire.decode(head, body)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "live.sock"


@pytest.fixture
def server(path: Path) -> Iterator[FeedServer]:
    found = FeedServer(path)
    yield found
    found.close()


def following(path: Path, test: Callable[[SocketFeeds], Awaitable[None]]) -> None:
    """Run a test beside the client's own task, with a generous limit."""

    async def run() -> None:
        feeds = SocketFeeds(path, SystemClock())
        task = asyncio.create_task(feeds.run())
        try:
            await asyncio.wait_for(test(feeds), 60)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


async def take(events: AsyncIterator[FeedEvent], until: Callable[[FeedEvent], bool]) -> list[FeedEvent]:
    found: list[FeedEvent] = []
    async for event in events:
        found.append(event)
        if until(event):
            return found
    raise AssertionError("the feed ended")


def test_a_new_reader_starts_at_the_last_key_picture(path: Path, server: FeedServer) -> None:
    for event in (INIT, SHOWN, fragment(1, True), fragment(2, False), fragment(3, True), fragment(4, False)):
        server.publish(CAMERA, event)

    async def test(feeds: SocketFeeds) -> None:
        async with feeds.subscribe(CAMERA) as events:
            seen = await take(events, lambda event: event == fragment(4, False))
        assert [event for event in seen if isinstance(event, Fragment)] == [fragment(3, True), fragment(4, False)]
        assert INIT in seen
        assert feeds.state(CAMERA).cover is None
        # Another one, later, is given the same start.
        async with feeds.subscribe(CAMERA) as events:
            again = await take(events, lambda event: event == fragment(4, False))
        assert again[1:] == [INIT, fragment(3, True), fragment(4, False)]

    following(path, test)


def test_before_anything_came_and_after_the_masker_is_gone_every_camera_is_covered(
    path: Path, server: FeedServer
) -> None:
    server.publish(CAMERA, INIT)
    server.publish(CAMERA, SHOWN)

    async def test(feeds: SocketFeeds) -> None:
        assert feeds.state(CAMERA).cover is Cover.MASKER_DOWN
        assert feeds.state(OTHER).cover is Cover.MASKER_DOWN
        async with feeds.subscribe(CAMERA) as events:
            await take(events, lambda event: event == SHOWN)
            server.publish(CAMERA, fragment(1, True))
            await take(events, lambda event: event == fragment(1, True))
            server.close()
            told = await take(events, lambda event: isinstance(event, FeedState))
        assert isinstance(told[-1], FeedState)
        assert told[-1].cover is Cover.MASKER_DOWN
        # Whoever comes now gets no old picture.
        async with feeds.subscribe(CAMERA) as events:
            first = await anext(events)
            assert isinstance(first, FeedState)
            assert first.cover is Cover.MASKER_DOWN
        assert not feeds._channel(CAMERA).recent

    following(path, test)


def test_a_masker_that_falls_silent_is_taken_for_down(path: Path, server: FeedServer) -> None:
    server.publish(CAMERA, INIT)
    server.publish(CAMERA, SHOWN)

    async def test(feeds: SocketFeeds) -> None:
        async with feeds.subscribe(CAMERA) as events:
            await take(events, lambda event: event == SHOWN)
            seen = await take(events, lambda event: isinstance(event, FeedState))
        assert isinstance(seen[-1], FeedState)
        assert seen[-1].cover is Cover.MASKER_DOWN
        assert "two seconds" in seen[-1].detail

    following(path, test)


def test_whoever_comes_after_a_cover_began_gets_no_picture_from_before_it(path: Path, server: FeedServer) -> None:
    frozen = FeedState(CAMERA, Cover.FROZEN, Instant(3), "")
    for event in (INIT, SHOWN, fragment(1, True), fragment(2, False), frozen):
        server.publish(CAMERA, event)

    async def test(feeds: SocketFeeds) -> None:
        covered = fragment(3, True, Cover.FROZEN)
        async with feeds.subscribe(CAMERA) as events:
            await take(events, lambda event: event == frozen)
            server.publish(CAMERA, covered)
            first = await take(events, lambda event: isinstance(event, Fragment))
        assert [event for event in first if isinstance(event, Fragment)] == [covered]
        # Said again, with the covered picture there already, it takes nothing away.
        server.publish(CAMERA, FeedState(CAMERA, Cover.NO_SIGNAL, Instant(4), ""))
        server.publish(CAMERA, fragment(5, False, Cover.NO_SIGNAL))
        async with feeds.subscribe(CAMERA) as events:
            again = await take(events, lambda event: event == fragment(5, False, Cover.NO_SIGNAL))
        assert covered in again

    following(path, test)


def test_the_fragment_itself_decides_whether_the_camera_is_covered(path: Path, server: FeedServer) -> None:
    server.publish(CAMERA, INIT)
    server.publish(CAMERA, SHOWN)

    async def test(feeds: SocketFeeds) -> None:
        async with feeds.subscribe(CAMERA) as events:
            await take(events, lambda event: event == SHOWN)
            server.publish(CAMERA, fragment(1, True, Cover.FROZEN))
            seen = await take(events, lambda event: isinstance(event, Fragment))
        state = seen[-2]
        assert isinstance(state, FeedState)
        assert state.cover is Cover.FROZEN
        assert feeds.state(CAMERA).cover is Cover.FROZEN

    following(path, test)


def test_a_reader_that_lags_starts_anew_at_a_key_picture_and_never_sees_a_torn_sequence(
    path: Path, server: FeedServer
) -> None:
    async def test(feeds: SocketFeeds) -> None:
        server.publish(CAMERA, INIT)
        server.publish(CAMERA, SHOWN)
        async with feeds.subscribe(CAMERA) as slow, feeds.subscribe(CAMERA) as quick:
            await take(quick, lambda event: event == SHOWN)
            for number in range(400):
                server.publish(CAMERA, fragment(number, number % 5 == 0))
                await asyncio.sleep(0.001)
            await take(quick, lambda event: event == fragment(399, False))
            late = await take(slow, lambda event: event == fragment(399, False))
        starts = [event.start for event in late if isinstance(event, Fragment)]
        assert len(starts) < 400
        for before, after in itertools.pairwise(starts):
            assert after == before + 1 or after % 5 == 0

    following(path, test)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff" * 64,
        (60_000).to_bytes(4) + b"[" * 60_000 + bytes(4),
        b"\0\0\0\1x\0\0\0\0",
        (3).to_bytes(4) + b"{}}" + bytes(4),
    ],
)
def test_nonsense_on_the_socket_covers_and_is_survived(path: Path, nonsense: bytes) -> None:
    path.parent.mkdir()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    listener.setblocking(False)

    async def test(feeds: SocketFeeds) -> None:
        loop = asyncio.get_running_loop()
        connection, _ = await loop.sock_accept(listener)
        await loop.sock_sendall(connection, feedwire.encode(CAMERA, SHOWN))
        async with feeds.subscribe(CAMERA) as events:
            await take(events, lambda event: event == SHOWN)
            await loop.sock_sendall(connection, nonsense)
            told = await take(events, lambda event: isinstance(event, FeedState))
        assert isinstance(told[-1], FeedState)
        assert told[-1].cover is Cover.MASKER_DOWN
        connection.close()
        again, _ = await loop.sock_accept(listener)  # it comes back
        again.close()

    following(path, test)
    listener.close()


def test_only_its_owner_can_read_the_socket(path: Path, server: FeedServer) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
