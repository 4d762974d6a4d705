# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts of drilling: custodians prove that they can still open, with secrets that never sealed anything."""

import sqlalchemy as sa

from custodes.domain.acts import Act
from custodes.domain.ids import new_id
from custodes.errors import conflict, denied, unavailable
from custodes.node.store import Store, custody_tables
from custodes.node.store.drills import Begun, drill_of, keyring_of
from custodes.node.store.evidence import policy_of
from custodes.trust.custody import facts
from custodes.trust.custody.access import verify_access
from custodes.trust.custody.drill import check_answer, deal, is_opened, parse_answer
from custodes.trust.seal.fields import sha256
from custodes.trust.seal.shares import KEY_BYTES


def begin_drill(store: Store, signed: bytes, begun: Begun) -> str:
    """Deal a drill because a custodian asks for one, and return its digest.

    ``signed``: an access statement for ``drills``. ``begun``: the retentions in use and the documents of keys.
    ``CustodesError``: DENIED for anybody else, UNAVAILABLE if no camera is registered.
    """
    policy, now = policy_of(store), store.clock.now()
    custodians = policy.custodians[-1]
    if custodians.holder(verify_access(signed, policy, "drills", now)) is None:
        raise denied("drills are for the custodians of today")
    if not begun.hours:
        raise unavailable("no camera is registered: there is no retention to drill for")
    keyring = keyring_of(begun, policy)
    exercises = [(hours, store.entropy(KEY_BYTES), keyring.for_period(custodians, hours, now)) for hours in begun.hours]
    document = deal(policy.deployment, new_id(store.entropy(16)), now, custodians, exercises)
    digest = sha256(document)
    with store.act(Act.DRILL_BEGUN, facts.drill_begun(digest, custodians.k, custodians.n)) as tx:
        tx.connection.execute(
            custody_tables.drills.insert().values(digest=digest.hex(), document=document, began=tx.now, seq=tx.seq)
        )
    return digest.hex()


def answer_drill(store: Store, signed: bytes) -> tuple[int, bool]:
    """File a custodian's answer; returns how many have answered, and whether they could open together.

    ``CustodesError``: NOT_FOUND for a drill that never was, DENIED or CORRUPT for a false answer, CONFLICT for a
    second one.
    """
    policy = policy_of(store)
    found = parse_answer(signed, policy)
    drill = drill_of(store, found.drill.hex())
    holder = policy.custodians[-1].holder(found.custodian)
    if holder is None or drill.epoch != policy.custodians[-1].epoch:
        raise denied("the drill is for other custodians")
    check_answer(drill, holder.index, found)
    rows = custody_tables.drill_answers
    others = store.read(sa.select(rows.c.custodian, rows.c.document).where(rows.c.drill == found.drill.hex()))
    if any(row.custodian == found.custodian for row in others):
        raise conflict("this custodian has answered the drill already")
    answers = [*(parse_answer(bytes(row.document), policy) for row in others), found]
    opened = is_opened(drill, answers)
    with store.act(Act.DRILL_ANSWERED, facts.drill_answered(found.custodian, found.drill, len(answers), opened)) as tx:
        tx.connection.execute(
            rows.insert().values(
                drill=found.drill.hex(),
                custodian=found.custodian,
                document=signed,
                opened=opened,
                filed=tx.now,
                seq=tx.seq,
            )
        )
    return len(answers), opened
