# SPDX-License-Identifier: AGPL-3.0-or-later
"""RTSP messages (RFC 2326, 4 to 7): built, and read from bytes that also carry interleaved packets (10.12)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from custodes.errors import corrupt

MAX_HEAD = 32 * 1024
MAX_BODY = 256 * 1024
"""Bytes of a message's head and body; no camera needs more."""

_STATUS = re.compile(rb"RTSP/\d\.\d +(\d{3})(?: |\r|$)")
_REQUEST = re.compile(rb"([A-Z_]{3,20}) +\S+ +RTSP/\d\.\d *$")
_BEGINS = re.compile(rb"(?:RTSP/|[A-Z_]{3,20} )")


@dataclass(frozen=True, slots=True)
class Message:
    """A response (``status`` 100 to 999) or a request of the camera's (``method``, status 0).

    ``headers``: names in lower case, every value in the order it came; text as Latin-1.
    """

    status: int
    method: str
    headers: Mapping[str, tuple[str, ...]]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header, or the empty string."""
        values = self.headers.get(name)
        return values[0] if values else ""


def build(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    """A request; header values are ours and hold no line ends."""
    lines = [f"{method} {url} RTSP/1.0", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("utf-8")


def build_answer(status: str, cseq: str) -> bytes:
    """An answer to a request of the camera's."""
    return f"RTSP/1.0 {status}\r\nCSeq: {cseq[:20]}\r\n\r\n".encode("latin-1", "replace")


def may_begin(data: bytes | bytearray, at: int) -> bool:
    """Whether a message may begin at this byte, as far as can be seen."""
    return _BEGINS.match(data, at) is not None


def read(data: bytes | bytearray, begin: int) -> tuple[Message, int] | None:
    """Read the message at ``begin``; returns it and the place behind it, or None if it is not complete yet.

    A message that is too large or malformed raises ``CustodesError`` (CORRUPT).
    """
    end = data.find(b"\r\n\r\n", begin, begin + MAX_HEAD)
    if end < 0:
        if len(data) - begin >= MAX_HEAD:
            raise corrupt("the camera's answer has no end")
        return None
    first, *lines = bytes(data[begin:end]).split(b"\r\n")
    headers: dict[str, tuple[str, ...]] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon:
            key = name.strip().lower().decode("latin-1")
            headers[key] = (*headers.get(key, ()), value.strip().decode("latin-1"))
    length = _length(headers)
    body = end + 4
    if len(data) - body < length:
        return None
    status, request = _STATUS.match(first), _REQUEST.match(first)
    if status is None and request is None:
        raise corrupt("the camera's answer cannot be understood")
    message = Message(
        int(status[1]) if status else 0,
        request[1].decode() if request else "",
        headers,
        bytes(data[body : body + length]),
    )
    return message, body + length


def _length(headers: Mapping[str, tuple[str, ...]]) -> int:
    given = headers.get("content-length", ("0",))[0]
    if not given.isascii() or not given.isdigit() or len(given) > 9 or int(given) > MAX_BODY:
        raise corrupt("the camera's answer has a length that cannot be")
    return int(given)
