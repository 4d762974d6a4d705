# SPDX-License-Identifier: Apache-2.0
"""The log that we write: append, publish, prove (C2SP tlog-tiles, tlog-checkpoint)."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from custodes.errors import conflict, corrupt, invalid, not_found
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint, sign
from custodes.trust.tlog.merkle import EMPTY_ROOT, consistency_path, inclusion_path, leaf_hash
from custodes.trust.tlog.note import Signer
from custodes.trust.tlog.receipt import make_receipt
from custodes.trust.tlog.store import FolderTiles, TileStore
from custodes.trust.tlog.tiles import (
    CHECKPOINT,
    ENTRIES,
    WIDTH,
    Edge,
    TileTree,
    edge_widths,
    encode_entry,
    parse_bundle,
    parse_tile,
    tile_path,
)

__all__ = ["FolderTiles", "Log", "TileStore"]


@dataclass(frozen=True, slots=True)
class _State:
    """What is durable: the published checkpoint and the right edge of the tree it names."""

    signed: SignedCheckpoint
    edge: Edge
    bundle: tuple[bytes, ...]
    """The encoded entries of the bundle that is not full yet."""


class Log:
    """An append-only log in a store of tiles, with one writer. Safe to share between threads.

    ``signers``: at least one, all named like the log's origin; a public log needs an Ed25519 one. Opening an empty
    store publishes the checkpoint of the empty tree. Raises ``CustodesError``: CONFLICT if another program writes to
    the store, CORRUPT if the store does not hold what its checkpoint says.
    """

    def __init__(self, store: TileStore, signers: Sequence[Signer]) -> None:
        names = {signer.key.name for signer in signers}
        if len(names) != 1:
            raise invalid("a log needs signing keys that all bear the log's name")
        self.origin = names.pop()
        self._store = store
        self._signers = tuple(signers)
        self._lock = threading.RLock()
        self._tree = TileTree(self._hashes)
        self._state: _State | None = None
        store.claim()
        try:
            self._current()
        except BaseException:
            store.close()
            raise

    @property
    def size(self) -> int:
        """How many entries the published checkpoint covers."""
        with self._lock:
            return self._current().edge.size

    def checkpoint(self) -> bytes:
        """Return the published checkpoint."""
        with self._lock:
            return self._current().signed.serialise()

    def append(self, entries: Sequence[bytes]) -> int:
        """Append entries (each at most 65,535 bytes) and publish; returns the index of the first.

        On return everything is durable. After an exception the batch is in the log completely or not at all; which of
        the two, ``size`` tells, and the next call starts from what is durable.
        """
        encoded = [encode_entry(entry) for entry in entries]
        with self._lock:
            before = self._current()
            if not entries:
                return before.edge.size
            # From here until the checkpoint is known to be durable, only the store knows the truth.
            self._state = None
            edge = before.edge.copy()
            full = edge.extend([leaf_hash(entry) for entry in entries])
            bundle = self._write_bundles(before, encoded)
            # A crash up to here or in the loop below leaves files that no checkpoint names yet: partial tiles nobody
            # asks for, and full tiles that begin like the partial ones beside them. The next append writes over them.
            known = {tile.path: tile.hashes for tile in before.edge.partial_tiles()}
            for tile in [*full, *edge.partial_tiles()]:
                if known.get(tile.path) != tile.hashes:
                    self._store.write(tile.path, tile.data)
            signed = sign(Checkpoint(self.origin, edge.size, edge.root()), self._signers)
            # A crash before this write: the old checkpoint stands, the batch was never in the log. After it: the batch
            # is in the log, whether or not the caller learns it. A signature that is lost here was seen by nobody.
            self._store.write(CHECKPOINT, signed.serialise())
            self._state = _State(signed, edge, bundle)
            # A crash in this loop leaves partial tiles that the full ones have replaced: they cost space only.
            for tile in full:
                self._store.drop_partials(tile.path)
                if tile.level == 0:
                    self._store.drop_partials(tile_path(ENTRIES, tile.index))
            return before.edge.size

    def attach(self, cosignature_lines: Sequence[str], size: int) -> None:
        """Publish the current checkpoint again with witnesses' signature lines, which the caller has verified.

        ``size`` is the size they signed; if the log has grown since, raises ``CustodesError`` (CONFLICT): a line under
        the wrong checkpoint would make every reader reject it.
        """
        with self._lock:
            before = self._current()
            if size != before.edge.size:
                raise conflict(f"the log has grown from {size} to {before.edge.size}: ask the witness again")
            signed = before.signed.with_lines(cosignature_lines)
            self._state = None
            # A crash before or after this write leaves the same tree head, with or without the witnesses.
            self._store.write(CHECKPOINT, signed.serialise())
            self._state = _State(signed, before.edge, before.bundle)

    def entry(self, index: int) -> bytes:
        """Return an entry; raises ``CustodesError`` (NOT_FOUND) beyond the end."""
        with self._lock:
            state = self._current()
            if not 0 <= index < state.edge.size:
                raise not_found(f"the log has no entry {index}")
            number, offset = divmod(index, WIDTH)
            if number == state.edge.size // WIDTH:
                return state.bundle[offset][2:]
            return parse_bundle(self._read(tile_path(ENTRIES, number)), WIDTH)[offset]

    def prove_inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of entry ``index`` in the tree of ``size`` entries; raises ``CustodesError``."""
        with self._lock:
            if not 0 <= index < size <= self.size:
                raise not_found(f"the log has no entry {index} in a tree of {size} entries")
            return inclusion_path(index, size, self._tree.subtree)

    def prove_consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of ``old`` entries begins that of ``new``; raises ``CustodesError``."""
        with self._lock:
            if not 0 <= old <= new <= self.size:
                raise not_found(f"the log has no trees of {old} and {new} entries")
            return consistency_path(old, new, self._tree.subtree)

    def receipt(self, index: int) -> bytes:
        """Return the ``.tlog-proof`` of entry ``index`` under the published checkpoint; raises ``CustodesError``."""
        with self._lock:
            return make_receipt(index, self.prove_inclusion(index, self.size), self.checkpoint())

    def close(self) -> None:
        """Let another program write."""
        self._store.close()

    def _current(self) -> _State:
        if self._state is None:
            self._state = self._load()
        return self._state

    def _load(self) -> _State:
        """Read the durable state back; the same after a start, a crash and a failed write."""
        data = self._store.read(CHECKPOINT)
        if data is None:
            return self._create()
        signed = SignedCheckpoint.parse(data)
        signed.verify_log([signer.key for signer in self._signers])
        size = signed.checkpoint.size
        rows = [
            parse_tile(self._read(tile_path(level, size >> 8 * (level + 1), width)), width) if width else []
            for level, width in enumerate(edge_widths(size))
        ]
        edge = Edge(size, rows)
        if edge.root() != signed.checkpoint.root:
            raise corrupt("log: the tiles do not lead to the checkpoint's root; restore the log from a copy")
        entries: list[bytes] = []
        if width := size % WIDTH:
            entries = parse_bundle(self._read(tile_path(ENTRIES, size // WIDTH, width)), width)
            if [leaf_hash(entry) for entry in entries] != rows[0]:
                raise corrupt("log: the last entries do not match their tile; restore the log from a copy")
        return _State(signed, edge, tuple(encode_entry(entry) for entry in entries))

    def _create(self) -> _State:
        # The empty checkpoint comes first, so no crash leaves tiles without one. Beginning again over tiles whose
        # checkpoint was lost would fork the log.
        if any(self._store.read(tile_path(0, 0, width)) is not None for width in range(1, WIDTH + 1)):
            raise corrupt("log: there are tiles but no checkpoint; restore the log from a copy")
        signed = sign(Checkpoint(self.origin, 0, EMPTY_ROOT), self._signers)
        self._store.write(CHECKPOINT, signed.serialise())
        return _State(signed, Edge(), ())

    def _write_bundles(self, before: _State, encoded: Sequence[bytes]) -> tuple[bytes, ...]:
        """Write the entries; returns those of the bundle that is not full."""
        first = before.edge.size // WIDTH
        pending = [*before.bundle, *encoded]
        for start in range(0, len(pending), WIDTH):
            part = pending[start : start + WIDTH]
            self._store.write(tile_path(ENTRIES, first + start // WIDTH, len(part)), b"".join(part))
        return tuple(pending[len(pending) // WIDTH * WIDTH :])

    def _hashes(self, level: int, index: int) -> Sequence[bytes]:
        edge = self._current().edge
        if index == edge.size >> 8 * (level + 1):
            return edge.rows[level]
        return parse_tile(self._read(tile_path(level, index)), WIDTH)

    def _read(self, path: str) -> bytes:
        data = self._store.read(path)
        if data is None:
            raise corrupt(f"log: {path} is missing; restore the log from a copy")
        return data
