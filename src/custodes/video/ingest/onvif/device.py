# SPDX-License-Identifier: AGPL-3.0-or-later
"""One ONVIF device: what it is, its streams, its accounts, its encoder settings.

A device names addresses: of its services and of its streams. Only path and port are taken from them, the host is always
the one that we were told; where the device named another one, a note says so.
"""

import copy
import re
import socket
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit
from xml.etree.ElementTree import Element, tostring
from xml.sax.saxutils import escape

from custodes.domain.cameras import DeviceFacts
from custodes.domain.video import StreamUrl
from custodes.errors import CustodesError, Kind, corrupt
from custodes.video.ingest.onvif import markup
from custodes.video.ingest.onvif.account import Login, with_login
from custodes.video.ingest.onvif.http import Place
from custodes.video.ingest.onvif.profiles import MEDIA1, MEDIA2, Profile, read_profiles
from custodes.video.ingest.onvif.soap import DEVICE, Client, RefusedError

EVENTS = "http://www.onvif.org/ver10/events/wsdl"
_MAX_USERS = 256
_PLACEHOLDERS = re.compile(r"[0.\-:]*|none|null|unknown|n/?a|default|(serial|serialnumber|123456789?0?)", re.IGNORECASE)
_NAMED = {"Media": MEDIA1, "Events": EVENTS}


class Device:
    """A device that answers. ``note`` is told, in a line without secrets, what was unusual."""

    def __init__(self, client: Client, note: Callable[[str], None]) -> None:
        """Learn the device's clock and services; raises ``CustodesError`` if it does not answer as one."""
        self.client = client
        self._note = note
        self._noted: set[str] = set()
        client.set_offset()
        self._services = self._find_services()

    def facts(self, source: str) -> DeviceFacts:
        """What the device says of itself; an unusable serial number or hardware address is left empty."""
        told = self.client.call(self.client.place, DEVICE, "GetDeviceInformation", "")
        made, model, firmware, serial = (
            markup.text(told, name)[:64] for name in ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber")
        )
        return DeviceFacts(
            made, model, firmware, "" if _PLACEHOLDERS.fullmatch(serial) else serial, self._mac(), source[:64]
        )

    def _mac(self) -> str:
        try:
            told = self.client.call(self.client.place, DEVICE, "GetNetworkInterfaces", "")
        except RefusedError:
            return ""
        for element in markup.every(told, "HwAddress"):
            digits = re.sub(r"[:.\-]", "", markup.text(element)).lower()
            if re.fullmatch(r"[0-9a-f]{12}", digits) and digits not in ("0" * 12, "f" * 12):
                return digits
        return ""

    def profiles(self) -> list[Profile]:
        """Every profile with video; from Media 2 where there is one, because H.265 is told there only."""
        if MEDIA2 in self._services:
            try:
                asked = "<x:Type>VideoEncoder</x:Type><x:Type>VideoSource</x:Type>"
                found = read_profiles(self._call(MEDIA2, "GetProfiles", asked), MEDIA2)
                if found:
                    return found
            except RefusedError as problem:
                if problem.kind is Kind.DENIED:
                    raise
        if MEDIA1 not in self._services:
            raise corrupt(f"{self.client.place} has no media service")
        return read_profiles(self._call(MEDIA1, "GetProfiles", ""), MEDIA1)

    def stream(self, profile: Profile) -> StreamUrl:
        """Where a profile is streamed, with the account's user name and password in it."""
        token = f"<x:ProfileToken>{escape(profile.token)}</x:ProfileToken>"
        if profile.service == MEDIA2:
            answer = self._call(MEDIA2, "GetStreamUri", f"<x:Protocol>RTSP</x:Protocol>{token}")
            told = markup.text(answer, "Uri")
        else:
            setup = (
                "<x:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream>"
                "<tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport></x:StreamSetup>"
            )
            told = markup.text(self._call(MEDIA1, "GetStreamUri", setup + token), "MediaUri", "Uri")
        parts = self._split(told, ("rtsp", "rtsps"))
        self._same_host(parts.hostname or "", "stream")
        return with_login(StreamUrl(told), self.client.login, self.client.place.host)

    def request_rate(self, profile: Profile, fps: int) -> None:
        """Ask for so many pictures a second in a profile's stream; raises ``RefusedError`` if the device will not."""
        wanted = copy.deepcopy(profile.encoder)
        limit = markup.find(wanted, "RateControl", "FrameRateLimit")
        if limit is None:
            raise RefusedError(Kind.CORRUPT, "the device does not let the rate of this stream be set")
        limit.text = str(fps)
        # Its own settings go back as they came: a device refuses, or forgets, what is left out.
        wanted.tag = f"{{{profile.service}}}Configuration"
        again = "<x:ForcePersistence>true</x:ForcePersistence>" if profile.service == MEDIA1 else ""
        self._call(profile.service, "SetVideoEncoderConfiguration", tostring(wanted, encoding="unicode") + again)

    def users(self) -> dict[str, str]:
        """The device's accounts with their levels; only an administrator is told."""
        told = self.client.call(self.client.place, DEVICE, "GetUsers", "")
        found = [each for each in told if markup.local(each) == "User"][:_MAX_USERS]
        return {markup.text(each, "Username"): markup.text(each, "UserLevel") for each in found}

    def set_password(self, login: Login, level: str, *, new: bool) -> None:
        """Give an account its password; ``new`` makes the account."""
        user = (
            f"<x:User><tt:Username>{escape(login.user)}</tt:Username><tt:Password>{escape(login.password)}</tt:Password>"
            f"<tt:UserLevel>{escape(level)}</tt:UserLevel></x:User>"
        )
        self.client.call(self.client.place, DEVICE, "CreateUsers" if new else "SetUser", user)

    def service(self, namespace: str) -> Place | None:
        """Where a service answers, None if there is none."""
        return self._services.get(namespace)

    def place_of(self, address: str) -> Place:
        """The place that a device's address of a service stands for: path and port from it, the host from us."""
        base = self.client.place
        parts = self._split(address, ("http", "https"))
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not self._same_host(parts.hostname or "", "service") or (base.tls and parts.scheme != "https"):
            # Behind a translated address its ports mean nothing either; and what was encrypted stays so.
            return Place(base.host, base.port, base.tls, path)
        tls = parts.scheme == "https"
        return Place(base.host, parts.port or (443 if tls else 80), tls, path)

    def _call(self, namespace: str, operation: str, body: str) -> Element:
        return self.client.call(self._services[namespace], namespace, operation, body)

    def _find_services(self) -> dict[str, Place]:
        place = self.client.place
        try:
            asked = "<x:IncludeCapability>false</x:IncludeCapability>"
            told = self.client.call(place, DEVICE, "GetServices", asked)
            pairs = [(markup.text(each, "Namespace"), markup.text(each, "XAddr")) for each in told]
        except RefusedError as problem:
            if problem.kind is Kind.DENIED:
                raise
            told = self.client.call(place, DEVICE, "GetCapabilities", "<x:Category>All</x:Category>")
            capabilities = markup.find(told, "Capabilities")
            pairs = [(name, markup.text(capabilities, short, "XAddr")) for short, name in _NAMED.items()]
        return {name: self.place_of(address) for name, address in pairs if name in (MEDIA1, MEDIA2, EVENTS) and address}

    def _split(self, address: str, schemes: tuple[str, ...]) -> SplitResult:
        try:
            parts = urlsplit(address)
            usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        # The characters of RFC 3986; what else a device sends would have to be guessed.
        if not usable or not re.fullmatch(r"[!-~]+", address):
            raise corrupt(f"{self.client.place} names an address that cannot be used")
        return parts

    def _same_host(self, named: str, what: str) -> bool:
        ours = self.client.place.host
        if named.lower() == ours.lower() or named in _addresses(ours):
            return True
        if what not in self._noted:
            self._noted.add(what)
            self._note(f"{self.client.place} named another host for its {what}s; {ours} is used instead")
        return False


def _addresses(host: str) -> set[str]:
    """The addresses of the host that we were told; what a device names is never looked up."""
    try:
        return {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()


def open_device(place: Place, login: Login | None, note: Callable[[str], None], timeout_s: float = 10.0) -> Device:
    """Connect; raises ``CustodesError`` with the device's address in its message."""
    try:
        return Device(Client(place, login, timeout_s=timeout_s), note)
    except RefusedError as problem:
        hint = "" if login else ": it wants a user name and a password"
        raise CustodesError(problem.kind, f"{problem.message}{hint if problem.kind is Kind.DENIED else ''}") from None
