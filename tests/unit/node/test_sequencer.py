# SPDX-License-Identifier: AGPL-3.0-or-later
"""The sequencer: the order of acts, crashes in the middle, a witness that is away, and the minute's commitment."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.node_store import Node, node

from custodes.clock import SECOND, Instant
from custodes.domain import canonical
from custodes.domain.acts import Act
from custodes.domain.ids import CameraId, Digest, PeriodId, Term
from custodes.domain.register import RecordingPermit
from custodes.errors import CustodesError, Kind
from custodes.node.queries import custody, log
from custodes.node.runtime.permits import Permits
from custodes.node.runtime.sequencer import Sequencer
from custodes.node.store import names, tables
from custodes.trust.custody.minute import Minute
from custodes.trust.tlog.receipt import verify_receipt
from custodes.trust.verify.log import open_source, verify_log


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


@contextmanager
def sequencing(here: Node) -> Iterator[Sequencer]:
    sequencer = here.sequencer()
    try:
        yield sequencer
    finally:
        sequencer.log.close()


def logged(here: Node) -> list[bytes]:
    """What the catalogue says stands in the log, in order."""
    rows = tables.log_entries.c
    found = here.store.read(sa.select(rows.data).where(rows.log_index.is_not(None)).order_by(rows.log_index))
    return [bytes(row.data) for row in found]


def assert_in_step(here: Node, sequencer: Sequencer) -> None:
    """Log and catalogue hold the same entries, in the order in which the acts were done, nothing pending."""
    rows = tables.log_entries.c
    done = [bytes(row.data) for row in here.store.read(sa.select(rows.data).order_by(rows.seq))]
    assert logged(here) == done == [sequencer.log.entry(index) for index in range(sequencer.log.size)]


def verified(here: Node) -> None:
    policy = custody.tlog_policy(here.store)
    verify_log(open_source(str(here.layout.log)), policy.log_keys, policy).demand()


def test_acts_are_logged_in_the_order_in_which_they_were_done_and_witnessed(here: Node) -> None:
    for number in range(5):
        here.camera(f"camera {number}")
    with sequencing(here) as sequencer:
        sequencer.step()
        assert_in_step(here, sequencer)
        here.camera("one more")
        sequencer.step()
        assert_in_step(here, sequencer)
    verified(here)


def test_a_backlog_longer_than_a_batch_is_worked_off(here: Node) -> None:
    with here.store.begin() as connection:
        for number in range(2_300):
            data = b'{"n":%d}' % number
            row = {"act": Act.LINK_ISSUED.value, "time": number, "data": data, "leaf": bytes(32)}
            connection.execute(tables.log_entries.insert().values(**row))
    with sequencing(here) as sequencer:
        while sequencer.integrate():
            pass
        assert_in_step(here, sequencer)


class CrashError(Exception):
    """The process ends here."""


def test_a_crash_between_the_append_and_the_rows_logs_nothing_twice(
    here: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.camera("before")
    with sequencing(here) as sequencer:
        sequencer.step()
        for number in range(3):
            here.camera(f"camera {number}")

        def crash() -> object:
            raise CrashError

        monkeypatch.setattr(here.store, "begin", crash)
        with pytest.raises(CrashError):
            sequencer.integrate()
        monkeypatch.undo()
        size = sequencer.log.size
        assert size == len(logged(here)) + 3
    # More was done before it came back.
    here.camera("after")
    with sequencing(here) as sequencer:
        assert sequencer.log.size == size
        sequencer.step()
        assert sequencer.log.size == size + 1
        assert_in_step(here, sequencer)
    verified(here)


def test_a_crash_before_the_append_loses_no_act(here: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    with sequencing(here) as sequencer:
        sequencer.step()
        here.camera()

        def crash(_entries: object) -> int:
            raise CrashError

        monkeypatch.setattr(sequencer.log, "append", crash)
        with pytest.raises(CrashError):
            sequencer.integrate()
    with sequencing(here) as sequencer:
        sequencer.step()
        assert_in_step(here, sequencer)


@pytest.mark.parametrize("pending", [0, 1, 3])
def test_a_log_with_an_entry_that_the_catalogue_does_not_know_is_refused(here: Node, pending: int) -> None:
    with sequencing(here) as sequencer:
        sequencer.step()
        sequencer.log.append([b'{"act":"nobody did this"}'])
        for number in range(pending):
            here.camera(f"camera {number}")
        size = sequencer.log.size
        with pytest.raises(CustodesError) as problem:
            sequencer.integrate()
        assert problem.value.kind is Kind.CORRUPT
        assert "the catalogue does not" in str(problem.value)
        assert sequencer.log.size == size


@pytest.mark.parametrize("pending", [0, 1, 8])
def test_a_log_that_lacks_what_the_catalogue_knows_is_refused_and_nothing_is_appended(
    here: Node, tmp_path: Path, pending: int
) -> None:
    """As after restoring the log from an older backup than the catalogue: appending would fork history."""
    with sequencing(here) as sequencer:
        sequencer.step()
    here.layout.log.rename(tmp_path / "lost")
    here.layout.head.unlink()
    with sequencing(here) as sequencer:
        for number in range(pending):
            here.camera(f"camera {number}")
        with pytest.raises(CustodesError) as problem:
            sequencer.integrate()
        assert problem.value.kind is Kind.CORRUPT
        assert "lacks" in str(problem.value)
        assert sequencer.log.size == 0


def test_a_log_whose_tiles_were_taken_away_is_refused(here: Node, tmp_path: Path) -> None:
    with sequencing(here) as sequencer:
        sequencer.step()
    here.layout.log.rename(tmp_path / "lost")
    with pytest.raises(CustodesError) as problem:
        here.sequencer()
    assert problem.value.kind is Kind.CORRUPT


def test_only_one_sequencer_writes_a_log(here: Node) -> None:
    with sequencing(here), pytest.raises(CustodesError) as problem:
        here.sequencer()
    assert problem.value.kind is Kind.CONFLICT


def permit_of_newest(here: Node, camera: CameraId) -> RecordingPermit:
    permits = Permits(here.store)
    permits.look()
    return permits.of(camera)[0]


def test_with_the_witness_away_acts_go_on_and_receipts_wait_until_it_is_back(here: Node) -> None:
    with sequencing(here) as sequencer:
        sequencer.step()
        camera = here.camera()
        here.witness_up = False
        here.register(camera)
        sequencer.step()
        assert_in_step(here, sequencer)
        with pytest.raises(CustodesError) as problem:
            permit_of_newest(here, camera)
        assert problem.value.kind is Kind.UNAVAILABLE
        # It is not asked again and again.
        asked = here.asked
        for _ in range(10):
            sequencer.step()
        assert here.asked == asked
        # What was witnessed before can still be proved.
        entry, receipt = log.proof(here.store, 0)
        assert verify_receipt(receipt, entry, custody.tlog_policy(here.store)).witnesses

        here.witness_up = True
        here.clock.advance(3 * SECOND)
        sequencer.step()
        permit = permit_of_newest(here, camera)
        assert permit.camera == camera
        assert permit.holds_at(here.clock.now())
    verified(here)


def test_before_the_first_witness_nothing_can_be_proved(here: Node) -> None:
    here.witness_up = False
    with sequencing(here) as sequencer:
        sequencer.step()
    with pytest.raises(CustodesError) as problem:
        log.proof(here.store, 0)
    assert problem.value.kind is Kind.UNAVAILABLE


def closed_period(here: Node, camera: CameraId, start: int, document: bytes) -> PeriodId:
    """A closed period as the recorder leaves it: its closing manifest and its row."""
    period = PeriodId(camera, Instant(start * SECOND), Term(1))
    here.store.objects.put(names.closing(period), document)
    with here.store.begin() as connection:
        key = {"camera": camera, "start": period.start, "term": 1}
        digest = hashlib.sha256(document).digest()
        connection.execute(tables.periods.insert().values(**key, ended=period.start, size=1, closing=digest))
    return period


def test_a_minute_commits_to_every_period_that_was_closed_in_it_once(here: Node) -> None:
    camera = here.camera()
    documents = [b"closing %d" % number for number in range(3)]
    with sequencing(here) as sequencer:
        sequencer.step()
        for number, document in enumerate(documents):
            closed_period(here, camera, 1_000 + 60 * number, document)
        sequencer.step()
        assert not [entry for entry in logged(here) if b"periods.committed" in entry]
        here.clock.advance(60 * SECOND)
        sequencer.step()
        here.clock.advance(60 * SECOND)
        sequencer.step()
        (entry,) = [canonical.load_object(entry) for entry in logged(here) if b"periods.committed" in entry]
    digests = [Digest(hashlib.sha256(document).digest()) for document in documents]
    assert entry["count"] == 3
    assert entry["root"] == Minute(tuple(sorted(digests))).root.hex()
    assert not here.store.read(sa.select(tables.periods).where(tables.periods.c.seq.is_(None)))


def test_a_closing_manifest_that_was_taken_away_does_not_stop_the_log(
    here: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    camera = here.camera()
    kept, lost = (closed_period(here, camera, 1_000 + 60 * number, b"closing %d" % number) for number in range(2))
    here.store.objects.local_path(names.closing(lost)).unlink()
    with sequencing(here) as sequencer:
        here.clock.advance(60 * SECOND)
        sequencer.step()
        assert_in_step(here, sequencer)
    open_rows = here.store.read(sa.select(tables.periods.c.start).where(tables.periods.c.seq.is_(None)))
    assert [row.start for row in open_rows] == [lost.start]
    assert kept.start != lost.start
    assert "cannot be committed" in capsys.readouterr().err


def test_what_is_pending_when_it_is_told_to_stop_is_logged_first(here: Node) -> None:
    stop = threading.Event()
    camera = here.camera()
    sequencer = here.sequencer()
    closed_period(here, camera, 1_000, b"closing")

    def ready() -> None:
        here.camera("the last one")
        stop.set()

    sequencer.run(stop, ready)
    with sequencing(here) as again:
        assert_in_step(here, again)
        assert any(b"periods.committed" in entry for entry in logged(here))
