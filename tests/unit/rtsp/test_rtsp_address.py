# SPDX-License-Identifier: AGPL-3.0-or-later
"""Addresses: taken apart without losing a character, never led to another host, never shown with a password."""

import pytest

from custodes.domain.video import StreamUrl
from custodes.errors import CustodesError, Kind
from custodes.video.ingest.rtsp.address import parse_address
from custodes.video.ingest.rtsp.sdp import control_url


def test_the_password_leaves_the_address_and_is_decoded() -> None:
    address = parse_address(StreamUrl("rtsp://ad%40min:p%3Aa%2Fs%25s@10.0.0.7:8554/cam?channel=1&subtype=0"))
    assert (address.user, address.password) == ("ad@min", "p:a/s%s")
    assert address.url == "rtsp://10.0.0.7:8554/cam?channel=1&subtype=0"
    assert "p:a" not in repr(address)


@pytest.mark.parametrize(("url", "port"), [("rtsp://h/x", 554), ("rtsps://h/x", 322), ("rtsp://[::1]:99/x", 99)])
def test_the_port_is_the_schemes_where_none_is_named(url: str, port: int) -> None:
    assert parse_address(StreamUrl(url)).port == port


@pytest.mark.parametrize("url", ["http://h/", "rtsp:///x", "rtsp://h:0/", "rtsp://h:x/", "rtsp://h/\n", "rtsp://ü/"])
def test_what_is_no_rtsp_address_is_refused(url: str) -> None:
    with pytest.raises(CustodesError) as refusal:
        parse_address(StreamUrl(url))
    assert refusal.value.kind is Kind.INVALID


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("rtsp://10.0.0.7:554/other", "rtsp://10.0.0.7:554/other"),
        ("/elsewhere", "rtsp://10.0.0.7:554/elsewhere"),
        ("rtsps://10.0.0.7/secure", "rtsps://10.0.0.7/secure"),
        ("rtsp://somebody:else@10.0.0.7/x", "rtsp://10.0.0.7/x"),
    ],
)
def test_a_redirect_on_the_same_host_keeps_the_credentials(location: str, url: str) -> None:
    other = parse_address(StreamUrl("rtsp://u:p@10.0.0.7:554/live")).redirected(location)
    assert other is not None
    assert other.url == url
    assert (other.user, other.password) == ("u", "p")


@pytest.mark.parametrize("location", ["rtsp://10.0.0.8/live", "http://10.0.0.7/", "rtsp://h:99999/", "", "rtsp://a b/"])
def test_a_redirect_to_anywhere_else_is_not_followed(location: str) -> None:
    address = parse_address(StreamUrl("rtsp://u:p@10.0.0.7/live"))
    followed = address.redirected(location)
    assert followed is None or (followed.host == address.host and location == "")


def test_a_redirect_never_takes_the_encryption_away() -> None:
    assert parse_address(StreamUrl("rtsps://u:p@10.0.0.7/live")).redirected("rtsp://10.0.0.7/live") is None


@pytest.mark.parametrize(
    ("control", "url"),
    [
        ("", "rtsp://h/cam"),
        ("*", "rtsp://h/cam"),
        ("trackID=1", "rtsp://h/cam/trackID=1"),
        ("/trackID=1", "rtsp://h/cam/trackID=1"),
        ("rtsp://h/cam/track?x=1", "rtsp://h/cam/track?x=1"),
    ],
)
def test_a_control_attribute_is_absolute_or_appended(control: str, url: str) -> None:
    assert control_url("rtsp://h/cam", control) == url


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://10.0.0.7/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp",
        "rtsp://10.0.0.7/live/PASSWD:tlJwpbo6/1",
        "rtsp://10.0.0.7/a?pwd=tlJwpbo6",
        "rtsp://u:tlJwpbo6@10.0.0.7/a",
    ],
)
def test_a_password_anywhere_in_an_address_is_not_shown(url: str) -> None:
    assert "tlJwpbo6" not in f"{StreamUrl(url)} {StreamUrl(url)!r}"
