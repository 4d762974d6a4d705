# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real H.264 from the fragmenter, sealed and opened again: the same NAL units, and a file that plays."""

import io
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from tests.custody_world import START, World
from tests.second_decoder import Decoder

from custodes.clock import SECOND, Instant
from custodes.domain.ids import Digest
from custodes.domain.video import Packet, SourceTime, StreamInfo
from custodes.trust.custody.clip import nal_units, verify_clip
from custodes.trust.custody.policy import encode_policy
from custodes.trust.seal.manifest import parse_closing, parse_opening
from custodes.trust.seal.segment import open_record
from custodes.trust.seal.shares import PeriodKeys

av = pytest.importorskip("av", reason="needs the node extra (PyAV)")
np = pytest.importorskip("numpy", reason="needs the node extra (numpy)")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def _packets(pictures: int = 75) -> list[Packet]:
    """Encode noise that moves, 25 pictures a second, a key picture every 2 seconds, parameter sets in band."""
    from custodes.video import nal

    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = 320, 180, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, 25), Fraction(25)
    codec.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "50", "x264-params": "repeat-headers=1"}
    noise = np.random.default_rng(7).integers(16, 235, (270, 400), dtype=np.uint8)
    encoded = []
    for number in range(pictures):
        rows = np.full((270, 320), 128, np.uint8)
        rows[:180] = noise[number % 80 : number % 80 + 180, :320]
        frame = av.VideoFrame.from_ndarray(rows, format="yuv420p")
        frame.pts = number
        encoded += codec.encode(frame)
    encoded += codec.encode(None)
    units = [tuple(nal.split_annexb(bytes(packet))) for packet in encoded]
    sets = tuple(unit for unit in units[0] if unit[0] & 31 in (7, 8))
    info = StreamInfo(320, 180, sets)
    return [
        Packet(found, packet.is_keyframe, SourceTime(1, number * 3600), Instant(START + number * SECOND // 25), info)
        for number, (found, packet) in enumerate(zip(units, encoded, strict=True))
    ]


def test_a_real_stream_comes_out_unit_for_unit_and_plays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fragmenter = pytest.importorskip("custodes.video.ingest.fragmenter")
    packets = _packets()
    keys: list[PeriodKeys] = []
    secrets: list[bytes] = []
    derive = PeriodKeys.derive

    def watched(secret: bytes, header: Digest) -> PeriodKeys:
        secrets.append(secret)
        keys.append(derive(secret, header))
        return keys[-1]

    monkeypatch.setattr(PeriodKeys, "derive", watched)
    sealer = world.sealer()
    segment = sealer.preamble + sealer.seal_init(fragmenter.init_segment(packets[0].info))
    gathered = fragmenter.Fragmenter()
    fragments = [found for packet in packets for found in gathered.push(packet)] + gathered.flush()
    for found in fragments:
        segment += sealer.seal(found.data, found.nals, found.start, found.duration_ticks)
    signed = sealer.close(packets[-1].received)
    closing = parse_closing(signed, world.policy.recorder_keys)
    header = parse_opening(sealer.opening, world.policy.recorder_keys).sealed.digest
    clip = b"".join(
        open_record(keys[0], header, record, segment[record.offset : record.offset + record.length])
        for record in closing.fragments
    )
    second = Decoder(encode_policy(world.policy))
    assert b"".join(second.segment(segment, json.loads(sealer.opening), json.loads(signed), secrets[0])) == clip
    sent = [unit for packet in packets for unit in packet.nals]
    assert list(nal_units(clip)) == sent
    assert verify_clip(lambda at, size: clip[at : at + size], len(clip), closing, keys[0].commitment) == len(sent)
    assert all(unit[:64] not in segment for unit in sent if len(unit) >= 64)
    with av.open(io.BytesIO(clip)) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(packets)
