# SPDX-License-Identifier: AGPL-3.0-or-later
"""RTP over UDP: a pair of sockets, and packets from nobody but the camera."""

import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress

from custodes.errors import unavailable
from custodes.video.ingest.rtsp.rtp import Reorder, SenderReport, Unpacker, receiver_report, sender_report

_BUFFER = 2 << 20
"""Bytes asked of the kernel; it grants at most ``net.core.rmem_max``. One key picture must fit."""
_LARGEST = 65_536
_AT_A_TIME = 2_000


class Datagrams:
    """Two bound sockets, ``port`` (even) for RTP and the next one for RTCP (RFC 3550, 11)."""

    def __init__(self, camera: str, family: int) -> None:
        self._camera = camera
        self.media_socket, self.report_socket = _pair(family)
        self.port: int = self.media_socket.getsockname()[1]
        self.report: SenderReport | None = None
        self._from: tuple[int, int] | None = None
        self._unpacker: Unpacker | None = None
        self._reorder = Reorder()
        self._ssrc = secrets.randbits(32)

    @property
    def sockets(self) -> tuple[socket.socket, socket.socket]:
        return self.media_socket, self.report_socket

    def listen(self, unpacker: Unpacker, ports: tuple[int, int] | None) -> None:
        """Packets are wanted from now on, from these ports of the camera if it has named them."""
        self._unpacker, self._from = unpacker, ports

    def drain(self) -> int:
        """Take what lies ready; returns how many packets of the stream were in it."""
        count = 0
        for packet in _datagrams(self.media_socket, self._camera, self._from and self._from[0]):
            for each in self._reorder.push(packet):
                if self._unpacker is not None:
                    count += self._unpacker.push(each, 0, len(each))
        for packet in _datagrams(self.report_socket, self._camera, self._from and self._from[1]):
            self.report = sender_report(packet, 0, len(packet)) or self.report
        return count

    def send_report(self) -> None:
        """Send a sign of life to the camera's RTCP port."""
        if self._from is not None:
            with suppress(OSError):
                self.report_socket.sendto(receiver_report(self._ssrc), (self._camera, self._from[1]))

    def close(self) -> None:
        """Let go of both sockets."""
        self.media_socket.close()
        self.report_socket.close()


def _pair(family: int) -> tuple[socket.socket, socket.socket]:
    """Two sockets on neighbouring ports, the first one even."""
    everywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - answers come to the address we ask from
    for _ in range(64):
        media, report = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        try:
            media.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            media.bind((everywhere, 0))
            port = media.getsockname()[1]
            if port % 2 == 0:
                report.bind((everywhere, port + 1))
                media.setblocking(False)
                report.setblocking(False)
                return media, report
        except OSError:
            pass  # somebody has the neighbour: another pair
        media.close()
        report.close()
    raise unavailable("no pair of UDP ports is free")


def _datagrams(source: socket.socket, camera: str, port: int | None) -> Iterator[bytes]:
    """What the camera has sent; what anybody else has sent is dropped."""
    for _ in range(_AT_A_TIME):
        try:
            packet, sender = source.recvfrom(_LARGEST)
        except (BlockingIOError, ConnectionError):
            return
        if sender[0] == camera and (port is None or sender[1] == port):
            yield packet
