# SPDX-License-Identifier: AGPL-3.0-or-later
"""The program: ``python -m custodes.demo.cameras``. See ``main``."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TypeAlias

from custodes.clock import SECOND, SystemClock
from custodes.demo.cameras import journal
from custodes.demo.cameras.auth import Login
from custodes.demo.cameras.camera import Fault, VirtualCamera
from custodes.demo.cameras.control import watch
from custodes.demo.cameras.delivery import Stream
from custodes.demo.cameras.encoder import MAIN, SUB
from custodes.demo.cameras.server import SESSION_TIMEOUT_S, RtspServer
from custodes.demo.cameras.source import RATE, PictureSource, VideoSource
from custodes.demo.street import Street
from custodes.errors import CustodesError, invalid

_MAX_CAMERAS = 64
_APART_S = Fraction(10)
"""How far apart in one file two cameras that share it begin."""
_PICTURE = SECOND // RATE

MakeSource: TypeAlias = Callable[[], PictureSource]


def main(argv: Sequence[str] | None = None) -> int:
    """Serve virtual cameras on loopback until SIGTERM, SIGINT, the end of a piped standard input or the parent's death.

    Prints one JSON line when every camera can be described: ``{"port", "cameras": [{"name", "main", "sub"}]}``
    (``sub`` is null with ``--main-only``). Standard input takes faults, a line each, answered by a JSON line
    ``{"order", "camera", "done"}``: ``freeze NAME``, ``stick NAME``, ``hang NAME`` (see ``Fault``), ``resume NAME``,
    and ``drop NAME``, which breaks the connections. Exit codes: 0 stopped, 1 a camera failed, 2 unusable arguments,
    3 the port is taken.
    """
    arguments = _parser().parse_args(argv)
    try:
        sources = _sources(arguments)
        journal.prepare(arguments.folder)
        return asyncio.run(_serve(arguments, sources))
    except CustodesError as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return 2
    except OSError as problem:
        print(f"the cameras cannot work: {problem.strerror}", file=sys.stderr)  # noqa: T201
        return 3


async def _serve(arguments: argparse.Namespace, sources: list[MakeSource]) -> int:
    return await _Program(arguments, sources).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "custodes.demo.cameras", description="Virtual cameras that serve RTSP on loopback."
    )
    parser.add_argument("--folder", type=Path, required=True, help="where the journal of what is sent goes")
    parser.add_argument("--cameras", type=int, default=3, help="how many (1 to 64)")
    parser.add_argument("--seed", type=int, default=1, help="of the rendered street")
    parser.add_argument("--video", type=Path, action="append", default=[], help="a file to show instead, looped")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--main-only", action="store_true", help="no sub streams")
    parser.add_argument("--auth", default="", metavar="USER:PASSWORD", help="ask clients for it (Digest or Basic)")
    parser.add_argument("--session-timeout", type=int, default=SESSION_TIMEOUT_S, help="seconds without keep-alive")
    return parser


def _sources(arguments: argparse.Namespace) -> list[MakeSource]:
    """Return a source per camera. Raises ``CustodesError`` (INVALID)."""
    count, videos = arguments.cameras, arguments.video
    if not 1 <= count <= _MAX_CAMERAS:
        raise invalid(f"--cameras must lie between 1 and {_MAX_CAMERAS}")
    if not 0 <= arguments.port <= 65535:
        raise invalid("--port must lie between 0 and 65535")
    _login(arguments.auth)
    if arguments.session_timeout < 1:
        raise invalid("--session-timeout must be at least 1")
    if videos:
        shown = [VideoSource(videos[i % len(videos)], i // len(videos) * _APART_S) for i in range(count)]
        return [partial(_itself, video) for video in shown]
    return [partial(Street, arguments.seed, view) for view in range(count)]


def _itself(source: PictureSource) -> PictureSource:
    return source


def _login(text: str) -> Login | None:
    if not text:
        return None
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise invalid("--auth takes USER:PASSWORD")
    return Login(user, password)


class _Program:
    """The cameras, the server and what ends them."""

    def __init__(self, arguments: argparse.Namespace, sources: list[MakeSource]) -> None:
        self._arguments = arguments
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        clock, folder = SystemClock(), arguments.folder
        forms = [MAIN] if arguments.main_only else [MAIN, SUB]
        # Key pictures are spread over a second, and the work on ordinary ones over the time of one picture.
        count = len(sources)
        apart = SECOND // count // _PICTURE * _PICTURE + _PICTURE // count
        self._streams: dict[str, list[Stream]] = {}
        self._cameras: dict[str, VirtualCamera] = {}
        for number, source in enumerate(sources):
            name = f"camera-{number + 1}"
            streams = self._streams[name] = [Stream(name, form) for form in forms]
            post = self._loop.call_soon_threadsafe
            self._cameras[name] = VirtualCamera(name, source, streams, folder, clock, post, number * apart % SECOND)
        self._server = RtspServer(
            [stream for streams in self._streams.values() for stream in streams],
            clock,
            lambda play: journal.write_play(folder, play),
            login=_login(arguments.auth),
            session_timeout_s=arguments.session_timeout,
        )

    async def run(self) -> int:
        """Serve until the end; return the exit code."""
        port = await self._server.start(self._arguments.port)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._end.set)
        with ThreadPoolExecutor(len(self._cameras), "camera") as pool, watch(self._loop, self._obey, self._end.set):
            working = [self._loop.run_in_executor(pool, camera.run) for camera in self._cameras.values()]
            for camera in working:
                camera.add_done_callback(lambda _done: self._end.set())
            if await self._ready():
                self._announce(port)
                await self._end.wait()
            for each in self._cameras.values():
                each.stop()
            failures = [failure for failure in await asyncio.gather(*working, return_exceptions=True) if failure]
        await self._server.stop()
        for failure in failures:
            print(f"a virtual camera failed: {failure}", file=sys.stderr)  # noqa: T201
        return 1 if failures else 0

    async def _ready(self) -> bool:
        """Wait until every stream can be described; False if the end comes first."""
        ending = asyncio.ensure_future(self._end.wait())
        for streams in self._streams.values():
            for stream in streams:
                ready = asyncio.ensure_future(stream.ready.wait())
                await asyncio.wait({ready, ending}, return_when=asyncio.FIRST_COMPLETED)
                ready.cancel()
        ending.cancel()
        return not self._end.is_set()

    def _announce(self, port: int) -> None:
        cameras = []
        for name, streams in self._streams.items():
            addresses = {stream.form.role.value: f"rtsp://127.0.0.1:{port}/{stream.path}" for stream in streams}
            cameras.append({"name": name, "main": addresses["main"], "sub": addresses.get("sub")})
        _say({"port": port, "cameras": cameras})

    def _obey(self, line: str) -> None:
        """Carry out a control line and say so."""
        order, _, name = line.strip().partition(" ")
        camera = self._cameras.get(name)
        done = camera is not None
        if camera is None:
            pass
        elif order == "drop":
            self._server.drop(name)
        elif order == "resume":
            camera.fault = None
        elif order in {fault.value for fault in Fault}:
            camera.fault = Fault(order)
        else:
            done = False
        _say({"order": order, "camera": name, "done": done})


def _say(value: dict[str, object]) -> None:
    print(json.dumps(value), flush=True)  # noqa: T201
