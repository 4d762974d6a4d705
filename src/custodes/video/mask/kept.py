# SPDX-License-Identifier: AGPL-3.0-or-later
"""A certified reference as bytes, so that a masker that starts again need not have it certified again.

NumPy's archive of plain arrays (``numpy.savez_compressed``), with the masker's version: what another version has kept
is not used, for its numbers may mean something else. The bytes show the empty scene; whoever keeps them encrypts them.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from custodes.errors import corrupt
from custodes.video.mask.candidate import Still
from custodes.video.mask.features import Features
from custodes.video.mask.grid import Bytes, Grid, Planes
from custodes.video.mask.tuning import VERSION

_MOST = 128 << 20


@dataclass(frozen=True)
class Kept:
    """``still``: as certified; ``texture``: with slow changes since; ``spread``: how far features stray at rest."""

    still: Still
    texture: Planes
    spread: Features


def encode(references: Mapping[str, Kept]) -> bytes:
    """Return the bytes of references, each under a name (letters)."""
    arrays: dict[str, np.ndarray] = {"version": np.frombuffer(VERSION.encode(), np.uint8)}
    for mode, kept in references.items():
        arrays[f"{mode}_known"] = kept.still.known
        for name, planes in (("still", kept.still.planes), ("texture", kept.texture), ("spread", kept.spread)):
            arrays |= {f"{mode}_{name}{number}": plane for number, plane in enumerate(planes)}
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def decode(data: bytes, grid: Grid) -> dict[str, Kept]:
    """Return what ``encode`` was given; anything else, or of another size or version: ``CustodesError`` (CORRUPT)."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(each.file_size for each in archive.infolist()) > _MOST:
                raise corrupt("a kept reference is too large")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            version = arrays["version"].tobytes().decode("ascii", "replace")
            modes = [name.removesuffix("_known") for name in arrays.files if name.endswith("_known")]
            if version != VERSION or any(arrays[f"{mode}_known"].shape != grid.shape for mode in modes):
                raise corrupt(
                    "a kept reference belongs to another version of the masker, or to pictures of another size"
                )
            return {mode: _one(arrays, mode, grid) for mode in modes}
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
        raise corrupt("a kept reference cannot be read") from None


def _one(arrays: "np.lib.npyio.NpzFile", mode: str, grid: Grid) -> Kept:
    known = np.asarray(arrays[f"{mode}_known"])
    if known.dtype != np.bool_:
        raise ValueError(mode)
    # Of the features two are as large as the picture, of the planes one; the others have half its sides.
    still, texture, spread = (
        [_plane(arrays, f"{mode}_{name}{number}", grid, half=number >= large) for number in range(count)]
        for name, count, large in (("still", 3, 1), ("texture", 3, 1), ("spread", 4, 2))
    )
    return Kept(Still(Planes(*still), known), Planes(*texture), Features(*spread))


def _plane(arrays: "np.lib.npyio.NpzFile", name: str, grid: Grid, *, half: bool) -> Bytes:
    plane = np.asarray(arrays[name])
    shape = (grid.height // 2, grid.width // 2) if half else (grid.height, grid.width)
    if plane.dtype != np.uint8 or plane.shape != shape:
        raise ValueError(name)
    return np.ascontiguousarray(plane)
