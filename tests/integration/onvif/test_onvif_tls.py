# SPDX-License-Identifier: AGPL-3.0-or-later
"""Devices with certificates of their own making: spoken to, and remembered by them."""

import hashlib
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.node_store import node
from tests.onvif_device import Device, handler_of, serving

from custodes.domain.video import StreamUrl
from custodes.node.queries import cameras
from custodes.node.runtime.onboarding import Wanted, add
from custodes.video.ingest.onvif.account import Login
from custodes.video.ingest.onvif.http import parse_place
from custodes.video.ingest.onvif.look import look
from custodes.video.ingest.onvif.pin import certificate_pin

ADMIN = Login("admin", "sesame")


def certificate(folder: Path) -> tuple[ssl.SSLContext, str]:
    """A server's context, and the SHA-256 of its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, SHA256())
    file = folder / "camera.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, hashlib.sha256(made.public_bytes(Encoding.DER)).hexdigest()


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[Device, str]]:
    """A device that speaks TLS only, and its certificate's fingerprint."""
    context, pin = certificate(tmp_path)
    device = Device()

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: object) -> None:
            """Who asks for the certificate only hangs up."""

    server = Server(("127.0.0.1", 0), handler_of(device))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    device.port = server.server_address[1]
    device.xaddr = f"https://127.0.0.1:{device.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield device, pin
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_device_with_a_certificate_of_its_own_is_spoken_to(encrypted: tuple[Device, str]) -> None:
    device, _ = encrypted
    found = look(parse_place(f"https://{device.address}"), ADMIN, timeout_s=5)
    assert found.facts.model == "M 1"
    assert found.notes == ()


def test_what_was_encrypted_stays_so_whatever_a_device_names(encrypted: tuple[Device, str]) -> None:
    device, _ = encrypted
    device.xaddr = f"http://127.0.0.1:{device.port}"
    assert look(parse_place(f"https://{device.address}"), ADMIN, timeout_s=5).facts.model == "M 1"


def test_the_certificate_of_a_stream_is_kept_when_the_camera_is_added(
    encrypted: tuple[Device, str], tmp_path: Path
) -> None:
    device, pin = encrypted
    address = f"rtsps://127.0.0.1:{device.port}"
    assert certificate_pin(StreamUrl(f"{address}/main")) == pin
    with node(tmp_path / "here") as here:
        add(here.store, Wanted("Gate", f"{address}/main", f"{address}/sub"))
        add(here.store, Wanted("Away", "rtsps://127.0.0.1:1/main", "rtsps://127.0.0.1:1/sub"))
        assert [each.pin for each in cameras.streams(here.store)] == [pin, ""]


def test_what_is_not_encrypted_has_no_certificate() -> None:
    with serving(Device()) as device:
        for scheme in ("rtsp", "rtsps"):
            assert certificate_pin(StreamUrl(f"{scheme}://127.0.0.1:{device.port}/main")) == ""
