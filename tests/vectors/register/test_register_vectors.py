# SPDX-License-Identifier: Apache-2.0
"""Register documents as they are published, of every version, read by the package and by a second reader."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from custodes.domain.register import Credentials, decode_entry, encode_entry
from custodes.domain.schedule import ALWAYS
from custodes.errors import CustodesError

VECTORS = json.loads((Path(__file__).parent / "entries.json").read_text())


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_a_published_document_has_one_spelling_and_its_hash(version: str) -> None:
    document = VECTORS[version]["document"].encode()
    assert sha256(document).hexdigest() == VECTORS[version]["sha256"]
    # docs/format.md, section 1: sorted members, no white space, whole numbers.
    again = json.dumps(json.loads(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert again.encode() == document


def test_a_document_of_version_1_means_all_hours_and_a_known_password() -> None:
    entry = decode_entry(VECTORS["v1"]["document"].encode())
    assert (entry.schedule, entry.credentials) == (ALWAYS, Credentials.KNOWN)


def test_a_document_of_version_2_says_the_same_again() -> None:
    document = VECTORS["v2"]["document"].encode()
    entry = decode_entry(document)
    assert encode_entry(entry) == document
    assert str(entry.schedule) == "mon-fri 07:00-19:00; fri-sat 22:00-24:00; sat-sun 00:00-02:00, Europe/Berlin"
    assert entry.credentials is Credentials.REPLACED
    assert not entry.show_unconfirmed


def test_a_document_of_version_3_permits_that_something_is_shown_before_the_steward_has_looked() -> None:
    document = VECTORS["v3"]["document"].encode()
    entry = decode_entry(document)
    assert entry.show_unconfirmed
    assert encode_entry(entry) == document
    assert encode_entry(replace(entry, show_unconfirmed=False)) == VECTORS["v2"]["document"].encode()


@pytest.mark.parametrize("value", [False, 1, "true", None])
def test_version_3_has_one_meaning(value: object) -> None:
    document = json.loads(VECTORS["v3"]["document"])
    document["show_unconfirmed"] = value
    with pytest.raises(CustodesError, match="show_unconfirmed"):
        decode_entry(json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


@pytest.mark.parametrize(("version", "other"), [("v1", 2), ("v2", 1), ("v2", 3), ("v3", 2)])
def test_a_document_under_another_version_is_refused(version: str, other: int) -> None:
    document = json.loads(VECTORS[version]["document"])
    document["v"] = other
    with pytest.raises(CustodesError):
        decode_entry(json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
