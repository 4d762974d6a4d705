# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ways on which alerts leave, against real servers: signed, encrypted, and never to whom nobody vouches for."""

import hashlib
import hmac
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.alert_servers import certificate, hook, post
from tests.node_store import Node, node

from custodes.errors import CustodesError, Kind
from custodes.node.config import Alerts, load_settings
from custodes.node.runtime.delivery import Webhook, channels


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("sesame\n")
    path.chmod(0o600)
    return path


BODY = json.dumps(
    {
        "v": 1,
        "deployment": "d",
        "sent": "now",
        "alerts": [
            {
                "title": "Gate\r\nBcc: everybody@example is down",
                "cause": "silent",
                "since": "2026-09-21T14:13:20.000000000Z",
            },
            {"title": "Yard is down", "cause": "silent", "since": "2026-09-21T14:13:20.000000000Z"},
        ],
    }
).encode()


def test_a_webhook_gets_the_message_with_a_signature_that_it_can_check(tmp_path: Path, secret: Path) -> None:
    believed, context = certificate(tmp_path)
    with hook(context) as server:
        url = f"https://127.0.0.1:{server.port}/alerts?room=1"
        settings = Alerts(webhook=url, webhook_secret_file=str(secret), ca_file=str(believed))
        (way,) = channels(settings)
        way.deliver(BODY)
        (path, headers, body) = server.got[0]
    assert (path, body) == ("/alerts?room=1", BODY)
    assert headers["Custodes-Signature"] == f"sha256={hmac.new(b'sesame', BODY, hashlib.sha256).hexdigest()}"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 403, 500, 503])
def test_a_redirect_is_not_followed_and_a_refusal_is_a_failure(tmp_path: Path, secret: Path, status: int) -> None:
    believed, context = certificate(tmp_path)
    with hook(context) as server:
        server.status = status
        url = f"https://127.0.0.1:{server.port}/secret-path"
        way = Webhook(url, b"sesame", ssl.create_default_context(cafile=believed))
        with pytest.raises(CustodesError) as refusal:
            way.deliver(BODY)
        assert len(server.got) == 1
    assert str(refusal.value) == f"the webhook answered {status}"


def test_a_webhook_whose_certificate_nobody_vouches_for_gets_nothing(tmp_path: Path) -> None:
    _, context = certificate(tmp_path)
    other, _ = certificate(tmp_path, "127.0.0.2")
    with hook(context) as server:
        for trust in (ssl.create_default_context(), ssl.create_default_context(cafile=other)):
            with pytest.raises(CustodesError) as refusal:
                Webhook(f"https://127.0.0.1:{server.port}/", b"sesame", trust).deliver(BODY)
            assert str(refusal.value) == "the webhook cannot be reached: its certificate is not valid"
        assert server.got == []
        port = server.port
    with pytest.raises(CustodesError) as refusal:
        Webhook(f"https://127.0.0.1:{port}/", b"sesame", ssl.create_default_context()).deliver(BODY)
    assert refusal.value.kind is Kind.UNAVAILABLE


def mail(port: int, secret: Path, believed: Path) -> Alerts:
    return Alerts(
        mail_to="duty@town.example, deputy@town.example",
        mail_from="custodes@town.example",
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_user="custodes",
        smtp_password_file=str(secret),
        ca_file=str(believed),
    )


def test_mail_goes_out_after_tls_has_begun_and_a_name_cannot_add_a_header(tmp_path: Path, secret: Path) -> None:
    believed, context = certificate(tmp_path)
    with post(context) as server:
        (way,) = channels(mail(server.port, secret, believed))
        way.deliver(BODY)
    heads = server.commands
    assert heads.index("STARTTLS") < next(at for at, line in enumerate(heads) if line.startswith("AUTH"))
    assert [line for line in heads if line.lower().startswith("rcpt")] == [
        "rcpt TO:<duty@town.example>",
        "rcpt TO:<deputy@town.example>",
    ]
    (message,) = server.messages
    assert "Subject: Custodes: Gate Bcc: everybody@example is down and 1 more" in message
    assert "\nBcc:" not in message
    assert "Yard is down\n  silent\n  since 2026-09-21 14:13:20 UTC" in message


def test_mail_is_not_sent_in_the_clear_nor_to_a_server_that_nobody_vouches_for(tmp_path: Path, secret: Path) -> None:
    believed, context = certificate(tmp_path)
    other, _ = certificate(tmp_path, "127.0.0.2")
    with post(None) as plain, post(context) as unknown:
        for server, trust in ((plain, believed), (unknown, other)):
            (way,) = channels(mail(server.port, secret, trust))
            with pytest.raises(CustodesError) as refusal:
                way.deliver(BODY)
            assert "sesame" not in str(refusal.value)
            assert not [line for line in server.commands if line.startswith(("AUTH", "mail"))]
            assert server.messages == []


def test_a_mail_server_that_takes_nothing_is_a_failure(tmp_path: Path, secret: Path) -> None:
    believed, context = certificate(tmp_path)
    with post(context) as server:
        server.refuse = True
        (way,) = channels(mail(server.port, secret, believed))
        with pytest.raises(CustodesError) as refusal:
            way.deliver(BODY)
    assert str(refusal.value) == "the mail server did not take it: it answered 451"


@pytest.mark.parametrize(
    "lines",
    [
        'webhook = "http://town.example/"',
        'webhook = "https://user:sesame@town.example/"',
        'webhook = "https://town.example:port/"',
        'webhook = "https://town.example/a b"',
        'webhook = "https://town.example/"\nwebhook_secret_file = ""',
        'mail_to = "duty"\nmail_from = "a@b"\nsmtp_host = "h"',
        'mail_to = "a@b"\nmail_from = "a@b\\nBcc: c@d"\nsmtp_host = "h"',
        'mail_to = "a@b"\nmail_from = "a@b"',
        'mail_to = "a@b"\nmail_from = "a@b"\nsmtp_host = "h"\nsmtp_security = "none"',
        'mail_to = "a@b"\nca_file = "/nonexistent"',
        "smtp_port = true",
        'pager = "x"',
    ],
)
def test_settings_that_cannot_work_are_one_line(here: Node, secret: Path, lines: str) -> None:
    given = f'webhook_secret_file = "{secret}"\n' if "webhook =" in lines and "secret_file" not in lines else ""
    here.layout.settings.write_text(f"[alerts]\n{given}{lines}\n")
    with pytest.raises(CustodesError) as refusal:
        channels(load_settings(here.layout).alerts)
    assert refusal.value.kind is Kind.INVALID
    assert "sesame" not in str(refusal.value)


def test_a_secret_that_others_can_read_is_refused(secret: Path) -> None:
    secret.chmod(0o644)
    with pytest.raises(CustodesError) as refusal:
        channels(Alerts(webhook="https://town.example/", webhook_secret_file=str(secret)))
    assert "chmod 600" in str(refusal.value)
