# SPDX-License-Identifier: AGPL-3.0-or-later
"""A password that nobody knows: made here, set on the device, tried out."""

import string
from collections.abc import Callable

from custodes.domain.cameras import Credentials
from custodes.domain.video import StreamUrl
from custodes.errors import CustodesError, Kind, conflict, denied
from custodes.video.ingest.onvif.account import Login, with_login
from custodes.video.ingest.onvif.device import Device, open_device
from custodes.video.ingest.onvif.door import stream_takes
from custodes.video.ingest.onvif.http import Place

OWN_USER = "custodes"
"""The account that is made on a device that has none yet."""
_LETTERS = string.ascii_letters + string.digits
_LENGTH = 16
"""95 bits; many devices take no more than 16 characters, and only letters and digits everywhere."""


def make_password(entropy: Callable[[int], bytes]) -> str:
    """Return a random password with a small letter, a capital and a digit, which devices insist on."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    while True:
        # 62 * 4 = 248: bytes above would make some letters likelier.
        drawn = [_LETTERS[byte % 62] for byte in entropy(64) if byte < 248][:_LENGTH]
        if len(drawn) == _LENGTH and all(set(kind) & set(drawn) for kind in kinds):
            return "".join(drawn)


def owner(device: Device) -> Login | None:
    """The account whose password is to be replaced; None on a device without accounts, where one is made.

    Raises ``CustodesError``: CONFLICT if the device does not let this account be changed through ONVIF.
    """
    login, users = device.client.login, device.users()
    if login is None:
        if users:
            raise denied(f"{device.client.place} has accounts: name an administrator's with --user")
        return None
    if login.user not in users:
        raise conflict(
            f"{device.client.place} does not list this account: change its password on the camera's own page"
        )
    return login


def replace_password(device: Device, new: Login, stream: StreamUrl) -> Credentials:
    """Set ``new`` on the device and prove it (see ``prove``).

    Raises ``CustodesError``. If the streams do not take the new password the old one is set again.
    """
    old, users = device.client.login, device.users()
    level = users.get(new.user, "Administrator")
    taken = stream_takes(with_login(stream, old))
    device.set_password(new, level, new=new.user not in users)
    place = device.client.place
    try:
        after = open_device(place, new, lambda _note: None)
        after.users()
    except CustodesError as problem:
        raise CustodesError(problem.kind, f"the device took a new password, but it does not work: {problem}") from None
    # A stream that refused the old account as well says nothing about the new password.
    if taken and not stream_takes(with_login(stream, new)):
        if old is not None:
            after.set_password(old, level, new=False)
        raise conflict(f"the streams of {place.host} do not take the new password: the old one is set again")
    return prove(place, new, old)


def prove(place: Place, new: Login, old: Login | None) -> Credentials:
    """Who may know a password of the device, now that it has a new one; raises DENIED if it does not take that."""
    others = set(open_device(place, new, lambda _note: None).users()) - {new.user}
    try:
        open_device(place, old, lambda _note: None).users()
    except CustodesError as problem:
        if problem.kind is not Kind.DENIED:
            raise
        return Credentials.OTHERS if others else Credentials.REPLACED
    return Credentials.KNOWN
