# SPDX-License-Identifier: AGPL-3.0-or-later
"""An account of a camera, and how it stands in the address of a stream (RFC 3986, 3.2.1)."""

from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit

from custodes.domain.video import StreamUrl


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password; its text form shows the user only."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user})"


def login_in(url: StreamUrl) -> Login | None:
    """The account that stands in an address, None if there is none or if it is no address."""
    parts = _parts(url)
    return Login(unquote(parts.username), unquote(parts.password or "")) if parts and parts.username else None


def with_login(url: StreamUrl, login: Login | None, host: str = "") -> StreamUrl:
    """The address with this account (None: none) and, if given, another host; as it is if it is no address."""
    parts = _parts(url)
    if parts is None or not parts.hostname:
        return url
    named = host or parts.hostname
    account = f"{quote(login.user, safe='')}:{quote(login.password, safe='')}@" if login else ""
    where = f"[{named}]" if ":" in named else named
    port = f":{parts.port}" if parts.port else ""
    return StreamUrl(parts._replace(netloc=f"{account}{where}{port}", fragment="").geturl())


def host_in(url: StreamUrl) -> str:
    """The host of an address in small letters, empty if it is no address."""
    parts = _parts(url)
    return (parts.hostname or "") if parts else ""


def _parts(url: StreamUrl) -> SplitResult | None:
    try:
        parts = urlsplit(url.value)
        return None if parts.port == 0 else parts
    except ValueError:
        return None
