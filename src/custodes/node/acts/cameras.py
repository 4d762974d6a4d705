# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on cameras."""

import sqlalchemy as sa

from custodes.domain import canonical
from custodes.domain.acts import Act
from custodes.domain.cameras import CameraSettings, Change, Credentials, DeviceFacts, Link, spelling
from custodes.domain.ids import CameraId, new_id
from custodes.domain.video import StreamUrl
from custodes.errors import CustodesError, conflict, invalid, not_found
from custodes.node.store import Store, tables
from custodes.node.store.store import Transaction
from custodes.video.ingest.rtsp.address import parse_address

_PLAIN = Link()


def add_camera(
    store: Store,
    name: str,
    main: StreamUrl,
    sub: StreamUrl,
    link: Link = _PLAIN,
    device: DeviceFacts | None = None,
    credentials: Credentials = Credentials.KNOWN,
) -> CameraId:
    """Make a camera known. It stays dark until it has a register entry.

    A camera that is in service already raises ``CustodesError`` (CONFLICT) that names it.
    """
    settings = CameraSettings(name, main, sub, link, device, credentials)
    _check(settings)
    camera = CameraId(new_id(store.entropy(16)))
    marks = {**_stream_mark(store, settings), **_device_marks(store, device)}
    with store.act(Act.CAMERA_ADDED, {"camera": camera}) as tx:
        _refuse_known(store, tx, camera, marks)
        tx.connection.execute(
            tables.cameras.insert().values(id=camera, seq=tx.seq, **_row(store, camera, settings), **marks)
        )
    return camera


def change_camera(
    store: Store, camera: CameraId, old: CameraSettings, new: CameraSettings, *, exchanged: bool = False
) -> None:
    """Set a camera anew; how it was before stays, without its passwords.

    ``old`` is what the caller has read; ``exchanged``: another device stands there now, even if nothing else is
    different. ``CustodesError``: INVALID if nothing would change, CONFLICT if ``old`` is not what is there any more, or
    if another camera in service is the same.
    """
    _check(new)
    changes = old.changes(new)
    if exchanged and Change.DEVICE not in changes:
        changes.append(Change.DEVICE)
    changed = [change.value for change in changes]
    if not changed:
        raise invalid("nothing would change")
    marks = _stream_mark(store, new)
    if Change.DEVICE in changes:
        marks |= _device_marks(store, new.device)
    cameras, versions = tables.cameras, tables.camera_versions
    with store.act(Act.CAMERA_CHANGED, {"camera": camera, "changed": [*changed]}) as tx:
        rows = tx.connection.execute(
            sa.select(cameras).where(cameras.c.id == camera, cameras.c.removed.is_(None))
        ).all()
        if not rows:
            raise not_found("there is no such camera in service")
        found = rows[0]
        if (found.name, store.decrypt(found.streams, _context(camera))) != (old.name, _streams(old)):
            raise conflict("the camera was changed by somebody else meanwhile: look at it again")
        _refuse_known(store, tx, camera, marks)
        before = {"name": found.name, "device": found.device, "credentials": found.credentials, "until": tx.now}
        streams = store.encrypt(_streams(old, secrets=False), _context(camera))
        tx.connection.execute(versions.insert().values(camera=camera, seq=tx.seq, streams=streams, **before))
        tx.connection.execute(
            sa.update(cameras).where(cameras.c.id == camera).values(**_row(store, camera, new), **marks)
        )
        # What was on its way to the device has either arrived or is not wanted any more.
        tx.connection.execute(sa.delete(tables.pending_passwords).where(tables.pending_passwords.c.camera == camera))


def remove_camera(store: Store, camera: CameraId) -> None:
    """Take a camera out of service; what it recorded keeps its retention."""
    with store.act(Act.CAMERA_REMOVED, {"camera": camera}) as tx:
        known = tables.cameras.c.id == camera
        found = tx.connection.execute(
            sa.update(tables.cameras).where(known, tables.cameras.c.removed.is_(None)).values(removed=tx.now)
        )
        if not found.rowcount:
            raise not_found("there is no such camera in service")


def _context(camera: CameraId) -> str:
    return f"camera streams {camera}"


def _check(settings: CameraSettings) -> None:
    """Raise ``CustodesError`` (INVALID) for what no camera can be."""
    for url in (settings.main, settings.sub):
        try:
            parse_address(url)
        except CustodesError as problem:
            raise invalid(f"{url}: {problem}") from None
    if not settings.name.strip():
        raise invalid("a camera needs a name")
    if settings.link.transport not in ("tcp", "udp"):
        raise invalid("a camera's transport is tcp or udp")


def _streams(settings: CameraSettings, *, secrets: bool = True) -> bytes:
    link = settings.link
    main, sub = (url.value if secrets else str(url) for url in (settings.main, settings.sub))
    return canonical.dumps(
        {"main": main, "sub": sub, "transport": link.transport, "pin": link.pin, "onvif": link.onvif}
    )


def _row(store: Store, camera: CameraId, settings: CameraSettings) -> dict[str, object]:
    device = settings.device
    facts = device and canonical.dumps(
        {
            "manufacturer": device.manufacturer,
            "model": device.model,
            "firmware": device.firmware,
            "source": device.source,
        }
    )
    return {
        "name": settings.name,
        "streams": store.encrypt(_streams(settings), _context(camera)),
        "device": facts,
        "credentials": settings.credentials.value,
    }


def _stream_mark(store: Store, settings: CameraSettings) -> dict[str, str | None]:
    return {"stream_mark": store.mark(spelling(settings.main), "stream")}


def _device_marks(store: Store, device: DeviceFacts | None) -> dict[str, str | None]:
    """A device with several lenses is several cameras."""
    serial = mac = None
    if device is not None and device.serial:
        told = [device.manufacturer, device.model, device.serial, device.source]
        serial = store.mark(canonical.dumps([*told]).decode(), "serial")
    if device is not None and device.mac:
        mac = store.mark(canonical.dumps([device.mac, device.source]).decode(), "mac")
    return {"serial_mark": serial, "mac_mark": mac}


def _refuse_known(store: Store, tx: Transaction, camera: CameraId, marks: dict[str, str | None]) -> None:
    """Raise ``CustodesError`` (CONFLICT) if another camera in service has these marks.

    A hardware address decides where both have one: some makers give every device the same serial number.
    """
    cameras = tables.cameras.c
    serial, mac = marks.get("serial_mark"), marks.get("mac_mark")
    same = cameras.stream_mark == marks["stream_mark"]
    if mac:
        same |= cameras.mac_mark == mac
    if serial:
        same |= (cameras.serial_mark == serial) & (cameras.mac_mark.is_(None) if mac else sa.true())
    others = sa.select(cameras.id, cameras.name).where(cameras.removed.is_(None), cameras.id != camera)
    found = tx.connection.execute(others.where(same)).first()
    if found is None:
        # Cameras from before there were marks.
        older = others.add_columns(cameras.streams).where(cameras.stream_mark.is_(None))
        for row in tx.connection.execute(older):
            main = canonical.text(canonical.load_object(store.decrypt(row.streams, _context(row.id))), "main")
            if store.mark(spelling(StreamUrl(main)), "stream") == marks["stream_mark"]:
                found = row
    if found is not None:
        raise conflict(f"this is camera {found.id} ({found.name}) already: change it with `custodes camera edit`")
