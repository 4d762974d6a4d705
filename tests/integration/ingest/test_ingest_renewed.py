# SPDX-License-Identifier: AGPL-3.0-or-later
"""A permit that is replaced by a newer one while pictures are on their way."""

import threading
import time

from tests.camera_watch import Event, story, whole
from tests.ingest_streams import permit
from tests.rtp_packets import h264_pictures
from tests.scripted_camera import Conduct, QuirkyCamera

from custodes.clock import SECOND, SystemClock
from custodes.domain.video import Gap, GapCause, StreamUrl
from custodes.video.ingest.session import CameraStream


def test_what_came_before_a_newer_permit_holds_came_under_the_older_one() -> None:
    """A burst is being handed on when the permit changes: no picture of it is lost, and the camera is kept."""
    sent, stop = h264_pictures(20), threading.Event()
    with QuirkyCamera(Conduct(sent, then="hang")) as camera:
        stream = CameraStream(StreamUrl(camera.plain_url), permit(), SystemClock(), nap_s=0.3, silence_s=2.0)
        events: list[Event] = []
        for event in stream.events(stop):
            events.append(event)
            if len(events) == 3:
                stream.renew(permit(not_before=SystemClock().now()))
            if len(events) == 21:
                stop.set()
    assert story(events) == whole(sent)


def test_a_connection_that_is_given_up_for_a_permit_is_told_of_when_the_camera_is_taken_up_again() -> None:
    sent, stop, clock = h264_pictures(10), threading.Event(), SystemClock()
    later = permit(not_before=clock.now() + SECOND // 2)
    with QuirkyCamera(Conduct(sent, then="hang")) as camera:
        stream = CameraStream(
            StreamUrl(camera.plain_url), permit(), clock, nap_s=0.3, silence_s=2.0, backoff=(0.6, 0.8)
        )
        told = []
        for event in stream.events(stop):
            told.append(event)
            if len(told) == 4:
                # Twice: neither permit holds for what has been received and not yet handed on.
                stream.renew(later)
                stream.renew(later)
                time.sleep(0.6)
            if isinstance(event, Gap) and len(told) > 4:
                stop.set()
    holes = [event for event in told if isinstance(event, Gap)]
    assert [hole.cause for hole in holes] == [GapCause.CONNECTING, GapCause.CONNECTING, GapCause.STOPPED]
    assert holes[1].began == told[3].received
