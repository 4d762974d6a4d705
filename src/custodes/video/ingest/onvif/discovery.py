# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which cameras are there: WS-Discovery (OASIS 1.1 and its predecessor of 2005, which ONVIF Core, 7 prescribes).

Whoever hears a probe may answer anything. An answer counts if it is well-formed, answers our question and names an
address of the machine that it came from; what does not count is counted by reason.
"""

import contextlib
import select
import socket
import struct
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from custodes.errors import CustodesError, unavailable
from custodes.video.ingest.onvif import markup
from custodes.video.ingest.onvif.http import Place, parse_place

_GROUP = ("239.255.255.250", 3702)
_MAX_ANSWERS = 8_192
_MAX_DEVICES = 4_096
_SIZE = 65_535
_SCOPE = "onvif://www.onvif.org/"
_TYPES = (
    ("dn:NetworkVideoTransmitter", "http://www.onvif.org/ver10/network/wsdl"),
    ("dn:Device", "http://www.onvif.org/ver10/device/wsdl"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A device that answered: where, and what it calls itself (the device's words, unproven)."""

    place: Place
    name: str
    hardware: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """What came of a search; ``skipped`` counts answers that did not count, by reason."""

    devices: tuple[Found, ...]
    skipped: dict[str, int]


class _Skipped(Exception):  # noqa: N818  (an outcome that is counted at once)
    pass


def discover(timeout_s: float, addresses: Sequence[str] = ()) -> Discovery:
    """Ask for cameras for ``timeout_s`` seconds: the given HOST[:PORT] only, or every network of this machine.

    Raises ``CustodesError``: INVALID for an address that is none, UNAVAILABLE if there is no network to ask on.
    """
    targets = [_target(address) for address in addresses]
    with contextlib.ExitStack() as sockets:
        opened: dict[int, socket.socket] = {}
        for family in {target[0] for target in targets} or {socket.AF_INET}:
            opened[family] = sockets.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            opened[family].setblocking(False)
        asked = {f"urn:uuid:{uuid.uuid4()}": kind for kind in _TYPES}
        ends = time.monotonic() + timeout_s
        _send(opened, targets, asked)
        # What is lost on the way is not sent again by anybody: a second time, a little later.
        found, skipped = _Gathered(set(asked)), Counter[str]()
        _receive(opened.values(), found, skipped, time.monotonic() + min(0.5, timeout_s / 2))
        _send(opened, targets, asked)
        _receive(opened.values(), found, skipped, ends)
    devices = sorted(found.devices.values(), key=lambda each: (each.place.host, each.place.port))
    return Discovery(tuple(devices), dict(sorted(skipped.items())))


def _target(address: str) -> tuple[socket.AddressFamily, tuple[str, int]]:
    place = parse_place(address)
    port = place.port if address.rpartition("]")[2].count(":") == 1 else _GROUP[1]
    try:
        family, _, _, _, where = socket.getaddrinfo(place.host, port, type=socket.SOCK_DGRAM)[0]
    except OSError:
        raise unavailable(f"{place.host} is not known here") from None
    return family, (str(where[0]), port)


def _send(
    opened: dict[int, socket.socket],
    targets: Iterable[tuple[socket.AddressFamily, tuple[str, int]]],
    asked: dict[str, tuple[str, str]],
) -> None:
    sent = 0
    for message, (kind, namespace) in asked.items():
        probe = _probe(message, kind, namespace)
        for family, where in targets:
            with contextlib.suppress(OSError):
                opened[family].sendto(probe, where)
            sent += 1
        if not targets:
            sent += _to_every_network(opened[socket.AF_INET], probe)
    if not sent:
        raise unavailable("there is no network to look for cameras on: name one with --address HOST")


def _to_every_network(peer: socket.socket, probe: bytes) -> int:
    """Multicast on each interface; return on how many. The default route alone may not lead to the cameras."""
    sent = 0
    for index, _name in socket.if_nameindex():
        chosen = struct.pack("@4s4si", socket.inet_aton(_GROUP[0]), bytes(4), index)
        with contextlib.suppress(OSError):
            peer.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, chosen)
            peer.sendto(probe, _GROUP)
            sent += 1
    return sent


def _probe(message: str, kind: str, namespace: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">'
        f"<s:Header><a:MessageID>{message}</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
        "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></s:Header>"
        f'<s:Body><d:Probe><d:Types xmlns:dn="{namespace}">{kind}</d:Types></d:Probe></s:Body></s:Envelope>'
    ).encode()


class _Gathered:
    """Devices by where they answer, each once. By the id that it gives itself one could hide another."""

    def __init__(self, asked: set[str]) -> None:
        self.asked = asked
        self.devices: dict[Place, Found] = {}
        self.answers = 0

    def take(self, data: bytes, sender: str) -> None:
        """Keep what an answer tells; raises ``_Skipped`` with the reason if it does not count."""
        try:
            envelope = markup.parse(data)
            if markup.text(envelope, "Header", "RelatesTo") not in self.asked:
                raise _Skipped("answers to something else")
            told = list(markup.every(envelope, "ProbeMatch"))
            if not told:
                raise _Skipped("names no device")
            for match in told[:16]:
                self._keep(match, sender)
        except CustodesError:
            raise _Skipped("not usable XML") from None

    def _keep(self, match: Element, sender: str) -> None:
        told = markup.find(match, "Scopes")
        scopes = [unquote(scope) for scope in ((told.text if told is not None else None) or "").split()]
        place = _own_place(markup.text(match, "XAddrs"), sender)
        if place not in self.devices and len(self.devices) >= _MAX_DEVICES:
            raise _Skipped("too many devices")
        self.devices.setdefault(place, Found(place, _scope(scopes, "name"), _scope(scopes, "hardware")))


def _scope(scopes: list[str], name: str) -> str:
    prefix = f"{_SCOPE}{name}/"
    told = next((scope[len(prefix) :] for scope in scopes if scope.startswith(prefix)), "")
    return "".join(letter for letter in told if letter.isprintable())[:64]


def _own_place(addresses: str, sender: str) -> Place:
    """The first address that is one of the sender's own machine."""
    for address in addresses.split():
        try:
            parts = urlsplit(address)
            if parts.scheme in ("http", "https") and parts.hostname == sender and parts.port != 0:
                tls = parts.scheme == "https"
                return Place(sender, parts.port or (443 if tls else 80), tls)
        except ValueError:
            continue
    raise _Skipped("names another machine's address")


def _receive(sockets: Iterable[socket.socket], found: _Gathered, skipped: Counter[str], ends: float) -> None:
    waiting = list(sockets)
    while (left := ends - time.monotonic()) > 0 and found.answers < _MAX_ANSWERS:
        for peer in select.select(waiting, [], [], left)[0]:
            try:
                data, sender = peer.recvfrom(_SIZE)
            except OSError:
                continue  # nobody listens there (ICMP), or another reader was faster
            found.answers += 1
            try:
                found.take(data, str(sender[0]))
            except _Skipped as reason:
                skipped[str(reason)] += 1
