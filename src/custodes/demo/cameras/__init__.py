# SPDX-License-Identifier: AGPL-3.0-or-later
"""Virtual cameras: real RTSP on loopback.

``process.CameraProcess`` starts them, ``journal`` says what they sent, ``source.PictureSource`` is what they look at.
One process serves all cameras: a thread per camera takes, encodes and notes pictures; an event loop talks to clients.
"""
