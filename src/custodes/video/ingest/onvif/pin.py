# SPDX-License-Identifier: AGPL-3.0-or-later
"""The certificate that a camera shows, so that another one is noticed later."""

import hashlib
import socket
import ssl
from urllib.parse import urlsplit

from custodes.domain.video import StreamUrl
from custodes.video.ingest.onvif.http import wrapped


def certificate_pin(url: StreamUrl, timeout_s: float = 5.0) -> str:
    """SHA-256 (hexadecimal) of the certificate that an ``rtsps://`` camera shows now; empty if it cannot be reached."""
    try:
        parts = urlsplit(url.value)
        if parts.scheme != "rtsps" or not parts.hostname:
            return ""
        with (
            socket.create_connection((parts.hostname, parts.port or 322), timeout_s) as plain,
            wrapped(plain, parts.hostname, True) as peer,
        ):
            shown = peer.getpeercert(binary_form=True) if isinstance(peer, ssl.SSLSocket) else None
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(shown).hexdigest() if shown else ""
