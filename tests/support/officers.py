"""Officers in tests of the whole application, with tokens of their own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx2

from api.commands.walk import sign_in
from core.ids import NationalId
from core.text import Text
from identity.provider.clients import OFFICER_CLIENT, OFFICER_SCOPE
from services.sandbox.population.personas import persona
from tests.support.acting import PASSKEY, Surer
from tests.support.app import Served


async def serves(sitthi: Served, who: str, *roles: str, agency: str = "dla") -> UUID:
    """The persona is an officer of the agency from now on, and signed in: `persona="officer <who>"` asks as such.

    Answers the officer's key.
    """
    number, name = NationalId(persona(who).national_id), Text(th="เจ้าหน้าที่", en=who)
    async with sitthi.house.db.write() as session:
        register = sitthi.house.identity.office.officers
        officer = await register.add(session, number, agency=agency, roles=roles, name=name, by="command line: test")
    answer = await sign_in(
        sitthi.house.settings,
        who,
        client=OFFICER_CLIENT,
        scope=f"openid profile {OFFICER_SCOPE}",
        transport=httpx2.ASGITransport(app=sitthi.app),
    )
    sitthi.know(f"officer {who}", answer["access_token"])
    return officer.person


def signed_in_strongly(sitthi: Served) -> None:
    """From now on every officer's sign-in is worth one by passkey."""
    tokens: Any = sitthi.house.officer_tokens
    tokens.verifier = Surer(tokens.verifier, PASSKEY)


async def ask(sitthi: Served, who: str, method: str, path: str = "", *, key: str = "", **given: Any) -> httpx2.Response:
    """One request to `/agency/v1/applications`, as that officer."""
    headers = {"authorization": f"Bearer {await sitthi.token(f'officer {who}')}", "accept-language": "en"}
    if key:
        headers["idempotency-key"] = key
    body = given if method == "POST" else None
    return await sitthi.http.request(method, f"/agency/v1/applications{path}", headers=headers, json=body)
