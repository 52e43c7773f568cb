"""A day that clients were told is never moved nearer: not by the end of a service, nor by what happens meanwhile."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.clock import FixedClock
from tests.services.plugins.registry.test_year_rule import GONE, MIDNIGHT, OLD, REASON, notices
from tests.support.services import NAME, SDL, SYSTEM, Registering, documents_of


@pytest.mark.parametrize(("until", "goes"), [("", date(2029, 5, 14)), (", until 2029-06-30", date(2029, 6, 30))])
async def test_the_end_moves_no_day_nearer_and_tells_none_that_is_over(
    services: Registering, clock: FixedClock, until: str, goes: date
) -> None:
    """The field that leads to it was deprecated by its agency before: a year and a half ago, or until later."""
    await services.published(documents_of())
    words = f'  water: WaterOpen @deprecated(reason: "ย้ายแล้ว | It moved{until}")\n'
    await services.published(documents_of("1.1.0", sdl=SDL.replace("  water: WaterOpen\n", words)))
    clock.advance(timedelta(days=545))
    await services.desk.retire(SYSTEM, NAME, REASON)
    [one] = (await notices(services)).values()
    assert (one.coordinate, one.sunset) == ("Query.water", goes)


async def test_a_year_that_begins_anew_while_a_version_is_checked_holds_for_it(
    services: Registering, clock: FixedClock
) -> None:
    """The version that is current is the same as when it was read, and clients were told of another day meanwhile."""
    await services.published(documents_of())
    await services.published(documents_of("1.1.0", sdl=OLD))
    clock.set(MIDNIGHT)
    await services.desk.register(SYSTEM, documents_of("1.2.0", sdl=GONE))
    await services.desk.submit(SYSTEM, NAME, "1.2.0")

    async def back_and_forth() -> None:
        await services.desk.roll_back(SYSTEM, NAME, "1.0.0", REASON)
        await services.desk.roll_back(SYSTEM, NAME, "1.1.0", REASON)

    services.suite.meanwhile = back_and_forth
    await services.checks.run()
    assert await services.state("1.2.0") == "CHECKED"
    assert (await notices(services))["WaterPrice.since"].sunset == date(2028, 11, 16)
