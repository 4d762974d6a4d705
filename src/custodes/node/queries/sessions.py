# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who is signed in."""

import hashlib

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.node.queries.views import Role, Session
from custodes.node.store import Store, tables


def session(store: Store, cookie: str) -> Session | None:
    """The session that a cookie belongs to, or None if there is none, or it has ended or expired."""
    sessions = tables.sessions.c
    key = hashlib.sha256(cookie.encode()).hexdigest()
    which = sa.and_(sessions.cookie == key, sessions.ended.is_(None))
    rows = store.read(sa.select(sessions.person, sessions.role, sessions.expires).where(which))
    if not rows or rows[0].expires <= store.clock.now():
        return None
    return Session(rows[0].person, Role(rows[0].role), Instant(rows[0].expires))
