"""Status lists: their form, their places, and what is published of them."""

from __future__ import annotations

import asyncio
import zlib
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from services.receive.credentials import jws, repository
from services.receive.credentials.disclosures import packed, unpacked
from services.receive.credentials.errors import CredentialNotFound, CredentialRefused, Why
from services.receive.credentials.jws import SigningKey
from services.receive.credentials.keys import SIGNS_FOR, IssuerKeys
from services.receive.credentials.models import WalletCredential
from services.receive.credentials.status import (
    LIVES,
    PLACES,
    TYPE,
    Status,
    drawn_place,
    packed_list,
    read_status,
    sign_list,
)
from services.receive.credentials.statuses import Place, StatusLists
from services.receive.credentials.verifying import StatusReference
from tests.services.receive.credentials.issuers import AGENCY, ISSUER, NOW, Trusted

URI = f"{ISSUER}/status/1"
KEYS = KeyRing("test", {"test": bytes(range(32))}, bytes(range(32, 64)))
SITTHI = "https://sitthi.example"


def test_the_example_of_the_specification_is_packed_as_it_says() -> None:
    # Token Status List §4.1: 16 places of one bit, bytes B9 A3
    statuses = dict(enumerate([1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]))
    assert zlib.decompress(unpacked(packed_list(statuses, bits=1, places=16))) == b"\xb9\xa3"
    # the same section: 12 places of two bits, bytes C9 44 F9
    statuses = dict(enumerate([1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]))
    assert zlib.decompress(unpacked(packed_list(statuses, bits=2, places=12))) == b"\xc9\x44\xf9"


@given(statuses=st.dictionaries(st.integers(0, PLACES - 1), st.sampled_from([1, 2]), max_size=20))
def test_each_place_says_what_was_written_there_and_its_neighbours_nothing(statuses: dict[int, int]) -> None:
    token = sign_list(URI, packed_list(statuses), AGENCY, ISSUER, NOW)
    near = {max(0, place - 1) for place in statuses} | {min(PLACES - 1, place + 1) for place in statuses}
    for place in {*statuses, *near, 0, PLACES - 1}:
        told = read_status(token, StatusReference(URI, place), ISSUER, Trusted(), NOW)
        assert told == statuses.get(place, 0)


def test_every_place_is_drawn_once_in_an_order_of_the_seed_s_own() -> None:
    drawn = [drawn_place(b"s" * 32, count) for count in range(PLACES)]
    assert sorted(drawn) == list(range(PLACES))
    other = [drawn_place(b"t" * 32, count) for count in range(64)]
    assert drawn[:64] != other
    assert sum(abs(a - b) == 1 for a, b in pairwise(drawn[:1000])) < 10


def unknown(token: str, place: int = 0, **changed: object) -> None:
    given = {"asked": StatusReference(URI, place), "issuer": ISSUER, "trust": Trusted(), "now": NOW, **changed}
    with pytest.raises(CredentialRefused) as refused:
        read_status(token, **given)  # type: ignore[arg-type]  # as above
    assert refused.value.why in (Why.STATUS_UNKNOWN, Why.ISSUER_UNKNOWN, Why.KEY_UNKNOWN)


def test_a_list_that_cannot_be_believed_says_nothing() -> None:
    good = sign_list(URI, packed_list({}), AGENCY, ISSUER, NOW)
    assert read_status(good, StatusReference(URI, 0), ISSUER, Trusted(), NOW + LIVES - timedelta(seconds=1)) == 0
    unknown(good, now=NOW + LIVES)
    unknown(good, place=PLACES)
    unknown(good, asked=StatusReference(f"{ISSUER}/status/2", 0))
    unknown(good, issuer="https://other.example")
    unknown(good[:-4] + "AAAA")
    unknown("no list at all")
    unknown(sign_list(URI, packed_list({}), SigningKey.fresh(), ISSUER, NOW))
    claims = jws.read(good).payload
    unknown(jws.sign({"typ": "jwt"}, claims, AGENCY))
    for wrong in (
        {"bits": 3, "lst": packed_list({})},
        {"bits": 2, "lst": "!"},
        {"bits": 2, "lst": packed(b"not zlib")},
        {"bits": 2, "lst": packed(zlib.compress(bytes(1 << 22)))},
        {"bits": 2, "lst": packed(zlib.compress(bytes(100))[:-6])},
        {"bits": 2, "lst": packed_list({0: 3})},
        "none",
    ):
        unknown(jws.sign({"typ": TYPE}, {**claims, "status_list": wrong}, AGENCY))


@pytest.fixture
def issuers(database: Database, clock: FixedClock) -> IssuerKeys:
    return IssuerKeys(database, KEYS, clock, SITTHI)


def lists_of(database: Database, clock: FixedClock, issuers: IssuerKeys, places: int = PLACES) -> StatusLists:
    return StatusLists(database, KEYS, clock, issuers, places=places)


async def test_places_are_given_once_however_many_ask_at_once(
    database: Database, clock: FixedClock, issuers: IssuerKeys
) -> None:
    lists = lists_of(database, clock, issuers, places=50)

    async def one(wanted: int) -> list[Place]:
        async with database.write() as session:
            return await lists.give(session, "mhesi", wanted)

    given = [place for some in await asyncio.gather(*(one(1 + n % 5) for n in range(40))) for place in some]
    assert len(set(given)) == len(given) == 120
    assert {place.list for place in given} == {1, 2, 3}


async def test_a_transaction_that_fails_takes_no_place(
    database: Database, clock: FixedClock, issuers: IssuerKeys
) -> None:
    lists = lists_of(database, clock, issuers)

    async def failing() -> list[Place]:
        async with database.write() as session:
            taken.extend(await lists.give(session, "mhesi", 3))
            raise RuntimeError("the process was killed")

    taken: list[Place] = []
    async with database.write() as session:
        first = await lists.give(session, "mhesi", 1)
    with pytest.raises(RuntimeError):
        await failing()
    async with database.write() as session:
        again = await lists.give(session, "mhesi", 3)
    assert again == taken
    assert not set(first) & set(again)


async def credential(database: Database, lists: StatusLists, clock: FixedClock) -> WalletCredential:
    person = uuid4()
    async with database.write() as session:
        [place] = await lists.give(session, "mhesi", 1)
        row = WalletCredential(
            person=person,
            id=new_id(),
            offer=new_id(),
            agency="mhesi",
            configuration="degrees.degree.1",
            list=place.list,
            place=place.place,
            issued_at=clock.now(),
            expires_at=clock.now() + timedelta(days=1),
        )
        session.add(row)
    return row


async def test_what_was_taken_back_for_good_stays_so_and_what_was_suspended_comes_back(
    database: Database, clock: FixedClock, issuers: IssuerKeys
) -> None:
    lists = lists_of(database, clock, issuers)
    row = await credential(database, lists, clock)
    await issuers.signing("mhesi")

    async def after(status: Status) -> Status:
        async with database.write() as session:
            await lists.set_own(session, row.person, row.id, status)
        found = await lists.published("mhesi", row.list)
        assert found is not None
        uri = lists.uri("mhesi", row.list)
        issuer = issuers.issuer_of("mhesi")
        return read_status(found.token, StatusReference(uri, row.place), issuer, issuers, clock.now())

    assert await after(Status.SUSPENDED) is Status.SUSPENDED
    assert await after(Status.VALID) is Status.VALID
    assert await after(Status.INVALID) is Status.INVALID
    assert await after(Status.SUSPENDED) is Status.INVALID
    assert await after(Status.VALID) is Status.INVALID
    async with database.write() as session:
        with pytest.raises(CredentialNotFound):
            await lists.set_own(session, uuid4(), row.id, Status.INVALID)


async def test_a_list_is_signed_anew_when_it_changes_or_grows_old(
    database: Database, clock: FixedClock, issuers: IssuerKeys
) -> None:
    lists = lists_of(database, clock, issuers)
    assert await lists.published("mhesi", 1) is None, "an agency that never issued anything"
    row = await credential(database, lists, clock)
    await issuers.signing("mhesi")
    first, same = await lists.published("mhesi", 1), await lists.published("mhesi", 1)
    assert first == same
    async with database.write() as session:
        await repository.set_status(session, row, Status.INVALID, clock.now())
    changed = await lists.published("mhesi", 1)
    assert changed is not None
    assert first is not None
    assert changed.tag != first.tag
    clock.advance(LIVES / 2)
    later = await lists.published("mhesi", 1)
    assert later is not None
    assert later.tag != changed.tag


async def test_an_agency_has_one_key_however_many_make_it_and_another_after_a_year(
    database: Database, clock: FixedClock
) -> None:
    several = [IssuerKeys(database, KEYS, clock, SITTHI) for _ in range(4)]
    made = await asyncio.gather(*(one.signing("mhesi") for one in several))
    assert len({key.kid for key in made}) == 1
    other = await several[0].signing("oic")
    assert other.kid != made[0].kid
    clock.advance(SIGNS_FOR - timedelta(seconds=1))
    assert (await several[0].signing("mhesi")).kid == made[0].kid
    at = clock.now()
    clock.advance(timedelta(seconds=1))
    following = await several[0].signing("mhesi")
    assert following.kid != made[0].kid
    issuer = several[0].issuer_of("mhesi")
    assert several[0].key(issuer, made[0].kid, at).public_numbers() == made[0].private.public_key().public_numbers()
    for kid, when in ((made[0].kid, clock.now() + timedelta(days=2)), (following.kid, at - timedelta(days=1))):
        with pytest.raises(CredentialRefused):
            several[0].key(issuer, kid, when)
    with pytest.raises(CredentialRefused):
        several[0].key(issuer, other.kid, at)
    with pytest.raises(CredentialRefused):
        several[0].key(several[0].issuer_of("nobody"), other.kid, at)
