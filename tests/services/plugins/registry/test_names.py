"""How many names of services an agency may use, on both databases."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from core.clock import FixedClock
from core.database import Database
from services.plugins.registry.errors import NamesFull
from services.plugins.registry.repository import Name
from tests.services.plugins.registry.test_limits import AGENCY, RIVER, limited
from tests.support.services import NAME, SDL, SYSTEM, documents_of

CANAL_SDL: Final = SDL.replace("Water", "Canal").replace("water", "canal")
CANAL: Final[dict[str, Any]] = {"agency": AGENCY, "sdl": CANAL_SDL, "namespace": "canal", "prefix": "Canal"}


async def test_names_are_so_many_and_one_that_was_discarded_is_used_again(
    database: Database, clock: FixedClock
) -> None:
    """A name stays with its trail: whoever sends and discards would leave another one each time."""
    services = limited(database, clock, agency_names=2)
    for slug in ("waterworks", "river"):
        documents = documents_of(slug=slug, **(RIVER if slug == "river" else {}))
        await services.desk.register(SYSTEM, documents)
        await services.desk.discard(SYSTEM, Name(NAME.agency, slug), "1.0.0")
    with pytest.raises(NamesFull) as full:
        await services.desk.register(SYSTEM, documents_of(slug="canal", **CANAL))
    assert full.value.fields == {"count": 2, "of": "waterworks", "which": "river, waterworks"}
    assert (await services.desk.register(SYSTEM, documents_of(slug="river", **RIVER)))[1]
    with pytest.raises(NamesFull) as full:
        await services.desk.register(SYSTEM, documents_of(slug="canal", **CANAL))
    assert full.value.fields["which"] == "waterworks"
    assert [one.service.slug for one in await services.desk.listed(NAME.agency)] == ["river", "waterworks"]


async def test_of_parallel_new_names_no_more_than_the_limit_are_made(database: Database, clock: FixedClock) -> None:
    services = limited(database, clock, agency_names=1)
    documents = [documents_of(), documents_of(slug="river", **RIVER), documents_of(slug="canal", **CANAL)]
    outcomes = await asyncio.gather(*(services.desk.register(SYSTEM, one) for one in documents), return_exceptions=True)
    assert len([one for one in outcomes if isinstance(one, NamesFull)]) == 2, outcomes
