"""National IDs leave the register for a payment file only, and each citizen can see that theirs did."""

from __future__ import annotations

import pytest

from core.errors import NotFound
from core.ids import new_id
from identity.people import PeopleRegister
from services.exchange.catalogue import load_catalogue
from services.exchange.gate import ExchangeGate
from services.pay.destinations.service import Destinations
from services.pay.needs import NoNotices
from services.pay.payees import LoggedPayees
from services.pay.tasks import PaymentJobs
from tests.services.pay.town import KEYS, Clerk, RegisterPayees, TownHall, national_id
from tests.support import access_log


@pytest.fixture
def logged(hall: TownHall, redis: object) -> LoggedPayees:
    gate = ExchangeGate(
        database=hall.db,
        clock=hall.clock,
        keys=KEYS,
        redis=redis,  # type: ignore[arg-type]
        people=PeopleRegister(KEYS, hall.clock),
        catalogue=load_catalogue(),
        sources=lambda: (),
    )
    return LoggedPayees(gate, hall.db, Destinations(hall.clock, KEYS, NoNotices()))


@pytest.mark.fakeredis_only
async def test_each_payee_finds_the_payment_file_in_their_access_log(hall: TownHall, logged: LoggedPayees) -> None:
    run = await hall.approved(3)
    jobs = PaymentJobs(hall.db, hall.jobs.runs, hall.jobs.reconciliation, hall.jobs.rail, logged)
    await jobs.send(hall.approver, run.id)
    assert (await jobs.reconcile(hall.approver)).settled == 3
    entries = await access_log.entries(hall.db, KEYS)
    assert {entry.subject for entry in entries} == {i.person for i in await hall.instalments()}
    assert {entry.purpose for entry in entries} == {"payment"}
    assert len(entries) == 3
    assert not any(national_id(n).digits in str(entry) for n in (1, 2, 3) for entry in entries)


@pytest.mark.fakeredis_only
async def test_both_ways_reveal_the_same_and_no_stranger(hall: TownHall, logged: LoggedPayees) -> None:
    payee, officer = await hall.person(), Clerk()
    straight = RegisterPayees(hall.db, PeopleRegister(KEYS, hall.clock))
    for payees in (logged, straight):
        assert await payees.reveal([(payee, None)], officer=officer, run=new_id()) == {(payee, None): national_id(1)}
        for stranger in ((new_id(), None), (payee, new_id())):
            with pytest.raises(NotFound):
                await payees.reveal([(payee, None), stranger], officer=officer, run=new_id())


async def test_the_stored_file_is_sealed(hall: TownHall) -> None:
    run = await hall.sent(1)
    async with hall.db.read() as session:
        file = await hall.jobs.runs.file(session, run)
        kept = await hall.kept_file(session, run.id)
    assert national_id(1).digits.encode() in file
    assert national_id(1).digits.encode() not in kept
