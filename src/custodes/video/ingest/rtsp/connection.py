# SPDX-License-Identifier: AGPL-3.0-or-later
"""One RTSP connection to a camera: set up, then drained whenever its reader comes by.

Every step has a time limit and every buffer a size; whatever a camera does ends in ``ConnectionFailed``.
"""

import contextlib
import hashlib
import select
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

from custodes.clock import Clock
from custodes.domain.video import Codec, GapCause, Transport
from custodes.errors import CustodesError, corrupt
from custodes.video.ingest.rtsp import message, sdp
from custodes.video.ingest.rtsp.address import Address
from custodes.video.ingest.rtsp.auth import Challenge, best_challenge
from custodes.video.ingest.rtsp.datagrams import Datagrams
from custodes.video.ingest.rtsp.interleaved import Interleaved
from custodes.video.ingest.rtsp.message import Message
from custodes.video.ingest.rtsp.payloads import payload_of
from custodes.video.ingest.rtsp.rtp import AccessUnit, SenderReport, Unpacker

_AGENT = "Custodes"
_REDIRECTS = 3
_SESSION_S = 60.0
"""How long a session lives without a sign of life where the camera does not say (RFC 2326, 12.37)."""


class ConnectionFailed(Exception):  # noqa: N818  (an outcome that is handled at once, not an error for callers)
    """A connection came to its end: the cause, and a detail in words of ours."""

    def __init__(self, cause: GapCause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail


class _Redirected(Exception):  # noqa: N818
    def __init__(self, to: Address) -> None:
        super().__init__()
        self.to = to


@dataclass(frozen=True, slots=True)
class Announced:
    """What the camera said of its stream before the first packet."""

    codec: Codec
    parameter_sets: tuple[bytes, ...]


class Connection:
    """Speaks to one camera on the calling thread.

    ``eager``: pictures are handed over as soon as they are whole (for the masker), not when the next one begins.
    ``pin``: SHA-256 of the camera's TLS certificate in hexadecimal; empty: any certificate will do.
    ``limit_s``: time for each step of setting up. ``clock`` stamps what comes in.
    """

    def __init__(
        self, address: Address, transport: Transport, clock: Clock, *, eager: bool, pin: str = "", limit_s: float
    ) -> None:
        self._clock = clock
        self._address = address
        self._transport: Transport = transport
        self._eager, self._pin, self._limit_s = eager, pin, limit_s
        self._challenge: Challenge | None = None
        self._cseq = 0
        self._session = ""
        self._session_s = _SESSION_S
        self._alive = "OPTIONS"
        self._last_alive = time.monotonic()
        self._play_url = address.url
        self._socket: socket.socket | None = None
        self._input: Interleaved | None = None
        self._datagrams: Datagrams | None = None
        self._unpacker: Unpacker | None = None
        self._answers: list[Message] = []

    def open(self) -> Announced:
        """Set the stream up and start it; raises ``ConnectionFailed``."""
        try:
            for _ in range(_REDIRECTS + 1):
                try:
                    return self._set_up()
                except _Redirected as other:
                    self._drop()
                    self._address = other.to
            raise ConnectionFailed(GapCause.REFUSED, "the camera sends us from one address to the next")
        except CustodesError as problem:
            raise ConnectionFailed(GapCause.DAMAGED, problem.message) from None
        except ssl.SSLError:
            raise ConnectionFailed(GapCause.REFUSED, "the encrypted connection cannot be set up") from None
        except TimeoutError:
            raise ConnectionFailed(GapCause.UNREACHABLE, f"no answer within {self._limit_s:g} s") from None
        except ConnectionRefusedError:
            raise ConnectionFailed(GapCause.UNREACHABLE, "nothing listens at this address") from None
        except ConnectionError:
            raise ConnectionFailed(GapCause.UNREACHABLE, "the connection broke while it was set up") from None
        except (OSError, UnicodeError):
            raise ConnectionFailed(GapCause.UNREACHABLE, "the address cannot be reached") from None

    @property
    def ended(self) -> bool:
        """True if the camera has announced the end of its stream."""
        return self._unpacker is not None and self._unpacker.begun_anew

    @property
    def lost(self) -> int:
        """RTP packets that were missing so far."""
        return 0 if self._unpacker is None else self._unpacker.lost

    @property
    def octets(self) -> int:
        """Bytes of RTP payload so far."""
        return 0 if self._unpacker is None else self._unpacker.octets

    def receive(self, wait_s: float) -> int:
        """Wait at most ``wait_s`` for the camera, then take in all that lies ready; returns the stream's packets.

        Raises ``ConnectionFailed`` (ENDED, DAMAGED).
        """
        assert self._socket is not None  # noqa: S101 - `open` has returned
        assert self._input is not None  # noqa: S101
        waiting = [self._socket, *(self._datagrams.sockets if self._datagrams else ())]
        ready = self._input.pending(self._socket) or select.select(waiting, (), (), wait_s)[0]
        if not ready and self._datagrams is None:
            return 0
        if self._unpacker is not None:
            self._unpacker.now = self._clock.now()
        try:
            count = self._input.drain(self._socket)
            if self._datagrams is not None:
                count += self._datagrams.drain()
            self._hear()
        except CustodesError as problem:
            raise ConnectionFailed(GapCause.DAMAGED, problem.message) from None
        except OSError as problem:
            raise ConnectionFailed(GapCause.ENDED, _how(problem)) from None
        if self.ended:
            raise ConnectionFailed(GapCause.ENDED, "the camera began another stream")
        return count

    def take(self) -> list[AccessUnit]:
        """The pictures that have become whole since the last call."""
        if self._unpacker is None:
            return []
        units, self._unpacker.units = self._unpacker.units, []
        return units

    def take_report(self) -> SenderReport | None:
        """The newest sender report since the last call."""
        source = self._datagrams or self._input
        if source is None:
            return None
        report, source.report = source.report, None
        return report

    def finish(self) -> list[AccessUnit]:
        """The connection is over: return what is whole."""
        try:
            if self._datagrams is not None:
                self._datagrams.finish()
            if self._unpacker is not None:
                self._unpacker.close()
        except CustodesError:
            pass  # the rest of a stream that was damaged
        return self.take()

    def keep_alive(self) -> None:
        """Give the sign of life that is due: at half of the session's time-out (RFC 2326, 12.37)."""
        now = time.monotonic()
        if now - self._last_alive < self._session_s / 2 or self._socket is None:
            return
        self._last_alive = now
        try:
            self._send(self._alive, self._play_url, {})
            if self._datagrams is not None:
                self._datagrams.send_report()
        except OSError as problem:
            raise ConnectionFailed(GapCause.ENDED, _how(problem)) from None

    def close(self) -> None:
        """Say goodbye, without waiting for an answer, and let go. May be repeated."""
        if self._socket is not None and self._session:
            with contextlib.suppress(OSError):  # it may be gone already
                self._send("TEARDOWN", self._play_url, {})
        self._drop()

    def _drop(self) -> None:
        for each in (self._socket, self._datagrams):
            if each is not None:
                each.close()
        self._socket = self._datagrams = None
        self._session = ""

    def _set_up(self) -> Announced:
        address = self._address
        self._socket = self._connected(address)
        self._input = Interleaved()
        options = self._ask("OPTIONS", address.url, {}, tolerant=True)
        if "GET_PARAMETER" in options.header("public"):
            self._alive = "GET_PARAMETER"
        described = self._ask("DESCRIBE", address.url, {"Accept": "application/sdp"})
        media = sdp.choose_video(described.body)
        base = described.header("content-base") or described.header("content-location")
        # Some cameras name the base without scheme, or of another world: then the address that was asked for counts.
        base = base if base.startswith(("rtsp://", "rtsps://")) and not set(base) & set(" \t\0") else address.url
        control = sdp.control_url(base, media.control)
        self._unpacker = unpacker = self._set_up_media(control, media)
        self._play_url = base
        unpacker.now = self._clock.now()
        self._input.listen(unpacker)
        self._ask("PLAY", self._play_url, {"Range": "npt=0.000-"})
        self._last_alive = time.monotonic()
        return Announced(media.codec, media.sets)

    def _connected(self, address: Address) -> socket.socket:
        plain = socket.create_connection((address.host, address.port), self._limit_s)
        plain.settimeout(self._limit_s)
        if not address.tls:
            plain.setblocking(False)
            return plain
        # Cameras sign their certificates themselves: what can be checked is that it is the one that was seen before.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            secure = context.wrap_socket(plain, server_hostname=address.host)
        except BaseException:
            plain.close()
            raise
        shown = hashlib.sha256(secure.getpeercert(binary_form=True) or b"").hexdigest()
        if self._pin and shown != self._pin:
            secure.close()
            raise ConnectionFailed(GapCause.REFUSED, "the camera shows another certificate than when it was added")
        secure.setblocking(False)
        return secure

    def _set_up_media(self, control: str, media: sdp.Media) -> Unpacker:
        """SETUP (RFC 2326, 10.4)."""
        assert self._socket is not None  # noqa: S101
        assert self._input is not None  # noqa: S101
        if self._transport == "udp":
            self._datagrams = Datagrams(self._socket.getpeername()[0], self._socket.family)
            wanted = f"RTP/AVP;unicast;client_port={self._datagrams.port}-{self._datagrams.port + 1}"
        else:
            wanted = "RTP/AVP/TCP;unicast;interleaved=0-1"
        answer = self._ask("SETUP", control, {"Transport": wanted})
        granted = _parameters(answer.header("transport"))
        self._read_session(answer)
        if not self._session:
            raise corrupt("the camera set up a stream without a session")
        payload = payload_of(media.codec, donl=media.donl, size=media.size)
        ssrc = _hexadecimal(granted.get("ssrc"))
        unpacker = Unpacker(media.codec, media.payload, ssrc=ssrc, payload=payload, eager=self._eager)
        if self._datagrams is not None:
            self._datagrams.listen(unpacker, _ports(granted.get("server_port")))
        elif "client_port" in granted:
            raise ConnectionFailed(GapCause.REFUSED, "the camera sends by UDP only: set the transport to udp")
        else:
            self._input.channels = _ports(granted.get("interleaved")) or (0, 1)
        return unpacker

    def _read_session(self, answer: Message) -> None:
        identifier, _, rest = answer.header("session").partition(";")
        self._session = identifier.strip()
        timeout = _parameters(rest).get("timeout", "")
        if timeout.isascii() and timeout.isdigit() and 0 < len(timeout) < 7:
            self._session_s = max(2.0, float(timeout))

    def _ask(self, method: str, url: str, headers: Mapping[str, str], *, tolerant: bool = False) -> Message:
        """Send a request and return the answer to it; answers the camera's challenge once."""
        for attempt in (1, 2):
            number = self._send(method, url, headers)
            answer = self._answer_to(number)
            if answer.status != 401:
                break
            challenge = best_challenge(answer.headers.get("www-authenticate", ()))
            if attempt == 2 or challenge is None or not self._address.user:
                break
            self._challenge = challenge
        status = answer.status
        if 200 <= status < 300 or (tolerant and status not in (401, 403)):
            return answer
        if 300 <= status < 400:
            other = self._address.redirected(answer.header("location"))
            if other is None:
                raise ConnectionFailed(GapCause.REFUSED, "the camera sends us to another host")
            raise _Redirected(other)
        known = {
            401: "user name or password is wrong (401)",
            403: "this user may not see the stream (403)",
            404: "there is no such stream (404)",
            461: "the camera does not offer this transport (461)",
        }
        raise ConnectionFailed(GapCause.REFUSED, known.get(status, f"the camera answered with an error ({status})"))

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> int:
        assert self._socket is not None  # noqa: S101
        self._cseq += 1
        head = {"CSeq": str(self._cseq), "User-Agent": _AGENT, **headers}
        if self._session:
            head["Session"] = self._session
        if self._challenge is not None:
            head["Authorization"] = self._challenge.answer(self._address.user, self._address.password, method, url)
        self._write(message.build(method, url, head))
        return self._cseq

    def _write(self, data: bytes) -> None:
        assert self._socket is not None  # noqa: S101
        # Small, and a camera that does not read it is as good as gone.
        self._socket.settimeout(self._limit_s)
        try:
            self._socket.sendall(data)
        finally:
            self._socket.setblocking(False)

    def _answer_to(self, number: int) -> Message:
        """Read until the answer to request ``number`` is there."""
        assert self._socket is not None  # noqa: S101
        assert self._input is not None  # noqa: S101
        deadline = time.monotonic() + self._limit_s
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if self._input.pending(self._socket) or select.select((self._socket,), (), (), left)[0]:
                self._input.drain(self._socket)
            for answer in self._hear():
                if answer.status >= 200 and answer.header("cseq") in (str(number), ""):
                    return answer

    def _hear(self) -> list[Message]:
        """Take the camera's messages: answer its requests, return its answers."""
        assert self._input is not None  # noqa: S101
        heard, self._input.messages = self._input.messages, []
        answers = []
        for each in heard:
            if each.method:
                status = (
                    "200 OK" if each.method in ("OPTIONS", "GET_PARAMETER", "SET_PARAMETER") else "501 Not Implemented"
                )
                self._write(message.build_answer(status, each.header("cseq")))
            else:
                answers.append(each)
        if self._unpacker is not None:
            self._consider(answers)
        return answers

    def _consider(self, answers: list[Message]) -> None:
        """What answers to signs of life say."""
        for answer in answers:
            if answer.status == 454:
                raise ConnectionFailed(GapCause.ENDED, "the camera has forgotten the session (454)")
            if answer.status == 401 and (found := best_challenge(answer.headers.get("www-authenticate", ()))):
                self._challenge = found  # a stale nonce: the next sign of life has the new one
                self._last_alive = min(self._last_alive, time.monotonic() - self._session_s / 2)


def _how(problem: OSError) -> str:
    return (
        "the camera closed the connection"
        if isinstance(problem, EOFError | ConnectionError)
        else "the connection broke"
    )


def _parameters(text: str) -> dict[str, str]:
    pairs = (each.partition("=") for each in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _hexadecimal(text: str | None) -> int | None:
    try:
        return int(text, 16) if text and len(text) <= 10 else None
    except ValueError:
        return None


def _ports(text: str | None) -> tuple[int, int] | None:
    first, _, second = (text or "").partition("-")
    if not (first.isascii() and first.isdigit() and len(first) < 6):
        return None
    number = int(first)
    return number, int(second) if second.isascii() and second.isdigit() and len(second) < 6 else number + 1
