# SPDX-License-Identifier: Apache-2.0
"""Verification of a whole log, from a folder or over HTTP, trusting nothing but keys (guarantee 8)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from custodes.domain import times
from custodes.errors import CustodesError, Kind, corrupt
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint
from custodes.trust.tlog.merkle import HASH_SIZE, leaf_hash
from custodes.trust.tlog.note import MAX_NOTE, VerifierKey
from custodes.trust.tlog.policy import TlogPolicy
from custodes.trust.tlog.source import Source, open_source
from custodes.trust.tlog.tiles import (
    CHECKPOINT,
    ENTRIES,
    MAX_BUNDLE,
    MAX_TILE,
    WIDTH,
    Edge,
    Tile,
    parse_bundle,
    tile_path,
)
from custodes.trust.verify.report import Check, Report

__all__ = ["LogReport", "open_source", "verify_log"]

OnEntry = Callable[[int, bytes], None]
"""Called with index and bytes of every entry before the root is checked: use them only if the report is ok."""


@dataclass(frozen=True, slots=True)
class LogReport(Report):
    """The report on a log, and the checkpoint that it is about (None if none could be verified)."""

    signed: SignedCheckpoint | None


@dataclass(slots=True)
class _Checks:
    done: list[Check] = field(default_factory=list)

    def run(self, name: str, proves: str, check: Callable[[], str]) -> bool:
        """Make a check; what is unavailable is no finding and goes to the caller."""
        try:
            detail, ok = check(), True
        except CustodesError as problem:
            if problem.kind is Kind.UNAVAILABLE:
                raise
            detail, ok = problem.message, False
        self.done.append(Check(name, ok, proves, detail))
        return ok


def verify_log(
    source: Source,
    keys: Sequence[VerifierKey],
    policy: TlogPolicy | None = None,
    earlier: bytes | None = None,
    on_entry: OnEntry | None = None,
) -> LogReport:
    """Verify a log completely; streams, so that its size does not matter.

    ``keys``: the log's, which must all have signed. ``policy``: demands witnesses, if given. ``earlier``: a checkpoint
    of this log that was kept, for proof that nothing was rewritten since. A failed check is in the report. Raises
    ``CustodesError``: UNAVAILABLE for a log that cannot be reached, NOT_FOUND for one without a checkpoint.
    """
    data = source.read(CHECKPOINT, MAX_NOTE)
    if data is None:
        raise CustodesError(Kind.NOT_FOUND, "there is no log: no checkpoint is served")
    checks = _Checks()
    try:
        signed = SignedCheckpoint.parse(data)
    except CustodesError as problem:
        checks.done.append(Check("checkpoint", False, "the log states what it holds", problem.message))
        return LogReport(tuple(checks.done), None)
    checks.run("checkpoint", "the log itself states what it holds", lambda: _signatures(signed, keys))
    if policy is not None:
        checks.run("witnesses", "others have seen the same log", lambda: _witnesses(signed, policy))
    old = _earlier(checks, earlier, keys, signed.checkpoint) if earlier is not None else None
    walk = _Walk(source, signed.checkpoint, old, on_entry)
    checks.run("entries", "every entry is what the checkpoint commits to, none is missing or added", walk.run)
    if old is not None:
        checks.run("history", "nothing that the earlier checkpoint covers was changed or removed", walk.history)
    return LogReport(tuple(checks.done), signed)


def _signatures(signed: SignedCheckpoint, keys: Sequence[VerifierKey]) -> str:
    verified = signed.verify_log(keys)
    own = {key for key in keys if key.name == signed.checkpoint.origin}
    if missing := own - {one.key for one in verified}:
        raise corrupt(f"{len(missing)} of the log's keys did not sign")
    kinds = " and ".join(sorted({one.key.type.name.lower() for one in verified}))
    return f"{signed.checkpoint.origin}, {signed.checkpoint.size} entries, signed with {kinds}"


def _witnesses(signed: SignedCheckpoint, policy: TlogPolicy) -> str:
    witnessed = policy.satisfied(signed)
    if not witnessed.witnesses:
        return "the policy demands no witness, and there is none"
    return f"{', '.join(witnessed.witnesses)} at {times.to_text(witnessed.time)}"


def _earlier(checks: _Checks, earlier: bytes, keys: Sequence[VerifierKey], now: Checkpoint) -> Checkpoint | None:
    """Check an earlier checkpoint by itself; None if it is of no use."""
    found: list[Checkpoint] = []

    def check() -> str:
        signed = SignedCheckpoint.parse(earlier)
        signed.verify_log(keys)
        if signed.checkpoint.origin != now.origin:
            raise corrupt("it is of another log")
        if signed.checkpoint.size > now.size:
            raise corrupt(
                f"the log once had {signed.checkpoint.size} entries and now has {now.size}: it was rolled back"
            )
        found.append(signed.checkpoint)
        return f"{signed.checkpoint.size} entries"

    checks.run("earlier checkpoint", "the log signed it and has not been rolled back since", check)
    return found[0] if found else None


class _Walk:
    """One pass over all entries and hash tiles."""

    def __init__(
        self, source: Source, checkpoint: Checkpoint, earlier: Checkpoint | None, on_entry: OnEntry | None
    ) -> None:
        self._source = source
        self._checkpoint = checkpoint
        self._earlier = earlier
        self._on_entry = on_entry
        self._earlier_root: bytes | None = None

    def run(self) -> str:
        """Rehash every entry, compare every hash tile, and the root; raises ``CustodesError``."""
        edge = Edge()
        tiles = 0
        for leaves in self._leaves():
            self._pass_earlier(edge, leaves)
            for tile in edge.extend(leaves):
                self._compare(tile)
                tiles += 1
        self._pass_earlier(edge, [])
        for tile in edge.partial_tiles():
            self._compare(tile)
            tiles += 1
        if edge.root() != self._checkpoint.root:
            raise corrupt("the entries do not lead to the checkpoint's root")
        return f"{edge.size} entries and {tiles} hash tiles lead to the root {edge.root().hex()}"

    def history(self) -> str:
        """Compare the root at the earlier size; raises ``CustodesError``."""
        if self._earlier is None or self._earlier_root != self._earlier.root:
            raise corrupt(
                "the log does not continue the earlier checkpoint: it was rewritten, or cannot be read that far"
            )
        return f"the first {self._earlier.size} entries are those of the earlier checkpoint"

    def _leaves(self) -> Iterator[list[bytes]]:
        size = self._checkpoint.size
        for first in range(0, size, WIDTH):
            width = min(WIDTH, size - first)
            data, served = self._fetch(ENTRIES, first // WIDTH, width, MAX_BUNDLE)
            try:
                entries = parse_bundle(data, served)[:width]
            except CustodesError as problem:
                raise corrupt(f"{tile_path(ENTRIES, first // WIDTH, served)}: {problem}") from None
            if self._on_entry is not None:
                for offset, entry in enumerate(entries):
                    self._on_entry(first + offset, entry)
            yield [leaf_hash(entry) for entry in entries]

    def _compare(self, tile: Tile) -> None:
        data, served = self._fetch(tile.level, tile.index, len(tile.hashes), MAX_TILE)
        if len(data) != served * HASH_SIZE or not data.startswith(tile.data):
            raise corrupt(f"{tile.path} does not match the entries")

    def _fetch(self, level: int | str, index: int, width: int, limit: int) -> tuple[bytes, int]:
        """Return a tile and its width; a log that grows meanwhile may have replaced a partial one by the full one."""
        path = tile_path(level, index, width)
        data = self._source.read(path, limit)
        if data is None and width < WIDTH:
            data, width = self._source.read(tile_path(level, index), limit), WIDTH
        if data is None:
            raise corrupt(f"{path} is missing")
        return data, width

    def _pass_earlier(self, edge: Edge, leaves: Sequence[bytes]) -> None:
        """Take the root when the walk comes by the earlier checkpoint's size."""
        if self._earlier is None or self._earlier_root is not None:
            return
        if edge.size <= self._earlier.size <= edge.size + len(leaves):
            until = edge.copy()
            until.extend(leaves[: self._earlier.size - edge.size])
            self._earlier_root = until.root()
