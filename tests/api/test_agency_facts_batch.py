"""`/agency/v1/facts/batch`: an outcome for each person, in the order of the request, whatever becomes of the others."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx2
from sqlmodel import select

from services.exchange.agreements.terms import Origin, Quota, Terms
from services.exchange.facts import FactState
from services.exchange.rest.answers import ANSWER_TYPE
from services.exchange.rest.models import AgencyRequest
from services.exchange.rest.repository import REQUESTS_KEPT, forget_old_requests
from services.exchange.rest.requests import BATCH_MAX
from services.exchange.usage.repository import Sums, Usage
from services.sandbox.population.personas import persona
from tests.services.exchange.fakes import national_id
from tests.support.agency import BATCH, SERVICE, AgencySystem, code_of, consents, named, question
from tests.support.app import Served


def outcomes(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return list(answer.json()["answers"])


def subject_of(outcome: dict[str, Any]) -> str:
    return str(outcome["facts"]["subject"]["nationalId"])


async def test_each_person_has_an_outcome_of_their_own_in_the_order_of_the_request(sitthi: Served) -> None:
    await consents(sitthi, "graduate")
    slf = await AgencySystem.registered(sitthi)
    people = [named("elder"), {"nationalId": "12"}, named("graduate"), {"reference": "x" * 43}, named("worker")]
    told = outcomes(await slf.ask_all(people, "name"))
    assert [one.get("error", {}).get("code") for one in told] == [
        None, "PERSON_MALFORMED", None, "PERSON_MALFORMED", None,
    ]  # fmt: skip
    answered = [one for one in told if "facts" in one]
    assert [subject_of(one) for one in answered] == [
        persona(who).national_id for who in ("elder", "graduate", "worker")
    ]
    assert [one["facts"]["facts"][0]["state"] for one in answered] == ["DENIED", "FRESH", "DENIED"]


async def test_each_answer_is_signed_for_itself_and_tells_of_nobody_else(sitthi: Served) -> None:
    slf = await AgencySystem.registered(sitthi)
    told = outcomes(await slf.ask_all([named("elder"), named("graduate")], "name"))
    for one in told:
        assert await sitthi.house.attestor.verify(one["attestation"], typ=ANSWER_TYPE) == one["facts"]
    assert persona("graduate").national_id not in str(told[0])
    assert len({one["facts"]["jti"] for one in told}) == 2


async def test_who_stands_in_it_twice_is_answered_the_first_time(sitthi: Served) -> None:
    slf = await AgencySystem.registered(sitthi)
    [first] = outcomes(await slf.ask_all([named("graduate")], "name"))
    by_reference = {"reference": first["facts"]["subject"]["reference"]}
    told = outcomes(await slf.ask_all([named("graduate"), named("elder"), named("graduate"), by_reference], "name"))
    assert [one.get("error", {}).get("code") for one in told] == [None, None, "PERSON_TWICE", "PERSON_TWICE"]


async def test_nobody_who_can_be_asked_about_is_no_fault_of_the_request(sitthi: Served) -> None:
    slf = await AgencySystem.registered(sitthi)
    [told] = outcomes(await slf.ask_all([{"nationalId": "1"}], "name"))
    assert told["error"]["code"] == "PERSON_MALFORMED"


async def test_a_batch_of_a_hundred_is_answered_and_one_more_is_refused(sitthi: Served) -> None:
    dopa = await AgencySystem.registered(sitthi, "dopa")
    people = [{"nationalId": national_id(n).digits} for n in range(BATCH_MAX + 1)]
    told = outcomes(await dopa.ask_all(people[:BATCH_MAX], "nationality", purpose=SERVICE))
    assert [subject_of(one) for one in told] == [one["nationalId"] for one in people[:BATCH_MAX]]
    assert {one["facts"]["facts"][0]["reason"] for one in told} == {"NOT_KNOWN"}
    assert code_of(await dopa.ask_all(people, "nationality", purpose=SERVICE)) == (400, "BAD_INPUT")


async def test_a_source_that_is_down_is_a_state_of_each_fact(sitthi: Served) -> None:
    await sitthi.http.post("/sandbox/dopa/_faults", json={"mode": "down"})
    dopa = await AgencySystem.registered(sitthi, "dopa")
    told = outcomes(await dopa.ask_all([named("elder"), named("worker")], "nationality", purpose=SERVICE))
    assert {one["facts"]["facts"][0]["state"] for one in told} == {FactState.UNAVAILABLE}


def with_agreement(sitthi: Served, per_minute: int) -> None:
    """From now on the student loan fund may ask the civil registry for nationalities, so many people a minute."""
    catalogue = sitthi.house.catalogue
    terms = Terms(
        id="of-this-test", version=1, origin=Origin.STANDING, steward="dopa", requester="slf",
        attributes=frozenset({"nationality"}), purposes=frozenset({SERVICE}), quota=Quota(1_000, per_minute),
        valid_from=date(2026, 1, 1), valid_until=None, law="", confidentiality=catalogue.agency_title("dopa"),
    )  # fmt: skip
    object.__setattr__(catalogue, "standing", (*catalogue.standing, terms))


async def test_what_is_above_the_quota_is_denied_and_what_fits_is_told(sitthi: Served) -> None:
    before = sitthi.house.catalogue.standing
    with_agreement(sitthi, per_minute=3)
    try:
        slf = await AgencySystem.registered(sitthi)
        people = [named("elder"), named("worker")]
        first = outcomes(await slf.ask_all(people, "nationality", purpose=SERVICE))
        second = outcomes(await slf.ask_all(people, "nationality", purpose=SERVICE))
        third = outcomes(await slf.ask_all(people[:1], "nationality", purpose=SERVICE))
    finally:
        object.__setattr__(sitthi.house.catalogue, "standing", before)
    facts = [[one["facts"]["facts"][0] for one in told] for told in (first, second, third)]
    assert [[one["state"] for one in told] for told in facts] == [["FRESH"] * 2, ["DENIED"] * 2, ["FRESH"]]
    assert {one["reason"] for one in facts[1]} == {"QUOTA_EXCEEDED"}


async def test_what_was_asked_is_counted_with_the_answer(sitthi: Served) -> None:
    await consents(sitthi, "graduate")
    slf, day = await AgencySystem.registered(sitthi), sitthi.clock.today()
    body = {**question("name", "annual_income"), "people": [named("graduate"), named("elder"), {"nationalId": "1"}]}
    await slf.post(BATCH, body)
    assert code_of(await slf.post(BATCH, body)) == (409, "REQUEST_REPLAYED")
    async with sitthi.house.db.read() as session:
        assert await Usage(session).sums(day, day) == {"slf": Sums(1, 2, 2, 2, 0)}
        [row] = (await session.scalars(select(AgencyRequest))).all()
    assert (row.agency, row.client, row.agent_kind, row.agent) == ("slf", slf.client, "SYSTEM", "loan-screening")
    assert (row.people, row.concluded_at) == (3, sitthi.clock.now())


async def test_a_request_whose_answer_could_not_be_signed_is_not_counted(sitthi: Served) -> None:
    slf, attestor = await AgencySystem.registered(sitthi), sitthi.house.attestor

    async def breaks(*_: object, **__: object) -> str:
        raise RuntimeError("no key")

    attestor.sign, kept = breaks, attestor.sign  # type: ignore[method-assign]
    body = {**question("name"), "people": [named("elder")]}
    assert code_of(await slf.post(BATCH, body)) == (500, "INTERNAL")
    attestor.sign = kept  # type: ignore[method-assign]
    async with sitthi.house.db.read() as session:
        assert await Usage(session).sums(sitthi.clock.today(), sitthi.clock.today()) == {}
        [row] = (await session.scalars(select(AgencyRequest))).all()
    assert row.concluded_at is None
    assert code_of(await slf.post(BATCH, body)) == (409, "REQUEST_REPLAYED"), "its number is used up"


async def test_requests_are_forgotten_after_ninety_days_and_not_before(sitthi: Served) -> None:
    slf, house = await AgencySystem.registered(sitthi), sitthi.house
    for _ in range(3):
        await slf.ask_all([named("elder")], "name")
    sitthi.clock.advance(REQUESTS_KEPT)
    assert await forget_old_requests(house.db, house.clock) == 0
    sitthi.clock.advance(timedelta(seconds=1))
    assert await forget_old_requests(house.db, house.clock, batch=2) == 3
    assert await forget_old_requests(house.db, house.clock) == 0
