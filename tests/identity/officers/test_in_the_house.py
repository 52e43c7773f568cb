"""The officers' room in the whole application: agencies have names, and a correction reaches the exchange's cache."""

from __future__ import annotations

from api.commands.walk import forms_of
from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from core.text import Text
from identity.proposals.acts import ProposalKind
from tests.identity.officers_of_tests import REASON, Office, number
from tests.support.app import served

REGISTRY = ("identity.propose", "identity.approve")


async def test_a_correction_on_the_page_is_told_to_the_exchange(
    settings: Settings, database: Database, clock: FixedClock
) -> None:
    async with served(settings, clock) as app:
        house = app.house
        office = Office(database, house.keys, clock)
        maker, checker = await office.officer(1, "dopa", *REGISTRY), await office.officer(2, "dopa", *REGISTRY)
        person = await office.person(number(70))
        given = {"former": number(70).digits, "corrected": number(71).digits}
        async with database.write() as session:
            proposal = await house.identity.office.proposals.propose(
                session, maker, ProposalKind.ID_CORRECTION, given, REASON
            )
            secret = await house.identity.account.sessions.begin(
                session, checker.person, method="passkey", acr="ial2.3-aal2.2", amr=("hwk",),
                name=Text(th="ก", en="A"), device="?", for_request="/",
            )  # fmt: skip
        app.http.cookies.set("sitthi_session", secret)
        desk = await app.http.get("/officer")
        assert house.catalogue.agency_title("dopa").th in desk.text
        assert desk.headers["cache-control"] == "no-store"
        path = f"/officer/proposals/{proposal.hex}"
        [form] = forms_of((await app.http.get(path)).text)
        answer = await app.http.post(path, data={**form.fields, "decision": "approve"})
        assert answer.status_code == 303
        assert await house.redis.get(f"exchange:corrected:{person.hex}") is not None
        async with database.read() as session:
            assert await house.identity.people.find(session, number(71)) == person
