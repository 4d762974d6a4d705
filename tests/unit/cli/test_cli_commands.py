# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands as people and scripts meet them: help, exit codes, and one clear line for whatever is wrong."""

import argparse
import importlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.node_store import Node, node

from custodes import cli
from custodes.domain.register import LegalBasis, Purpose
from custodes.node.acts.storage import Trouble, storage_exhausted

ID = "a" * 26


@dataclass(frozen=True)
class Said:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> "Run":
    return Run(capsys)


class Run:
    """Runs a command in this process; an exception that it lets through fails the test."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str | Path) -> Said:
        self._capsys.readouterr()
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = self._capsys.readouterr()
        return Said(code, out, err)

    def refused(self, *words: str | Path, code: int | None = None) -> str:
        """Run what must fail: one line on standard error, nothing on standard output, exit code 1, 2 or 3."""
        said = self(*words)
        assert said.code in (1, 2, 3), said
        assert code is None or said.code == code, said
        assert said.err.endswith("\n"), said
        assert said.err.count("\n") == 1, said
        assert said.err.startswith("custodes: "), said
        assert "Traceback" not in said.err
        assert not said.out, said
        return said.err


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path / "here") as found:
        yield found


def commands() -> Iterator[tuple[str, ...]]:
    """Every command and every action of each."""
    for group in cli.GROUPS:
        parser = argparse.ArgumentParser()
        importlib.import_module(f"custodes.cli.{group}").configure(parser)
        yield (group,)
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield from ((group, name) for name in action.choices)


COMMANDS = list(commands())


@pytest.mark.parametrize("words", [(), *COMMANDS], ids=" ".join)
def test_every_command_explains_itself(run: Run, words: tuple[str, ...]) -> None:
    said = run(*words, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("usage: custodes")


def test_help_names_every_command_and_the_contract_names_no_other(run: Run) -> None:
    text = run("--help").out
    for group in cli.GROUPS:
        assert group in text
    assert {"camera add", "register add", "disclosure open", "custodian grant", "verify bundle", "log witness"} <= {
        " ".join(words) for words in COMMANDS
    }


@pytest.mark.parametrize("words", [words for words in COMMANDS if len(words) == 2 or words == ("init",)], ids=" ".join)
def test_a_command_without_its_arguments_is_unusable(run: Run, words: tuple[str, ...], tmp_path: Path) -> None:
    if words == ("log", "witness"):
        run.refused(*words, code=2)
        return
    if words == ("camera", "discover"):
        return  # it needs none
    message = run.refused(*words, code=2)
    assert "required" in message
    assert "--help" in message


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense",),
        ("camera",),
        ("camera", "nonsense"),
        ("status",),
        ("status", "--dir"),
        ("status", "--dir", "x", "--nonsense"),
        ("run", "--dir", "x", "--port", "many"),
        ("run", "--dir", "x", "--port", "65536"),
        ("run", "--dir", "x", "--port", "-1"),
        ("run", "--dir", "x", "--port", "٣"),
        ("run", "--dir", "x", "--port", "9" * 5_000),
        ("demo", "--port", "65536"),
        ("demo", "--cameras", "0"),
        ("demo", "--cameras", "17"),
        ("demo", "--cameras", "many"),
        ("demo", "--seconds", "nan"),
        ("demo", "--seconds", "inf"),
        ("demo", "--seconds", "44"),
        ("demo", "--seconds", "-1"),
        ("demo", "--video", "/nonexistent/film"),
        ("demo", "--seed", "-1"),
        ("log", "witness", "--dir", "x", "--port", "65536"),
        ("log", "prove", "--dir", "x", "first"),
        ("verify", "log", "x"),
        ("init", "--dir", "x", "--quorum", "two", "--custodian", "x", "--witness", "x"),
    ],
    ids=lambda words: " ".join(words)[:50] or "nothing",
)
def test_unusable_arguments_are_one_line_and_exit_code_two(
    run: Run, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run.refused(*words, code=2)
    assert not list(tmp_path.iterdir())


NODE_COMMANDS: list[tuple[str, ...]] = [
    ("run",),
    ("status",),
    ("camera", "list"),
    ("camera", "show", ID),
    ("camera", "remove", ID),
    ("camera", "edit", ID, "--name", "y"),
    ("camera", "replace", ID, "--main", "rtsp://h/m", "--sub", "rtsp://h/s"),
    ("camera", "add", "--name", "x", "--main", "rtsp://h/m", "--sub", "rtsp://h/s"),
    ("mask", "certify", ID),
    ("mask", "hide", ID),
    ("mask", "hidden"),
    ("mask", "recall", "--version", "1"),
    ("log", "checkpoint"),
    ("log", "prove", "0"),
    ("register", "export"),
    ("register", "renew", "--camera", ID),
    ("hold", "list"),
    ("hold", "release", ID),
]


@pytest.mark.parametrize("words", NODE_COMMANDS, ids=" ".join)
def test_without_a_data_folder_a_command_says_what_to_do(run: Run, words: tuple[str, ...], tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        assert "custodes init" in run.refused(*words, "--dir", folder, code=1)
    assert not list(tmp_path.iterdir())
    file = tmp_path / "file"
    file.touch()
    run.refused(*words, "--dir", file)


@pytest.mark.parametrize("words", NODE_COMMANDS, ids=" ".join)
@pytest.mark.parametrize("what", ["catalogue", "version", "key", "keys"])
def test_a_damaged_data_folder_is_one_line(run: Run, here: Node, words: tuple[str, ...], what: str) -> None:
    here.store.close()
    match what:
        case "catalogue":
            for side in ("-wal", "-shm"):
                here.layout.catalog.with_name(f"catalog.sqlite{side}").unlink(missing_ok=True)
            here.layout.catalog.write_bytes(os.urandom(9_000))
        case "version":
            with sqlite3.connect(here.layout.catalog) as connection:
                connection.execute("UPDATE alembic_version SET version_num = 'x'")
            connection.close()
        case "key":
            (here.layout.keys / "server.key").chmod(0o644)
        case _:
            (here.layout.keys / "server.key").unlink()
    run.refused(*words, "--dir", here.layout.root)


def test_a_node_whose_port_or_model_cannot_be_used_is_not_started(run: Run, here: Node, tmp_path: Path) -> None:
    where = ("run", "--dir", here.layout.root)
    run.refused(*where, "--weights", tmp_path / "none", code=2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "--port" in run.refused(*where, "--port", str(taken.getsockname()[1]), code=3)


@pytest.mark.parametrize("host", ["192.0.2.1", "x" * 300, "two words"])
def test_a_node_cannot_listen_on_an_address_that_is_none(run: Run, here: Node, host: str) -> None:
    run.refused("run", "--dir", here.layout.root, "--host", host, "--port", "0", code=3)


def test_an_empty_deployment_answers_every_question(run: Run, here: Node) -> None:
    where = ("--dir", here.layout.root)
    assert run("camera", "list", *where).out == "no cameras yet\n"
    assert json.loads(run("camera", "list", *where, "--json").out) == []
    assert json.loads(run("register", "export", *where).out)["features"] == []
    for words in (("status",), ("log", "checkpoint")):
        assert "no checkpoint yet" in run.refused(*words, *where, code=3)
    sequencer = here.sequencer()
    sequencer.step()
    sequencer.log.close()
    here.layout.settings.write_text("[storage]\nreserve_mb = 0\n")
    assert "cosigned by one" in run("status", *where).out
    assert "there is room for what is declared" in run("status", *where).out
    said = json.loads(run("status", *where, "--json").out)
    assert said["log"]["pending"] == 0
    assert said["storage"]["cameras"] == []
    assert said["alarms"] == []
    storage_exhausted(here.store, Trouble.FULL, "12 MB free")
    assert "ALARM: storage, store: 12 MB free" in run("status", *where).out
    assert [alarm["kind"] for alarm in json.loads(run("status", *where, "--json").out)["alarms"]] == ["storage"]
    assert run("log", "prove", "0", *where).code == 0


@pytest.mark.parametrize("index", ["-1", "9999", "9" * 18, "9" * 30, "9" * 3_000])
def test_an_entry_that_is_not_in_the_log_cannot_be_proved(run: Run, here: Node, index: str) -> None:
    assert "has no entry" in run.refused("log", "prove", "--dir", here.layout.root, "--", index, code=1)


@pytest.mark.parametrize(
    ("name", "main", "sub"),
    [
        ("", "rtsp://h/m", "rtsp://h/s"),
        ("   ", "rtsp://h/m", "rtsp://h/s"),
        ("x", "http://h/m", "rtsp://h/s"),
        ("x", "rtsp://h/m", "file:///etc/passwd"),
        ("x", "", "rtsp://h/s"),
        ("x\udcff", "rtsp://h/m", "rtsp://h/s"),
        ("x", "rtsp://\udcff/m", "rtsp://h/s"),
    ],
)
def test_a_camera_that_cannot_be_is_not_added(run: Run, here: Node, name: str, main: str, sub: str) -> None:
    where = ("--dir", here.layout.root)
    run.refused("camera", "add", *where, f"--name={name}", f"--main={main}", f"--sub={sub}", code=2)
    assert json.loads(run("camera", "list", *where, "--json").out) == []


def test_a_refused_address_does_not_show_its_password(run: Run, here: Node) -> None:
    address = "http://viewer:sesame@h/m"
    words = ("--name", "x", "--main", address, "--sub", "rtsp://h/s")
    assert "sesame" not in run.refused("camera", "add", "--dir", here.layout.root, *words, code=2)


def test_cameras_come_and_go(run: Run, here: Node) -> None:
    where = ("--dir", here.layout.root)
    words = ("--name", "Gate", "--main", "rtsp://u:sesame@h/m", "--sub", "rtsp://u:sesame@h/s")
    camera = json.loads(run("camera", "add", *where, *words, "--json").out)["camera"]
    listed = run("camera", "list", *where)
    assert camera in listed.out
    assert "no register entry" in listed.out
    assert "sesame" not in listed.out
    assert run("camera", "remove", *where, camera).code == 0
    run.refused("camera", "remove", *where, camera, code=1)
    run.refused("camera", "show", *where, camera, code=1)
    for wrong in ("x", "A" * 26, "../../etc", ""):
        run.refused("camera", "show", *where, wrong, code=2)


ENTRY = {
    "purpose": "access", "basis": "public_task", "owner": "Town", "contact": "town@example", "retention-hours": "24",
    "latitude": "51", "longitude": "7", "direction": "0", "field-of-view": "60", "height": "3", "range": "20",
    "lens": "4 mm",
}  # fmt: skip


@pytest.mark.parametrize(
    ("member", "value"),
    [
        *[("latitude", each) for each in ("nan", "inf", "-inf", "91", "1e300", "north", "")],
        *[("longitude", each) for each in ("nan", "181", "1e9")],
        *[("height", each) for each in ("nan", "-1", "1e9")],
        *[("range", each) for each in ("0", "inf")],
        *[("retention-hours", each) for each in ("0", "-5", "1000000", "9" * 50, "1.5")],
        *[("direction", each) for each in ("360", "-1", "9" * 5_000)],
        *[("field-of-view", each) for each in ("0", "361")],
        *[("owner", each) for each in ("", "  ", "\udcff")],
        ("purpose", "curiosity"),
        ("basis", "because"),
        *[("review", each) for each in ("tomorrow", "2026-11-23", "2026-11-23T10:00:00", "9999-12-31T23:59:59Z")],
        ("review", "9999-12-31T23:59:59.000000000Z"),
        ("review", "9999-12-31T23:59:59-23:59"),
        ("review", "0001-01-01T00:00:00Z"),
        ("review", "2026-13-01T00:00:00.000000000Z"),
        ("expires", "2000-01-01T00:00:00Z"),
    ],
)
def test_a_register_entry_that_cannot_be_is_not_published(run: Run, here: Node, member: str, value: str) -> None:
    camera = here.camera()
    entry = [f"--{name}={value if name == member else usual}" for name, usual in ENTRY.items()]
    extra = [] if member in ENTRY else [f"--{member}={value}"]
    run.refused("register", "add", "--dir", here.layout.root, "--camera", camera, *entry, *extra, code=2)
    assert json.loads(run("register", "export", "--dir", here.layout.root).out)["features"] == []


def test_every_purpose_and_basis_of_the_law_can_be_named(run: Run, here: Node) -> None:
    camera = here.camera()
    for purpose in Purpose:
        for basis in LegalBasis:
            usual = {**ENTRY, "purpose": purpose.name.lower(), "basis": basis.name.lower()}
            entry = [f"--{name}={value}" for name, value in usual.items()]
            assert run("register", "add", "--dir", here.layout.root, "--camera", camera, *entry).code == 0
    unknown = [f"--{name}={value}" for name, value in ENTRY.items()]
    run.refused("register", "add", "--dir", here.layout.root, "--camera", ID, *unknown, code=1)


def test_a_result_that_cannot_be_written_is_one_line(run: Run, here: Node, tmp_path: Path) -> None:
    run.refused("register", "export", "--dir", here.layout.root, "--out", tmp_path / "none" / "x", code=2)
    run.refused("register", "export", "--dir", here.layout.root, "--out", tmp_path, code=2)


def test_the_command_is_a_program_that_ends_with_these_codes(tmp_path: Path) -> None:
    """In a process of its own: nothing but the one line reaches the terminal."""
    for words, code in ((("status", "--dir", str(tmp_path)), 1), (("nonsense",), 2), (("--help",), 0)):
        done = subprocess.run(
            [sys.executable, "-m", "custodes", *words], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == code
        assert len(done.stderr.splitlines()) == (code != 0)


def test_an_argument_of_bytes_that_are_no_text_is_refused() -> None:
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"custodes", b"status", b"--dir", b"\xff\xfe"],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


def _registered(run: Run, here: Node, *more: str) -> str:
    camera = here.camera()
    entry = [f"--{name}={value}" for name, value in ENTRY.items()]
    said = run("register", "add", "--dir", here.layout.root, "--camera", camera, *entry, *more, "--json")
    assert said.code == 0, said
    return camera


def test_declared_hours_are_published_and_a_renewal_keeps_them(run: Run, here: Node) -> None:
    hours = ("--hours", "mon-fri 07:00-19:00", "--time-zone", "Europe/Berlin")
    camera = _registered(run, here, *hours)
    where = ("--dir", here.layout.root)

    def published() -> dict[str, object]:
        (feature,) = json.loads(run("register", "export", *where).out)["features"]
        facts: dict[str, object] = feature["properties"]
        return facts

    first = published()
    assert first["credentials"] == "known"
    assert first["schedule"] == {
        "time_zone": "Europe/Berlin",
        "hours": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:00", "until": "19:00"}],
    }
    dates = ("--review", "2030-01-01T00:00:00Z", "--expires", "2030-02-01T00:00:00Z")
    assert run("register", "renew", *where, "--camera", camera, *dates).code == 0
    second = published()
    assert second["expires"] == "2030-02-01T00:00:00.000000000Z"
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"expires", "review"}
    assert "mon-fri 07:00-19:00, Europe/Berlin" in run("camera", "show", *where, camera).out


@pytest.mark.parametrize("hours", ["", "mon", "mon-fri 7-19", "mon 07:00-07:00 x"])
def test_hours_that_cannot_be_understood_are_not_published(run: Run, here: Node, hours: str) -> None:
    camera = here.camera()
    entry = [f"--{name}={value}" for name, value in ENTRY.items()]
    run.refused("register", "add", "--dir", here.layout.root, "--camera", camera, *entry, "--hours", hours, code=2)


def test_a_camera_without_an_entry_has_nothing_to_renew(run: Run, here: Node) -> None:
    assert "register add" in run.refused("register", "renew", "--dir", here.layout.root, "--camera", here.camera())


def test_a_hold_is_made_listed_and_released_once(run: Run, here: Node) -> None:
    where = ("--dir", here.layout.root)
    assert run("hold", "list", *where).out == "no holds\n"
    window = ("--from", "2026-03-01T12:00:00Z", "--until", "2026-03-01T13:00:00Z", "--reason-ref", "case 17")
    made = json.loads(run("hold", "add", *where, "--camera", here.camera(), *window, "--json").out)
    assert (made["periods"], made["released"]) == (0, None)
    assert "case 17" in run("hold", "list", *where).out
    assert run("hold", "release", *where, made["hold"]).code == 0
    assert "released already" in run.refused("hold", "release", *where, made["hold"], code=1)
    (listed,) = json.loads(run("hold", "list", *where, "--json").out)
    assert listed["released"]
    run.refused("hold", "add", *where, "--camera", ID, *window, code=1)
    run.refused("hold", "add", *where, "--camera", "nobody", *window, code=2)
    later = ("--from", "2026-03-01T12:00:00Z", "--until", "2090-01-01T00:00:00Z", "--reason-ref", "case 17")
    run.refused("hold", "add", *where, "--camera", ID, *later, code=2)
