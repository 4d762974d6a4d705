# SPDX-License-Identifier: AGPL-3.0-or-later
"""A device over real HTTP: what is asked, what is chosen, and who is let in."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.onvif_device import Device, Encoder, discoverable, notification, probe_match, serving

from custodes.domain.cameras import Credentials
from custodes.domain.video import StreamUrl
from custodes.errors import CustodesError, Kind
from custodes.video.ingest.onvif import passwords
from custodes.video.ingest.onvif.account import Login
from custodes.video.ingest.onvif.device import open_device
from custodes.video.ingest.onvif.discovery import discover
from custodes.video.ingest.onvif.events import CameraEvent, EventKind, PullPoint
from custodes.video.ingest.onvif.http import parse_place
from custodes.video.ingest.onvif.look import Look, look

ADMIN = Login("admin", "sesame")


@pytest.fixture
def device() -> Iterator[Device]:
    with serving(Device()) as found:
        yield found


def looked(device: Device, login: Login | None = ADMIN, source: str = "") -> Look:
    return look(parse_place(device.address), login, source, timeout_s=5)


def test_main_is_the_largest_and_sub_the_one_nearest_to_what_is_masked(device: Device) -> None:
    device.profiles.append(Encoder("middle", "H264", 1280, 720, 10))
    found = looked(device)
    assert found.main.value == "rtsp://admin:sesame@127.0.0.1:8554/large"
    assert found.sub.value == "rtsp://admin:sesame@127.0.0.1:8554/small"
    assert (found.facts.manufacturer, found.facts.serial, found.facts.mac) == ("Maker & Sons", "S-4711", "00163eaabbcc")


def test_a_fast_sub_stream_is_set_to_five_pictures_a_second_and_a_slow_one_is_left_alone(device: Device) -> None:
    assert "sub H264 640x360, 5 pictures" in looked(device).streams
    assert device.profiles[0].fps == 5
    assert device.profiles[1].fps == 25
    looked(device)
    assert device.asked.count("SetVideoEncoderConfiguration") == 1


@pytest.mark.parametrize("how", ["refuses", "shares"])
def test_a_rate_that_cannot_be_set_is_noted_and_the_camera_used_all_the_same(device: Device, how: str) -> None:
    device.takes_rate = how != "refuses"
    if how == "shares":
        device.profiles[0].encoder = device.profiles[1].encoder = "e-both"
    found = looked(device)
    assert "would not be set to 5" in found.notes[0]
    assert found.sub.value.endswith("/small")
    assert [each.fps for each in device.profiles[:2]] == [25, 25]


def test_h264_is_chosen_to_be_masked_before_h265_that_has_just_the_size(device: Device) -> None:
    device.media2 = True
    device.profiles[1].codec = "H265"
    device.profiles.append(Encoder("exact", "H265", 640, 360, 5))
    found = looked(device)
    assert "main H265 1920x1080" in found.streams
    assert found.sub.value.endswith("/small")


@pytest.mark.parametrize("codec", ["H265", "JPEG"])
def test_without_a_second_stream_in_h264_another_codec_is_masked(device: Device, codec: str) -> None:
    device.profiles[0].codec = codec
    assert looked(device).sub.value.endswith("/small")


@pytest.mark.parametrize("codec", ["MPEG4", "VP9"])
def test_a_device_without_a_second_stream_that_can_be_decoded_is_refused(device: Device, codec: str) -> None:
    device.profiles[:] = [replace(each, codec=codec) if each.width < 1920 else each for each in device.profiles]
    with pytest.raises(CustodesError, match="no second stream"):
        looked(device)


def test_of_several_lenses_one_must_be_named(device: Device) -> None:
    device.profiles += [Encoder("a", "H264", 1920, 1080, 25, "lens-2"), Encoder("b", "H264", 320, 180, 5, "lens-2")]
    with pytest.raises(CustodesError, match="lens-1, lens-2"):
        looked(device)
    assert looked(device, source="lens-2").main.value.endswith("/a")
    with pytest.raises(CustodesError, match="no video source of that name"):
        looked(device, source="lens-3")


@pytest.mark.parametrize("auth", ["token", "MD5", "SHA-256"])
def test_the_right_password_is_let_in_and_a_wrong_one_is_said_to_be_wrong(device: Device, auth: str) -> None:
    device.auth = auth
    assert looked(device).facts.model == "M 1"
    for wrong in (Login("admin", "sesam"), Login("root", "sesame"), None):
        with pytest.raises(CustodesError, match="user name") as refusal:
            looked(device, wrong)
        assert refusal.value.kind is Kind.DENIED
        assert "sesam" not in str(refusal.value)
    # Whatever is asked for, the password itself is not in what was sent.
    assert not [body for body in device.bodies if "sesam" in body]


def test_a_device_whose_clock_is_years_away_takes_our_token(device: Device) -> None:
    device.clock = timedelta(days=-2_000)
    assert looked(device).facts.model == "M 1"


def test_a_device_that_names_other_hosts_does_not_make_us_talk_to_them(device: Device) -> None:
    device.xaddr = "http://192.0.2.99:1"
    device.streams = {
        "large": "rtsp://user:pw@192.0.2.99:9554/large?a=1&b=2",
        "small": "rtsp://elsewhere.invalid/small",
    }
    found = looked(device)
    assert found.main.value == "rtsp://admin:sesame@127.0.0.1:9554/large?a=1&b=2"
    assert found.sub.value == "rtsp://admin:sesame@127.0.0.1/small"
    assert [note.partition(" named ")[2] for note in found.notes] == [
        "another host for its services; 127.0.0.1 is used instead",
        "another host for its streams; 127.0.0.1 is used instead",
    ]


@pytest.mark.parametrize("serial", ["", "0", "0000-0000", "None", "123456789"])
def test_a_serial_number_that_stands_for_none_is_none(device: Device, serial: str) -> None:
    device.serial = serial
    device.mac = "00:00:00:00:00:00"
    facts = looked(device).facts
    assert (facts.serial, facts.mac) == ("", "")


def replaced(device: Device, login: Login | None = ADMIN) -> tuple[Login, Credentials]:
    opened = open_device(parse_place(device.address), login, lambda _note: None, 5)
    account = passwords.owner(opened)
    new = Login(account.user if account else passwords.OWN_USER, passwords.make_password(os.urandom))
    return new, passwords.replace_password(opened, new, StreamUrl("rtsp://admin:sesame@127.0.0.1:1/nobody"))


def test_a_replaced_password_works_and_the_old_one_does_not(device: Device) -> None:
    new, state = replaced(device)
    assert state is Credentials.REPLACED
    assert device.users == {"admin": new.password}
    with pytest.raises(CustodesError):
        looked(device)
    assert looked(device, new).facts.model == "M 1"


def test_a_device_with_other_accounts_or_an_old_password_that_still_works_is_not_called_unknown(device: Device) -> None:
    device.users["guest"] = "guest"
    assert replaced(device)[1] is Credentials.OTHERS
    device.users = {"admin": "sesame"}
    device.keeps_old = True
    assert replaced(device)[1] is Credentials.KNOWN


def test_a_device_without_accounts_is_given_one(device: Device) -> None:
    device.users = {}
    new, state = replaced(device, None)
    assert state is Credentials.REPLACED
    assert device.users == {"custodes": new.password}
    with pytest.raises(CustodesError, match="user name and a password"):
        replaced(device, None)


def test_an_account_that_onvif_does_not_list_is_left_alone(device: Device) -> None:
    device.auth = "none"
    with pytest.raises(CustodesError, match="does not list this account"):
        replaced(device, Login("root", "x"))
    assert "SetUser" not in device.asked


def test_made_passwords_have_what_devices_insist_on_and_differ() -> None:
    made = {passwords.make_password(os.urandom) for _ in range(200)}
    assert len(made) == 200
    for word in made:
        assert len(word) == 16
        assert word.isalnum()
        assert word.isascii()
        assert any(map(str.islower, word))
        assert any(map(str.isupper, word))
        assert any(map(str.isdigit, word))


def test_events_about_the_camera_are_told_and_those_about_people_are_dropped_unread(device: Device) -> None:
    device.events = [
        notification("tns1:VideoSource/GlobalSceneChange/ImagingService", {"State": "true"}),
        notification("tns1:RuleEngine/CellMotionDetector/Motion", {"IsMotion": "true"}),
        notification("tns1:RuleEngine/FaceDetector/Face", {"State": "true"}),
        notification("tns1:RuleEngine/LineDetector/Crossed", {"ObjectId": "4"}),
        notification("tns1:RuleEngine/LicensePlate/Read", {"Plate": "X 1"}),
        notification("tns1:RuleEngine/TamperDetector/Tamper", {"IsTamper": "false"}),
        notification("tnsaxis:PTZController/tnsaxis:Move/tnsaxis:Channel_1", {"is_moving": "1"}, at="nonsense"),
        notification("tns1:PTZController/PTZPresets/Reached", {"PresetToken": "1"}),
        notification("tns1:VideoSource/ImageTooDark/ImagingService", {"State": "true"}, "Deleted"),
    ]
    opened = open_device(parse_place(device.address), ADMIN, lambda _note: None, 5)
    subscription = PullPoint(opened)
    at = 1_795_593_600 * 1_000_000_000
    assert [(each.kind, each.active, each.at) for each in subscription.pull(0)] == [
        (EventKind.TAMPER, True, at),
        (EventKind.TAMPER, False, at),
        (EventKind.PTZ_MOVING, True, None),
        (EventKind.PTZ_MOVING, False, at),
        (EventKind.TAMPER, False, at),
    ]
    assert subscription.pull(0) == []
    subscription.close()
    assert device.asked[-1] == "Unsubscribe"
    assert "<ns0:Which" in device.bodies[-1]
    assert "seven" in device.bodies[-1]
    assert set(CameraEvent.__slots__) == {"kind", "active", "at"}


def test_a_device_that_answers_is_found_once_and_what_does_not_count_is_counted() -> None:
    def answers(message: str) -> list[bytes]:
        good = probe_match(message, "http://192.0.2.1/onvif http://127.0.0.1:8899/onvif/device_service")
        return [
            good,
            good,
            probe_match("urn:uuid:0", "http://127.0.0.1:1/x"),
            probe_match(message, "http://192.0.2.1/onvif"),
            probe_match(message, "http://127.0.0.1:99999999/onvif"),
            b"\xff\x00 nothing",
            b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
            good.replace(b"ProbeMatch", b"Hello"),
            b"<a>" * 5_000,
        ]

    with discoverable(answers) as address:
        found = discover(1, [address])
    assert [(str(each.place), each.name, each.hardware) for each in found.devices] == [
        ("127.0.0.1:8899", "North Gate", "M1")
    ]
    assert set(found.skipped) == {
        "answers to something else",
        "names another machine's address",
        "names no device",
        "not usable XML",
    }


def test_nobody_there_is_nobody_found() -> None:
    assert discover(0.2, ["127.0.0.1:9"]).devices == ()
    with pytest.raises(CustodesError) as refusal:
        discover(0.2, ["two words"])
    assert refusal.value.kind is Kind.INVALID
