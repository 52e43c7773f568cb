"""The parts of the benchmark work. Nothing here has a time limit: a test judges no machine."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from bench.citizens import PERSONAS, choose, leaves_in
from bench.load import AnswerWrong, Outcome, Request, cpu_seconds, family_cpu_seconds, fetch, run
from bench.processes import Site, bare
from bench.report import table
from core.ids import NationalId

ROOT = Path(__file__).parents[2]
REQUESTS = [Request.post("/graphql", b'{"query": "{ viewer { id } }"}', token="t")]

linux_only = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="CPU times are read from /proc")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("bench"), 300, date(2026, 11, 16))


def test_the_same_population_gives_the_same_people_who_have_much_to_show(site: Site) -> None:
    people = choose(site.population, 12)
    assert people == choose(site.population, 12)
    assert people[: len(PERSONAS)] == list(PERSONAS)
    assert all(isinstance(who, NationalId) for who in people[len(PERSONAS) :])
    assert len(set(people)) == 12


def test_leaf_fields_are_counted_through_lists_and_nulls() -> None:
    assert leaves_in(b'{"data": {"a": 1, "b": [{"c": null}, {"c": "x", "d": []}], "e": {"f": true}}}') == 4


@linux_only
async def test_a_bare_server_answers_what_it_was_given(site: Site) -> None:
    with bare(site, b'{"data":{"viewer":{}}}') as (port, pid):
        assert await fetch(port, REQUESTS * 3) == [b'{"data":{"viewer":{}}}'] * 3
        outcome = await run(port, pid, REQUESTS, total=60, connections=3, helpers={"me": lambda: 1.0})
    assert 0 < outcome.p50_ms <= outcome.p99_ms
    assert outcome.requests_per_second > 0
    assert outcome.helpers_ms == {"me": 0.0}
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@linux_only
@pytest.mark.parametrize("body", [b'{"errors":[]}', b'{"data":{"viewer":null}}', b'{"data":{"state":"UNAVAILABLE"}}'])
async def test_an_answer_that_is_not_whole_ends_the_run(site: Site, body: bytes) -> None:
    with bare(site, body) as (port, pid):
        with pytest.raises(AnswerWrong):
            await fetch(port, REQUESTS)
        with pytest.raises(ExceptionGroup) as told:
            await run(port, pid, REQUESTS, total=5, connections=2)
    assert told.group_contains(AnswerWrong)


@linux_only
def test_the_time_of_a_child_counts_for_the_family_alone() -> None:
    spin = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\n"
    own, family = cpu_seconds(os.getpid()), family_cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", spin], check=True)
    assert family_cpu_seconds(os.getpid()) - family >= 0.19  # the kernel counts in hundredths
    assert cpu_seconds(os.getpid()) - own < family_cpu_seconds(os.getpid()) - family


def test_the_table_shows_median_spread_and_ratio_to_the_floor() -> None:
    floor = [Outcome(0.05, {}, 0.1, 0.2, 9000)] * 3
    sitthi = [Outcome(cpu, {"PostgreSQL": 7.0}, 40, 90, 20) for cpu in (10.0, 30.0, 20.0)]
    text = "\n".join(table(8, {"bare": floor, "sqlite": sitthi}, "bare"))
    assert "concurrency 8" in text
    assert "20.0 (10.0–30.0)  ×400" in text
    assert "+ PostgreSQL" in text


@pytest.mark.parametrize("words", [["script/bench", "--help"], [sys.executable, "-m", "bench", "--help"]])
def test_the_command_says_what_it_does(words: list[str]) -> None:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--quick" in done.stdout
