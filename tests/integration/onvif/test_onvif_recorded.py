# SPDX-License-Identifier: AGPL-3.0-or-later
"""An ONVIF camera that is not ours (PyPI ``ipycam``), found, added and recorded with the product's commands alone."""

import importlib.util
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.test_record_commands import Office, office
from tests.node_town import refused, until

from custodes.demo.processes import custodes

__all__ = ["office"]
CAMERA = Path(__file__).parents[2] / "onvif_ipycam.py"
ENOUGH = 60_000
"""Bytes of sealed segments: several seconds of what it sends."""


@pytest.fixture(scope="module")
def device() -> Iterator[str]:
    """HOST:PORT of a running camera."""
    if importlib.util.find_spec("ipycam") is None or shutil.which("ffmpeg") is None:
        pytest.skip("needs ipycam (pip install --no-deps ipycam) and ffmpeg")
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        ports = [str(each.getsockname()[1]) for each in (one, two)]
    process = subprocess.Popen(
        [sys.executable, str(CAMERA), *ports],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield f"127.0.0.1:{ports[0]}"
    finally:
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def test_the_camera_is_found_added_and_recorded(office: Office, device: str) -> None:
    found = custodes("camera", "discover", "--address", "127.0.0.1", "--timeout", "2", "--json").json()
    assert {"address": device, "name": "Gate", "hardware": ""} in found["devices"]

    secret = office.root / "password"
    secret.write_text("sesame\n")
    account = ("--user", "admin", "--password-file", secret)
    added = office.do("camera", "add", "--name", "Gate", "--onvif", device, *account, "--json")
    camera = added.json()["camera"]
    assert added.json()["streams"].startswith("main H264 1280x720, 10 pictures a second; sub H264 640x360")
    again = office.do("camera", "add", "--name", "Gate again", "--onvif", device, *account)
    refused(again, f"this is camera {camera} (Gate) already")

    office.register(camera)
    folder = office.dir / "store" / "segments" / camera
    until(lambda: sum(path.stat().st_size for path in folder.rglob("*.segment")) > ENOUGH, "the camera is recorded")
    shown = office.do("camera", "show", camera, "--json").json()
    assert (shown["state"], shown["manufacturer"]) == ("recording", "IPyCam")
    assert shown["credentials"] == "password known to people"
    for file in (office.root / "run.log", *(office.dir / "run").glob("*.log")):
        assert "sesame" not in file.read_text()
    assert "sesame" not in json.dumps(shown)
    assert office.do("camera", "remove", camera).code == 0
