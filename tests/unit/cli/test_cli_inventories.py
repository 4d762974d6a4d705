# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes register import``, ``inventories`` and ``reconcile``."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.node_store import Node, node

from custodes import cli
from custodes.node.store import inventory_tables, tables

HEAD = "name,lat,lon\n"
OLD = [(f"Road {name}", 48.5 + place / 100, 2.5) for place, name in enumerate("kcaqfmxbwzhd")]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path / "here") as found:
        yield found


class Run:
    """Runs a command in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str | Path, code: int = 0) -> str:
        self._capsys.readouterr()
        try:
            found = cli.main([str(word) for word in words])
        except SystemExit as end:
            found = int(end.code or 0)
        out, err = self._capsys.readouterr()
        assert found == code, err
        assert "Traceback" not in err
        return out if code == 0 or out else err

    def json(self, *words: str | Path, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


def table(path: Path, rows: list[tuple[str, float, float]]) -> Path:
    path.write_text(HEAD + "".join(f"{name},{latitude:.6f},{longitude:.6f}\n" for name, latitude, longitude in rows))
    return path


def acts(here: Node) -> list[bytes]:
    log = tables.log_entries.c
    return [bytes(row.data) for row in here.store.read(sa.select(log.data).order_by(log.seq))]


def test_an_import_prints_rows_imported_and_rejected_and_nothing_else(here: Node, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(HEAD + "Gate,48.5,2.5\n\nYard,nan,2.5\n")
    expected = {
        "rows": 3,
        "imported": 1,
        "rejected": [
            {"line": 3, "reason": "it is blank"},
            {"line": 4, "reason": "its position is not a number"},
        ],
    }
    assert run.json("register", "import", path, "--dry-run") == expected
    assert here.count(inventory_tables.inventories) == 0
    assert run.json("register", "import", path, "--dir", here.layout.root) == expected
    (row,) = here.store.read(sa.select(inventory_tables.inventory_rows))
    assert (row.line, row.name, json.loads(row.original)) == (2, "Gate", {"name": "Gate", "lat": "48.5", "lon": "2.5"})
    (listed,) = run.json("register", "inventories", "--dir", here.layout.root)
    assert (listed["file"], listed["rows"], listed["rejected"]) == ("list.csv", 1, 2)


def test_the_log_has_an_imports_counts_and_hash_and_no_name(here: Node, run: Run, tmp_path: Path) -> None:
    run(
        "register", "import", table(tmp_path / "secretfile.csv", [("Secretroad", 48.5, 2.5)]), "--dir", here.layout.root
    )
    entry = acts(here)[-1]
    assert b'"act":"inventory.imported"' in entry
    assert b"ecret" not in entry
    assert (json.loads(entry)["rows"], json.loads(entry)["rejected"]) == (1, 0)


def test_guessed_columns_are_shown_saved_and_used_again(here: Node, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("Naziv;Širina;Dužina\nŽitnjak;45,8;15,9\n".encode("cp1250"))
    kept = tmp_path / "mapping.json"
    said = run("register", "import", path, "--dry-run", "--save-mapping", kept)
    assert "CSV 'cp1250' ';'" in said
    assert "latitude   Širina" in said
    assert json.loads(kept.read_text())["columns"]["longitude"] == "Dužina"
    assert run.json("register", "import", path, "--dir", here.layout.root, "--mapping", kept)["imported"] == 1


def test_a_list_without_a_usable_row_is_listed_and_not_imported(here: Node, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(HEAD + "Gate,x,2.5\n")
    said = run.json("register", "import", path, "--dir", here.layout.root, code=1)
    assert said["imported"] == 0
    assert [each["line"] for each in said["rejected"]] == [2]
    assert here.count(inventory_tables.inventories) == 0


def test_what_cannot_be_imported_is_refused_in_one_line(here: Node, run: Run, tmp_path: Path) -> None:
    path = table(tmp_path / "list.csv", [("Gate", 48.5, 2.5)])
    assert "--dry-run" in run("register", "import", path, code=2)
    assert run("register", "import", tmp_path / "none", "--dry-run", code=2).count("\n") == 1
    (tmp_path / "evil.kml").write_text('<!DOCTYPE kml [<!ENTITY a "b">]><kml>&a;</kml>')
    assert "entities" in run("register", "import", tmp_path / "evil.kml", "--dry-run", code=1)
    assert run("register", "import", path, "--dry-run", "--mapping", path, code=2).count("\n") == 1


@pytest.fixture
def lists(tmp_path: Path) -> tuple[Path, Path]:
    """The newer list has lost a row and gained one, renamed one, and moved another by 40 metres."""
    newer = [("Old Mill", *OLD[0][1:]), (OLD[1][0], OLD[1][1] + 40 / 111_195, 2.5), *OLD[2:-1], ("New", 48.9, 2.5)]
    return table(tmp_path / "old.csv", OLD), table(tmp_path / "new.csv", newer)


def test_two_files_are_compared_and_nothing_is_kept(run: Run, lists: tuple[Path, Path]) -> None:
    pytest.importorskip("scipy", reason="scipy is not installed")
    said = run.json("register", "reconcile", *lists)
    assert [(each["a"], each["b"]) for each in said["joined"]] == [(line, line) for line in range(2, 13)]
    assert said["joined"][1]["metres"] == 40.0
    assert (said["reconciliation"], said["queued"]) == (None, [])
    assert (said["added"], said["removed"]) == ([13], [13])
    assert (said["moved"], said["renamed"]) == ([[3, 3]], [[2, 2]])


def test_a_reconciliation_is_kept_decided_taken_back_and_undone(here: Node, run: Run, lists: tuple[Path, Path]) -> None:
    pytest.importorskip("scipy", reason="scipy is not installed")
    root = here.layout.root
    said = run.json("register", "reconcile", *lists, "--dir", root)
    made = said["reconciliation"]
    assert here.count(inventory_tables.inventories) == 2
    ids = [each["inventory"] for each in run.json("register", "inventories", "--dir", root)]
    assert run.json("register", "reconcile", ids[1], ids[0], "--dir", root)["added"] == [13]
    assert here.count(inventory_tables.inventories) == 2
    pair = f"{made}:13-13"
    accepted = run.json("register", "reconcile", "--dir", root, "--accept", pair)
    assert (accepted["decision"], accepted["decided"]) == ("accepted", 1)
    assert "accepted already" in run("register", "reconcile", "--dir", root, "--accept", pair, code=1)
    assert "12-12 first" in run("register", "reconcile", "--dir", root, "--accept", f"{made}:12-13", code=1)
    merged = json.loads(run("register", "reconcile", "--dir", root, "--merged", made))
    one = next(each for each in merged["features"] if each["properties"]["name"] == "New")
    assert one["properties"]["sources"]["name"]["line"] == 13
    assert run.json("register", "reconcile", "--dir", root, "--undo", pair)["decided"] == 0
    assert "never held" in run("register", "reconcile", "--dir", root, "--reject", f"{made}:12-2", code=1)
    joined = f"{made}:5-5"
    assert run.json("register", "reconcile", "--dir", root, "--reject", joined)["decided"] == 1
    queues = run.json("register", "reconcile", "--dir", root, "--queue")
    assert {each["reconciliation"] for each in queues} >= {made}
    assert made in run("register", "reconcile", "--dir", root, "--undo", made, "--json")
    assert made not in json.dumps(run.json("register", "reconcile", "--dir", root, "--queue"))
    assert "was undone" in run("register", "reconcile", "--dir", root, "--reject", joined, code=1)
    kinds = [json.loads(entry)["act"] for entry in acts(here)]
    assert kinds.count("reconciliation.decided") == 3
    assert kinds.count("reconciliation.undone") == 1


def test_our_importer_reads_the_merged_list(here: Node, run: Run, lists: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="scipy is not installed")
    root = here.layout.root
    said = run.json("register", "reconcile", *lists, "--dir", root)
    merged = tmp_path / "merged.geojson"
    merged.write_text(run("register", "reconcile", "--dir", root, "--merged", said["reconciliation"]))
    found = run.json("register", "import", merged, "--dry-run")
    rows = len(OLD) + len(said["added"]) + len(said["queued"])
    assert found == {"rows": rows, "imported": rows, "rejected": []}


@pytest.mark.parametrize(
    "words",
    [(), ("a",), ("--accept", "x"), ("--undo", "x"), ("--merged", "x"), ("--queue", "a"), ("--queue", "--undo", "x")],
)
def test_unusable_arguments_are_refused_in_one_line(here: Node, run: Run, words: tuple[str, ...]) -> None:
    said = run("register", "reconcile", *words, "--dir", here.layout.root, code=2)
    assert said.startswith("custodes: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("library", ["scipy", "rapidfuzz"])
def test_without_the_planners_libraries_importing_works_and_reconciling_says_what_to_install(
    lists: tuple[Path, Path], library: str
) -> None:
    program = (
        f"import sys; sys.modules[{library!r}] = None; from custodes.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", program, "register"]
    read = subprocess.run([*words, "import", lists[0], "--dry-run"], capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
    refused = subprocess.run([*words, "reconcile", *lists], capture_output=True, text=True, check=False)
    assert refused.returncode == 3
    assert refused.stderr == f"custodes: reconciling needs {library}: install custodes[planner]\n"
