# SPDX-License-Identifier: AGPL-3.0-or-later
"""Catalogue and objects."""

from custodes.node.store.store import Store, Transaction

__all__ = ["Store", "Transaction"]
