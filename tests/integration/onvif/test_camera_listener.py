# SPDX-License-Identifier: AGPL-3.0-or-later
"""A camera that says that it is being turned is believed, and one that says nothing useful does no harm."""

import pytest
from tests.node_town import until
from tests.onvif_device import Device, notification, serving

from custodes.domain.ids import CameraId
from custodes.domain.video import StreamUrl
from custodes.node.queries.cameras import CameraStreams
from custodes.node.runtime import listening
from custodes.node.runtime.listening import CameraListener
from custodes.video.ingest.onvif.events import EventKind

MOVE = "tns1:PTZController/Move/Channel_1"


def streams(device: Device, onvif: str = "") -> CameraStreams:
    url = StreamUrl("rtsp://admin:sesame@127.0.0.1:1/x")
    return CameraStreams(CameraId("a" * 26), url, url, onvif=onvif or device.address)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_BREATH_S", 0.05)
    monkeypatch.setattr(listening, "_PAUSES_S", (0.05, 0.1))


def test_a_camera_that_turns_is_believed_until_it_has_come_to_rest() -> None:
    with serving(Device()) as device:
        listener = CameraListener(streams(device))
        try:
            device.events = [notification("tns1:RuleEngine/CellMotionDetector/Motion", {"State": "true"})]
            until(lambda: not device.events, "the first event is taken")
            assert not listener.turning
            device.events = [notification(MOVE, {"is_moving": "1"})]
            until(lambda: listener.turning, "it is believed")
            device.events = [notification(MOVE, {"is_moving": "0"})]
            until(lambda: not listener.turning, "it has come to rest")
        finally:
            listener.stop()
        until(lambda: "Unsubscribe" in device.asked, "the subscription is ended")


def test_a_movement_whose_end_is_never_told_is_believed_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(listening._BELIEVED_S, EventKind.PTZ_MOVING, 1.0)
    with serving(Device(events=[notification(MOVE, {"is_moving": "1"})])) as device:
        listener = CameraListener(streams(device))
        until(lambda: listener.turning, "it is believed")
        until(lambda: not listener.turning, "it is not believed any more")
        listener.stop()
        until(lambda: "Unsubscribe" in device.asked, "the subscription is ended")


def test_a_camera_that_says_it_is_tampered_with_is_believed_until_it_says_otherwise() -> None:
    with serving(Device()) as device:
        listener = CameraListener(streams(device))
        try:
            device.events = [notification("tns1:VideoSource/GlobalSceneChange/ImagingService", {"State": "true"})]
            until(lambda: listener.tampered, "it is believed")
            assert not listener.turning
            device.events = [notification("tns1:VideoSource/GlobalSceneChange/ImagingService", {"State": "false"})]
            until(lambda: not listener.tampered, "it is over")
        finally:
            listener.stop()
        until(lambda: "Unsubscribe" in device.asked, "the subscription is ended")


def test_a_subscription_that_breaks_is_made_again() -> None:
    with serving(Device()) as device:
        device.answers["PullMessages"] = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
        listener = CameraListener(streams(device))
        until(lambda: device.asked.count("CreatePullPointSubscription") > 2, "it subscribes again")
        device.answers.clear()
        device.events = [notification(MOVE, {"is_moving": "true"})]
        until(lambda: listener.turning, "it listens again")
        listener.stop()
        until(lambda: "Unsubscribe" in device.asked, "the subscription is ended")
