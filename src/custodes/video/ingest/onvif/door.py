# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether a camera's stream takes an account. Some cameras keep the accounts of ONVIF and of their streams apart."""

from custodes.clock import SystemClock
from custodes.domain.video import GapCause, StreamUrl
from custodes.errors import CustodesError
from custodes.video.ingest.rtsp.address import parse_address
from custodes.video.ingest.rtsp.connection import Connection, ConnectionFailed


def stream_takes(url: StreamUrl, timeout_s: float = 5.0) -> bool:
    """False if the camera refuses the stream to the account in ``url``; True if not, or if it cannot be asked now."""
    try:
        connection = Connection(parse_address(url), "tcp", SystemClock(), eager=False, limit_s=timeout_s)
    except CustodesError:
        return True
    try:
        connection.open()
    except ConnectionFailed as failure:
        return failure.cause is not GapCause.REFUSED
    finally:
        connection.close()
    return True
