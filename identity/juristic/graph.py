"""Juristic persons in the graph: which the viewer directs or acts for, by whom it acts, and what happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, Final, Self
from uuid import UUID

import strawberry

from core.errors import NotFound
from core.graph import Delegate, Info, citizen_field, global_id, localized
from core.text import Text
from identity.juristic import models
from identity.juristic.acting import JURISTIC_PERSON
from identity.juristic.appointing import Appointing
from identity.juristic.desk import JuristicDesk, Standing, Told
from identity.juristic.models import AppointmentEnd, JuristicKind, JuristicOfficer, JuristicStep
from identity.juristic.register import JuristicRegister, title_of
from identity.juristic.states import Status, status_of
from identity.provider.client_keys import thumbprint_of
from identity.provider.models import Client

PERSON: Final = JURISTIC_PERSON
APPOINTMENT: Final = "JuristicAppointment"
HISTORY_DEFAULT: Final = 50


def _described(description: str) -> Callable[[Callable[..., Any]], Any]:
    """`strawberry.field` with a description; its types do not say that it answers what it was given."""
    field: Callable[[Callable[..., Any]], Any] = strawberry.field(description=description)
    return field


strawberry.enum(JuristicKind, description="What a juristic person is to the agency that registered it.")
strawberry.enum(AppointmentEnd, name="JuristicAppointmentEnd", description="How an appointment ended.")
strawberry.enum(Status, name="JuristicAppointmentStatus", description="Where an appointment stands now.")
strawberry.enum(JuristicStep, name="JuristicStep", description="What happened to a juristic person, or in its name.")


@strawberry.enum(name="JuristicActor", description="Who did something in the matters of a juristic person.")
class Actor(Enum):
    DIRECTOR = "DIRECTOR"
    OFFICER = "OFFICER"
    AGENCY = "AGENCY"
    """An officer of the agency that registered it."""
    REGISTER = "REGISTER"
    """The register of companies said so."""
    GONE = "GONE"
    """Somebody who left."""


@strawberry.type(description="That a person acts for a juristic person, with these powers, on these days.")
class JuristicAppointment:
    row: strawberry.Private[JuristicOfficer]
    viewer: strawberry.Private[UUID]
    id: strawberry.ID
    agent_id: str = strawberry.field(description="By which a system of the juristic person names this officer.")
    powers: list[str] = strawberry.field(description="`report:policies` for instance.")
    since: date = strawberry.field(description="The first day on which it holds.")
    until: date = strawberry.field(description="The last.")
    is_mine: bool = strawberry.field(description="Whether the viewer is who is appointed.")
    proposed_by_me: bool
    ended_at: datetime | None
    end_reason: AppointmentEnd | None

    @classmethod
    def of(cls, row: JuristicOfficer, viewer: UUID) -> Self:
        return cls(
            id=global_id(APPOINTMENT, row.id),
            row=row,
            viewer=viewer,
            agent_id=row.id.hex,
            powers=list(row.powers),
            since=row.starts_on,
            until=row.ends_on - timedelta(days=1),
            is_mine=row.person == viewer,
            proposed_by_me=row.proposed_by == viewer,
            ended_at=row.ended_at,
            end_reason=None if row.end_reason is None else AppointmentEnd(row.end_reason),
        )

    @_described("Of who is appointed, as who proposed it wrote it.")
    def name(self, info: Info) -> str:
        return localized(info, info.context.room(Appointing).name(self.row))

    @_described(
        "The last four digits of the national ID of who is appointed: the name is as who proposed it wrote it, and "
        "whoever approves has to know whom. Null for somebody who left."
    )
    async def national_id_ending(self, info: Info) -> str | None:
        async with info.context.db.read() as session:
            found = await info.context.room(JuristicDesk).endings(session, [self.row])
        return found.get(self.row.person)

    @strawberry.field
    def status(self, info: Info) -> Status:
        return status_of(info.context.room(Appointing), info.context.room(JuristicRegister), self.row)


@strawberry.type(description="Who directs a juristic person, of those who are here.")
class JuristicDirector:
    name_text: strawberry.Private[Text | None]
    is_me: bool
    signs: bool = strawberry.field(description="Whether they are of those who sign for it: only these appoint.")
    since: datetime

    @_described("As the register of companies has it; null where officers of the agency entered it.")
    def name(self, info: Info) -> str | None:
        return None if self.name_text is None else localized(info, self.name_text)


@strawberry.type(description="A key by which a system proves itself.")
class JuristicSystemKey:
    kid: str
    alg: str
    thumbprint: str = strawberry.field(description="SHA-256, RFC 7638: its keepers can tell it by telephone.")


@strawberry.type(description="A system of a juristic person. It does nothing without an officer named beside it.")
class JuristicSystem:
    name_text: strawberry.Private[Text]
    client: str = strawberry.field(description="The client id, by which it asks for tokens.")
    keys: list[JuristicSystemKey]
    updated_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Client) -> Self:
        keys = [] if row.jwks is None else row.jwks["keys"]
        return cls(
            name_text=Text(th=row.name_th, en=row.name_en),
            client=row.id,
            keys=[JuristicSystemKey(kid=one["kid"], alg=one["alg"], thumbprint=thumbprint_of(one)) for one in keys],
            updated_at=row.updated_at,
            ended_at=row.ended_at,
        )

    @strawberry.field
    def name(self, info: Info) -> str:
        return localized(info, self.name_text)


@strawberry.type(description="What happened to a juristic person or was done in its name; never about whom.")
class JuristicEvent:
    told: strawberry.Private[Told]
    at: datetime
    kind: JuristicStep
    by: Actor
    system: str | None = strawberry.field(description="The client id of the system by which, or about which.")
    note: str = strawberry.field(description="What was done (`oic/policies`), the powers, or the reason.")

    @classmethod
    def of(cls, told: Told) -> Self:
        event = told.event
        return cls(
            told=told,
            at=event.at,
            kind=JuristicStep(event.kind),
            by=Actor(told.actor),
            system=event.client,
            note=event.note,
        )

    @_described("Of the director or officer who did it, as far as it is known.")
    def name(self, info: Info) -> str | None:
        return None if self.told.name is None else localized(info, self.told.name)

    @_described("The officer whom it is about.")
    def about(self, info: Info) -> str | None:
        return None if self.told.about is None else localized(info, self.told.about)


@strawberry.type(
    description="A juristic person in the register of one agency: before that agency its officers act for it."
)
class JuristicPerson:
    seen: strawberry.Private[Standing]
    id: strawberry.ID
    number: str
    kind: JuristicKind
    agency: str = strawberry.field(description="The slug of the agency that registered it.")
    directed_by_me: bool
    signed_by_me: bool = strawberry.field(description="Whether the viewer is of those who sign for it.")
    signatures: int = strawberry.field(description="How many directors sign together; 1: each alone.")
    as_of: datetime | None = strawberry.field(
        description="As of when the register of companies told who directs it; null where it does not know it."
    )

    @classmethod
    def of(cls, seen: Standing) -> Self:
        row = seen.row
        return cls(
            seen=seen,
            id=global_id(PERSON, row.id),
            number=row.number,
            kind=JuristicKind(row.kind),
            agency=row.agency,
            directed_by_me=seen.directs,
            signed_by_me=seen.signs,
            signatures=row.signatures,
            as_of=row.looked_at,
        )

    @strawberry.field
    def title(self, info: Info) -> str:
        return localized(info, title_of(self.seen.row))

    @_described("For its directors.")
    async def directors(self, info: Info) -> list[JuristicDirector] | None:
        async with info.context.db.read() as session:
            found = await info.context.room(JuristicDesk).directors(session, self.seen)
        return [_director(row, name, self.seen.person) for row, name in found]

    @_described("The newest first. Directors see all; an officer their own.")
    async def appointments(self, info: Info) -> list[JuristicAppointment] | None:
        async with info.context.db.read() as session:
            found = await info.context.room(JuristicDesk).appointments(session, self.seen)
        return [JuristicAppointment.of(one, self.seen.person) for one in found]

    @_described("Those that work; for directors, and for officers who may `manage:systems`.")
    async def systems(self, info: Info) -> list[JuristicSystem] | None:
        async with info.context.db.read() as session:
            found = await info.context.room(JuristicDesk).clients(session, self.seen)
        return [JuristicSystem.of(one) for one in found]

    @_described("Latest first, 200 at most. Directors see all; an officer what is about them or was done by them.")
    async def history(self, info: Info, first: int = HISTORY_DEFAULT) -> list[JuristicEvent] | None:
        async with info.context.db.read() as session:
            found = await info.context.room(JuristicDesk).history(session, self.seen, max(0, first))
        return [JuristicEvent.of(one) for one in found]


@strawberry.type
class JuristicOfCitizen:
    """What this room adds to a citizen."""

    person: strawberry.Private[UUID]

    @citizen_field(
        Delegate.NOTHING,
        description="Juristic persons that the citizen directs, acts for, or is asked to act for.",
    )
    async def juristic_persons(self, info: Info) -> list[JuristicPerson] | None:
        async with info.context.db.read() as session:
            found = await info.context.room(JuristicDesk).standings(session, self.person)
        return [JuristicPerson.of(one) for one in found]


def _director(row: models.JuristicDirector, name: Text | None, viewer: UUID) -> JuristicDirector:
    return JuristicDirector(name_text=name, is_me=row.person == viewer, signs=row.signs, since=row.since)


async def appointment_of(info: Info, appointment: UUID) -> JuristicAppointment | None:
    """One of the viewer's, or of a juristic person that they direct."""
    viewer = info.context.signed_in().person
    try:
        async with info.context.db.read() as session:
            row = await info.context.room(JuristicDesk).appointment(session, viewer, appointment)
    except NotFound:
        return None
    return JuristicAppointment.of(row, viewer)


async def person_of(info: Info, juristic: UUID) -> JuristicPerson | None:
    """One that the viewer directs or acts for."""
    viewer = info.context.signed_in().person
    try:
        async with info.context.db.read() as session:
            return JuristicPerson.of(await info.context.room(JuristicDesk).standing(session, viewer, juristic))
    except NotFound:
        return None
