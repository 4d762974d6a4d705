# SPDX-License-Identifier: AGPL-3.0-or-later
"""Masked fragments: the grid, key pictures, covers, colours that stay, and a file that plays."""

import io
from collections.abc import Sequence

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Fragment, FrameNote, MaskedFrame, SourceTime
from custodes.errors import CustodesError, Kind
from custodes.video import cmaf_read, nal
from custodes.video.encode.fragments import FragmentEncoder
from custodes.video.encode.join import as_mp4
from custodes.video.encode.still import still

CAMERA = CameraId("c" * 26)
WIDTH, HEIGHT = 320, 192
EVEN = 1_790_000_000 * SECOND
"""An even second, so a place for a key picture."""
SLOT = 200 * MILLISECOND
SILHOUETTE = (120, 90, 170)


def planes(frame: bytes, width: int = WIDTH, height: int = HEIGHT) -> list[NDArray[np.uint8]]:
    whole, luma, quarter = np.frombuffer(frame, np.uint8), width * height, width * height // 4
    shape = (height // 2, width // 2)
    return [
        whole[:luma].reshape(height, width),
        whole[luma : luma + quarter].reshape(shape),
        whole[luma + quarter :].reshape(shape),
    ]


def masked(number: int, cover: Cover | None = None, masker: str = "m1", place: int | None = None) -> MaskedFrame:
    """A textured wall with grain and a silhouette of whole macroblocks that walks; one colour where covered."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    luma = (
        120 + 50 * np.sin(columns / 9) * np.cos(rows / 13) + np.random.default_rng(number).normal(0, 2, (HEIGHT, WIDTH))
    )
    picture = [luma.astype(np.uint8), *(np.full((HEIGHT // 2, WIDTH // 2), value, np.uint8) for value in (118, 134))]
    if cover is not None:
        picture = [np.full_like(plane, value) for plane, value in zip(picture, (60, 128, 128), strict=True)]
    else:
        left = place_of(number) if place is None else place
        picture[0][48:144, left : left + 48] = SILHOUETTE[0]
        for plane, value in zip(picture[1:], SILHOUETTE[1:], strict=True):
            plane[24:72, left // 2 : left // 2 + 24] = value
    data = b"".join(plane.tobytes() for plane in picture)
    source = None if cover else SourceTime(1, number * 18_000)
    share = 1000 if cover else 75
    return MaskedFrame(WIDTH, HEIGHT, data, Instant(EVEN + number * SLOT), source, cover, share, masker)


def place_of(number: int) -> int:
    return number * 4 % 256 // 16 * 16


def encoded(frames: Sequence[MaskedFrame]) -> tuple[FragmentEncoder, list[Fragment]]:
    encoder = FragmentEncoder(CAMERA, WIDTH, HEIGHT)
    return encoder, [each for frame in frames for each in encoder.push(frame)] + encoder.flush()


def decoded(encoder: FragmentEncoder, fragments: Sequence[Fragment]) -> list[av.VideoFrame]:
    data = encoder.init.data + b"".join(fragment.data for fragment in fragments)
    with av.open(io.BytesIO(data)) as file:
        return list(file.decode(video=0))


def test_fragments_of_two_pictures_stand_on_the_grid_with_a_key_picture_every_two_seconds() -> None:
    _, fragments = encoded([masked(number) for number in range(40)])
    assert [fragment.start for fragment in fragments] == [EVEN + 2 * SLOT * index for index in range(20)]
    assert {fragment.duration_ms for fragment in fragments} == {400}
    assert [fragment.key for fragment in fragments] == [index % 5 == 0 for index in range(20)]
    assert [cmaf_read.decode_time(fragment.data) for fragment in fragments] == [
        fragment.start * 9 // 100_000 for fragment in fragments
    ]
    kinds = [[nal.kind(each) for each in cmaf_read.fragment_nals(fragment.data)] for fragment in fragments]
    assert all(
        kind == ([nal.IDR, 1] if fragment.key else [1, 1]) for kind, fragment in zip(kinds, fragments, strict=True)
    )


def test_no_picture_is_held_back() -> None:
    encoder = FragmentEncoder(CAMERA, WIDTH, HEIGHT)
    assert [len(encoder.push(masked(number))) for number in range(8)] == [0, 1] * 4


def test_every_picture_can_be_played_at_its_slot() -> None:
    encoder, fragments = encoded([masked(number) for number in range(25)])
    pictures = decoded(encoder, fragments)
    assert [picture.pts for picture in pictures] == [(EVEN + number * SLOT) * 9 // 100_000 for number in range(25)]
    assert {(picture.width, picture.height) for picture in pictures} == {(WIDTH, HEIGHT)}
    assert {(picture.color_range, picture.colorspace) for picture in pictures} == {(1, 1)}


def test_what_is_known_of_each_picture_goes_with_its_fragment() -> None:
    _, fragments = encoded([masked(0), masked(1)])
    assert fragments[0].frames == (FrameNote(SourceTime(1, 0), None, 75), FrameNote(SourceTime(1, 18_000), None, 75))
    assert (fragments[0].camera, fragments[0].masker) == (CAMERA, "m1")


@pytest.mark.parametrize("at", [20, 21, 29])
def test_no_fragment_mixes_covered_and_shown_and_each_change_begins_with_a_key_picture(at: int) -> None:
    covers = dict.fromkeys(range(at, at + 7), Cover.LATE)
    encoder, fragments = encoded([masked(number, covers.get(number)) for number in range(60)])
    for fragment in fragments:
        assert len({note.cover for note in fragment.frames}) == 1
    by_start = {(fragment.start - EVEN) // SLOT: fragment for fragment in fragments}
    assert by_start[at].key
    assert by_start[at + 7].key
    assert sum(fragment.duration_ms for fragment in fragments) == 12_000
    assert all(by_start[number].key for number in range(0, 60, 10))
    assert len(decoded(encoder, fragments)) == 60
    cause_changes = [masked(0, Cover.STARTING), masked(1, Cover.NOT_CERTIFIED)]
    assert [len(each.frames) for each in encoded(cause_changes)[1]] == [2]


def test_a_change_may_complete_two_fragments_at_once() -> None:
    encoder = FragmentEncoder(CAMERA, WIDTH, HEIGHT)
    encoder.push(masked(0))
    ready = encoder.push(masked(1, Cover.MASKER_FAILED))
    assert [(fragment.duration_ms, fragment.key, fragment.frames[0].cover) for fragment in ready] == [
        (200, True, None),
        (200, True, Cover.MASKER_FAILED),
    ]


def test_a_hole_in_the_slots_is_a_hole_in_time_and_goes_on_with_a_key_picture() -> None:
    encoder, fragments = encoded([masked(number) for number in (0, 1, 2, 6, 7, 8, 9)])
    starts = [(fragment.start - EVEN) // SLOT for fragment in fragments]
    assert starts == [0, 2, 6, 8]
    assert [fragment.duration_ms for fragment in fragments] == [400, 200, 400, 400]
    assert [fragment.key for fragment in fragments] == [True, False, True, False]
    assert len(decoded(encoder, fragments)) == 7


def test_one_fragment_comes_from_one_masker() -> None:
    _, fragments = encoded([masked(0), masked(1, masker="m2"), masked(2, masker="m2")])
    assert [(fragment.masker, fragment.key) for fragment in fragments] == [("m1", True), ("m2", True), ("m2", False)]


def test_fragments_of_a_second_encoder_play_after_those_of_the_first() -> None:
    before, ahead = encoded([masked(number) for number in range(7)])
    after, behind = encoded([masked(number) for number in range(7, 20)])
    assert before.init == after.init
    pictures = decoded(before, [*ahead, *behind])
    assert [picture.pts for picture in pictures] == [(EVEN + number * SLOT) * 9 // 100_000 for number in range(20)]
    assert behind[0].key


def test_a_silhouette_keeps_its_colour_and_the_background_its_look() -> None:
    frames = [masked(number) for number in range(50)]
    encoder, fragments = encoded(frames)
    errors = []
    for frame, picture in zip(frames, decoded(encoder, fragments), strict=True):
        seen = planes(picture.to_ndarray().tobytes())
        number = (frame.slot - EVEN) // SLOT
        for plane, value, scale in zip(seen, SILHOUETTE, (1, 2, 2), strict=True):
            left = place_of(number) // scale
            inside = plane[48 // scale : 144 // scale, left : left + 48 // scale].astype(int)
            assert np.abs(inside - value).max() <= 6
        errors.append(np.mean((seen[0].astype(float) - planes(frame.i420)[0]) ** 2))
    assert 10 * np.log10(255**2 / np.mean(errors)) > 35
    assert sum(len(fragment.data) for fragment in fragments) * 8 < 10 * 500_000


def test_a_covered_picture_has_exactly_one_colour() -> None:
    encoder, fragments = encoded([masked(number, Cover.LATE if number > 3 else None) for number in range(8)])
    for picture in decoded(encoder, fragments)[4:]:
        for plane, value in zip(planes(picture.to_ndarray().tobytes()), (60, 128, 128), strict=True):
            assert np.abs(plane.astype(int) - value).max() <= 1


def test_nothing_but_slices_and_parameter_sets_is_written() -> None:
    encoder, fragments = encoded([masked(0), masked(1)])
    data = encoder.init.data + fragments[0].data
    assert b"x264" not in data
    assert b"Lavc" not in data
    assert encoder.init.codec == f"avc1.{encoder.init.data.partition(b'avcC')[2][1:4].hex()}"
    assert (encoder.init.width, encoder.init.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    "frame",
    [
        MaskedFrame(WIDTH, HEIGHT, bytes(WIDTH * HEIGHT), Instant(EVEN), None, None, 0, "m1"),
        MaskedFrame(64, 64, bytes(64 * 96), Instant(EVEN), None, None, 0, "m1"),
        MaskedFrame(WIDTH, HEIGHT, bytes(WIDTH * HEIGHT * 3 // 2), Instant(EVEN + 1), None, None, 0, "m1"),
    ],
    ids=["planes too short", "another size", "off the grid"],
)
def test_a_frame_that_does_not_fit_is_refused(frame: MaskedFrame) -> None:
    with pytest.raises(CustodesError) as refusal:
        FragmentEncoder(CAMERA, WIDTH, HEIGHT).push(frame)
    assert refusal.value.kind is Kind.INVALID


def test_a_slot_comes_once_and_in_order() -> None:
    encoder = FragmentEncoder(CAMERA, WIDTH, HEIGHT)
    encoder.push(masked(3))
    for number in (3, 2):
        with pytest.raises(CustodesError):
            encoder.push(masked(number))
    assert len(encoder.push(masked(4))) == 0


@pytest.mark.parametrize("fps", [0, 7, 90_001])
def test_a_rate_that_has_no_grid_is_refused(fps: int) -> None:
    with pytest.raises(CustodesError):
        FragmentEncoder(CAMERA, WIDTH, HEIGHT, fps)


def test_joined_fragments_are_a_file_that_begins_at_zero_and_keeps_its_holes() -> None:
    encoder, fragments = encoded([masked(number) for number in (10, 11, 12, 13, 20, 21)])
    data = as_mp4(encoder.init.data, [fragment.data for fragment in fragments])
    with av.open(io.BytesIO(data)) as file:
        assert [picture.pts for picture in file.decode(video=0)] == [n * 18_000 for n in (0, 1, 2, 3, 10, 11)]
    assert data.endswith(fragments[-1].data[-100:])
    assert cmaf_read.reference_time(data) == fragments[0].start


def test_a_file_of_nothing_or_of_fragments_out_of_order_is_refused() -> None:
    encoder, fragments = encoded([masked(number) for number in range(4)])
    first, second = (fragment.data for fragment in fragments)
    for pieces, kind in (([], Kind.INVALID), ([second, first], Kind.CORRUPT), ([first, b"junk"], Kind.CORRUPT)):
        with pytest.raises(CustodesError) as refusal:
            as_mp4(encoder.init.data, pieces)
        assert refusal.value.kind is kind
    with pytest.raises(CustodesError):
        as_mp4(b"", [first])


def test_a_still_is_a_jpeg_without_metadata_in_the_right_colours() -> None:
    frame = masked(0, place=96)
    data = still(frame)
    assert data[:2] == b"\xff\xd8"
    assert data[-2:] == b"\xff\xd9"
    assert b"Lavc" not in data
    for marker in (b"\xff\xe1", b"\xff\xfe"):
        assert marker not in data[: data.index(b"\xff\xda")]
    (picture,) = av.CodecContext.create("mjpeg", "r").decode(av.Packet(data))
    rgb = picture.reformat(format="rgb24").to_ndarray()[60:130, 102:138].reshape(-1, 3).mean(axis=0)
    luma, blue, red = (
        (SILHOUETTE[0] - 16) * 255 / 219,
        (SILHOUETTE[1] - 128) * 255 / 224,
        (SILHOUETTE[2] - 128) * 255 / 224,
    )
    expected = (luma + 1.5748 * red, luma - 0.1873 * blue - 0.4681 * red, luma + 1.8556 * blue)
    assert np.abs(rgb - expected).max() < 4
