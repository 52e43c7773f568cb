"""No officer decides what they, those they live with, or those for whom they act, owe."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import pytest

from core.errors import ServiceUnavailable
from core.text import Text
from services.pay.books import Books
from services.pay.errors import NotAPaymentOfficer
from services.pay.ledger.acts import ActKind, TwoOfficers
from services.pay.models import Overpayment
from services.pay.recovery.acts import PaidBack, Waive
from services.pay.recovery.desk import OthersDebts, RecoveryDesk
from services.pay.recovery.errors import OwnDebt
from services.pay.recovery.models import PlanStatus
from services.pay.recovery.service import Terms
from tests.services.pay.test_recovery import DECEMBER, FLOOR, overpaid, owed, propose, recoveries
from tests.services.pay.town import Clerk, TownHall

TERMS = Terms(parts=3, first_month=DECEMBER, floor=FLOOR)


class NoTies:
    async def between(self, officer: UUID, people: Collection[UUID]) -> bool:
        return False


@dataclass
class House:
    """Who is near whom; None while the register is silent."""

    near: frozenset[tuple[UUID, UUID]] | None

    async def between(self, officer: UUID, people: Collection[UUID]) -> bool:
        if self.near is None:
            raise ServiceUnavailable(Text(th="กรมการปกครอง", en="DOPA"))
        return any((officer, one) in self.near for one in people)


def desk(hall: TownHall, house: House) -> RecoveryDesk:
    return RecoveryDesk(hall.db, recoveries(hall), OthersDebts(hall.db, house))


def books(hall: TownHall, house: House) -> Books:
    acts = TwoOfficers(hall.clock, [Waive(recoveries(hall)), PaidBack(recoveries(hall))])
    return Books(hall.db, hall.clock, acts, [], OthersDebts(hall.db, house))


def of(kind: ActKind, claim: Overpayment) -> dict[str, object]:
    more = {"satang": 100, "reference": "CAMT-1"} if kind is ActKind.PAID_BACK else {}
    return {"overpayment": claim.id.hex, **more}


async def test_an_officer_proposes_no_plan_for_what_they_owe(hall: TownHall) -> None:
    claim = await overpaid(hall)
    own = Clerk(person=claim.person)
    for house in (House(frozenset()), House(None)):
        with pytest.raises(OwnDebt):
            await desk(hall, house).propose(own, [claim.id], TERMS, "the right was less")
    hall.planner = own
    with pytest.raises(OwnDebt):  # whoever asks the room itself
        await propose(hall, [claim])


async def test_nor_for_what_somebody_near_them_owes_nor_while_nobody_can_say(hall: TownHall) -> None:
    claim = await overpaid(hall)
    near = House(frozenset({(hall.planner.person, claim.person)}))
    with pytest.raises(OwnDebt):
        await desk(hall, near).propose(hall.planner, [claim.id], TERMS, "the right was less")
    with pytest.raises(ServiceUnavailable):
        await desk(hall, House(None)).propose(hall.planner, [claim.id], TERMS, "the right was less")
    with pytest.raises(NotAPaymentOfficer):
        await desk(hall, near).propose(Clerk(roles=frozenset()), [claim.id], TERMS, "the right was less")
    plan = await desk(hall, near).propose(Clerk(), [claim.id], TERMS, "the right was less")
    assert plan.status == PlanStatus.PROPOSED


async def test_what_a_child_of_theirs_was_paid_too_much_is_theirs_as_well(hall: TownHall) -> None:
    child = await hall.person()
    payee = await hall.person()
    await hall.grant(payee=payee, beneficiary=child, subject="programme:dla-child")
    claim = await overpaid(hall)
    [one] = [one for one in await hall.instalments() if one.beneficiary == child][:1]
    async with hall.db.write() as session:
        row = claim.model_dump() | {"id": one.id, "person": payee, "instalment": one.id, "award": one.award}
        session.add(Overpayment(**row))
    house = House(frozenset({(hall.planner.person, child)}))
    with pytest.raises(OwnDebt):
        await desk(hall, house).propose(hall.planner, [one.id], TERMS, "the right was less")


@pytest.mark.parametrize("kind", [ActKind.WAIVE, ActKind.PAID_BACK])
async def test_neither_half_of_an_act_is_done_by_somebody_near(hall: TownHall, kind: ActKind) -> None:
    claim = await overpaid(hall)
    near = House(frozenset((one.person, claim.person) for one in (hall.planner, hall.approver)))
    with pytest.raises(OwnDebt):
        await books(hall, near).propose(hall.planner, kind, of(kind, claim), "hardship")
    act = await books(hall, near).propose(Clerk(), kind, of(kind, claim), "hardship")
    with pytest.raises(OwnDebt):
        await books(hall, near).confirm(hall.approver, act.id)
    assert len(await owed(hall)) == 1
    await books(hall, near).confirm(Clerk(), act.id)
