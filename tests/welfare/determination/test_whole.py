"""A rule is tried on the whole population: the report is what one citizen at a time would add up to, and is signed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from sqlmodel import select

from core.errors import NotFound
from identity.proposals.errors import MakerIsChecker
from services.exchange.bulk.models import BulkMember
from tests.services.exchange.fakes import CATALOGUE
from tests.welfare.determination.populations import LOW_INCOME, OLD_AGE, PROGRAMMES, VOCABULARY, Land, written
from welfare.determination.errors import NotCovered, NotForEverybody, NotYourProgramme
from welfare.determination.figures import Cell
from welfare.determination.published import TYP, digest_of, published, without_report
from welfare.determination.whole import Tally
from welfare.determination.years import fiscal_years
from welfare.entitlements.room import programmes_over
from welfare.programmes import Cadence, Outcome, Programme, Version, evaluate, load_programme
from welfare.programmes.errors import RuleRefused

pytestmark = pytest.mark.fakeredis_only

RULE: Final = "annual_income <= :limit AND household_registered"
NEW: Final = written(LOW_INCOME, RULE, amount=250, starts="2027-02-01")
OLD_AGE_FILE: Final = (Path(__file__).parents[3] / "welfare/programmes/data/old-age-allowance.yaml").read_text("utf-8")


async def tried(land: Land, file: str = NEW, slug: str = LOW_INCOME, **more: Any) -> Any:
    given = {"purpose": "welfare-rule-making", "programmes": [slug], "keep_days": 7, "file": file, "on": "2027-02-01"}
    return await land.decided(**{**given, **more})


async def claims(land: Land, run: Any) -> dict[str, Any]:
    report = (await land.row(run)).report
    assert report is not None
    return await land.attestor.verify(report, typ=TYP)


def single_year(land: Land, months: tuple[date, ...], before: Programme, after: Version, on: date) -> dict[str, Any]:
    """Satang and people of a fiscal year, everybody and every month for itself."""
    sums = [
        (_year(facts, months, before.version_on), _year(facts, months, partial(_law_to_be, before, after, on)))
        for facts in land.people.values()
    ]
    known = [(old, new) for old, new in sums if old is not None and new is not None]
    return {
        "before": sum(old for old, _ in known),
        "after": sum(new for _, new in known),
        "paid_before": sum(old > 0 for old, _ in known),
        "paid_after": sum(new > 0 for _, new in known),
        "otherwise": sum(old != new for old, new in known),
        "unknown": len(sums) - len(known),
    }


def _year(facts: Mapping[str, Any], months: tuple[date, ...], law: Callable[[date], Version | None]) -> int | None:
    paid = [_paid(law(day), facts, day) for day in months]
    return None if None in paid else sum(one for one in paid if one is not None)


def _law_to_be(before: Programme, after: Version, on: date, day: date) -> Version | None:
    return after if day >= (after.starts or on) else before.version_on(day)


def _paid(law: Version | None, facts: Mapping[str, Any], day: date) -> int | None:
    if law is None:
        return 0
    found = evaluate(law, facts, None, day)
    if found.outcome is Outcome.UNMET:
        return 0
    amounts = [one.amount for one in found.benefits if one.cadence is Cadence.MONTH]
    if found.outcome is Outcome.UNKNOWN or None in amounts:
        return None
    return sum(one.satang for one in amounts if one is not None)


@pytest.mark.parametrize(
    ("slug", "file", "on"), [(LOW_INCOME, NEW, "2027-02-01"), (OLD_AGE, OLD_AGE_FILE, "2026-12-01")]
)
async def test_the_years_cost_to_the_satang_what_single_decisions_add_up_to(
    land: Land, monkeypatch: pytest.MonkeyPatch, slug: str, file: str, on: str
) -> None:
    await land.populate(200)
    run = await tried(land, file, slug, on=on)
    kept: list[Tally] = []
    real = Tally.plain

    def keeping(found: Tally) -> dict[str, Any]:
        kept.append(found)
        return real(found)

    monkeypatch.setattr(Tally, "plain", keeping)
    await land.determinations.run(run, chunk=33)
    programme, day = PROGRAMMES[slug], date.fromisoformat(on)
    after = load_programme(file, f"{slug}.yaml", VOCABULARY).version_on(day)
    assert after is not None
    for label, months in fiscal_years(day):
        assert kept[-1].years[label].plain() == single_year(land, months, programme, after, day)
    whole = kept[-1].impact.whole
    assert whole.people == len(land.people)
    assert whole.cells == {cell: _cells(land, programme.version_on(day), after, day)[cell] for cell in Cell}


def _cells(land: Land, before: Version | None, after: Version, on: date) -> Counter[Cell]:
    found: Counter[Cell] = Counter()
    for facts in land.people.values():
        old, new = _paid(before, facts, on), _paid(after, facts, on)
        if old is None or new is None:
            found[Cell.UNKNOWN] += 1
        elif not old and not new:
            found[Cell.NEVER] += 1
        elif not old:
            found[Cell.NEWLY] += 1
        elif not new:
            found[Cell.NO_LONGER] += 1
        else:
            found[Cell.MORE if new > old else Cell.LESS if new < old else Cell.SAME] += 1
    return found


async def test_the_report_is_signed_and_names_the_rule_by_its_digest(land: Land) -> None:
    await land.populate(120)
    run = await tried(land)
    await land.determinations.run(run)
    said = await claims(land, run)
    written_ = load_programme(NEW, f"{LOW_INCOME}.yaml", VOCABULARY)
    assert said["rule"] == digest_of(written_, written_.versions[0])
    assert said["replaces"] == digest_of(PROGRAMMES[LOW_INCOME], PROGRAMMES[LOW_INCOME].versions[0])
    assert (said["agency"], said["run"], said["purpose"]) == ("dla", run.hex, "welfare-rule-making")
    assert said["impact"]["people"] == len(land.people)
    assert set(said["fiscalYears"]) == {"2570", "2571"}


async def test_no_figure_of_fewer_than_ten_and_nobody_is_in_the_report(land: Land) -> None:
    await land.populate(60)
    run = await tried(land)
    await land.determinations.run(run)
    said = await claims(land, run)
    assert [one for one in _counts(said["impact"]) if 0 < one < 10] == []
    text = json.dumps(said)
    assert not any(person.hex in text or str(person) in text for person in land.people)


def _counts(found: Any) -> Iterator[int]:
    if isinstance(found, dict):
        for name, one in found.items():
            if name in ("people", "counts"):
                yield from (c for c in (one.values() if isinstance(one, dict) else [one]) if c is not None)
            elif name not in ("smallFiguresUnder", "satang"):
                yield from _counts(one)


async def test_the_snapshot_and_the_figures_so_far_go_with_the_report(land: Land) -> None:
    await land.populate(20)
    run = await tried(land)
    await land.determinations.run(run)
    row = await land.row(run)
    assert (row.tally, row.state) == (None, "DECIDED")
    async with land.database.read() as session:
        assert (await session.scalars(select(BulkMember))).all() == []
    report = row.report
    await land.determinations.run(run)  # again: nothing is read, nothing is signed anew
    assert (await land.row(run)).report == report
    assert await land.answers(run) == {}


async def test_everybody_finds_the_trial_in_the_access_log(land: Land) -> None:
    await land.populate(6)
    run = await tried(land)
    await land.determinations.run(run)
    for person in land.people:
        [entry] = await land.exchange.entries(person)
        assert (entry.purpose, entry.request) == ("welfare-rule-making", run)
        assert "province" in entry.attributes


async def test_killed_half_way_a_trial_counts_everybody_once(land: Land, monkeypatch: pytest.MonkeyPatch) -> None:
    await land.populate(50)
    run = await tried(land)
    real, chunks = land.determinations._add_to_tally, 0

    def dies(*given: Any) -> None:
        nonlocal chunks
        chunks += 1
        real(*given)
        if chunks == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(land.determinations, "_add_to_tally", dies)
    with pytest.raises(KeyboardInterrupt):
        await land.determinations.run(run, chunk=7)
    land.again()
    land.clock.advance(timedelta(minutes=3))
    await land.determinations.run(run, chunk=7)
    said = await claims(land, run)
    assert said["impact"]["people"] == len(land.people)
    assert (await land.row(run)).evaluated == {LOW_INCOME: len(land.people)}


@pytest.mark.parametrize(
    ("slug", "file", "error"),
    [
        ("of-another", written("of-another", "household_registered", payer="cgd"), NotYourProgramme),
        (LOW_INCOME, written(LOW_INCOME, "NOT state_benefit", payer="cgd"), NotYourProgramme),
        (LOW_INCOME, written(LOW_INCOME, "aids_certified"), NotCovered),
        (LOW_INCOME, written(LOW_INCOME, "household_size >= 2 AND without_support"), NotCovered),
        (LOW_INCOME, written(LOW_INCOME, "no_such_fact"), RuleRefused),
        (LOW_INCOME, written(LOW_INCOME, "household_registered", starts="2029-01-01"), NotForEverybody),
    ],
)
async def test_what_may_not_be_tried_is_not_even_proposed(land: Land, slug: str, file: str, error: Any) -> None:
    with pytest.raises(error):
        await tried(land, file, slug)


async def test_one_officer_cannot_try_a_rule(land: Land) -> None:
    maker = await land.office.officer(9, "dla", "bulk.propose", "bulk.approve")
    given = {
        "purpose": "welfare-rule-making",
        "programmes": [LOW_INCOME],
        "keep_days": 7,
        "file": NEW,
        "on": "2027-02-01",
    }
    proposal = await land.propose(maker, **given)
    with pytest.raises(MakerIsChecker):
        async with land.database.write() as session:
            await land.proposals.approve(session, maker, proposal)
    with pytest.raises(NotFound):
        await land.determinations.run(proposal)


def folder(path: Path, keys: Any) -> Path:
    (path / "before.txt").write_text("")
    (path / "keys.json").write_text(json.dumps(keys))
    (path / "unmeasured.txt").write_text("# digests and reasons\n")
    return path


async def test_a_version_is_published_with_its_signed_report_alone(land: Land, tmp_path: Path) -> None:
    await land.populate(20)
    run = await tried(land)
    await land.determinations.run(run)
    report = (await land.row(run)).report
    assert report is not None
    programme = load_programme(NEW, f"{LOW_INCOME}.yaml", VOCABULARY)
    digest = digest_of(programme, programme.versions[0])
    public = await land.attestor.public()
    place = folder(tmp_path, public)
    assert without_report([programme], place) == [f"{LOW_INCOME} from 2027-02-01 ({digest})"]
    (place / f"{digest}.jwt").write_text(report)
    assert without_report([programme], place) == []
    other = load_programme(NEW.replace("250 baht", "251 baht"), f"{LOW_INCOME}.yaml", VOCABULARY)
    changed = digest_of(other, other.versions[0])
    (place / f"{changed}.jwt").write_text(report)  # of another rule
    assert len(without_report([other], place)) == 1
    (place / f"{digest}.jwt").write_text(report[:-4] + ("AAAA" if report[-4:] != "AAAA" else "BBBB"))
    assert len(without_report([programme], place)) == 1
    (place / f"{digest}.jwt").write_text(report)
    assert len(without_report([programme], folder(tmp_path, {"keys": []}))) == 1  # signed by nobody who counts


def test_a_digest_is_of_what_decides_and_of_nothing_else() -> None:
    plain = written(LOW_INCOME, RULE)

    def digest(text: str) -> str:
        programme = load_programme(text, f"{LOW_INCOME}.yaml", VOCABULARY)
        return digest_of(programme, programme.versions[0])

    assert digest(plain.replace("made up", "another source").replace("ตามเงื่อนไข", "เป็นไปตามเงื่อนไข")) == digest(plain)
    for other in (
        plain.replace("100 baht", "101 baht"),
        plain.replace("100,000 baht", "100,001 baht"),
        plain.replace("2020-01-01", "2020-01-02"),
        plain.replace("cadence: MONTH", "cadence: QUARTER"),
        plain.replace("  status: in_force\n", "  status: in_force\n  until: 2030-01-01\n"),
    ):
        assert other != plain
        assert digest(other) != digest(plain)


def test_what_follows_a_version_does_not_change_it() -> None:
    by_digest = dict(published([PROGRAMMES[OLD_AGE]]))
    programme = PROGRAMMES[OLD_AGE]
    assert len(programme.versions) > 1
    first = programme.versions[0]
    alone = load_programme(OLD_AGE_FILE, "old-age-allowance.yaml", VOCABULARY)
    assert by_digest[f"{OLD_AGE} from {first.starts}"] == digest_of(alone, alone.versions[0])


def test_a_version_that_cannot_be_looked_at_as_a_whole_comes_into_force_with_a_reason(tmp_path: Path) -> None:
    programme = load_programme(NEW, f"{LOW_INCOME}.yaml", VOCABULARY)
    digest, place = digest_of(programme, programme.versions[0]), folder(tmp_path, {"keys": []})
    (place / "unmeasured.txt").write_text(f"{digest}\n# {digest} reads the income of a household\n")
    assert len(without_report([programme], place)) == 1, "a digest alone is no reason"
    (place / "unmeasured.txt").write_text(f"{digest} reads the income of a household\n")
    assert without_report([programme], place) == []


def test_every_version_in_the_tree_was_there_before_or_has_its_report() -> None:
    assert without_report(programmes_over(CATALOGUE)) == []
