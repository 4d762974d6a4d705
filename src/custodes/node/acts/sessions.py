# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts of signing in."""

import hashlib
import secrets

import sqlalchemy as sa

from custodes.clock import SECOND
from custodes.domain.acts import Act
from custodes.domain.ids import new_id
from custodes.errors import denied
from custodes.node.acts._commitment import commitment
from custodes.node.store import Store, tables

LINK_LIFE = 12 * 3600 * SECOND
SESSION_LIFE = 12 * 3600 * SECOND


def issue_link(store: Store, role: str) -> str:
    """Return the token of a new one-time link for a new person of that role; only its hash is kept."""
    token = secrets.token_urlsafe(24)
    with store.act(Act.LINK_ISSUED, {"role": role}) as tx:
        tx.connection.execute(
            tables.links.insert().values(
                token=hashlib.sha256(token.encode()).hexdigest(),
                person=new_id(store.entropy(16)),
                role=role,
                expires=tx.now + LINK_LIFE,
                seq=tx.seq,
            )
        )
    return token


def begin_session(store: Store, token: str) -> str:
    """Use a one-time link and return the cookie's value; used or expired raises ``CustodesError`` (DENIED)."""
    key = hashlib.sha256(token.encode()).hexdigest()
    links = tables.links
    rows = store.read(sa.select(links.c.person, links.c.role).where(links.c.token == key))
    if not rows:
        raise denied("this sign-in link is not known: ask the administrator for a new one")
    person, role = rows[0].person, rows[0].role
    cookie, salt = secrets.token_urlsafe(32), store.entropy(16)
    with store.act(Act.SESSION_BEGUN, {"role": role, "person": commitment(salt, person)}) as tx:
        used = tx.connection.execute(
            sa.update(links)
            .where(links.c.token == key, links.c.used.is_(None), links.c.expires > tx.now)
            .values(used=tx.now)
        )
        if not used.rowcount:
            raise denied("this sign-in link was used already or has expired: ask the administrator for a new one")
        tx.connection.execute(
            tables.sessions.insert().values(
                cookie=hashlib.sha256(cookie.encode()).hexdigest(),
                person=person,
                role=role,
                expires=tx.now + SESSION_LIFE,
                salt=salt,
                seq=tx.seq,
            )
        )
    return cookie


def end_session(store: Store, cookie: str) -> None:
    """End a session for good; one that is not under way raises ``CustodesError`` (DENIED)."""
    sessions = tables.sessions.c
    key = hashlib.sha256(cookie.encode()).hexdigest()
    rows = store.read(
        sa.select(sessions.person, sessions.role, sessions.salt).where(sessions.cookie == key, sessions.ended.is_(None))
    )
    if not rows:
        raise denied("there is no such session under way")
    row = rows[0]
    with store.act(Act.SESSION_ENDED, {"role": row.role, "person": commitment(row.salt, row.person)}) as tx:
        which = sa.and_(sessions.cookie == key, sessions.ended.is_(None))
        if not tx.connection.execute(sa.update(tables.sessions).where(which).values(ended=tx.now)).rowcount:
            raise denied("there is no such session under way")
