"""Consent: given once, withdrawn at once, and good for nothing else."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.errors import BadInput, Conflict, NotFound
from services.exchange.consent.errors import ConsentNotNeeded, ConsentTextChanged
from services.exchange.consent.models import Consent
from services.exchange.consent.repository import ConsentRepository
from services.exchange.consent.service import ConsentService, ConsentStatus
from services.exchange.errors import UnknownPurpose
from services.exchange.facts import Asker, AskerKind, Facts, FactState
from tests.services.exchange.fakes import CATALOGUE, Exchange, purpose, until

pytestmark = pytest.mark.fakeredis_only  # what Valkey does differently, test_sources.py finds

SCREENING = purpose("student-loan-screening")
ATTRIBUTES = ["annual_income", "birth_date", "name", "nationality"]


def _service(exchange: Exchange) -> ConsentService:
    return ConsentService(CATALOGUE, exchange.clock)


async def _grant(
    exchange: Exchange, attributes: list[str] | None = None, version: str = "2569-1", why: str = SCREENING.id
) -> Consent:
    async with exchange.database.write() as session:
        return await _service(exchange).grant(
            session, exchange.keys["mother"], purpose=why, text_version=version, attributes=attributes
        )


async def _all(exchange: Exchange) -> list[Consent]:
    async with exchange.database.read() as session:
        return list(await ConsentRepository(session).page(exchange.keys["mother"], size=100, before=None))


async def _ask(exchange: Exchange, agency: str = "slf", names: tuple[str, ...] = ("annual_income",)) -> Facts:
    asker = Asker(AskerKind.SYSTEM, "loans", agency, CATALOGUE.agency_title(agency))
    return await exchange.gate.facts(exchange.keys["mother"], names, asker=asker, purpose=SCREENING)


async def test_without_consent_the_requester_sees_nothing(exchange: Exchange) -> None:
    assert (await _ask(exchange))["annual_income"].state is FactState.DENIED
    assert exchange.rd.asked == []
    assert (await exchange.entries())[0].reason == "NO_CONSENT"


async def test_with_consent_the_requester_sees_what_was_agreed_to_and_the_entry_names_the_consent(
    exchange: Exchange,
) -> None:
    consent = await _grant(exchange, ["annual_income"])
    facts = await _ask(exchange, names=("annual_income", "birth_date", "gender"))
    assert {name: fact.state for name, fact in facts.items()} == {
        "annual_income": FactState.FRESH,
        "birth_date": FactState.DENIED,
        "gender": FactState.DENIED,
    }
    allowed = next(entry for entry in await exchange.entries() if entry.decision == "ALLOWED")
    assert (allowed.consent, allowed.basis, allowed.asker_agency) == (consent.id, "CONSENT", "slf")


async def test_consent_to_one_requester_opens_nothing_to_another(exchange: Exchange) -> None:
    await _grant(exchange)
    assert (await _ask(exchange, "oic"))["annual_income"].state is FactState.DENIED


async def test_withdrawal_works_at_once(exchange: Exchange) -> None:
    consent = await _grant(exchange)
    assert (await _ask(exchange))["annual_income"].state is FactState.FRESH
    async with exchange.database.write() as session:
        await _service(exchange).withdraw(session, exchange.keys["mother"], consent.id)
    assert (await _ask(exchange))["annual_income"].state is FactState.DENIED  # though the value is in the cache


async def test_withdrawal_reaches_a_request_that_is_reading(exchange: Exchange) -> None:
    consent = await _grant(exchange)
    exchange.rd.gate = asyncio.Event()
    asking = asyncio.create_task(_ask(exchange))
    await until(lambda: bool(exchange.rd.asked))
    async with exchange.database.write() as session:
        await _service(exchange).withdraw(session, exchange.keys["mother"], consent.id)
    exchange.rd.gate.set()
    assert (await asking)["annual_income"].state is FactState.DENIED
    assert (await exchange.outcomes())[0].states == {"annual_income": "DENIED"}


@pytest.mark.parametrize(("days", "state"), [(364, FactState.FRESH), (365, FactState.DENIED)])
async def test_consent_ends_by_itself(exchange: Exchange, days: int, state: FactState) -> None:
    await _grant(exchange)
    exchange.clock.advance(timedelta(days=days))
    assert (await _ask(exchange))["annual_income"].state is state


async def test_consent_records_what_was_agreed_to(exchange: Exchange) -> None:
    consent = await _grant(exchange)
    assert (consent.requester, consent.purpose, consent.attributes) == ("slf", SCREENING.id, ATTRIBUTES)
    assert (consent.text_version, consent.granted_at) == ("2569-1", exchange.clock.now())
    assert _service(exchange).status(consent) is ConsentStatus.ACTIVE


async def test_the_same_thing_is_never_agreed_to_twice(exchange: Exchange) -> None:
    first = await _grant(exchange)
    assert (await _grant(exchange)).id == first.id
    assert len(await _all(exchange)) == 1


async def test_another_choice_replaces_the_consent(exchange: Exchange) -> None:
    first = await _grant(exchange)
    second = await _grant(exchange, ["name"])
    rows = {row.id: row for row in await _all(exchange)}
    statuses = {key: _service(exchange).status(row) for key, row in rows.items()}
    assert statuses == {first.id: ConsentStatus.REPLACED, second.id: ConsentStatus.ACTIVE}


async def test_an_expired_consent_can_be_given_again(exchange: Exchange) -> None:
    first = await _grant(exchange)
    exchange.clock.advance(timedelta(days=366))
    second = await _grant(exchange)
    statuses = {row.id: _service(exchange).status(row) for row in await _all(exchange)}
    assert statuses == {first.id: ConsentStatus.EXPIRED, second.id: ConsentStatus.ACTIVE}


@pytest.mark.parametrize("choices", [[None] * 8, [None, ["name"], ["annual_income"], None, ["name"]]])
async def test_grants_at_the_same_time_leave_one_active(exchange: Exchange, choices: list[list[str] | None]) -> None:
    made = await asyncio.gather(*(_grant(exchange, choice) for choice in choices), return_exceptions=True)
    assert all(isinstance(one, Consent | Conflict) for one in made)
    active = [row for row in await _all(exchange) if _service(exchange).status(row) is ConsentStatus.ACTIVE]
    assert len(active) == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"why": "no-such-thing"}, UnknownPurpose),
        ({"why": "welfare-check"}, ConsentNotNeeded),
        ({"version": "2560-1"}, ConsentTextChanged),
        ({"attributes": []}, BadInput),
        ({"attributes": ["name", "gender"]}, BadInput),
    ],
)
async def test_what_cannot_be_agreed_to(
    exchange: Exchange, arguments: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await _grant(exchange, **arguments)  # type: ignore[arg-type]
    assert await _all(exchange) == []


async def test_another_persons_consent_cannot_be_withdrawn(exchange: Exchange) -> None:
    consent = await _grant(exchange)
    with pytest.raises(NotFound):
        async with exchange.database.write() as session:
            await _service(exchange).withdraw(session, exchange.keys["lodger"], consent.id)
    assert (await _ask(exchange))["annual_income"].state is FactState.FRESH


async def test_withdrawing_twice_keeps_the_first_time(exchange: Exchange) -> None:
    consent = await _grant(exchange)
    first = exchange.clock.now()
    for _ in range(2):
        async with exchange.database.write() as session:
            await _service(exchange).withdraw(session, exchange.keys["mother"], consent.id)
        exchange.clock.advance(timedelta(days=1))
    [row] = await _all(exchange)
    assert row.withdrawn_at == first
