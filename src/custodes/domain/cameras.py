# SPDX-License-Identifier: Apache-2.0
"""What is known of a camera as a machine: how it is reached, what it is, and who may know its password."""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from custodes.domain.video import StreamUrl

PORTS = {"rtsp": 554, "rtsps": 322}
"""Schemes of stream addresses, with the port that each stands for (RFC 7826, 4.2)."""


def spelling(url: StreamUrl) -> str:
    """One spelling of an address, without account and scheme: two that are equal lead to the same stream.

    The address must be one that ``urlsplit`` can read.
    """
    parts = urlsplit(url.value)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.hostname}:{parts.port or PORTS.get(parts.scheme)}{parts.path or '/'}{query}"


@dataclass(frozen=True, slots=True)
class Link:
    """How a camera is reached. ``transport``: ``tcp`` or ``udp``; ``pin``: SHA-256 of its TLS certificate in
    hexadecimal, or empty; ``onvif``: where it answers to ONVIF (HOST:PORT, with https:// before it where it is
    encrypted), or empty.
    """

    transport: str = "tcp"
    pin: str = ""
    onvif: str = ""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device says of itself. ``mac``: 12 hexadecimal digits or empty; ``source``: which of its lenses.

    Serial number and hardware address are not kept: read back from the catalogue they are empty.
    """

    manufacturer: str
    model: str
    firmware: str
    serial: str
    mac: str
    source: str


class Credentials(Enum):
    """Who may know a camera's password."""

    NONE = "no password"
    KNOWN = "password known to people"
    REPLACED = "password replaced, known to nobody"
    OTHERS = "password replaced, but the camera has other accounts"


class Change(Enum):
    """What kind of thing was changed about a camera. The values are what stands in the log."""

    NAME = "name"
    MAIN = "main"
    SUB = "sub"
    TRANSPORT = "transport"
    CERTIFICATE = "certificate"
    ONVIF = "onvif"
    CREDENTIALS = "credentials"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Everything that is set about a camera; the addresses may hold a password. ``device`` None: nobody asked it."""

    name: str
    main: StreamUrl
    sub: StreamUrl
    link: Link = Link()
    device: DeviceFacts | None = None
    credentials: Credentials = Credentials.NONE

    def changes(self, new: "CameraSettings") -> list[Change]:
        """What kinds of things are different in ``new``."""
        pairs = (
            (Change.NAME, self.name, new.name),
            (Change.MAIN, _parted(self.main)[1], _parted(new.main)[1]),
            (Change.SUB, _parted(self.sub)[1], _parted(new.sub)[1]),
            (Change.TRANSPORT, self.link.transport, new.link.transport),
            (Change.CERTIFICATE, self.link.pin, new.link.pin),
            (Change.ONVIF, self.link.onvif, new.link.onvif),
            (Change.CREDENTIALS, self._secrets(), new._secrets()),
            (Change.DEVICE, self.device, new.device),
        )
        return [kind for kind, old, other in pairs if old != other]

    def _secrets(self) -> tuple[object, ...]:
        return (self.credentials, _parted(self.main)[0], _parted(self.sub)[0])


def _parted(url: StreamUrl) -> tuple[str, str]:
    """The account in an address, and the address without it."""
    scheme, _, rest = url.value.partition("://")
    authority, slash, path = rest.partition("/")
    account, _, host = authority.rpartition("@")
    return account, f"{scheme}://{host}{slash}{path}"
