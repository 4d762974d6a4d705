# SPDX-License-Identifier: AGPL-3.0-or-later
"""A camera gone mad, from a seed: true RTSP, SDP and RTP that is bent, cut, doubled, mixed and lied about.

usage: python -m tests.faults.fuzz_camera [--seconds N] [--seed S] [--port P]

Run from the root of the repository. Listens on loopback, takes any path, user and transport, prints its address as JSON
when it listens and how many connections and items of media it bent when its time is over. What a connection does
depends on the seed and the connection's number alone. A third of the connections begins well, so that recorders get as
far as pictures.
"""

import argparse
import json
import random
import re
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from tests.camera_login import Login
from tests.rtp_packets import (
    SSRC,
    START,
    Rtp,
    framed,
    h264_pictures,
    h264_sets,
    h264_sps,
    h264_together,
    h265_pictures,
    h265_sets,
    h265_sps,
    packets,
    sprop,
)
from tests.scripted_camera import Conduct, Conversation, Item, QuirkyCamera, Request

H264, H265 = h264_pictures(40), h265_pictures(40)
NUMBERS = [b"0", b"-1", b"1", b"255", b"256", b"65535", b"65536", b"2147483648", b"4294967296", b"9" * 40, b"9" * 5_000]
HOSTILE = [
    *NUMBERS,
    *(b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b";", b",", b"=", b":", b'"', b"%s%n", b"%00", b"*"),
    *(b"\xff", b"\xff\xfe", b"\xc3\x28", b"$", b"$\0\xff\xff", b"$\0\0\0", b"$\1\0\4", START, START[1:], b"../" * 50),
    *(b"RTSP/1.0 200 OK\r\n", b"RTSP/1.0 999 \r\n\r\n", b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
    *(b"Content-Length: 99999999\r\n", b"Content-Length: -1\r\n", b"CSeq: 0\r\n", b"CSeq: " + b"1" * 500 + b"\r\n"),
    *(b"Session: \r\n", b"Session: 1;timeout=0\r\n", b"Location: rtsp://127.0.0.1:1/\r\n"),
    *(b"Content-Base: rtsp://[\r\n", b"Transport: RTP/AVP/TCP;interleaved=255-256\r\n"),
    *(b"WWW-Authenticate: Digest nonce=\r\n", b"Public: GET_PARAMETER\r\n", b"HTTP/1.1 200 OK\r\n"),
    *(b"m=video 0 RTP/AVP 96\r\n", b"a=control:rtsp://[::1/\r\n", b"a=rtpmap:96 H265/90000\r\n"),
    *(b"a=fmtp:96 sprop-parameter-sets=AAAA,;", b"a=fmtp:96 sprop-sps=AAAA;sprop-max-don-diff=1;", b"a=control:"),
    *(h264_sps(65_535, 65_535), h265_sps(65_535, 65_535), h264_sets()[0], h264_together([b"\x41"] * 500), bytes(2_000)),
]  # fmt: skip
STATUS = ["100 Continue", "200", "301 Moved", "302 Found", "400 Bad", "401 Unauthorized", "404 Not Found"]
STATUS += ["453 Full", "454 Session Not Found", "461 Transport", "500 Error", "503 Busy", "551 Option", "999 What"]


class Bender:
    """Bends bytes, by its dice."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.count = 0

    def chance(self, likely: float) -> bool:
        return self.dice.random() < likely

    def bend(self, data: bytes) -> bytes:
        """The same bytes, changed in one to four ways."""
        ways: list[Callable[[bytes], bytes]] = [
            self._flip,
            self._cut,
            self._double,
            self._swap,
            self._insert,
            self._number,
            self._line,
            self._noise,
        ]
        for way in self.dice.choices(ways, k=self.dice.choice((1, 1, 1, 2, 4))):
            data = way(data)
        self.count += 1
        return data

    def _place(self, data: bytes) -> int:
        return self.dice.randint(0, len(data))

    def _flip(self, data: bytes) -> bytes:
        out = bytearray(data)
        for _ in range(self.dice.choice((1, 1, 3, 20)) if out else 0):
            out[self.dice.randrange(len(out))] ^= 1 << self.dice.randrange(8)
        return bytes(out)

    def _cut(self, data: bytes) -> bytes:
        begin, end = sorted((self._place(data), self._place(data)))
        return data[:begin] if self.chance(0.5) else data[:begin] + data[end:]

    def _double(self, data: bytes) -> bytes:
        begin, end = sorted((self._place(data), self._place(data)))
        return data[:end] + data[begin:end] * self.dice.choice((1, 1, 2, 40)) + data[end:]

    def _swap(self, data: bytes) -> bytes:
        one, two = sorted((self._place(data), self._place(data)))
        return (
            data[two:] + data[one:two] + data[:one]
            if self.chance(0.3)
            else data[:one] + data[one:two][::-1] + data[two:]
        )

    def _insert(self, data: bytes) -> bytes:
        at = self._place(data)
        over = self.dice.choice((0, 0, 1, 4))
        return data[:at] + self.dice.choice(HOSTILE) + data[at + over :]

    def _number(self, data: bytes) -> bytes:
        found = list(re.finditer(rb"\d+", data[:20_000]))
        if not found:
            return data
        match = self.dice.choice(found)
        return data[: match.start()] + self.dice.choice(NUMBERS) + data[match.end() :]

    def _line(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        self.dice.shuffle(lines) if self.chance(0.3) else lines.insert(0, self.dice.choice(lines))
        return b"\r\n".join(lines)

    def _noise(self, data: bytes) -> bytes:
        at, size = self._place(data), self.dice.choice((1, 8, 200, 3_000))
        return data[:at] + self.dice.randbytes(size) + data[at + size :]


class MadConversation(Conversation):
    """One connection of a camera gone mad: what of it is bent, and how often, is thrown at its beginning."""

    camera: "FuzzCamera"

    def __init__(self, camera: "FuzzCamera", client: socket.socket, number: int) -> None:
        super().__init__(camera, client, number)
        self.dice = random.Random(f"{camera.seed} {number}")
        self.bender = Bender(self.dice)
        chance, pick = self.bender.chance, self.dice.choice
        well = chance(0.35)
        self._talk = 0.0 if well else pick((0.0, 0.1, 0.5))
        self._description = 0.0 if well else pick((0.0, 0.5, 1.0))
        self._wires = pick((0.0, 0.0, 0.002, 0.05))
        self._rtp = pick((0.0, 0.02, 0.1, 0.5, 1.0))
        h265 = chance(0.4)
        self.conduct = replace(
            camera.conduct,
            codec="H265" if h265 else "H264",
            pictures=H265 if h265 else H264,
            sets=pick(((), h265_sets() if h265 else h264_sets())),
            then=pick(("close", "reset", "hang", "close")),
            session_tail=pick(("", ";timeout=1", ";timeout=60", ";timeout=" + "9" * 30)),
            public=pick((camera.conduct.public, "GET_PARAMETER", None)),
            channels=pick((None, None, (2, 3), (255, 0))),
            transport_tail=pick(("", "", f";ssrc={SSRC:x}", ";ssrc=zz", ";ssrc=0")),
            login=Login("x", "y", pick((("basic",), ("MD5+auth",), ("SHA-256",)))) if chance(0.1) else None,
            before=pick((b"", b"", b"", self.dice.randbytes(500), framed(bytes(40)))) if not well else b"",
            drip=pick((0, 0, 0, 1, 50)) if not well else 0,
        )

    def close(self) -> None:
        super().close()
        self.camera.bent += self.bender.count

    def reply(self, request: Request) -> bytes | None:
        if self.bender.chance(self._talk):
            fate = self.dice.randrange(6)
            if fate == 0:
                return None if self.bender.chance(0.2) else b""
            if fate == 1:
                line = f"Location: {self.camera.plain_url}" if self.bender.chance(0.3) else "X: y"
                return self.answer(request, self.dice.choice(STATUS), line)
            return self.bender.bend(super().reply(request) or b"")
        return super().reply(request)

    def sdp(self) -> bytes:
        text = super().sdp()
        text = text if isinstance(text, bytes) else text.encode()
        if not self.bender.chance(self._description):
            return text
        if self.bender.chance(0.2):
            sets = (self.bender.bend(each) for each in (h265_sets() if self.conduct.codec == "H265" else h264_sets()))
            return text + f"a=fmtp:96 sprop-parameter-sets={sprop(sets)}\r\n".encode()
        return self.bender.bend(text)

    def write(self, data: bytes) -> None:
        if not self.bender.chance(self._wires):
            super().write(data)
        elif self.bender.chance(0.3):
            for at in range(min(len(data), 300)):
                super().write(data[at : at + 1])
            super().write(data[300:])
        else:
            super().write(self.bender.bend(data))

    def media(self) -> Iterable[Item]:
        sent = packets(
            self.conduct.pictures,
            codec=self.conduct.codec,
            sequence=self.dice.choice((0, 0xFFF0, 4_000)),
            timestamp=self.dice.choice((0, 0xFFFF_F000, 77)),
            mtu=self.dice.choice((20, 1_200, 1_200, 60_000)),
        )
        late: list[Rtp] = []
        for packet in sent:
            yield from self._one(packet, late) if self.bender.chance(self._rtp) else (packet,)
            if late and self.bender.chance(0.3):
                yield late.pop()
            if self.bender.chance(0.01):
                yield self.dice.choice((0.001, 0.02, 0.05))

    def _one(self, packet: Rtp, late: list[Rtp]) -> Iterator[Item]:
        """What comes in place of one packet."""
        dice, bender = self.dice, self.bender
        bender.count += 1
        match dice.randrange(12):
            case 0:
                return
            case 1:
                yield from (packet,) * dice.choice((2, 2, 50))
            case 2:
                late.append(packet)
            case 3:
                yield replace(packet, sequence=packet.sequence + dice.choice((1, -1, 100, 0x7FFF, 0x8000, 40_000)))
            case 4:
                yield replace(packet, timestamp=packet.timestamp + dice.choice((1, -1, 90_000, 1 << 31, 1 << 30)))
            case 5:
                yield replace(packet, ssrc=dice.choice((0, SSRC + 1, 0xFFFF_FFFF)), kind=dice.choice((96, 96, 0, 127)))
            case 6:
                yield replace(packet, flags=dice.randrange(64), marker=bender.chance(0.5))
            case 7:
                yield replace(packet, payload=bender.bend(packet.payload)[:60_000])
            case 8:
                yield replace(packet, payload=dice.choice(HOSTILE)[:60_000])
            case 9:
                yield from self._raw(packet)
            case 10:
                yield self._fields(packet)
            case _:
                yield packet
                yield dice.choice((b"", dice.randbytes(30), b"\r\n", b"OPTIONS * RTSP/1.0\r\nCSeq: 5\r\n\r\n"))

    def _raw(self, packet: Rtp) -> Iterator[Item]:
        """Bytes where a packet should be: a length that lies, another channel, a bent packet, reports without sense."""
        data = packet.pack()
        if self.to is not None:
            yield lambda conversation: conversation.datagram(self.bender.bend(data))  # type: ignore[attr-defined]
        else:
            length = self.dice.choice((0, 1, 3, 11, 12, len(data) - 1, len(data) + 1, 65_535))
            yield self.dice.choice(
                (
                    b"$" + bytes((self.channel,)) + struct.pack(">H", length) + data,
                    framed(data, self.dice.randrange(256)),
                    self.bender.bend(framed(data, self.channel)),
                    framed(self.bender.bend(b"\x80\xc8\0\6" + bytes(24))[:65_535], self.channel + 1 & 255),
                    framed(self.bender.bend(data)[:65_535], self.channel),
                )
            )

    def _fields(self, packet: Rtp) -> Rtp:
        """The two bytes that say what a payload is."""
        head = bytearray(packet.payload[:3])
        for at in range(len(head)):
            head[at] = self.dice.choice((head[at], self.dice.randrange(256), 0x78, 0x7C, 0x62, 0x60, 0xFF, 0))
        return replace(packet, payload=bytes(head) + packet.payload[3:])

    def datagram(self, data: bytes) -> None:
        """Send bytes where RTP is expected."""
        if self.to is not None:
            self.pair[self.dice.randrange(2)].sendto(data[:60_000], self.to)


class FuzzCamera(QuirkyCamera):
    """A camera gone mad; ``bent`` counts what it bent."""

    def __init__(self, seed: int, port: int = 0) -> None:
        super().__init__(Conduct(), port=port)
        self.seed = seed
        self.bent = 0

    def conversation(self, client: socket.socket, number: int) -> Conversation:
        return MadConversation(self, client, number)


def main() -> None:
    parser = argparse.ArgumentParser(description="A camera gone mad, on loopback.")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    words = parser.parse_args()
    with FuzzCamera(words.seed, words.port) as camera:
        print(json.dumps({"url": camera.plain_url, "seed": words.seed}), flush=True)  # noqa: T201
        time.sleep(words.seconds)
    print(json.dumps({"connections": camera.connections, "bent": camera.bent}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
