"""What the rooms of identity hold of people (core/personal_data.py)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.personal_data import Erasure, Fate, LegalBasis, PersonalData, Rows, Store
from core.personal_rows import TableStore
from core.text import Text
from identity.delegation.errors import EndedByOfficersOnly
from identity.delegation.models import Delegation, Kind
from identity.delegation.repository import DelegationRepository
from identity.delegation.service import DelegationService
from identity.juristic.register import JuristicRegister
from identity.officers.errors import StillAnOfficer
from identity.officers.models import Officer
from identity.people.correction import end_counter_codes
from identity.provider.endings import Endings, EndReason

OFFICER: Final = "an officer"

ACCOUNT: Final = Store(
    name="account",
    title=Text(th="บัญชีและเลขประจำตัวประชาชน", en="Account and national ID"),
    description=Text(
        th="เลขประจำตัวประชาชน (เข้ารหัส) ซึ่งเชื่อมบัญชีนี้กับตัวท่าน และเลขเดิมที่เคยแก้ไข",
        en="The national ID, encrypted, which ties this account to you, and former numbers that were corrected.",
    ),
    purpose=Text(th="รู้ว่าบัญชีนี้เป็นของใคร", en="To know whose account this is"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="account",
    rows=(
        Rows("former_national_id", ("person",), Fate.DELETED, {"corrected_by": "the proposal of two officers"}),
        Rows("person", ("id",), Fate.DELETED, hidden=frozenset({"national_id_index"})),
    ),
)
SIGN_INS: Final = Store(
    name="sign-ins",
    title=Text(th="การเข้าสู่ระบบและอุปกรณ์", en="Sign-ins and devices"),
    description=Text(
        th="เบราว์เซอร์ที่ท่านเข้าสู่ระบบ ชื่อตามที่ ThaID แจ้ง และแอปที่ได้รับสิทธิ",
        en="The browsers you signed in with, your name as ThaID said it, and the apps that hold tokens.",
    ),
    purpose=Text(th="ให้ท่านเข้าใช้บริการได้อย่างปลอดภัย", en="To let you in safely"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="traffic",
    rows=(
        Rows("authorization_code", ("person",), Fate.DELETED, hidden=frozenset({"code_hash", "code_challenge"})),
        Rows("refresh_token", ("person",), Fate.DELETED, hidden=frozenset({"token_hash"})),
        Rows("token_family", ("person",), Fate.DELETED, {"actor": "who acts for the person"}),
        Rows(
            "sign_in_session",
            ("person",),
            Fate.DELETED,
            {"assisted_by": OFFICER},
            hidden=frozenset({"token_hash", "device_hash", "for_request"}),
        ),
        Rows("counter_code", ("person",), Fate.DELETED, {"officer": OFFICER}, hidden=frozenset({"code_hash"})),
    ),
    elsewhere=(
        Text(
            th="ตัวนับจำนวนครั้งใน Redis ใต้ดัชนีที่อ่านกลับไม่ได้ หมดอายุภายในหนึ่งวัน",
            en="Counters of attempts in Redis, under blind indexes; they expire within a day.",
        ),
    ),
)
PASSKEYS: Final = Store(
    name="passkeys",
    title=Text(th="พาสคีย์", en="Passkeys"),
    description=Text(
        th="กุญแจสาธารณะของอุปกรณ์ และชื่ออุปกรณ์ที่ท่านตั้ง", en="Public keys of your devices, and what you call them."
    ),
    purpose=Text(th="ยืนยันตัวตนด้วยพาสคีย์", en="To recognise your passkey"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="passkeys",
    rows=(Rows("passkey", ("person",), Fate.DELETED, hidden=frozenset({"sign_count"})),),
)
CONTACTS: Final = Store(
    name="contacts",
    title=Text(th="ข้อมูลติดต่อ", en="Contact data"),
    description=Text(th="หมายเลขโทรศัพท์และอีเมลที่ท่านให้ไว้", en="The phone number and e-mail address you gave."),
    purpose=Text(th="แจ้งเตือนท่าน", en="To reach you"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="account",
    rows=(Rows("contact", ("person",), Fate.DELETED, hidden=frozenset({"value_index"}), alone=True),),
)
MESSAGES: Final = Store(
    name="messages",
    title=Text(th="กล่องข้อความ", en="Messages"),
    description=Text(th="ข้อความที่ระบบส่งถึงท่าน", en="What Sitthi has told you."),
    purpose=Text(th="แจ้งผลและความคืบหน้า", en="To tell you what happened"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="messages",
    rows=(
        Rows("message", ("person",), Fate.DELETED, alone=True),
        Rows("change", ("person",), Fate.DELETED, alone=True),
    ),
)
NOTICES: Final = Store(
    name="notices",
    title=Text(th="การแจ้งเตือนนอกกล่องข้อความ", en="Notices outside the inbox"),
    description=Text(
        th="อุปกรณ์และอีเมลที่ท่านให้แจ้งเตือน วิธีที่ท่านเลือก และรายการแจ้งเตือน 30 วันล่าสุด",
        en="The devices and the address that you are told at, how you chose to be told, and the notices of 30 days.",
    ),
    purpose=Text(th="แจ้งให้ท่านทราบว่ามีข้อความใหม่", en="To let you know of a new message"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="account",
    rows=(
        Rows("notice_outgoing", ("person",), Fate.DELETED, alone=True),
        Rows(
            "notice_channel",
            ("person",),
            Fate.DELETED,
            hidden=frozenset({"address_index", "code_sealed"}),
            alone=True,
        ),
        Rows("notice_settings", ("person",), Fate.DELETED, alone=True),
    ),
)
DELEGATIONS: Final = Store(
    name="delegations",
    title=Text(th="การดำเนินการแทน", en="Delegations"),
    description=Text(
        th="ผู้ที่ดำเนินการแทนท่าน และผู้ที่ท่านดำเนินการแทน พร้อมชื่อในวันนั้น",
        en="Who acts for you and for whom you act, with the names of the day.",
    ),
    purpose=Text(th="ให้บิดามารดา ผู้ปกครอง และผู้ดูแลทำรายการแทนได้", en="To let parents, guardians and carers act"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="delegations",
    rows=(
        Rows(
            "delegation",
            ("person", "delegate"),
            Fate.DELETED,
            {"proposed_by": "one of the two sides, or an officer", "ended_by": "one of the two sides, or an officer"},
        ),
        Rows("delegation_event", ("person",), Fate.UNNAMED, {"by": "one of the two sides, or an officer"}),
    ),
)
JURISTIC: Final = Store(
    name="juristic-persons",
    title=Text(th="การดำเนินการแทนนิติบุคคล", en="Acting for juristic persons"),
    description=Text(
        th="นิติบุคคลที่ท่านเป็นกรรมการหรือได้รับแต่งตั้งให้ดำเนินการแทน และสิ่งที่ทำในนามนิติบุคคล",
        en="Juristic persons that you direct or were appointed to act for, and what was done in their name.",
    ),
    purpose=Text(th="รู้ว่าใครดำเนินการแทนนิติบุคคลใด", en="To know who may act for which juristic person"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="officer-acts",
    rows=(
        Rows("juristic_director", ("person",), Fate.DELETED),
        Rows(
            "juristic_officer",
            ("person",),
            Fate.DELETED,
            {
                "proposed_by": "a director, or an officer of the agency",
                "approved_by": "a director, or an officer of the agency",
                "ended_by": "one of these, or who was appointed",
            },
        ),
        Rows("juristic_event", ("person",), Fate.UNNAMED, {"by": "who did it, as an officer or director"}),
    ),
)
OFFICE: Final = Store(
    name="office",
    title=Text(th="งานของเจ้าหน้าที่", en="Officers' work"),
    description=Text(
        th="ใครเป็นเจ้าหน้าที่ของหน่วยงานใด และทำอะไรในนามของหน่วยงาน",
        en="Who is an officer of which agency, and what they did in its name.",
    ),
    purpose=Text(th="ตรวจสอบการปฏิบัติหน้าที่ของรัฐ", en="To account for what the state did"),
    basis=LegalBasis.LEGAL_OBLIGATION,
    retention="officer-acts",
    rows=(
        Rows("officer", ("person",), Fate.DELETED),
        Rows("officer_event", ("person",), Fate.UNNAMED, {"by": OFFICER}),
        Rows("officer_act", ("by",), Fate.UNNAMED, {"subject": "the person or proposal it was about"}),
        Rows("proposal", (), Fate.UNNAMED, {"maker": OFFICER, "checker": OFFICER}),
    ),
)


class _SignIns(TableStore):
    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        super().__init__(SIGN_INS, keys)
        self._clock = clock

    async def prepare(self, session: AsyncSession, erasure: Erasure) -> None:
        """Every session ends, and with it every token within a second (docs/adr/0012)."""
        endings = Endings(self._clock)
        await endings.end_sessions(session, erasure.person, EndReason.SESSION_ENDED)
        await endings.part_from_number(session, erasure.person)
        await end_counter_codes(session, erasure.person, self._clock.now())


class _Delegations(TableStore):
    def __init__(self, keys: KeyRing, delegations: DelegationService) -> None:
        super().__init__(DELEGATIONS, keys)
        self._delegations = delegations

    async def check(self, session: AsyncSession, person: UUID) -> None:
        """Raises :class:`EndedByOfficersOnly` for a ward: a court decided that they do not decide this alone."""
        for row in await DelegationRepository(session).not_ended(person):
            if row.kind == Kind.GUARDIAN and row.person == person and self._delegations.holds(row):
                raise EndedByOfficersOnly

    async def prepare(self, session: AsyncSession, erasure: Erasure) -> None:
        """Ends those that hold or wait; the other side is told."""
        for row in await DelegationRepository(session).not_ended(erasure.person):
            if self._delegations.holds(row) or self._delegations.is_open(row):
                await self._delegations.end(session, _party(row, erasure.person), row.id)


class _Juristic(TableStore):
    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        super().__init__(JURISTIC, keys)
        self._register = JuristicRegister(clock)

    async def prepare(self, session: AsyncSession, erasure: Erasure) -> None:
        await self._register.leave(session, erasure.person)


class _Office(TableStore):
    async def check(self, session: AsyncSession, person: UUID) -> None:
        """Raises :class:`StillAnOfficer`."""
        if await session.scalar(select(col(Officer.active)).where(col(Officer.person) == person)):
            raise StillAnOfficer


def _party(row: Delegation, person: UUID) -> UUID:
    """In whose name it ends. A guardianship is never ended by its ward."""
    return row.delegate if row.kind == Kind.GUARDIAN else person


def personal_data(keys: KeyRing, clock: Clock, delegations: DelegationService) -> list[PersonalData]:
    """In the order of an erasure: first what still works ends."""
    return [
        _SignIns(keys, clock),
        TableStore(PASSKEYS, keys),
        _Delegations(keys, delegations),
        TableStore(CONTACTS, keys),
        TableStore(NOTICES, keys),
        TableStore(MESSAGES, keys),
        _Juristic(keys, clock),
        _Office(OFFICE, keys),
        TableStore(ACCOUNT, keys),
    ]
