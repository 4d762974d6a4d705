# SPDX-License-Identifier: Apache-2.0
"""A published evidence bundle: two minutes of a camera, two witnesses with two keys each, two grants and a refusal.

The second decoder and the product accept it, and neither accepts it with one byte changed.
"""

import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.second_decoder import Decoder

from custodes.trust.custody.policy import parse_policy
from custodes.trust.verify.bundle import verify_bundle

FOLDER = Path(__file__).parent
BUNDLE, POLICY = FOLDER / "bundle.zip", (FOLDER / "policy").read_bytes()
CLIPS = ["native/00001-20260921t141400z.mp4", "native/00002-20260921t141500z.mp4"]
REFUSALS = (AssertionError, InvalidSignature, ValueError, LookupError, TypeError, struct.error, zipfile.BadZipFile)


def test_the_second_decoder_is_small_and_imports_nothing_of_ours() -> None:
    source = (FOLDER.parents[1] / "second_decoder.py").read_text()
    assert len(source.splitlines()) < 200
    assert "custodes." not in source
    assert "import custodes" not in source


def test_the_published_bundle_holds_for_the_second_decoder_and_for_the_product() -> None:
    assert Decoder(POLICY).bundle(BUNDLE) == CLIPS
    assert [check.name for check in verify_bundle(BUNDLE, parse_policy(POLICY)).checks if not check.ok] == []


def _refused(changed: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.zip"
        path.write_bytes(changed)
        with pytest.raises(REFUSALS):
            Decoder(POLICY).bundle(path)
        assert not verify_bundle(path, parse_policy(POLICY)).ok


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_byte_changed_anywhere_in_the_published_bundle_is_found_by_both(data: st.DataObject) -> None:
    changed = bytearray(BUNDLE.read_bytes())
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    _refused(bytes(changed))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_byte_changed_in_a_member_is_found_by_both_though_the_archive_is_made_whole(data: st.DataObject) -> None:
    decoder = Decoder(POLICY)
    with zipfile.ZipFile(BUNDLE) as archive:
        decoder.files = {name: archive.read(name) for name in archive.namelist()}
    name = data.draw(st.sampled_from(sorted(decoder.files)))
    changed = bytearray(decoder.files[name])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    decoder.files[name] = bytes(changed)
    _refused(decoder.spelled())
