# SPDX-License-Identifier: AGPL-3.0-or-later
"""No credential leaves through an error."""

import pytest

from custodes.domain.video import StreamUrl
from custodes.video.ingest.libav import scrub

URL = StreamUrl("rtsp://admin:p%40ss%2Fw0rd@10.0.0.7:554/live/1?user=admin&password=hunter2")


@pytest.mark.parametrize(
    "text",
    [
        f"Connection refused: '{URL.value}'",
        "rtsp://admin:p%40ss%2Fw0rd@10.0.0.7:554/live/1",
        "authentication of admin:p@ss/w0rd failed",
        "the password p@ss/w0rd is wrong",
        "GET /live/1?user=admin&password=hunter2",
        "parameter hunter2 rejected",
        "rtsp://somebody:else@10.0.0.8/other",
        "tcp://admin:p%40ss%2Fw0rd@10.0.0.7:554?timeout=0",
    ],
)
def test_credentials_are_taken_out_of_any_text(text: str) -> None:
    clean = scrub(text, URL)
    for secret in ("p%40ss", "p@ss", "w0rd", "hunter2", "somebody", "else@"):
        assert secret not in clean


def test_what_is_not_secret_stays() -> None:
    assert scrub(f"cannot open {URL.value}: timed out", URL) == "cannot open rtsp://10.0.0.7:554/live/1: timed out"
    assert scrub("plain words", StreamUrl("rtsp://10.0.0.7/live")) == "plain words"
