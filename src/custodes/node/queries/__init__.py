# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads. ``Store`` is the handle that the edges pass on and never look into."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from custodes.node.store import Store

__all__ = ["Store"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    from custodes.node.store import Store

    return Store
