"""Approving a correction at the edge: what is remembered elsewhere is forgotten before and after, or it fails whole."""

from __future__ import annotations

from uuid import UUID

import pytest

from core.errors import ServiceUnavailable
from identity.proposals.acts import ProposalKind
from identity.proposals.edge import approve
from tests.identity.officers_of_tests import REASON, Office, number

CORRECT = {"former": number(70).digits, "corrected": number(71).digits}


class Memory:
    """Fails from the `fails_from`-th time on."""

    def __init__(self, office: Office, fails_from: int = 99) -> None:
        self._office, self._fails_from = office, fails_from
        self.seen: list[tuple[UUID, bool]] = []

    async def forget(self, person: UUID) -> None:
        async with self._office.database.read() as session:
            corrected = await self._office.people.find(session, number(71)) is not None
        self.seen.append((person, corrected))
        if len(self.seen) >= self._fails_from:
            raise ServiceUnavailable("cache")


async def corrected(office: Office, memory: Memory | None) -> UUID:
    roles = ("identity.propose", "identity.approve")
    maker, checker = await office.officer(1, "dopa", *roles), await office.officer(2, "dopa", *roles)
    person = await office.person(number(70))
    async with office.database.write() as session:
        key = await office.proposals.propose(session, maker, ProposalKind.ID_CORRECTION, CORRECT, REASON)
    await approve(office.database, office.proposals, memory, checker, key, "")
    return person


async def found(office: Office) -> UUID | None:
    async with office.database.read() as session:
        return await office.people.find(session, number(71))


async def test_it_is_forgotten_before_and_after(office: Office) -> None:
    memory = Memory(office)
    person = await corrected(office, memory)
    assert memory.seen == [(person, False), (person, True)]


async def test_while_nothing_can_be_forgotten_nothing_is_corrected(office: Office) -> None:
    with pytest.raises(ServiceUnavailable):
        await corrected(office, Memory(office, fails_from=1))
    assert await found(office) is None


async def test_what_is_corrected_stays_so_when_it_cannot_be_forgotten_again(office: Office) -> None:
    assert await corrected(office, Memory(office, fails_from=2)) == await found(office)


async def test_other_acts_forget_nobody(office: Office) -> None:
    memory = Memory(office)
    maker, checker = (
        await office.officer(1, "dla", "officers.propose"),
        await office.officer(2, "dla", "officers.approve"),
    )
    given = {"national_id": number(50).digits, "name_th": "ก", "name_en": "A", "roles": ["pay.plan"]}
    async with office.database.write() as session:
        key = await office.proposals.propose(session, maker, ProposalKind.OFFICER_ADD, given, REASON)
    await approve(office.database, office.proposals, memory, checker, key, "")
    assert memory.seen == []
