"""What two officers do for their own agency: its officers, and its systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import NotFound
from core.ids import NationalId
from core.text import Text
from identity.officers.demands import AT_THE_DESK
from identity.officers.errors import ServesAnotherAgency
from identity.officers.reasons import checked_name, checked_reason
from identity.officers.register import Officer, OfficerRegister
from identity.officers.roles import CLIENTS_APPROVE, CLIENTS_PROPOSE, OFFICERS_APPROVE, OFFICERS_PROPOSE, check_roles
from identity.officers.trail import ActKind, Trail
from identity.people import PeopleRegister
from identity.proposals.acts import NAME, NAME_LENGTH_MAX, NUMBER, Approval, Form, ProposalKind, read
from identity.provider.client_keys import thumbprint_of
from identity.provider.registration import (
    checked,
    clients_of,
    end_client,
    machine_client,
    public_keys,
    register_client,
    replace_keys,
)

_ROLES: Final = Text(th="บทบาท", en="roles")
_CLIENT: Final = Text(th="ระบบ", en="system")
_SCOPES: Final = Text(th="scope", en="scopes")
_KEYS: Final = Text(th="กุญแจสาธารณะ", en="public keys")


class _OfficerForm(Form):
    national_id: str
    name_th: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    name_en: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    roles: list[str] = Field(min_length=1, max_length=20)


class _ClientForm(Form):
    name_th: str = Field(min_length=1, max_length=100)
    name_en: str = Field(min_length=1, max_length=100)
    scopes: list[str] = Field(min_length=1, max_length=10)
    jwks: dict[str, Any]


class _KeysForm(Form):
    client: str = Field(min_length=1, max_length=64)
    jwks: dict[str, Any]


class OfficerAdd:
    """A person becomes an officer of the agency with these roles, or an officer's roles become these."""

    kind = ProposalKind.OFFICER_ADD
    title = Text(th="เพิ่มหรือเปลี่ยนบทบาทเจ้าหน้าที่", en="add an officer, or change their roles")
    proposes, approves = OFFICERS_PROPOSE, OFFICERS_APPROVE

    def __init__(self, officers: OfficerRegister, people: PeopleRegister) -> None:
        self._officers, self._people = officers, people

    async def prepare(self, session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        form = read(_OfficerForm, given)
        number = NationalId.parse(form.national_id)
        check_roles(agency, form.roles)
        checked_name(Text(th=form.name_th, en=form.name_en))
        person = await self._people.find(session, number)
        serving = None if person is None else await self._officers.find(session, person)
        if serving is not None and serving.agency != agency:
            raise ServesAnotherAgency(agency=serving.agency)
        return {**form.model_dump(), "national_id": number.digits, "roles": sorted(set(form.roles))}

    async def concerns(self, session: AsyncSession, payload: Mapping[str, Any]) -> frozenset[UUID]:
        person = await self._people.find(session, NationalId(payload["national_id"]))
        return frozenset() if person is None else frozenset({person})

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        await self._officers.add(
            session,
            NationalId(payload["national_id"]),
            agency=approval.agency,
            roles=payload["roles"],
            name=Text(th=payload["name_th"], en=payload["name_en"]),
            by=approval.checker.hex,
        )
        return ""

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [
            (NAME, f"{payload['name_th']} ({payload['name_en']})"),
            (NUMBER, payload["national_id"]),
            (_ROLES, ", ".join(payload["roles"])),
        ]


class ClientAdd:
    """A system of the agency becomes a client (docs/agencies.md)."""

    kind = ProposalKind.CLIENT_ADD
    title = Text(th="ลงทะเบียนระบบของหน่วยงาน", en="register a system of the agency")
    proposes, approves = CLIENTS_PROPOSE, CLIENTS_APPROVE

    def __init__(self, trail: Trail, clock: Clock) -> None:
        self._trail, self._clock = trail, clock

    async def prepare(self, _session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        form = read(_ClientForm, given)
        good = checked(machine_client(agency, Text(th=form.name_th, en=form.name_en), form.jwks, form.scopes))
        return {**form.model_dump(), "jwks": good.jwks}

    async def concerns(self, _session: AsyncSession, _payload: Mapping[str, Any]) -> frozenset[UUID]:
        return frozenset()

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        name = Text(th=payload["name_th"], en=payload["name_en"])
        spec = machine_client(approval.agency, name, payload["jwks"], payload["scopes"])
        client = await register_client(session, spec, created_by=approval.maker.hex, clock=self._clock)
        await self._trail.note(
            session,
            ActKind.CLIENT_ADDED,
            agency=approval.agency,
            by=approval.checker.hex,
            subject=approval.proposal,
            note=client,
        )
        return client

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [
            (NAME, f"{payload['name_th']} ({payload['name_en']})"),
            (_SCOPES, " ".join(payload["scopes"])),
            (_KEYS, keys_of(payload)),
        ]


class ClientKeys:
    """The keys of an agency's system become these: whoever holds one of them is that system."""

    kind = ProposalKind.CLIENT_KEYS
    title = Text(th="เปลี่ยนกุญแจของระบบของหน่วยงาน", en="replace the keys of a system of the agency")
    proposes, approves = CLIENTS_PROPOSE, CLIENTS_APPROVE

    def __init__(self, trail: Trail, clock: Clock) -> None:
        self._trail, self._clock = trail, clock

    async def prepare(self, session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        form = read(_KeysForm, given)
        keys = public_keys(form.jwks)
        if not any(one.id == form.client and one.ended_at is None for one in await clients_of(session, agency)):
            raise NotFound
        return {"client": form.client, "jwks": keys}

    async def concerns(self, _session: AsyncSession, _payload: Mapping[str, Any]) -> frozenset[UUID]:
        return frozenset()

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        client: str = payload["client"]
        await replace_keys(session, client, payload["jwks"], agency=approval.agency, clock=self._clock)
        await self._trail.note(
            session,
            ActKind.CLIENT_KEYS_REPLACED,
            agency=approval.agency,
            by=approval.checker.hex,
            subject=approval.proposal,
            note=client,
        )
        return client

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [(_CLIENT, payload["client"]), (_KEYS, keys_of(payload))]


def keys_of(payload: Mapping[str, Any]) -> str:
    """With their thumbprints (RFC 7638), which the system's keepers can tell by telephone."""
    return ", ".join(f"{key['kid']} ({key['alg']}, {thumbprint_of(key)})" for key in payload["jwks"]["keys"])


async def end_system(
    session: AsyncSession, officers: OfficerRegister, officer: Officer, client: str, reason: str, clock: Clock
) -> None:
    """Ends a system of the officer's agency. One officer is enough, as for ending an officer: a key may have leaked.

    Raises :class:`StepUpRequired`, :class:`NotAnOfficer`, :class:`RoleMissing`, :class:`BadInput`, :class:`NotFound`.
    """
    officer.must_meet(AT_THE_DESK, clock.now())
    held = CLIENTS_APPROVE if CLIENTS_APPROVE in officer.roles else CLIENTS_PROPOSE
    await officers.must_serve(session, officer, held)
    said = checked_reason(reason)
    await end_client(session, client, agency=officer.agency, clock=clock)
    await Trail(clock).note(
        session, ActKind.CLIENT_ENDED, agency=officer.agency, by=officer.person.hex, note=f"{client}: {said}"
    )
