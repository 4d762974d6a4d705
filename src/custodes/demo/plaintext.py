# SPDX-License-Identifier: AGPL-3.0-or-later
"""Looking for the original on the disk: is any slice that a camera sent to be found in any file?

Slices of at least 64 bytes are looked for, by a 24-byte piece of each and, where that occurs, by the SHA-256 of the
whole NAL unit around it.
"""

import hashlib
import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from custodes.demo.cameras.journal import NEEDLE_LENGTH, SentNal

_CHUNK = 16 * 1024 * 1024
_TABLE_BITS = 24


class Needles:
    """The pieces to look for, ready for one pass over any number of files."""

    def __init__(self, sent: Iterable[SentNal]) -> None:
        self._nals: dict[bytes, list[SentNal]] = {}
        self._table = np.zeros(1 << _TABLE_BITS, dtype=bool)
        for nal in sent:
            if nal.needle is not None:
                self._nals.setdefault(nal.needle.data, []).append(nal)
                self._table[int.from_bytes(nal.needle.data[:3], "little")] = True

    def __len__(self) -> int:
        return len(self._nals)

    def found_in(self, path: Path) -> int:
        """How many whole slices stand in a file; one that vanishes or cannot be read holds none."""
        try:
            size = path.stat().st_size
            if size < NEEDLE_LENGTH:
                return 0
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return sum(self._whole(data, at) for at in self._candidates(data))
        except (OSError, ValueError):
            return 0

    def _candidates(self, data: mmap.mmap) -> Iterator[int]:
        for begin in range(0, len(data), _CHUNK):
            piece = np.frombuffer(data[begin : begin + _CHUNK + NEEDLE_LENGTH], dtype=np.uint8)
            if len(piece) < NEEDLE_LENGTH:
                return
            wide = piece.astype(np.uint32)
            keys = wide[:-2] | wide[1:-1] << 8 | wide[2:] << 16
            hits = np.flatnonzero(self._table[keys])
            yield from (begin + int(at) for at in hits[hits < _CHUNK])

    def _whole(self, data: mmap.mmap, at: int) -> bool:
        for nal in self._nals.get(data[at : at + NEEDLE_LENGTH], ()):
            start = at - nal.needle.offset if nal.needle else -1
            if start >= 0 and hashlib.sha256(data[start : start + nal.length]).digest() == nal.sha256:
                return True
        return False


def files(folders: Sequence[Path], apart: Sequence[Path], since: float) -> Iterator[Path]:
    """Every regular file below the folders that was written since, except below ``apart``."""
    left_out = {path.resolve() for path in apart}
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        for root, below, names in os.walk(folder, followlinks=False):
            below[:] = [name for name in below if (Path(root) / name).resolve() not in left_out]
            for name in names:
                path = Path(root) / name
                try:
                    status = path.lstat()
                except OSError:
                    continue
                regular = path.is_file() and not path.is_symlink()
                if regular and status.st_mtime >= since and (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    yield path


def temporary_folders() -> list[Path]:
    """Where programs put what they hope nobody looks at."""
    named = [os.environ.get("TMPDIR", "/tmp"), "/tmp", "/var/tmp", "/dev/shm"]  # noqa: S108 - searched, not written
    return [path for path in dict.fromkeys(Path(name) for name in named) if path.is_dir()]


def search(needles: Needles, folders: Sequence[Path], apart: Sequence[Path], since: float) -> list[Path]:
    """The files that hold at least one whole slice of the original."""
    return [path for path in files(folders, apart, since) if needles.found_in(path)]
