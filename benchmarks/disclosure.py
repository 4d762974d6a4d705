# SPDX-License-Identifier: AGPL-3.0-or-later
"""A disclosure of ten camera-minutes at 4 Mbit/s: from the last grant that is needed to the opened originals.

A node's sequencer and web, and its witness, are processes of their own; two of three custodians grant and the requester
opens through the desks that they use in life, over HTTP on loopback. The clock starts when the second grant is about to
be handed in. ``first_byte_s``: until the first decrypted byte lies on the requester's disk; witnesses, packing,
transfer and every verification lie in between. ``mb_per_s``: megabytes (10^6) of original per second until the bundle
is written. No masked copy is in the package: nothing of this camera was masked.
"""

import json
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.witnessed import once_there, recorded

from custodes.clock import SECOND, Instant, SystemClock
from custodes.desk.custodian import CustodianDesk
from custodes.desk.requester import Asked, RequesterDesk
from custodes.domain.ids import CameraId
from custodes.domain.register import LegalBasis

MINUTES, UNIT = 10, 20_000
CLOCK = SystemClock()


class FirstByte(threading.Thread):
    """Notes when a folder holds a file that is not empty."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.seen = 0.0

    def run(self) -> None:
        """Look two hundred times a second."""
        while not any(path.stat().st_size for path in self._folder.glob("native/*")):
            time.sleep(0.005)
        self.seen = time.perf_counter()


def disclose(folder: Path, address: str, camera: CameraId, start: Instant) -> dict[str, object]:
    """Ask, grant, open; returns what it took."""
    court = RequesterDesk(folder / "court", CLOCK)
    end = Instant(start + MINUTES * 60 * SECOND)
    asked = Asked([camera], start, end, "assault in the square", LegalBasis.PUBLIC_TASK, "12 C 34/26")
    name = once_there(lambda: court.request(court.transport(address), asked))
    offices = [CustodianDesk(folder / f"custodian{number}", CLOCK) for number in (1, 2)]
    once_there(lambda: offices[0].grant(offices[0].transport(address), name))
    watch = FirstByte(court.folder(name))
    watch.start()
    began = time.perf_counter()
    offices[1].grant(offices[1].transport(address), name)
    granted = time.perf_counter()
    opened = once_there(lambda: court.open(court.transport(address), name))
    ended = time.perf_counter()
    watch.join()
    size = sum(path.stat().st_size for path in opened.clips) / 1e6
    assert len(opened.clips) == MINUTES
    facts = {"camera_minutes": MINUTES, "first_byte_s": round(watch.seen - began, 2)}
    more = {"mb": round(size), "second_grant_s": round(granted - began, 2), "opened_s": round(ended - began, 2)}
    return {**facts, "mb_per_s": round(size / (ended - began), 1), **more}


def main() -> None:
    """Measure and print one JSON line."""
    with tempfile.TemporaryDirectory() as temporary, recorded(Path(temporary), MINUTES, UNIT) as node:
        print(json.dumps(disclose(Path(temporary), *node)))


if __name__ == "__main__":
    main()
