# SPDX-License-Identifier: Apache-2.0
"""Published examples: C2SP signed-note and tlog-tiles, Go's sumdb/note, the trees of RFC 6962's code, Sigsum."""

import base64

import pytest

from custodes.errors import CustodesError
from custodes.trust.tlog.merkle import leaf_hash, prove_inclusion, root_of, verify_consistency, verify_inclusion
from custodes.trust.tlog.note import Ed25519Signer, Note, SignatureType, VerifierKey, parse_vkey
from custodes.trust.tlog.tiles import edge_widths, tile_path
from custodes.trust.tlog.witness import Witness

# Eight entries and the roots of the trees of the first 1 to 8 (certificate-transparency's merkle_tree_test).
ENTRIES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_of_the_reference_trees_are_found(size: int) -> None:
    assert root_of(LEAVES[:size]) == ROOTS[size - 1]


def test_the_reference_audit_path_of_the_first_of_eight_leaves_is_found_and_verifies() -> None:
    path = [
        bytes.fromhex("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
        bytes.fromhex("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
        bytes.fromhex("6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"),
    ]
    assert prove_inclusion(LEAVES, 0) == path
    verify_inclusion(LEAVES[0], 0, 8, path, ROOTS[7])


def test_the_reference_consistency_proofs_verify_and_fail_for_other_roots() -> None:
    six_to_eight = [
        bytes.fromhex("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
        bytes.fromhex("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
        bytes.fromhex("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ]
    verify_consistency(6, 8, six_to_eight, (ROOTS[5], ROOTS[7]))
    two_to_five = [
        bytes.fromhex("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
        bytes.fromhex("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"),
    ]
    verify_consistency(2, 5, two_to_five, (ROOTS[1], ROOTS[4]))
    for wrong in ((ROOTS[5], ROOTS[6]), (ROOTS[4], ROOTS[7]), (ROOTS[7], ROOTS[5])):
        with pytest.raises(CustodesError):
            verify_consistency(6, 8, six_to_eight, wrong)


def test_the_example_of_signed_note_verifies_and_a_changed_text_does_not() -> None:
    key = parse_vkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    note = (
        "This is an example message.\n\n"
        "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlT"
        "gK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    ).encode()
    assert [verified.key for verified in Note.parse(note).verify([key])] == [key]
    assert Note.parse(note).serialise() == note
    with pytest.raises(CustodesError):
        Note.parse(note.replace(b"an example", b"no example")).verify([key])


def test_the_key_and_note_of_go_are_made_byte_for_byte() -> None:
    private = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
    signer = Ed25519Signer("PeterNeumann", private[1:])
    assert signer.vkey == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    assert Note(text, (signer.sign(text),)).serialise() == f"{text}\n{line}\n".encode()


def test_tile_paths_and_widths_are_those_of_the_specification() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 0, 5) == "tile/entries/000.p/5"
    assert edge_widths(70_000) == [112, 17, 1]
    assert edge_widths(256) == [0, 1]


SIGSUM = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
SIGSUM_KEY = bytes.fromhex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f")


def _leaf(number: int) -> str:
    return base64.b64encode(bytes([42, number]) + bytes(30)).decode()


def _request(old: int, proof: list[str], size: int, root: str, signature: str) -> bytes:
    head = "".join(f"{line}\n" for line in [f"old {old}", *proof])
    return f"{head}\n{SIGSUM}\n{size}\n{root}\n\n— {SIGSUM} {signature}\n".encode()


ONE = _request(
    0,
    [],
    1,
    _leaf(0),
    "UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=",
)
_THREE = ("RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=", "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj")
THREE_SIGNATURE = _THREE[1] + "2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go="
FIVE = (
    5,
    "QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=",
    "UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=",
)


class _States(dict[str, bytes]):
    load = dict.get

    def save(self, origin: str, checkpoint: bytes) -> None:
        self[origin] = checkpoint


def test_the_witness_answers_a_sigsum_log_as_litewitness_does() -> None:
    key = VerifierKey(SIGSUM, SignatureType.ED25519, SIGSUM_KEY)
    witness = Witness(_States(), [], lambda origin: [key] if origin == SIGSUM else [])

    def status(request: bytes) -> int:
        return witness.add_checkpoint(request)[0]

    proof = [_leaf(1), _leaf(2)]
    three = (3, _THREE[0], THREE_SIGNATURE)
    assert status(ONE) == 200
    assert status(_request(1, proof, 3, _THREE[0], THREE_SIGNATURE.replace("go=", "gw="))) in (400, 403)
    assert status(_request(1, proof, *three).replace(b"e562", b"e563")) == 404
    assert status(_request(1, [], *three)) == 422
    assert status(_request(1, [_leaf(1), _leaf(9)], *three)) == 422
    assert status(_request(1, proof, *three)) == 200
    conflict = witness.add_checkpoint(_request(1, proof, *FIVE))
    assert conflict == (409, "text/x.tlog.size", b"3\n")
    to_five = [_leaf(2), _leaf(3), "wgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=", _leaf(4)]
    assert status(_request(3, to_five, *FIVE)) == 200
    assert witness.add_checkpoint(_request(0, [], *FIVE)) == (409, "text/x.tlog.size", b"5\n")
