# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes verify bundle`` ends 1 and names what is wrong, whatever was done to whichever file of a bundle.

The forger makes the archive whole again around each change, so that only signatures, hashes and rules are left.
"""

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import redirect_stdout

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.custody_bundle import made

from custodes.cli import main
from custodes.trust.custody.archive import write_archive
from custodes.trust.custody.bundle import INDEX
from custodes.trust.custody.policy import encode_policy

Files = dict[str, bytes]


def _verdict(data: bytes) -> tuple[int, dict[str, str]]:
    """The command's exit code, and what it says of each check that failed."""
    world, out = made()[0], io.StringIO()
    changed, policy = world.folder / "changed.zip", world.folder / "policy"
    changed.write_bytes(data)
    policy.write_bytes(encode_policy(world.policy))
    with redirect_stdout(out):
        code = main(["verify", "bundle", str(changed), "--policy", str(policy), "--json"])
    checks = json.loads(out.getvalue())["checks"]
    return code, {check["name"]: check["detail"] for check in checks if not check["ok"]}


def _whole(files: Files) -> bytes:
    stream = io.BytesIO()
    write_archive(stream, files)
    return stream.getvalue()


def _named(files: Files, name: str) -> None:
    """The command ends 1, and says that it is this file, or that the index no longer holds."""
    code, failed = _verdict(_whole(files))
    assert code == 1
    if name == INDEX:
        assert "index" in failed
    else:
        assert name in failed["files"]


def test_the_bundle_as_it_was_made_is_accepted() -> None:
    files = made()[2]
    assert _verdict(_whole(files)) == (0, {})
    assert {name.split("/")[0] for name in files} == {
        *("bundle.json", "grants", "index.html", "masked", "native", "periods", "refusals", "request")
    }


@pytest.mark.parametrize("bit", [0, 7])
def test_every_file_is_missed_if_its_first_middle_or_last_byte_is_another(bit: int) -> None:
    files = made()[2]
    for name, data in files.items():
        for place in (0, len(data) // 2, len(data) - 1):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            _named({**files, name: bytes(changed)}, name)


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a byte more": lambda data: data + b"\n",
    "a byte before": lambda data: b"\n" + data,
    "a byte less": lambda data: data[:-1],
    "nothing left": lambda data: b"",
    "twice": lambda data: data * 2,
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_file_is_missed_if_it_grew_or_shrank(change: str) -> None:
    files = made()[2]
    for name, data in files.items():
        _named({**files, name: CHANGES[change](data)}, name)


def test_every_file_is_missed_if_it_was_taken_out_or_renamed_or_has_a_copy() -> None:
    files = made()[2]
    for name, data in files.items():
        others = {other: content for other, content in files.items() if other != name}
        for changed in (others, {**others, f"{name}.x": data}):
            code, failed = _verdict(_whole(changed))
            assert code == 1
            assert name in failed["index" if name == INDEX else "files"]
        copied = f"{name.rpartition('/')[0] or 'native'}/copy"
        code, failed = _verdict(_whole({**files, copied: data}))
        assert (code, copied in failed["files"]) == (1, True)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_two_files_that_changed_places_are_found(data: st.DataObject) -> None:
    files = made()[2]
    first, second = data.draw(st.lists(st.sampled_from(sorted(files)), min_size=2, max_size=2, unique=True))
    if files[first] != files[second]:
        code, failed = _verdict(_whole({**files, first: files[second], second: files[first]}))
        assert code == 1
        assert failed["index"] if INDEX in (first, second) else failed["files"]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_file_that_was_cut_off_or_has_something_before_or_behind_it_is_no_bundle(data: st.DataObject) -> None:
    whole = _whole(made()[2])
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    extra = data.draw(st.binary(min_size=1, max_size=40))
    for changed in (cut, whole + extra, extra + whole, whole + whole):
        code, failed = _verdict(changed)
        assert (code, set(failed)) == (1, {"container"})


def test_a_name_that_is_there_twice_or_leads_elsewhere_is_no_bundle() -> None:
    files = made()[2]

    def written(members: list[tuple[str, bytes]]) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, data in members:
                entry = zipfile.ZipInfo(name)
                archive.writestr(entry, data)
                entry.create_system = entry.external_attr = 0  # as ours are spelled
        return stream.getvalue()

    members = sorted(files.items())
    assert written(members) == _whole(files)
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = written(sorted([*members, members[3]]))
    for changed in (twice, written(members[::-1]), written([("../../outside", b"x"), *members])):
        code, failed = _verdict(changed)
        assert (code, set(failed)) == (1, {"container"})
