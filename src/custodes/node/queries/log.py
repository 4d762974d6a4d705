# SPDX-License-Identifier: AGPL-3.0-or-later
"""The public log as it stands on the disk, and the entries that wait for their place."""

import re

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain import canonical
from custodes.domain.acts import Act
from custodes.errors import CustodesError, not_found, unavailable
from custodes.node.queries import custody
from custodes.node.queries.views import LogRow, LogState
from custodes.node.store import Store, tables
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint
from custodes.trust.tlog.merkle import inclusion_path
from custodes.trust.tlog.policy import TlogPolicy
from custodes.trust.tlog.receipt import make_receipt
from custodes.trust.tlog.store import FolderTiles
from custodes.trust.tlog.tiles import CHECKPOINT, WIDTH, TileTree, parse_tile, tile_path

_INDEXES = 2**62
"""No log is that long, and the catalogue cannot be asked for more."""
_SERVED = re.compile(r"checkpoint|vkey|tile/(entries|\d{1,2})(/x\d{3})*/\d{3}(\.p/\d{1,3})?")


def state(store: Store) -> LogState:
    """Size, checkpoint and witnesses of the log as it is served now."""
    published = FolderTiles(store.layout.log).read(CHECKPOINT)
    if published is None:
        raise unavailable("the log has no checkpoint yet: it has one as soon as the node runs")
    signed = SignedCheckpoint.parse(published)
    pending = store.read(
        sa.select(sa.func.count()).select_from(tables.log_entries).where(tables.log_entries.c.log_index.is_(None))
    )
    witnesses: tuple[str, ...] = ()
    at: Instant | None = None
    try:
        policy = custody.tlog_policy(store)
        witnessed = policy.satisfied(signed)
        witnesses, at = _named(policy, witnessed.witnesses), witnessed.seen_by
    except CustodesError:
        pass  # the witness has not seen this checkpoint yet, and the page says so
    checkpoint = signed.checkpoint
    text = signed.serialise().decode()
    return LogState(checkpoint.origin, checkpoint.size, pending[0][0], text, witnesses, at)


def _named(policy: TlogPolicy, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The witnesses whose every key has cosigned: a witness with two keys is one witness."""
    own = {
        name for group in policy.groups for name in group.members if name in {line.name for line in policy.witnesses}
    }
    grouped = [
        group.name for group in policy.groups if own.issuperset(group.members) and set(group.members) <= set(keys)
    ]
    return (*grouped, *(key for key in keys if key not in own))


def missing_witnesses(store: Store) -> list[str]:
    """The policy's witnesses that have not signed the checkpoint that is served now; all, where they are too few."""
    policy = custody.tlog_policy(store)
    wanted = _named(policy, tuple(line.name for line in policy.witnesses))
    signed = set(state(store).witnesses)
    return [name for name in wanted if name not in signed]


def file(store: Store, path: str) -> bytes:
    """A file of the log as it is served (checkpoint, vkey, tile/…)."""
    if not _SERVED.fullmatch(path):
        raise not_found("the log has no such file")
    data = FolderTiles(store.layout.log).read(path)
    if data is None:
        raise not_found("the log has no such file")
    return data


def rows(store: Store, first: int, count: int) -> list[LogRow]:
    """Entries ``first`` to ``first + count`` of the log."""
    entries = tables.log_entries.c
    found = store.read(
        sa.select(entries.log_index, entries.act, entries.time, entries.data, entries.leaf)
        .where(entries.log_index >= first, entries.log_index < first + count)
        .order_by(entries.log_index)
    )
    return [
        LogRow(row.log_index, Act(row.act), Instant(row.time), canonical.load_object(row.data), row.leaf)
        for row in found
    ]


def row(store: Store, index: int) -> LogRow:
    """One entry of the log."""
    found = rows(store, index, 1) if 0 <= index < _INDEXES else []
    if not found:
        raise not_found(f"the log has no entry {index}")
    return found[0]


def witnessed_checkpoint(store: Store) -> Checkpoint:
    """The newest checkpoint that satisfied the policy; none yet: ``CustodesError`` (UNAVAILABLE)."""
    return SignedCheckpoint.parse(_witnessed(store)).checkpoint


def _witnessed(store: Store) -> bytes:
    try:
        return store.layout.witnessed.read_bytes()
    except FileNotFoundError:
        raise unavailable("no checkpoint has been witnessed yet") from None


def proof(store: Store, index: int) -> tuple[bytes, bytes]:
    """Entry ``index`` of the log and its receipt; see ``logged``."""
    entries = tables.log_entries.c
    found = store.read(sa.select(entries.seq).where(entries.log_index == index)) if 0 <= index < _INDEXES else ()
    if not found:
        raise not_found(f"the log has no entry {index}")
    return logged(store, found[0].seq)


def logged(store: Store, seq: int) -> tuple[bytes, bytes]:
    """The log entry that an act wrote and its receipt under the newest witnessed checkpoint.

    Not integrated or not witnessed yet: ``CustodesError`` (UNAVAILABLE).
    """
    entries = tables.log_entries.c
    found = store.read(sa.select(entries.data, entries.log_index).where(entries.seq == seq))[0]
    published = _witnessed(store)
    size = SignedCheckpoint.parse(published).checkpoint.size
    if found.log_index is None or found.log_index >= size:
        raise unavailable("its log entry has not been witnessed yet: try again in a few seconds")
    tiles = FolderTiles(store.layout.log)

    def fetch(level: int, number: int) -> list[bytes]:
        # The log may have grown since: then the full tile has replaced the partial one, which it begins with.
        width = min(WIDTH, (size >> 8 * level) - number * WIDTH)
        data = tiles.read(tile_path(level, number, width))
        if data is None:
            data = (tiles.read(tile_path(level, number)) or b"")[: width * 32]
        return parse_tile(data, width)

    path = inclusion_path(found.log_index, size, TileTree(fetch).subtree)
    return bytes(found.data), make_receipt(found.log_index, path, published)
