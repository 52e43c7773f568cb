"""How operators see which agency is in trouble."""

from __future__ import annotations

from contextlib import suppress

import httpx2
import pytest

from core.errors import ServiceUnavailable
from core.ids import NationalId
from services.sandbox.population.personas import persona
from tests.support.app import Served


@pytest.mark.sqlite_only
async def test_each_operation_that_was_asked_is_told_of_with_its_breaker(sitthi: Served) -> None:
    assert (await sitthi.http.get("/metrics/agencies")).json() == {"agencies": []}
    plugin = sitthi.house.registry.get("rd")
    assert plugin is not None
    elder = NationalId(persona("elder").national_id)
    with suppress(ServiceUnavailable):
        await sitthi.house.runner.run(plugin, "income", asker="test", person=elder)
    answer = await sitthi.http.get("/metrics/agencies")
    [told] = answer.json()["agencies"]
    assert (told["plugin"], told["operation"], told["running"], told["waiting"]) == ("rd", "income", 0, 0)
    assert (told["breaker"], told["last"]) in {("CLOSED", "WELL"), ("CLOSED", "SERVICE_UNAVAILABLE")}
    assert elder.digits not in answer.text
    figures = (await sitthi.http.get("/metrics")).text
    assert 'sitthi_agency_breaker{operation="income",plugin="rd"} 0.0' in figures


@pytest.mark.sqlite_only
async def test_strangers_learn_nothing_of_it(sitthi: Served) -> None:
    transport = httpx2.ASGITransport(app=sitthi.app, client=("198.51.100.9", 4711))
    async with httpx2.AsyncClient(transport=transport, base_url="https://sitthi.example") as http:
        answer = await http.get("/metrics/agencies")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "NOT_ALLOWED")
