# SPDX-License-Identifier: Apache-2.0
"""Trees, tiles and proofs against RFC 6962 word for word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.tlog.tlog_tools import naive_consistency, naive_path, naive_root

from custodes.errors import CustodesError
from custodes.trust.tlog.merkle import (
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from custodes.trust.tlog.tiles import Edge

LEAVES = [leaf_hash(bytes([number])) for number in range(130)]


@given(st.data(), st.integers(1, len(LEAVES)))
def test_every_inclusion_proof_is_the_rfcs_and_verifies_for_its_own_leaf_only(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, size, lambda start, end: naive_root(LEAVES[start:end]))
    root = naive_root(LEAVES[:size])
    assert path == naive_path(index, LEAVES[:size])
    verify_inclusion(LEAVES[index], index, size, path, root)
    other = data.draw(st.integers(0, len(LEAVES)).filter(lambda number: number != index))
    with pytest.raises(CustodesError):
        verify_inclusion(LEAVES[index], other, size, path, root)
    with pytest.raises(CustodesError):
        verify_inclusion(leaf_hash(b"another"), index, size, path, root)
    for wrong in (path[:-1], [*path, root], [*path, b""]):
        if wrong != path:
            with pytest.raises(CustodesError):
                verify_inclusion(LEAVES[index], index, size, wrong, root)


@given(st.data(), st.integers(1, len(LEAVES)))
def test_every_consistency_proof_is_the_rfcs_and_verifies_for_its_own_trees_only(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(0, new))
    proof = consistency_path(old, new, lambda start, end: naive_root(LEAVES[start:end]))
    roots = (naive_root(LEAVES[:old]), naive_root(LEAVES[:new]))
    assert proof == naive_consistency(old, LEAVES[:new])
    verify_consistency(old, new, proof, roots)
    if old:
        forged = naive_root([leaf_hash(b"another"), *LEAVES[1:old]])
        with pytest.raises(CustodesError):
            verify_consistency(old, new, proof, (forged, roots[1]))
    with pytest.raises(CustodesError):
        verify_consistency(old, new, [*proof, roots[1]], roots)
    if proof:
        with pytest.raises(CustodesError):
            verify_consistency(old, new, proof[:-1], roots)


@given(st.lists(st.integers(0, 700), max_size=6))
def test_the_right_edge_knows_root_and_tiles_however_the_leaves_arrive(batches: list[int]) -> None:
    edge = Edge()
    leaves: list[bytes] = []
    tiles = {}
    for batch in batches:
        more = [leaf_hash(b"%d" % (len(leaves) + number)) for number in range(batch)]
        tiles.update({(tile.level, tile.index): tile for tile in edge.extend(more)})
        leaves += more
    tiles.update({(tile.level, tile.index): tile for tile in edge.partial_tiles()})
    assert edge.size == len(leaves)
    assert edge.root() == root_of(leaves) == naive_root(leaves)
    level, row = 0, leaves
    while row:
        for index in range(-(-len(row) // 256)):
            assert list(tiles.pop((level, index)).hashes) == row[256 * index : 256 * index + 256]
        row = [naive_root(row[start : start + 256]) for start in range(0, len(row) - 255, 256)]
        level += 1
    assert not tiles
