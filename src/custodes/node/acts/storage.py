# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts of the disk: that it was full, or could not be written, is on record, because recording may have stopped."""

from enum import Enum

from custodes.domain.acts import Act
from custodes.errors import conflict
from custodes.node.store import Store
from custodes.node.store.alarms import STORAGE, clear_alarm, raise_alarm

STORE = "store"
"""What the alarm is about."""


class Trouble(Enum):
    """What is wrong with the disk of the store."""

    FULL = "full"
    READ_ONLY = "read_only"


def storage_exhausted(store: Store, trouble: Trouble, detail: str) -> None:
    """There is less room than is to be kept free, and nothing may be deleted; stated already: CONFLICT."""
    with store.act(Act.STORAGE_EXHAUSTED, {"cause": trouble.value}) as tx:
        if not raise_alarm(tx.connection, STORAGE, STORE, detail, tx.now, tx.seq):
            raise conflict("that the disk is full was stated already")


def storage_recovered(store: Store) -> None:
    """There is room again; without an alarm: ``CustodesError`` (CONFLICT)."""
    with store.act(Act.STORAGE_RECOVERED, {}) as tx:
        if not clear_alarm(tx.connection, STORAGE, STORE, tx.now):
            raise conflict("the disk was not full")
