# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cameras as pages and commands show them, and their addresses for the runtime."""

from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain import canonical, register
from custodes.domain.cameras import CameraSettings, Credentials, DeviceFacts, Link
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import CameraId
from custodes.domain.video import StreamUrl, Transport
from custodes.errors import not_found
from custodes.node.queries.views import CameraView, RecordingState
from custodes.node.store import Store, tables

_BEFORE: JsonObject = {"transport": "tcp", "pin": "", "onvif": ""}
"""Of cameras that were added before these were kept."""


@dataclass(frozen=True, slots=True)
class CameraStreams:
    """Where a camera's streams are; the addresses may hold passwords and are for the runtime only.

    ``transport``: ``tcp`` or ``udp``; ``pin``: SHA-256 (hexadecimal) of the TLS certificate that the camera showed when
    it was added, empty where there was none. ``onvif``: where the camera answers to ONVIF, empty if nobody has said.
    """

    id: CameraId
    main: StreamUrl
    sub: StreamUrl
    transport: Transport = "tcp"
    pin: str = ""
    onvif: str = ""


def streams(store: Store) -> list[CameraStreams]:
    """The streams of every camera in service."""
    return [
        CameraStreams(
            id=camera,
            main=kept.main,
            sub=kept.sub,
            transport="udp" if kept.link.transport == "udp" else "tcp",
            pin=kept.link.pin,
            onvif=kept.link.onvif,
        )
        for camera, kept in every_setting(store).items()
    ]


def every_setting(store: Store) -> dict[CameraId, CameraSettings]:
    """What is set about every camera in service, passwords included: for the runtime only."""
    return _settings(store, sa.true())


def settings(store: Store, camera: CameraId) -> CameraSettings:
    """What is set about a camera in service, passwords included; else ``CustodesError`` (NOT_FOUND)."""
    found = _settings(store, tables.cameras.c.id == camera)
    if not found:
        raise not_found("there is no such camera in service")
    return found[camera]


def _settings(store: Store, which: sa.ColumnElement[bool]) -> dict[CameraId, CameraSettings]:
    cameras = tables.cameras.c
    columns = (cameras.id, cameras.name, cameras.streams, cameras.device, cameras.credentials)
    rows = store.read(sa.select(*columns).where(cameras.removed.is_(None), which).order_by(cameras.seq))
    return {CameraId(row.id): _setting(store, row) for row in rows}


def _setting(store: Store, row: sa.Row[tuple[object, ...]]) -> CameraSettings:
    kept = canonical.load_object(store.decrypt(row.streams, f"camera streams {row.id}"))
    main, sub = (StreamUrl(canonical.text(kept, role)) for role in ("main", "sub"))
    link = Link(*(canonical.text({**_BEFORE, **kept}, name) for name in ("transport", "pin", "onvif")))
    device = None
    if row.device is not None:
        told = canonical.load_object(row.device)
        made, model, firmware, source = (
            canonical.text(told, name) for name in ("manufacturer", "model", "firmware", "source")
        )
        device = DeviceFacts(made, model, firmware, "", "", source)
    return CameraSettings(row.name, main, sub, link, device, _credentials(row.credentials))


def versions(store: Store, camera: CameraId) -> int:
    """How many times a camera was changed."""
    earlier = tables.camera_versions.c
    return int(store.read(sa.select(sa.func.count()).where(earlier.camera == camera))[0][0])


def password_known(store: Store, camera: CameraId) -> register.Credentials:
    """What the public register says of the camera's password: only one that nobody has seen is called replaced."""
    replaced = settings(store, camera).credentials is Credentials.REPLACED
    return register.Credentials.REPLACED if replaced else register.Credentials.KNOWN


def all_cameras(store: Store) -> list[CameraView]:
    """Every camera in service, in the order they were added."""
    return _views(store, sa.true())


def camera(store: Store, camera: str) -> CameraView:
    """One camera in service; else ``CustodesError`` (NOT_FOUND)."""
    found = _views(store, tables.cameras.c.id == camera)
    if not found:
        raise not_found("there is no such camera in service")
    return found[0]


def _views(store: Store, which: sa.ColumnElement[bool]) -> list[CameraView]:
    cameras, states, entries, log = (
        tables.cameras,
        tables.recording_states,
        tables.register_entries,
        tables.log_entries,
    )
    every, placed = entries.alias(), log.alias()
    newest = sa.select(sa.func.max(every.c.seq)).where(every.c.camera == cameras.c.id).scalar_subquery()
    rows = store.read(
        sa.select(
            cameras.c.id,
            cameras.c.name,
            cameras.c.credentials,
            log.c.time.label("added"),
            entries.c.document,
            placed.c.log_index.label("entry_index"),
            states.c.state,
            states.c.cause,
            states.c.since,
        )
        .select_from(cameras)
        .join(log, log.c.seq == cameras.c.seq)
        .outerjoin(entries, sa.and_(entries.c.camera == cameras.c.id, entries.c.seq == newest))
        .outerjoin(placed, placed.c.seq == entries.c.seq)
        .outerjoin(states, states.c.camera == cameras.c.id)
        .where(cameras.c.removed.is_(None), which)
        .order_by(cameras.c.seq)
    )
    return [_view(row, store.clock.now()) for row in rows]


def _view(row: sa.Row[tuple[object, ...]], now: Instant) -> CameraView:
    entry: register.RegisterEntry | None = register.decode_entry(row.document) if row.document else None
    if entry is None:
        state, cause, since = RecordingState.DARK, "no register entry: register it first", row.added
    elif entry.expires <= now:
        state, cause, since = RecordingState.DARK, "its register entry has expired", entry.expires
    elif row.state is None:
        state, cause, since = RecordingState.CONNECTING, "the recorder has not reported yet", row.added
    else:
        state, cause, since = RecordingState(row.state), row.cause, row.since
    credentials = _credentials(row.credentials)
    return CameraView(CameraId(row.id), row.name, entry, row.entry_index, state, cause, Instant(since), credentials)


def _credentials(kept: str | None) -> Credentials:
    """Of cameras that were added before this was kept, people know the password."""
    return Credentials(kept) if kept else Credentials.KNOWN
