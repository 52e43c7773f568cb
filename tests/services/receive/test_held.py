"""A citizen sees the months of a benefit that cannot be paid yet, and what they wait for."""

from __future__ import annotations

from core.ids import new_id
from tests.services.apply.asking import Asking
from tests.services.pay.town import TownHall
from tests.services.receive.test_graph import ask

__all__ = ["ask"]  # a fixture
HELD = "{ viewer { heldPayments { period programme reason title needs } } }"


async def test_a_held_month_is_shown_to_its_payee_alone(ask: Asking, hall: TownHall) -> None:
    application, person = new_id(), await hall.person()
    hall.amounts.unread[application] = ("annual_income",)
    await hall.grant(application=application, payee=person)
    [shown] = (await ask(HELD, person))["viewer"]["heldPayments"]
    assert shown == {
        "period": "2026-11-01", "programme": "dla-old-age", "reason": "FACT_NEEDED", "title": shown["title"],
        "needs": ["annual_income"],
    }  # fmt: skip
    assert shown["title"]
    assert (await ask(HELD, await hall.person()))["viewer"]["heldPayments"] == []
    del hall.amounts.unread[application]
    async with hall.db.write() as session:
        await hall.awards.retry_held(session, application=application)
    assert (await ask(HELD, person))["viewer"]["heldPayments"] == []
