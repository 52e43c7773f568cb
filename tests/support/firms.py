"""Juristic persons in tests of the whole application, entered as two officers of an agency would."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from core.graph import global_id
from core.ids import NationalId
from core.text import Text
from identity.juristic.models import JuristicKind
from identity.juristic.numbers import JuristicNumber
from identity.juristic.register import By
from services.sandbox.companies import company_number
from services.sandbox.population.personas import persona
from tests.support.app import Served

BY: Final = By(UUID(int=1), "oic")
POWER: Final = "report:policies"
MANAGE: Final = "manage:systems"


def jwks(kid: str = "one") -> dict[str, Any]:
    """A key set whose private half is thrown away."""
    public = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    return {"keys": [{**public, "kid": kid}]}


class Firm:
    """One before the OIC; without `directors` the register of companies says who directs it."""

    def __init__(self, sitthi: Served, running: int = 9, *, agency: str = "oic") -> None:
        self.sitthi, self.number, self.agency = sitthi, JuristicNumber(company_number(running)), agency

    async def enter(self, *directors: str, kind: JuristicKind = JuristicKind.INSURER) -> Firm:
        house = self.sitthi.house
        numbers = [NationalId(persona(one).national_id) for one in directors]
        async with house.db.write() as session:
            people = await house.identity.people.resolve(session, numbers) if numbers else {}
            row = await house.identity.office.juristic.enter(
                session, self.number, agency=self.agency, kind=kind, title=Text(th="บริษัท ทดสอบ", en="Test Company"),
                directors=people.values(), by=BY,
            )  # fmt: skip
        self.key = row.id
        return self

    @property
    def id(self) -> str:
        return str(global_id("JuristicPerson", self.key))

    def wish(self, who: str, *powers: str, days: int = 30) -> dict[str, Any]:
        """The input of `proposeJuristicOfficer`."""
        name = persona(who).name
        until = self.sitthi.house.clock.today() + timedelta(days=days - 1)
        return {
            "juristicPerson": self.id, "nationalId": persona(who).national_id, "nameTh": name.th, "nameEn": name.en,
            "powers": list(powers or (POWER,)), "until": until.isoformat(),
        }  # fmt: skip

    async def propose(self, by: str, who: str, *powers: str, days: int = 30) -> str:
        given = self.wish(who, *powers, days=days)
        return await self._done("proposeJuristicOfficer", by, **given)

    async def approve(self, by: str, appointment: str) -> str:
        return await self._done("approveJuristicOfficer", by, appointment=appointment)

    async def accept(self, who: str, appointment: str) -> str:
        return await self._done("acceptJuristicOfficer", who, appointment=appointment)

    async def appoint(self, directors: tuple[str, str], who: str, *powers: str) -> str:
        """One that holds; answers its id."""
        offered = await self.approve(directors[1], await self.propose(directors[0], who, *powers))
        return await self.accept(who, offered)

    async def _done(self, field: str, who: str, **given: Any) -> str:
        told = await self.sitthi.do(field, "appointment { id }", who, **given)
        assert told["problems"] == [], told
        return str(told["appointment"]["id"])
