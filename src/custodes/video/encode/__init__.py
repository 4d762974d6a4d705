# SPDX-License-Identifier: AGPL-3.0-or-later
"""Masked frames to fragments."""
