# SPDX-License-Identifier: AGPL-3.0-or-later
"""Everything that adding a camera needs to know of an ONVIF device, in one look."""

from dataclasses import dataclass

from custodes.domain.cameras import DeviceFacts
from custodes.domain.video import StreamUrl
from custodes.errors import CustodesError
from custodes.video.ingest.onvif.account import Login
from custodes.video.ingest.onvif.device import Device, open_device
from custodes.video.ingest.onvif.http import Place
from custodes.video.ingest.onvif.profiles import SUB_RATES, Profile, choose, of_source

_RATE = 5


@dataclass(frozen=True, slots=True)
class Look:
    """A device and the two streams that were chosen; ``notes`` say in a line each what was unusual."""

    device: Device
    facts: DeviceFacts
    main: StreamUrl
    sub: StreamUrl
    streams: str
    notes: tuple[str, ...]


def look(place: Place, login: Login | None, source: str = "", timeout_s: float = 10.0) -> Look:
    """Ask a device for facts and streams, and its sub stream for 5 pictures a second where it sends more than 10.

    ``source`` names one of several lenses. Raises ``CustodesError`` if the device cannot be used.
    """
    notes: list[str] = []
    device = open_device(place, login, notes.append, timeout_s)
    profiles = of_source(device.profiles(), source)
    main, sub = choose(profiles)
    facts = device.facts(main.source)
    if sub.fps > SUB_RATES[1]:
        sub = _slower(device, main, sub, notes)
    return Look(device, facts, device.stream(main), device.stream(sub), f"main {main}; sub {sub}", tuple(notes))


def _slower(device: Device, main: Profile, sub: Profile, notes: list[str]) -> Profile:
    """Ask for fewer pictures; return what the device then says of the stream."""
    refused = (
        f"the sub stream sends {sub.fps:g} pictures a second and would not be set to {_RATE}: set it on the camera"
    )
    if sub.encoder_token == main.encoder_token:
        notes.append(refused)
        return sub
    try:
        device.request_rate(sub, _RATE)
    except CustodesError:
        # The camera works all the same; decoding costs more.
        notes.append(refused)
        return sub
    again = [profile for profile in device.profiles() if profile.token == sub.token]
    if not again or again[0].fps > SUB_RATES[1]:
        notes.append(refused)
    return again[0] if again else sub
