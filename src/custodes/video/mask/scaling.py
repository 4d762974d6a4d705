# SPDX-License-Identifier: AGPL-3.0-or-later
"""Between a recorded picture, as large and as turned as it is stored, and the small upright one that is compared.

The masker's numbers are made for 640x360, and its detector for upright people. So pictures are judged small and
upright; what is found there, in blocks, is laid over the stored picture at its own size.
"""

import cv2
import numpy as np

from custodes.video.mask.grid import BLOCK, Bits, Bytes, Floats, Grid, Planes

_SIDE = 640
"""The longer side of the small picture; smaller ones keep their size."""


class Scaling:
    """``width`` x ``height``: the stored picture, even; ``turns``: quarter turns against the clock for display."""

    def __init__(self, width: int, height: int, turns: int) -> None:
        self.width, self.height, self._turns = width, height, turns
        shrink = min(1.0, _SIDE / max(width, height))
        self._small = (_even(width * shrink), _even(height * shrink))
        upright = self._small[::-1] if turns % 2 else self._small
        self.grid = Grid(*upright)
        self._rows = _sizes(height, self._small[1])
        self._columns = _sizes(width, self._small[0])

    def planes(self, i420: bytes) -> Planes:
        """View a stored picture's bytes."""
        luma, half = self.width * self.height, (self.height // 2, self.width // 2)
        flat = np.frombuffer(i420, np.uint8)
        y, u, v = flat[:luma], flat[luma : luma + luma // 4], flat[luma + luma // 4 :]
        return Planes(y.reshape(self.height, self.width), u.reshape(half), v.reshape(half))

    def small(self, stored: Planes) -> Planes:
        """The picture small and upright."""
        width, height = self._small
        sizes = ((width, height), (width // 2, height // 2), (width // 2, height // 2))
        return Planes(*(self._upright(_resized(plane, size)) for plane, size in zip(stored, sizes, strict=True)))

    def part(self, stored: Planes, left: float, top: float, right: float, bottom: float) -> Planes:
        """An upright part of the picture at its own size; edges in shares of the upright picture."""
        parts = []
        for plane, step in zip(stored, (2, 1, 1), strict=True):
            upright = np.rot90(plane, self._turns)
            high, wide = upright.shape[0] // step, upright.shape[1] // step
            rows = slice(int(top * high) * step, max(int(bottom * high), int(top * high) + 8) * step)
            columns = slice(int(left * wide) * step, max(int(right * wide), int(left * wide) + 8) * step)
            parts.append(np.ascontiguousarray(upright[rows, columns]))
        return Planes(*parts)

    def stored(self, blocks: Bits | Bytes) -> tuple[Bytes, Bytes]:
        """Every block's value at the stored picture's pixels, of luma and of chroma size."""
        turned = np.ascontiguousarray(np.rot90(blocks, -self._turns)).view(np.uint8)
        whole = turned.repeat(self._rows, 0).repeat(self._columns, 1)
        return whole, np.ascontiguousarray(whole[::2, ::2])

    def smooth(self, values: Floats, half: bool = False) -> Floats:
        """Every block's value, interpolated, at the stored picture's pixels."""
        turned = np.ascontiguousarray(np.rot90(values, -self._turns))
        rows, columns = turned.shape
        step = 2 if half else 1
        width, height = self.width // step, self.height // step
        # The last blocks may reach beyond the picture, in the small one as in the stored one.
        over_x, over_y = columns * BLOCK / self._small[0], rows * BLOCK / self._small[1]
        size = (round(width * over_x), round(height * over_y))
        return np.asarray(cv2.resize(turned, size, interpolation=cv2.INTER_LINEAR), np.float32)[:height, :width]

    def _upright(self, plane: Bytes) -> Bytes:
        return np.ascontiguousarray(np.rot90(plane, self._turns)) if self._turns else plane


def _even(length: float) -> int:
    return max(2 * round(length / 2), BLOCK)


def _sizes(stored: int, small: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How many of the stored pixels in a row (or column) belong to each block."""
    blocks = np.arange(stored, dtype=np.int64) * small // stored // BLOCK
    return np.bincount(blocks, minlength=-(-small // BLOCK))


def _resized(plane: Bytes, size: tuple[int, int]) -> Bytes:
    if (plane.shape[1], plane.shape[0]) == size:
        return plane
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)
