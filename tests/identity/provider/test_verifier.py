"""Access tokens: expired, forged, changed, or meant for another."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import event

from core.database import Database
from core.jose import NotVerified, key_id, usable_keys
from identity.provider.errors import TokenExpired, TokenInvalid
from identity.provider.signing import SigningKeys
from tests.identity.conftest import House


async def token_of(house: House) -> str:
    return str((await house.tokens("elder"))["access_token"])


def decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def segment(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


async def test_a_token_is_good_until_its_last_second(house: House) -> None:
    token = await token_of(house)
    house.clock.advance(timedelta(seconds=3599))
    await house.identity.verifier.verify(token)
    house.clock.advance(timedelta(seconds=1))
    with pytest.raises(TokenExpired) as caught:
        await house.identity.verifier.verify(token)
    assert caught.value.code == "TOKEN_EXPIRED"


async def test_a_token_of_the_future_is_not_good(house: House) -> None:
    token = await token_of(house)
    house.clock.advance(timedelta(seconds=-11))
    with pytest.raises(TokenInvalid):
        await house.identity.verifier.verify(token)


async def test_a_token_that_a_machine_made_whose_clock_is_a_little_ahead_is_good(house: House) -> None:
    token = await token_of(house)
    house.clock.advance(timedelta(seconds=-10))
    assert (await house.identity.verifier.verify(token)).client


async def test_a_token_has_the_shape_of_rfc_9068(house: House) -> None:
    header, claims = decoded(await token_of(house))
    assert header["typ"] == "at+jwt"
    assert header["alg"] == "ES256"
    assert claims["aud"] == f"{house.issuer}/graphql"
    assert set(claims) == {
        "iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "acr", "amr", "auth_time", "family",
    }  # fmt: skip


async def test_a_token_for_officers_does_not_open_the_graph(house: House) -> None:
    token = (await house.tokens("officer-one", client="sitthi-cli", scope="openid officer"))["access_token"]
    with pytest.raises(TokenInvalid):
        await house.identity.verifier.verify(token)
    await house.identity.verifier_for("/officer").verify(token)


async def test_an_id_token_is_not_an_access_token(house: House) -> None:
    token = (await house.tokens("elder"))["id_token"]
    with pytest.raises(TokenInvalid):
        await house.identity.verifier.verify(token)


@pytest.mark.parametrize(
    "token", ["", ".", "..", "x.y.z", "a" * 9_000, "ก.ข.ค", "e30.e30.", "null", "Bearer x", "\x00"]
)
async def test_what_is_no_token_at_all_is_invalid(house: House, token: str) -> None:
    await token_of(house)
    with pytest.raises(TokenInvalid) as caught:
        await house.identity.verifier.verify(token)
    assert caught.value.code == "TOKEN_INVALID"
    assert caught.value.fields == {}


@dataclass
class Attacker:
    """Has a good token, the public key and a key of their own; `sign` is ours, for what only we could sign wrongly."""

    good: str
    header: dict[str, Any]
    claims: dict[str, Any]
    public: ec.EllipticCurvePublicKey
    sign: Callable[..., str]
    theirs: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def parts(self) -> list[str]:
        return self.good.split(".")

    def signed_by_them(self, **header: Any) -> str:
        return jwt.encode(self.claims, self.theirs, "ES256", headers={**self.header, **header})

    def signed_by_us(self, typ: str = "at+jwt", **claims: Any) -> str:
        changed = {name: value for name, value in {**self.claims, **claims}.items() if value is not None}
        return self.sign(changed, typ=typ)

    def hs256_with_the_public_key(self) -> str:
        pem = self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        unsigned = f"{segment({**self.header, 'alg': 'HS256'})}.{self.parts[1]}"
        mac = hmac.digest(pem, unsigned.encode(), "sha256")
        return f"{unsigned}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    def with_their_key_in_the_header(self) -> str:
        return self.signed_by_them(jwk=json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.theirs.public_key())))


FORGERIES: dict[str, Callable[[Attacker], str]] = {
    "alg none": lambda a: f"{segment({**a.header, 'alg': 'none'})}.{a.parts[1]}.",
    "HS256 with the public key": Attacker.hs256_with_the_public_key,
    "another key under our kid": Attacker.signed_by_them,
    "unknown kid": lambda a: a.signed_by_them(kid="theirs"),
    "no kid": lambda a: jwt.encode(a.claims, a.theirs, "ES256", headers={"typ": "at+jwt"}),
    "their key in the header": Attacker.with_their_key_in_the_header,
    "changed claims": lambda a: f"{a.parts[0]}.{segment({**a.claims, 'scope': 'officer'})}.{a.parts[2]}",
    "no signature": lambda a: f"{a.parts[0]}.{a.parts[1]}.",
    "two more segments": lambda a: f"{a.good}.{a.parts[1]}.{a.parts[2]}",
    "wrong aud": lambda a: a.signed_by_us(aud="https://elsewhere.example"),
    "many auds": lambda a: a.signed_by_us(aud=[a.claims["aud"], "https://elsewhere.example"]),
    "wrong iss": lambda a: a.signed_by_us(iss="https://elsewhere.example"),
    "wrong typ": lambda a: a.signed_by_us(typ="JWT"),
    "no exp": lambda a: a.signed_by_us(exp=None),
    "exp as text": lambda a: a.signed_by_us(exp=str(a.claims["exp"])),
    "exp beyond time": lambda a: a.signed_by_us(exp=10**30),
    "sub of another client": lambda a: a.signed_by_us(client_id="sitthi-cli"),
    "sub made up": lambda a: a.signed_by_us(sub="A" * 43),
}


@pytest.mark.parametrize("how", FORGERIES)
async def test_a_forged_token_is_invalid(house: House, how: str) -> None:
    good = await token_of(house)
    header, claims = decoded(good)
    public = house.identity.signing._verifying[header["kid"]].key
    attacker = Attacker(good, header, claims, public, (await house.identity.signing.signer()).sign)
    await house.identity.verifier.verify(attacker.signed_by_us())  # unchanged, it is good
    with pytest.raises(TokenInvalid):
        await house.identity.verifier.verify(FORGERIES[how](attacker))


def is_ours(statement: str) -> bool:
    """Whether it reads a table, and not as the watch over revocations does by itself."""
    return "FROM" in statement and "FROM revocation" not in statement


async def test_verifying_asks_the_database_for_nothing(house: House, database: Database) -> None:
    token = await token_of(house)
    forged = token.replace(token.split(".")[0], segment({"kid": "x", "alg": "ES256"}))
    async with house.identity.revocations.watching():
        await house.identity.verifier.verify(token)
        asked: list[str] = []
        event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
        for _ in range(20):
            await house.identity.verifier.verify(token)
        for_good_ones = [statement for statement in asked if is_ours(statement)]
        for _ in range(20):
            with pytest.raises(TokenInvalid):
                await house.identity.verifier.verify(forged)
    assert for_good_ones == []
    assert len([statement for statement in asked if is_ours(statement)]) <= 1, "one look for keys that may be new"


async def test_a_process_that_starts_later_verifies_with_the_same_key(house: House, database: Database) -> None:
    token = await token_of(house)
    other = SigningKeys(database, house.identity.keys, house.clock)
    assert await other.verifying(jwt.get_unverified_header(token)["kid"]) is not None


EC_KEY = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({}, True),
        ({"use": "sig", "key_ops": ["verify"]}, True),
        ({"use": "enc"}, False),
        ({"key_ops": ["encrypt"]}, False),
        ({"key_ops": []}, False),
        ({"alg": "ES384"}, False),
        ({"kid": None}, False),
        ({"kty": "oct", "k": "c2VjcmV0"}, False),
        ({"x": "!"}, False),
    ],
)
def test_only_keys_meant_for_verifying_are_used(changes: dict[str, Any], usable: bool) -> None:
    assert bool(usable_keys({"keys": [{"kid": "k", **EC_KEY, **changes}]}, ["ES256"])) is usable


def test_a_key_set_of_another_form_holds_no_keys() -> None:
    assert usable_keys({}, ["ES256"]) == {}
    assert usable_keys({"keys": ["x", {}]}, ["ES256"]) == {}
    with pytest.raises(NotVerified):
        key_id("e30.e30.")
