"""Where a payee's money goes: said by the payee, kept sealed as a history that only grows.

An instalment names the destination that counted when its run was planned, and four eyes approve it with the rest. Where
the payee says another before the run is with the bank, it is held (:mod:`services.pay.destinations.changed`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.envelope import SubjectKeys
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from core.viewer import Viewer
from services.pay.accounts import BankAccount, Cash, Method, Mobile, Said, masked
from services.pay.destinations.banks import banks
from services.pay.destinations.errors import NotAMobileNumber, NotAnAccountNumber, UnknownBank
from services.pay.destinations.models import PayoutDestination
from services.pay.messages import MESSAGES
from services.pay.needs import Notices, Officer
from services.pay.rails.cash.errors import NotACounterOfficer, NotThisOfficer

_BATCH: Final = 500
COUNTER: Final = "pay.counter"
"""The role of an officer at a counter that pays out in cash. It neither plans nor approves, nor makes codes."""
_NOT_YOU: Final = Text(
    th="หากคุณไม่ได้เป็นผู้เปลี่ยน ให้เปลี่ยนกลับทันทีและสิ้นสุดการเข้าสู่ระบบทั้งหมด",
    en="If this was not you, change it back at once and end all your sign-ins.",
)
CHANGED: Final = MESSAGES["pay.destination-changed"]
TO_NATIONAL_ID: Final = Text(th="พร้อมเพย์ที่ผูกกับเลขประจำตัวประชาชน", en="PromptPay on your national ID")
TO_MOBILE: Final = Text(th="พร้อมเพย์ {number}", en="PromptPay {number}")
IN_CASH: Final = Text(th="เงินสดที่เคาน์เตอร์ของหน่วยงาน", en="cash at a counter of the agency")
TO_ACCOUNT: Final = Text(th="{bank} {number}", en="{bank} {number}")


class Destinations:
    def __init__(self, clock: Clock, keys: KeyRing, notices: Notices) -> None:
        self._clock, self._subjects, self._notices = clock, SubjectKeys(keys), notices

    async def change(self, session: AsyncSession, viewer: Viewer, account: Said) -> PayoutDestination:
        """From now on; None for PromptPay on the national ID. The payee is told in their inbox.

        Raises :class:`UnknownBank`, :class:`NotAnAccountNumber`.
        """
        if isinstance(account, BankAccount):
            check_account(account)
        return await self._keep(session, viewer.person, account, client=viewer.client, acr=viewer.acr)

    async def choose_cash(self, session: AsyncSession, officer: Officer, person: UUID) -> PayoutDestination:
        """For somebody without an account who says so to an officer of a counter. They are told, as of any change.

        Raises :class:`NotACounterOfficer`, :class:`NotThisOfficer`.
        """
        if COUNTER not in officer.roles:
            raise NotACounterOfficer
        if officer.person == person:
            raise NotThisOfficer
        client, acr = f"counter:{officer.agency}"[:64], f"officer:{officer.person.hex}"
        return await self._keep(session, person, Cash(), client=client, acr=acr)

    async def _keep(
        self, session: AsyncSession, person: UUID, account: Said, *, client: str, acr: str
    ) -> PayoutDestination:
        key = new_id()
        data_key = await self._subjects.for_sealing(session, person)
        row = PayoutDestination(
            person=person,
            id=key,
            method=_method(account).value,
            account_sealed=data_key.seal(_plain(account), bound_to=bound_to(PayoutDestination.account_sealed, key)),
            since=self._clock.now(),
            client=client,
            acr=acr,
        )
        session.add(row)
        await session.flush()
        await self._notices.send(session, person, CHANGED, where=words(account), warning=_NOT_YOU)
        return row

    async def current(self, session: AsyncSession, person: UUID) -> PayoutDestination | None:
        """None for somebody who never said: PromptPay on the national ID."""
        query = select(PayoutDestination).where(col(PayoutDestination.person) == person)
        latest = query.order_by(col(PayoutDestination.since).desc(), col(PayoutDestination.id).desc()).limit(1)
        return (await session.scalars(latest)).first()

    async def get(self, session: AsyncSession, person: UUID, key: UUID) -> PayoutDestination:
        """Raises NotFound."""
        row = await session.get(PayoutDestination, (person, key))
        if row is None:
            raise NotFound
        return row

    async def account(self, session: AsyncSession, row: PayoutDestination) -> Said:
        """What the row says; None for PromptPay on the national ID. Raises `SealBroken`."""
        binding = bound_to(PayoutDestination.account_sealed, row.id)
        kept = orjson.loads(await self._subjects.open(session, row.person, row.account_sealed, bound_to=binding))
        match Method(row.method):
            case Method.PROMPTPAY_MOBILE:
                return Mobile(kept["number"])
            case Method.BANK_ACCOUNT:
                return BankAccount(kept["bank"], kept["number"])
            case Method.CASH:
                return Cash()
            case Method.PROMPTPAY_NATIONAL_ID:
                return None

    async def ever_said(self, session: AsyncSession, people: Collection[UUID]) -> set[Said]:
        """Every account that one of them has ever named as theirs. Raises `SealBroken`."""
        found: set[Said] = set()
        for some in _batches(sorted(people)):
            rows = await session.scalars(select(PayoutDestination).where(col(PayoutDestination.person).in_(some)))
            found |= {await self.account(session, row) for row in rows.all()}
        return found

    @staticmethod
    async def counting(session: AsyncSession, people: Collection[UUID]) -> Mapping[UUID, UUID]:
        """The destination that counts at this moment for each of them who ever said one."""
        found: dict[UUID, UUID] = {}
        for some in _batches(sorted(people)):
            query = select(col(PayoutDestination.person), col(PayoutDestination.id)).where(
                col(PayoutDestination.person).in_(some)
            )
            rows = await session.execute(query.order_by(col(PayoutDestination.since), col(PayoutDestination.id)))
            found |= {person: key for person, key in rows.tuples()}  # noqa: C416 - the last of each person stays
        return found


def check_account(account: BankAccount) -> None:
    """Raises :class:`UnknownBank`, :class:`NotAnAccountNumber`. Whose it is, the bank alone can say."""
    bank = banks().get(account.bank)
    if bank is None:
        raise UnknownBank(path=("bank",))
    number = account.number
    is_digits = number.isascii() and number.isdigit()
    if not is_digits or len(number) not in bank.digits or len(set(number)) == 1:
        raise NotAnAccountNumber(bank=bank.title, path=("account",))


def parsed(method: Method, mobile: str | None, bank: str | None, account: str | None) -> Said:
    """What a payee wrote. Raises BadInput for a part that the method has no use for, or lacks; and the named errors."""
    needed = {
        Method.PROMPTPAY_NATIONAL_ID: set[str](),
        Method.PROMPTPAY_MOBILE: {"mobile"},
        Method.BANK_ACCOUNT: {"bank", "account"},
        Method.CASH: set[str](),
    }[method]
    given = {"mobile": mobile, "bank": bank, "account": account}
    for name, value in given.items():
        if (value is not None) != (name in needed):
            raise BadInput(Text(th=f"{name} ไม่ตรงกับวิธีรับเงิน", en=f"`{name}` does not fit the method"), path=(name,))
    if mobile is not None:
        try:
            return Mobile.parse(mobile)
        except ValueError:
            raise NotAMobileNumber(path=("mobile",)) from None
    if method is Method.CASH:
        return Cash()
    if bank is None or account is None:
        return None
    found = BankAccount(bank, account.strip().replace("-", "").replace(" ", ""))
    check_account(found)
    return found


def words(account: Said) -> Text:
    """Where the money goes, as the payee recognises it."""
    if account is None:
        return TO_NATIONAL_ID
    if isinstance(account, Cash):
        return IN_CASH
    if isinstance(account, Mobile):
        return TO_MOBILE.filled(number=masked(account))
    bank = banks().get(account.bank)
    return TO_ACCOUNT.filled(bank=account.bank if bank is None else bank.title, number=masked(account))


def _method(account: Said) -> Method:
    match account:
        case Mobile():
            return Method.PROMPTPAY_MOBILE
        case BankAccount():
            return Method.BANK_ACCOUNT
        case Cash():
            return Method.CASH
        case None:
            return Method.PROMPTPAY_NATIONAL_ID


def _plain(account: Said) -> bytes:
    bank = account.bank if isinstance(account, BankAccount) else None
    number = account.number if isinstance(account, BankAccount | Mobile) else None
    return orjson.dumps({"number": number, "bank": bank})


def _batches(keys: list[UUID]) -> Iterable[list[UUID]]:
    return (keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH))
