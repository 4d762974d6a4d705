# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a stream is: an RTSP address taken apart, so that its password goes into answers to challenges only."""

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote, urljoin, urlsplit

from custodes.domain.video import StreamUrl
from custodes.errors import invalid

_PORTS = {"rtsp": 554, "rtsps": 322}


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` is the request's address, without user name and password (RFC 2326, 3.2)."""

    host: str
    port: int
    tls: bool
    url: str
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Address({self.host}:{self.port})"

    def redirected(self, location: str) -> "Address | None":
        """The address that a camera points to, with the same credentials; None if it is not on the same host."""
        try:
            parts = urlsplit(urljoin(self.url, location))
            port = parts.port
        except ValueError:
            return None
        if parts.scheme not in _PORTS or parts.hostname != self.host or re.search(r"[\s\x00-\x1f]", location):
            return None
        tls = parts.scheme == "rtsps"
        if self.tls and not tls:
            return None  # what was encrypted stays so
        return replace(self, port=port or _PORTS[parts.scheme], tls=tls, url=_without_userinfo(parts.geturl()))


def parse_address(url: StreamUrl) -> Address:
    """Take ``url`` apart; raises ``CustodesError`` (INVALID) unless it is an RTSP address without any doubt."""
    try:
        parts = urlsplit(url.value)
        port = parts.port
        host = parts.hostname or ""
        usable = parts.scheme in _PORTS and bool(host) and (port is None or port > 0)
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f]", url.value) or not host.isascii():
        raise invalid("not an RTSP address; special characters in a password must be percent-encoded")
    return Address(
        host=host,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "rtsps",
        url=_without_userinfo(url.value),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _without_userinfo(url: str) -> str:
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
