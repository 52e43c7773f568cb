"""Whoever applies is counted once, with all that nobody asked them for."""

from __future__ import annotations

from datetime import timedelta

from services.exchange.once_only.counting import Sums, sums
from tests.support.app import Served

OLD_AGE = "old-age-allowance"


async def counted(sitthi: Served) -> dict[str, Sums]:
    async with sitthi.house.db.read() as session:
        found = await sums(session, sitthi.clock.today() + timedelta(days=32))
    return {service: one for services in found.values() for service, one in services.items()}


async def test_an_application_counts_once_however_often_it_is_sent(sitthi: Served) -> None:
    for _ in range(2):
        made = await sitthi.do("apply", "application { id }", "elder", programme=OLD_AGE, idempotencyKey="the-same-key")
        assert made["application"]["id"]
    [(service, found)] = (await counted(sitthi)).items()
    needs = sitthi.house.welfare.programmes[OLD_AGE].needs_on(sitthi.clock.today())
    assert service == f"programme:{OLD_AGE}"
    assert found == Sums(1, len(needs), 0)


async def test_an_application_that_is_refused_is_not_counted(sitthi: Served) -> None:
    await sitthi.do("apply", "application { id }", "elder", programme=OLD_AGE)
    again = await sitthi.do("apply", "application { id }", "elder", programme=OLD_AGE)
    assert again["problems"][0]["code"] == "ALREADY_APPLIED"
    assert [one.applications for one in (await counted(sitthi)).values()] == [1]
