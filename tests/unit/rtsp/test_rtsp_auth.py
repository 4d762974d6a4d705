# SPDX-License-Identifier: AGPL-3.0-or-later
"""Answers to a camera's challenge, against the vectors of RFC 7616 and RFC 2069."""

import base64
import re

import pytest

from custodes.video.ingest.rtsp import auth
from custodes.video.ingest.rtsp.auth import Challenge, best_challenge

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
HEAD = f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={{}}, nonce="{NONCE}", opaque="{OPAQUE}"'


def chosen(*headers: str) -> Challenge:
    found = best_challenge(headers)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_answers_as_rfc_7616_section_3_9_1_has_it(
    algorithm: str, response: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth.secrets, "token_hex", lambda _count: CNONCE)
    answer = chosen(HEAD.format(algorithm)).answer("Mufasa", "Circle of Life", "GET", "/dir/index.html")
    assert f'response="{response}"' in answer
    assert "nc=00000001" in answer
    assert f'opaque="{OPAQUE}"' in answer


def test_without_qop_it_answers_as_rfc_2069_has_it() -> None:
    # The response as corrected by the erratum to RFC 2069 (errata id 749).
    challenge = chosen(
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",'
        ' opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    answer = challenge.answer("Mufasa", "CircleOfLife", "GET", "/dir/index.html")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in answer
    assert "nc=" not in answer


def test_basic_is_user_and_password_in_base64() -> None:
    answer = chosen('Basic realm="camera"').answer("admin", "pä:ss", "DESCRIBE", "rtsp://h/")
    assert base64.b64decode(answer.removeprefix("Basic ")).decode() == "admin:pä:ss"


@pytest.mark.parametrize(
    "headers",
    [
        ('Basic realm="x"', 'Digest realm="x", nonce="n"', 'Digest realm="x", nonce="n", algorithm=SHA-256'),
        ('Digest realm="x", nonce="n", Basic realm="x", Digest realm="x", nonce="m", algorithm="SHA-256"',),
    ],
)
def test_of_several_challenges_the_strongest_is_answered(headers: tuple[str, ...]) -> None:
    assert chosen(*headers).algorithm == "SHA-256"


@pytest.mark.parametrize(
    "header",
    ["", "Negotiate", 'Digest realm="x"', 'Digest nonce="n", algorithm=SHA-512', 'Digest nonce="n", qop="auth-int"'],
)
def test_what_cannot_be_answered_is_not(header: str) -> None:
    assert best_challenge([header]) is None


def test_a_realm_that_names_a_scheme_is_no_second_challenge() -> None:
    assert chosen('Digest realm="front, Basic door", nonce="n"').realm == "front, Basic door"


def test_each_request_counts_and_has_a_nonce_of_its_own() -> None:
    challenge = chosen(HEAD.format("SHA-256"))
    answers = [challenge.answer("u", "p", "OPTIONS", "rtsp://h/") for _ in range(3)]
    assert [re.findall(r"nc=(\w+)", answer)[0] for answer in answers] == ["00000001", "00000002", "00000003"]
    assert len({re.findall(r'cnonce="(\w+)"', answer)[0] for answer in answers}) == 3


def test_the_password_is_not_in_the_answer() -> None:
    assert "hush" not in chosen(HEAD.format("MD5")).answer("u", "hush", "PLAY", "rtsp://h/")


@pytest.mark.parametrize("filler", ["a" * 30_000, 'x="' + "\\" * 30_000, "," * 30_000])
def test_a_challenge_that_is_too_long_to_be_one_is_not_looked_at(filler: str) -> None:
    assert best_challenge([f'Digest realm="r", nonce="n", {filler}']) is None
