"""What two officers of the civil registry do for people: corrected numbers, and guardians named by a court."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.errors import BadInput, Conflict, NotFound
from core.ids import NationalId
from core.text import Text
from identity.delegation.days import majority
from identity.delegation.models import Delegation
from identity.delegation.models import Kind as DelegationKind
from identity.delegation.service import DelegationService, Guardianship
from identity.officers.errors import RoleNotForAgency
from identity.officers.roles import DOPA, IDENTITY_APPROVE, IDENTITY_PROPOSE
from identity.people import PeopleRegister
from identity.people.correction import Correction
from identity.people.errors import NationalIdTaken, SameNationalId
from identity.proposals.acts import NAME_LENGTH_MAX, NUMBER, Approval, Form, ProposalKind, read

AgencyTitles = Callable[[str], Text]
"""The name of an agency by its slug."""
_DAY: Final = timedelta(days=1)
_FORMER: Final = Text(th="เลขเดิม", en="former number")
_CORRECTED: Final = Text(th="เลขที่ถูกต้อง", en="right number")
_WARD: Final = Text(th="ผู้อยู่ในความปกครอง", en="ward")
_GUARDIAN: Final = Text(th="ผู้ปกครอง", en="guardian")
_BORN: Final = Text(th="วันเกิดของผู้เยาว์", en="the minor was born on")
_UNTIL: Final = Text(th="ถึงวันที่", en="until")
_GUARDIAN_FORM: Final = Text(
    th="ผู้ปกครองต้องเป็นคนละคน และวันสิ้นสุดต้องอยู่ในอนาคต", en="two different people, and an end that is yet to come"
)


class _CorrectionForm(Form):
    former: str
    corrected: str


class _WardForm(Form):
    ward: str
    guardian: str


class _GuardianshipForm(_WardForm):
    ward_name_th: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    ward_name_en: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    guardian_name_th: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    guardian_name_en: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    born: date | None = None
    """Of a minor, whose guardianship ends on the 20th birthday."""
    until: date | None = None
    """The last day; for an adult there must be one."""


class IdCorrection:
    """A person's national ID was wrong: the account stays, the number changes. For officers of the civil registry."""

    kind = ProposalKind.ID_CORRECTION
    title = Text(th="แก้ไขเลขประจำตัวประชาชน", en="correct a national ID")
    proposes, approves = IDENTITY_PROPOSE, IDENTITY_APPROVE

    def __init__(
        self, people: PeopleRegister, correction: Correction, delegations: DelegationService, titles: AgencyTitles
    ) -> None:
        self._people, self._correction = people, correction
        self._delegations, self._titles = delegations, titles

    async def prepare(self, session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        _registry_only(agency, self.proposes)
        form = read(_CorrectionForm, given)
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
        await self._delegations.end_all_of(session, person, officer=approval.checker, agency=approval.agency)
        return ""

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [(_FORMER, payload["former"]), (_CORRECTED, payload["corrected"])]


class GuardianshipAdd:
    """A court made somebody a guardian, and no register says so yet. For officers of the civil registry."""

    kind = ProposalKind.GUARDIANSHIP
    title = Text(th="บันทึกผู้ปกครองตามคำสั่งศาล", en="enter a guardian named by a court")
    proposes, approves = IDENTITY_PROPOSE, IDENTITY_APPROVE

    def __init__(self, people: PeopleRegister, delegations: DelegationService, clock: Clock) -> None:
        self._people, self._delegations, self._clock = people, delegations, clock

    async def prepare(self, _session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        _registry_only(agency, self.proposes)
        form = read(_GuardianshipForm, given)
        ward, guardian = NationalId.parse(form.ward), NationalId.parse(form.guardian)
        ends = [*([form.until + _DAY] if form.until else []), *([majority(form.born)] if form.born else [])]
        if ward == guardian or not ends or min(ends) <= self._clock.today():
            raise BadInput(_GUARDIAN_FORM, path=("guardian" if ward == guardian else "until",))
        return {**form.model_dump(mode="json"), "ward": ward.digits, "guardian": guardian.digits}

    async def concerns(self, session: AsyncSession, payload: Mapping[str, Any]) -> frozenset[UUID]:
        return await _both(self._people, session, payload)

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        numbers = {name: NationalId(payload[name]) for name in ("ward", "guardian")}
        known = await self._people.resolve(session, numbers.values())
        days = {name: date.fromisoformat(payload[name]) if payload[name] else None for name in ("born", "until")}
        entered = Guardianship(
            ward=known[numbers["ward"].digits],
            guardian=known[numbers["guardian"].digits],
            ward_name=Text(th=payload["ward_name_th"], en=payload["ward_name_en"]),
            guardian_name=Text(th=payload["guardian_name_th"], en=payload["guardian_name_en"]),
            ward_born=days["born"],
            until=days["until"],
        )
        await self._delegations.register_guardianship(
            session, entered, officer=approval.checker, agency=approval.agency
        )
        return ""

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [
            (_WARD, f"{payload['ward_name_th']} ({payload['ward_name_en']})"),
            (NUMBER, payload["ward"]),
            (_GUARDIAN, f"{payload['guardian_name_th']} ({payload['guardian_name_en']})"),
            (NUMBER, payload["guardian"]),
            *([(_BORN, payload["born"])] if payload["born"] else []),
            *([(_UNTIL, payload["until"])] if payload["until"] else []),
        ]


class GuardianshipEnd:
    """A court ended a guardianship, or another guardian took over."""

    kind = ProposalKind.GUARDIANSHIP_END
    title = Text(th="สิ้นสุดความเป็นผู้ปกครองตามคำสั่งศาล", en="end a guardianship by order of a court")
    proposes, approves = IDENTITY_PROPOSE, IDENTITY_APPROVE

    def __init__(self, people: PeopleRegister, delegations: DelegationService) -> None:
        self._people, self._delegations = people, delegations

    async def prepare(self, session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        _registry_only(agency, self.proposes)
        form = read(_WardForm, given)
        payload = {"ward": NationalId.parse(form.ward).digits, "guardian": NationalId.parse(form.guardian).digits}
        await self._standing(session, payload)
        return payload

    async def concerns(self, session: AsyncSession, payload: Mapping[str, Any]) -> frozenset[UUID]:
        return await _both(self._people, session, payload)

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        row = await self._standing(session, payload)
        await self._delegations.end_guardianship(session, row.id, officer=approval.checker, agency=approval.agency)
        return ""

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [(_WARD, payload["ward"]), (_GUARDIAN, payload["guardian"])]

    async def _standing(self, session: AsyncSession, payload: Mapping[str, Any]) -> Delegation:
        """Raises :class:`NotFound` when there is none between these two."""
        ward, guardian = [await self._people.find(session, NationalId(payload[one])) for one in ("ward", "guardian")]
        row: Delegation | None = await session.scalar(
            select(Delegation).where(
                col(Delegation.person) == ward,
                col(Delegation.delegate) == guardian,
                col(Delegation.kind) == DelegationKind.GUARDIAN,
                col(Delegation.accepted_at).is_not(None),
                col(Delegation.ended_at).is_(None),
            )
        )
        if row is None:
            raise NotFound
        return row


async def _both(people: PeopleRegister, session: AsyncSession, payload: Mapping[str, Any]) -> frozenset[UUID]:
    found = [await people.find(session, NationalId(payload[name])) for name in ("ward", "guardian")]
    return frozenset(one for one in found if one is not None)


def _registry_only(agency: str, role: str) -> None:
    if agency != DOPA:
        raise RoleNotForAgency(agency=agency, role=role)
