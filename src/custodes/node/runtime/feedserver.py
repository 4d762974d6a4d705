# SPDX-License-Identifier: AGPL-3.0-or-later
"""The masker's end of the live feed: a Unix socket on which every reader gets every camera's masked fragments."""

import queue
import socket
import threading
from pathlib import Path

from custodes.domain.feeds import FeedEvent, FeedState
from custodes.domain.ids import CameraId
from custodes.domain.video import Fragment, InitSegment
from custodes.node.runtime import feedwire
from custodes.trust.tlog.store import make_folder

_QUEUE = 500
"""Messages that a reader may lag behind (about a minute of three cameras) before it is cut off."""


class _Reader:
    """One connected reader with a thread of its own, so that a slow one delays nobody."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._messages: queue.Queue[bytes | None] = queue.Queue(_QUEUE)
        self.gone = False
        threading.Thread(target=self._run, name="feed reader", daemon=True).start()

    def send(self, message: bytes) -> None:
        try:
            self._messages.put_nowait(message)
        except queue.Full:
            self.gone = True
            self._connection.close()

    def _run(self) -> None:
        try:
            while (message := self._messages.get()) is not None:
                self._connection.sendall(message)
        except OSError:
            self.gone = True
        finally:
            self._connection.close()

    def close(self) -> None:
        self.gone = True
        self._connection.close()


class FeedServer:
    """Publishes events; a new reader first gets each camera's init, state and fragments since the last key picture."""

    def __init__(self, path: Path) -> None:
        make_folder(path.parent)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(8)
        self._lock = threading.Lock()
        self._readers: list[_Reader] = []
        self._inits: dict[CameraId, bytes] = {}
        self._states: dict[CameraId, bytes] = {}
        self._shown: dict[CameraId, bool] = {}
        self._recent: dict[CameraId, list[bytes]] = {}
        threading.Thread(target=self._accept, name="feed listener", daemon=True).start()

    def publish(self, camera: CameraId, event: FeedEvent) -> None:
        """Hand an event to every reader; never blocks."""
        message = feedwire.encode(camera, event)
        with self._lock:
            match event:
                case InitSegment():
                    self._inits[camera] = message
                case FeedState():
                    # Who comes after a cover began gets nothing from before it; the next fragment is a key picture's.
                    if event.cover is not None and self._shown.get(camera):
                        self._recent.pop(camera, None)
                    self._states[camera] = message
                case Fragment():
                    recent = self._recent.setdefault(camera, [])
                    if event.key:
                        recent.clear()
                    recent.append(message)
                    self._shown[camera] = event.frames[-1].cover is None
            self._readers = [reader for reader in self._readers if not reader.gone]
            for reader in self._readers:
                reader.send(message)

    def close(self) -> None:
        """Close the socket and every connection."""
        self._listener.close()
        with self._lock:
            for reader in self._readers:
                reader.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            reader = _Reader(connection)
            with self._lock:
                for camera, init in self._inits.items():
                    for message in (init, self._states.get(camera), *self._recent.get(camera, ())):
                        if message is not None:
                            reader.send(message)
                self._readers.append(reader)
