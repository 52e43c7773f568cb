"""What approving does: a corrected number, a guardian, an agency's client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from sqlalchemy import select
from sqlmodel import col

from core.errors import BadInput, Conflict, NotFound, SitthiError
from core.ids import NationalId
from core.text import Text
from identity.counter.errors import CounterCodeWrong
from identity.counter.service import Counter
from identity.delegation.models import Delegation, Kind, Scope
from identity.delegation.needs import Standing
from identity.delegation.offers import Direction, Offer
from identity.officers.errors import RoleMissing, RoleNotForAgency
from identity.officers.register import Officer
from identity.passkeys.models import Passkey
from identity.people.errors import NationalIdTaken, SameNationalId
from identity.proposals.acts import ProposalKind
from identity.proposals.agency_acts import end_system
from identity.proposals.errors import ConcernsYourself
from identity.proposals.service import Done, Proposals
from identity.provider.models import Client
from identity.provider.sessions import SignInSessions
from tests.identity.officers_of_tests import REASON, Office, number

REGISTRY = ("identity.propose", "identity.approve")
CORRECT = {"former": number(70).digits, "corrected": number(71).digits}


async def registrars(office: Office) -> tuple[Officer, Officer]:
    return await office.officer(1, "dopa", *REGISTRY), await office.officer(2, "dopa", *REGISTRY)


async def propose(office: Office, officer: Officer, kind: ProposalKind, given: Mapping[str, Any]) -> UUID:
    async with office.database.write() as session:
        return await office.proposals.propose(session, officer, kind, given, REASON)


async def approve(office: Office, officer: Officer, proposal: UUID) -> Done:
    async with office.database.write() as session:
        return await office.proposals.approve(session, officer, proposal)


def jwks(kid: str = "one", **more: Any) -> dict[str, Any]:
    public = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    return {"keys": [{**public, "kid": kid, **more}]}


async def test_two_registrars_correct_a_number_and_the_account_stays(office: Office) -> None:
    maker, checker = await registrars(office)
    person = await office.person(number(70))
    proposal = await propose(office, maker, ProposalKind.ID_CORRECTION, CORRECT)
    async with office.database.read() as session:
        assert await office.proposals.person_corrected_by(session, proposal) == person
    await approve(office, checker, proposal)
    async with office.database.read() as session:
        assert await office.people.find(session, number(71)) == person
        assert await office.people.find(session, number(70)) is None
        assert await office.people.former(session, person) == [number(70)]
    assert await office.told(person) == ["identity.id_corrected"]


async def test_a_correction_ends_every_sign_in_and_every_passkey(office: Office) -> None:
    """Whoever the wrong number belongs to may have come in by it."""
    maker, checker = await registrars(office)
    person, other = await office.person(number(70)), await office.person(number(80))
    sessions = SignInSessions(office.keys, office.clock)
    secrets = {}
    async with office.database.write() as session:
        for who in (person, other):
            secrets[who] = await sessions.begin(
                session, who, method="thaid", acr="ial2.3-aal2.1", amr=("fed",), name=Text(th="ก", en="a"),
                device="?", for_request="/",
            )  # fmt: skip
            session.add(
                Passkey(
                    person=who, id=who, credential_id=who.bytes, public_key=b"", sign_count=0, label="", ial="2.3",
                    name_sealed=b"", transports=[], synced=False, created_at=office.at(),
                    strong_at=office.at(),
                )
            )  # fmt: skip
    await approve(office, checker, await propose(office, maker, ProposalKind.ID_CORRECTION, CORRECT))
    async with office.database.read() as session:
        assert await sessions.find(session, secrets[person]) is None
        assert await sessions.find(session, secrets[other]) is not None
        ended = {row.person: row.end_reason for row in await session.scalars(select(Passkey))}
    assert ended == {person: "ID_CORRECTED", other: None}


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"former": number(70).digits, "corrected": number(70).digits}, SameNationalId),
        ({"former": number(70).digits, "corrected": number(72).digits}, NationalIdTaken),
        ({"former": number(79).digits, "corrected": number(71).digits}, NotFound),
        ({"former": "x", "corrected": number(71).digits}, SitthiError),
        ({"former": number(70).digits}, BadInput),
    ],
)
async def test_what_cannot_be_corrected_is_not_proposed(
    office: Office, given: dict[str, Any], error: type[SitthiError]
) -> None:
    maker, _ = await registrars(office)
    await office.person(number(70))
    await office.person(number(72))
    with pytest.raises(error) as caught:
        await propose(office, maker, ProposalKind.ID_CORRECTION, given)
    assert not any(number(n).digits in str(caught.value.fields) for n in (70, 71, 72))


async def test_a_number_that_was_taken_in_the_meantime_is_not_corrected_to(office: Office) -> None:
    maker, checker = await registrars(office)
    person = await office.person(number(70))
    proposal = await propose(office, maker, ProposalKind.ID_CORRECTION, CORRECT)
    await office.person(number(71))
    with pytest.raises(NationalIdTaken):
        await approve(office, checker, proposal)
    async with office.database.read() as session:
        assert await office.people.find(session, number(70)) == person
        assert [one.id for one in await office.proposals.open(session, checker)] == [proposal]


async def test_a_number_that_was_corrected_in_the_meantime_is_a_conflict(office: Office) -> None:
    maker, checker = await registrars(office)
    await office.person(number(70))
    first = await propose(office, maker, ProposalKind.ID_CORRECTION, CORRECT)
    second = await propose(office, maker, ProposalKind.ID_CORRECTION, {**CORRECT, "corrected": number(73).digits})
    await approve(office, checker, first)
    with pytest.raises(Conflict):
        await approve(office, checker, second)


async def test_an_officer_decides_neither_about_their_number_nor_about_the_number_they_have(office: Office) -> None:
    maker, checker = await registrars(office)
    about = await propose(
        office, maker, ProposalKind.ID_CORRECTION, {"former": number(2).digits, "corrected": number(71).digits}
    )
    with pytest.raises(ConcernsYourself):
        await approve(office, checker, about)
    await office.person(number(70))
    taken = await propose(office, maker, ProposalKind.ID_CORRECTION, CORRECT)
    holder = await office.officer(71, "dopa", *REGISTRY)
    with pytest.raises(ConcernsYourself):
        await approve(office, holder, taken)


async def test_numbers_and_guardians_are_the_registrys_alone(office: Office) -> None:
    """Even with the role, which no other agency can give: a row that was written past the program gives nothing."""
    elsewhere = await office.officer(3, "dla", "officers.propose")
    with pytest.raises(RoleMissing):
        await propose(office, elsewhere, ProposalKind.ID_CORRECTION, CORRECT)
    with pytest.raises(RoleNotForAgency):
        await office.officer(3, "dla", *REGISTRY)


WARD = {"ward": number(70).digits, "guardian": number(71, 6).digits}
GUARDIAN = {
    **WARD,
    "ward_name_th": "เด็ก",
    "ward_name_en": "Child",
    "guardian_name_th": "ผู้ปกครอง",
    "guardian_name_en": "Guardian",
    "born": "2015-05-01",
}


async def guardianships(office: Office) -> list[Delegation]:
    async with office.database.read() as session:
        return list(await session.scalars(select(Delegation)))


async def test_two_registrars_enter_a_guardian_and_end_the_guardianship(office: Office) -> None:
    maker, checker = await registrars(office)
    await approve(office, checker, await propose(office, maker, ProposalKind.GUARDIANSHIP, GUARDIAN))
    [entered] = await guardianships(office)
    assert entered.person == await office.person(number(70))
    assert entered.delegate == await office.person(number(71, 6))
    assert (entered.kind, entered.ends_on, entered.proposed_by) == ("GUARDIAN", date(2035, 5, 1), checker.person)
    await approve(office, checker, await propose(office, maker, ProposalKind.GUARDIANSHIP_END, WARD))
    [ended] = await guardianships(office)
    assert (ended.end_reason, ended.ended_by) == ("OFFICER", checker.person)
    with pytest.raises(NotFound):
        await propose(office, maker, ProposalKind.GUARDIANSHIP_END, WARD)


@pytest.mark.parametrize(
    "changes",
    [
        {"born": "2006-11-16"},
        {"born": None},
        {"born": None, "until": "2026-11-15"},
        {"born": "soon"},
        {"guardian": GUARDIAN["ward"]},
        {"guardian_name_th": " "},
    ],
)
async def test_a_guardianship_that_cannot_be_is_not_proposed(office: Office, changes: dict[str, Any]) -> None:
    maker, _ = await registrars(office)
    with pytest.raises(BadInput):
        await propose(office, maker, ProposalKind.GUARDIANSHIP, {**GUARDIAN, **changes})


@pytest.mark.parametrize("changes", [{"born": "2006-11-17"}, {"born": None, "until": "2026-11-16"}])
async def test_a_guardianship_for_one_day_is_one(office: Office, changes: dict[str, Any]) -> None:
    maker, checker = await registrars(office)
    await approve(office, checker, await propose(office, maker, ProposalKind.GUARDIANSHIP, {**GUARDIAN, **changes}))
    [entered] = await guardianships(office)
    assert entered.ends_on == date(2026, 11, 17)


async def test_a_guardianship_of_nobody_is_not_ended(office: Office) -> None:
    maker, _ = await registrars(office)
    with pytest.raises(NotFound):
        await propose(office, maker, ProposalKind.GUARDIANSHIP_END, WARD)


async def test_a_guardian_does_not_approve_their_own_guardianship(office: Office) -> None:
    maker, checker = await registrars(office)
    proposal = await propose(office, maker, ProposalKind.GUARDIANSHIP, {**GUARDIAN, "guardian": number(2).digits})
    with pytest.raises(ConcernsYourself):
        await approve(office, checker, proposal)


async def test_two_officers_register_a_system_of_their_agency(office: Office) -> None:
    maker = await office.officer(1, "oic", "clients.propose")
    checker = await office.officer(2, "oic", "clients.approve")
    given = {"name_th": "ระบบ", "name_en": "CMIS", "scopes": ["agency.services"], "jwks": jwks(x5u="https://x.example")}
    done = await approve(office, checker, await propose(office, maker, ProposalKind.CLIENT_ADD, given))
    async with office.database.read() as session:
        [client] = await session.scalars(select(Client).where(col(Client.agency) == "oic"))
    assert done.told == client.id
    assert client.id.startswith("oic-")
    assert (client.auth_method, client.grant_types, client.resources) == (
        "private_key_jwt",
        ["client_credentials"],
        ["/agency"],
    )
    assert client.jwks is not None
    assert "x5u" not in client.jwks["keys"][0]
    assert client.created_by == maker.person.hex
    assert [kind for kind, _, _ in await office.acts("oic")] == ["PROPOSED", "CLIENT_ADDED", "APPROVED"]


async def system(office: Office) -> tuple[Officer, Officer, str]:
    maker = await office.officer(1, "oic", "clients.propose")
    checker = await office.officer(2, "oic", "clients.approve")
    given = {"name_th": "ระบบ", "name_en": "CMIS", "scopes": ["agency.services"], "jwks": jwks()}
    done = await approve(office, checker, await propose(office, maker, ProposalKind.CLIENT_ADD, given))
    return maker, checker, done.told


async def test_two_officers_replace_a_systems_keys(office: Office) -> None:
    maker, checker, client = await system(office)
    given = {"client": client, "jwks": jwks("two")}
    done = await approve(office, checker, await propose(office, maker, ProposalKind.CLIENT_KEYS, given))
    assert done.told == client
    async with office.database.read() as session:
        row = await session.get(Client, client)
    assert row is not None
    assert row.jwks is not None
    assert [key["kid"] for key in row.jwks["keys"]] == ["two"]
    assert [kind for kind, _, _ in await office.acts("oic")][-2:] == ["CLIENT_KEYS_REPLACED", "APPROVED"]


async def test_keys_of_another_agencys_system_are_not_proposed(office: Office) -> None:
    _, _, client = await system(office)
    stranger = await office.officer(3, "dlt", "clients.propose")
    for given, error in (
        ({"client": client, "jwks": jwks("two")}, NotFound),
        ({"client": client, "jwks": {"keys": []}}, BadInput),
        ({"client": "", "jwks": jwks()}, BadInput),
    ):
        with pytest.raises(error):
            await propose(office, stranger, ProposalKind.CLIENT_KEYS, given)


async def test_one_officer_ends_a_system(office: Office) -> None:
    maker, _, client = await system(office)
    stranger = await office.officer(3, "dlt", "clients.approve")
    colleague = await office.officer(4, "oic", "pay.plan")
    for officer, error in ((stranger, NotFound), (colleague, RoleMissing)):
        with pytest.raises(error):
            async with office.database.write() as session:
                await end_system(session, office.officers, officer, client, REASON, office.clock)
    async with office.database.write() as session:
        await end_system(session, office.officers, maker, client, "its key leaked", office.clock)
    async with office.database.read() as session:
        row = await session.get(Client, client)
    assert row is not None
    assert row.ended_at == office.at()
    assert (await office.acts("oic"))[-1] == ("CLIENT_ENDED", maker.person.hex, f"{client}: its key leaked")
    with pytest.raises(NotFound):
        await propose(office, maker, ProposalKind.CLIENT_KEYS, {"client": client, "jwks": jwks()})


async def test_a_kind_that_is_not_installed_is_not_found(office: Office) -> None:
    maker, _ = await registrars(office)
    bare = Proposals(office.keys, office.clock, office.officers, office.inbox, [])
    async with office.database.write() as session:
        with pytest.raises(NotFound):
            await bare.propose(session, maker, ProposalKind.GUARDIANSHIP, GUARDIAN, REASON)


def carer(by: UUID, other: NationalId, direction: Direction) -> Offer:
    return Offer(
        kind=Kind.CARER, direction=direction, by=by, other=other, scopes=(Scope.VIEW,), starts_on=date(2026, 11, 16),
        ends_on=date(2027, 11, 16), own_name=Text(th="ก", en="a"),
    )  # fmt: skip


async def test_a_correction_ends_every_delegation_whichever_side_the_account_is_on(office: Office) -> None:
    """A parent's right was proved by the children of the wrong number, and they are somebody else's."""
    maker, checker = await registrars(office)
    person, child, helper = [await office.person(number(one)) for one in (70, 81, 82)]
    stranger, cared_for = await office.person(number(83)), number(84)
    async with office.database.write() as session:
        of_child = replace(carer(person, number(81), Direction.I_ACT), kind=Kind.PARENT)
        held = [await office.delegations.propose(session, of_child)]
        held.append(await office.delegations.propose(session, carer(helper, number(70), Direction.I_ACT)))
        standing = Standing(Text(th="ข", en="b"), date(1950, 1, 1))
        await office.delegations.accept(session, person, held[-1].id, standing)
        held.append(await office.delegations.propose(session, carer(person, number(82), Direction.I_ACT)))
        others = await office.delegations.propose(session, carer(stranger, cared_for, Direction.I_ACT))
    await approve(office, checker, await propose(office, maker, ProposalKind.ID_CORRECTION, CORRECT))
    async with office.database.write() as session:
        assert await office.delegations.live(session, held[0].id, person) is None
        assert await office.delegations.live(session, held[1].id, helper) is None
        rows = {row.id: row for row in await session.scalars(select(Delegation))}
        [*_, last] = await office.delegations.events(session, child, held[0].id)
    assert {(rows[one.id].end_reason, rows[one.id].ended_by) for one in held} == {("OFFICER", checker.person)}
    assert rows[others.id].ended_at is None
    assert (last.kind, last.by, last.by_officer_of) == ("ENDED", checker.person, "dopa")
    assert (await office.told(child))[-1] == (await office.told(helper))[-1] == "delegation.ended"


async def test_a_code_that_was_handed_out_for_the_wrong_number_lets_nobody_in_any_more(office: Office) -> None:
    """Whoever the wrong number belongs to may be standing at a counter with it."""
    maker, checker = await registrars(office)
    clerk = await office.officer(3, "dopa", "identity.counter")
    counter = Counter(office.keys, office.clock, office.people, office.officers)
    async with office.database.write() as session:
        wrong, others = [
            await counter.issue(session, clerk, number(one), Text(th="ก", en="a"), saw_person=True) for one in (70, 80)
        ]
    await approve(office, checker, await propose(office, maker, ProposalKind.ID_CORRECTION, CORRECT))
    async with office.database.write() as session:
        await counter.redeem(session, others.code)
        with pytest.raises(CounterCodeWrong):
            await counter.redeem(session, wrong.code)
