# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads. ``Store`` is the handle that the edges pass on and never look into."""

from custodes.node.store import Store

__all__ = ["Store"]
