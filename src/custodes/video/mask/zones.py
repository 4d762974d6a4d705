# SPDX-License-Identifier: AGPL-3.0-or-later
"""Privacy zones burned into pictures: into what comes in, so that nothing behind them is learnt, kept or looked at, and
into what goes out."""

from collections.abc import Sequence

import cv2
import numpy as np

from custodes.domain.zones import UNIT, Zone
from custodes.video.mask import palette
from custodes.video.mask.grid import BLOCK, Bits, Grid

_AROUND = np.ones((5, 5), np.uint8)
"""Corners are rounded to pixels: two pixels on each side make up for it."""


class Zones:
    """The blocks that any of these polygons touches; none if there are no polygons."""

    def __init__(self, polygons: Sequence[Zone], grid: Grid) -> None:
        touched = np.zeros((grid.rows * BLOCK, grid.columns * BLOCK), np.uint8)
        size = np.array((grid.width, grid.height), np.float64)
        for polygon in polygons:
            corners = np.rint(np.array(polygon, np.float64) * size / UNIT).astype(np.int32)
            cv2.fillPoly(touched, [corners.reshape(-1, 1, 2)], 1)
        touched = np.asarray(cv2.dilate(touched, _AROUND), np.uint8)
        self.blocks: Bits = np.asarray(touched.reshape(grid.rows, BLOCK, grid.columns, BLOCK).any((1, 3)))
        self.share = grid.share(self.blocks)
        """Of the picture's area, 0 to 1."""
        luma, chroma = grid.spread(self.blocks), grid.spread(self.blocks, half=True)
        planes = [plane.ravel() for plane in (luma, chroma, chroma)]
        self._pixels = np.concatenate(planes)
        self._colours = np.repeat(np.array(palette.ZONE, np.uint8), [plane.size for plane in planes])

    def burn(self, i420: bytes) -> bytes:
        """Return the picture with the zones' colour in every block that a zone touches."""
        if not self.share:
            return i420
        picture = np.frombuffer(i420, np.uint8).copy()
        np.copyto(picture, self._colours, where=self._pixels)
        return picture.tobytes()
