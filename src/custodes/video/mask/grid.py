# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures as planes, and the 16x16 blocks that masks are made of (H.264 macroblocks, so masks cost few bits)."""

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.errors import invalid

Bytes: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]
Bits: TypeAlias = NDArray[np.bool_]

BLOCK = 16
CELL = BLOCK // 2
"""Side of the squares in which changes are looked for."""
_AROUND = np.ones((3, 3), np.uint8)
_HOLE = 12
"""Blocks of the largest hole that is filled."""
_WORDS = {
    8: (np.uint64, np.uint64(0x0101_0101_0101_0101), np.uint64(56)),
    4: (np.uint32, np.uint32(0x0101_0101), np.uint32(24)),
}
"""For cells of luma and of chroma: a word as long as a row, what sums its bytes in the topmost, and where that is."""
_EVEN, _LANES = np.uint64(0x00FF_00FF_00FF_00FF), np.uint64(0x0001_0001_0001_0001)


class Planes(NamedTuple):
    """Y (height x width), U and V (half of each)."""

    y: Bytes
    u: Bytes
    v: Bytes


class Grid:
    """The blocks of a picture of ``width`` x ``height`` pixels; the last row and column may reach beyond it."""

    def __init__(self, width: int, height: int) -> None:
        if width < BLOCK or height < BLOCK or width % 2 or height % 2 or width * height > 3840 * 2160:
            raise invalid("a picture to be masked has even sides of 16 to 3840 x 2160 pixels")
        self.width, self.height = width, height
        self.columns, self.rows = -(-width // BLOCK), -(-height // BLOCK)
        self.shape = (self.rows, self.columns)
        self._pad = (self.rows * BLOCK - height, self.columns * BLOCK - width)
        high = np.minimum(BLOCK, height - np.arange(self.rows) * BLOCK)
        wide = np.minimum(BLOCK, width - np.arange(self.columns) * BLOCK)
        self._area = np.outer(high, wide)

    def planes(self, i420: bytes) -> Planes:
        """View a picture's bytes; ``CustodesError`` (INVALID) if they are not as many as there must be."""
        luma, chroma = self.width * self.height, self.width * self.height // 4
        if len(i420) != luma + 2 * chroma:
            raise invalid("the picture does not have the size that was agreed")
        flat = np.frombuffer(i420, np.uint8)
        half = (self.height // 2, self.width // 2)
        return Planes(
            flat[:luma].reshape(self.height, self.width),
            flat[luma : luma + chroma].reshape(half),
            flat[luma + chroma :].reshape(half),
        )

    def share(self, blocks: Bits) -> float:
        """The share of the picture's area that these blocks take."""
        return float(self._area[blocks].sum()) / (self.width * self.height)

    def padded(self, plane: Bytes, border: int = cv2.BORDER_REPLICATE) -> Bytes:
        """A plane (of luma or chroma size) continued to whole blocks."""
        down, right = self._pad
        if plane.shape[0] != self.height:
            down, right = down // 2, right // 2
        if not down and not right:
            return plane
        return np.asarray(cv2.copyMakeBorder(plane, 0, down, 0, right, border, value=0), np.uint8)

    def means(self, plane: Bytes) -> Floats:
        """The mean of a luma or chroma plane in every block (rows x columns)."""
        whole = np.ascontiguousarray(self.padded(plane))
        side = whole.shape[0] // self.rows
        # Eight pixels are a word: neighbours are added, their sums over the rows of the block, and the four sums of a
        # word by multiplication. None exceeds 16 bits (16 rows x 8 pixels x 255).
        words = whole.view(np.uint64)
        pairs = (words & _EVEN) + ((words >> np.uint64(8)) & _EVEN)
        sums = np.add.reduce(pairs.reshape(self.rows, side, -1), axis=1)
        sums = (sums * _LANES) >> np.uint64(48)
        if side == BLOCK:
            sums = sums[:, ::2] + sums[:, 1::2]
        return np.asarray(sums.astype(np.float32) / np.float32(side * side), np.float32)

    def counts(self, marks: Bytes) -> Bytes:
        """How many pixels of a plane of 0 and 1 are marked in every cell (2 rows x 2 columns of cells to a block)."""
        whole = self.padded(marks, cv2.BORDER_CONSTANT)
        side = whole.shape[0] // (2 * self.rows)
        # A row of a cell is one word: rows are added byte by byte, then the bytes of the sum by multiplication.
        word, ones, top = _WORDS[side]
        rows = np.ascontiguousarray(whole).view(word).reshape(2 * self.rows, side, 2 * self.columns)
        return np.asarray((np.add.reduce(rows, axis=1, dtype=word) * ones) >> top, np.uint8)

    def spread(self, blocks: Bits, half: bool = False) -> Bits:
        """Every block's value at its pixels, of luma size or chroma size."""
        side = BLOCK // 2 if half else BLOCK
        height, width = (self.height // 2, self.width // 2) if half else (self.height, self.width)
        return blocks.repeat(side, 1)[:, :width].repeat(side, 0)[:height]

    def smooth(self, values: Floats, half: bool = False) -> Floats:
        """Every block's value, interpolated between the blocks' centres, at pixels of luma or chroma size."""
        side = BLOCK // 2 if half else BLOCK
        height, width = (self.height // 2, self.width // 2) if half else (self.height, self.width)
        size = (self.columns * side, self.rows * side)
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)[:height, :width]

    def box(self, left: float, top: float, right: float, bottom: float, margin: float) -> tuple[slice, slice]:
        """Rows and columns of the blocks that a box (pixels), enlarged by ``margin`` of its sides, touches."""
        more_x, more_y = (right - left) * margin, (bottom - top) * margin
        first = max(int((top - more_y) // BLOCK), 0), max(int((left - more_x) // BLOCK), 0)
        last = (
            min(int((bottom + more_y) // BLOCK), self.rows - 1),
            min(int((right + more_x) // BLOCK), self.columns - 1),
        )
        return slice(first[0], last[0] + 1), slice(first[1], last[1] + 1)


def widened(blocks: Bits) -> Bits:
    """The blocks and their eight neighbours."""
    return np.asarray(cv2.dilate(blocks.view(np.uint8), _AROUND), np.uint8).view(np.bool_)


def linked(weak: Bits, strong: Bits) -> Bits:
    """The strong blocks, and the weak ones that hang together with one (eight neighbours)."""
    both = weak | strong
    count, labels = cv2.connectedComponents(both.view(np.uint8), connectivity=8)
    wanted = np.zeros(count, np.bool_)
    wanted[np.asarray(labels)[strong]] = True
    return wanted[np.asarray(labels)] & both


def in_blocks(cells: Bits) -> Bits:
    """The blocks that hold any of these cells."""
    rows = cells[::2] | cells[1::2]
    return np.asarray(rows[:, ::2] | rows[:, 1::2])


def filled(blocks: Bits) -> Bits:
    """The blocks with gaps of one block closed, and with the small holes they enclose."""
    framed = np.pad(blocks.view(np.uint8), 2)
    closed = np.asarray(cv2.morphologyEx(framed, cv2.MORPH_CLOSE, _AROUND), np.uint8)
    _, labels, facts, _ = cv2.connectedComponentsWithStats(1 - closed, connectivity=4)
    small = np.asarray(facts)[:, cv2.CC_STAT_AREA] <= _HOLE
    return np.asarray(((closed > 0) | small[np.asarray(labels)])[2:-2, 2:-2])
