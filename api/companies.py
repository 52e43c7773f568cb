"""Juristic persons, and the register of companies that says who directs them, joined."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from core.rooms import Rooms
from identity.juristic.appointing import Appointing
from identity.juristic.companies import DBD, Company, DepartmentOfBusinessDevelopment
from identity.juristic.desk import JuristicDesk
from identity.juristic.numbers import JuristicNumber
from identity.juristic.register import JuristicRegister
from services.plugins.connections import NotConnected
from services.plugins.contract import AgencyRefusal
from services.plugins.runner import HttpAgencyClient

if TYPE_CHECKING:
    from api.house import House

SECONDS_MAX: Final = 3.0
NOT_FOUND: Final = 404


class ConnectedRegister:
    """Fulfils `identity.juristic.companies.CompanyRegister` by the way to the agency `dbd`."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def company(self, number: JuristicNumber) -> Company | None:
        """None too where the register is not connected. Raises `ServiceUnavailable`."""
        try:
            client = self._house.connections.client(DBD)
        except NotConnected:
            return None

        async def ask(path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any:
            return await _asked(client, path, body, on_behalf_of)

        return await DepartmentOfBusinessDevelopment(ask).company(number)


async def _asked(client: HttpAgencyClient, path: str, body: Mapping[str, Any], on_behalf_of: str) -> Any:
    try:
        async with asyncio.timeout(SECONDS_MAX):
            return await client.ask(path, body, on_behalf_of=on_behalf_of)
    except AgencyRefusal as refusal:
        if refusal.status == NOT_FOUND:
            return None
        raise


def furnish(house: House, rooms: Rooms) -> None:
    office = house.identity.office
    office.juristic_desk.looks.companies = ConnectedRegister(house)
    rooms.add(JuristicRegister, office.juristic)
    rooms.add(Appointing, office.appointing)
    rooms.add(JuristicDesk, office.juristic_desk)
