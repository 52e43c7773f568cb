"""An agency's system that asks for facts: registered as its officers would, with a key of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import httpx2

from core.text import Text
from identity.provider.registration import AGENCY_RESOURCE, machine_client, register_client
from services.sandbox.population.personas import persona
from tests.identity.provider.key_holders import KeyHolder
from tests.support.app import Served

FACTS: Final = "/agency/v1/facts"
BATCH: Final = f"{FACTS}/batch"
SCREENING: Final = "student-loan-screening"
SERVICE: Final = "agency-service"
LOADER: Final = {"kind": "SYSTEM", "id": "loan-screening"}


def named(who: str) -> dict[str, str]:
    """A persona by number, or whoever has that number."""
    return {"nationalId": who if who.isdigit() else persona(who).national_id}


class AgencySystem:
    """A client of that agency, asking in this process."""

    def __init__(self, sitthi: Served, agency: str, client: str, holder: KeyHolder) -> None:
        self.sitthi, self.agency, self.client, self.holder = sitthi, agency, client, holder
        self._token: str | None = None

    @classmethod
    async def registered(
        cls, sitthi: Served, agency: str = "slf", scopes: Sequence[str] = ("agency.facts",)
    ) -> AgencySystem:
        holder, house = KeyHolder.make(), sitthi.house
        name = Text(th="ระบบทดสอบ", en="A system of tests")
        async with house.db.write() as session:
            spec = machine_client(agency, name, holder.registered, scopes)
            client = await register_client(session, spec, created_by="command line: tests", clock=house.clock)
        return cls(sitthi, agency, client, holder)

    async def token(self, *, bound_to: KeyHolder | None = None) -> str:
        house, headers = self.sitthi.house, {}
        issuer = house.settings.issuer
        if bound_to is not None:
            headers["DPoP"] = bound_to.proof(house.clock, "POST", f"{issuer}/oauth/token")
        fields = {"grant_type": "client_credentials", "resource": issuer + AGENCY_RESOURCE}
        assertion = self.holder.assertion(house.clock, self.client, issuer)
        answer = await self.sitthi.http.post("/oauth/token", data={**fields, **assertion}, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def headers(self) -> dict[str, str]:
        if self._token is None:
            self._token = await self.token()
        return {"authorization": f"Bearer {self._token}", "accept-language": "en"}

    async def post(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        """`body` is sent as JSON, null too."""
        given = {**await self.headers(), "content-type": "application/json", **headers}
        return await self.sitthi.http.post(path, content=json.dumps(body).encode(), headers=given)

    async def get(self, path: str) -> httpx2.Response:
        return await self.sitthi.http.get(path, headers=await self.headers())

    async def ask(self, who: str, *attributes: str, **given: Any) -> httpx2.Response:
        """About one persona (or number), for a screening if nothing else is said."""
        return await self.post(FACTS, {**question(*attributes), "person": named(who), **given})

    async def ask_all(self, people: Sequence[Mapping[str, str]], *attributes: str, **given: Any) -> httpx2.Response:
        return await self.post(BATCH, {**question(*attributes), "people": list(people), **given})


def question(*attributes: str) -> dict[str, Any]:
    return {
        "requestId": str(uuid4()),
        "purpose": SCREENING,
        "attributes": list(attributes or ("name", "nationality")),
        "agent": LOADER,
    }


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["errors"][0]["extensions"]["code"])


def facts_of(answer: httpx2.Response) -> dict[str, dict[str, Any]]:
    """By attribute, of an answer about one person."""
    assert answer.status_code == 200, answer.text
    return {one["attribute"]: one for one in answer.json()["facts"]["facts"]}


async def consents(sitthi: Served, who: str) -> str:
    """The persona agrees to the screening, in the words of today; answers the consent's id."""
    terms = (await sitthi.graph("{ consentTerms { purpose { id } textVersion } }"))["consentTerms"]
    [version] = [one["textVersion"] for one in terms if one["purpose"]["id"] == SCREENING]
    made = await sitthi.do("grantConsent", "consent { id }", who, purpose=SCREENING, textVersion=version)
    assert made["problems"] == [], made
    return str(made["consent"]["id"])
