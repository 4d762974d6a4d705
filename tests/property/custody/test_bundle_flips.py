# SPDX-License-Identifier: AGPL-3.0-or-later
"""Any single byte changed anywhere in a bundle is found; hostile documents raise one type of error only."""

import io
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.custody_bundle import made
from tests.custody_world import World

from custodes.domain import canonical
from custodes.errors import CustodesError
from custodes.trust.custody.archive import write_archive
from custodes.trust.custody.bundle import INDEX
from custodes.trust.custody.clip import nal_units
from custodes.trust.custody.dossier import parse_dossier
from custodes.trust.custody.policy import parse_policy
from custodes.trust.custody.request import parse_request
from custodes.trust.seal.manifest import parse_closing, parse_opening
from custodes.trust.verify.bundle import verify_bundle


def _changed(data: bytes) -> tuple[World, Path]:
    """The world, and a file of it that holds ``data``."""
    world, path, _ = made()
    path = path.with_name("flipped.zip")
    path.write_bytes(data)
    return world, path


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_byte_changed_anywhere_in_the_file_is_found(data: st.DataObject) -> None:
    changed = bytearray(made()[1].read_bytes())
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    world, path = _changed(bytes(changed))
    assert not verify_bundle(path, world.policy).ok


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_byte_changed_in_a_member_is_found_by_cryptography_alone(data: st.DataObject) -> None:
    """The forger repairs the zip around it, checksums and all, so that only signatures and hashes are left."""
    files = made()[2]
    name = data.draw(st.sampled_from(sorted(files)))
    changed = bytearray(files[name])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    stream = io.BytesIO()
    write_archive(stream, {**files, name: bytes(changed)})
    world, path = _changed(stream.getvalue())
    report = verify_bundle(path, world.policy)
    assert not report.ok
    failed = {check.name for check in report.checks if not check.ok}
    assert failed & ({"index"} if name == INDEX else {"files"})


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_documents_raise_one_type_of_error_only(data: st.DataObject) -> None:
    world, _, files = made()
    name = data.draw(st.sampled_from(sorted(name for name in files if name.endswith((".json", ".mp4")))))
    changed = bytearray(files[name])
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    hostile = bytes(changed[: data.draw(st.integers(0, len(changed)))])
    for parse in (
        parse_dossier,
        parse_policy,
        lambda found: parse_request(found, world.policy.requester_keys),
        lambda found: parse_opening(found, world.policy.recorder_keys),
        lambda found: parse_closing(found, world.policy.recorder_keys),
        lambda found: list(nal_units(found)),
    ):
        with suppress(CustodesError):
            parse(hostile)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text(max_size=40)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=10), inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["opening", "closing"]), st.data())
def test_manifests_with_any_member_of_any_form_raise_one_type_of_error_only(which: str, data: st.DataObject) -> None:
    """The signature is good: a recorder that was taken over may sign anything."""
    world, _, files = made()
    document = canonical.load_object(files[f"periods/00001/{which}.json"])
    body = canonical.member(document, "body")
    target = body
    if which == "opening" and data.draw(st.booleans()):
        target = canonical.member(body, "header")
    if which == "closing" and data.draw(st.booleans()):
        first = canonical.listed(body, "fragments")[0]
        assert isinstance(first, dict)
        target = first
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(_JSON)
    signed = world.recorder.sign(canonical.text(document, "kind"), body)
    parse = parse_opening if which == "opening" else parse_closing
    with suppress(CustodesError):
        parse(signed, world.policy.recorder_keys)
