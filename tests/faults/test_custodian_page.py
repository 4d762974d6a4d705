# SPDX-License-Identifier: AGPL-3.0-or-later
"""A disclosure of a running system: one of two grants is signed in Chromium, with keys that the program never had."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.node_town import Crash, Town, eventually

from custodes.clock import SECOND, Instant
from custodes.desk.page.markup import STATIC
from custodes.domain import times
from custodes.node.queries import disclosures

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("CUSTODES_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)
if not (STATIC / "manifest.json").exists():
    pytest.skip("the front end is not built: run scripts/build_frontend.py", allow_module_level=True)

PATIENCE_MS = 120_000


@contextmanager
def desk(folder: Path, server: str) -> Iterator[str]:
    """The custodian's program as a process, without keys; yields the start link."""
    words = ("custodian", "desk", "--dir", str(folder), "--server", server, "--keys", "browser", "--json")
    with subprocess.Popen([sys.executable, "-m", "custodes", *words], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield json.loads(process.stdout.readline())["link"]
        finally:
            process.terminate()
    assert process.returncode == 0


def test_a_disclosure_is_granted_in_the_page_and_opened(running: Town, crash: Crash, tmp_path: Path) -> None:
    layout, start = running.system.layout, Instant(crash.after.start + SECOND)
    asked = running.command(
        "disclosure", "request", "--dir", layout.requester, "--server", running.url, "--camera", crash.camera,
        "--from", times.to_text(start), "--until", times.to_text(Instant(start + SECOND)),
        "--purpose", "bicycle taken at the fountain", "--basis", "public_task", "--case", "2026/1201", "--json",
    ).json()["request"]  # fmt: skip
    eventually(lambda: disclosures.dossier(running.store, asked), "request and minute are in the witnessed log")
    # The folder without private keys: what a custodian has who keeps them on a stick.
    folder = tmp_path / "desk"
    shutil.copytree(layout.custodian(1), folder, ignore=shutil.ignore_patterns("identity.key", "wrapping", "answers"))
    keys = [layout.custodian(1) / "identity.key", *(layout.custodian(1) / "wrapping").glob("*.key")]
    with desk(folder, running.url) as link, playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(link)
        page.set_input_files("c-custodian-keys input[type=file] >> nth=0", keys[0])
        page.set_input_files("c-custodian-keys input[type=file] >> nth=1", keys[1:])
        page.click("c-custodian-keys button")
        page.click("text=bicycle taken at the fountain")
        page.wait_for_selector("text=The register entry is the one that the recorder signed for")
        page.check("text=I have read this")
        page.click("text=Grant what is ticked")
        page.locator("c-custodian-keys output", has_text="Handed in").wait_for()
        browser.close()
    assert running.command("custodian", "grant", "--dir", layout.custodian(2), "--server", running.url, asked).code == 0
    where = ("--dir", layout.requester, "--server", running.url)
    eventually(lambda: running.command("disclosure", "open", *where, asked).code == 0, "it is opened")
    bundle = layout.requester / "requests" / asked / "bundle.zip"
    assert running.command("verify", "bundle", bundle, "--policy", layout.requester / "policy").code == 0
