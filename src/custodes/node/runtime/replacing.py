# SPDX-License-Identifier: AGPL-3.0-or-later
"""A camera's password replaced by one that nobody knows.

The order is what keeps a camera from being lost: the new password is durable (encrypted) before the device is told, and
becomes the camera's own after it was tried out. A crash in between leaves both; the same command, given again, finds
out which of them the device takes.
"""

import os
from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa

from custodes.domain import canonical
from custodes.domain.cameras import CameraSettings, Credentials
from custodes.domain.ids import CameraId
from custodes.errors import CustodesError, Kind
from custodes.node.acts.cameras import change_camera
from custodes.node.queries import cameras
from custodes.node.runtime.onboarding import place_of
from custodes.node.store import Store, tables
from custodes.video.ingest.onvif.account import Login, login_in, with_login
from custodes.video.ingest.onvif.device import open_device
from custodes.video.ingest.onvif.http import Place
from custodes.video.ingest.onvif.passwords import OWN_USER, make_password, owner, prove, replace_password


def replace_by_random(store: Store, camera: CameraId, entropy: Callable[[int], bytes] = os.urandom) -> Credentials:
    """Set, try and keep a random password; return who may know a password of this camera now.

    Raises ``CustodesError`` if the device cannot be reached or will not; it then says what is known.
    """
    old = cameras.settings(store, camera)
    place, current = place_of(old), login_in(old.main)
    pending = _pending(store, camera)
    if pending is not None and (state := _taken(place, pending, current)) is not None:
        _keep(store, camera, old, pending, state)
        return state
    device = open_device(place, current, lambda _note: None)
    account = owner(device)
    new = Login(account.user if account else OWN_USER, make_password(entropy))
    _write(store, camera, new)
    state = replace_password(device, new, old.main)
    _keep(store, camera, old, new, state)
    return state


def _context(camera: CameraId) -> str:
    return f"pending password {camera}"


def _pending(store: Store, camera: CameraId) -> Login | None:
    """The password of an attempt that did not come to its end."""
    table = tables.pending_passwords.c
    rows = store.read(sa.select(table.login).where(table.camera == camera))
    if not rows:
        return None
    kept = canonical.load_object(store.decrypt(rows[0].login, _context(camera)))
    return Login(canonical.text(kept, "user"), canonical.text(kept, "password"))


def _write(store: Store, camera: CameraId, login: Login) -> None:
    data = canonical.dumps({"user": login.user, "password": login.password})
    with store.begin() as connection:
        key: dict[str, object] = {"camera": camera}
        tables.upsert(connection, tables.pending_passwords, key, {"login": store.encrypt(data, _context(camera))})


def _taken(place: Place, pending: Login, current: Login | None) -> Credentials | None:
    """What an earlier attempt has come to; None if the device never took its password."""
    try:
        return prove(place, pending, current)
    except CustodesError as problem:
        if problem.kind is Kind.DENIED:
            return None
        raise


def _keep(store: Store, camera: CameraId, old: CameraSettings, new: Login, state: Credentials) -> None:
    main, sub = with_login(old.main, new), with_login(old.sub, new)
    change_camera(store, camera, old, replace(old, main=main, sub=sub, credentials=state))
