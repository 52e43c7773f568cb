"""What the operator's file names, with its secrets as they are now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jwt

from core.text import Text
from services.plugins.connections.document import (
    SECRET_LENGTH_MIN,
    Connection,
    ConsumerSecret,
    NoSignIn,
    PrivateKey,
    read_document,
)
from services.plugins.connections.errors import SecretUnusable
from services.plugins.runner.tokens import ClientKey, Credentials

ALGORITHMS: Final = frozenset({"ES256", "EdDSA", "PS256", "RS256"})
_ABSENT: Final = Text(th="ไม่มีหรืออ่านไม่ได้", en="there is none, or it cannot be read")
_OF_THE_SANDBOX: Final = Text(th="เป็นรหัสลับของระบบทดสอบ", en="it is one of the sandbox, which everybody knows")
_SHORT: Final = Text(th=f"สั้นกว่า {SECRET_LENGTH_MIN} ตัวอักษร", en=f"it is shorter than {SECRET_LENGTH_MIN} characters")
_NO_KEY: Final = Text(
    th="ไม่ใช่กุญแจส่วนตัว (JWK) ชนิด ES256, EdDSA, PS256 หรือ RS256",
    en="it is no private key (JWK, RFC 7517) for ES256, EdDSA, PS256 or RS256",
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a house allows of connections."""

    loopback: bool
    is_production: bool
    known_to_all: frozenset[str] = field(default=frozenset(), repr=False)
    """Secrets that open made-up data, and are refused in production."""


class Named:
    """Agency → where its system is. Without a file nobody is named.

    Raises :class:`ConnectionsUnusable` for a file that cannot be used. Secrets are read when they are needed.
    """

    def __init__(self, file: Path | None, rules: Rules) -> None:
        self._file, self.rules = file, rules
        self.connections: Mapping[str, Connection] = (
            {} if file is None else read_document(file, loopback=rules.loopback)
        )

    def must_hold(self) -> None:
        """Every secret is there and, in production, none that everybody knows. Raises :class:`SecretUnusable`."""
        for slug in self.connections:
            self.way_of(slug)

    def way_of(self, slug: str) -> Credentials | ClientKey | None:
        """With the secret as it is now. Raises :class:`SecretUnusable`."""
        sign_in = self.connections[slug].sign_in
        if isinstance(sign_in, NoSignIn):
            return None
        assert self._file is not None, "the connection is of the file"
        secret = sign_in.secret.read(self._file.parent)
        if secret is None:
            raise SecretUnusable(slug, sign_in.secret.where, _ABSENT)
        if self.rules.is_production and secret in self.rules.known_to_all:
            raise SecretUnusable(slug, sign_in.secret.where, _OF_THE_SANDBOX)
        if len(secret) < SECRET_LENGTH_MIN:
            raise SecretUnusable(slug, sign_in.secret.where, _SHORT)
        if isinstance(sign_in, ConsumerSecret):
            return Credentials(sign_in.consumer_key, secret, sign_in.token_url or "")
        return _client_key(slug, sign_in, secret)


def _client_key(slug: str, sign_in: PrivateKey, secret: str) -> ClientKey:
    document: object = None
    try:
        document = json.loads(secret)
        usable = isinstance(document, dict) and "d" in document and jwt.PyJWK(document).algorithm_name in ALGORITHMS
    except (ValueError, RecursionError, jwt.PyJWTError):
        usable = False
    if not usable or not isinstance(document, dict):
        raise SecretUnusable(slug, sign_in.secret.where, _NO_KEY)
    return ClientKey(sign_in.client_id, document, sign_in.token_url or "", sign_in.audience or "", sign_in.scope or "")
