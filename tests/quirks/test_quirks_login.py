# SPDX-License-Identifier: AGPL-3.0-or-later
"""Passwords as cameras ask for them, redirects, TLS; and that nobody but the camera ever learns a password."""

import datetime
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.camera_login import Login
from tests.camera_watch import ENDED, PASSWORD, USER, Event, causes, gap, pictures, received, story, watch, whole
from tests.rtp_packets import h264_pictures
from tests.scripted_camera import Conduct, Conversation, QuirkyCamera, Request

from custodes.domain.video import Gap, GapCause

PLAIN = h264_pictures()
REFUSED = gap(GapCause.REFUSED)


def details(events: list[Event]) -> list[str]:
    return [event.detail for event in events if isinstance(event, Gap)][1:-1]


LOGINS: dict[str, tuple[dict[str, object], str]] = {
    "basic": ({"offers": ("basic",)}, "basic"),
    "axis: digest without qop (RFC 2069)": ({"offers": ("MD5",)}, "MD5"),
    "dahua: digest with qop=auth": ({"offers": ("MD5+auth",)}, "MD5"),
    "bosch: digest with qop=auth,auth-int on offer": ({"offers": ("MD5+auth,auth-int",)}, "MD5"),
    "hikvision oem: SHA-256-only digest": ({"offers": ("SHA-256+auth",)}, "SHA-256"),
    "hikvision oem: SHA-256-only digest without qop": ({"offers": ("SHA-256",)}, "SHA-256"),
    "axis: two headers, MD5 first": ({"offers": ("MD5+auth", "SHA-256+auth")}, "SHA-256"),
    "milesight: two headers, SHA-256 first": ({"offers": ("SHA-256+auth", "MD5+auth")}, "SHA-256"),
    "reolink: digest and basic": ({"offers": ("MD5", "basic")}, "MD5"),
    "reolink: basic before digest": ({"offers": ("basic", "MD5")}, "MD5"),
    "unknown: all in one header": ({"offers": ("basic", "MD5+auth", "SHA-256+auth"), "joined": True}, "SHA-256"),
    "unknown: a hash that nobody has, and MD5": ({"offers": ("SHA-512-256+auth", "MD5")}, "MD5"),
    "longse: a realm with a comma and a quote": ({"realm": 'Door, \\"back\\"'}, "MD5"),
    "unknown: an empty realm": ({"realm": ""}, "MD5"),
    "hikvision: opaque and domain behind the challenge": ({"tail": ', opaque="5ccc", domain="::"'}, "MD5"),
    "live555: a nonce that is good for one request": ({"offers": ("MD5+auth",), "stale_after": 1}, "MD5"),
    "unknown: a nonce that is good for two requests": ({"offers": ("SHA-256",), "stale_after": 2}, "SHA-256"),
}


@pytest.mark.parametrize("quirk", LOGINS)
def test_the_strongest_challenge_is_answered_and_the_stream_comes(quirk: str) -> None:
    given, expected = LOGINS[quirk]
    login = Login(USER, PASSWORD, **given)  # type: ignore[arg-type]
    with QuirkyCamera(Conduct(PLAIN, login=login)) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]
    assert set(login.used) == {expected}
    assert not [request.url for request in camera.requests if "@" in request.url or PASSWORD in request.url]


def test_basic_is_not_sent_before_it_is_asked_for() -> None:
    with QuirkyCamera(Conduct(PLAIN)) as camera:
        watch(camera, ENDED)
    assert [request for request in camera.requests if request.header("authorization")] == []


@pytest.mark.parametrize("offer", ["basic", "MD5+auth", "SHA-256"])
@pytest.mark.parametrize(
    "password",
    ["p@ss/w:rd!", 'a"b\\c', "%41%20", "grüße-密码", "#?&=+;,", " spaces ", "x" * 200, "[::1]"],
    ids=["address", "quotes", "percent", "unicode", "query", "spaces", "long", "brackets"],
)
def test_any_password_can_stand_percent_encoded_in_the_address(password: str, offer: str) -> None:
    login = Login("ad:min@home", password, (offer,) if offer != "basic" else ("MD5",))
    user = "ad:min@home"
    if offer == "basic":
        user = login.user = "ad min@home"  # a colon cannot stand in a user name of Basic (RFC 7617, 2)
        login.offers = ("basic",)
    with QuirkyCamera(Conduct(PLAIN[:5], login=login)) as camera:
        url = camera.plain_url.replace("://", f"://{quote(user, safe='')}:{quote(password, safe='')}@")
        events = watch(camera, ENDED, url=url, secrets=(user, quote(user, safe=""), quote(password, safe="")))
    assert story(events) == [*whole(PLAIN[:5]), GapCause.ENDED]


@pytest.mark.parametrize("offer", ["basic", "MD5", "MD5+auth", "SHA-256+auth"])
def test_a_wrong_password_is_refused_and_not_tried_again_and_again(offer: str) -> None:
    login = Login(USER, "another", (offer,))
    with QuirkyCamera(Conduct(PLAIN, login=login)) as camera:
        events = watch(camera, REFUSED)
    assert causes(events) == [GapCause.REFUSED]
    assert "401" in details(events)[0]
    assert login.refused <= 4 * camera.connections
    assert pictures(events) == []


def test_a_camera_that_calls_every_answer_stale_is_refused_and_not_an_endless_loop() -> None:
    def stale(conversation: Conversation, request: Request) -> bytes:
        number = len(conversation.camera.requests)
        line = f'WWW-Authenticate: Digest realm="r", nonce="{number}", stale=true'
        return conversation.answer(request, "401 Unauthorized", line)

    with QuirkyCamera(Conduct(replies={"OPTIONS": stale, "DESCRIBE": stale})) as camera:
        events = watch(camera, REFUSED)
    assert causes(events) == [GapCause.REFUSED]
    assert len(camera.requests) <= 8 * camera.connections


@pytest.mark.parametrize(
    "line",
    [
        "",
        "WWW-Authenticate: Negotiate",
        'WWW-Authenticate: Digest realm="no nonce"',
        'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=ROT13',
        'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth-int"',
        'WWW-Authenticate: Digest realm="never closed, nonce=',
        "WWW-Authenticate: Digest " + "," * 5_000,
        'WWW-Authenticate: Digest realm="' + '\\"' * 5_000,
        "WWW-Authenticate: Basic realm=" + '"' * 999,
        "WWW-Authenticate: \x00\xff",
    ],
    ids=lambda line: line[18:48] or "no challenge",
)
def test_a_challenge_that_cannot_be_answered_is_refused(line: str) -> None:
    def challenge(conversation: Conversation, request: Request) -> bytes:
        return conversation.answer(request, "401 Unauthorized", *([line] if line else []))

    with QuirkyCamera(Conduct(replies={"OPTIONS": challenge, "DESCRIBE": challenge})) as camera:
        events = watch(camera, REFUSED)
    assert causes(events) == [GapCause.REFUSED]
    assert "401" in details(events)[0]
    assert len(camera.requests) <= 6 * camera.connections


def test_a_camera_that_wants_a_user_agent_gets_one() -> None:
    """AlexxIT/WebRTC #211: 401 to whoever does not say what it is."""

    def only_agents(conversation: Conversation, request: Request) -> str:
        return "200 OK" if request.header("user-agent") else "401 Unauthorized"

    everywhere = dict.fromkeys(("OPTIONS", "DESCRIBE", "SETUP", "PLAY"), only_agents)
    with QuirkyCamera(Conduct(PLAIN, replies=everywhere)) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


def test_what_the_camera_repeats_of_a_password_is_not_told() -> None:
    """A camera that puts the address, or the password itself, into its answers."""
    spoken = f"401 {USER}:{PASSWORD} is wrong"
    with QuirkyCamera(Conduct(replies={"DESCRIBE": spoken})) as camera:
        events = watch(camera, REFUSED)
    assert causes(events) == [GapCause.REFUSED]

    sdp = f"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {PASSWORD}/90000\r\n"
    with QuirkyCamera(Conduct(sdp=sdp)) as camera:
        events = watch(camera, gap(GapCause.DAMAGED))
    assert causes(events) == [GapCause.DAMAGED]


def to(location: str | None, status: str = "302 Moved Temporarily") -> Callable[[Conversation, Request], bytes]:
    """Send whoever asks for the stream somewhere else."""

    def redirect(conversation: Conversation, request: Request) -> bytes:
        return conversation.answer(request, status, *([f"Location: {location}"] if location is not None else []))

    return redirect


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "305 Use Proxy", "307 Again"])
def test_a_redirect_to_another_port_of_the_same_host_is_followed_with_the_password(status: str) -> None:
    login = Login(USER, PASSWORD, ("MD5+auth",))
    with (
        QuirkyCamera(Conduct(PLAIN, path="/other?stream=1", login=login)) as second,
        QuirkyCamera(Conduct(replies={"DESCRIBE": to(second.plain_url, status)})) as first,
    ):
        events = watch(first, ENDED)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]
    assert "DESCRIBE" in second.methods()


def test_a_redirect_to_another_path_of_the_same_camera_is_followed() -> None:
    def only_there(conversation: Conversation, request: Request) -> bytes:
        moved = not request.url.endswith("/moved")
        return to("/moved")(conversation, request) if moved else conversation.standard(request)

    with QuirkyCamera(Conduct(PLAIN, replies={"DESCRIBE": only_there})) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_three_redirects_are_followed(hops: int) -> None:
    def onwards(conversation: Conversation, request: Request) -> bytes:
        at = int(request.url.rpartition("/")[2] or 0) if request.url[-1].isdigit() else 0
        here = conversation.camera.plain_url
        return to(f"{here}/{at + 1}")(conversation, request) if at < hops else conversation.standard(request)

    with QuirkyCamera(Conduct(PLAIN, replies={"DESCRIBE": onwards})) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


def test_a_circle_of_redirects_is_refused() -> None:
    def round_and_round(conversation: Conversation, request: Request) -> bytes:
        return to(f"{conversation.camera.plain_url}/{len(conversation.camera.requests)}")(conversation, request)

    with QuirkyCamera(Conduct(replies={"DESCRIBE": round_and_round})) as camera:
        events = watch(camera, REFUSED, backoff=(20.0, 20.0))
    assert causes(events) == [GapCause.REFUSED]
    assert camera.methods().count("DESCRIBE") <= 4


@pytest.mark.parametrize(
    "location",
    [
        "rtsp://127.0.0.2:{port}/cam",
        "rtsp://localhost:{port}/cam",
        f"rtsp://{USER}:{PASSWORD}@127.0.0.2:{{port}}/cam",
        "rtsp://127.0.0.1@127.0.0.2:{port}/cam",
        "rtsp://127.0.0.1:80@127.0.0.2:{port}/cam",
        "//127.0.0.2:{port}/cam",
        "http://127.0.0.1:{port}/cam",
        "file:///etc/passwd",
        "rtsp://127.0.0.1:99999/cam",
        "rtsp://[::1/cam",
        "rtsp://127.0.0.1:{port}/cam\x00",
        "",
        None,
    ],
)
def test_a_redirect_elsewhere_is_refused_and_nobody_there_is_called(location: str | None) -> None:
    with QuirkyCamera(Conduct(PLAIN), host="127.0.0.2") as foreign:
        target = location and location.format(port=foreign.port)
        login = Login(USER, PASSWORD)
        conduct = Conduct(login=login, replies={"DESCRIBE": to(target)})
        with QuirkyCamera(conduct) as camera:
            events = watch(camera, REFUSED)
    assert causes(events) == [GapCause.REFUSED]
    assert details(events)[0]
    assert foreign.connections == 0


@pytest.fixture(scope="module")
def encryption(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssl.SSLContext]:
    """What a camera has: a certificate that it signed itself, in another name, long expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "IPCAM")])
    then = datetime.datetime(2015, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(then).not_valid_after(then + datetime.timedelta(365))
    path: Path = tmp_path_factory.mktemp("tls") / "camera.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize("nap_s", [0.0, 0.04], ids=["at once", "napping"])
def test_pictures_come_whole_through_tls(encryption: ssl.SSLContext, nap_s: float) -> None:
    sent = h264_pictures(20, size=100_000)
    login = Login(USER, PASSWORD, ("SHA-256+auth",))
    with QuirkyCamera(Conduct(sent, tls=encryption, login=login, then="hang")) as camera:
        events = watch(camera, received(19), nap_s=nap_s)
    assert story(events)[:19] == whole(sent)[:19]


def test_a_plain_camera_behind_an_encrypted_address_is_no_exception() -> None:
    with QuirkyCamera(Conduct(PLAIN, before=b"RTSP/1.0 400 Bad Request\r\n\r\n")) as camera:
        url = camera.plain_url.replace("rtsp://", f"rtsps://{USER}:{PASSWORD}@")
        events = watch(camera, gap(), url=url)
    assert pictures(events) == []
    assert causes(events)[0] in (GapCause.REFUSED, GapCause.UNREACHABLE)


def test_an_encrypted_camera_behind_a_plain_address_is_no_exception(encryption: ssl.SSLContext) -> None:
    with QuirkyCamera(Conduct(PLAIN, tls=encryption)) as camera:
        url = camera.plain_url.replace("rtsps://", f"rtsp://{USER}:{PASSWORD}@")
        events = watch(camera, gap(), url=url)
    assert pictures(events) == []
    assert causes(events)[0] in (GapCause.UNREACHABLE, GapCause.DAMAGED, GapCause.ENDED)
