# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plane geometry of a town: local metres, footprints of buildings, what a camera sees between them."""
