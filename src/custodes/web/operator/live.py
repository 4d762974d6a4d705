# SPDX-License-Identifier: AGPL-3.0-or-later
"""Live masked video: one WebSocket per page, many cameras.

The page sends JSON: ``{"subscribe": camera}``, ``{"unsubscribe": camera}``. The server answers with text, JSON:
``{"camera", "state": {"cover", "words", "detail", "since"}}`` (``cover`` null: shown; ``since`` in milliseconds),
``{"camera", "init": {"codec", "width", "height"}}`` (binary follows), ``{"camera", "error"}``; and with binary frames:
1 byte kind (1 init segment, 2 fragment), 26 bytes camera id, then for a fragment start (ms since 1970, 8 bytes),
duration (ms, 4 bytes) and 1 byte that is 1 if any picture in it is covered, all big-endian; then the data.

A viewing begins before a camera's first picture is sent and ends with the subscription, however that ends.
"""

import asyncio
import json
from typing import Annotated, assert_never

import anyio
from fastapi import APIRouter, Depends, WebSocket
from fastapi.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect, WebSocketDisconnected

from custodes.clock import MILLISECOND
from custodes.domain.feeds import FeedEvent, FeedState
from custodes.domain.ids import CameraId, check_id
from custodes.domain.video import Fragment, InitSegment
from custodes.errors import CustodesError, invalid
from custodes.node.acts import viewing as acts
from custodes.node.queries import cameras
from custodes.node.queries.views import Session
from custodes.web import words
from custodes.web.errors import CLOSE_DENIED
from custodes.web.operator.viewings import Viewings
from custodes.web.rendering import sentence
from custodes.web.security import OPERATOR_ONLY, operator, services_of

router = APIRouter(prefix="/operator", dependencies=[OPERATOR_ONLY])
_MOST_CAMERAS = 64
_CHECK_SECONDS = 2.0
_INIT, _FRAGMENT = 1, 2


@router.websocket("/live")
async def live(socket: WebSocket, session: Annotated[Session, Depends(operator)]) -> None:
    """Serve one page until it goes or its session ends."""
    await socket.accept()
    await _Page(socket, session).serve()


class _Page:
    """One open WebSocket and the cameras its page watches."""

    def __init__(self, socket: WebSocket, session: Session) -> None:
        self._socket = socket
        self._session = session
        self._services = services_of(socket)
        self._viewings: Viewings = socket.app.state.viewings
        self._sending = asyncio.Lock()
        self._watched: dict[CameraId, anyio.CancelScope] = {}

    async def serve(self) -> None:
        """Read what the page wants; a second task ends it all when the session is over."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._close_with_session, tasks.cancel_scope)
                while True:
                    await self._obey(await self._socket.receive_text(), tasks)
        except* (WebSocketDisconnect, WebSocketDisconnected):
            pass  # the page went away, while it spoke or while it was spoken to

    async def _close_with_session(self, everything: anyio.CancelScope) -> None:
        while True:
            await anyio.sleep(_CHECK_SECONDS)
            try:
                await run_in_threadpool(operator, self._socket)
            except CustodesError as problem:
                await self._socket.close(CLOSE_DENIED, problem.message[:120])
                everything.cancel()

    async def _obey(self, text: str, tasks: anyio.abc.TaskGroup) -> None:
        try:
            verb, camera = _parse(text)
            if verb == "unsubscribe":
                if scope := self._watched.pop(camera, None):
                    scope.cancel()
            elif camera not in self._watched:
                if len(self._watched) >= _MOST_CAMERAS:
                    raise invalid(f"a page shows at most {_MOST_CAMERAS} cameras")
                scope = self._watched[camera] = anyio.CancelScope()
                tasks.start_soon(self._watch, camera, scope)
        except CustodesError as problem:
            await self._send({"error": problem.message})

    async def _watch(self, camera: CameraId, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                await self._forward(camera)
        except CustodesError as problem:
            await self._send({"camera": camera, "error": problem.message})
        finally:
            if self._watched.get(camera) is scope:
                del self._watched[camera]

    async def _forward(self, camera: CameraId) -> None:
        store = self._services.store
        await run_in_threadpool(cameras.camera, store, camera)
        # Not to be torn apart: a viewing whose id is lost could never be ended.
        with anyio.CancelScope(shield=True):
            viewing = await run_in_threadpool(acts.begin_viewing, store, self._session.person, camera, "live")
        try:
            async with self._services.feeds.subscribe(camera) as events:
                async for event in events:
                    await self._pass_on(camera, event)
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._viewings.finish, viewing)

    async def _pass_on(self, camera: CameraId, event: FeedEvent) -> None:
        match event:
            case FeedState():
                await self._send({"camera": camera, "state": _state(event)})
            case InitSegment():
                about = {"codec": event.codec, "width": event.width, "height": event.height}
                await self._send({"camera": camera, "init": about}, _frame(_INIT, camera, event.data))
            case Fragment():
                await self._send(None, _frame(_FRAGMENT, camera, _header(event) + event.data))
            case _:
                assert_never(event)

    async def _send(self, message: dict[str, object] | None, binary: bytes | None = None) -> None:
        async with self._sending:
            if message is not None:
                await self._socket.send_text(json.dumps(message))
            if binary is not None:
                await self._socket.send_bytes(binary)


def _parse(text: str) -> tuple[str, CameraId]:
    try:
        message = json.loads(text[:1000])
        ((verb, camera),) = message.items()
    except (ValueError, AttributeError, RecursionError):
        raise invalid('a message has the form {"subscribe": camera}') from None
    if verb not in ("subscribe", "unsubscribe") or not isinstance(camera, str):
        raise invalid("a page can subscribe and unsubscribe, nothing else")
    return verb, CameraId(check_id(camera))


def _frame(kind: int, camera: CameraId, data: bytes) -> bytes:
    return bytes([kind]) + camera.encode("ascii") + data


def _header(fragment: Fragment) -> bytes:
    covered = any(note.cover is not None for note in fragment.frames)
    start = fragment.start // MILLISECOND
    return start.to_bytes(8, "big") + fragment.duration_ms.to_bytes(4, "big") + bytes([covered])


def _state(state: FeedState) -> dict[str, object]:
    return {
        "cover": state.cover.name if state.cover else None,
        "words": words.COVERS[state.cover] if state.cover else "",
        "detail": "" if state.cover and state.detail == state.cover.value else sentence(state.detail),
        "since": state.since // MILLISECOND,
    }
