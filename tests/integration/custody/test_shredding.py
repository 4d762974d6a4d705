# SPDX-License-Identifier: AGPL-3.0-or-later
"""Shredding: when n - k + 1 custodians have destroyed a key, no backup and no k - 1 others open its minutes."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tests.keys_world import HOUR, KeyTown, key_town
from tests.recorded import Archive

from custodes.clock import SECOND
from custodes.desk.keyfile import load_key
from custodes.domain import canonical
from custodes.domain.ids import PeriodId
from custodes.errors import CustodesError
from custodes.node.config import Settings, Storage
from custodes.node.queries import keys
from custodes.node.runtime.keeper.keeper import Keeper
from custodes.node.store import names
from custodes.node.store.evidence import policy_of
from custodes.node.store.objects import DiskObjects
from custodes.trust.custody.keys import DAY
from custodes.trust.seal.manifest import parse_closing, parse_opening
from custodes.trust.seal.segment import open_record
from custodes.trust.seal.shares import PeriodKeys, combine_shares, open_share, read_shares
from custodes.trust.seal.wrapping import SEED_BYTES, WrappingKey


@pytest.fixture
def town(tmp_path: Path) -> Iterator[KeyTown]:
    with key_town(tmp_path) as found:
        found.rotate(1, 2, 3)
        yield found


def seeds(folders: Iterable[Path]) -> Iterator[WrappingKey]:
    """Every private key that anybody's folder or the server's data holds."""
    for folder in folders:
        for path in sorted(folder.rglob("*.key")):
            try:
                yield WrappingKey.from_seed(load_key(path, "custodian wrapping"))
            except CustodesError:
                yield WrappingKey.from_seed(path.read_bytes().ljust(SEED_BYTES, b"\0")[:SEED_BYTES])


def shares_that_open(town: KeyTown, backup: Path, folders: Iterable[Path], period: PeriodId) -> list[bytes]:
    """What everybody who cooperates gets out of the share object, whoever it was sealed to."""
    objects = DiskObjects(backup / "store")
    opening = parse_opening(objects.get(names.opening(period)), policy_of(town.node.store).recorder_keys)
    source = canonical.load_object(objects.get(names.shares(period)))
    boxes = read_shares(source, opening.sealed.digest, opening.shares)
    found = []
    for key in seeds([*folders, backup]):
        for place, box in zip(opening.shares, boxes, strict=True):
            try:
                found.append(open_share(box, opening.sealed, place, key))
            except CustodesError:
                continue
    return found


def plaintext(town: KeyTown, backup: Path, shares: list[bytes], period: PeriodId) -> bytes:
    """The second record of the segment, opened with these shares."""
    objects, recorders = DiskObjects(backup / "store"), policy_of(town.node.store).recorder_keys
    opening = parse_opening(objects.get(names.opening(period)), recorders)
    record = parse_closing(objects.get(names.closing(period)), recorders).fragments[1]
    secret = combine_shares(shares, opening.sealed.digest, opening.key_commitment)
    period_keys = PeriodKeys.derive(secret, opening.sealed.digest)
    data = objects.get(names.segment(period))[record.offset : record.offset + record.length]
    return open_record(period_keys, opening.sealed.digest, record, data)


def test_after_retention_a_minute_opens_for_nobody_once_more_than_n_minus_k_destructions_are_published(
    town: KeyTown, tmp_path: Path
) -> None:
    period = town.record()
    masked = Archive(town.node).mask(town.camera, period.start // (60 * SECOND) * 60 * SECOND)
    town.settle()
    backup = tmp_path / "backup"
    shutil.copytree(town.node.layout.root, backup)
    before = shares_that_open(town, backup, town.folders, period)
    assert len(before) == 3
    assert b"mdat" in plaintext(town, backup, before[:2], period)

    town.later(DAY + 26 * HOUR)
    Keeper(town.node.store, Settings(Storage(reserve_mb=0))).step()
    assert not masked.exists()
    assert not any(town.node.store.objects.exists(name(period)) for name in (names.shares, names.segment))
    # One of three is not enough: two are left, and two can open the backup.
    town.agent(1)
    assert b"mdat" in plaintext(town, backup, shares_that_open(town, backup, town.folders, period), period)
    town.agent(2)
    stated = {each.index: each.destroyed for each in keys.destruction(town.node.store)}
    assert stated == {1: 1, 2: 1, 3: 0}
    after = shares_that_open(town, backup, [*town.folders, town.node.layout.root], period)
    assert len(after) == 1
    with pytest.raises(CustodesError):
        plaintext(town, backup, after, period)
    with pytest.raises(CustodesError):
        plaintext(town, backup, after * 2, period)
