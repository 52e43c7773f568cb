"""What two officers do for their own agency: its officers, and its systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import NationalId
from core.text import Text
from identity.officers.errors import ServesAnotherAgency
from identity.officers.register import OfficerRegister
from identity.officers.roles import CLIENTS_APPROVE, CLIENTS_PROPOSE, OFFICERS_APPROVE, OFFICERS_PROPOSE, check_roles
from identity.officers.trail import ActKind, Trail
from identity.people import PeopleRegister
from identity.proposals.acts import NAME, NAME_LENGTH_MAX, NUMBER, Approval, Form, ProposalKind, read
from identity.provider.registration import checked, machine_client, register_client

_ROLES: Final = Text(th="บทบาท", en="roles")
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
        keys = ", ".join(f"{key['kid']} ({key['alg']})" for key in payload["jwks"]["keys"])
        return [
            (NAME, f"{payload['name_th']} ({payload['name_en']})"),
            (_SCOPES, " ".join(payload["scopes"])),
            (_KEYS, keys),
        ]
