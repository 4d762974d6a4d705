# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a custodian has seen of the log: from one visit to the next it may only grow.

Witnesses watch for this all the time; a custodian who remembers needs to trust even them a little less.
"""

from collections.abc import Sequence
from pathlib import Path

from custodes.clock import Instant
from custodes.desk.keyfile import read_file
from custodes.domain import canonical
from custodes.domain.canonical import hexadecimal, integer
from custodes.errors import CustodesError, Kind, denied
from custodes.trust.custody.policy import Policy
from custodes.trust.seal.fields import versioned
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint
from custodes.trust.tlog.merkle import consistency_path, verify_consistency
from custodes.trust.tlog.note import MAX_NOTE
from custodes.trust.tlog.policy import TlogPolicy
from custodes.trust.tlog.source import Source
from custodes.trust.tlog.store import write_durably
from custodes.trust.tlog.tiles import CHECKPOINT, MAX_TILE, WIDTH, TileTree, parse_tile, tile_path


def check_history(path: Path, policy: Policy, shown: Checkpoint, log: Source | None) -> None:
    """Compare a checkpoint that a receipt has just shown with what was seen before, and remember the newest.

    ``path``: the file that holds the memory. Without the log itself only checkpoints of one size can be compared.
    Raises ``CustodesError``: DENIED if the log shows two histories, UNAVAILABLE if it cannot be read.
    """
    seen = _load(path)
    newest = shown
    if log is not None:
        newest = _current(log, policy)
        _check(shown, newest, log)
    if seen is not None and seen.size:
        if log is not None:
            _check(seen, newest, log)
        elif seen.size == shown.size and seen.root != shown.root:
            raise denied("the log shows another history than on your last visit: grant nothing, tell the witnesses")
    if seen is None or newest.size > seen.size:
        write_durably(path, canonical.dumps({"v": 1, "size": newest.size, "root": newest.root.hex()}))


def visit(path: Path, policy: Policy, log: Source) -> Instant:
    """Check the log as it is now against what was seen before, remember it, and return the witnesses' time.

    Raises ``CustodesError``: DENIED if the log shows two histories or lacks the witnesses, UNAVAILABLE if it cannot be
    read.
    """
    data = log.read(CHECKPOINT, MAX_NOTE)
    if data is None:
        raise CustodesError(Kind.UNAVAILABLE, "the log serves no checkpoint")
    witnessed = TlogPolicy.parse(policy.log).satisfied(SignedCheckpoint.parse(data))
    if witnessed.seen_by is None:
        raise denied("the policy demands no witness: the log's own word for the time is worth nothing")
    check_history(path, policy, witnessed.checkpoint, log)
    return witnessed.time


def _load(path: Path) -> Checkpoint | None:
    if not path.exists():
        return None
    source = canonical.load_object(read_file(path, 4096))
    versioned(source, "size", "root")
    return Checkpoint("", integer(source, "size"), hexadecimal(source, "root", 32))


def _current(log: Source, policy: Policy) -> Checkpoint:
    data = log.read(CHECKPOINT, MAX_NOTE)
    if data is None:
        raise CustodesError(Kind.UNAVAILABLE, "the log serves no checkpoint")
    signed = SignedCheckpoint.parse(data)
    signed.verify_log(TlogPolicy.parse(policy.log).log_keys)
    return signed.checkpoint


def _check(old: Checkpoint, new: Checkpoint, log: Source) -> None:
    problem = "the log shows another history than on your last visit: grant nothing, tell the witnesses"
    if old.size > new.size:
        raise denied(f"the log has shrunk from {old.size} to {new.size} entries: grant nothing, tell the witnesses")
    tree = TileTree(lambda level, index: _tile(log, new.size, level, index))
    try:
        verify_consistency(old.size, new.size, consistency_path(old.size, new.size, tree.subtree), (old.root, new.root))
    except CustodesError as found:
        if found.kind is Kind.UNAVAILABLE:
            raise
        raise denied(f"{problem} ({found})") from None


def _tile(log: Source, size: int, level: int, index: int) -> Sequence[bytes]:
    width = min(WIDTH, (size >> 8 * level) - index * WIDTH)
    path = tile_path(level, index, width)
    data = log.read(path, MAX_TILE)
    if data is not None:
        return parse_tile(data, width)
    # The log has grown since, and the tile is full by now.
    data = log.read(tile_path(level, index), MAX_TILE)
    if data is None:
        raise CustodesError(Kind.UNAVAILABLE, f"the log does not serve {path}")
    return parse_tile(data, WIDTH)[:width]
