"""What directors and officers of juristic persons do in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.errors import SitthiError
from core.graph import Delegate, Info, Problem, mutation, work_of
from core.ids import GlobalId, MalformedGlobalId, MalformedNationalId, NationalId
from core.text import Text
from identity.juristic.appointing import Wish
from identity.juristic.desk import APPOINTING, JuristicDesk
from identity.juristic.graph import (
    APPOINTMENT,
    PERSON,
    JuristicAppointment,
    JuristicPerson,
    JuristicSystem,
    appointment_of,
    person_of,
)
from identity.juristic.models import JuristicOfficer
from identity.juristic.numbers import JuristicNumber
from identity.provider.models import Client


@strawberry.input
class FindJuristicPersonInput:
    number: str = strawberry.field(description="13 digits, of a company that the viewer directs.")
    idempotency_key: str


@strawberry.input
class ProposeJuristicOfficerInput:
    juristic_person: strawberry.ID
    national_id: str = strawberry.field(description="Of who is to act for it; a director may name themself.")
    name_th: str
    name_en: str
    powers: list[str] = strawberry.field(description="`report:policies`, `file:claims`, `manage:systems` for instance.")
    until: date = strawberry.field(description="The last day, within three years.")
    idempotency_key: str
    since: date | None = strawberry.field(default=None, description="The first day; left out, today.")


@strawberry.input
class ApproveJuristicOfficerInput:
    appointment: strawberry.ID
    idempotency_key: str


@strawberry.input
class AcceptJuristicOfficerInput:
    appointment: strawberry.ID
    idempotency_key: str


@strawberry.input
class EndJuristicOfficerInput:
    appointment: strawberry.ID
    idempotency_key: str


@strawberry.input
class AddJuristicSystemInput:
    juristic_person: strawberry.ID
    name_th: str
    name_en: str
    jwks: JSON = strawberry.field(description="Its public keys (RFC 7517): 1 to 5, each with a `kid`.")
    idempotency_key: str


@strawberry.input
class ReplaceJuristicSystemKeysInput:
    juristic_person: strawberry.ID
    client: str
    jwks: JSON = strawberry.field(description="All that it has from now on: the old beside the new until all use it.")
    idempotency_key: str


@strawberry.input
class EndJuristicSystemInput:
    juristic_person: strawberry.ID
    client: str
    idempotency_key: str


@strawberry.type
class FindJuristicPersonPayload:
    juristic_person: JuristicPerson | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(juristic_person=await person_of(info, UUID(hex=kept["juristic"])))


@strawberry.type
class _AppointmentPayload:
    appointment: JuristicAppointment | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(appointment=await appointment_of(info, UUID(hex=kept["appointment"])))


@strawberry.type
class ProposeJuristicOfficerPayload(_AppointmentPayload):
    pass


@strawberry.type
class ApproveJuristicOfficerPayload(_AppointmentPayload):
    pass


@strawberry.type
class AcceptJuristicOfficerPayload(_AppointmentPayload):
    pass


@strawberry.type
class EndJuristicOfficerPayload(_AppointmentPayload):
    pass


@strawberry.type
class _SystemPayload:
    system: JuristicSystem | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        async with info.context.db.read() as session:
            row = await session.get(Client, kept["client"])
        return cls(system=None if row is None else JuristicSystem.of(row))


@strawberry.type
class AddJuristicSystemPayload(_SystemPayload):
    pass


@strawberry.type
class ReplaceJuristicSystemKeysPayload(_SystemPayload):
    pass


@strawberry.type
class EndJuristicSystemPayload(_SystemPayload):
    pass


@strawberry.type
class JuristicMutation:
    @mutation(
        FindJuristicPersonPayload,
        delegate=Delegate.NOTHING,
        demand=APPOINTING,
        description="Asks the register of companies whether the viewer directs one that an agency has entered.",
    )
    async def find_juristic_person(self, info: Info, input: FindJuristicPersonInput) -> FindJuristicPersonPayload:
        work, viewer, desk = work_of(info), work_of(info).viewer.person, info.context.room(JuristicDesk)
        [juristic, *_] = await desk.find(viewer, JuristicNumber.parse(input.number))
        async with work.transaction() as session:
            seen = await desk.standing(session, viewer, juristic)
            work.keep(juristic=juristic.hex)
        return FindJuristicPersonPayload(juristic_person=JuristicPerson.of(seen))

    @mutation(
        ProposeJuristicOfficerPayload,
        delegate=Delegate.NOTHING,
        demand=APPOINTING,
        keyed=True,
        description="By a director who signs. It waits for another's approval; of one who signs alone, for who is "
        "appointed.",
    )
    async def propose_juristic_officer(
        self, info: Info, input: ProposeJuristicOfficerInput
    ) -> ProposeJuristicOfficerPayload:
        work, viewer, desk = work_of(info), work_of(info).viewer.person, info.context.room(JuristicDesk)
        juristic, number = _key(input.juristic_person, PERSON, "juristicPerson"), _national_id(input.national_id)
        name = Text(th=input.name_th, en=input.name_en)
        wish = Wish(viewer, name, input.powers, input.until, input.since)
        await desk.look(viewer, juristic)
        async with work.transaction() as session:
            row = await desk.propose(session, viewer, juristic, number, wish)
            work.keep(appointment=row.id.hex)
        return ProposeJuristicOfficerPayload(appointment=JuristicAppointment.of(row, viewer))

    @mutation(
        ApproveJuristicOfficerPayload,
        delegate=Delegate.NOTHING,
        demand=APPOINTING,
        description="By another director who signs, within seven days; then it waits for who is appointed.",
    )
    async def approve_juristic_officer(
        self, info: Info, input: ApproveJuristicOfficerInput
    ) -> ApproveJuristicOfficerPayload:
        work, viewer, desk = work_of(info), work_of(info).viewer.person, info.context.room(JuristicDesk)
        held = await _appointment(info, viewer, input.appointment)
        await desk.look(viewer, held.juristic)
        async with work.transaction() as session:
            row = await desk.appointing.approve(session, viewer, held.juristic, held.id)
            work.keep(appointment=row.id.hex)
        return ApproveJuristicOfficerPayload(appointment=JuristicAppointment.of(row, viewer))

    @mutation(
        AcceptJuristicOfficerPayload,
        delegate=Delegate.NOTHING,
        demand=APPOINTING,
        description="By who was appointed, within seven days: it holds on its days from now on.",
    )
    async def accept_juristic_officer(
        self, info: Info, input: AcceptJuristicOfficerInput
    ) -> AcceptJuristicOfficerPayload:
        work, viewer, desk = work_of(info), work_of(info).viewer.person, info.context.room(JuristicDesk)
        held = await _appointment(info, viewer, input.appointment)
        async with work.transaction() as session:
            row = await desk.appointing.accept(session, viewer, held.juristic, held.id)
            work.keep(appointment=row.id.hex)
        return AcceptJuristicOfficerPayload(appointment=JuristicAppointment.of(row, viewer))

    @mutation(
        EndJuristicOfficerPayload,
        delegate=Delegate.NOTHING,
        description="Ends it at once: by any director, or by who was appointed; also declines one that waits.",
    )
    async def end_juristic_officer(self, info: Info, input: EndJuristicOfficerInput) -> EndJuristicOfficerPayload:
        work, viewer, desk = work_of(info), work_of(info).viewer.person, info.context.room(JuristicDesk)
        held = await _appointment(info, viewer, input.appointment)
        await desk.look_before_ending(viewer, held.juristic)
        async with work.transaction() as session:
            row = await desk.appointing.end(session, viewer, held.juristic, held.id)
            work.keep(appointment=row.id.hex)
        return EndJuristicOfficerPayload(appointment=JuristicAppointment.of(row, viewer))

    @mutation(
        AddJuristicSystemPayload,
        delegate=Delegate.NOTHING,
        demand=APPOINTING,
        description="By an officer with the power `manage:systems`; the directors are told.",
    )
    async def add_juristic_system(self, info: Info, input: AddJuristicSystemInput) -> AddJuristicSystemPayload:
        work, viewer, desk = work_of(info), work_of(info).viewer.person, info.context.room(JuristicDesk)
        juristic = _key(input.juristic_person, PERSON, "juristicPerson")
        name = Text(th=input.name_th, en=input.name_en)
        async with work.transaction() as session:
            row = await desk.systems.add(session, viewer, juristic, name, _keys(input.jwks))
            work.keep(client=row.id)
        return AddJuristicSystemPayload(system=JuristicSystem.of(row))

    @mutation(
        ReplaceJuristicSystemKeysPayload,
        delegate=Delegate.NOTHING,
        demand=APPOINTING,
        description="By an officer with the power `manage:systems`; the directors are told.",
    )
    async def replace_juristic_system_keys(
        self, info: Info, input: ReplaceJuristicSystemKeysInput
    ) -> ReplaceJuristicSystemKeysPayload:
        work, viewer, desk = work_of(info), work_of(info).viewer.person, info.context.room(JuristicDesk)
        juristic = _key(input.juristic_person, PERSON, "juristicPerson")
        async with work.transaction() as session:
            row = await desk.systems.replace_keys(session, viewer, juristic, input.client, _keys(input.jwks))
            work.keep(client=row.id)
        return ReplaceJuristicSystemKeysPayload(system=JuristicSystem.of(row))

    @mutation(
        EndJuristicSystemPayload,
        delegate=Delegate.NOTHING,
        description="At once, with all its tokens: by any director, or an officer with the power `manage:systems`.",
    )
    async def end_juristic_system(self, info: Info, input: EndJuristicSystemInput) -> EndJuristicSystemPayload:
        work, viewer, desk = work_of(info), work_of(info).viewer.person, info.context.room(JuristicDesk)
        juristic = _key(input.juristic_person, PERSON, "juristicPerson")
        await desk.look_before_ending(viewer, juristic)
        async with work.transaction() as session:
            row = await desk.systems.end(session, viewer, juristic, input.client)
            work.keep(client=row.id)
        return EndJuristicSystemPayload(system=JuristicSystem.of(row))


async def _appointment(info: Info, viewer: UUID, given: strawberry.ID) -> JuristicOfficer:
    key = _key(given, APPOINTMENT, "appointment")
    async with info.context.db.read() as session:
        return await info.context.room(JuristicDesk).appointment(session, viewer, key)


def _key(given: strawberry.ID, kind: str, path: str) -> UUID:
    try:
        return GlobalId.parse(str(given), expected=kind).id
    except SitthiError:
        raise MalformedGlobalId(path=(path,)) from None


def _national_id(given: str) -> NationalId:
    try:
        return NationalId.parse(given)
    except MalformedNationalId:
        raise MalformedNationalId(path=("nationalId",)) from None


def _keys(given: Any) -> Mapping[str, Any]:
    """What is no object at all is refused as an empty key set is."""
    return given if isinstance(given, Mapping) else {}
