# SPDX-License-Identifier: AGPL-3.0-or-later
"""A data subject's request: held on receipt, answered in time, nothing personal in the log."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.node_store import DAY, Node, node

from custodes.clock import SECOND, Instant
from custodes.domain.subjects import Decision, Extension, deadline
from custodes.errors import CustodesError, Kind
from custodes.node.acts import holds, subjects
from custodes.node.queries import holds as held
from custodes.node.queries import subjects as queries
from custodes.node.queries.subjects import SubjectState
from custodes.node.store import tables

REFERENCE = "DSAR 2026/17"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


def asked(here: Node) -> str:
    now = here.clock.now()
    return subjects.receive(
        here.store, here.camera(), Instant(now - 900 * SECOND), Instant(now - 300 * SECOND), REFERENCE
    )


def pointed(here: Node) -> str:
    name = asked(here)
    subjects.show_still(here.store, name, queries.subject(here.store, name).start, "person")
    subjects.point_out(here.store, name, 412, 630)
    return name


def entries(here: Node) -> list[str]:
    log = tables.log_entries.c
    return [
        row.data.decode() for row in here.store.read(sa.select(log.data).order_by(log.seq)) if b"subject." in row.data
    ]


def at(text: str) -> Instant:
    return Instant(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND)


@pytest.mark.parametrize(
    ("received", "extended", "due"),
    [
        ("2026-11-25T13:00:00", False, "2026-12-26T00:00:00"),
        ("2026-11-25T13:00:00", True, "2027-02-26T00:00:00"),
        ("2026-01-31T00:00:00", False, "2026-03-01T00:00:00"),
        ("2028-01-30T23:59:59", False, "2028-03-01T00:00:00"),
        ("2026-12-31T12:00:00", True, "2027-04-01T00:00:00"),
        ("2026-11-30T12:00:00", True, "2027-03-01T00:00:00"),
    ],
)
def test_a_month_ends_with_the_same_date_or_the_last_day_of_a_shorter_one(
    received: str, extended: bool, due: str
) -> None:
    assert deadline(at(received), extended) == at(due)


def test_the_footage_is_held_with_the_receipt_until_the_request_is_closed(here: Node) -> None:
    name = pointed(here)
    hold = queries.subject(here.store, name).hold
    assert (hold.start, hold.until, hold.reason) == (*_window(here, name), REFERENCE)
    subjects.decide(here.store, name, Decision.ACCEPTED)
    with pytest.raises(CustodesError, match="held until that request is closed") as problem:
        holds.release_hold(here.store, hold.id)
    assert problem.value.kind is Kind.CONFLICT
    assert held.hold(here.store, hold.id).released is None
    subjects.close(here.store, name)
    assert held.hold(here.store, hold.id).released == here.clock.now()


def _window(here: Node, name: str) -> tuple[Instant, Instant]:
    view = queries.subject(here.store, name)
    return view.start, view.until


def test_the_log_tells_of_each_step_and_of_nobody(here: Node) -> None:
    name = pointed(here)
    subjects.extend(here.store, name, Extension.COMPLEXITY)
    subjects.decide(here.store, name, Decision.RIGHTS_OF_OTHERS)
    subjects.close(here.store, name)
    said = entries(here)
    steps = ["received", "shown", "pointed", "extended", "decided", "closed"]
    assert [line.split('"act":"subject.')[1].split('"')[0] for line in said] == steps
    view = queries.subject(here.store, name)
    for secret in (name, view.camera, REFERENCE, "person", "412", view.hold.id):
        assert not [line for line in said if secret in line]
    # The same commitment in all of them: everybody can see whether this one was answered in time.
    assert len({line.split('"subject":"')[1][:64] for line in said}) == 1
    assert '"ground":"complexity"' in said[3]
    assert '"decision":"rights_of_others"' in said[4]
    assert said[0].split('"hold":"')[1][:64] == said[5].split('"hold":"')[1][:64]


def test_the_clock_counts_days_and_says_when_it_is_overdue(here: Node) -> None:
    name = asked(here)
    left = queries.subject(here.store, name).days_left
    assert left is not None
    assert 27 <= left <= 31
    here.clock.advance((left + 2) * DAY)
    assert queries.subject(here.store, name).days_left == -2
    with pytest.raises(CustodesError, match="the first month has passed"):
        subjects.extend(here.store, name, Extension.NUMBER)
    subjects.decide(here.store, name, Decision.NO_FOOTAGE)
    assert queries.subject(here.store, name).days_left is None


def test_it_is_extended_once_and_by_two_months(here: Node) -> None:
    name = asked(here)
    before = queries.subject(here.store, name).due
    subjects.extend(here.store, name, Extension.NUMBER)
    assert 58 * DAY <= queries.subject(here.store, name).due - before <= 62 * DAY
    with pytest.raises(CustodesError, match="extended or decided already"):
        subjects.extend(here.store, name, Extension.NUMBER)


def test_the_most_urgent_comes_first_and_closed_ones_last(here: Node) -> None:
    first = asked(here)
    here.clock.advance(DAY)
    second = asked(here)
    subjects.extend(here.store, first, Extension.NUMBER)
    assert [each.id for each in queries.all_subjects(here.store)] == [second, first]
    subjects.decide(here.store, second, Decision.UNFOUNDED)
    subjects.close(here.store, second)
    assert [each.state for each in queries.all_subjects(here.store)] == [SubjectState.RECEIVED, SubjectState.CLOSED]


def test_access_is_given_only_to_somebody_who_pointed_and_decided_once(here: Node) -> None:
    name = asked(here)
    with pytest.raises(CustodesError, match="no still was shown"):
        subjects.point_out(here.store, name, 1, 1)
    with pytest.raises(CustodesError, match="nobody has pointed out"):
        subjects.decide(here.store, name, Decision.ACCEPTED)
    with pytest.raises(CustodesError, match="not been decided"):
        subjects.close(here.store, name)
    subjects.decide(here.store, name, Decision.NOT_IDENTIFIED)
    for again in (
        lambda: subjects.decide(here.store, name, Decision.ACCEPTED),
        lambda: subjects.show_still(here.store, name, queries.subject(here.store, name).start, "person"),
        lambda: subjects.point_out(here.store, name, 1, 1),
    ):
        with pytest.raises(CustodesError, match="decided already"):
            again()
    subjects.close(here.store, name)
    with pytest.raises(CustodesError, match="is closed"):
        subjects.close(here.store, name)


def test_another_moment_takes_the_point_back(here: Node) -> None:
    name = pointed(here)
    subjects.show_still(here.store, name, Instant(queries.subject(here.store, name).start + SECOND), "person")
    view = queries.subject(here.store, name)
    assert (view.state, view.point) == (SubjectState.SHOWN, None)


def test_what_cannot_be_asked_for_leaves_no_trace(here: Node) -> None:
    camera, now = here.camera(), here.clock.now()
    name = asked(here)
    before = here.counts()
    refused = [
        (lambda: subjects.receive(here.store, camera, Instant(now - SECOND), Instant(now + SECOND), "a"), "are over"),
        (lambda: subjects.receive(here.store, camera, Instant(now - 2 * DAY), Instant(now), "a"), "at most a day"),
        (lambda: subjects.receive(here.store, camera, Instant(now - DAY), Instant(now), " "), "needs a reference"),
        (lambda: subjects.show_still(here.store, name, now, "person"), "not in the window"),
        (lambda: subjects.point_out(here.store, name, 1000, 0), "thousandths"),
        (lambda: subjects.close(here.store, "a" * 26), "no such request"),
    ]
    for act, said in refused:
        with pytest.raises(CustodesError, match=said):
            act()
    assert here.counts() == before


def test_no_still_is_to_be_had_before_one_was_chosen_or_after_the_decision(here: Node) -> None:
    name = pointed(here)
    with pytest.raises(CustodesError, match=r"nothing was masked|no masked video"):
        queries.still(here.store, name)
    subjects.decide(here.store, name, Decision.NO_FOOTAGE)
    for each in (name, asked(here)):
        with pytest.raises(CustodesError, match="no still is shown now"):
            queries.still(here.store, each)
