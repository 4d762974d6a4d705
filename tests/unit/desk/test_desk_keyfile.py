# SPDX-License-Identifier: AGPL-3.0-or-later
"""Key files."""

from pathlib import Path

import pytest

from custodes.desk import keyfile
from custodes.desk.keyfile import load_key, load_policy_file, save_key
from custodes.domain import canonical
from custodes.errors import CustodesError, Kind


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second and 128 MiB per passphrase are for attackers."""
    monkeypatch.setattr(keyfile, "SCRYPT_N", 2**4)


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_a_key_comes_back_and_only_its_owner_can_read_the_file(tmp_path: Path, passphrase: str | None) -> None:
    path = tmp_path / "keys" / "identity.key"
    save_key(path, "identity", "ab" * 16, b"s" * 64, passphrase)
    assert load_key(path, "identity", passphrase) == b"s" * 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(CustodesError, match="never overwritten") as again:
        save_key(path, "identity", "ab" * 16, b"t" * 64, passphrase)
    assert again.value.kind is Kind.CONFLICT
    with pytest.raises(CustodesError, match="not a key of the kind"):
        load_key(path, "wrapping", passphrase)


def test_a_sealed_key_needs_its_passphrase_and_holds_no_seed(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    save_key(path, "identity", "ab" * 16, b"SECRETSEED" * 4, "correct horse")
    assert "seed" not in canonical.load_object(path.read_bytes())
    for wrong in (None, "", "wrong horse"):
        with pytest.raises(CustodesError, match="passphrase") as problem:
            load_key(path, "identity", wrong)
        assert problem.value.kind is Kind.DENIED


def test_a_sealed_key_is_bound_to_what_the_file_says_of_it(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    save_key(path, "identity", "ab" * 16, b"s" * 64, "correct horse")
    content = canonical.load_object(path.read_bytes())
    path.write_bytes(canonical.dumps({**content, "key": "cd" * 16}))
    with pytest.raises(CustodesError, match="wrong, or the file was changed"):
        load_key(path, "identity", "correct horse")
    kdf = canonical.member(content, "kdf")
    path.write_bytes(canonical.dumps({**content, "kdf": {**kdf, "n": 2**30}}))
    with pytest.raises(CustodesError, match="not known"):
        load_key(path, "identity", "correct horse")


def test_missing_files_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CustodesError, match="there is no") as problem:
        load_key(tmp_path / "none", "identity")
    assert problem.value.kind is Kind.NOT_FOUND
    with pytest.raises(CustodesError, match="from somebody you trust"):
        load_policy_file(tmp_path)
