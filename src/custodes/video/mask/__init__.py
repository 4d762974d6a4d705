# SPDX-License-Identifier: AGPL-3.0-or-later
"""Frames to masked frames; the only way out."""
