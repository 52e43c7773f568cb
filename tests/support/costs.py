"""What each test costs: `pytest -p tests.support.costs --costs FILE`, then `python -m tests.support.costs FILE`.

A line of JSON for each phase of a test and for each fixture that is made, with the seconds of the processor that this
process, the children it has waited for and the run's PostgreSQL spent, and those on the wall. Where many share a
machine only the former mean something; what of the latter this process stood in the queue for a processor is told
beside them, and what is left of a wall's seconds is waiting: for a moment, a disk or a process that is not counted.
`--one-in N` runs a sample, the same one every day. Workers of one run share one PostgreSQL: take one.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conftest import run_directory
from tests.support.prepared import NURSERY

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_DEEPEST: Final = 3
"""Folders below tests/ that the table tells apart."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--costs", type=Path, help="where to write what each test costs, a line of JSON each")
    parser.addoption("--one-in", type=int, default=1, help="only one test of so many")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--costs") is not None:
        config.pluginmanager.register(Costs(config), "costs-of-tests")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    share: int = config.getoption("--one-in")
    left_out = [item for item in items if zlib.crc32(b"sample " + item.nodeid.encode()) % share]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        chosen = set(left_out)
        items[:] = [item for item in items if item not in chosen]


class Costs:
    """Measures, and writes as it goes. Each worker of pytest-xdist has a file of its own, FILE.gw0."""

    def __init__(self, config: pytest.Config) -> None:
        worker = getattr(config, "workerinput", {}).get("workerid", "")
        path: Path = config.getoption("--costs")
        self._file = path.with_name(f"{path.name}.{worker}" if worker else path.name).open("w", encoding="utf-8")
        self._postmaster = run_directory(config).path / "postgres" / "data" / "postmaster.pid"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        return (yield from self._measured(item.nodeid, "setup"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        return (yield from self._measured(item.nodeid, "call"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        return (yield from self._measured(item.nodeid, "teardown"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Generator[None, Any, Any]:
        return (yield from self._measured(request.node.nodeid, "fixture", fixture=fixturedef.argname))

    def pytest_sessionfinish(self) -> None:
        self._file.close()

    def _measured(self, test: str, phase: str, **more: str) -> Generator[None, Any, Any]:
        before = self._spent()
        try:
            return (yield)
        finally:
            spent = [round(after - start, 4) for start, after in zip(before, self._spent(), strict=True)]
            line = {"test": test, "phase": phase, **more, **dict(zip(_COLUMNS, spent, strict=True))}
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _spent(self) -> tuple[float, float, float, float, float]:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        forked = _spent_by(NURSERY.pid) if NURSERY.pid is not None else 0.0
        return (
            time.process_time(),
            children.ru_utime + children.ru_stime + forked,
            self._of_postgres(),
            time.perf_counter(),
            _queued(),
        )

    def _of_postgres(self) -> float:
        """The postmaster and every session that has ended; those that are open are seen when they end."""
        try:
            return _spent_by(int(self._postmaster.read_text().split()[0]))
        except (OSError, IndexError):
            return 0.0


def _spent_by(pid: int) -> float:
    """The processor's seconds of a process and of all its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _queued() -> float:
    """Seconds that this process's first thread was ready to run and had no processor (Linux; else none)."""
    try:
        return int(Path(f"/proc/self/task/{os.getpid()}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


_COLUMNS: Final = ("own", "children", "postgres", "wall", "queued")


def table(lines: Iterable[Mapping[str, Any]], *, top: int = 40) -> str:
    """By folder, by fixture and by test, dearest first: seconds of the processor. Then who waits longest."""
    by_folder: dict[str, Counter[str]] = defaultdict(Counter)
    by_fixture: dict[str, Counter[str]] = defaultdict(Counter)
    by_test: Counter[str] = Counter()
    waits: Counter[str] = Counter()
    for line in lines:
        cost = line["own"] + line["children"] + line["postgres"]
        waited = line["wall"] - cost - line["queued"]
        if line["phase"] == "fixture":
            by_fixture[line["fixture"]].update(times=1, cpu=cost)
            continue
        folder = "/".join(line["test"].split("::")[0].split("/")[1 : 1 + _DEEPEST])
        by_folder[folder].update(tests=line["phase"] == "call", cpu=cost, **{line["phase"]: cost})
        by_folder[folder].update({column: line[column] for column in _COLUMNS})
        by_folder[folder]["waited"] += waited
        by_test[line["test"]] += cost
        waits[line["test"]] += waited
    total: Counter[str] = sum(by_folder.values(), Counter())
    columns = ("tests", "cpu", "setup", "call", "teardown", *_COLUMNS, "waited")
    rows = ["  ".join(f"{column:>8}" for column in columns)]
    for folder, sums in [("all", total), *_dearest(by_folder, top)]:
        rows.append("  ".join(f"{sums[column]:8.1f}" for column in columns) + f"  {folder}")
    rows += ["", "fixtures (times, seconds, milliseconds each)"]
    for name, sums in _dearest(by_fixture, top):
        rows.append(f"{sums['times']:8.0f}  {sums['cpu']:8.1f}  {1000 * sums['cpu'] / sums['times']:8.1f}  {name}")
    rows += ["", "tests", *(f"{cost:8.2f}  {test}" for test, cost in by_test.most_common(top))]
    rows += ["", "who waits", *(f"{waited:8.2f}  {test}" for test, waited in waits.most_common(top))]
    return "\n".join(rows)


def _dearest(sums: Mapping[str, Counter[str]], top: int) -> list[tuple[str, Counter[str]]]:
    return sorted(sums.items(), key=lambda one: -one[1]["cpu"])[:top]


def main(files: list[str]) -> None:
    lines = [json.loads(line) for file in files for line in Path(file).read_text(encoding="utf-8").splitlines()]
    sys.stdout.write(table(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
