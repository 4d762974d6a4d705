# SPDX-License-Identifier: AGPL-3.0-or-later
"""The catalogue's tables. Times are UTC nanoseconds; ``seq`` refers to ``log_entries``.

The catalogue is an index: sealed objects and the log can be read without it. The column comments are the schema's
documentation.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    and_,
    insert,
    update,
)

from custodes.node.store import (  # noqa: F401 - so that the metadata is whole
    custody_tables,
    inventory_tables,
    mask_tables,
)
from custodes.node.store._base import SEQ as _SEQ
from custodes.node.store._base import entry as _entry
from custodes.node.store._base import metadata as metadata
from custodes.node.store.subject_tables import subject_requests as subject_requests

log_entries = Table(
    "log_entries",
    metadata,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("act", String, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),  # the bytes hashed into the log
    Column("leaf", LargeBinary, nullable=False),  # RFC 6962 leaf hash
    Column("log_index", BigInteger, unique=True),  # null while pending
    sqlite_autoincrement=True,
)
Index("pending_entries", log_entries.c.log_index, log_entries.c.seq)

deployments = Table(
    "deployments",
    metadata,
    Column("id", String, primary_key=True),
    Column("origin", String, nullable=False),  # the log's name, fixed at init
    _entry(),
)

recorders = Table(
    "recorders",
    metadata,
    Column("key", String, primary_key=True),
    Column("public", LargeBinary, nullable=False),  # canonical JSON
    _entry(),
)

custodian_sets = Table(
    "custodian_sets",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("document", LargeBinary, nullable=False),  # canonical JSON
    _entry(),
)

requesters = Table(
    "requesters",
    metadata,
    Column("key", String, primary_key=True),
    Column("public", LargeBinary, nullable=False),
    _entry(),
)

cameras = Table(
    "cameras",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("streams", LargeBinary, nullable=False),  # addresses and how to reach them, encrypted: they hold passwords
    Column("removed", BigInteger),
    Column("device", LargeBinary),  # canonical JSON: maker, model, firmware; null where nobody asked it
    Column("credentials", String),  # who may know the password; null: from before this was asked
    # Keyed fingerprints of main address, serial number and hardware address: the same camera added twice is noticed.
    Column("stream_mark", String, index=True),
    Column("serial_mark", String, index=True),
    Column("mac_mark", String, index=True),
    _entry(),
)

camera_versions = Table(
    "camera_versions",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("name", String, nullable=False),
    Column("streams", LargeBinary, nullable=False),  # as in cameras, without passwords
    Column("device", LargeBinary),
    Column("credentials", String),
    Column("until", BigInteger, nullable=False),  # when it was changed
    Column("seq", _SEQ, ForeignKey("log_entries.seq"), primary_key=True),  # the entry of the change
)

pending_passwords = Table(
    "pending_passwords",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("login", LargeBinary, nullable=False),  # encrypted; the device may have taken it already
)

register_entries = Table(
    "register_entries",
    metadata,
    Column("digest", String, primary_key=True),  # SHA-256 of the document, as logged
    Column("camera", String, ForeignKey("cameras.id"), nullable=False),
    Column("document", LargeBinary, nullable=False),
    _entry(),
)

recording_states = Table(
    "recording_states",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("state", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("since", BigInteger, nullable=False),
)

gaps = Table(
    "gaps",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("began", BigInteger, primary_key=True),
    Column("cause", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("ended", BigInteger),  # arrival of the first packet after it; null while it lasts
)

camera_health = Table(
    "camera_health",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("at", BigInteger, nullable=False),  # when the recorder measured
    Column("since", BigInteger),  # when the connection was made; null while there is none
    Column("connections", BigInteger, nullable=False),  # made since the recorder started
    Column("pictures", BigInteger, nullable=False),  # received since the recorder started
    Column("octets", BigInteger, nullable=False),  # of video, received since the recorder started
    Column("lost", BigInteger, nullable=False),  # RTP packets missing in the sequence since the recorder started
    Column("written", BigInteger, nullable=False),  # sealed octets made durable since the recorder started
    Column("pictures_per_s", Integer, nullable=False),  # thousandths, over the last measuring interval
    Column("bits_per_s", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),  # octets received and not yet on the disk
    Column("sync_ms", Integer, nullable=False),  # longest sync of the last measuring interval
    Column("clock_offset_ms", BigInteger),  # camera's clock minus ours, from RTCP sender reports; null if it sent none
    Column("codec", String, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
)

camera_trends = Table(
    "camera_trends",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("at", BigInteger, nullable=False),  # the measurement of ``camera_health`` that was learned last
    Column("samples", Integer, nullable=False),  # measurements behind the two that follow
    Column("pictures_per_s", Integer, nullable=False),  # what is usual, thousandths
    Column("bits_per_s", BigInteger, nullable=False),
    Column("lost_lately", BigInteger, nullable=False),  # RTP packets lost in the last five minutes
    Column("connections_lately", BigInteger, nullable=False),  # made in the last five minutes
    Column("codec", String, nullable=False),  # another codec or size is learned anew
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
)

tamper_states = Table(
    "tamper_states",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("at", BigInteger, nullable=False),  # when the masker reported last
    Column("tamper", String, nullable=False),  # what is wrong with the view; empty: nothing
    Column("since", BigInteger, nullable=False),
    Column("infrared", Boolean, nullable=False),  # night mode: a picture without colour
    Column("cover", String, nullable=False),  # why the masked picture is covered; empty: it is shown
    Column("covered_since", BigInteger, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", _SEQ, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),  # a camera's id, or a part of the node
    Column("cause", String, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("told", Boolean, nullable=False),  # false while it is snoozed
    Column("ended", BigInteger),
)
Index("open_alerts", alerts.c.ended)

alert_messages = Table(
    "alert_messages",
    metadata,
    Column("id", _SEQ, primary_key=True, autoincrement=True),
    Column("channel", String, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON
    Column("created", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", BigInteger, nullable=False),  # not tried before
    Column("failure", String, nullable=False),  # of the last attempt
)

snoozes = Table(
    "snoozes",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("kind", String, primary_key=True),  # empty: every kind
    Column("until", BigInteger, nullable=False),
    _entry(),
)

periods = Table(
    "periods",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("term", Integer, primary_key=True),
    Column("ended", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),  # bytes of the sealed segment
    Column("closing", LargeBinary, nullable=False),  # SHA-256 of the closing manifest
    Column("seq", _SEQ, ForeignKey("log_entries.seq")),  # the entry that commits to it; null until the minute is closed
    Column("due", BigInteger),  # when its retention ends; null until the keeper has read it in the opening manifest
    Column("deletion", BigInteger),  # ``deletions.seq`` while it is being deleted
)
Index("uncommitted_periods", periods.c.seq)
Index("due_periods", periods.c.due)
Index("ended_periods", periods.c.ended)
Index("going_periods", periods.c.deletion, sqlite_where=periods.c.deletion.is_not(None))

masked_minutes = Table(
    "masked_minutes",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("term", Integer, primary_key=True),
    Column("ended", BigInteger, nullable=False),
    Column("masker", String, nullable=False),
    Column("spans", LargeBinary, nullable=False),  # JSON [[start ms, end ms, cover, activity], ...]
    Column("fragments", LargeBinary, nullable=False),  # JSON [[offset, length, start ms, duration ms, key], ...]
    Column("size", BigInteger, nullable=False, server_default="0"),  # bytes of the object
    Column("deletion", BigInteger),  # ``deletions.seq`` while it is being deleted
)
Index("going_minutes", masked_minutes.c.deletion, sqlite_where=masked_minutes.c.deletion.is_not(None))

deletions = Table(
    "deletions",
    metadata,
    Column("seq", _SEQ, ForeignKey("log_entries.seq"), primary_key=True),  # the entry that announced it
    Column("reason", String, nullable=False),
    Column("root", LargeBinary, nullable=False),  # Merkle root over the closing manifests' digests
    Column("periods", Integer, nullable=False),
    Column("done", BigInteger),
)

holds = Table(
    "holds",
    metadata,
    Column("id", String, primary_key=True),
    Column("camera", String, ForeignKey("cameras.id"), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("reason", String, nullable=False),  # a reference, for example a case number
    Column("salt", LargeBinary, nullable=False),  # opens the entries' commitment
    Column("released", BigInteger),
    _entry(),
    Column("released_seq", _SEQ),  # the entry of the release
)

alarms = Table(
    "alarms",
    metadata,
    Column("kind", String, primary_key=True),
    Column("subject", String, primary_key=True),  # a camera's id, or what else of the node it is about
    Column("since", BigInteger, primary_key=True),
    Column("detail", String, nullable=False),
    Column("ended", BigInteger),  # null while it lasts
    Column("seq", _SEQ, ForeignKey("log_entries.seq")),  # the entry of the act that raised it, if one did
)

masked_inits = Table(
    "masked_inits",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("codec", String, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

candidates = Table(
    "candidates",
    metadata,
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("picture", LargeBinary),  # masked still, encrypted
    Column("taken", BigInteger),
    Column("progress", Integer, nullable=False),
    Column(
        "masker", String, nullable=False, server_default="1"
    ),  # the version that made it; 1: from before this was kept
)

certifications = Table(
    "certifications",
    metadata,
    Column("id", _SEQ, primary_key=True, autoincrement=True),
    Column("camera", String, ForeignKey("cameras.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    _entry(),
)

links = Table(
    "links",
    metadata,
    Column("token", String, primary_key=True),  # SHA-256 of the one-time token
    Column("person", String, nullable=False),  # random id
    Column("role", String, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used", BigInteger),
    _entry(),
)

sessions = Table(
    "sessions",
    metadata,
    Column("cookie", String, primary_key=True),  # SHA-256 of the cookie
    Column("person", String, nullable=False),
    Column("role", String, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("salt", LargeBinary, nullable=False),  # opens the entry's commitment; can be destroyed
    _entry(),
)

viewings = Table(
    "viewings",
    metadata,
    Column("id", String, primary_key=True),
    Column("person", String, nullable=False),
    Column("camera", String, ForeignKey("cameras.id"), nullable=False),
    Column("what", String, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("salt", LargeBinary, nullable=False),
    _entry(),
)

requests = Table(
    "requests",
    metadata,
    Column("id", String, primary_key=True),
    Column("message", LargeBinary, nullable=False),  # as signed by the requester
    Column("filed", BigInteger, nullable=False),
    _entry(),
)

answers = Table(
    "answers",
    metadata,
    Column("request", String, ForeignKey("requests.id"), primary_key=True),
    Column("custodian", Integer, primary_key=True),
    Column("act", String, nullable=False),  # granted or refused
    Column("message", LargeBinary, nullable=False),
    Column("filed", BigInteger, nullable=False),
    _entry(),
)

openings = Table(
    "openings",
    metadata,
    Column("request", String, ForeignKey("requests.id"), primary_key=True),
    Column("message", LargeBinary, nullable=False),
    Column("filed", BigInteger, nullable=False),
    _entry(),
)


def upsert(connection: Connection, table: Table, key: dict[str, object], values: dict[str, object]) -> None:
    """Update the row that ``key`` names, or insert it. The caller's transaction keeps other writers out."""
    which = and_(*(table.c[name] == value for name, value in key.items()))
    if not connection.execute(update(table).where(which).values(**values)).rowcount:
        connection.execute(insert(table).values(**key, **values))
