# SPDX-License-Identifier: AGPL-3.0-or-later
"""A segment torn or damaged at any byte yields exactly the whole records before that byte."""

import tempfile
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.custody_world import Recorded, World

from custodes.trust.seal.manifest import ClosingManifest, parse_closing
from custodes.trust.seal.period import recover
from custodes.trust.seal.segment import PREAMBLE_BYTES


@cache
def _sealed() -> tuple[World, Recorded, ClosingManifest]:
    world = World(Path(tempfile.mkdtemp()))
    period = world.record(fragments=4)
    return world, period, parse_closing(period.closing, world.policy.recorder_keys)


def _whole_before(closing: ClosingManifest, position: int) -> int:
    return sum(record.offset + record.length <= position for record in closing.fragments)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_segment_cut_anywhere_keeps_its_whole_records(data: st.DataObject) -> None:
    world, period, closing = _sealed()
    borders = [record.offset + delta for record in closing.fragments for delta in (-1, 0, 1, 119, 120, 121)]
    anywhere = st.integers(0, len(period.segment))
    cut = data.draw(st.one_of(anywhere, st.sampled_from([border for border in borders if border > 0])))
    found = parse_closing(recover(period.opening, period.segment[:cut], world.recorder), world.policy.recorder_keys)
    kept = _whole_before(closing, cut)
    assert found.fragments == closing.fragments[:kept]
    assert found.length <= cut
    assert found.length == (
        0 if cut < PREAMBLE_BYTES else max([PREAMBLE_BYTES, *(r.offset + r.length for r in found.fragments)])
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_byte_changed_in_a_record_ends_the_recovery_before_it(data: st.DataObject) -> None:
    world, period, closing = _sealed()
    position = data.draw(st.integers(PREAMBLE_BYTES, len(period.segment) - 1))
    changed = bytearray(period.segment)
    changed[position] ^= data.draw(st.integers(1, 255))
    found = parse_closing(recover(period.opening, bytes(changed), world.recorder), world.policy.recorder_keys)
    assert found.fragments == closing.fragments[: _whole_before(closing, position)]
