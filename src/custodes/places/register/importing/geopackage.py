# SPDX-License-Identifier: AGPL-3.0-or-later
"""GeoPackage (OGC 12-128): the first feature table of points in WGS 84.

A GeoPackage is an SQLite file, which may hold views and triggers: it is opened read-only, with the schema untrusted,
only tables are read, and a reading that takes too long is given up.
"""

import sqlite3
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from custodes.errors import corrupt, invalid
from custodes.places.register.importing.limits import MAX_CELL, MAX_COLUMNS, MAX_ROWS, too_many
from custodes.places.register.importing.records import Record

_PATIENCE_S = 30.0
_LAYERS = (
    "SELECT c.table_name, g.column_name, s.organization_coordsys_id FROM gpkg_contents c"
    " JOIN gpkg_geometry_columns g ON g.table_name = c.table_name"
    " JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id"
    " JOIN sqlite_master m ON m.name = c.table_name AND m.type = 'table'"
    " WHERE c.data_type = 'features' ORDER BY c.table_name"
)


def read_geopackage(path: Path) -> list[Record]:
    """One record per feature; its line is its place in the table."""
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error:
        raise invalid(f"{path} cannot be opened") from None
    try:
        return _read(connection)
    except (sqlite3.Error, OverflowError, UnicodeDecodeError):
        raise corrupt("the GeoPackage cannot be read: it is damaged or takes too long") from None
    finally:
        connection.close()


def _read(connection: sqlite3.Connection) -> list[Record]:
    end = time.monotonic() + _PATIENCE_S
    connection.set_progress_handler(lambda: time.monotonic() > end, 100_000)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 16 << 20)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    layers = connection.execute(_LAYERS).fetchall()
    if not layers:
        raise invalid("the GeoPackage has no table of features")
    table, geometry, system = layers[0]
    if system != 4326:
        raise invalid("the GeoPackage's coordinates are not WGS 84 (EPSG 4326): transform them first")
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({_quoted(table)})")]
    if geometry not in names or len(names) > MAX_COLUMNS:
        raise corrupt("the GeoPackage's table is not what it says")
    wanted = ", ".join(_quoted(name) for name in names)
    cursor = connection.execute(f"SELECT {wanted} FROM {_quoted(table)} LIMIT {MAX_ROWS + 1}")  # noqa: S608 - quoted
    return list(_records(cursor, names, geometry))


def _records(cursor: sqlite3.Cursor, names: list[str], geometry: str) -> Iterator[Record]:
    for line, row in enumerate(cursor, 1):
        if line > MAX_ROWS:
            raise too_many()
        values = dict(zip(names, row, strict=True))
        shape = values.pop(geometry)
        fields = {name: _text(value) for name, value in values.items()}
        if shape is None:
            yield Record(line, fields, problem="it has no position")
            continue
        point = _point(shape)
        yield Record(line, fields, point, problem="" if point else "it is no point")


def _quoted(name: str) -> str:
    return '"' + str(name).replace('"', '""') + '"'


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"({len(value)} bytes)" if isinstance(value, bytes) else str(value)[: MAX_CELL + 1]


def _point(shape: object) -> tuple[float, float] | None:
    """Latitude and longitude of a GeoPackage geometry (12-128, 2.1.3) that is a point."""
    if not isinstance(shape, bytes) or len(shape) < 8 or shape[:2] != b"GP":
        return None
    start = 8 + {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}.get(shape[3] >> 1 & 7, len(shape))
    body = shape[start : start + 21]
    if len(body) < 21 or body[0] > 1:
        return None
    order = "<" if body[0] else ">"
    kind, x, y = struct.unpack(f"{order}Idd", body[1:])
    return (y, x) if kind % 1000 == 1 and kind < 4000 else None
