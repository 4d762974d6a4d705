# SPDX-License-Identifier: AGPL-3.0-or-later
"""Taking cameras into service: what an administrator wrote, made complete by asking the camera, then one act."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from custodes.domain.cameras import CameraSettings, Credentials, Link
from custodes.domain.ids import CameraId
from custodes.domain.video import StreamUrl
from custodes.errors import invalid
from custodes.node.acts.cameras import add_camera, change_camera
from custodes.node.queries import cameras
from custodes.node.store import Store
from custodes.video.ingest.onvif.account import Login, host_in, login_in, with_login
from custodes.video.ingest.onvif.http import Place, parse_place
from custodes.video.ingest.onvif.look import look
from custodes.video.ingest.onvif.pin import certificate_pin


@dataclass(frozen=True, slots=True)
class Wanted:
    """A camera as an administrator names it: by ``onvif``, or by the addresses ``main`` and ``sub``.

    ``source`` names one of a device's lenses. Empty texts: not said; ``login`` None: no account besides what stands in
    the addresses.
    """

    name: str = ""
    main: str = field(default="", repr=False)
    sub: str = field(default="", repr=False)
    onvif: str = ""
    login: Login | None = None
    transport: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Raises ``CustodesError`` (INVALID) unless it is the one or the other."""
        if bool(self.onvif) == bool(self.main or self.sub) or bool(self.main) != bool(self.sub):
            raise invalid("a camera is named by --onvif, or by --main and --sub")
        if self.source and not self.onvif:
            raise invalid("--source goes with --onvif")
        for url in (self.main, self.sub):
            # What stands before the last @ of an address that cannot be read may be a password as well.
            if self.login and "@" in url:
                raise invalid("user and password stand either in the addresses or in --user and --password-file")


class Known(NamedTuple):
    """What was learnt: the settings, which streams were chosen, and what was unusual."""

    settings: CameraSettings
    streams: str
    notes: tuple[str, ...]


def learn(wanted: Wanted) -> Known:
    """Ask the camera what the settings need. Raises ``CustodesError`` if an ONVIF device cannot be used.

    Addresses of streams are taken as they are: a camera that is away today can be added.
    """
    link = Link(wanted.transport or "tcp")
    if wanted.onvif:
        place = parse_place(wanted.onvif)
        seen = look(place, wanted.login, wanted.source)
        link = replace(link, onvif=str(place), pin=certificate_pin(seen.main))
        credentials = Credentials.KNOWN if wanted.login else Credentials.NONE
        settings = CameraSettings(wanted.name, seen.main, seen.sub, link, seen.facts, credentials)
        return Known(settings, seen.streams, seen.notes)
    main, sub = (StreamUrl(url) for url in (wanted.main, wanted.sub))
    if wanted.login:
        main, sub = (with_login(url, wanted.login) for url in (main, sub))
    link = replace(link, pin=certificate_pin(main))
    credentials = Credentials.KNOWN if login_in(main) else Credentials.NONE
    return Known(CameraSettings(wanted.name, main, sub, link, None, credentials), "", ())


def add(store: Store, wanted: Wanted) -> tuple[CameraId, Known]:
    """Take a camera into service; raises ``CustodesError`` as ``learn`` and ``add_camera`` do."""
    found = learn(wanted)
    made = found.settings
    camera = add_camera(store, made.name, made.main, made.sub, made.link, made.device, made.credentials)
    return camera, found


def exchange(store: Store, camera: CameraId, wanted: Wanted) -> Known:
    """Put another device into a camera's place: the camera keeps its id, its name and what it recorded."""
    old = cameras.settings(store, camera)
    found = learn(wanted)
    change_camera(store, camera, old, replace(found.settings, name=wanted.name or old.name), exchanged=True)
    return found


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be different; empty or None: stays."""

    name: str = ""
    main: str = field(default="", repr=False)
    sub: str = field(default="", repr=False)
    transport: str = ""
    onvif: str = ""
    login: Login | None = None


def edit(store: Store, camera: CameraId, wanted: Edit) -> None:
    """Change what is set about a camera. Raises ``CustodesError`` as ``change_camera`` does.

    Without a new account the old one goes on being used, on the same host; another host is not told it.
    """
    old = cameras.settings(store, camera)
    main, sub = (_moved(before, url, wanted.login) for before, url in ((old.main, wanted.main), (old.sub, wanted.sub)))
    link = replace(
        old.link,
        transport=wanted.transport or old.link.transport,
        onvif=str(parse_place(wanted.onvif)) if wanted.onvif else old.link.onvif,
        pin=certificate_pin(main) if wanted.main else old.link.pin,
    )
    credentials = old.credentials
    if login_in(main) != login_in(old.main) or wanted.login:
        credentials = Credentials.KNOWN if login_in(main) else Credentials.NONE
    change_camera(store, camera, old, CameraSettings(wanted.name or old.name, main, sub, link, old.device, credentials))


def _moved(before: StreamUrl, url: str, login: Login | None) -> StreamUrl:
    if login and "@" in url:
        raise invalid("user and password stand either in the addresses or in --user and --password-file")
    after = StreamUrl(url) if url else before
    if login is None and host_in(after) == host_in(before) and not login_in(after):
        login = login_in(before)
    return with_login(after, login) if login else after


def place_of(settings: CameraSettings) -> Place:
    """Where a camera answers to ONVIF; raises ``CustodesError`` (INVALID) if nobody has said."""
    if not settings.link.onvif:
        raise invalid("it is not known where this camera answers to ONVIF: `custodes camera edit --onvif HOST` first")
    return parse_place(settings.link.onvif)
