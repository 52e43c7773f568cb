"""How well a service answered is in the catalogue, of all workers, and in the metrics of each."""

from __future__ import annotations

import re

from prometheus_client import REGISTRY

from services.plugins.operating.figures import CALLS_MIN
from tests.api.test_agency_services import ASK, PRICE, Waterworks, published
from tests.support.app import Served
from tests.support.services import documents_of, far_side

SHOWN = '{ services(search: "waterworks") { nodes { availability { days percent p95Milliseconds } } } }'


async def test_the_catalogue_says_how_well_a_service_answered_once_it_was_asked_often_enough(sitthi: Served) -> None:
    waterworks = await Waterworks.at(sitthi)
    far_side(sitthi.house, documents_of(), PRICE)
    await published(sitthi, waterworks)
    seen = []
    for calls in (CALLS_MIN - 1, 1):
        for _ in range(calls):
            await sitthi.graph(ASK)
        await sitthi.house.tally.write()
        await sitthi.house.tally.read()
        [found] = (await sitthi.graph(SHOWN))["services"]["nodes"]
        seen.append(found["availability"])
    assert seen[0] is None
    assert (seen[1]["days"], seen[1]["percent"]) == (30, 100.0)
    assert re.fullmatch(r"None|[0-9]+", str(seen[1]["p95Milliseconds"])), "the machine may be busy"
    labels = {"agency": "waterworks", "plugin": "waterworks"}
    assert REGISTRY.get_sample_value("sitthi_agency_service", labels) == 1
    assert (
        REGISTRY.get_sample_value("sitthi_agency_seconds_count", {"plugin": "waterworks", "operation": "price"}) or 0
    ) >= CALLS_MIN
