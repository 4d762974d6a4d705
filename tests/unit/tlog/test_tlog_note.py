# SPDX-License-Identifier: Apache-2.0
"""Notes, keys, checkpoints and cosignatures."""

import pytest
from tests.unit.tlog.tlog_tools import ORIGIN, log_signers, seed, witness_signers

from custodes.clock import SECOND, FakeClock
from custodes.errors import CustodesError, Kind
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint, sign
from custodes.trust.tlog.merkle import EMPTY_ROOT
from custodes.trust.tlog.note import (
    Ed25519Cosigner,
    Ed25519Signer,
    MlDsa44Signer,
    Note,
    Signature,
    Signer,
    parse_vkey,
    parse_vkeys,
)

HEAD = Checkpoint(ORIGIN, 7, seed("root"))


@pytest.mark.parametrize("number", range(3))
def test_each_type_of_signature_verifies_its_own_text_only(number: int) -> None:
    clock = FakeClock(1_790_000_001 * SECOND + 999)
    signer: Signer = [
        Ed25519Signer("a.example/k", seed("a")),
        Ed25519Cosigner("a.example/k", seed("a"), clock),
        MlDsa44Signer("a.example/k", seed("a"), clock),
    ][number]
    key = parse_vkey(signer.vkey)
    assert key == signer.key
    signature = signer.sign(HEAD.text)
    assert key.verify(HEAD.text, signature.data) == (None if number == 0 else 1_790_000_001 * SECOND)
    other = Checkpoint(ORIGIN, 8, HEAD.root).text
    wrong = [(other, signature.data)]
    for position in (0, 7, 8, len(signature.data) - 1):
        flipped = bytearray(signature.data)
        flipped[position] ^= 1
        wrong.append((HEAD.text, bytes(flipped)))
    wrong += [(HEAD.text, signature.data[:-1]), (HEAD.text, b""), (HEAD.text, b"\xff" * len(signature.data))]
    for text, data in wrong:
        with pytest.raises(CustodesError):
            key.verify(text, data)


def test_the_same_key_under_another_name_or_type_has_another_key_id() -> None:
    keys = [
        Ed25519Signer("a.example", seed("a")).key,
        Ed25519Signer("b.example", seed("a")).key,
        Ed25519Cosigner("a.example", seed("a"), FakeClock()).key,
    ]
    assert len({key.key_id for key in keys}) == 3


def test_an_mldsa44_cosignature_binds_the_cosigners_name() -> None:
    first = MlDsa44Signer("a.example", seed("a"), FakeClock())
    second = MlDsa44Signer("b.example", seed("a"), FakeClock())
    with pytest.raises(CustodesError):
        second.key.verify(HEAD.text, first.sign(HEAD.text).data)


def test_mldsa44_signs_nothing_but_checkpoints() -> None:
    with pytest.raises(CustodesError):
        log_signers()[1].sign("just a text\n")


def test_signatures_of_unknown_keys_are_ignored_but_a_wrong_one_of_a_known_key_spoils_the_note() -> None:
    one, two = Ed25519Signer("one.example", seed("1")), Ed25519Signer("two.example", seed("2"))
    note = Note("text\n", (one.sign("text\n"), two.sign("text\n")))
    assert [verified.key for verified in note.verify([two.key])] == [two.key]
    spoilt = Note("text\n", (one.sign("text\n"), two.sign("other\n")))
    assert [verified.key for verified in spoilt.verify([one.key])] == [one.key]
    for keys in ([one.key, two.key], [two.key], []):
        with pytest.raises(CustodesError) as caught:
            spoilt.verify(keys)
        assert caught.value.kind is Kind.CORRUPT


def test_a_log_is_verified_with_keys_of_its_own_name_only() -> None:
    impostor = Ed25519Signer("impostor.example", seed("i"))
    signed = sign(HEAD, [impostor])
    assert signed.verify([impostor.key])
    with pytest.raises(CustodesError):
        signed.verify_log([impostor.key])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"text\n\n",
        "text\n— a AAAAAAA=\n".encode(),
        "text\n\n— a AAAAAAA=".encode(),
        "text\n\n— a AAAAAAA=\n\n".encode(),
        b"text\n\n- a AAAAAAA=\n",
        "text\n\n— a+b AAAAAAA=\n".encode(),
        "text\n\n—  AAAAAAA=\n".encode(),
        "text\n\n— a b AAAAAAA=\n".encode(),
        "text\n\n— a AAAAAAB=\n".encode(),
        "text\n\n— a AAAA\n".encode(),
        "text\n\n— a !!!!\n".encode(),
        "te\rxt\n\n— a AAAAAAA=\n".encode(),
        "te\x00xt\n\n— a AAAAAAA=\n".encode(),
        b"\xff\n\n" + "— a AAAAAAA=\n".encode(),
        ("text\n\n" + "— a AAAAAAA=\n" * 65).encode(),
        b"a" * 600_000 + "\n\n— a AAAAAAA=\n".encode(),
    ],
)
def test_a_malformed_note_is_refused(data: bytes) -> None:
    with pytest.raises(CustodesError):
        Note.parse(data)


def test_at_least_sixteen_large_signatures_are_accepted() -> None:
    signers = [MlDsa44Signer(f"w{number}.example", seed(str(number)), FakeClock()) for number in range(16)]
    signed = SignedCheckpoint.parse(sign(HEAD, signers).serialise())
    assert len(signed.verify([signer.key for signer in signers])) == 16


@pytest.mark.parametrize("change", ["", "+", "a+b+c", "name+00000000+AQ==", "type", "length", "id", "case", "space"])
def test_a_malformed_verifier_key_is_refused(change: str) -> None:
    vkey = Ed25519Signer("a.example", seed("a")).vkey
    name, key_id, blob = vkey.split("+", 2)
    changed = {
        "type": f"{name}+{key_id}+{'B' + blob[1:]}",
        "length": f"{name}+{key_id}+AQAA",
        "id": f"{name}+{'0' * 8}+{blob}",
        "case": f"{name}+{key_id.upper()}+{blob}",
        "space": f"a example+{key_id}+{blob}",
    }.get(change, change)
    with pytest.raises(CustodesError):
        parse_vkey(changed)


def test_a_file_of_verifier_keys_is_read_line_by_line() -> None:
    keys = [signer.key for signer in log_signers()]
    assert parse_vkeys("".join(f"{key}\n" for key in keys)) == keys


@pytest.mark.parametrize(
    "text",
    [
        "\n7\nx\n",
        "a\n07\nROOT\n",
        "a\n-1\nROOT\n",
        "a\n\u0667\nROOT\n",
        "a\n9223372036854775808\nROOT\n",
        "a\n7\nROOT",
        "a\n7\n",
        "a\n7\nAAAA\n",
        "a\n7\nROOT\n\n",
    ],
)
def test_a_malformed_checkpoint_text_is_refused(text: str) -> None:
    good = HEAD.text.split("\n")[2]
    note = Note(text.replace("ROOT", good), (Signature("a", b"keyid"[:4], b"signature"),))
    with pytest.raises(CustodesError):
        SignedCheckpoint.parse(note.serialise())


def test_extension_lines_of_other_logs_are_kept_and_signed_by_ed25519() -> None:
    text = f"{HEAD.text}an extension\n"
    signer = log_signers()[0]
    signed = SignedCheckpoint.parse(Note(text, (signer.sign(text),)).serialise())
    assert signed.checkpoint.extensions == ("an extension",)
    assert signed.checkpoint.text == text
    signed.verify_log([signer.key])


def test_a_new_cosignature_of_a_witness_takes_the_place_of_its_old_one() -> None:
    clock = FakeClock()
    signed = sign(Checkpoint(ORIGIN, 0, EMPTY_ROOT), log_signers())
    signers = witness_signers(clock=clock)
    for _ in range(2):
        signed = signed.with_lines([signer.sign(signed.note.text).line + "\n" for signer in signers])
        clock.advance(SECOND)
    assert len(signed.note.signatures) == 4
    assert {verified.time for verified in signed.verify([signer.key for signer in signers])} == {clock.now() - SECOND}
