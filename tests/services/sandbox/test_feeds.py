"""What the made-up world reports to agencies that keep records of their own."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.plugins.contract.sandbox import Desk, Feed, Record
from services.sandbox import feeds
from services.sandbox.feeds import reports
from services.sandbox.folders import StandIn, stand_ins
from services.sandbox.population.store import ensure

DAY = date(2026, 11, 16)


def _of_vehicle(desk: Desk, row: Record) -> Record:
    return {"chassis": row["chassis"], "province": desk.province(row["province"]).name_en}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The register of vehicles reports its rows, and two that are always the same before."""
    ensure(tmp_path, 40, 1, DAY)
    found = stand_ins()["dlt"]
    fed = type(found.sandbox)(
        found.sandbox.tables,
        found.sandbox.answers,
        (
            Feed("fixed", lambda _, row: row, rows=({"code": "A"}, {"code": "B"})),
            Feed("vehicles", _of_vehicle, table="vehicle"),
            Feed("nothing", lambda _, __: None, table="vehicle"),
        ),
    )
    only = {"dlt": StandIn(fed, found.title, found.digest)}
    monkeypatch.setattr(feeds, "stand_ins", lambda _folder: only)
    return tmp_path


def told(data: Path) -> list[tuple[str, str, list[Any]]]:
    return [(one.operation, one.key, [json.loads(line) for line in one.body().splitlines()]) for one in reports(data)]


def test_each_feed_goes_in_its_order_and_in_sendings_of_a_bounded_size(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = told(data)
    assert whole[0][0] == "fixed"
    assert whole[0][2] == [{"code": "A"}, {"code": "B"}]
    monkeypatch.setattr(feeds, "ROWS_A_SENDING", 3)
    parts = [one for one in told(data) if one[0] == "vehicles"]
    assert [row for part in parts for row in part[2]] == whole[1][2]
    assert max(len(part[2]) for part in parts) == 3
    assert {len(part[2]) for part in told(data) if part[0] == "nothing"} == {0}
    assert len({part[1] for part in parts}) == len(parts)


def test_the_same_population_reports_the_same_under_the_same_keys_and_another_under_others(
    data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert told(data) == told(data)
    other = tmp_path_factory.mktemp("other")
    ensure(other, 40, 2, DAY)
    assert {one.key for one in reports(other)}.isdisjoint(one.key for one in reports(data))


def test_where_no_population_stands_nothing_is_reported(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert told(tmp_path_factory.mktemp("nothing")) == []
