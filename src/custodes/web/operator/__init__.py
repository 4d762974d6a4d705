# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages for the control room: masked live pictures, playback, requests."""
