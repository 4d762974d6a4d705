# SPDX-License-Identifier: AGPL-3.0-or-later
"""An RTSP client for cameras: RTSP 1.0 (RFC 2326), SDP (RFC 8866), RTP (RFC 3550) and its payloads.

Pure Python: a hostile camera meets bounds checks here, not a parser in C that shares memory with nine other cameras.
Nothing that a camera says is repeated in a message, so no message can hold a password.
"""
