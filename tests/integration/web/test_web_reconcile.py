# SPDX-License-Identifier: AGPL-3.0-or-later
"""The steward's queue of doubtful pairs, as plain pages and forms."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.web.web_client import Web, served

from custodes.domain.inventories import Standing
from custodes.node.acts.inventories import import_inventory, reconcile_inventories
from custodes.node.queries import inventories
from custodes.places.register.importing.mapping import Mapping
from custodes.places.register.importing.read import Source
from custodes.places.register.inventory import Inventory, InventoryRow
from custodes.places.register.reconcile.outcome import Match, Reconciliation


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with served(tmp_path) as found:
        yield found


def reconciled(web: Web) -> str:
    """Two lists of two rows: one pair is joined, one is doubtful, and <b> is a name."""
    store = web.house.store
    names = ("old.csv", ("Gate", "<b>Yard</b>")), ("new.csv", ("Gate", "Yard"))
    ids = []
    for file, found in names:
        rows = tuple(InventoryRow(line, 485_000_000, 25_000_000, name) for line, name in enumerate(found, 2))
        ids.append(import_inventory(store, file, Source(Inventory("CSV", rows, (), {}), "0" * 64, Mapping())))
    match = Match(0, 0, 1.0, 5.0, {"name": 4.0}, ()), Match(1, 1, 3.0, 0.5, {"name": -1.0, "distance": 2.0}, (0,))
    return reconcile_inventories(
        store, ids[0], ids[1], ([2, 3], [2, 3]), Reconciliation((match[0],), (match[1],), (), (), 2.0, False)
    )


def test_without_an_inventory_the_page_says_what_to_do(web: Web) -> None:
    page = web.signed_in("steward").get("/steward/reconcile")
    assert page.status_code == 200
    assert "Nothing was reconciled yet" in page.text
    assert "custodes register import" in page.text


def test_a_doubtful_pair_is_decided_by_a_form_and_taken_back_by_another(web: Web) -> None:
    made, steward = reconciled(web), web.signed_in("steward")
    page = steward.get("/steward/reconcile").text
    assert "&lt;b&gt;Yard&lt;/b&gt;" in page
    assert "0 of 1 decided" in page
    assert "Distance speaks for it" in page
    assert "Name speaks against it" in page
    (accept,) = set(re.findall(r'action="([^"]*/3-3/accepted)"', page))
    answer = steward.post(accept)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/steward/reconcile#{made}")
    view = inventories.reconciliation(web.house.store, made)
    assert [pair.standing for pair in view.pairs] == [Standing.JOINED, Standing.JOINED]
    page = steward.get("/steward/reconcile").text
    assert "1 of 1 decided" in page
    (undo,) = re.findall(r'action="([^"]*/reopened)"', page)
    assert steward.post(undo).status_code == 303
    assert len(inventories.reconciliation(web.house.store, made).queued) == 1


def test_another_row_can_be_chosen_only_if_it_is_free(web: Web) -> None:
    made, steward = reconciled(web), web.signed_in("steward")
    refusal = steward.post(f"/steward/reconcile/{made}/3-2/accepted")
    assert refusal.status_code == 409
    assert "reject the pair 2-2 first" in refusal.text
    assert steward.post(f"/steward/reconcile/{made}/2-2/rejected").status_code == 303
    assert steward.post(f"/steward/reconcile/{made}/3-2/accepted").status_code == 303
    view = inventories.reconciliation(web.house.store, made)
    assert [pair.pair for pair in view.joined] == [(3, 2)]
    assert view.queued == []


@pytest.mark.parametrize("path", ["3-9/accepted", "0-1/accepted", "3-3/perhaps", "x-3/accepted"])
def test_what_is_not_there_is_refused_in_one_line(web: Web, path: str) -> None:
    made, steward = reconciled(web), web.signed_in("steward")
    assert steward.post(f"/steward/reconcile/{made}/{path}").status_code in (400, 404, 422)
    assert steward.post(f"/steward/reconcile/{'a' * 26}/3-3/accepted").status_code == 404
    assert steward.post("/steward/reconcile/nonsense/3-3/accepted").status_code == 400
