"""Acting for a juristic person in the graph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core.errors import NotSignedIn
from core.graph import NotDelegated, global_id
from core.ids import MalformedGlobalId, new_id
from core.viewer import Acting, Viewer
from identity.juristic.acting import acting
from identity.juristic.errors import NotItsOfficer, PowerMissing
from identity.juristic.register import JuristicRegister
from tests.identity.juristic.conftest import POWERS, Companies


@dataclass
class Request:
    """As much of a request as is looked at."""

    companies: Companies
    viewer: Viewer | None

    @property
    def context(self) -> Request:
        return self

    def signed_in(self) -> Viewer:
        if self.viewer is None:
            raise NotSignedIn
        return self.viewer

    def room(self, kind: type[Any]) -> Any:
        assert kind is JuristicRegister
        return self.companies.register


async def asked(companies: Companies, who: int | None, given: Any, power: str = POWERS[0], **more: Any) -> Any:
    person = None if who is None else await companies.person(who)
    ends = companies.office.clock.now() + timedelta(hours=1)
    viewer = None if person is None else Viewer(person, "app", frozenset(), "ial2.3-aal2.1", ends, **more)
    request: Any = Request(companies, viewer)
    async with companies.office.database.write() as session:
        return await acting(request, given, power, what="oic/claims", session=session)


async def test_an_officer_acts_for_the_company_they_name_and_it_is_in_its_trail(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    held = await companies.appoint(company, 20)
    told = await asked(companies, 20, global_id("JuristicPerson", company))
    assert (told.juristic, told.person, told.appointment, told.client) == (company, held.person, held.id, None)
    assert (await companies.events(company))[-1] == "ACTED"


async def test_nobody_else_does_and_nothing_is_written(companies: Companies) -> None:
    ours, theirs = await companies.enter(1, 10, 11), await companies.enter(2, 10, 11)
    await companies.appoint(ours, 20)
    for who, company in ((10, ours), (21, ours), (20, theirs), (20, new_id())):
        with pytest.raises(NotItsOfficer):
            await asked(companies, who, global_id("JuristicPerson", company))
    with pytest.raises(PowerMissing):
        await asked(companies, 20, global_id("JuristicPerson", ours), "file:claims")
    with pytest.raises(NotSignedIn):
        await asked(companies, None, global_id("JuristicPerson", ours))
    assert "ACTED" not in await companies.events(ours)


async def test_who_acts_for_the_officer_does_not_act_for_the_company(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    await companies.appoint(company, 20)
    carer = Acting(await companies.person(30), new_id(), frozenset({"VIEW", "APPLY"}))
    with pytest.raises(NotDelegated):
        await asked(companies, 20, global_id("JuristicPerson", company), acting=carer)


@pytest.mark.parametrize("given", ["", "x", "\x00", "A" * 5_000, global_id("Citizen", UUID(int=1))])
async def test_what_names_no_company_is_refused(companies: Companies, given: str) -> None:
    await companies.appoint(await companies.enter(1, 10, 11), 20)
    with pytest.raises(MalformedGlobalId):
        await asked(companies, 20, given)
