"""`sitthi privacy` as real commands beside a real server, and its work killed at moments that a seed picks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from random import Random  # noqa: TID251 (moments from a seed)
from typing import Final, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from api.house import House
from core.clock import SystemClock
from core.ids import NationalId
from core.settings import Settings
from services.exchange.privacy.models import PrivacyEvent, PrivacyRequest
from services.exchange.privacy.states import Status, Step
from services.sandbox.population.personas import persona
from tests.conftest import run_directory
from tests.support.population import furnish
from tests.support.server import Process, running
from tests.test_killed_commands import apply_for, killed_after

pytestmark = pytest.mark.in_turn
KILLS: Final = 2
SEED: Final = 4
T = TypeVar("T")


def inside(server: Process, url: str, work: Callable[[House], Awaitable[T]]) -> T:
    """Work on the server's own data, past its clock and its sign-in."""
    settings = Settings(port=server.port, data=Path(server.environment["SITTHI_DATA"]), database_url=url)

    async def whole() -> T:
        house = House(settings)
        try:
            return await work(house)
        finally:
            await house.close()

    return asyncio.run(whole())


async def due(house: House) -> tuple[UUID, UUID]:
    """The elder asked to leave, and the days of grace are over."""
    async with house.db.write() as session:
        person = await house.identity.people.find(session, NationalId.parse(persona("elder").national_id))
        assert person is not None
        row = await house.privacy.requests.leave(session, person, end_benefits=True)
        past = house.clock.now() - timedelta(days=1)
        await session.execute(update(PrivacyRequest).where(col(PrivacyRequest.id) == row.id).values(proceeds_at=past))
    return person, row.id


async def lapse(house: House) -> None:
    """The lease of whoever was killed is over."""
    async with house.db.write() as session:
        await session.execute(update(PrivacyRequest).values(leased_until=None))


@pytest.fixture
def furnished(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    furnish(run_directory(request.config), data, SystemClock().today())
    return data


def test_an_erasure_killed_at_any_moment_is_finished_once(furnished: Path, database_url: str) -> None:
    random = Random(SEED)
    with running(furnished, SITTHI_DATABASE_URL=database_url) as server:
        apply_for(server, "elder", "old-age-allowance")
        person, request = inside(server, database_url, due)
        started = time.monotonic()
        server.command("privacy", "retention", "--dry-run")  # all but the erasing
        whole = time.monotonic() - started
        killed = 0
        for moment in [0.5 * whole, *(random.uniform(0.8, 1.3) * whole for _ in range(KILLS))]:
            killed += killed_after(server, moment, "privacy", "run")
            inside(server, database_url, lapse)
        assert killed > 0
        server.command("privacy", "run")

        async def ended(house: House) -> tuple[str, list[str]]:
            async with house.db.read() as session:
                row = await session.get(PrivacyRequest, (person, request))
                assert row is not None
                query = select(col(PrivacyEvent.kind)).where(col(PrivacyEvent.subject) == request)
                return row.status, sorted((await session.scalars(query.order_by(col(PrivacyEvent.id)))).all())

        status, steps = inside(server, database_url, ended)
    assert status == Status.HELD, "the decision of today can still be appealed"
    assert (steps.count(Step.BEGUN), steps.count(Step.HELD)) == (1, 1)


@pytest.mark.sqlite_only
def test_the_desk_at_the_terminal(furnished: Path, database_url: str) -> None:
    with running(furnished, SITTHI_DATABASE_URL=database_url) as server:
        apply_for(server, "elder", "old-age-allowance")
        roles = ("--role", "privacy.officer")
        server.command("officer", "add", "--persona", "officer-one", "--agency", "dla", *roles)
        server.command("officer", "sign-in", "--persona", "officer-one")
        who = ("--as", "officer-one")
        assert "No requests are open" in server.command("privacy", "list", *who)
        _, request = inside(server, database_url, due)
        listed = server.command("privacy", "list", *who)
        assert f"{request.hex}  EXIT  COOLING" in listed
        assert "REQUESTED" in server.command("privacy", "show", request.hex[-8:], *who)
        number = persona("elder").national_id
        order = ("privacy", "hold", "--store", "access-log", "--law", "ป.วิ.อ. มาตรา 132", "--reason", "สอบสวน")
        held = server.command(*order, "--until", "2030-01-01", *who, given=f"{number}\n")
        assert number not in held
        hold = held.split("Held: ")[1][:32]
        assert "สอบสวน" in server.command("privacy", "list", *who)
        assert "BAD_INPUT" in server.command(*order, "--until", "someday", "--everybody", *who, ok=False)
        assert "BAD_INPUT" in server.command(*order, "--until", "9999-12-31", "--everybody", *who, ok=False)
        server.command("privacy", "run")
        shown = server.command("privacy", "show", request.hex[-8:], *who)
        assert "keeps access-log (LEGAL_HOLD" in shown
        assert "it still stands" in server.command("privacy", "release", hold[-8:], *who)
        assert "MAKER_IS_CHECKER" in server.command("privacy", "release", hold[-8:], *who, ok=False)
        server.command("officer", "add", "--persona", "officer-two", "--agency", "dla", *roles)
        server.command("officer", "sign-in", "--persona", "officer-two")
        assert f"Released: {hold}" in server.command("privacy", "release", hold[-8:], "--as", "officer-two")
        assert "NOT_FOUND" in server.command("privacy", "release", hold[-8:], *who, ok=False)
        today = f"{SystemClock().today():%Y-%m-%d}"
        counted = server.command("privacy", "affected", "--since", today, "--until", today, *who)
        assert "people" in counted
        assert "Nothing is over" in server.command("privacy", "retention", "--dry-run")
        assert "NOT_SIGNED_IN" in server.command("privacy", "list", "--as", "nobody", ok=False)
