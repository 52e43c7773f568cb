"""When road tax may be renewed, what it costs, and that one year of a vehicle is renewed once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import FixedClock
from core.database import Database
from core.ids import NationalId
from services.agencies.dlt.road_tax import Vehicle, months_begun, years_after
from services.plugins.contract import ApplicationState, Host, RegisterSilent, State
from services.plugins.plugin import Plugin
from services.plugins.registry import Registry
from services.plugins.runner import Runner
from services.plugins.runner.errors import AgencyDeclined
from services.plugins.store.stores import Stores
from tests.services.agencies.oic.office import OWNED
from tests.support.plugins import AGENCIES, HOST
from tests.support.plugins.far_side import key_ring

OWNER, OTHER = NationalId("0000000000001"), NationalId("0000000000019")
CAR = {
    "chassis": "MXC00000000000001",
    "plate": "1กข 1234",
    "province": "10",
    "province_th": "กรุงเทพมหานคร",
    "kind": "car",
    "brand": "X",
    "registered_on": "2020-01-01",
    "tax_paid_until": "2027-01-01",
    "tax_satang": 1650_00,
}


class Department:
    """The Department's system and the insurance commission's register, as these tests want them."""

    def __init__(self) -> None:
        self.until: str | None = "2027-06-01T16:30:00+07:00"
        self.is_silent, self.asked = False, 0

    async def ask(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any:
        assert path == "/vehicles"
        assert on_behalf_of
        return {"pid": body["pid"], "vehicles": [CAR]}

    async def send(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str, key: str) -> Any:
        raise AssertionError(path)


class Insurance:
    def __init__(self, department: Department) -> None:
        self._department = department

    async def ask(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:
        assert (service, operation) == ("oic", "vehicleCover")
        self._department.asked += 1
        await asyncio.sleep(0)
        if self._department.is_silent:
            raise RegisterSilent
        until = self._department.until
        told = {"covered": until is not None} | ({} if until is None else {"until": until})
        return {"vehicles": [{"chassis": one, **told} for one in arguments["chassis"]]}


class Counter:
    """The plugin with tables of its own."""

    def __init__(self, plugin: Plugin, clock: FixedClock, store: Any) -> None:
        self.plugin, self.department = plugin, Department()
        host = Host(clock, self.department, store=store, registers=Insurance(self.department))
        self.runner = Runner(lambda _: host)

    async def applies(self, application: str, who: NationalId = OWNER) -> ApplicationState:
        asked = {
            "id": application,
            "submittedAt": "2026-11-16T10:00:00+07:00",
            "answers": {"renewed": CAR["chassis"]},
            "facts": {},
        }
        told: ApplicationState = await self.runner.run(
            self.plugin, "renew", asker="host", person=who, arguments={"application": asked}, key=f"apply-{application}"
        )
        return told

    async def hears(self, kind: str, application: str) -> None:
        event = {"id": "e", "kind": kind, "at": "2026-11-16T10:00:00+07:00", "reference": f"RT-{application}"}
        await self.runner.run(
            self.plugin, "hear", asker="host", person=OWNER, arguments={"event": event}, key=f"{kind}-{application}"
        )

    async def shows(self) -> dict[str, Any]:
        [one] = await self.runner.run(self.plugin, "registered", asker="graph", person=OWNER)
        found: dict[str, Any] = one
        return found


@pytest.fixture
async def counter(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Counter]:
    plugin, stores = Registry(HOST, OWNED).load(AGENCIES / "dlt"), Stores(database, key_ring(), clock, tmp_path)
    yield Counter(plugin, clock, stores.of(plugin))
    await stores.close()


async def test_of_applications_at_once_for_one_vehicle_one_is_granted(counter: Counter) -> None:
    told = await asyncio.gather(*(counter.applies(f"app-{n}", (OWNER, OTHER)[n % 2]) for n in range(6)))
    assert sorted(one.state for one in told) == [State.APPROVED] + [State.REJECTED] * 5
    assert all(one.note is not None for one in told if one.state is State.REJECTED)


async def test_an_application_that_comes_again_is_answered_as_it_was_and_nobody_is_asked_again(
    counter: Counter,
) -> None:
    first = await counter.applies("app-1")
    counter.department.until = None
    assert await counter.applies("app-1") == first
    assert (first.payment is not None, counter.department.asked) == (True, 1)


async def test_what_is_paid_is_renewed_once_however_often_it_is_heard(counter: Counter) -> None:
    await counter.applies("app-1")
    for _ in range(2):
        await counter.hears("fee.paid", "app-1")
    await counter.hears("application.withdrawn", "app-1")  # too late: it is paid
    shown = await counter.shows()
    assert (shown["taxPaidUntil"], shown["status"]) == (date(2028, 1, 1), "TOO_EARLY")
    with pytest.raises(AgencyDeclined) as early:
        await counter.applies("app-2")
    assert early.value.fields["error"] == "TOO_EARLY"


async def test_a_year_that_nobody_paid_for_is_free_again(counter: Counter) -> None:
    for kind, application in (("fee.lapsed", "app-1"), ("application.withdrawn", "app-2")):
        assert (await counter.applies(application)).state is State.APPROVED
        await counter.hears(kind, application)
    assert (await counter.applies("app-3")).state is State.APPROVED


async def test_while_insurance_is_silent_nothing_is_decided_and_the_page_is_whole(counter: Counter) -> None:
    counter.department.is_silent = True
    assert (await counter.shows())["status"] == "INSURANCE_UNKNOWN"
    with pytest.raises(Exception, match="Land Transport"):
        await counter.applies("app-1")
    counter.department.is_silent = False
    assert (await counter.applies("app-1")).state is State.APPROVED


@pytest.mark.parametrize(
    ("today", "standing", "satang"),
    [
        (date(2026, 10, 1), "TOO_EARLY", 1650_00),
        (date(2026, 10, 2), "RENEWABLE", 1650_00),
        (date(2026, 12, 31), "RENEWABLE", 1650_00),
        (date(2027, 1, 1), "RENEWABLE", 1666_50),
        (date(2027, 1, 31), "RENEWABLE", 1666_50),
        (date(2027, 2, 1), "RENEWABLE", 1683_00),
        (date(2029, 12, 30), "RENEWABLE", 2244_00),
        (date(2029, 12, 31), "LAPSED", 2244_00),
    ],
)
def test_the_window_the_surcharge_and_the_end(today: date, standing: str, satang: int) -> None:
    vehicle = Vehicle("C", "P", "10", "กรุงเทพมหานคร", "car", "X", date(2026, 12, 31), 1650_00)
    assert (vehicle.standing(today), vehicle.satang(today)) == (standing, satang)


def test_a_year_after_a_leap_day_ends_on_the_28th() -> None:
    assert years_after(date(2028, 2, 29), 1) == date(2029, 2, 28)
    assert years_after(date(2028, 2, 29), 4) == date(2032, 2, 29)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_months_begun_never_fall_as_days_go_by(paid_until: date, today: date) -> None:
    months = months_begun(paid_until, today)
    assert months >= 0
    assert (months == 0) == (today <= paid_until)
    assert months_begun(paid_until, today.replace(year=today.year + 1, day=min(today.day, 28))) >= months
