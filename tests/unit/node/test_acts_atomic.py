# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows and entry of an act stand or fall together."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.node_store import DAY, Node, node
from tests.recorded import Archive

from custodes.clock import SECOND, Instant
from custodes.domain import times
from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject
from custodes.domain.hiding import Verdict
from custodes.domain.ids import CameraId, DeploymentId, Digest, Epoch, KeyId, PeriodId, Term
from custodes.domain.inventories import Decision
from custodes.domain.subjects import Decision as Access
from custodes.domain.subjects import Extension
from custodes.errors import CustodesError, Kind
from custodes.node.acts import (
    alerts,
    cameras,
    deployment,
    drills,
    holds,
    inventories,
    keys,
    masks,
    periods,
    register,
    retention,
    sessions,
    storage,
    subjects,
    viewing,
)
from custodes.node.acts.zones import set_zones
from custodes.node.queries import cameras as queries
from custodes.node.store import custody_tables, names, tables
from custodes.node.store.drills import Begun
from custodes.node.store.evidence import policy_of
from custodes.places.register.importing.mapping import Mapping
from custodes.places.register.importing.read import Source
from custodes.places.register.inventory import Inventory, InventoryRow, Rejected
from custodes.places.register.reconcile.outcome import Match, Reconciliation
from custodes.trust.custody.access import make_access
from custodes.trust.custody.drill import answer
from custodes.trust.custody.held import HELD
from custodes.trust.custody.keys import DatedKey, publish, state_destroyed
from custodes.trust.seal.fields import to_base64
from custodes.trust.seal.header import period_json
from custodes.trust.seal.manifest import parse_opening
from custodes.trust.seal.wrapping import WrappingKey
from custodes.video.mask.tuning import VERSION

NOBODY = CameraId("a" * 26)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


def publish_keys(here: Node) -> None:
    now = here.clock.now()
    key = DatedKey(WrappingKey.generate().public, 24, now, Instant(now + DAY))
    keys.publish_keys(here.store, publish(here.offices[0], policy_of(here.store).deployment, now, [key]))


def destroy_keys(here: Node) -> None:
    publish_keys(here)
    key = here.store.read(sa.select(custody_tables.wrapping_keys.c.id))[0].id
    deployment_id = policy_of(here.store).deployment
    keys.destroy_keys(here.store, state_destroyed(here.offices[0], deployment_id, here.clock.now(), [key]))


def hold_shares(here: Node) -> None:
    """A custodian's share of a held period, as its agent wraps it anew."""
    camera, store = here.camera(), here.store
    start = Instant(here.clock.now() - 60 * SECOND)
    period = Archive(here).record(camera, start)
    hold = holds.add_hold(store, camera, start, here.clock.now(), "secret case")
    opening = parse_opening(store.objects.get(names.opening(period)), policy_of(store).recorder_keys)
    item = {**period_json(period), "header": opening.sealed.digest.hex(), "epoch": 1, "index": 1}
    share: JsonObject = {**item, "share": to_base64(bytes(1169))}
    body: JsonObject = {
        "v": 1, "deployment": policy_of(store).deployment, "hold": hold, "held": times.to_text(start),
        "key": WrappingKey.generate().public.to_json(), "periods": [share],
    }  # fmt: skip
    keys.hold_shares(store, here.offices[0].sign(HELD, body))


def begun(here: Node) -> str:
    statement = make_access(here.offices[0], policy_of(here.store).deployment, "drills", here.clock.now())
    return drills.begin_drill(here.store, statement, Begun([24], [], []))


def answer_drill(here: Node) -> None:
    """As the first office, with the wrapping key that the set names."""
    document = here.store.read(
        sa.select(custody_tables.drills.c.document).where(custody_tables.drills.c.digest == begun(here))
    )[0].document
    own = {here.wrapping[0].public.id: here.wrapping[0]}
    signed = answer(bytes(document), policy_of(here.store), here.offices[0], own, here.clock.now())
    drills.answer_drill(here.store, signed)


def begin_session(here: Node) -> None:
    sessions.begin_session(here.store, sessions.issue_link(here.store, "operator"))


def change(here: Node) -> None:
    camera = here.camera()
    old = queries.settings(here.store, camera)
    cameras.change_camera(here.store, camera, old, replace(old, name="Yard"))


def certify(here: Node) -> None:
    camera = here.camera()
    with here.store.begin() as connection:
        row = {"camera": camera, "progress": 100}
        connection.execute(tables.candidates.insert().values(**row))
    masks.certify(here.store, camera, "steward")


def hide(here: Node) -> tuple[CameraId, str]:
    camera = here.camera()
    return camera, masks.hide(here.store, camera, "secret person")


def show(here: Node) -> str:
    camera, hidden = hide(here)
    masks.show(here.store, camera, "secret person")
    return hidden


def decide(here: Node) -> None:
    masks.decide_hidden(here.store, show(here), Verdict.LIFTED, "secret person")


def zone(here: Node) -> None:
    set_zones(here.store, here.camera(), (((0, 0), (10_000, 0), (0, 10_000)),))


def imported(here: Node, name: str = "one.csv") -> str:
    found = Inventory("CSV", (InventoryRow(2, 10, 10, "secret"),), (Rejected(3, "it is blank"),), {})
    return inventories.import_inventory(here.store, name, Source(found, "0" * 64, Mapping()))


def reconciled(here: Node) -> str:
    one, two = imported(here), imported(here, "two.csv")
    outcome = Reconciliation((), (Match(0, 0, 1.0, 0.5, {"name": 1.0}, ()),), (), (), 2.0, False)
    return inventories.reconcile_inventories(here.store, one, two, ([2], [2]), outcome)


def decided(here: Node) -> str:
    made = reconciled(here)
    inventories.decide_pair(here.store, made, (2, 2), Decision.ACCEPTED, "steward")
    return made


def commit(here: Node) -> None:
    periods.commit_periods(here.store, bytes(32), [period_row(here)])


def period_row(here: Node) -> PeriodId:
    period = PeriodId(here.camera(), Instant(1_000 * SECOND), Term(1))
    with here.store.begin() as connection:
        key = {"camera": period.camera, "start": period.start, "term": 1}
        connection.execute(tables.periods.insert().values(**key, ended=period.start, size=1, closing=b"c"))
    return period


def begin_deletion(here: Node) -> int:
    return retention.begin_deletion(
        here.store, retention.Reason.RETENTION, retention.Going([(period_row(here), Digest(bytes(32)))])
    )


def finish_deletion(here: Node) -> None:
    retention.finish_deletion(here.store, begin_deletion(here))


def add_hold(here: Node) -> str:
    return holds.add_hold(here.store, here.camera(), Instant(SECOND), Instant(2 * SECOND), "secret case")


def release_hold(here: Node) -> None:
    holds.release_hold(here.store, add_hold(here))


def asked(here: Node) -> str:
    return subjects.receive(here.store, here.camera(), Instant(SECOND), Instant(2 * SECOND), "secret file")


def shown(here: Node) -> str:
    name = asked(here)
    subjects.show_still(here.store, name, Instant(SECOND), "secret steward")
    return name


def pointed(here: Node) -> str:
    name = shown(here)
    subjects.point_out(here.store, name, 500, 500)
    return name


def extended(here: Node) -> None:
    subjects.extend(here.store, asked(here), Extension.NUMBER)


def accepted(here: Node) -> str:
    name = pointed(here)
    subjects.decide(here.store, name, Access.ACCEPTED)
    return name


def closed(here: Node) -> None:
    subjects.close(here.store, accepted(here))


def storage_exhausted(here: Node) -> None:
    storage.storage_exhausted(here.store, storage.Trouble.FULL, "no room")


def storage_recovered(here: Node) -> None:
    storage_exhausted(here)
    storage.storage_recovered(here.store)


def end_viewing(here: Node) -> None:
    viewing.end_viewing(here.store, viewing.begin_viewing(here.store, "person", here.camera(), "live"))


ACTS: dict[str, tuple[str, Callable[[Node], object]]] = {
    "initialise": ("deployments", lambda here: deployment.initialise(here.store, DeploymentId("x"), "origin")),
    "enrol_recorder": ("recorders", lambda here: deployment.enrol_recorder(here.store, KeyId("k"), b"{}")),
    "install_custodians": (
        "custodian_sets",
        lambda here: deployment.install_custodians(here.store, Epoch(9), 2, 3, b"{}"),
    ),
    "publish_keys": ("custodian_keys", publish_keys),
    "destroy_keys": ("key_destructions", destroy_keys),
    "hold_shares": ("held_shares", hold_shares),
    "begin_drill": ("drills", begun),
    "answer_drill": ("drill_answers", answer_drill),
    "keys_lapsed": (
        "alarms",
        lambda here: keys.keys_lapsed(here.store, KeyId("k"), 24, "custodian 1, 24 h", "secret office"),
    ),
    "enrol_requester": ("requesters", lambda here: deployment.enrol_requester(here.store, KeyId("k"), b"{}")),
    "add_camera": ("cameras", lambda here: here.camera()),
    "change_camera": ("camera_versions", change),
    "snooze": (
        "snoozes",
        lambda here: alerts.snooze(here.store, here.camera(), None, Instant(here.clock.now() + SECOND)),
    ),
    "import_inventory": ("inventories", imported),
    "reconcile_inventories": ("reconciliations", reconciled),
    "decide_pair": ("pair_decisions", decided),
    "undo_reconciliation": (
        "reconciliations",
        lambda here: inventories.undo_reconciliation(here.store, reconciled(here)),
    ),
    "remove_camera": ("cameras", lambda here: cameras.remove_camera(here.store, here.camera())),
    "publish_entry": ("register_entries", lambda here: here.register(here.camera())),
    "issue_link": ("links", lambda here: sessions.issue_link(here.store, "operator")),
    "begin_session": ("sessions", begin_session),
    "certify": ("certifications", certify),
    "hide": ("hidden_windows", hide),
    "show": ("hidden_decisions", show),
    "decide_hidden": ("hidden_decisions", decide),
    "recall": ("recalled_maskers", lambda here: masks.recall(here.store, VERSION, "secret person")),
    "set_zones": ("privacy_zones", zone),
    "begin_viewing": ("viewings", lambda here: viewing.begin_viewing(here.store, "p", here.camera(), "live")),
    "end_viewing": ("viewings", end_viewing),
    "commit_periods": ("periods", commit),
    "begin_deletion": ("deletions", begin_deletion),
    "finish_deletion": ("deletions", finish_deletion),
    "add_hold": ("holds", add_hold),
    "release_hold": ("holds", release_hold),
    "receive": ("subject_requests", asked),
    "show_still": ("subject_requests", shown),
    "point_out": ("subject_requests", pointed),
    "extend": ("subject_requests", extended),
    "decide": ("subject_requests", accepted),
    "close": ("subject_requests", closed),
    "storage_exhausted": ("alarms", storage_exhausted),
    "storage_recovered": ("alarms", storage_recovered),
}
ENDS = (
    end_viewing,
    finish_deletion,
    release_hold,
    storage_recovered,
    shown,
    pointed,
    extended,
    accepted,
    closed,
    ACTS["remove_camera"][1],
    ACTS["undo_reconciliation"][1],
)
"""Acts whose row is that of a beginning, which names the entry of that."""


def naming(here: Node, seq: int) -> list[str]:
    """The tables in which a row names the entry ``seq`` as the one it was written with."""
    found = []
    for name, table in tables.metadata.tables.items():
        if name != "log_entries" and "seq" in table.c and here.store.read(sa.select(table).where(table.c.seq == seq)):
            found.append(name)
    return sorted(found)


@pytest.mark.parametrize(("table", "act"), ACTS.values(), ids=ACTS)
def test_an_act_writes_one_entry_and_the_row_that_names_it(
    here: Node, table: str, act: Callable[[Node], object]
) -> None:
    act(here)
    log = tables.log_entries.c
    newest = here.store.read(sa.select(log.seq, log.data).order_by(log.seq.desc()))[0]
    assert b"secret" not in newest.data
    also = ["holds"] if act is asked else []
    assert naming(here, newest.seq) == ([] if act in ENDS else sorted([table, *also]))


class _Failure:
    """Lets the ``number``-th write to a table fail, as a full disk would; counts them while ``number`` is 0."""

    def __init__(self, table: str) -> None:
        self.words = (f"INSERT INTO {table} ", f"UPDATE {table} ")
        self.number = self.seen = 0

    def __call__(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(self.words):
            self.seen += 1
            if self.seen == self.number:
                raise sa.exc.OperationalError(statement, {}, Exception("database or disk is full"))


def entries(here: Node) -> list[bytes]:
    found = here.store.read(sa.select(tables.log_entries.c.data).order_by(tables.log_entries.c.seq))
    return [bytes(row.data) for row in found]


@pytest.mark.parametrize(("table", "act"), ACTS.values(), ids=ACTS)
def test_an_act_whose_row_cannot_be_written_leaves_no_entry_either(
    here: Node, table: str, act: Callable[[Node], object], tmp_path: Path
) -> None:
    failure = _Failure(table)
    sa.event.listen(here.store.engine, "before_cursor_execute", failure)
    with node(tmp_path / "rehearsal") as rehearsal:
        counting = _Failure(table)
        sa.event.listen(rehearsal.store.engine, "before_cursor_execute", counting)
        act(rehearsal)
        kinds = [entry.split(b'"act":"')[1].split(b'"')[0] for entry in entries(rehearsal)]
        rows = rehearsal.count(tables.metadata.tables[table])
    failure.number = counting.seen
    with pytest.raises(CustodesError) as refusal:
        act(here)
    assert refusal.value.kind is Kind.UNAVAILABLE
    # Everything that came before is there; the act that failed has left neither its entry nor its row.
    assert [entry.split(b'"act":"')[1].split(b'"')[0] for entry in entries(here)] == kinds[:-1]
    updates = act in (commit, *ENDS)
    assert here.count(tables.metadata.tables[table]) == (rows if updates else rows - 1)


def test_an_act_that_is_refused_halfway_leaves_nothing(here: Node) -> None:
    before = here.counts()
    refused: list[Callable[[], object]] = [
        lambda: cameras.remove_camera(here.store, NOBODY),
        lambda: masks.certify(here.store, NOBODY, "steward"),
        lambda: masks.hide(here.store, NOBODY, "steward"),
        lambda: masks.show(here.store, NOBODY, "steward"),
        lambda: masks.decide_hidden(here.store, NOBODY, Verdict.KEPT, "steward"),
        lambda: masks.recall(here.store, "no such version", "steward"),
        lambda: set_zones(here.store, NOBODY, ()),
        lambda: register.publish_entry(here.store, here.entry(NOBODY)),
        lambda: viewing.begin_viewing(here.store, "person", NOBODY, "live"),
        lambda: sessions.begin_session(here.store, "no such token"),
        lambda: inventories.decide_pair(here.store, NOBODY, (2, 2), Decision.ACCEPTED, "steward"),
        lambda: inventories.undo_reconciliation(here.store, NOBODY),
        lambda: deployment.install_custodians(here.store, Epoch(1), 2, 3, b"{}"),
    ]
    for act in refused:
        with pytest.raises(CustodesError):
            act()
        assert here.counts() == before


def test_an_error_in_the_block_of_an_act_undoes_it(here: Node) -> None:
    before = here.counts()

    class BlockError(Exception):
        pass

    def act() -> None:
        with here.store.act(Act.LINK_ISSUED, {"role": "operator"}) as tx:
            tx.connection.execute(tables.links.insert().values(token="t", person="p", role="r", expires=1, seq=tx.seq))
            raise BlockError

    with pytest.raises(BlockError):
        act()
    assert here.counts() == before


def test_a_link_works_once_even_when_used_from_two_sides_at_once(here: Node) -> None:
    token = sessions.issue_link(here.store, "operator")
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def use() -> None:
        start.wait()
        try:
            sessions.begin_session(here.store, token)
            outcomes.append("in")
        except CustodesError as problem:
            outcomes.append(problem.kind.value)

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert sorted(outcomes) == ["denied"] * 3 + ["in"]
    assert here.count(tables.sessions) == 1
    assert sum(b"session.begun" in entry for entry in entries(here)) == 1


def test_a_viewing_that_ends_from_two_sides_at_once_is_one_entry(here: Node) -> None:
    begun = viewing.begin_viewing(here.store, "person", here.camera(), "live")
    start = threading.Barrier(4)
    outcomes: list[str] = []

    def end() -> None:
        start.wait()
        try:
            viewing.end_viewing(here.store, begun)
            outcomes.append("ended")
        except CustodesError as problem:
            outcomes.append(problem.kind.value)

    enders = [threading.Thread(target=end) for _ in range(4)]
    for ender in enders:
        ender.start()
    for ender in enders:
        ender.join()
    assert sorted(outcomes) == ["ended"] + ["not found"] * 3
    assert sum(b"viewing.ended" in entry for entry in entries(here)) == 1


def test_what_the_log_says_of_people_is_a_commitment_that_only_its_salt_opens(here: Node) -> None:
    camera = here.camera()
    viewing.begin_viewing(here.store, "personpersonperson", camera, "live")
    token = sessions.issue_link(here.store, "operator")
    cookie = sessions.begin_session(here.store, token)
    text = b"\n".join(entries(here)[-3:])
    for secret in ("personpersonperson", camera, token, cookie, hashlib.sha256(cookie.encode()).hexdigest()):
        assert secret.encode() not in text
