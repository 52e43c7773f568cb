"""Sign-ins are measured whole, on every side alike. Nothing here has a time limit: a test judges no machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import cast

import psycopg
import pytest

from bench import sign_in
from bench.load import AnswerWrong, Connection, repeat
from bench.processes import Site, System
from tests.support.postgres import Postgres
from tests.support.server import Process

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="CPU times are read from /proc")


async def test_all_providers_sign_people_in_under_the_same_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(tmp_path, 300, date(2026, 11, 16))
    said: list[str] = []
    wanted = ["sqlite", "postgresql"]
    found = await sign_in.bench(site, wanted, rounds=1, sign_ins=6, concurrencies=(1, 2), say=said.append)
    assert {(connections, tuple(by_side)) for connections, by_side in found.items()} == {
        (1, (sign_in.THEIRS, sign_in.THEIRS_DURABLE, *wanted)),
        (2, (sign_in.THEIRS, sign_in.THEIRS_DURABLE, *wanted)),
    }
    for by_side in found.values():
        for [outcome] in by_side.values():
            assert 0 < outcome.p50_ms <= outcome.p99_ms
            assert outcome.requests_per_second > 0
        [durable] = by_side[sign_in.THEIRS_DURABLE]
        assert list(durable.helpers_ms) == ["PostgreSQL"]
    assert "×ratio to oidc-provider" in capsys.readouterr().out


async def test_what_the_other_provider_is_given_to_store_is_in_postgresql() -> None:
    with Postgres.running() as postgres:
        async with sign_in.theirs(_beside(postgres)) as side:
            await side.run(3, 1)
        with psycopg.connect(postgres.url("oidc_provider")) as connection:
            rows = connection.execute("SELECT model, count(*), count(payload -> 'consumed') FROM artifact GROUP BY 1")
            stored = {model: (kept, consumed) for model, kept, consumed in rows}
    assert stored["AuthorizationCode"] == (4, 3), "the first ended in the browser, the other three were redeemed"
    assert stored["RefreshToken"] == (3, 0)
    assert stored["Session"][0] >= 1
    assert stored["Grant"][0] >= 1


async def test_a_code_that_the_other_provider_stores_in_postgresql_is_good_once_for_many_at_once() -> None:
    connections, answers = 8, list[int]()
    with Postgres.running() as postgres:
        async with sign_in.theirs(_beside(postgres)) as other:
            side = await other.entered(connections)
            await side.repeat(3 * connections, connections)  # its pool is full: nobody waits for a connection
            forms: list[bytes] = []

            async def ask(connection: Connection, number: int) -> None:
                forms.append(await side.authorize(connection, number))

            async def redeem(connection: Connection, _number: int) -> None:
                try:
                    await side.redeem(connection, forms[0])
                    answers.append(200)
                except AnswerWrong as wrong:
                    answers.append(wrong.args[0])

            await repeat(side.port, side.pid, ask, total=1, connections=1)
            await repeat(side.port, side.pid, redeem, total=connections, connections=connections)
    assert sorted(answers) == [200] + [400] * (connections - 1)


async def test_a_sign_in_that_gets_no_code_ends_the_run() -> None:
    async with sign_in.theirs() as side:
        assert (await side.run(2, 1)).requests_per_second > 0
        nobody = replace(side, cookies=["_session=of-nobody"])
        with pytest.raises(ExceptionGroup) as told:
            await nobody.repeat(2, 1)
    assert told.group_contains(AnswerWrong)


def _beside(postgres: Postgres) -> System:
    """A system in that server, as far as another provider looks at it."""
    return System("postgresql", cast("Process", None), {"PostgreSQL": lambda: 0.0}, postgres)
