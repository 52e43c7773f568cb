"""Signed receipts of consents: whoever has one can prove what was agreed to, and nobody can make one up."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import delete, select
from sqlmodel import col

from api.errors import as_json, status_of
from core.attestation.errors import AttestationInvalid
from core.attestation.service import Attestor
from core.crypto import SealBroken
from core.errors import SitthiError
from core.models import SubjectKey
from core.text import Language
from services.exchange.consent.models import ConsentReceipt
from services.exchange.consent.receipts import RECEIPT_TYPE
from services.exchange.consent.routes import PATH, RECEIPT_LENGTH_MAX, receipt_verification
from services.exchange.consent.service import ConsentStatus
from services.exchange.consent.tasks import give_receipts
from services.exchange.consent.terms import GivenAs, Giver
from services.exchange.consent.texts import load_texts
from tests.services.exchange.consenting import ATTRIBUTES, ISSUER, SCREENING, Citizen
from tests.services.exchange.fakes import KEYS, Exchange
from tests.support import node

pytestmark = pytest.mark.fakeredis_only


@pytest.fixture
def mother(exchange: Exchange) -> Citizen:
    return Citizen(exchange)


@pytest.fixture
async def http(mother: Citizen) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    app.include_router(receipt_verification(mother.database, mother.service, mother.receipts))

    async def told(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, SitthiError)
        return JSONResponse(as_json(error, Language.EN), status_of(error))

    app.add_exception_handler(SitthiError, told)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ISSUER) as client:
        yield client


async def granted(mother: Citizen) -> tuple[UUID, str]:
    """A consent and the receipt of its beginning."""
    consent = await mother.grant()
    [receipt] = await mother.signed(consent.id)
    return consent.id, receipt.token


async def test_a_receipt_says_all_that_was_agreed_to(exchange: Exchange, mother: Citizen) -> None:
    consent = await mother.grant()
    [said] = await mother.claims(consent.id)
    words = load_texts().find(SCREENING.id, "2569-1")
    assert words is not None
    assert said["controller"]["id"] == "slf"
    assert said["purpose"]["id"] == SCREENING.id
    assert [one["id"] for one in said["attributes"]] == list(ATTRIBUTES)
    assert all(one["title"]["th"] and one["title"]["en"] for one in said["attributes"])
    assert said["words"] == {"version": "2569-1", "sha256": words.sha256}
    assert said["legal_basis"]["kind"] == "CONSENT"
    assert (said["event"], said["jurisdiction"], said["given_as"]) == ("GRANTED", "TH", "SELF")
    assert (said["iss"], said["consent"]) == (ISSUER, consent.id.hex)
    assert said["granted_at"] == said["event_at"] == exchange.clock.now().isoformat()
    assert said["expires_at"] == (exchange.clock.now() + timedelta(days=365)).isoformat()
    assert said["withdrawal"]["th"]
    assert said["withdrawal"]["en"]


async def test_a_receipt_names_nobody(exchange: Exchange, mother: Citizen) -> None:
    consent = await mother.grant(giver=Giver(exchange.keys["lodger"], GivenAs.PARENT))
    [receipt] = await mother.signed(consent.id)
    payload = receipt.token.split(".")[1]
    said = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    for secret in (
        exchange.ids["mother"].digits,
        exchange.keys["mother"].hex,
        str(exchange.keys["mother"]),
        exchange.keys["lodger"].hex,
        str(exchange.keys["lodger"]),
    ):
        assert secret not in said


async def test_receipts_of_one_person_share_a_reference_and_those_of_another_do_not(
    exchange: Exchange, mother: Citizen
) -> None:
    first = await mother.grant(["name"])
    second = await mother.grant(["birth_date"])
    other = await Citizen(exchange, "lodger").grant()
    own = {said["sub"] for key in (first.id, second.id) for said in await mother.claims(key)}
    assert len(own) == 1
    assert own.isdisjoint({said["sub"] for said in await Citizen(exchange, "lodger").claims(other.id)})


async def test_every_step_has_one_receipt(mother: Citizen) -> None:
    first = await mother.grant(["name"])
    await mother.grant(["name"])
    second = await mother.grant(["birth_date"])
    third = await mother.withdraw(second.id, ["name"])
    for _ in range(2):
        await mother.withdraw(third.id)
    said = {key: [(one["event"], one.get("replaced_by")) for one in await mother.claims(key)] for key in
            (first.id, second.id, third.id)}  # fmt: skip
    assert said == {
        first.id: [("GRANTED", None), ("REPLACED", second.id.hex)],
        second.id: [("GRANTED", None), ("REPLACED", third.id.hex)],
        third.id: [("GRANTED", None), ("WITHDRAWN", None)],
    }


async def test_a_consent_that_expired_gets_its_receipt_once_however_many_processes_look(
    exchange: Exchange, mother: Citizen
) -> None:
    consent = await mother.grant()
    exchange.clock.advance(timedelta(days=365) - timedelta(microseconds=1))
    assert await give_receipts(mother.database, mother.clock, mother.service) == 0
    exchange.clock.advance(timedelta(hours=5))
    seen = [Citizen(exchange) for _ in range(3)]
    written = [await give_receipts(one.database, one.clock, one.service) for one in seen]
    assert sorted(written) == [0, 0, 1]
    [row] = await mother.all()
    assert (row.ended_at, mother.service.status(row)) == (row.expires_at, ConsentStatus.EXPIRED)
    said = await mother.claims(consent.id)
    assert [(one["event"], one["event_at"]) for one in said][1:] == [("EXPIRED", consent.expires_at.isoformat())]


async def test_an_end_that_could_not_be_signed_for_beforehand_is_signed_for_soon(mother: Citizen) -> None:
    first = await mother.grant(["name"])
    late = await mother.service.prepare_withdrawal(mother.database, mother.person, first.id)
    second = await mother.grant(["birth_date"])
    async with mother.database.write() as session:
        await mother.service.withdraw(session, late)
    assert [one["event"] for one in await mother.claims(second.id)] == ["GRANTED"]
    assert await give_receipts(mother.database, mother.clock, mother.service) == 1
    assert [one["event"] for one in await mother.claims(second.id)] == ["GRANTED", "WITHDRAWN"]
    assert await give_receipts(mother.database, mother.clock, mother.service) == 0


async def test_the_agency_finds_the_receipt_of_the_consent_it_relies_on(mother: Citizen) -> None:
    async def receipt(requester: str = "slf") -> str | None:
        async with mother.database.read() as session:
            return await mother.service.receipt_for(session, mother.person, requester, SCREENING.id)

    assert await receipt() is None
    consent, token = await granted(mother)
    assert await receipt() == token
    assert await receipt("oic") is None
    await mother.withdraw(consent)
    assert await receipt() is None


async def test_receipts_are_sealed_and_go_with_the_persons_key(mother: Citizen) -> None:
    consent, token = await granted(mother)
    async with mother.database.read() as session:
        [row] = (await session.scalars(select(ConsentReceipt))).all()
    assert token.encode() not in row.token_sealed
    assert row.token_sealed[:1] == b"\x03"
    async with mother.database.write() as session:
        await session.execute(delete(SubjectKey).where(col(SubjectKey.person) == mother.person))
    with pytest.raises(SealBroken):
        await mother.signed(consent)


async def test_a_grant_that_fails_leaves_no_receipt(mother: Citizen) -> None:
    prepared = await mother.service.prepare_grant(
        mother.database, mother.person, purpose=SCREENING.id, text_version="2569-1", attributes=None
    )
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - it fails at the very end
        async with mother.database.write() as session:
            await mother.service.grant(session, prepared)
            raise ZeroDivisionError
    assert await mother.all() == []
    async with mother.database.read() as session:
        assert (await session.scalars(select(ConsentReceipt))).all() == []


# Verification.


def changed(token: str, **claims: Any) -> str:
    """The same receipt, saying something else under the old signature."""
    header, payload, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))) | claims
    written = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"{header}.{written}.{signature}"


@pytest.mark.parametrize("active", [True, False])
async def test_a_genuine_receipt_is_verified_and_says_whether_its_consent_is_good(
    mother: Citizen, http: httpx2.AsyncClient, active: bool
) -> None:
    consent, token = await granted(mother)
    if not active:
        await mother.withdraw(consent)
    answer = await http.post(PATH, json={"receipt": token})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["valid"], told["active"], told["receipt"]["consent"]) == (True, active, consent.hex)
    assert set(told) == {"valid", "active", "receipt"}, "when and how it ended is nobody's business here"
    assert answer.headers["cache-control"] == "no-store"


async def test_how_a_consent_ended_is_told_to_nobody_who_has_the_receipt_of_its_beginning(
    exchange: Exchange, mother: Citizen, http: httpx2.AsyncClient
) -> None:
    ends = {}
    for who, end in (("mother", "withdrawn"), ("lodger", "replaced"), ("elder", "expired")):
        one = Citizen(exchange, who)
        consent = await one.grant(["name"])
        ends[end] = (await one.signed(consent.id))[0].token
        if end == "withdrawn":
            await one.withdraw(consent.id)
        if end == "replaced":
            await one.grant(["birth_date"])
    exchange.clock.advance(timedelta(days=366))
    answers = {end: (await http.post(PATH, json={"receipt": token})).json() for end, token in ends.items()}
    assert {answer["active"] for answer in answers.values()} == {False}
    assert {frozenset(answer) for answer in answers.values()} == {frozenset({"valid", "active", "receipt"})}


async def test_a_forged_receipt_is_refused(mother: Citizen, http: httpx2.AsyncClient) -> None:
    consent, token = await granted(mother)
    stranger = Attestor(mother.database, KEYS, mother.clock, "https://elsewhere.test")
    forged = [
        changed(token, attributes=[]),
        changed(token, expires_at="2100-01-01T00:00:00+00:00"),
        token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB"),
        token.split(".")[0] + "." + token.split(".")[1] + ".",
        "x",
        "ก",
        ".".join(["e30"] * 3),
        await mother.attestor.sign({"schema": "sitthi-consent-receipt/1", "consent": consent.hex}, typ="sitthi-x+jwt"),
        await mother.attestor.sign({"schema": "another", "consent": consent.hex}, typ=RECEIPT_TYPE),
        await stranger.sign({"schema": "sitthi-consent-receipt/1", "consent": consent.hex}, typ=RECEIPT_TYPE),
    ]
    for one in forged:
        with pytest.raises(AttestationInvalid):
            await mother.receipts.verify(one)
        answer = await http.post(PATH, json={"receipt": one})
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (422, "ATTESTATION_INVALID")
        page = await http.post(PATH, data={"receipt": one})
        assert page.status_code == 422
        assert "ไม่ใช่ของจริง" in page.text


async def test_the_page_says_it_in_both_languages_and_works_without_scripts(
    mother: Citizen, http: httpx2.AsyncClient
) -> None:
    _, token = await granted(mother)
    form = await http.get(PATH)
    assert (form.status_code, '<textarea id="receipt" name="receipt"' in form.text) == (200, True)
    assert "<script" not in form.text
    page = await http.post(PATH, data={"receipt": f"\n {token} \n"})
    assert page.status_code == 200
    for words in ("ใบรับนี้เป็นของจริง", "This receipt is genuine", "กองทุนเงินให้กู้ยืม", "ยังมีผล", "2569-1"):
        assert words in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"[]", 400),
        (b'{"receipt": 7}', 400),
        (b'{"receipt": ""}', 400),
        (b'{"receipt": "x", "more": 1}', 400),
        (b"\xff\xfe", 400),
        (b'{"receipt": "' + b"x" * (RECEIPT_LENGTH_MAX + 2_000) + b'"}', 413),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
async def test_what_is_no_receipt_at_all_is_bad_input(
    http: httpx2.AsyncClient, body: bytes, status: int, kind: str
) -> None:
    answer = await http.post(PATH, content=body, headers={"content-type": kind})
    assert answer.status_code == status


async def test_a_library_that_is_not_ours_verifies_a_receipt(mother: Citizen) -> None:
    _, token = await granted(mother)
    keys = (await mother.attestor.public())["keys"]
    told = {"typ": RECEIPT_TYPE, "keys": keys, "issuer": ISSUER, "at": int(mother.clock.now().timestamp())}
    async with node.program("facts.mjs") as program:
        said = await program.ask("verify", token=token, **told)
        assert said == await mother.receipts.verify(token)
        with pytest.raises(node.Refused):
            await program.ask("verify", token=changed(token, attributes=[]), **told)
        with pytest.raises(node.Refused):
            await program.ask("verify", token=token, **{**told, "typ": "sitthi-answer+jwt"})
