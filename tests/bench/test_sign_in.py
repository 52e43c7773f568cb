"""Sign-ins are measured whole, on both sides alike. Nothing here has a time limit: a test judges no machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bench import sign_in
from bench.load import AnswerWrong
from bench.processes import Site

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="CPU times are read from /proc")


async def test_both_providers_sign_people_in_under_the_same_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(tmp_path, 300, date(2026, 11, 16))
    said: list[str] = []
    found = await sign_in.bench(site, ["sqlite"], rounds=1, sign_ins=6, concurrencies=(1, 2), say=said.append)
    assert {(connections, tuple(by_side)) for connections, by_side in found.items()} == {
        (1, (sign_in.THEIRS, "sqlite")),
        (2, (sign_in.THEIRS, "sqlite")),
    }
    for by_side in found.values():
        for [outcome] in by_side.values():
            assert 0 < outcome.p50_ms <= outcome.p99_ms
            assert outcome.requests_per_second > 0
    assert "×ratio to oidc-provider" in capsys.readouterr().out


async def test_a_sign_in_that_gets_no_code_ends_the_run() -> None:
    async with sign_in.theirs() as side:
        assert (await side.run(2, 1)).requests_per_second > 0
        nobody = replace(side, cookies=["_session=of-nobody"])
        with pytest.raises(ExceptionGroup) as told:
            await nobody.repeat(2, 1)
    assert told.group_contains(AnswerWrong)
