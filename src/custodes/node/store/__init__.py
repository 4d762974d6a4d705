# SPDX-License-Identifier: AGPL-3.0-or-later
"""Catalogue and objects.

``Store`` is looked up when it is asked for (PEP 562): a recorder's shard needs objects and names only, and must not pay
for the catalogue's library in memory, once per ten cameras.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from custodes.node.store.store import Store, Transaction

__all__ = ["Store", "Transaction"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    from custodes.node.store import store

    return getattr(store, name)
