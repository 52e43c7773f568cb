"""The outside, on this machine: an SMTP server (aiosmtpd), and a push service with a device that reads what it gets."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import NamedTemporaryFile
from threading import Thread
from typing import Any, Self

import jwt
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from core.clock import FixedClock, SystemClock
from identity.notices.channels import Parcel


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def authority(name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's certificate for this name, signed by an authority of its own; and who believes in that authority."""
    now = SystemClock().now()
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in ("Authority of a test", name)]

    def certificate(at: int, *, ca: bool) -> x509.Certificate:
        made = (
            x509.CertificateBuilder()
            .subject_name(names[at])
            .issuer_name(names[0])
            .public_key(keys[at].public_key())
            .serial_number(at + 1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        )
        if not ca:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return made.sign(keys[0], SHA256())

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile() as file:
        secret = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write(certificate(1, ca=False).public_bytes(Encoding.PEM) + secret)
        file.flush()
        server.load_cert_chain(file.name)
    believed = certificate(0, ca=True).public_bytes(Encoding.PEM).decode()
    return server, ssl.create_default_context(cadata=believed)


@dataclass
class MailBox:
    """Takes every letter, unless it is told what to answer. With `tls`, only by STARTTLS; `at_once`, from the start."""

    tls: ssl.SSLContext | None = None
    at_once: bool = False
    encrypted: list[bool] = field(default_factory=list)
    """Of each letter, whether it came under TLS."""
    letters: list[EmailMessage] = field(default_factory=list)
    to_recipient: str | None = None
    to_letter: str | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        upgrades = self.tls is not None and not self.at_once
        options: dict[str, Any] = {"tls_context": self.tls, "require_starttls": True} if upgrades else {}

        def served() -> SMTP:
            return SMTP(self, loop=loop, hostname="mail.test", **options)

        self._server = await loop.create_server(served, "127.0.0.1", 0, ssl=self.tls if self.at_once else None)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def at(self, scheme: str) -> str:
        """The address, by the name for which there may be a certificate."""
        return f"{scheme}://localhost:{self._server.sockets[0].getsockname()[1]}"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - the library calls it so
        if self.to_recipient is not None:
            return self.to_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        if self.to_letter is not None:
            return self.to_letter
        letter = message_from_bytes(envelope.content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 OK"


class Device:
    """A browser with a subscription. It reads by RFC 8291 and RFC 8188, written anew from their text."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)
        self.public = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def read(self, body: bytes) -> Any:
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self._private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        secret = HKDF(SHA256(), 32, self.auth, b"WebPush: info\x00" + self.public + sender).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
        plain = AESGCM(key).decrypt(nonce, sealed, None)
        assert plain.endswith(b"\x02")
        return json.loads(plain[:-1])


@dataclass
class PushService:
    """Answers 201 to whoever is signed for it, unless it is told what to answer."""

    clock: FixedClock
    pushed: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.pushed.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(service.status)
                for name, value in service.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def origin(self) -> str:
        return f"http://localhost:{self._server.server_address[1]}"

    @property
    def endpoint(self) -> str:
        return f"{self.origin}/push/one"

    def claims(self, at: int = -1) -> tuple[dict[str, Any], str]:
        """What was signed, proved with the key that came beside it; and that key."""
        scheme, _, said = self.pushed[at][0]["authorization"].partition(" ")
        assert scheme == "vapid"
        parts = dict(part.strip().split("=", 1) for part in said.split(","))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(parts["k"]))
        options: Any = {"verify_exp": False}
        return jwt.decode(parts["t"], key, ["ES256"], audience=self.origin, options=options), parts["k"]


@dataclass
class Remembered:
    """The way out that keeps what it is given: implements :class:`identity.notices.channels.Channel`."""

    parcels: list[Parcel] = field(default_factory=list)
    failure: Exception | None = None
    before: Callable[[Parcel], None] | None = None

    async def send(self, parcel: Parcel) -> None:
        if self.before is not None:
            self.before(parcel)
        if self.failure is not None:
            raise self.failure
        self.parcels.append(parcel)
