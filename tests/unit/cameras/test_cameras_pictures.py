# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sources, encoders and journals of the virtual cameras."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from hypothesis import given
from hypothesis import strategies as st

from custodes.clock import Instant
from custodes.demo.cameras import journal
from custodes.demo.cameras.encoder import MAIN, PPS, SPS, SUB, PictureEncoder, nal_type, split
from custodes.demo.cameras.journal import NalJournal, Play, needle_of, read_journal, read_plays, write_play
from custodes.demo.cameras.source import I420, VideoSource, downscale
from custodes.domain.video import StreamRole
from custodes.errors import CustodesError, Kind

LEVELS = (40, 90, 140, 190)


def write_video(path: Path, width: int, height: int, rate: int, count: int = 4) -> Path:
    """Write ``count`` pictures, each of one luma of ``LEVELS``."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(count):
            picture = np.full((height * 3 // 2, width), 128, np.uint8)
            picture[:height] = LEVELS[number % len(LEVELS)]
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def level(picture: I420) -> int:
    """Return the index of the level in the picture's middle."""
    luma = int(picture[360, 640])
    return min(range(len(LEVELS)), key=lambda number: abs(LEVELS[number] - luma))


def textured(seed: int) -> I420:
    """Return a picture with detail in it."""
    rows, columns = np.mgrid[0:1080, 0:1280]
    picture: I420 = (128 + 60 * np.sin(rows / (7 + seed)) * np.cos(columns / (11 + seed))).astype(np.uint8)
    return picture


def test_slow_video_is_repeated_and_looped(tmp_path: Path) -> None:
    source = VideoSource(write_video(tmp_path / "slow.mp4", 320, 180, 10))
    shown = [level(source.picture(index)) for index in range(20)]
    assert shown == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3] * 2


def test_fast_video_is_thinned(tmp_path: Path) -> None:
    source = VideoSource(write_video(tmp_path / "fast.mp4", 320, 180, 50))
    assert [level(source.picture(index)) for index in range(6)] == [0, 2, 0, 2, 0, 2]


def test_pictures_may_be_left_out_and_the_start_may_be_moved(tmp_path: Path) -> None:
    path = write_video(tmp_path / "plain.mp4", 320, 180, 25)
    source = VideoSource(path, start_s=Fraction(2, 25))
    assert [level(source.picture(index)) for index in (0, 1, 4, 7, 4001)] == [2, 3, 2, 1, 3]


@pytest.mark.parametrize(("width", "height", "bars"), [(320, 180, "none"), (160, 160, "sides"), (320, 120, "top")])
def test_the_shape_of_things_is_kept(tmp_path: Path, width: int, height: int, bars: str) -> None:
    picture = VideoSource(write_video(tmp_path / "shape.mp4", width, height, 25)).picture(3)
    luma = picture[:720]
    assert (luma[360, 2] < 20) == (bars == "sides")
    assert (luma[2, 640] < 20) == (bars == "top")
    assert abs(int(luma[360, 640]) - LEVELS[3]) < 4
    assert abs(picture[720:].astype(int) - 128).max() <= 2
    if bars == "sides":
        assert (luma[360] > 20).sum() == pytest.approx(720, abs=4)
    if bars == "top":
        assert (luma[:, 640] > 20).sum() == pytest.approx(480, abs=4)


@pytest.mark.parametrize("content", [b"", b"not a video", b"RIFF\x00\x00\x00\x00WAVE"])
def test_a_file_without_video_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.mp4"
    path.write_bytes(content)
    with pytest.raises(CustodesError, match=r"odd\.mp4") as caught:
        VideoSource(path)
    assert caught.value.kind is Kind.INVALID
    with pytest.raises(CustodesError, match="missing"):
        VideoSource(tmp_path / "missing.mp4")


def test_a_file_that_breaks_off_is_looped_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = tmp_path / "whole.ts"
    write_video(whole, 320, 180, 25, 40)
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    source = VideoSource(cut)
    assert source.picture(500).shape == (1080, 1280)


def test_the_sub_stream_is_the_average_of_each_plane() -> None:
    picture = np.zeros((1080, 1280), np.uint8)
    picture[:720:2, ::2] = 80
    picture[720:900], picture[900:] = 60, 200
    half = downscale(picture)
    assert half.shape == (540, 640)
    assert (half[:360] == 20).all()
    assert (half[360:450] == 60).all()
    assert (half[450:] == 200).all()


def decoder() -> VideoCodecContext:
    codec = av.CodecContext.create("h264", "r")
    assert isinstance(codec, VideoCodecContext)
    codec.thread_count = 1
    return codec


def decoded(codec: VideoCodecContext, nals: tuple[bytes, ...]) -> list[av.VideoFrame]:
    return codec.decode(av.Packet(b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)))


def test_key_pictures_come_when_asked_for_with_their_parameter_sets() -> None:
    encoder, reader = PictureEncoder(MAIN), decoder()
    for index, key in enumerate((True, False, False, True, False)):
        nals = encoder.encode(textured(index), index, key=key)
        kinds = [nal_type(nal) for nal in nals if nal_type(nal) != 6]
        assert kinds == ([SPS, PPS, 5] if key else [1])
        (frame,) = decoded(reader, nals)
        assert (frame.width, frame.height) == (1280, 720)
        error = np.abs(frame.to_ndarray().astype(int) - textured(index)).mean()
        assert error < 12, "the picture that comes out is the one that went in"


def test_a_frozen_picture_is_decoded_to_the_same_bytes_with_the_same_parameter_sets() -> None:
    picture = downscale(textured(3))
    usual, frozen, reader = PictureEncoder(SUB), PictureEncoder(SUB, constant=True), decoder()
    units = [frozen.encode(picture, index, key=True) for index in range(6)]
    assert units[0][:2] == usual.encode(picture, 0, key=True)[:2]
    assert len({frame.to_ndarray().tobytes() for nals in units for frame in decoded(reader, nals)}) == 1
    identifiers = {nals[-1][:12] for nals in units}
    assert len(identifiers) > 1, "neighbouring IDR pictures have different idr_pic_id (ITU-T H.264, 7.4.3)"


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda nal: b"\x00\x00" not in nal and nal[-1]), max_size=6))
def test_nal_units_are_split_at_start_codes_of_either_length(nals: list[bytes]) -> None:
    stream = b"".join((b"\x00\x00\x00\x01" if number % 2 else b"\x00\x00\x01") + nal for number, nal in enumerate(nals))
    assert list(split(stream + b"\x00\x00")) == nals


def test_the_journal_holds_what_was_written_in_order(tmp_path: Path) -> None:
    journal.prepare(tmp_path)
    writer = NalJournal(tmp_path, "camera-1", StreamRole.MAIN)
    slice_nal = b"\x41" + bytes(range(200))
    writer.write([b"\x67abc", b"\x68d"], 0, Instant(5))
    writer.write([slice_nal], 2, Instant(6))
    first, second, third = read_journal(tmp_path, "camera-1")
    assert [(sent.kind, sent.length, sent.index, sent.utc) for sent in (first, second, third)] == [
        (7, 4, 0, 5),
        (8, 2, 0, 5),
        (1, 201, 2, 6),
    ]
    assert first.needle is None
    assert third.needle is not None
    assert slice_nal[third.needle.offset :].startswith(third.needle.data)
    assert len(third.needle.data) == 24
    (path,) = tmp_path.glob("*.nals")
    with path.open("ab") as file:
        file.write(b"half a record")
    assert read_journal(tmp_path, "camera-1") == [first, second, third]
    assert read_journal(tmp_path, "camera-1", StreamRole.SUB) == []
    writer.close()
    journal.prepare(tmp_path)
    assert read_journal(tmp_path, "camera-1") == []


def test_old_files_of_the_journal_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_RECORDS_PER_FILE", 2)
    monkeypatch.setattr(journal, "_FILES_KEPT", 3)
    writer = NalJournal(tmp_path, "camera-1", StreamRole.SUB)
    for index in range(21):
        writer.write([b"\x41x"], index, Instant(index))
    writer.close()
    assert [sent.index for sent in read_journal(tmp_path, "camera-1", StreamRole.SUB)] == [16, 17, 18, 19, 20]


def test_needles_are_slices_that_can_be_told_from_other_data() -> None:
    varied = bytes(range(1, 120))
    assert needle_of(b"\x41" + varied[:62]) is None, "too short"
    assert needle_of(b"\x67" + varied) is None, "not a slice"
    assert needle_of(b"\x41" + b"\x00" * 500) is None, "dull everywhere"
    nal = b"\x41" + b"\x00" * 200 + varied
    needle = needle_of(nal)
    assert needle is not None
    assert len(set(needle.data)) >= 12
    assert nal[needle.offset : needle.offset + 24] == needle.data


def test_plays_are_read_as_written(tmp_path: Path) -> None:
    journal.prepare(tmp_path)
    main = Play("camera-1", StreamRole.MAIN, Instant(1_790_000_000_123_456_789), 50, 2**32 - 1, "tcp", "h:1", "libav é")
    sub = Play("camera-1", StreamRole.SUB, Instant(2), 55, 7, "udp", "h:2", "")
    for play in (main, sub, main):
        write_play(tmp_path, play)
    assert read_plays(tmp_path, "camera-1", StreamRole.MAIN) == [main, main]
    assert read_plays(tmp_path, "camera-1", StreamRole.SUB) == [sub]
    assert read_plays(tmp_path, "camera-2", StreamRole.SUB) == []
