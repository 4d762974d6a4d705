# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on alerts: whoever silences a camera's must answer for it."""

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain import times
from custodes.domain.acts import Act
from custodes.domain.alerts import AlertKind
from custodes.domain.ids import CameraId
from custodes.errors import invalid, not_found
from custodes.node.store import Store, tables

_LONGEST_DAYS = 30


def snooze(store: Store, camera: CameraId, kind: AlertKind | None, until: Instant) -> None:
    """Keep back a camera's alerts of one kind, or of every kind, until a time at most 30 days ahead."""
    now = store.clock.now()
    if not now < until <= now + _LONGEST_DAYS * 86_400 * SECOND:
        raise invalid(f"alerts can be snoozed until a time within the next {_LONGEST_DAYS} days")
    named = "" if kind is None else kind.value
    facts = {"camera": camera, "kind": named or "every", "until": times.to_text(until)}
    with store.act(Act.ALERTS_SNOOZED, dict(facts)) as tx:
        cameras = tables.cameras.c
        known = sa.select(cameras.id).where(cameras.id == camera, cameras.removed.is_(None))
        if not tx.connection.execute(known).first():
            raise not_found("there is no such camera in service")
        key: dict[str, object] = {"camera": camera, "kind": named}
        tables.upsert(tx.connection, tables.snoozes, key, {"until": until, "seq": tx.seq})
