# SPDX-License-Identifier: AGPL-3.0-or-later
"""The public register: documents and the proof that they are in the log."""

import sqlalchemy as sa

from custodes.domain.ids import CameraId
from custodes.domain.register import RegisterEntry, decode_entry
from custodes.errors import not_found
from custodes.node.queries import log
from custodes.node.store import Store, tables
from custodes.places.register import export


def entries(store: Store) -> list[tuple[RegisterEntry, int | None]]:
    """The current entry of every camera in service that has one, with its index in the log."""
    table, entry, index = tables.register_entries, tables.register_entries.c, tables.log_entries.c
    newest = sa.select(sa.func.max(entry.seq)).group_by(entry.camera)
    rows = store.read(
        sa.select(entry.document, index.log_index)
        .select_from(table)
        .join(tables.log_entries, index.seq == entry.seq)
        .join(tables.cameras, tables.cameras.c.id == entry.camera)
        .where(entry.seq.in_(newest), tables.cameras.c.removed.is_(None))
        .order_by(tables.cameras.c.seq)
    )
    return [(decode_entry(row.document), row.log_index) for row in rows]


def newest(store: Store) -> dict[CameraId, str]:
    """Per camera the SHA-256 (hexadecimal) of its newest entry's document, witnessed or not."""
    entry = tables.register_entries.c
    latest = sa.select(sa.func.max(entry.seq)).group_by(entry.camera)
    rows = store.read(sa.select(entry.camera, entry.digest).where(entry.seq.in_(latest)))
    return {CameraId(row.camera): row.digest for row in rows}


def geojson(store: Store) -> bytes:
    """The register as GeoJSON (RFC 7946)."""
    return export.geojson(entries(store))


def _newest(store: Store, camera: str) -> sa.Row[tuple[object, ...]]:
    entry = tables.register_entries.c
    rows = store.read(
        sa.select(entry.document, entry.seq).where(entry.camera == camera).order_by(entry.seq.desc()).limit(1)
    )
    if not rows:
        raise not_found("no register entry: the camera is not on the public register")
    return rows[0]


def document(store: Store, camera: str) -> bytes:
    """The camera's current entry as published: canonical JSON, whose SHA-256 is in the log."""
    return bytes(_newest(store, camera).document)


def logged_document(store: Store, camera: str) -> tuple[bytes, bytes, bytes]:
    """The camera's current entry, its log entry and the receipt; not witnessed yet: UNAVAILABLE."""
    newest = _newest(store, camera)
    return bytes(newest.document), *log.logged(store, newest.seq)


def receipt(store: Store, camera: str) -> bytes:
    """The receipt (C2SP tlog-proof) of the camera's current entry."""
    return logged_document(store, camera)[2]
