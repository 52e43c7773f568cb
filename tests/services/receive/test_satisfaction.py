"""How satisfied people are, without telling of anybody."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest
import strawberry
from fastapi import FastAPI
from hypothesis import given as cases
from hypothesis import strategies as st
from sqlalchemy import create_engine, event, select, text

from core import migrations
from core.clock import FixedClock, SystemClock, bangkok_day
from core.database import Database, synchronous
from core.graph import Info
from core.text import Text
from services.receive.graph import ReceiveMutation, ReceiveOfCitizen, ReceiveQuery
from services.receive.satisfaction import suppression
from services.receive.satisfaction.figures import MONTHS_MAX, Published, count, goal_of, months
from services.receive.satisfaction.models import Satisfaction
from services.receive.satisfaction.provinces import provinces
from services.receive.satisfaction.routes import PATH, satisfaction_router
from services.receive.satisfaction.suppression import SMALL, Cell, Counts, Told
from services.receive.service import Receipts
from tests.services.apply.asking import Asking, schema_of
from tests.services.pay.town import TownHall
from tests.services.receive.test_graph import RATE, given, paid, receipt_of

OLD_AGE, CHILD = "programme:old-age", "programme:child"
IN_OCTOBER = datetime(2026, 10, 15, tzinfo=UTC)
GRAPH = """{ satisfaction { month total { basisPoints reachesGoal } programmes {
  programme figures { ratings satisfied } provinces { code name figures { basisPoints } } } } }"""

counts = st.builds(Counts, st.integers(0, 60), st.integers(0, 60))
tables = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), counts, max_size=9)


def told(table: Mapping[str, Counts], order: Sequence[str] | None = None) -> Told:
    """`order`: in which cells cover for others; else by their size."""
    order = order or sorted(table, key=lambda name: (table[name].ratings, name))
    return suppression.told({name: Cell(cell, order.index(name)) for name, cell in table.items()})


async def counted(db: Database, cells: Mapping[tuple[str, str], tuple[int, int]], at: datetime = IN_OCTOBER) -> None:
    async with db.write() as session:
        for (subject, province), (satisfied, others) in cells.items():
            month = at.date().replace(day=1)
            cell = Satisfaction(month=month, subject=subject, province=province, satisfied=satisfied, others=others)
            cell.draw = satisfied + others  # so that tests can tell which one covers
            session.add(cell)


@pytest.mark.parametrize(("figure", "small"), [(0, False), (1, True), (9, True), (10, False)])
def test_a_figure_is_small_from_one_to_nine(figure: int, small: bool) -> None:
    assert Counts(figure, 50).is_small is small
    assert Counts(50, figure).is_small is small


def test_one_small_cell_takes_another_with_it_whose_turn_was_drawn() -> None:
    """Else it would be the total less the rest."""
    seen = told({"a": Counts(3, 1), "b": Counts(40, 20), "c": Counts(30, 12), "d": Counts(0, 0)})
    assert told({"a": Counts(3, 1), "b": Counts(40, 20), "c": Counts(30, 12)}, "bca").left_out == {"a", "b"}
    assert seen.left_out == {"a", "c"}
    assert seen.cells == {"b": Counts(40, 20), "d": Counts()}
    assert seen.total == Counts(73, 33)


def test_where_everything_is_small_nothing_is_told() -> None:
    assert told({"a": Counts(3, 1), "b": Counts(0, 4)}).total is None
    assert told({"a": Counts(3, 1), "b": Counts(0, 4)}).cells == {}


def test_small_cells_that_are_enough_together_leave_the_others_alone() -> None:
    seen = told({"a": Counts(9, 9), "b": Counts(9, 9), "c": Counts(40, 20)})
    assert seen.left_out == frozenset({"a", "b"})
    assert set(seen.cells) == {"c"}


@cases(tables)
def test_no_small_figure_is_told_nor_left_over_by_subtraction(table: dict[str, Counts]) -> None:
    """What anybody can work out from a table with its total is the sum of what was left out, and no part of it."""
    seen = told(table)
    assert all(not one.is_small for one in seen.cells.values())
    assert set(seen.cells) | seen.left_out == set(table)
    if seen.total is None:
        assert seen.cells == {}
        return
    assert not seen.total.is_small
    rest = Counts(
        seen.total.satisfied - sum(one.satisfied for one in seen.cells.values()),
        seen.total.others - sum(one.others for one in seen.cells.values()),
    )
    assert not rest.is_small
    assert len(seen.left_out) != 1


def test_ten_cells_of_ten_ratings_are_not_one_each() -> None:
    table = {letter: Counts(1, 0) for letter in "abcdefghij"} | {"k": Counts(50, 50), "l": Counts(60, 60)}
    assert told(table).left_out == {*"abcdefghijk"}


def test_who_knows_the_rule_and_sees_a_table_never_knows_a_small_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table of three cells, with small figures of 1 and 2, and every order in which they may cover."""
    monkeypatch.setattr(suppression, "SMALL", 3)
    possible: dict[tuple[Any, frozenset[str], Counts], set[tuple[Counts, ...]]] = defaultdict(set)
    names, top = "abc", 4
    for cells in itertools.product([Counts(s, o) for s in range(top + 1) for o in range(top + 1)], repeat=3):
        if not any(one.is_small for one in cells):
            continue
        for order in itertools.permutations(names):
            seen = told(dict(zip(names, cells, strict=True)), order)
            if seen.total is not None:
                possible[tuple(seen.cells.items()), seen.left_out, seen.total].add(cells)
    known = []
    for (shown, left_out, total), tables_ in possible.items():
        for place, name in enumerate(names):
            for figure in ("satisfied", "others"):
                values = {getattr(one[place], figure) for one in tables_}
                at_the_edge = max(total.satisfied, total.others) > 2 * top  # of what was tried, not of what may be
                if name in left_out and len(values) == 1 and values & {1, 2} and not at_the_edge:
                    known.append((shown, left_out, total, name, figure, values))
    assert len(possible) > 1_000
    assert known == []


@pytest.mark.parametrize(
    ("satisfied", "others", "low", "high", "goal"),
    [
        (0, 0, None, None, "UNCERTAIN"),
        (10, 0, 7_224, 10_000, "UNCERTAIN"),
        (80, 20, 7_111, 8_667, "UNCERTAIN"),
        (900, 100, 8_798, 9_171, "REACHED"),
        (700, 300, 6_708, 7_276, "MISSED"),
        (0, 10, 0, 2_776, "MISSED"),
    ],
)
def test_a_share_says_how_far_chance_alone_would_move_it(
    satisfied: int, others: int, low: int | None, high: int | None, goal: str
) -> None:
    one = Counts(satisfied, others)
    assert (one.interval or (None, None), goal_of(one).value) == ((low, high), goal)


async def test_a_table_is_the_same_each_time_and_by_no_rule_that_its_figures_tell(
    database: Database, clock: FixedClock
) -> None:
    """Two versions of one table would tell what one of them left out."""
    async with database.write() as session:
        for number, province in enumerate(("10", "11", "12", "13", "14", "15")):
            for _ in range(3 if number == 0 else 25):
                await count(session, OLD_AGE, province, 5, IN_OCTOBER)
    [first] = await months(database, clock)
    async with database.read() as session:
        drawn = {row.province: row.draw for row in await session.scalars(select(Satisfaction))}
    assert len(set(drawn.values())) == 6
    cover = min((one for one in drawn if one != "10"), key=lambda one: drawn[one])
    assert first.provinces[OLD_AGE].left_out == {"10", cover}
    assert await months(database, clock) == [first]


async def test_a_rating_counts_where_the_citizen_says_they_live_and_the_place_is_kept_nowhere_else(
    hall: TownHall, receipts: Receipts
) -> None:
    ask = asking(hall, receipts)
    person = await paid(hall)
    receipt = await receipt_of(ask, person)
    first = (await ask(RATE, person, input=given(receipt, score=4, province="50")))["rate"]
    assert first["problems"] == []
    assert (await ask(RATE, person, input=given(receipt, score=4, province="50")))["rate"] == first
    assert (await ask(RATE, person, input=given(receipt, "key-0000002", score=1)))["rate"]["rating"] is None
    async with hall.db.read() as session:
        [row] = await session.scalars(select(Satisfaction))
    assert (row.month, row.subject, row.province) == (date(2026, 11, 1), "programme:dla-old-age", "50")
    assert (row.satisfied, row.others) == (1, 0)


@pytest.mark.parametrize("province", ["99", "5", "", "๕๐", "เชียงใหม่"])
async def test_a_province_that_is_none_is_refused_and_nothing_is_counted(
    hall: TownHall, receipts: Receipts, province: str
) -> None:
    ask = asking(hall, receipts)
    person = await paid(hall)
    told_ = (await ask(RATE, person, input=given(await receipt_of(ask, person), score=4, province=province)))["rate"]
    assert told_ == {"rating": None, "problems": [{"code": "BAD_INPUT", "path": ["province"]}]}
    async with hall.db.read() as session:
        assert (await session.scalars(select(Satisfaction))).all() == []


@pytest.mark.parametrize(("score", "satisfied"), [(3, 0), (4, 1)])
async def test_satisfied_is_who_gives_four_or_five(database: Database, score: int, satisfied: int) -> None:
    async with database.write() as session:
        await count(session, OLD_AGE, "10", score, IN_OCTOBER)
    async with database.read() as session:
        [row] = await session.scalars(select(Satisfaction))
    assert (row.satisfied, row.others) == (satisfied, 1 - satisfied)


async def test_ratings_at_once_are_all_counted(database: Database) -> None:
    async def one(number: int) -> None:
        async with database.write() as session:
            await count(session, OLD_AGE, "10", 1 + number % 5, IN_OCTOBER)

    await asyncio.gather(*(one(number) for number in range(40)))
    async with database.read() as session:
        [row] = await session.scalars(select(Satisfaction))
    assert (row.satisfied, row.others) == (16, 24)


async def test_a_month_is_told_of_from_the_second_day_of_the_next(database: Database, clock: FixedClock) -> None:
    await counted(database, {(OLD_AGE, "10"): (80, 20)})
    clock.set(datetime(2026, 11, 1, 12, tzinfo=UTC))
    assert await months(database, clock) == []
    clock.advance(timedelta(days=1))
    [month] = await months(database, clock)
    assert (month.name, month.programmes.total) == ("2026-10", Counts(80, 20))


async def test_whoever_asks_again_on_the_same_day_asks_no_database(database: Database, clock: FixedClock) -> None:
    await counted(database, {(OLD_AGE, "10"): (80, 20)})
    asked: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    published = Published(database, clock)
    several = await asyncio.gather(*(published.months() for _ in range(20)))
    assert len({id(one) for one in several}) == 1
    assert len([one for one in asked if "satisfaction" in one]) == 1
    clock.advance(timedelta(days=1))
    await published.months()
    assert len([one for one in asked if "satisfaction" in one]) == 2


async def test_no_more_than_five_years_are_told(database: Database, clock: FixedClock) -> None:
    clock.set(datetime(2026, 11, 16, tzinfo=UTC))
    for year, month in ((2021, 11), (2021, 10)):
        await counted(database, {(OLD_AGE, "10"): (80, 20)}, datetime(year, month, 1, tzinfo=UTC))
    assert [one.name for one in await months(database, clock)] == ["2021-11"]
    assert MONTHS_MAX == 60


async def test_a_small_programme_is_told_of_in_no_province_either(database: Database, clock: FixedClock) -> None:
    await counted(
        database,
        {(OLD_AGE, "10"): (80, 20), (OLD_AGE, ""): (30, 10), (CHILD, "10"): (12, 2), ("service:x", "10"): (20, 10)},
    )
    [month] = await months(database, clock)
    assert month.programmes.left_out == frozenset({CHILD, "service:x"})  # which was drawn to cover it
    assert set(month.provinces) == set(month.programmes.cells) == {OLD_AGE}


async def fetch(database: Database, clock: FixedClock, path: str) -> httpx2.Response:
    app = FastAPI()
    app.include_router(
        satisfaction_router(Published(database, clock), lambda subject: Text(th=f"ไทย {subject}", en=subject))
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        return await client.get(path)


async def test_everybody_reads_it_as_json_and_as_csv_and_both_say_the_same(
    database: Database, clock: FixedClock
) -> None:
    await counted(database, {(OLD_AGE, "10"): (80, 20), (OLD_AGE, "50"): (2, 1), (OLD_AGE, ""): (30, 12)})
    answer = (await fetch(database, clock, PATH)).json()
    assert (answer["goal"], answer["smallFiguresUnder"]) == (8_000, SMALL)
    [month] = answer["months"]
    [programme] = month["programmes"]
    assert month["total"] == {
        "ratings": 145,
        "satisfied": 112,
        "basisPoints": 7_724,
        "low": 6_976,
        "high": 8_332,
        "goal": "UNCERTAIN",
    }
    assert programme["title"] == {"th": f"ไทย {OLD_AGE}", "en": OLD_AGE}
    assert [(one["code"], one["name"]["th"], one["basisPoints"]) for one in programme["provinces"]] == [
        ("10", "กรุงเทพมหานคร", 8_000)
    ]
    assert programme["provincesLeftOut"] == 2
    lines = list(csv.reader(io.StringIO((await fetch(database, clock, f"{PATH}.csv")).text)))
    assert lines[1:] == [
        ["2026-10", OLD_AGE, "10", "100", "80", "8000", "7111", "8667", "UNCERTAIN"],
        ["2026-10", OLD_AGE, "*", "145", "112", "7724", "6976", "8332", "UNCERTAIN"],
        ["2026-10", "*", "*", "145", "112", "7724", "6976", "8332", "UNCERTAIN"],
    ]


async def test_in_the_graph_it_is_there_for_who_is_not_signed_in(hall: TownHall, receipts: Receipts) -> None:
    await counted(hall.db, {(OLD_AGE, "10"): (80, 20), (OLD_AGE, ""): (30, 12)})
    [month] = (await asking(hall, receipts)(GRAPH, None))["satisfaction"]
    assert month["total"] == {"basisPoints": 7_746, "reachesGoal": False}
    [programme] = month["programmes"]
    assert (programme["programme"], programme["figures"]) == ("old-age", {"ratings": 142, "satisfied": 110})
    assert [(p["code"], p["name"]) for p in programme["provinces"]] == [(None, "ไม่ระบุจังหวัด"), ("10", "กรุงเทพมหานคร")]


def test_there_are_77_provinces_in_both_languages() -> None:
    assert len(provinces()) == 77
    assert all(name.th and name.en and len(code) == 2 for code, name in provinces().items())


@strawberry.type
class Query(ReceiveQuery):
    @strawberry.field
    def viewer(self, info: Info) -> ReceiveOfCitizen:
        return ReceiveOfCitizen(person=info.context.signed_in().person)


def asking(hall: TownHall, receipts: Receipts) -> Asking:
    ask = Asking(schema_of(Query, ReceiveMutation), hall.db, hall.clock)
    ask.rooms.add(Receipts, receipts)
    ask.rooms.add(Published, Published(hall.db, hall.clock))
    return ask


def test_a_month_that_was_told_before_draws_came_is_told_as_it_was(empty_database_url: str) -> None:
    """Two versions of a month would tell what one of them left out."""
    migrations.upgrade(empty_database_url, "0048")
    engine = create_engine(synchronous(empty_database_url))
    figures = {"10": (3, 1), "11": (60, 30), "12": (30, 12), **{f"{n}": (n, 20) for n in range(31, 59)}}
    this_month = bangkok_day(SystemClock().now()).replace(day=1)
    with engine.begin() as connection:
        for month in (date(2024, 1, 1), this_month):
            for province, (satisfied, others) in figures.items():
                row = {"month": month, "subject": OLD_AGE, "province": province, "s": satisfied, "o": others}
                connection.execute(text("INSERT INTO satisfaction VALUES (:month, :subject, :province, :s, :o)"), row)
    migrations.upgrade(empty_database_url)
    with engine.connect() as connection:
        rows = connection.execute(select(Satisfaction)).all()
    engine.dispose()
    before = {row.province: Cell(Counts(row.satisfied, row.others), row.draw) for row in rows if row.month.year == 2024}
    assert suppression.told(before).left_out == {"10", "12"}, "the smallest of the others covered, by the rule of then"
    assert len({row.draw for row in rows if row.month == this_month}) == len(figures), (
        "what nobody was told yet is drawn"
    )
