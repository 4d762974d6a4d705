# SPDX-License-Identifier: AGPL-3.0-or-later
"""Registered or dark: without a valid register entry nobody even knocks at a camera's door."""

import socket
import threading
from collections.abc import Iterator

import pytest
from tests.node_town import Town, until

from custodes.clock import SECOND
from custodes.domain import times

NO_ENTRY = "no register entry"


class Door:
    """A listener that counts who knocks, and answers nobody."""

    def __init__(self) -> None:
        self.knocks = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self._socket.getsockname()[1]}/main"
        self._thread = threading.Thread(target=self._count)
        self._thread.start()

    def _count(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.knocks += 1
            connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def door() -> Iterator[Door]:
    found = Door()
    yield found
    found.close()


def test_a_camera_without_an_entry_is_never_connected_to_and_one_whose_entry_expires_no_longer(
    running: Town, door: Door
) -> None:
    where = ("--dir", running.root)
    added = running.command(
        "camera", "add", *where, "--name", "Behind the door", "--main", door.url, "--sub", door.url, "--json"
    ).json()
    camera = added["camera"]
    # Both processes have looked at it and said so: they had their chance to connect.
    until(lambda: running.recording(camera).startswith("dark"), "the recorder has looked")
    until(lambda: running.says(camera, "The camera has no valid register entry."), "the masker has looked")
    assert NO_ENTRY in running.recording(camera)
    assert door.knocks == 0
    for command in (("camera", "list"), ("camera", "show", camera), ("status",)):
        line = next(line for line in running.command(*command, *where).output.splitlines() if "Behind the door" in line)
        assert "dark" in line
        assert NO_ENTRY in line

    expires = running.system.now() + 12 * SECOND
    running.command(
        "register", "add", *where, "--camera", camera, "--purpose", "access", "--basis", "public_task",
        "--owner", "Town", "--contact", "town@example", "--retention-hours", "24", "--latitude", "51", "--longitude",
        "7", "--direction", "0", "--field-of-view", "60", "--height", "3", "--range", "20", "--lens", "4 mm",
        "--review", times.to_text(running.system.now()), "--expires", times.to_text(expires), "--json",
    ).json()  # fmt: skip
    until(lambda: door.knocks, "with an entry it is connected to")
    until(lambda: "dark" in running.recording(camera) and "expired" in running.recording(camera), "the entry expires")
    until(lambda: running.says(camera, "The camera has no valid register entry."), "the masker has let go")
    until(lambda: running.system.now() > expires + 3 * SECOND, "some time goes by")
    knocked = door.knocks
    until(lambda: running.system.now() > expires + 8 * SECOND, "some more time goes by")
    assert door.knocks == knocked
    assert "expired" in running.command("camera", "show", camera, *where).output
    assert running.command("camera", "remove", camera, *where).code == 0
