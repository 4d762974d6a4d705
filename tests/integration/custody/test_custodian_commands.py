# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands about wrapping keys, as a custodian and an operator type them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.keys_world import KeyTown, key_town

from custodes.cli import main


@pytest.fixture
def town(tmp_path: Path) -> Iterator[KeyTown]:
    with key_town(tmp_path) as found:
        # The commands know the time by themselves.
        found.later(time.time_ns() - found.node.clock.now())
        yield found


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, Any]:
    capsys.readouterr()
    code = main([str(word) for word in words])
    return code, json.loads(capsys.readouterr().out or "null")


def test_keys_are_published_renewed_and_drilled_by_command(
    town: KeyTown, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    node, secret = town.node.layout.root, tmp_path / "secret"
    mine = ("--dir", town.folders[0], "--server", town.address, "--json")
    code, said = run(capsys, "custodian", "rotate", *mine)
    assert (code, said["published"] > 80, list(said["until"])) == (0, True, ["24"])
    town.settle()
    code, said = run(capsys, "custodian", "agent", "--once", *mine)
    assert (code, said["problems"], said["destroyed"], said["held"]) == (0, [], [], 0)
    code, said = run(capsys, "custodian", "drill", *mine)
    assert (code, said["answered"], said["opened"]) == (0, 1, False)
    code, said = run(capsys, "custody", "keys", "--dir", node, "--json")
    assert [each["until"] is None for each in said["published"]] == [False, True, True]
    assert said["drill"]["answered"] == 1
    secret.mkdir()
    assert main(["custodian", "rotate", "--dir", str(town.folders[1]), "--server", str(secret), "--hours", "24"]) == 0
    (carried,) = secret.iterdir()
    assert run(capsys, "custody", "take", carried, "--dir", node, "--json") == (0, {"filed": "custodes/custodian-keys"})
    assert main(["custody", "take", str(carried), "--dir", str(node)]) == 1
    assert main(["custody", "keys", "--dir", str(node)]) == 0
    text = capsys.readouterr().out
    assert "custodian 3 (office 3): keys for footage kept 24 h: NONE for now" in text


def test_bad_arguments_and_documents_get_one_line_and_no_traceback(
    town: KeyTown, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "odd").write_bytes(b'{"kind":"custodes/opening-manifest"}')
    mine, node = ["--dir", str(town.folders[0]), "--server", town.address], str(town.node.layout.root)
    for words, code in (
        (["custodian", "agent", "--every", "0", *mine], 2),
        (["custodian", "rotate", "--hours", "9999", *mine], 2),
        (["custody", "take", str(tmp_path / "odd"), "--dir", node], 2),
        (["custody", "take", str(tmp_path / "none"), "--dir", node], 2),
        (["custodian", "agent", "--once", "--dir", str(town.folders[0]), "--server", "http://127.0.0.1:9"], 1),
        (["custodian", "drill", "--dir", str(town.folders[0]), "--server", "http://127.0.0.1:9"], 3),
    ):
        assert main(words) == code
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err + printed.out
        assert printed.err.count("\n") == (0 if "--once" in words else 1)
