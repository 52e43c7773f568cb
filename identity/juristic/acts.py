"""What two officers of an agency do about juristic persons: enter one with its directors, appoint who acts for it,
register a system of its own, strike it off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, bangkok_day
from core.errors import BadInput, NotFound
from core.ids import NationalId
from core.text import Text
from identity.inbox.service import holds_national_id
from identity.juristic.appointing import Appointing, Wish, check_days, check_name
from identity.juristic.models import JuristicKind, JuristicPerson, JuristicStep
from identity.juristic.numbers import JuristicNumber, checked_powers
from identity.juristic.register import By, JuristicRegister
from identity.officers.roles import JURISTIC_APPROVE, JURISTIC_PROPOSE
from identity.people import PeopleRegister
from identity.proposals.acts import NAME, NAME_LENGTH_MAX, NUMBER, Approval, Form, ProposalKind, read
from identity.proposals.agency_acts import keys_of
from identity.provider.registration import checked, juristic_client, register_client

DIRECTORS_MAX: Final = 50
_JURISTIC: Final = Text(th="เลขทะเบียนนิติบุคคล", en="number of the juristic person")
_KIND: Final = Text(th="ประเภท", en="kind")
_DIRECTORS: Final = Text(th="กรรมการ", en="directors")
_POWERS: Final = Text(th="อำนาจ", en="powers")
_DAYS: Final = Text(th="วันแรกถึงวันสุดท้าย", en="first day to last day")
_KEYS: Final = Text(th="กุญแจสาธารณะ", en="public keys")
_TITLE: Final = Text(th="ชื่อนิติบุคคลต้องไม่มีเลขประจำตัว", en="the title of a juristic person holds no number of 13 digits")


class _PersonForm(Form):
    number: str
    kind: JuristicKind
    title_th: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    title_en: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    directors: list[str] = Field(max_length=DIRECTORS_MAX)
    """National IDs."""


class _OfficerForm(Form):
    number: str
    national_id: str
    name_th: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    name_en: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
    powers: list[str]
    since: date | None = None
    until: date


class _ClientForm(Form):
    number: str
    name_th: str = Field(min_length=1, max_length=100)
    name_en: str = Field(min_length=1, max_length=100)
    jwks: dict[str, Any]


class _NumberForm(Form):
    number: str


class _JuristicAct:
    proposes, approves = JURISTIC_PROPOSE, JURISTIC_APPROVE

    def __init__(self, register: JuristicRegister) -> None:
        self._register = register

    async def concerns(self, session: AsyncSession, payload: Mapping[str, Any]) -> frozenset[UUID]:
        """Who directs it or acts for it, before whichever agency, is not whom the agency has decide about it."""
        return await self._register.insiders(session, JuristicNumber(payload["number"]))

    async def _there(self, session: AsyncSession, agency: str, number: str) -> JuristicPerson:
        """Raises :class:`MalformedJuristicNumber`, and :class:`NotFound` for one that the agency does not have."""
        row = await self._register.find(session, agency, JuristicNumber.parse(number))
        if row is None or not row.active:
            raise NotFound
        return row


class JuristicSet(_JuristicAct):
    """A juristic person is entered, or what is entered of it becomes this: its directors are exactly these people."""

    kind = ProposalKind.JURISTIC_SET
    title = Text(th="ขึ้นทะเบียนหรือแก้ไขนิติบุคคลและกรรมการ", en="enter or change a juristic person and its directors")

    def __init__(self, register: JuristicRegister, people: PeopleRegister) -> None:
        super().__init__(register)
        self._people = people

    async def prepare(self, _session: AsyncSession, _agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        form = read(_PersonForm, given)
        if holds_national_id(form.title_th) or holds_national_id(form.title_en):
            raise BadInput(_TITLE, path=("title_th",))
        directors = sorted({NationalId.parse(one).digits for one in form.directors})
        number = JuristicNumber.parse(form.number).digits
        return {**form.model_dump(mode="json"), "number": number, "directors": directors}

    async def concerns(self, session: AsyncSession, payload: Mapping[str, Any]) -> frozenset[UUID]:
        found = [await self._people.find(session, NationalId(one)) for one in payload["directors"]]
        return await super().concerns(session, payload) | {one for one in found if one is not None}

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        numbers = [NationalId(one) for one in payload["directors"]]
        known = await self._people.resolve(session, numbers) if numbers else {}
        await self._register.enter(
            session,
            JuristicNumber(payload["number"]),
            agency=approval.agency,
            kind=JuristicKind(payload["kind"]),
            title=Text(th=payload["title_th"], en=payload["title_en"]),
            directors=known.values(),
            by=By(approval.checker, approval.agency),
        )
        return ""

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [
            (_JURISTIC, payload["number"]),
            (NAME, f"{payload['title_th']} ({payload['title_en']})"),
            (_KIND, payload["kind"]),
            *((_DIRECTORS, one) for one in payload["directors"]),
        ]


class JuristicEnd(_JuristicAct):
    """A juristic person is struck off: nobody acts for it any more, and none of its systems."""

    kind = ProposalKind.JURISTIC_END
    title = Text(th="ถอนทะเบียนนิติบุคคล", en="strike a juristic person off")

    async def prepare(self, session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        return {"number": (await self._there(session, agency, read(_NumberForm, given).number)).number}

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        number = JuristicNumber(payload["number"])
        await self._register.strike_off(session, approval.agency, number, By(approval.checker, approval.agency))
        return ""

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [(_JURISTIC, payload["number"])]


class JuristicAppoint(_JuristicAct):
    """Somebody is appointed to act for a juristic person, where it has no two directors who could."""

    kind = ProposalKind.JURISTIC_OFFICER
    title = Text(th="แต่งตั้งผู้ดำเนินการแทนนิติบุคคล", en="appoint who acts for a juristic person")

    def __init__(
        self, register: JuristicRegister, appointing: Appointing, people: PeopleRegister, clock: Clock
    ) -> None:
        super().__init__(register)
        self._appointing, self._people, self._clock = appointing, people, clock

    async def prepare(self, session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        form = read(_OfficerForm, given)
        row, today = await self._there(session, agency, form.number), bangkok_day(self._clock.now())
        number = NationalId.parse(form.national_id)
        check_days(form.since or today, form.until, today)
        check_name(Text(th=form.name_th, en=form.name_en))
        told = {**form.model_dump(mode="json"), "powers": checked_powers(form.powers)}
        return {**told, "national_id": number.digits, "number": row.number}

    async def concerns(self, session: AsyncSession, payload: Mapping[str, Any]) -> frozenset[UUID]:
        person = await self._people.find(session, NationalId(payload["national_id"]))
        insiders = await super().concerns(session, payload)
        return insiders if person is None else insiders | {person}

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        """Answers the appointment's key, by which a system of the juristic person names its officer."""
        row = await self._there(session, approval.agency, payload["number"])
        number, since = NationalId(payload["national_id"]), payload["since"]
        today = bangkok_day(self._clock.now())
        wish = Wish(
            person=(await self._people.resolve(session, [number]))[number.digits],
            name=Text(th=payload["name_th"], en=payload["name_en"]),
            powers=payload["powers"],
            until=date.fromisoformat(payload["until"]),
            since=None if since is None else max(today, date.fromisoformat(since)),
        )
        held = await self._appointing.appoint(session, row, wish, maker=approval.maker, checker=approval.checker)
        return held.id.hex

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [
            (_JURISTIC, payload["number"]),
            (NAME, f"{payload['name_th']} ({payload['name_en']})"),
            (NUMBER, payload["national_id"]),
            (_POWERS, ", ".join(payload["powers"])),
            (_DAYS, f"{payload['since'] or '-'} – {payload['until']}"),
        ]


class JuristicClientAdd(_JuristicAct):
    """A system of a juristic person becomes a client (docs/juristic.md). It does nothing without an officer named."""

    kind = ProposalKind.JURISTIC_CLIENT
    title = Text(th="ลงทะเบียนระบบของนิติบุคคล", en="register a system of a juristic person")

    def __init__(self, register: JuristicRegister, clock: Clock) -> None:
        super().__init__(register)
        self._clock = clock

    async def prepare(self, session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        form = read(_ClientForm, given)
        row = await self._there(session, agency, form.number)
        good = checked(juristic_client(row.id, Text(th=form.name_th, en=form.name_en), form.jwks))
        return {**form.model_dump(), "jwks": good.jwks, "number": row.number}

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        row = await self._there(session, approval.agency, payload["number"])
        await self._register.get(session, row.id, lock=True)
        name = Text(th=payload["name_th"], en=payload["name_en"])
        spec = juristic_client(row.id, name, payload["jwks"])
        client = await register_client(
            session, spec, created_by=approval.maker.hex, clock=self._clock, prefix=f"{approval.agency}-juristic"
        )
        by = By(approval.checker, approval.agency)
        self._register.note(session, row.id, JuristicStep.CLIENT_ADDED, by, client=client)
        await session.flush()
        return client

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [
            (_JURISTIC, payload["number"]),
            (NAME, f"{payload['name_th']} ({payload['name_en']})"),
            (_KEYS, keys_of(payload)),
        ]
