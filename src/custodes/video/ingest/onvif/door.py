# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether a camera's stream takes an account: one DESCRIBE (RFC 2326, 10.2), with an answer to the camera's challenge.

Some cameras keep the accounts of ONVIF and of their streams apart, and then say so to nobody.
"""

import contextlib
import re
import socket
import ssl
import time

from custodes.domain.video import StreamUrl
from custodes.video.ingest.onvif.account import host_in, login_in, with_login
from custodes.video.ingest.onvif.http import wrapped
from custodes.video.ingest.rtsp.auth import best_challenge

_MAX_HEAD = 16 << 10


def stream_takes(url: StreamUrl, timeout_s: float = 5.0) -> bool:
    """False if the camera refuses the account in ``url``; True if it takes it, or cannot be asked now."""
    login, bare = login_in(url), with_login(url, None).value
    tls = bare.startswith("rtsps:")
    port = re.match(r"rtsps?://(?:\[[^\]]*\]|[^/:?]*):(\d+)", bare)
    where = (host_in(url), int(port[1]) if port else 322 if tls else 554)
    ends = time.monotonic() + timeout_s
    authorisation = ""
    with contextlib.suppress(OSError, ssl.SSLError, ValueError):
        for number in (1, 2):
            with socket.create_connection(where, timeout_s) as plain, wrapped(plain, where[0], tls) as peer:
                head = f"DESCRIBE {bare} RTSP/1.0\r\nCSeq: {number}\r\nAccept: application/sdp\r\n"
                peer.sendall(f"{head}User-Agent: Custodes\r\n{authorisation}\r\n".encode())
                status, challenges = _answer(peer, ends)
            if status not in (401, 403):
                return True
            challenge = best_challenge(challenges)
            if challenge is None or login is None:
                return False
            authorisation = f"Authorization: {challenge.answer(login.user, login.password, 'DESCRIBE', bare)}\r\n"
        return False
    return True


def _answer(peer: socket.socket, ends: float) -> tuple[int, list[str]]:
    """Status and challenges; raises ``OSError`` or ``ValueError`` for what is no answer."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _MAX_HEAD:
        peer.settimeout(max(ends - time.monotonic(), 0.001))
        piece = peer.recv(4_096)
        if not piece:
            break
        data += piece
    lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    first = re.match(r"RTSP/1\.\d (\d{3})", lines[0])
    if first is None:
        raise ValueError("not RTSP")
    fields = [line.partition(":") for line in lines[1:]]
    return int(first[1]), [value.strip() for name, _, value in fields if name.lower() == "www-authenticate"]
