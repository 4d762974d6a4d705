# SPDX-License-Identifier: AGPL-3.0-or-later
"""Nothing that a page can meet lacks words."""

from custodes.domain.acts import Act
from custodes.domain.video import Cover
from custodes.errors import Kind
from custodes.node.queries.views import DisclosureState, RecordingState
from custodes.web import words
from custodes.web.errors import STATUS
from custodes.web.rendering import compass, degrees, grouped, lasting, sentence


def test_every_act_is_explained_in_a_group_that_has_a_title() -> None:
    assert set(words.ACTS) == set(Act)
    assert {explained.group for explained in words.ACTS.values()} == set(words.GROUPS)


def test_every_cover_and_state_has_words() -> None:
    assert set(words.COVERS) == set(Cover)
    assert set(words.RECORDING_STATES) == set(RecordingState)
    assert set(words.DISCLOSURE_STATES) == set(DisclosureState)


def test_every_kind_of_failure_has_one_status() -> None:
    assert set(STATUS) == set(Kind)
    assert len(set(STATUS.values())) == len(Kind)


def test_retentions_directions_and_positions_read_well() -> None:
    assert [lasting(hours) for hours in (1, 48, 72, 74)] == ["1 hour", "48 hours", "3 days", "3 days and 2 hours"]
    assert [compass(direction) for direction in (0, 22, 23, 180, 338, 359)] == [
        "north",
        "north",
        "north-east",
        "south",
        "north",
        "north",
    ]
    assert degrees(-123_456_789) == "-12.34568"
    assert sentence("public task (GDPR 6(1)(e))") == "Public task (GDPR 6(1)(e))"


def test_a_grouped_hash_still_escapes_what_it_holds() -> None:
    assert "<script>" not in grouped("<script>alert(1)</script>")
