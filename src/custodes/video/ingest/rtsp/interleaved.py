# SPDX-License-Identifier: AGPL-3.0-or-later
"""What comes over the RTSP connection itself: messages, and packets between them (RFC 2326, 10.12)."""

import socket
import ssl

from custodes.errors import CustodesError, corrupt
from custodes.video.ingest.rtsp import message
from custodes.video.ingest.rtsp.message import Message
from custodes.video.ingest.rtsp.rtp import SenderReport, Unpacker, sender_report

_DOLLAR = 0x24
_ROOM = 256 * 1024
"""Bytes taken from the kernel at a time; one packet and one message always fit."""
_AT_A_TIME = 4 * _ROOM
_MAX_GARBAGE = 256 * 1024
_MAX_MESSAGES = 64


class Interleaved:
    """Takes a connection's bytes apart; ``messages`` and ``report`` are for the owner to take away."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.report: SenderReport | None = None
        self.channels = (0, 1)
        self.more = False
        """True if the last ``drain`` stopped at its limit."""
        self._unpacker: Unpacker | None = None
        self._buffer = bytearray(_ROOM + message.MAX_HEAD + message.MAX_BODY)
        self._filled = 0
        self._garbage = 0
        self._lost_track = False

    def listen(self, unpacker: Unpacker) -> None:
        """From now on packets are wanted; what came before was somebody else's."""
        self._unpacker = unpacker

    def pending(self, connection: socket.socket) -> bool:
        """Whether an encrypted connection holds bytes that the kernel no longer knows of."""
        return isinstance(connection, ssl.SSLSocket) and connection.pending() > 0

    def drain(self, connection: socket.socket) -> int:
        """Take in what lies ready, up to a limit; returns how many packets of the stream were in it.

        Raises ``CustodesError`` (CORRUPT) for what is no RTSP, ``EOFError`` when the camera has closed, ``OSError``.
        """
        count = taken = 0
        self.more = False
        while taken < _AT_A_TIME:
            view = memoryview(self._buffer)[self._filled : self._filled + _ROOM]
            asked = len(view)
            try:
                got = connection.recv_into(view)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            finally:
                view.release()
            if not got:
                raise ConnectionResetError
            self._filled += got
            taken += got
            count += self._split()
            if got < asked and not isinstance(connection, ssl.SSLSocket):
                break
        else:
            self.more = True
        return count

    def _split(self) -> int:
        """Split what is in the buffer; the rest moves to its front."""
        data, end, at, count = self._buffer, self._filled, 0, 0
        rtp, rtcp = self.channels
        unpacker = self._unpacker
        while end - at >= 4:
            if data[at] == _DOLLAR:
                behind = at + 4 + (data[at + 2] << 8 | data[at + 3])
                channel = data[at + 1]
                if self._lost_track and not self._plausible(at, end):
                    at = self._skip(at + 1, end)
                    continue
                if behind > end:
                    break
                if unpacker is not None and channel == rtp:
                    count += unpacker.push(data, at + 4, behind)
                elif unpacker is not None and channel == rtcp:
                    self.report = sender_report(data, at + 4, behind) or self.report
                at = behind
                self._garbage, self._lost_track = 0, False
                continue
            found = self._message(at, end)
            if found is None:
                break
            at = found
        self._filled = end - at
        if at:
            data[: end - at] = data[at:end]
        return count

    def _message(self, at: int, end: int) -> int | None:
        """Read a message at ``at``; returns where it ends, or where to go on looking; None: wait for more."""
        # A view of what was received: what lies behind it in the buffer is old.
        text = bytes(self._buffer[at:end])
        if message.may_begin(text, 0):
            try:
                found = message.read(text, 0)
            except CustodesError:
                if self._unpacker is None:
                    raise
                return self._skip(at + 1, end)
            if found is None:
                return None
            self.messages.append(found[0])
            if len(self.messages) > _MAX_MESSAGES:
                raise corrupt("the camera talks without end")
            return at + found[1]
        if len(text) < 24 and (text.isalpha() or b"RTSP/".startswith(text[:5])):
            return None
        return self._skip(at + 1, end)

    def _skip(self, at: int, end: int) -> int:
        """Garbage: look for the next place where a packet or a message may begin."""
        self._lost_track = True
        packet = self._buffer.find(b"$", at, end)
        # Only up to there: a buffer full of dollar signs must not be searched to its end for each of them.
        limit = packet if packet >= 0 else end
        answer = self._buffer.find(b"RTSP/1.", at, min(limit + 7, end))
        place = answer if 0 <= answer < limit else limit
        self._garbage += place - at + 1
        if self._garbage > _MAX_GARBAGE:
            raise corrupt("what the camera sends cannot be understood")
        return place

    def _plausible(self, at: int, end: int) -> bool:
        """Whether a packet of the stream seems to begin here: a channel of ours, and RTP's version 2."""
        return self._buffer[at + 1] in self.channels and (at + 4 >= end or self._buffer[at + 4] & 0xC0 == 0x80)
