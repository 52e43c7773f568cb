"""What is attested stays verifiable when its key is long retired, and by nothing but the published keys."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import col, select

from core.attestation.errors import AttestationInvalid
from core.attestation.models import AttestationKey
from core.attestation.service import SIGNS_FOR, SUCCESSION, Attestor
from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.jose import thumbprint

ISSUER = "https://sitthi.example"
TYP = "sitthi-test+jwt"


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing("k1", {"k1": bytes(range(32))}, bytes(range(32, 64)))


@pytest.fixture
def attestor(database: Database, keys: KeyRing, clock: FixedClock) -> Attestor:
    return Attestor(database, keys, clock, ISSUER)


async def rows(database: Database) -> list[AttestationKey]:
    async with database.read() as session:
        return list((await session.scalars(select(AttestationKey).order_by(col(AttestationKey.signs_from)))).all())


async def test_what_is_signed_is_verified(attestor: Attestor, clock: FixedClock) -> None:
    claims = await attestor.verify(await attestor.sign({"size": 7}, typ=TYP), typ=TYP)
    assert claims == {"size": 7, "iss": ISSUER, "iat": int(clock.now().timestamp())}


async def test_another_process_verifies_it(
    attestor: Attestor, database: Database, keys: KeyRing, clock: FixedClock
) -> None:
    other = Attestor(database, keys, clock, ISSUER)
    assert (await other.verify(await attestor.sign({"a": 1}, typ=TYP), typ=TYP))["a"] == 1


async def test_many_processes_make_one_first_key(database: Database, keys: KeyRing, clock: FixedClock) -> None:
    many = [Attestor(database, keys, clock, ISSUER) for _ in range(8)]
    signed = await asyncio.gather(*(one.sign({}, typ=TYP) for one in many))
    assert len(await rows(database)) == 1
    for one in many:
        for token in signed:
            await one.verify(token, typ=TYP)


@pytest.mark.parametrize(
    "what", ["claims", "kind", "issuer", "key", "algorithm", "none", "garbage", "empty", "letters"]
)
async def test_what_is_forged_is_not(attestor: Attestor, clock: FixedClock, what: str) -> None:
    token = await attestor.sign({"a": 1}, typ=TYP)
    kid = jwt.get_unverified_header(token)["kid"]
    now = int(clock.now().timestamp())
    head, body, signature = token.split(".")
    stranger = ec.generate_private_key(ec.SECP256R1())
    claims: dict[str, Any] = {"a": 1, "iss": ISSUER, "iat": now}
    forged = {
        "claims": f"{head}.{body[:-2]}AA.{signature}",
        "kind": await attestor.sign({"a": 1}, typ="sitthi-other+jwt"),
        "issuer": jwt.encode({**claims, "iss": "x"}, stranger, "ES256", {"kid": kid, "typ": TYP}),
        "key": jwt.encode(claims, stranger, "ES256", {"kid": kid, "typ": TYP}),
        "algorithm": jwt.encode(claims, "k" * 32, "HS256", {"kid": kid, "typ": TYP}),
        "none": jwt.encode(claims, "", "none", {"kid": kid, "typ": TYP}),
        "garbage": "a.b.c",
        "empty": "",
        "letters": token + "é",
    }[what]
    with pytest.raises(AttestationInvalid):
        await attestor.verify(forged, typ=TYP)


async def test_a_key_signs_for_a_year_and_its_word_outlives_it(
    attestor: Attestor, database: Database, clock: FixedClock
) -> None:
    old = await attestor.sign({"a": 1}, typ=TYP)
    clock.advance(SIGNS_FOR - timedelta(seconds=1))
    assert not await attestor.renew()
    clock.advance(timedelta(seconds=1))
    assert await attestor.renew()
    new = await attestor.sign({"a": 2}, typ=TYP)
    assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
    clock.advance(timedelta(days=3_650))
    assert (await attestor.verify(old, typ=TYP))["a"] == 1
    assert (await attestor.verify(new, typ=TYP))["a"] == 2


async def test_the_private_half_of_a_key_is_destroyed_when_it_signs_no_more(
    attestor: Attestor, database: Database, clock: FixedClock
) -> None:
    await attestor.sign({}, typ=TYP)
    clock.advance(timedelta(days=1))
    await attestor.rotate()
    await attestor.renew()
    assert [row.private_sealed is None for row in await rows(database)] == [False, False], "a process may lag behind"
    clock.advance(timedelta(minutes=2))
    await attestor.renew()
    assert [row.private_sealed is None for row in await rows(database)] == [True, False]


async def test_a_retired_key_dates_nothing_into_a_later_time(
    attestor: Attestor, database: Database, keys: KeyRing, clock: FixedClock
) -> None:
    lagging = Attestor(database, keys, clock, ISSUER)
    await lagging.sign({}, typ=TYP)
    clock.advance(timedelta(hours=1))
    await attestor.rotate()
    clock.advance(timedelta(minutes=2) - timedelta(seconds=1))
    await attestor.verify(await lagging.sign({}, typ=TYP), typ=TYP)
    clock.advance(timedelta(seconds=1))
    late = await lagging.sign({}, typ=TYP)
    with pytest.raises(AttestationInvalid):
        await attestor.verify(late, typ=TYP)


async def test_the_published_keys_lead_from_each_to_the_next(attestor: Attestor, clock: FixedClock) -> None:
    for _ in range(3):
        clock.advance(timedelta(days=1))
        await attestor.rotate()
    keys = (await attestor.public())["keys"]
    assert len(keys) == 4
    assert keys[0]["succession"] is None
    for former, key in pairwise(keys):
        told = jwt.decode(key["succession"], jwt.PyJWK(former), algorithms=["ES256"], options={"verify_iat": False})
        assert jwt.get_unverified_header(key["succession"])["typ"] == SUCCESSION
        assert told["jwk"]["kid"] == key["kid"] == thumbprint(key)
        assert former["ended_at"] == key["signs_from"]
    assert not any("d" in key for key in keys), "no private half"
