# SPDX-License-Identifier: AGPL-3.0-or-later
"""Custodes: a network of public-space cameras that watches the cameras, not the people."""
