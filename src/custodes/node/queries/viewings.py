# SPDX-License-Identifier: AGPL-3.0-or-later
"""Viewings under way."""

import sqlalchemy as sa

from custodes.node.store import Store, tables


def unended(store: Store) -> list[str]:
    """The ids of all viewings that have begun and not ended."""
    viewings = tables.viewings.c
    return [row.id for row in store.read(sa.select(viewings.id).where(viewings.ended.is_(None)))]
