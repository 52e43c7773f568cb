"""Consent: given once, withdrawn at once, and good for nothing else."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.errors import BadInput, Conflict, NotFound
from services.exchange.consent.errors import ConsentNotNeeded, ConsentTextChanged
from services.exchange.consent.models import Consent
from services.exchange.consent.service import ConsentStatus
from services.exchange.errors import UnknownPurpose
from services.exchange.facts import FactState
from tests.services.exchange.consenting import ATTRIBUTES, SCREENING, Citizen
from tests.services.exchange.fakes import Exchange, until

pytestmark = pytest.mark.fakeredis_only  # what Valkey does differently, test_sources.py finds

INSTANT = timedelta(microseconds=1)


@pytest.fixture
def mother(exchange: Exchange) -> Citizen:
    return Citizen(exchange)


async def test_without_consent_the_requester_sees_nothing(exchange: Exchange, mother: Citizen) -> None:
    assert (await mother.asked_by_agency())["annual_income"].state is FactState.DENIED
    assert exchange.rd.asked == []
    assert (await exchange.entries())[0].reason == "NO_CONSENT"


async def test_with_consent_the_requester_sees_what_was_agreed_to_and_the_entry_names_the_consent(
    exchange: Exchange, mother: Citizen
) -> None:
    consent = await mother.grant(["annual_income"])
    facts = await mother.asked_by_agency("annual_income", "birth_date", "gender")
    assert {name: fact.state for name, fact in facts.items()} == {
        "annual_income": FactState.FRESH,
        "birth_date": FactState.DENIED,
        "gender": FactState.DENIED,
    }
    allowed = next(entry for entry in await exchange.entries() if entry.decision == "ALLOWED")
    assert (allowed.consent, allowed.basis, allowed.asker_agency) == (consent.id, "CONSENT", "slf")


async def test_consent_to_one_requester_opens_nothing_to_another(mother: Citizen) -> None:
    await mother.grant()
    assert (await mother.asked_by_agency(agency="oic"))["annual_income"].state is FactState.DENIED


async def test_withdrawal_works_at_once_though_the_value_is_in_the_cache(mother: Citizen) -> None:
    consent = await mother.grant()
    assert (await mother.asked_by_agency())["annual_income"].state is FactState.FRESH
    await mother.withdraw(consent.id)
    assert (await mother.asked_by_agency())["annual_income"].state is FactState.DENIED


async def test_withdrawal_reaches_a_request_that_is_reading(exchange: Exchange, mother: Citizen) -> None:
    consent = await mother.grant()
    exchange.rd.gate = asyncio.Event()
    asking = asyncio.create_task(mother.asked_by_agency())
    await until(lambda: bool(exchange.rd.asked))
    await mother.withdraw(consent.id)
    exchange.rd.gate.set()
    assert (await asking)["annual_income"].state is FactState.DENIED
    assert (await exchange.outcomes())[0].states == {"annual_income": "DENIED"}


@pytest.mark.parametrize(
    ("after", "state", "status"),
    [
        (timedelta(days=365) - INSTANT, FactState.FRESH, ConsentStatus.ACTIVE),
        (timedelta(days=365), FactState.DENIED, ConsentStatus.EXPIRED),
    ],
)
async def test_consent_ends_by_itself(
    mother: Citizen, after: timedelta, state: FactState, status: ConsentStatus
) -> None:
    consent = await mother.grant()
    mother.exchange.clock.advance(after)
    assert mother.service.status(consent) is status
    assert (await mother.asked_by_agency())["annual_income"].state is state


async def test_consent_records_what_was_agreed_to(mother: Citizen) -> None:
    consent = await mother.grant()
    assert (consent.requester, consent.purpose, consent.attributes) == ("slf", SCREENING.id, list(ATTRIBUTES))
    assert (consent.text_version, consent.granted_at) == ("2569-1", mother.clock.now())
    assert (consent.given_as, consent.given_by) == ("SELF", None)
    assert mother.service.status(consent) is ConsentStatus.ACTIVE


async def test_the_same_thing_is_never_agreed_to_twice(mother: Citizen) -> None:
    first = await mother.grant()
    assert (await mother.grant()).id == first.id
    assert (await mother.grant(["name", "birth_date"])).id == first.id, "a part of it needs nothing"
    assert [row.id for row in await mother.all()] == [first.id]
    assert len(await mother.signed(first.id)) == 1


async def test_what_is_new_is_added_to_what_was_agreed_to(mother: Citizen) -> None:
    first = await mother.grant(["name"])
    second = await mother.grant(["annual_income"])
    assert second.attributes == ["annual_income", "name"], "nobody is asked for the name again"
    statuses = {row.id: mother.service.status(row) for row in await mother.all()}
    assert statuses == {first.id: ConsentStatus.REPLACED, second.id: ConsentStatus.ACTIVE}


async def test_what_is_only_carried_along_does_not_last_longer_than_it_was_agreed_to(mother: Citizen) -> None:
    first = await mother.grant(["name"])
    mother.exchange.clock.advance(timedelta(days=100))
    assert (await mother.grant(["annual_income"])).expires_at == first.expires_at
    mother.exchange.clock.advance(timedelta(days=1))
    assert (await mother.grant()).expires_at == mother.clock.now() + timedelta(days=365), "all of it was shown anew"


async def test_some_of_it_can_be_withdrawn(mother: Citizen) -> None:
    first = await mother.grant()
    rest = await mother.withdraw(first.id, ["annual_income", "nationality"])
    assert rest.attributes == ["birth_date", "name"]
    assert (rest.expires_at, rest.text_version) == (first.expires_at, first.text_version)
    facts = await mother.asked_by_agency("annual_income", "birth_date")
    assert {n: f.state for n, f in facts.items()} == {
        "annual_income": FactState.DENIED,
        "birth_date": FactState.FRESH,
    }
    assert [mother.service.status(row) for row in await mother.all()] == [
        ConsentStatus.REPLACED,
        ConsentStatus.ACTIVE,
    ]


async def test_withdrawing_each_part_withdraws_the_whole(mother: Citizen) -> None:
    first = await mother.grant(["name", "birth_date"])
    gone = await mother.withdraw(first.id, ["birth_date", "name"])
    assert (gone.id, mother.service.status(gone)) == (first.id, ConsentStatus.WITHDRAWN)


@pytest.mark.parametrize("attributes", [[], ["annual_income"], ["name", "no_such"]])
async def test_what_was_not_agreed_to_cannot_be_withdrawn(mother: Citizen, attributes: list[str]) -> None:
    first = await mother.grant(["name"])
    with pytest.raises(BadInput):
        await mother.withdraw(first.id, attributes)
    assert mother.service.status((await mother.all())[0]) is ConsentStatus.ACTIVE


async def test_who_withdraws_a_consent_by_its_old_name_withdraws_what_took_its_place(mother: Citizen) -> None:
    first = await mother.grant(["name"])
    second = await mother.grant(["birth_date"])
    assert (await mother.withdraw(first.id)).id == second.id
    assert (await mother.asked_by_agency("name"))["name"].state is FactState.DENIED


async def test_who_agrees_anew_after_a_withdrawal_keeps_that_when_the_old_withdrawal_is_repeated(
    mother: Citizen,
) -> None:
    first = await mother.grant()
    await mother.withdraw(first.id)
    second = await mother.grant()
    assert (await mother.withdraw(first.id)).id == first.id
    assert mother.service.status((await mother.all())[-1]) is ConsentStatus.ACTIVE
    assert second.id != first.id


@pytest.mark.parametrize(
    ("after", "renews"),
    [(timedelta(days=335) - INSTANT, False), (timedelta(days=335), True), (timedelta(days=365) - INSTANT, True)],
)
async def test_a_consent_is_renewed_shortly_before_its_end_and_not_sooner(
    mother: Citizen, after: timedelta, renews: bool
) -> None:
    first = await mother.grant()
    mother.exchange.clock.advance(after)
    assert mother.service.is_renewable(first) is renews
    again = await mother.grant()
    assert (again.id != first.id) is renews
    assert again.expires_at == (mother.clock.now() if renews else first.granted_at) + timedelta(days=365)


async def test_agreeing_to_a_part_shortly_before_the_end_prolongs_nothing(mother: Citizen) -> None:
    first = await mother.grant()
    mother.exchange.clock.advance(timedelta(days=350))
    assert (await mother.grant(["name"])).id == first.id


async def test_an_expired_consent_can_be_given_again(mother: Citizen) -> None:
    first = await mother.grant()
    mother.exchange.clock.advance(timedelta(days=366))
    second = await mother.grant(["name"])
    assert second.attributes == ["name"], "what has expired is not carried along"
    statuses = {row.id: mother.service.status(row) for row in await mother.all()}
    assert statuses == {first.id: ConsentStatus.EXPIRED, second.id: ConsentStatus.ACTIVE}


async def test_a_withdrawal_of_what_has_expired_changes_nothing(mother: Citizen) -> None:
    first = await mother.grant()
    mother.exchange.clock.advance(timedelta(days=366))
    assert mother.service.status(await mother.withdraw(first.id)) is ConsentStatus.EXPIRED


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
async def test_what_cannot_be_agreed_to(mother: Citizen, arguments: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        await mother.grant(**arguments)  # type: ignore[arg-type]
    assert await mother.all() == []


async def test_another_persons_consent_cannot_be_withdrawn(exchange: Exchange, mother: Citizen) -> None:
    consent = await mother.grant()
    with pytest.raises(NotFound):
        await Citizen(exchange, "lodger").withdraw(consent.id)
    assert (await mother.asked_by_agency())["annual_income"].state is FactState.FRESH


async def test_withdrawing_twice_keeps_the_first_time(mother: Citizen) -> None:
    consent = await mother.grant()
    first = mother.clock.now()
    for _ in range(2):
        await mother.withdraw(consent.id)
        mother.exchange.clock.advance(timedelta(days=1))
    [row] = await mother.all()
    assert row.withdrawn_at == first


async def test_a_grant_that_was_overtaken_by_a_withdrawal_says_so(mother: Citizen) -> None:
    """Who withdraws while the other device adds something has the last word: nothing comes back by itself."""
    first = await mother.grant(["name"])
    late = await mother.service.prepare_grant(
        mother.database, mother.person, purpose=SCREENING.id, text_version="2569-1", attributes=["birth_date"]
    )
    await mother.withdraw(first.id)
    with pytest.raises(Conflict):
        async with mother.database.write() as session:
            await mother.service.grant(session, late)
    assert (await mother.asked_by_agency("name"))["name"].state is FactState.DENIED
    assert isinstance(await mother.grant(["birth_date"]), Consent)


async def test_a_withdrawal_that_was_overtaken_by_a_grant_takes_effect_and_its_receipt_follows(
    mother: Citizen,
) -> None:
    first = await mother.grant(["name"])
    late = await mother.service.prepare_withdrawal(mother.database, mother.person, first.id)
    second = await mother.grant(["birth_date"])
    async with mother.database.write() as session:
        gone = await mother.service.withdraw(session, late)
    assert (gone.id, mother.service.status(gone), gone.receipt_due) == (second.id, ConsentStatus.WITHDRAWN, True)
    facts = await mother.asked_by_agency("name", "birth_date")
    assert {fact.state for fact in facts.values()} == {FactState.DENIED}
