# SPDX-License-Identifier: AGPL-3.0-or-later
"""Blocks, cells and colours."""

from fractions import Fraction

import av
import numpy as np
import pytest

from custodes.errors import CustodesError, Kind
from custodes.video.mask import palette
from custodes.video.mask.grid import Grid, filled, in_blocks, linked, widened
from custodes.video.mask.palette import mask_pixels
from custodes.video.mask.silhouette import Mask, compose, solid

SIZES = [(640, 360), (160, 96), (50, 34)]


def blocks(text: str) -> np.ndarray:
    return np.array([[sign == "#" for sign in row] for row in text.split()])


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_counts_are_exact_in_luma_and_chroma_even_at_the_borders(width: int, height: int) -> None:
    grid, dice = Grid(width, height), np.random.default_rng(1)
    for half in (1, 2):
        marks = (dice.random((height // half, width // half)) < 0.4).astype(np.uint8)
        side = 8 // half
        whole = np.zeros((grid.rows * 2 * side, grid.columns * 2 * side), int)
        whole[: marks.shape[0], : marks.shape[1]] = marks
        expected = whole.reshape(grid.rows * 2, side, grid.columns * 2, side).sum((1, 3))
        assert (grid.counts(marks) == expected).all()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_all_blocks_together_are_the_whole_picture(width: int, height: int) -> None:
    grid = Grid(width, height)
    assert grid.share(np.ones(grid.shape, np.bool_)) == 1.0
    assert grid.spread(np.ones(grid.shape, np.bool_)).shape == (height, width)
    assert grid.spread(np.ones(grid.shape, np.bool_), half=True).shape == (height // 2, width // 2)


def test_means_are_those_of_the_blocks() -> None:
    grid = Grid(48, 32)
    plane = np.arange(32 * 48, dtype=np.uint32).reshape(32, 48).astype(np.uint8)
    assert grid.means(plane)[1, 2] == pytest.approx(plane[16:, 32:].mean())


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(CustodesError) as problem:
        Grid(32, 32).planes(bytes(1535))
    assert problem.value.kind is Kind.INVALID


def test_a_box_takes_every_block_it_touches_and_none_outside() -> None:
    grid = Grid(640, 360)
    rows, columns = grid.box(15, 16, 33, 31, 0.0)
    assert (rows, columns) == (slice(1, 2), slice(0, 3))
    rows, columns = grid.box(-50, -50, 2000, 2000, 0.5)
    assert (rows, columns) == (slice(0, 23), slice(0, 40))


def test_weak_cells_count_only_beside_strong_ones() -> None:
    weak, strong = blocks("##...# ......"), blocks("#..... ......")
    assert (linked(weak, strong) == blocks("##.... ......")).all()


def test_widening_takes_the_eight_neighbours() -> None:
    assert (widened(blocks("..... ..#.. .....")) == blocks(".###. .###. .###.")).all()


def test_a_cell_makes_its_block() -> None:
    assert (in_blocks(blocks("...# .... .... ....")) == blocks(".# ..")).all()


def test_gaps_of_a_block_and_small_holes_are_filled_and_open_space_is_not() -> None:
    ring = blocks(".......... .#######.. .#.....#.. .#.....#.. .#######.. ..........")
    assert filled(ring)[1:5, 1:8].all()
    assert not filled(ring)[:, 9].any()
    assert (filled(blocks("#.#.... ....... ......."))[0, :4] == [True, True, True, False]).all()
    large = np.ones((12, 12), np.bool_)
    large[2:10, 2:10] = False
    assert not filled(large)[5, 5]


def test_no_pixel_of_a_masked_block_is_left_and_no_other_is_touched() -> None:
    grid, dice = Grid(640, 360), np.random.default_rng(2)
    background = grid.planes(dice.integers(0, 256, 640 * 360 * 3 // 2, np.uint8).tobytes())
    masked = dice.random(grid.shape) < 0.3
    picture = grid.planes(compose(background, Mask(masked, np.zeros(grid.shape, np.bool_)), grid))
    for plane, original, level in zip(picture, background, palette.PERSON, strict=True):
        where = grid.spread(masked, half=plane.shape[0] != 360)
        assert (plane[where] == level).all()
        assert (plane[~where] == original[~where]).all()


def test_mask_colours_are_recognised_after_compression_and_the_cover_is_not_one() -> None:
    grid = Grid(320, 192)
    grey = grid.planes(solid(palette.Colour(120, 128, 128), grid))
    masked, vehicles = np.zeros(grid.shape, np.bool_), np.zeros(grid.shape, np.bool_)
    masked[2:6, 3:8] = masked[7:10, 12:18] = vehicles[7:10, 12:18] = True
    shown = through_h264(compose(grey, Mask(masked, vehicles), grid), 320, 192)
    where = grid.spread(masked)
    assert (mask_pixels(shown, 320, 192) == where).mean() > 0.99
    assert not mask_pixels(solid(palette.COVER, grid), 320, 192).any()


def through_h264(i420: bytes, width: int, height: int) -> bytes:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 5)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "28", "threads": "1"}
    decoder = av.CodecContext.create("h264", "r")
    picture = av.VideoFrame.from_ndarray(np.frombuffer(i420, np.uint8).reshape(-1, width), format="yuv420p")
    picture.pts = 0
    packets = [*encoder.encode(picture), *encoder.encode(None)]
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    return frames[0].to_ndarray().tobytes()
