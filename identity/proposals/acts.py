"""The acts that take two officers: what each proposal holds, whom it concerns, and what approving it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import BadInput, Conflict, NotFound
from core.ids import NationalId
from core.text import Text
from identity.officers.errors import RoleNotForAgency, ServesAnotherAgency
from identity.officers.register import OfficerRegister
from identity.officers.roles import (
    CLIENTS_APPROVE,
    CLIENTS_PROPOSE,
    DOPA,
    IDENTITY_APPROVE,
    IDENTITY_PROPOSE,
    OFFICERS_APPROVE,
    OFFICERS_PROPOSE,
    check_roles,
)
from identity.officers.trail import ActKind, Trail
from identity.people import PeopleRegister
from identity.people.correction import Correction
from identity.people.errors import NationalIdTaken, SameNationalId
from identity.provider.registration import checked, machine_client, register_client

NAME_LENGTH_MAX: Final = 200
AgencyTitles = Callable[[str], Text]
"""The name of an agency by its slug."""


class ProposalKind(StrEnum):
    OFFICER_ADD = "OFFICER_ADD"
    ID_CORRECTION = "ID_CORRECTION"
    GUARDIANSHIP = "GUARDIANSHIP"
    CLIENT_ADD = "CLIENT_ADD"


@dataclass(frozen=True, slots=True)
class Approval:
    """What is being approved, and by whom."""

    proposal: UUID
    agency: str
    maker: UUID
    checker: UUID


class Act(Protocol):
    """One kind of act. `given` is what the maker fills in; `payload` what :meth:`prepare` made of it, kept sealed."""

    kind: ProposalKind
    title: Text
    proposes: str
    approves: str

    async def prepare(self, session: AsyncSession, agency: str, given: Mapping[str, Any], /) -> dict[str, Any]:
        """The payload. Raises `BadInput` and whatever already stands in the way of it."""
        ...

    async def concerns(self, session: AsyncSession, payload: Mapping[str, Any], /) -> frozenset[UUID]:
        """The people it is about, as far as they are known: none of them may approve it."""
        ...

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        """Does it, in the transaction of the approval. Answers a word for the maker (a client's id), or nothing."""
        ...

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        """What the checker reads before deciding; with national IDs in full, which is what is being checked."""
        ...


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if isinstance(value, str):
            if not value.isprintable():
                raise ValueError("control characters")
            return value.strip()
        return value


class _OfficerForm(_Form):
    national_id: str
    name_th: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    name_en: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    roles: list[str] = Field(min_length=1, max_length=20)


class _CorrectionForm(_Form):
    former: str
    corrected: str


class _GuardianshipForm(_Form):
    person: str
    person_name_th: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    person_name_en: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    guardian: str
    guardian_name_th: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    guardian_name_en: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    ends_on: date
    """The first day on which it holds no more."""


class _ClientForm(_Form):
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
        form = _read(_OfficerForm, given)
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
            (_NAME, f"{payload['name_th']} ({payload['name_en']})"),
            (_NUMBER, payload["national_id"]),
            (_ROLES, ", ".join(payload["roles"])),
        ]


class IdCorrection:
    """A person's national ID was wrong: the account stays, the number changes. For officers of the civil registry."""

    kind = ProposalKind.ID_CORRECTION
    title = Text(th="แก้ไขเลขประจำตัวประชาชน", en="correct a national ID")
    proposes, approves = IDENTITY_PROPOSE, IDENTITY_APPROVE

    def __init__(self, people: PeopleRegister, correction: Correction, titles: AgencyTitles) -> None:
        self._people, self._correction, self._titles = people, correction, titles

    async def prepare(self, session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        _registry_only(agency, self.proposes)
        form = _read(_CorrectionForm, given)
        former, new = NationalId.parse(form.former), NationalId.parse(form.corrected)
        if former == new:
            raise SameNationalId
        person = await self._people.find(session, former)
        if person is None:
            raise NotFound
        if await self._people.find(session, new) is not None:
            raise NationalIdTaken
        return {"person": person.hex, "former": former.digits, "corrected": new.digits}

    async def concerns(self, session: AsyncSession, payload: Mapping[str, Any]) -> frozenset[UUID]:
        holder = await self._people.find(session, NationalId(payload["corrected"]))
        return frozenset({UUID(payload["person"])} | ({holder} if holder is not None else set()))

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        person = UUID(payload["person"])
        if (await self._people.reveal(session, person)).digits != payload["former"]:
            raise Conflict  # corrected to something else in the meantime
        await self._correction.apply(
            session,
            person,
            NationalId(payload["corrected"]),
            agency=self._titles(approval.agency),
            by=f"proposal: {approval.proposal.hex}",
        )
        return ""

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [(_FORMER, payload["former"]), (_CORRECTED, payload["corrected"])]


class Guardianships(Protocol):
    """What of delegation is needed here (identity/delegation)."""

    async def register_guardianship(
        self,
        session: AsyncSession,
        *,
        person: UUID,
        guardian: UUID,
        person_name: Text,
        guardian_name: Text,
        ends_on: date,
        officer: UUID,
        agency: str,
    ) -> UUID:
        """Enters that the guardian acts for the person from today to the day before `ends_on`, by an officer's word."""
        ...


class GuardianshipAdd:
    """A court made somebody a guardian, and no register says so yet. For officers of the civil registry."""

    kind = ProposalKind.GUARDIANSHIP
    title = Text(th="บันทึกผู้ปกครองตามคำสั่งศาล", en="enter a guardian named by a court")
    proposes, approves = IDENTITY_PROPOSE, IDENTITY_APPROVE

    def __init__(self, people: PeopleRegister, guardianships: Guardianships, clock: Clock) -> None:
        self._people, self._guardianships, self._clock = people, guardianships, clock

    async def prepare(self, _session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        _registry_only(agency, self.proposes)
        form = _read(_GuardianshipForm, given)
        person, guardian = NationalId.parse(form.person), NationalId.parse(form.guardian)
        if person == guardian or form.ends_on <= self._clock.today():
            raise BadInput(_GUARDIAN_FORM, path=("guardian" if person == guardian else "ends_on",))
        return {**form.model_dump(mode="json"), "person": person.digits, "guardian": guardian.digits}

    async def concerns(self, session: AsyncSession, payload: Mapping[str, Any]) -> frozenset[UUID]:
        both = [await self._people.find(session, NationalId(payload[name])) for name in ("person", "guardian")]
        return frozenset(one for one in both if one is not None)

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        numbers = {name: NationalId(payload[name]) for name in ("person", "guardian")}
        known = await self._people.resolve(session, numbers.values())
        await self._guardianships.register_guardianship(
            session,
            person=known[numbers["person"].digits],
            guardian=known[numbers["guardian"].digits],
            person_name=Text(th=payload["person_name_th"], en=payload["person_name_en"]),
            guardian_name=Text(th=payload["guardian_name_th"], en=payload["guardian_name_en"]),
            ends_on=date.fromisoformat(payload["ends_on"]),
            officer=approval.checker,
            agency=approval.agency,
        )
        return ""

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [
            (_PERSON, f"{payload['person_name_th']} ({payload['person_name_en']})"),
            (_NUMBER, payload["person"]),
            (_GUARDIAN, f"{payload['guardian_name_th']} ({payload['guardian_name_en']})"),
            (_NUMBER, payload["guardian"]),
            (_ENDS, payload["ends_on"]),
        ]


class ClientAdd:
    """A system of the agency becomes a client (docs/agencies.md)."""

    kind = ProposalKind.CLIENT_ADD
    title = Text(th="ลงทะเบียนระบบของหน่วยงาน", en="register a system of the agency")
    proposes, approves = CLIENTS_PROPOSE, CLIENTS_APPROVE

    def __init__(self, trail: Trail, clock: Clock) -> None:
        self._trail, self._clock = trail, clock

    async def prepare(self, _session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        form = _read(_ClientForm, given)
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
            (_NAME, f"{payload['name_th']} ({payload['name_en']})"),
            (_SCOPES, " ".join(payload["scopes"])),
            (_KEYS, keys),
        ]


_F = TypeVar("_F", bound=_Form)


def _read(form: type[_F], given: Mapping[str, Any]) -> _F:
    """Raises :class:`BadInput` at the first field that is wrong, without its value."""
    try:
        return form.model_validate(dict(given))
    except ValidationError as error:
        place = error.errors(include_input=False, include_url=False)[0]["loc"]
        raise BadInput(_FIELD.filled(field=".".join(map(str, place))), path=place) from None


def _registry_only(agency: str, role: str) -> None:
    if agency != DOPA:
        raise RoleNotForAgency(agency=agency, role=role)


_FIELD: Final = Text(th="ช่อง {field} ไม่ถูกต้อง", en="the field {field} is not filled in rightly")
_GUARDIAN_FORM: Final = Text(
    th="ผู้ปกครองต้องเป็นคนละคน และวันสิ้นสุดต้องอยู่ในอนาคต", en="two different people, and an end in the future"
)
_NAME: Final = Text(th="ชื่อ", en="name")
_NUMBER: Final = Text(th="เลขประจำตัว", en="national ID")
_ROLES: Final = Text(th="บทบาท", en="roles")
_FORMER: Final = Text(th="เลขเดิม", en="former number")
_CORRECTED: Final = Text(th="เลขที่ถูกต้อง", en="right number")
_PERSON: Final = Text(th="ผู้อยู่ในความปกครอง", en="who is acted for")
_GUARDIAN: Final = Text(th="ผู้ปกครอง", en="guardian")
_ENDS: Final = Text(th="สิ้นสุดวันที่", en="ends on")
_SCOPES: Final = Text(th="scope", en="scopes")
_KEYS: Final = Text(th="กุญแจสาธารณะ", en="public keys")
