"""An authenticator in software (WebAuthn Level 3 §6), with the browser around it. It lies where a test tells it to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40


@dataclass
class Held:
    """A credential that the authenticator holds."""

    id: bytes
    rp_id: str
    user_handle: bytes
    name: str
    count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def cose(self) -> bytes:
        public = self.key.public_key().public_numbers()
        x, y = public.x.to_bytes(32, "big"), public.y.to_bytes(32, "big")
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})


@dataclass
class Lies:
    """Where it departs from the truth; None says the truth."""

    origin: str | None = None
    rp_id: str | None = None
    challenge: str | None = None
    type: str | None = None
    cross_origin: bool | None = None
    top_origin: str | None = None
    verified: bool = True
    present: bool = True
    count: int | None = None
    signed_by: ec.EllipticCurvePrivateKey | None = None
    user_handle: bytes | None = None
    format: str = "none"
    cose: bytes | None = None
    credential_id: bytes | None = None


TRUTH = Lies()


class Authenticator:
    """`counts`: whether uses are counted; `synced`: whether its credentials may be elsewhere, too."""

    def __init__(self, *, counts: bool = True, synced: bool = False) -> None:
        self.held: list[Held] = []
        self._counts, self._synced = counts, synced

    def create(self, options: dict[str, Any], origin: str, lies: Lies = TRUTH) -> dict[str, Any]:
        """`navigator.credentials.create()`, as JSON."""
        excluded = {decoded(one["id"]) for one in options.get("excludeCredentials", ())}
        assert not excluded & {one.id for one in self.held}, "InvalidStateError"
        made = Held(
            lies.credential_id or secrets.token_bytes(32),
            options["rp"]["id"],
            decoded(options["user"]["id"]),
            options["user"]["name"],
        )
        self.held.append(made)
        attested = bytes(16) + struct.pack(">H", len(made.id)) + made.id + (lies.cose or made.cose)
        data = self._data(made, lies, AT) + attested
        statement = cbor2.dumps({"fmt": lies.format, "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": encoded(client_data("webauthn.create", options, origin, lies)),
            "attestationObject": encoded(statement),
            "transports": ["internal", "a-transport-of-the-future"],
        }
        return {"id": encoded(made.id), "rawId": encoded(made.id), "type": "public-key", "response": response}

    def get(
        self, options: dict[str, Any], origin: str, lies: Lies = TRUTH, *, which: Held | None = None
    ) -> dict[str, Any]:
        """`navigator.credentials.get()`, as JSON: with `which`, or the last it holds that is allowed."""
        allowed = {decoded(one["id"]) for one in options.get("allowCredentials", ())}
        used = which or next(one for one in reversed(self.held) if not allowed or one.id in allowed)
        if self._counts:
            used.count += 1
        data = self._data(used, lies)
        told = client_data("webauthn.get", options, origin, lies)
        signature = (lies.signed_by or used.key).sign(data + hashlib.sha256(told).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": encoded(told),
            "authenticatorData": encoded(data),
            "signature": encoded(signature),
            "userHandle": encoded(lies.user_handle or used.user_handle),
        }
        return {"id": encoded(used.id), "rawId": encoded(used.id), "type": "public-key", "response": response}

    def _data(self, of: Held, lies: Lies, flags: int = 0) -> bytes:
        flags |= (UP if lies.present else 0) | (UV if lies.verified else 0) | (BE | BS if self._synced else 0)
        count = of.count if lies.count is None else lies.count
        return hashlib.sha256((lies.rp_id or of.rp_id).encode()).digest() + struct.pack(">BI", flags, count)


def client_data(kind: str, options: dict[str, Any], origin: str, lies: Lies) -> bytes:
    told = {
        "type": lies.type or kind,
        "challenge": lies.challenge or options["challenge"],
        "origin": lies.origin or origin,
        "crossOrigin": lies.cross_origin,
        "topOrigin": lies.top_origin,
    }
    return json.dumps({name: value for name, value in told.items() if value is not None}).encode()


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def host_of(origin: str) -> str:
    return urlsplit(origin).hostname or ""
