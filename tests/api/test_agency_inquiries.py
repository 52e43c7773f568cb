"""An agency inquires into somebody through `/agency/v1/facts`: told at once to the agency, later to the citizen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest

from core.clock import FixedClock
from core.ids import GlobalId
from tests.identity.provider.key_holders import KeyHolder
from tests.support.agency import FACTS, AgencySystem, facts_of, named, question
from tests.support.app import Served

INQUIRY: Final = "welfare-inquiry"
WHO: Final = "elder"
LOG: Final = """query ($id: ID!) {
  viewer { accessLog(first: 20) { nodes { ...one } pageInfo { hasNextPage } } }
  node(id: $id) { ... on AccessEntry { ...one } }
}
fragment one on AccessEntry {
  id purpose { id } agency { slug } decision reason disclosedFrom agreements { id version }
  attributes { id } outcomes { states { attribute { id } state } } proofs { state record { document } }
}"""


class Treasury:
    """Its system, whose token is bound to a key."""

    def __init__(self, sitthi: Served, system: AgencySystem, holder: KeyHolder, token: str) -> None:
        self._sitthi, self.system, self._holder, self._token = sitthi, system, holder, token

    @classmethod
    async def of(cls, sitthi: Served, agency: str = "cgd") -> Treasury:
        system, holder = await AgencySystem.registered(sitthi, agency), KeyHolder.make()
        return cls(sitthi, system, holder, await system.token(bound_to=holder))

    async def asks(self, *attributes: str) -> dict[str, Any]:
        url = self._sitthi.house.settings.issuer + FACTS
        proof = self._holder.proof(self._sitthi.clock, "POST", url, access_token=self._token)
        body = {**question(*attributes), "purpose": INQUIRY, "person": named(WHO)}
        headers = {"authorization": f"DPoP {self._token}", "DPoP": proof}
        answer: httpx2.Response = await self._sitthi.http.post(FACTS, json=body, headers=headers)
        return facts_of(answer)


async def seen(sitthi: Served, entry: str) -> dict[str, Any]:
    return await sitthi.graph(LOG, {"id": str(GlobalId("AccessEntry", UUID(hex=entry)))}, persona=WHO)


async def test_the_citizen_learns_of_an_inquiry_on_its_day_and_not_before(sitthi: Served, clock: FixedClock) -> None:
    treasury, asked_at = await Treasury.of(sitthi), clock.now()
    told = await treasury.asks("name", "annual_income")
    assert {one["state"] for one in told.values()} == {"FRESH"}
    assert told["annual_income"]["agreement"]["id"] == "welfare-inquiry-revenue-cgd"
    entry = told["name"]["entry"]
    before = await seen(sitthi, entry)
    assert before["node"] is None
    assert [one for one in before["viewer"]["accessLog"]["nodes"] if one["purpose"]["id"] == INQUIRY] == []
    clock.set(asked_at + timedelta(days=90))
    sitthi.forget_tokens()
    after = (await seen(sitthi, entry))["node"]
    assert (after["agency"], after["decision"]) == ({"slug": "cgd"}, "ALLOWED")
    assert after["disclosedFrom"] == "2027-02-14T03:00:00+00:00"
    assert [one["id"] for one in after["attributes"]] == ["annual_income", "name"]
    assert after["agreements"] == [
        {"id": "welfare-inquiry-civil-registry-cgd", "version": 1},
        {"id": "welfare-inquiry-revenue-cgd", "version": 1},
    ]
    assert '"agreements":["welfare-inquiry-civil-registry-cgd:1"' in after["proofs"][0]["record"]["document"]


@pytest.mark.parametrize("agency", ["slf", "oic"])
async def test_who_has_no_agreement_for_it_is_refused_and_that_is_told_later_too(
    sitthi: Served, clock: FixedClock, agency: str
) -> None:
    told = await (await Treasury.of(sitthi, agency)).asks("name")
    assert (told["name"]["state"], told["name"]["reason"]) == ("DENIED", "NO_AGREEMENT")
    entry = told["name"]["entry"]
    assert (await seen(sitthi, entry))["node"] is None
    clock.advance(timedelta(days=90))
    sitthi.forget_tokens()
    after = (await seen(sitthi, entry))["node"]
    assert (after["decision"], after["reason"], after["agreements"]) == ("DENIED", "NO_AGREEMENT", [])


async def test_a_token_that_is_bound_to_no_key_is_not_enough(sitthi: Served) -> None:
    cgd = await AgencySystem.registered(sitthi, "cgd")
    told = facts_of(await cgd.post(FACTS, {**question("name"), "purpose": INQUIRY, "person": named(WHO)}))
    assert told["name"]["reason"] == "ASSURANCE_TOO_LOW"


async def test_the_citizens_own_facts_do_not_tell_when_a_source_was_asked_for_somebody_else(
    sitthi: Served, clock: FixedClock
) -> None:
    """What an inquiry read a minute ago is still good, and comes out of the cache."""
    await sitthi.token(WHO)
    await (await Treasury.of(sitthi)).asks("annual_income")
    clock.advance(timedelta(minutes=1))
    own = await sitthi.graph("{ viewer { profile { annualIncome { state readAt } } } }", persona=WHO)
    assert own["viewer"]["profile"]["annualIncome"] == {"state": "FRESH", "readAt": None}
