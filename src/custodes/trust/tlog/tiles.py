# SPDX-License-Identifier: Apache-2.0
"""The tree as tiles (C2SP tlog-tiles): paths, entry bundles, the growing right edge, and subtree hashes out of tiles.

A tile holds up to 256 hashes of one level; level ``l`` counts subtrees of 256^l leaves. A bundle holds the entries that
belong to one tile of level 0.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from custodes.errors import corrupt
from custodes.trust.tlog.merkle import HASH_SIZE, fold, node_hash, perfect_root, perfect_roots

WIDTH = 256
MAX_ENTRY = 65_535
MAX_BUNDLE = WIDTH * (2 + MAX_ENTRY)
MAX_TILE = WIDTH * HASH_SIZE
CHECKPOINT = "checkpoint"
ENTRIES = "entries"


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """Return ``tile/<L>/<N>[.p/<W>]``; ``level`` is a number or ``ENTRIES``."""
    name = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        name = f"x{index % 1000:03d}/{name}"
    return f"tile/{level}/{name}" + ("" if width == WIDTH else f".p/{width}")


def encode_entry(entry: bytes) -> bytes:
    """Return an entry as it stands in a bundle; longer ones than ``MAX_ENTRY`` raise ``ValueError``."""
    if len(entry) > MAX_ENTRY:
        raise ValueError("a log entry holds at most 65,535 bytes")
    return len(entry).to_bytes(2, "big") + entry


def parse_bundle(data: bytes, width: int) -> list[bytes]:
    """Return the ``width`` entries of a bundle; anything else raises ``CustodesError`` (CORRUPT)."""
    entries: list[bytes] = []
    position = 0
    while position < len(data) and len(entries) < width:
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        entries.append(data[start:position])
    # A cut-off entry ends beyond the data; a bundle with too many or too few entries is no better.
    if position != len(data) or len(entries) != width:
        raise corrupt(f"log: an entry bundle does not hold exactly {width} entries")
    return entries


def parse_tile(data: bytes, width: int) -> list[bytes]:
    """Return the ``width`` hashes of a tile; anything else raises ``CustodesError`` (CORRUPT)."""
    if len(data) != width * HASH_SIZE:
        raise corrupt(f"log: a tile does not hold exactly {width} hashes")
    return [data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE)]


@dataclass(frozen=True, slots=True)
class Tile:
    """A hash tile, full or partial."""

    level: int
    index: int
    hashes: tuple[bytes, ...]

    @property
    def path(self) -> str:
        """Where it is served."""
        return tile_path(self.level, self.index, len(self.hashes))

    @property
    def data(self) -> bytes:
        """What is served."""
        return b"".join(self.hashes)


class Edge:
    """The right edge of a growing tree: per level, the hashes of the tile that is not full yet.

    Enough to append, to know the root, and to write (or check) every tile on the way.
    """

    def __init__(self, size: int = 0, rows: Sequence[Sequence[bytes]] = ()) -> None:
        self.size = size
        self.rows = [list(row) for row in rows]

    def copy(self) -> "Edge":
        """Return an independent copy."""
        return Edge(self.size, self.rows)

    def extend(self, leaves: Sequence[bytes]) -> list[Tile]:
        """Append leaf hashes; returns the tiles that became full, lowest level first."""
        full: list[Tile] = []
        self._extend(0, list(leaves), full)
        self.size += len(leaves)
        return full

    def _extend(self, level: int, hashes: list[bytes], full: list[Tile]) -> None:
        if level == len(self.rows):
            self.rows.append([])
        row = self.rows[level] + hashes
        index = self.size >> 8 * (level + 1)
        finished: list[bytes] = []
        for start in range(0, len(row) - WIDTH + 1, WIDTH):
            tile = Tile(level, index + len(finished), tuple(row[start : start + WIDTH]))
            full.append(tile)
            finished.append(perfect_root(tile.hashes))
        self.rows[level] = row[WIDTH * len(finished) :]
        if finished:
            self._extend(level + 1, finished, full)

    def partial_tiles(self) -> list[Tile]:
        """Return the tiles that are not full, lowest level first."""
        return [Tile(level, self.size >> 8 * (level + 1), tuple(row)) for level, row in enumerate(self.rows) if row]

    def root(self) -> bytes:
        """Return the Merkle tree hash of everything appended."""
        return fold([root for row in reversed(self.rows) for root in perfect_roots(row)])


def edge_widths(size: int) -> list[int]:
    """Return, per level, how many hashes the right-most, partial tile of a tree of ``size`` leaves has (0: none)."""
    widths = []
    while size:
        widths.append(size % WIDTH)
        size //= WIDTH
    return widths


class TileTree:
    """Hashes of subtrees, computed from hash tiles; for proofs.

    ``fetch(level, index)`` returns the hashes of a tile, as many as the tree has there. Full tiles are kept, the most
    recently used ``keep`` of them.
    """

    def __init__(self, fetch: Callable[[int, int], Sequence[bytes]], keep: int = 64) -> None:
        self._fetch = fetch
        self._keep = keep
        self._tiles: OrderedDict[tuple[int, int], Sequence[bytes]] = OrderedDict()

    def subtree(self, start: int, end: int) -> bytes:
        """Return the Merkle tree hash of leaves ``start`` to ``end``; ``start`` a multiple of the subtree's width."""
        size = end - start
        bits = (size - 1).bit_length()
        if size == 1 << bits:
            return self._perfect(start, bits)
        middle = start + (1 << (bits - 1))
        return node_hash(self.subtree(start, middle), self.subtree(middle, end))

    def _perfect(self, start: int, bits: int) -> bytes:
        level, inner = divmod(bits, 8)
        first = start >> 8 * level
        tile = self._tile(level, first // WIDTH)
        offset = first % WIDTH
        hashes = tile[offset : offset + (1 << inner)]
        if len(hashes) != 1 << inner:
            raise corrupt(f"log: tile {tile_path(level, first // WIDTH)} is too short")
        return perfect_root(hashes)

    def _tile(self, level: int, index: int) -> Sequence[bytes]:
        key = (level, index)
        if key in self._tiles:
            self._tiles.move_to_end(key)
            return self._tiles[key]
        tile = self._fetch(level, index)
        if len(tile) == WIDTH:
            self._tiles[key] = tile
            if len(self._tiles) > self._keep:
                self._tiles.popitem(last=False)
        return tile
