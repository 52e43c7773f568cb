"""Systems of juristic persons, which act in the name of an officer or not at all."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from core.errors import BadInput, NotFound
from core.ids import new_id
from core.text import Text
from identity.juristic.errors import NotItsOfficer, PowerMissing
from identity.juristic.register import Represented
from identity.proposals.acts import ProposalKind
from identity.provider.models import Client
from identity.provider.registration import checked, juristic_client, machine_client, register_client
from tests.identity.juristic.conftest import Companies, juristic_number
from tests.identity.officers_of_tests import BY, REASON

NAME = Text(th="ระบบ", en="System")


def jwks(**more: Any) -> dict[str, Any]:
    public = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    return {"keys": [{**public, "kid": "one", **more}]}


async def system(companies: Companies, running: int = 1) -> str:
    given = {"number": juristic_number(running).digits, "name_th": NAME.th, "name_en": NAME.en, "jwks": jwks()}
    return await companies.do(ProposalKind.JURISTIC_CLIENT, given)


async def acting(
    companies: Companies, client: str, appointment: UUID, power: str = "report:policies", agency: str = "oic"
) -> Represented:
    async with companies.office.database.read() as session:
        return await companies.register.acting_by_client(
            session, client, agency=agency, appointment=appointment, power=power
        )


async def test_a_system_acts_in_the_name_of_an_officer_of_its_own_company(companies: Companies) -> None:
    ours, theirs = await companies.enter(1, 10, 11), await companies.enter(2, 10, 11)
    client, held, foreign = (
        await system(companies),
        await companies.appoint(ours, 20),
        await companies.appoint(theirs, 21),
    )
    told = await acting(companies, client, held.id)
    assert (told.juristic, told.person, told.client) == (ours, held.person, client)
    for appointment in (foreign.id, new_id()):
        with pytest.raises(NotItsOfficer):
            await acting(companies, client, appointment)
    with pytest.raises(PowerMissing):
        await acting(companies, client, held.id, "file:claims")
    with pytest.raises(NotItsOfficer):
        await acting(companies, client, held.id, agency="mhesi")


async def test_a_system_stops_with_its_officer_and_goes_on_with_another(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    client, held, other = (
        await system(companies),
        await companies.appoint(company, 20),
        await companies.appoint(company, 21),
    )
    await companies.end(held, 10)
    with pytest.raises(NotItsOfficer):
        await acting(companies, client, held.id)
    assert (await acting(companies, client, other.id)).person == other.person


async def test_an_agencys_system_is_no_juristic_persons(companies: Companies) -> None:
    held = await companies.appoint(await companies.enter(1, 10, 11), 20)
    async with companies.office.database.write() as session:
        spec = machine_client("oic", NAME, jwks(), ["agency.ingest"])
        agencys = await register_client(session, spec, created_by=BY, clock=companies.office.clock)
    for client in (agencys, "nobody"):
        with pytest.raises(NotItsOfficer):
            await acting(companies, client, held.id)


async def test_a_system_ends_by_one_officer_of_the_agency(companies: Companies) -> None:
    held = await companies.appoint(await companies.enter(1, 10, 11), 20)
    client = await system(companies)
    other = await companies.office.officer(3, "mhesi", "juristic.approve")
    with pytest.raises(NotFound):
        async with companies.office.database.write() as session:
            await companies.appointing.end_client(session, other, client, REASON)
    async with companies.office.database.write() as session:
        await companies.appointing.end_client(session, companies.maker, client, REASON)
    with pytest.raises(NotItsOfficer):
        await acting(companies, client, held.id)
    with pytest.raises(NotFound):
        async with companies.office.database.write() as session:
            await companies.appointing.end_client(session, companies.maker, client, REASON)


async def test_systems_end_with_their_company(companies: Companies) -> None:
    await companies.enter(1, 10, 11)
    client = await system(companies)
    await companies.do(ProposalKind.JURISTIC_END, {"number": juristic_number(1).digits})
    async with companies.office.database.read() as session:
        row = await session.get(Client, client)
    assert row is not None
    assert row.ended_at is not None


async def test_a_system_has_one_owner_and_one_scope(companies: Companies) -> None:
    await companies.enter(1, 10, 11)
    async with companies.office.database.read() as session:
        row = await session.get(Client, await system(companies))
    assert row is not None
    assert (row.agency, row.scopes, row.resources) == (None, ["agency.ingest"], ["/agency"])
    both = juristic_client(new_id(), NAME, jwks())
    with pytest.raises(BadInput):
        checked(type(both)(**{**{name: getattr(both, name) for name in type(both).__slots__}, "agency": "oic"}))


async def test_of_a_company_that_is_not_there_nothing_is_proposed(companies: Companies) -> None:
    with pytest.raises(NotFound):
        await system(companies, 7)


async def test_a_private_key_is_refused(companies: Companies) -> None:
    await companies.enter(1, 10, 11)
    private = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
    keys = {"keys": [{**private, "kid": "1"}]}
    given = {"number": juristic_number(1).digits, "name_th": "ก", "name_en": "a", "jwks": keys}
    with pytest.raises(BadInput):
        await companies.do(ProposalKind.JURISTIC_CLIENT, given)
