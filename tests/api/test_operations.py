"""What is not the graph: health, metrics, unknown paths; and how often one home screen asks the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from api.app import jobs_of
from api.pages import routes
from core.money import Money
from core.text import Text
from services.pay.needs import PAYMENT_SETTLED
from tests.laws.cases import PURPOSE, WORDS, payments_of, person_of
from tests.support.app import Served

HOME: Final = (Path(routes.__file__).parent / "home.graphql").read_text()
LISTS: Final = """{ viewer {
  applications(first: 20) { nodes { id title beneficiary { id } reasons { text } history { at } missing { title } } }
  payments(first: 20) { nodes { id title receipt { id rating { score } } rating { score } } }
  inbox(first: 20) { nodes { id title body } }
  consents(first: 20) { nodes { id purpose { title } attributes { title } } }
  accessLog(first: 20) { nodes { id asker { label } outcomes { states { state } } attributes { id } } } } }"""
STATEMENTS_MAX: Final = 24
"""Of the home screen, apart from what opens and closes transactions: it took 17 when this was written."""

LOG_COMMITS_MAX: Final = 8
"""Of the access log, for one home screen: a dozen looks at one citizen. One at a time it took 11."""


class Counter:
    """Counts what goes to the database from now on, but for what jobs do meanwhile."""

    def __init__(self, sitthi: Served) -> None:
        self.statements: list[str] = []
        self._jobs = {job.name for job in jobs_of(sitthi.house)}
        event.listen(sitthi.house.db.engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, _conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        task = asyncio.current_task()
        if task is not None and task.get_name() in self._jobs:  # some work several times a second
            return
        if not statement.startswith(("BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE")):
            self.statements.append(statement)

    def taken(self) -> int:
        count = len(self.statements)
        self.statements.clear()
        return count


async def fill(sitthi: Served, count: int) -> None:
    """So many more payments, messages, consents and entries of the log for the elder."""
    await payments_of(sitthi, "elder", count)
    person, inbox = await person_of(sitthi, "elder"), sitthi.house.inbox
    async with sitthi.house.db.write() as session:
        for _ in range(count):
            await inbox.send(session, person, PAYMENT_SETTLED, amount=Money(60_000), title=Text(th="x", en="x"))
    for number in range(count):
        attributes = ["name"] if number % 2 else ["birth_date"]
        given = {"purpose": PURPOSE, "textVersion": WORDS, "attributes": attributes}
        assert (await sitthi.do("grantConsent", "consent { id }", "elder", **given))["problems"] == []


async def apply_and_withdraw(sitthi: Served, count: int) -> None:
    for _ in range(count):
        made = await sitthi.do("apply", "application { id }", "elder", programme="old-age-allowance")
        await sitthi.do("withdraw", "application { id }", "elder", application=made["application"]["id"])


@pytest.mark.parametrize("query", [HOME, LISTS], ids=["home", "lists"])
async def test_ten_times_as_much_is_not_one_statement_more(sitthi: Served, query: str) -> None:
    await fill(sitthi, 1)
    await apply_and_withdraw(sitthi, 1)
    await sitthi.graph(query, persona="elder")  # what is remembered between requests is remembered now
    counter = Counter(sitthi)
    await sitthi.graph(query, persona="elder")
    few = counter.taken()
    await fill(sitthi, 9)
    await apply_and_withdraw(sitthi, 9)
    counter.taken()
    data = await sitthi.graph(query, persona="elder")
    assert len(data["viewer"]["payments"]["nodes"]) >= 10
    assert len(data["viewer"]["applications"]["nodes"]) == 10
    assert counter.taken() <= few + 4, "rows are read together, not one by one; batches may fall differently"


async def test_the_home_screen_takes_few_statements(sitthi: Served) -> None:
    await sitthi.graph(HOME, persona="elder")
    counter = Counter(sitthi)
    await sitthi.graph(HOME, persona="elder")
    assert 0 < len(counter.statements) <= STATEMENTS_MAX, "\n".join(counter.statements)


async def test_the_home_screen_takes_few_commits_of_the_access_log(sitthi: Served) -> None:
    await sitthi.graph(HOME, persona="elder")
    appender = sitthi.house.gate._log._commits._appender
    connected, groups = appender.connected, []

    @asynccontextmanager
    async def counted() -> AsyncIterator[Any]:
        async with connected() as append:

            async def appended(records: Any) -> None:
                groups.append(len(records))
                await append(records)

            yield appended

    appender.connected = counted  # type: ignore[method-assign]
    await sitthi.graph(HOME, persona="elder")
    assert 2 <= len(groups) <= LOG_COMMITS_MAX, groups


@pytest.mark.parametrize("path", ["/nowhere", "/graphql/x", "/oauth/x", "/.env", "/../etc/passwd", "/%00", "/ก"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.sqlite_only
async def test_a_path_that_is_not_there_is_a_typed_404(sitthi: Served, path: str, method: str) -> None:
    answer = await sitthi.http.request(method, path)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.sqlite_only
async def test_a_method_that_a_path_does_not_take_is_a_typed_405(sitthi: Served) -> None:
    answer = await sitthi.http.post("/health/live")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (405, "BAD_REQUEST")


async def test_a_running_server_is_live_and_ready_and_tells_its_figures(sitthi: Served) -> None:
    assert (await sitthi.http.get("/health/live")).json() == {"status": "live"}
    ready = await sitthi.http.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "failing": []})
    metrics = await sitthi.http.get("/metrics")
    assert metrics.status_code == 200
    assert "# HELP" in metrics.text


async def test_without_its_database_a_server_is_live_but_not_ready(sitthi: Served) -> None:
    def gone(*_: Any) -> None:
        raise OperationalError("SELECT 1", {}, Exception("the database at secret:password@host is away"))

    event.listen(sitthi.house.db.engine.sync_engine, "before_cursor_execute", gone)
    ready = await sitthi.http.get("/health/ready")
    assert (ready.status_code, ready.json()) == (503, {"status": "not ready", "failing": ["database"]})
    assert (await sitthi.http.get("/health/live")).status_code == 200


async def test_without_its_database_a_question_is_an_error_that_tells_nothing(
    sitthi: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    await sitthi.token("elder")

    def gone(*_: Any) -> None:
        raise OperationalError("SELECT 1", {"national_id": "1103700012340"}, Exception("secret:password@host"))

    event.listen(sitthi.house.db.engine.sync_engine, "before_cursor_execute", gone)
    answer = (await sitthi.post("{ viewer { inbox { nodes { id } } } }", persona="elder")).json()
    assert [e["extensions"]["code"] for e in answer["errors"]] == ["SERVICE_UNAVAILABLE"]
    assert answer["data"] == {"viewer": {"inbox": None}}
    assert "password" not in str(answer)
    assert "1103700012340" not in capsys.readouterr().out
