"""An agency announces maintenance: citizens see it before they try, and its system is left alone meanwhile."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from httpx2 import Response
from typer.testing import CliRunner

from api.commands import plugin
from api.commands.agency_line import AgencyLine
from core.text import Text
from services.plugins.operating.errors import UnderMaintenance
from services.plugins.operating.maintenance import AHEAD_MAX, LATE_MAX, LONGEST, STANDING_MAX
from services.plugins.operating.windows import Window
from services.plugins.registry.routes import PREFIX
from tests.api.test_agency_services import ACT, ASK, ONE, PRICE, Waterworks, codes, fits, followed, published
from tests.support.agency import code_of
from tests.support.app import Served
from tests.support.services import documents_of, far_side

MAINTENANCE: Final = f"{ONE}/maintenance"
TEXTS: Final = {"th": "ปิดปรับปรุงระบบ", "en": "We are moving to a new system."}
SHOWN: Final = """{ services(search: "waterworks") { nodes {
  availableNow maintenance { beginsAt endsAt operations isOn words } } } }"""


@pytest.fixture
async def waterworks(sitthi: Served) -> Waterworks:
    system = await Waterworks.at(sitthi)
    far_side(sitthi.house, documents_of(), PRICE)
    await published(sitthi, system)
    return system


def given(sitthi: Served, begins: timedelta, lasts: timedelta, **more: Any) -> dict[str, Any]:
    start = sitthi.clock.now() + begins
    return {**ACT, "from": start.isoformat(), "until": (start + lasts).isoformat(), "texts": TEXTS, **more}


HOUR: Final = timedelta(hours=1)
NOW: Final = timedelta()


async def shown(sitthi: Served, language: str = "en") -> dict[str, Any]:
    [found] = (await sitthi.graph(SHOWN, language=language))["services"]["nodes"]
    told: dict[str, Any] = found
    return told


async def test_it_is_shown_before_and_while_it_is_on_the_agency_is_not_asked(
    sitthi: Served, waterworks: Waterworks
) -> None:
    body = given(sitthi, HOUR, 2 * HOUR)
    made = await waterworks.post(MAINTENANCE, body)
    assert made.status_code == 201, made.text
    await followed(sitthi)
    before = await shown(sitthi, "th")
    [window] = before["maintenance"]
    assert (before["availableNow"], window["isOn"], window["words"]) == (True, False, TEXTS["th"])
    assert window["operations"] == []
    assert await codes(sitthi) == {}

    sitthi.clock.advance(HOUR)
    during = await shown(sitthi)
    assert (during["availableNow"], during["maintenance"][0]["isOn"]) == (False, True)
    answer = (await sitthi.post(ASK)).json()
    assert answer["data"]["programmes"]
    [error] = answer["errors"]
    assert error["message"] == TEXTS["en"]
    assert error["extensions"] == {"code": "SERVICE_UNAVAILABLE", "until": made.json()["until"]}
    [health] = [one for one in sitthi.house.runner.health if one.plugin == "waterworks"]
    assert (health.failures, health.breaker) == (0, "CLOSED")

    sitthi.clock.advance(2 * HOUR)
    assert await codes(sitthi) == {}
    assert await shown(sitthi) == {"availableNow": True, "maintenance": []}


async def test_the_same_again_is_the_same_and_of_parallel_ones_there_is_one(
    sitthi: Served, waterworks: Waterworks
) -> None:
    body = given(sitthi, HOUR, HOUR)
    answers = await asyncio.gather(*(waterworks.post(MAINTENANCE, body) for _ in range(4)))
    assert sorted(one.status_code for one in answers) == [200, 200, 200, 201]
    listed = (await waterworks.get(MAINTENANCE)).json()["maintenance"]
    assert [one["id"] for one in listed] == [answers[0].json()["id"]]


async def test_windows_overlap_only_where_they_share_no_operation(sitthi: Served, waterworks: Waterworks) -> None:
    first = await waterworks.post(MAINTENANCE, given(sitthi, HOUR, HOUR, operations=["price"]))
    later = await waterworks.post(MAINTENANCE, given(sitthi, 2 * HOUR, HOUR))
    assert (first.status_code, later.status_code) == (201, 201), "one ends when the other begins"
    for begins in (HOUR, 1.5 * HOUR):
        assert code_of(await waterworks.post(MAINTENANCE, given(sitthi, begins, HOUR))) == (409, "MAINTENANCE_OVERLAPS")


async def test_cancelled_it_answers_again_at_once_and_cancelling_twice_is_once(
    sitthi: Served, waterworks: Waterworks
) -> None:
    made = (await waterworks.post(MAINTENANCE, given(sitthi, NOW, HOUR))).json()
    await followed(sitthi)
    assert await codes(sitthi) == {"water.price": "SERVICE_UNAVAILABLE"}
    path = f"{MAINTENANCE}/{made['id']}/cancel"
    first, again = await waterworks.post(path, ACT), await waterworks.post(path, ACT)
    assert (first.status_code, first.json()["cancelledAt"]) == (200, again.json()["cancelledAt"])
    await followed(sitthi)
    assert await codes(sitthi) == {}
    over = (await waterworks.post(MAINTENANCE, given(sitthi, NOW, HOUR))).json()
    sitthi.clock.advance(HOUR)
    waterworks._token = None  # it lives for minutes
    assert code_of(await waterworks.post(f"{MAINTENANCE}/{over['id']}/cancel", ACT)) == (409, "MAINTENANCE_OVER")


async def test_what_is_no_window_is_refused(sitthi: Served, waterworks: Waterworks) -> None:
    second = timedelta(seconds=1)
    refused: list[tuple[timedelta, timedelta, dict[str, Any]]] = [
        (NOW, LONGEST + second, {}),
        (AHEAD_MAX + 60 * second, HOUR, {}),
        (-LATE_MAX - 60 * second, HOUR, {}),
        (HOUR, NOW, {}),
        (HOUR, -HOUR, {}),
        (-LATE_MAX, LATE_MAX, {}),
        (HOUR, HOUR, {"operations": ["nothing"]}),
        (HOUR, HOUR, {"texts": {"th": " ", "en": "x"}}),
        (HOUR, HOUR, {"texts": {"th": "โทร 0000000000001", "en": "x"}}),
        (HOUR, HOUR, {"texts": {"th": "ก", "en": "<b>x"}}),
        (HOUR, HOUR, {"texts": {"th": "ก", "en": "x\u202ey"}}),
        (HOUR, HOUR, {"texts": {"th": "ก", "en": "x" * 501}}),
    ]
    for begins, lasts, more in refused:
        answer = await waterworks.post(MAINTENANCE, given(sitthi, begins, lasts, **more))
        assert code_of(answer) == (422, "MAINTENANCE_REFUSED"), (begins, lasts, more)
    good = given(sitthi, HOUR, HOUR)
    for more in ({"from": "tomorrow"}, {"from": "2026-12-01T00:00:00"}, {"operations": []}, {"more": 1}, {"texts": {}}):
        assert code_of(await waterworks.post(MAINTENANCE, {**good, **more})) == (400, "BAD_INPUT"), more
    assert (await waterworks.get(MAINTENANCE)).json() == {"maintenance": []}
    for begins, lasts in ((NOW, LONGEST), (AHEAD_MAX, HOUR)):
        assert (await waterworks.post(MAINTENANCE, given(sitthi, begins, lasts))).status_code == 201


async def test_no_more_than_so_many_stand_at_once(sitthi: Served, waterworks: Waterworks) -> None:
    for number in range(STANDING_MAX):
        answer = await waterworks.post(MAINTENANCE, given(sitthi, (number + 1) * HOUR, HOUR))
        assert answer.status_code == 201
    over = await waterworks.post(MAINTENANCE, given(sitthi, (STANDING_MAX + 1) * HOUR, HOUR))
    assert code_of(over) == (422, "MAINTENANCE_REFUSED")


async def test_only_the_services_own_agency_announces_by_a_token_for_services(
    sitthi: Served, waterworks: Waterworks
) -> None:
    body = given(sitthi, HOUR, HOUR)
    made = (await waterworks.post(MAINTENANCE, body)).json()
    other = await Waterworks.at(sitthi, "riverworks")
    asked: list[Response] = [
        await other.get(MAINTENANCE),
        await other.post(MAINTENANCE, body),
        await other.post(f"{MAINTENANCE}/{made['id']}/cancel", ACT),
        await waterworks.post(f"{MAINTENANCE}/{'0' * 32}/cancel", ACT),
        await waterworks.post(f"{MAINTENANCE}/x/cancel", ACT),
    ]
    assert {code_of(one) for one in asked} == {(404, "NOT_FOUND")}
    facts = await Waterworks.at(sitthi, scope="agency.facts")
    assert code_of(await facts.post(MAINTENANCE, body)) == (403, "SCOPE_MISSING")


async def test_our_own_code_has_maintenance_too_and_its_facts_say_so(sitthi: Served) -> None:
    """Dopa's plugin is no registered service: its agency announces all the same."""
    dopa = await Waterworks.at(sitthi, "dopa")
    [slug] = [one.slug for one in sitthi.house.registry.plugins if one.manifest.agency.slug == "dopa"][:1]
    made = await dopa.post(f"/agency/v1/services/{slug}/maintenance", given(sitthi, NOW, HOUR))
    assert made.status_code == 201, made.text
    await followed(sitthi)
    dead = sitthi.house.registry.get(slug)
    assert dead is not None
    for operation in dead.manifest.operations:
        assert sitthi.house.runner.window(dead, operation) is not None


async def test_over_http_it_says_at_which_instant_to_come_again(sitthi: Served) -> None:
    until = sitthi.clock.now() + HOUR
    words = Text(th=TEXTS["th"], en=TEXTS["en"])

    async def refuse() -> None:
        raise UnderMaintenance(words, Window(UUID(int=1), "waterworks", until - HOUR, until, words))

    sitthi.app.add_api_route("/refuses", refuse)
    answer = await sitthi.http.get("/refuses", headers={"accept-language": "en"})
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (503, TEXTS["en"])
    assert parsedate_to_datetime(answer.headers["retry-after"]) == until


async def test_every_answer_has_the_shape_that_the_description_names(sitthi: Served, waterworks: Waterworks) -> None:
    path, body = f"{PREFIX}/{{slug}}/maintenance", given(sitthi, HOUR, HOUR)
    made = fits(await waterworks.post(MAINTENANCE, body), path, "post")
    fits(await waterworks.post(MAINTENANCE, body), path, "post")
    fits(await waterworks.post(MAINTENANCE, given(sitthi, HOUR, 2 * HOUR)), path, "post")
    fits(await waterworks.post(MAINTENANCE, {}), path, "post")
    fits(await waterworks.get(MAINTENANCE), path, "get")
    fits(await waterworks.post(f"{MAINTENANCE}/{made['id']}/cancel", ACT), f"{path}/{{window}}/cancel", "post")


async def test_the_agency_announces_lists_and_cancels_by_command(
    sitthi: Served, waterworks: Waterworks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = {**waterworks.holder.private_jwk, "kid": waterworks.holder.kid, "alg": waterworks.holder.algorithm}
    key_file = tmp_path / "key.json"
    key_file.write_text(json.dumps(key))
    line = AgencyLine(sitthi.house.settings.issuer, waterworks.client, key, sitthi.http, sitthi.clock)
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(AgencyLine, "reading", lambda *_: line)
    monkeypatch.setattr(
        "api.commands.agency_options.asyncio.run", lambda made: asyncio.run_coroutine_threadsafe(made, loop).result()
    )

    async def run(*words: str, status: int = 0) -> str:
        given = ["maintenance", *words, "--client", waterworks.client, "--key", str(key_file)]
        done = await asyncio.to_thread(CliRunner().invoke, plugin.app, given)
        assert done.exit_code == status, done.output
        return (
            done.output if status else "".join(line for line in done.output.splitlines(keepends=True) if "\t" in line)
        )

    body = given(sitthi, HOUR, HOUR)
    words = ("--from", body["from"], "--until", body["until"], "--th", TEXTS["th"], "--en", TEXTS["en"])
    told = await run("announce", "waterworks", *words, "--operation", "price")
    window, *_ = told.split("\t")
    assert told == await run("list", "waterworks")
    assert "\tprice\tWe are moving" in told
    assert (await run("cancel", "waterworks", window)).endswith("cancelled\n")
    assert await run("list", "waterworks") == ""
    assert "with a zone" in await run("announce", "waterworks", "--from", "tomorrow", *words[2:], status=2)
