# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ways on which alerts leave: a webhook and e-mail, both over verified TLS.

A failure is one line without addresses, secrets or anything that the other side sent.
"""

import hashlib
import hmac
import http.client
import json
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from custodes.errors import invalid, unavailable
from custodes.node.config import Alerts
from custodes.node.store.keys import read_key

SIGNATURE = "Custodes-Signature"
"""The webhook's header: ``sha256=`` and the HMAC-SHA-256 of the body under the shared secret, in hexadecimal."""
_TIMEOUT_S = 10.0


class Channel(Protocol):
    """One way."""

    name: str

    def deliver(self, body: bytes) -> None:
        """Hand a message (JSON, see ``runtime.alerts``) over; else ``CustodesError`` (UNAVAILABLE)."""
        ...


class Webhook:
    """HTTPS POST of the JSON as it is. Redirects are not followed; anything but 2xx is a failure."""

    name = "webhook"

    def __init__(self, url: str, secret: bytes, context: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if parts.scheme != "https" or not host or parts.username is not None:
            raise invalid("alerts.webhook must be an https:// address, without a name or password in it")
        if not url.isascii() or any(letter <= " " for letter in url):
            raise invalid("alerts.webhook holds characters that an address cannot")
        self._host, self._port = host, port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secret, self._context = secret, context

    def deliver(self, body: bytes) -> None:
        signature = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", SIGNATURE: f"sha256={signature}"}
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=_TIMEOUT_S, context=self._context)
        try:
            connection.request("POST", self._target, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException, ValueError) as problem:
            raise unavailable(f"the webhook cannot be reached: {_reason(problem)}") from None
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise unavailable(f"the webhook answered {status}")


class Mail:
    """SMTP with STARTTLS or TLS from the beginning; without either nothing is sent."""

    name = "mail"

    def __init__(self, settings: Alerts, password: str, context: ssl.SSLContext) -> None:
        self._to = [address.strip() for address in settings.mail_to.split(",") if address.strip()]
        for address in (settings.mail_from, *self._to):
            if not address.isascii() or address.count("@") != 1 or any(letter <= " " for letter in address):
                raise invalid("alerts.mail_from and alerts.mail_to must be e-mail addresses")
        if not settings.smtp_host or settings.smtp_security not in ("starttls", "tls"):
            raise invalid("alerts.smtp_host must be set, and alerts.smtp_security be starttls or tls")
        self._settings, self._password, self._context = settings, password, context

    def deliver(self, body: bytes) -> None:
        message = self._message(json.loads(body))
        settings = self._settings
        where = (settings.smtp_host, settings.smtp_port)
        try:
            if settings.smtp_security == "tls":
                with smtplib.SMTP_SSL(*where, timeout=_TIMEOUT_S, context=self._context) as server:
                    self._send(server, message)
            else:
                with smtplib.SMTP(*where, timeout=_TIMEOUT_S) as server:
                    server.starttls(context=self._context)
                    self._send(server, message)
        except (OSError, smtplib.SMTPException, ValueError) as problem:
            raise unavailable(f"the mail server did not take it: {_reason(problem)}") from None

    def _send(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        if self._settings.smtp_user:
            server.login(self._settings.smtp_user, self._password)
        server.send_message(message)

    def _message(self, body: dict[str, Any]) -> EmailMessage:
        alerts = body["alerts"]
        first = _plain(alerts[0]["title"])
        message = EmailMessage()
        message["Subject"] = f"Custodes: {first}" + (f" and {len(alerts) - 1} more" if len(alerts) > 1 else "")
        message["From"], message["To"] = self._settings.mail_from, ", ".join(self._to)
        message["Date"] = formatdate()
        lines = [
            f"{_plain(each['title'])}\n  {_plain(each['cause'])}\n  since {_clock(each['since'])}" for each in alerts
        ]
        message.set_content("\n\n".join([*lines, f"Deployment {body['deployment']}"]))
        return message


def _plain(text: str) -> str:
    """One line, whatever somebody called a camera."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:200]


def _clock(text: str) -> str:
    """An instant in a message for people, to the second."""
    return f"{text[:10]} {text[11:19]} UTC"


def _reason(problem: Exception) -> str:
    match problem:
        case ssl.SSLCertVerificationError():
            return "its certificate is not valid"
        case smtplib.SMTPResponseException():
            return f"it answered {problem.smtp_code}"
        case TimeoutError():
            return "it did not answer in time"
        case OSError() if problem.strerror:
            return problem.strerror
        case _:
            return type(problem).__name__


def channels(settings: Alerts) -> list[Channel]:
    """The ways that the settings name; settings that cannot work raise ``CustodesError``."""
    found: list[Channel] = []
    if not settings.webhook and not settings.mail_to:
        return found
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except OSError:
        raise invalid("alerts.ca_file cannot be read or holds no certificate") from None
    if settings.ca_file:
        context.load_default_certs()
    if settings.webhook:
        secret = _secret(settings.webhook_secret_file, "alerts.webhook_secret_file")
        found.append(Webhook(settings.webhook, secret, context))
    if settings.mail_to:
        named = bool(settings.smtp_user)
        password = _secret(settings.smtp_password_file, "alerts.smtp_password_file") if named else b""
        found.append(Mail(settings, _text(password), context))
    return found


def _secret(path: str, name: str) -> bytes:
    if not path:
        raise invalid(f"{name} must be set")
    secret = read_key(Path(path)).strip()
    if not secret:
        raise invalid(f"{name} is empty")
    return secret


def _text(secret: bytes) -> str:
    try:
        return secret.decode()
    except UnicodeDecodeError:
        raise invalid("alerts.smtp_password_file is not text") from None
