# SPDX-License-Identifier: AGPL-3.0-or-later
"""Readers of other people's inventories. Every file is hostile until it is read: sizes are bounded, and whatever is
wrong with one is a ``CustodesError`` of one line, whatever is wrong with a row a line and a reason.
"""
