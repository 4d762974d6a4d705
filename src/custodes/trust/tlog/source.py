# SPDX-License-Identifier: Apache-2.0
"""Reading a log from where anyone may have put it, and speaking to witnesses: bounded, and trusting nothing."""

import http.client
import socket
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from custodes.errors import corrupt, invalid, unavailable

TIMEOUT = 20.0
"""Seconds without an answer after which a server counts as unavailable."""
_MAX_ANSWER = 512 * 1024
_HEADERS = {"Accept-Encoding": "gzip, identity", "User-Agent": "custodes"}

Post = Callable[[bytes], tuple[int, bytes]]
"""Send a request body, return HTTP status and answer; raises ``CustodesError`` (UNAVAILABLE)."""


class Source(Protocol):
    """Files of a log by path (``checkpoint``, ``tile/…``)."""

    def read(self, path: str, limit: int) -> bytes | None:
        """Return a file, None if there is none.

        Raises ``CustodesError``: CORRUPT if it is longer than ``limit`` bytes, UNAVAILABLE if it cannot be had now.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def open_source(location: str) -> Source:
    """Open a log at an ``http(s)://`` prefix or in a folder; raises ``CustodesError`` (INVALID)."""
    if location.startswith(("http://", "https://")):
        return HttpSource(location)
    folder = Path(location)
    if not folder.is_dir():
        raise invalid(f"there is no folder {location}, and it is no http address")
    return FolderSource(folder)


class FolderSource:
    """A log's files on disk, laid out as they are served."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str, limit: int) -> bytes | None:
        try:
            with (self._folder / path).open("rb") as file:
                data = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as problem:
            raise unavailable(f"{path} cannot be read: {problem.strerror}") from None
        return _bounded(data, limit, path)

    def close(self) -> None:
        """Nothing is held."""


class HttpSource:
    """A log served over HTTP(S). One connection is kept open; redirects are not followed. Not for several threads."""

    def __init__(self, prefix: str) -> None:
        self._connection = _connect(prefix)
        self._prefix = urlsplit(prefix).path.rstrip("/")

    def read(self, path: str, limit: int) -> bytes | None:
        for attempt in (1, 2):
            try:
                self._connection.request("GET", f"{self._prefix}/{path}", headers=_HEADERS)
                response = self._connection.getresponse()
                data = response.read(limit + 1)
                break
            except (http.client.HTTPException, OSError) as problem:
                self._connection.close()
                # The server may have closed the idle connection; one new one tells whether it is alive.
                if attempt == 2 or isinstance(problem, socket.timeout):
                    raise unavailable(f"the log does not answer: {_reason(problem)}") from None
        if len(data) > limit:
            self._connection.close()
        elif response.length:
            self._connection.close()
            raise unavailable(f"the log breaks off in the middle of {path}")
        if response.status in (404, 410):
            return None
        if response.status != 200:
            raise unavailable(f"the log answers {response.status} for {path}")
        if response.getheader("Content-Encoding", "identity").lower() == "gzip":
            data = _gunzip(_bounded(data, limit, path), limit, path)
        return _bounded(data, limit, path)

    def close(self) -> None:
        self._connection.close()


def http_post(url: str) -> Post:
    """Return a function that posts bodies to ``url``, each on a new connection; raises ``CustodesError`` (INVALID)."""
    _connect(url).close()

    def post(body: bytes) -> tuple[int, bytes]:
        connection = _connect(url)
        try:
            connection.request("POST", urlsplit(url).path or "/", body, {"Content-Type": "text/plain; charset=utf-8"})
            response = connection.getresponse()
            return response.status, _bounded(response.read(_MAX_ANSWER + 1), _MAX_ANSWER, "the answer")
        except (http.client.HTTPException, OSError) as problem:
            raise unavailable(f"{urlsplit(url).netloc} does not answer: {_reason(problem)}") from None
        finally:
            connection.close()

    return post


def _connect(url: str) -> http.client.HTTPConnection:
    """Return a connection that is made at the first request; raises ``CustodesError`` (INVALID)."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise invalid(f"not an address: {url}") from None
    plain = url.isascii() and url.isprintable() and " " not in url and "@" not in parts.netloc
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or not plain:
        raise invalid(f"not an http or https address without user, query and fragment: {url}")
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT)
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT)


def _gunzip(data: bytes, limit: int, path: str) -> bytes:
    """Logs may compress without being asked (tlog-tiles, "Log entries")."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(data, limit + 1)
    except zlib.error:
        raise corrupt(f"log: {path} is not valid gzip") from None
    if not unpacker.eof and len(plain) <= limit:
        raise corrupt(f"log: {path} is not valid gzip")
    return plain


def _bounded(data: bytes, limit: int, path: str) -> bytes:
    if len(data) > limit:
        raise corrupt(f"log: {path} is longer than {limit} bytes")
    return data


def _reason(problem: Exception) -> str:
    return str(problem) or type(problem).__name__
