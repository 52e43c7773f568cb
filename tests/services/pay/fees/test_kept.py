"""What is kept of bills when a person leaves: vouchers of public money, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from core.personal_data import Erasure
from services.pay.fees.personal_data import FEES, FeesStore
from services.pay.keeping import ACCOUNTS_KEPT
from services.sandbox.bank.bills import ScanFault
from tests.services.pay.fees.till import Till
from tests.services.pay.town import KEYS


async def kept(till: Till) -> Collection[str]:
    erasure = Erasure(person=till.person, at=till.clock.now())
    async with till.db.read() as session:
        return {table for stay in await FeesStore(FEES, KEYS).stays(session, erasure) for table in stay.tables}


async def test_a_bill_that_nobody_paid_is_not_kept(till: Till) -> None:
    await till.bill()
    assert await kept(till) == set()


async def test_what_money_came_in_for_is_kept_to_the_last_day_and_no_longer(till: Till) -> None:
    await till.scan(await till.bill(), ScanFault.WRONG_AMOUNT)
    assert await kept(till) == {"bill", "incoming_payment"}
    till.clock.advance(ACCOUNTS_KEPT - timedelta(seconds=1))
    assert await kept(till) == {"bill", "incoming_payment"}
    till.clock.advance(timedelta(seconds=1))
    assert await kept(till) == set()
