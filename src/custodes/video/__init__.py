# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stages from the camera's stream to masked fragments."""
