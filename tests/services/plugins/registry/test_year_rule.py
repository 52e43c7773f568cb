"""A name that clients were told of for a year may go: by our clock and the registry's history, and not a day before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from core.clock import BANGKOK, FixedClock
from services.exchange.catalogue import load_catalogue
from services.plugins.contract import Fault, PluginRefused, Rule
from services.plugins.notices.history import changes, standing_notices
from services.plugins.notices.terms import TOLD_MAX, Notice
from services.plugins.registry.documents import Documents, Ground, load_documents
from services.plugins.registry.lifecycle import Actor
from services.plugins.registry.repository import Name
from tests.support.plugins import HOST
from tests.support.services import NAME, SDL, SYSTEM, WATER, Registering, answering, documents_of, no_faults

REASON = "ทดสอบการทำงาน"
OLD = SDL.replace("  since: Date\n", '  since: Date @deprecated(reason: "ใช้ from แทน | Ask for from")\n')
LATER = OLD.replace("Ask for from", "Ask for from, until 2028-06-30")
GONE = SDL.replace("  since: Date\n", "")
SINCE = date(2026, 11, 16)
SUNSET = date(2027, 11, 16)
MIDNIGHT = datetime(2027, 11, 16, tzinfo=BANGKOK)
RICH = """extend type Query {
  water: WaterOpen
}

type WaterOpen {
  price(size: WaterSize = SMALL, filter: WaterFilter): WaterPrice
  rate: WaterRate
}

type WaterPrice {
  amount: Money!
  since: Date
}

type WaterRate {
  amount: Money!
}

input WaterFilter {
  zone: String
  old: String
}

enum WaterSize {
  SMALL
  LARGE
}
"""
QUERY = {"kind": "query", "access": "public", "time_limit_seconds": 2}


async def notices(services: Registering) -> dict[str, Notice]:
    async with services.db.read() as session:
        return (await standing_notices(session)).get(WATER, {})


async def told(services: Registering, *kinds: str) -> list[tuple[str, str | None]]:
    """Oldest first."""
    async with services.db.read() as session:
        found = await changes(session, limit=1_000)
    return [(one.kind, one.coordinate) for one in reversed(found) if not kinds or one.kind in kinds]


async def refused(services: Registering, documents: Documents) -> Sequence[Fault]:
    with pytest.raises(PluginRefused) as caught:
        await services.desk.register(SYSTEM, documents)
    return caught.value.faults


async def test_it_is_stamped_at_publication_whatever_was_sent_before(services: Registering, clock: FixedClock) -> None:
    await services.published(documents_of())
    await services.checked(documents_of("1.1.0", sdl=OLD))
    clock.advance(timedelta(days=3))
    assert await notices(services) == {}
    await services.desk.publish(SYSTEM, NAME, "1.1.0")
    [one] = (await notices(services)).values()
    assert (one.coordinate, one.since, one.sunset) == ("WaterPrice.since", clock.now(), date(2027, 11, 19))
    assert (one.reason.th, one.reason.en) == ("ใช้ from แทน", "Ask for from")


async def test_the_year_holds_to_the_second_and_the_refusal_says_from_which_day(
    services: Registering, clock: FixedClock
) -> None:
    await services.published(documents_of())
    await services.published(documents_of("1.1.0", sdl=OLD))
    for moment in (clock.now(), MIDNIGHT - timedelta(seconds=1)):
        clock.set(moment)
        [fault] = await refused(services, documents_of("1.2.0", sdl=GONE))
        assert (fault.rule, fault.file, fault.line, fault.field) == (Rule.BREAKING, "graph.graphql", 9, "WaterPrice")
        assert fault.why.endswith(f"it is deprecated since {SINCE}, and may go from {SUNSET} on")
        assert fault.remedy.startswith(f"Keep it until {SUNSET}")
    clock.set(MIDNIGHT)
    await services.published(documents_of("1.2.0", sdl=GONE))
    assert await services.state("1.2.0") == "PUBLISHED"
    assert await notices(services) == {}
    assert ("REMOVED", "WaterPrice.since") in await told(services)


async def test_what_was_never_deprecated_is_refused_with_the_way_to_go(services: Registering) -> None:
    await services.published(documents_of())
    [fault] = await refused(services, documents_of("1.1.0", sdl=GONE))
    assert "mark it @deprecated: a year after that is published it may go" in fault.remedy


async def test_what_is_deprecated_in_drafts_alone_is_not_told_to_anybody(
    services: Registering, clock: FixedClock
) -> None:
    await services.published(documents_of())
    await services.checked(documents_of("1.1.0", sdl=OLD))
    clock.advance(timedelta(days=800))
    [fault] = await refused(services, documents_of("1.2.0", sdl=GONE))
    assert "deprecated since" not in fault.why


async def test_who_takes_it_back_begins_anew(services: Registering, clock: FixedClock) -> None:
    await services.published(documents_of())
    await services.published(documents_of("1.1.0", sdl=OLD))
    clock.advance(timedelta(days=360))
    await services.published(documents_of("1.2.0"))
    assert await notices(services) == {}
    clock.advance(timedelta(days=10))
    await services.published(documents_of("1.3.0", sdl=OLD))
    [fault] = await refused(services, documents_of("1.4.0", sdl=GONE))
    assert "may go from 2028-11-21 on" in fault.why
    kinds = await told(services, "DEPRECATED", "RESTORED")
    assert [kind for kind, _ in kinds] == ["DEPRECATED", "RESTORED", "DEPRECATED"]


async def test_going_back_to_a_version_without_it_begins_anew_and_to_one_with_it_does_not(
    services: Registering, clock: FixedClock
) -> None:
    await services.published(documents_of())
    await services.published(documents_of("1.1.0", sdl=OLD))
    await services.published(documents_of("1.2.0", sdl=OLD, title={"th": "ค่าน้ำ", "en": "Prices"}))
    clock.advance(timedelta(days=1))
    await services.desk.roll_back(SYSTEM, NAME, "1.1.0", REASON)
    assert (await notices(services))["WaterPrice.since"].since_day == SINCE
    await services.desk.roll_back(SYSTEM, NAME, "1.0.0", REASON)
    await services.desk.roll_back(SYSTEM, NAME, "1.2.0", REASON)
    assert (await notices(services))["WaterPrice.since"].since_day == SINCE + timedelta(days=1)


async def test_a_later_day_is_kept_and_never_moved_nearer(services: Registering, clock: FixedClock) -> None:
    await services.published(documents_of())
    await services.published(documents_of("1.1.0", sdl=OLD))
    await services.published(documents_of("1.2.0", sdl=LATER))
    await services.published(documents_of("1.3.0", sdl=OLD))
    assert (await notices(services))["WaterPrice.since"].sunset == date(2028, 6, 30)
    assert await told(services, "ANNOUNCED") == [("ANNOUNCED", "WaterPrice.since")]
    clock.set(MIDNIGHT)
    [fault] = await refused(services, documents_of("1.4.0", sdl=GONE))
    assert "may go from 2028-06-30 on" in fault.why


async def test_a_day_that_is_too_early_is_a_warning_and_does_not_count(services: Registering) -> None:
    await services.published(documents_of())
    early = OLD.replace("Ask for from", "Ask for from, until 2027-11-15")
    await services.checked(documents_of("1.1.0", sdl=early))
    shown = await services.desk.shown(NAME, "1.1.0")
    [warning] = shown.warnings
    assert (warning.rule, warning.field, warning.line) == (Rule.DIRECTIVE, "WaterPrice.since", 11)
    assert "clients are told 2027-11-16" in warning.why
    await services.desk.publish(SYSTEM, NAME, "1.1.0")
    assert (await notices(services))["WaterPrice.since"].sunset == SUNSET
    await services.checked(documents_of("1.2.0", sdl=early.replace("2027-11-15", "2027-11-16")))
    assert (await services.desk.shown(NAME, "1.2.0")).warnings == []


def marked(sdl: str, *lines: str) -> str:
    for line in lines:
        sdl = sdl.replace(line, f'{line} @deprecated(reason: "ใช้อย่างอื่น | Something else")')
    return sdl


def rich(version: str, sdl: str, **operations: Any) -> Documents:
    given = {"price": QUERY, "rate": QUERY} | operations
    amount = {"amount": {"satang": 1, "currency": "THB"}}
    answers = {"price": {**amount, "since": None}, "rate": amount}
    given = {name: one for name, one in given.items() if one is not None}
    examples = {f"{name}.json": {"operation": name, "answer": answers[name]} for name in given}
    return documents_of(version, sdl=sdl, operations=given, examples=examples)


async def test_arguments_input_fields_and_enum_values_go_by_the_same_rule(
    services: Registering, clock: FixedClock
) -> None:
    argument = "filter: WaterFilter"
    await services.published(rich("1.0.0", RICH))
    await services.published(rich("1.1.0", marked(RICH, "  old: String", "  LARGE")))
    clock.advance(timedelta(days=366))
    narrower = RICH.replace("  old: String\n", "").replace("  LARGE\n", "")
    await services.published(rich("1.2.0", narrower))
    assert await told(services, "REMOVED") == [("REMOVED", "WaterFilter.old"), ("REMOVED", "WaterSize.LARGE")]
    await services.published(rich("1.3.0", marked(narrower, argument)))
    assert list(await notices(services)) == ["WaterOpen.price(filter:)"]
    without = narrower.replace(f", {argument}", "").replace("input WaterFilter {\n  zone: String\n}\n", "")
    whys = {one.why for one in await refused(services, rich("1.4.0", without))}
    assert any("WaterFilter was removed" in why for why in whys)
    assert any("(filter:) was removed" in why and "may go from" in why for why in whys)
    clock.advance(timedelta(days=366))
    await services.published(rich("1.4.0", without))
    assert await services.state("1.4.0") == "PUBLISHED"


async def test_with_a_field_go_its_operation_and_the_types_that_it_alone_led_to(
    services: Registering, clock: FixedClock
) -> None:
    await services.published(rich("1.0.0", RICH))
    await services.published(rich("1.1.0", marked(RICH, "  rate: WaterRate")))
    without = RICH.replace("  rate: WaterRate\n", "").replace("type WaterRate {\n  amount: Money!\n}\n\n", "")
    gone = rich("1.2.0", without, rate=None)
    whys = " ".join(one.why for one in await refused(services, gone))
    assert "WaterOpen.rate was removed" in whys
    assert "WaterRate was removed" in whys
    assert "the operation `rate` was removed" in whys
    clock.advance(timedelta(days=366))
    await services.published(gone)
    assert await told(services, "REMOVED") == [("REMOVED", "WaterOpen.rate"), ("REMOVED", "WaterRate")]


async def test_a_type_that_something_else_leads_to_stays(services: Registering, clock: FixedClock) -> None:
    also = RICH.replace("  rate: WaterRate\n", "  rate: WaterRate\n  cost: WaterRate\n")
    both = {"cost": QUERY}

    def three(version: str, sdl: str, **more: Any) -> Documents:
        given = {"price": QUERY, "rate": QUERY, **both} | more
        given = {name: one for name, one in given.items() if one is not None}
        amount = {"amount": {"satang": 1, "currency": "THB"}}
        answers = {"price": {**amount, "since": None}, "rate": amount, "cost": amount}
        examples = {f"{name}.json": {"operation": name, "answer": answers[name]} for name in given}
        return documents_of(version, sdl=sdl, operations=given, examples=examples)

    await services.published(three("1.0.0", also))
    await services.published(three("1.1.0", marked(also, "  rate: WaterRate")))
    clock.advance(timedelta(days=366))
    worse = also.replace("  rate: WaterRate\n", "").replace(
        "type WaterRate {\n  amount: Money!\n", "type WaterRate {\n  sum: Money!\n"
    )
    [fault] = await refused(services, three("1.2.0", worse, rate=None))
    assert "WaterRate.amount was removed" in fault.why


async def test_another_type_is_no_removal_however_long_it_is_deprecated(
    services: Registering, clock: FixedClock
) -> None:
    await services.published(documents_of())
    await services.published(documents_of("1.1.0", sdl=OLD))
    clock.advance(timedelta(days=800))
    other, answer = SDL.replace("since: Date", "since: Int"), {"amount": {"satang": 1, "currency": "THB"}, "since": 1}
    examples = {"price.json": {"operation": "price", "answer": answer}}
    [fault] = await refused(services, documents_of("1.2.0", sdl=other, examples=examples))
    assert "changed type" in fault.why


async def test_a_new_major_version_may_take_it_at_once_and_everybody_is_told(services: Registering) -> None:
    await services.published(documents_of())
    await services.published(documents_of("2.0.0", sdl=GONE))
    assert await told(services, "PUBLISHED", "REMOVED") == [
        ("PUBLISHED", None),
        ("PUBLISHED", None),
        ("REMOVED", "WaterPrice.since"),
    ]


async def test_the_end_of_a_service_announces_when_the_field_that_leads_to_it_goes(
    services: Registering, clock: FixedClock
) -> None:
    await services.published(documents_of())
    await services.desk.retire(SYSTEM, NAME, REASON)
    [one] = (await notices(services)).values()
    assert (one.coordinate, one.since, one.sunset) == ("Query.water", clock.now(), SUNSET)
    assert one.reason.th is not None
    assert (await told(services))[-2:] == [("RETIRED", None), ("DEPRECATED", "Query.water")]
    clock.advance(timedelta(days=30))
    await services.published(documents_of("1.1.0"))
    assert await notices(services) == {}
    assert (await told(services))[-1] == ("RESTORED", "Query.water")


async def test_what_is_told_has_numbers_without_a_gap(services: Registering) -> None:
    await services.published(documents_of())
    await services.published(documents_of("1.1.0", sdl=LATER))
    await services.published(documents_of("1.2.0"))
    async with services.db.read() as session:
        numbers = [one.number for one in await changes(session, limit=100)]
    assert numbers == list(range(len(numbers), 0, -1))


@pytest.mark.postgres_only
async def test_of_services_that_publish_at_once_each_change_has_a_number_of_its_own(services: Registering) -> None:
    rivers = ["alpha", "bravo", "delta", "gamma"]
    for slug in rivers:
        title = {"slug": slug, "title": {"th": "การประปาตัวอย่าง", "en": "Example"}}
        prefix = slug.capitalize()
        sdl = SDL.replace("Water", prefix).replace("water:", f"{slug}:")
        actor = Actor(slug, "registrar", f"{slug}-client")
        given: dict[str, Any] = {"agency": title, "namespace": slug, "prefix": prefix}
        await services.published(documents_of(slug=slug, sdl=sdl, **given), actor)
        old = sdl.replace("  since: Date\n", '  since: Date @deprecated(reason: "x")\n')
        await services.checked(documents_of("1.1.0", slug, sdl=old, **given), actor)
    publishing = (
        services.desk.publish(Actor(one, "registrar", f"{one}-client"), Name(one, one), "1.1.0") for one in rivers
    )
    await asyncio.gather(*publishing)
    async with services.db.read() as session:
        found = await changes(session, limit=100)
        assert {*await standing_notices(session)} == {*rivers}
    assert [one.number for one in found] == list(range(12, 0, -1))
    together = [(one.service, one.kind) for one in reversed(found)][4:]
    assert [kind for _, kind in together] == ["PUBLISHED", "DEPRECATED"] * 4
    assert all(together[at][0] == together[at + 1][0] for at in range(0, 8, 2)), "one publication's stand together"


def of_many(count: int, mark: str = "") -> str:
    values = "".join(f"  V{number} {mark}\n" for number in range(count))
    return SDL.replace("  LARGE\n", f"  LARGE\n{values}")


async def test_a_publication_with_very_many_names_tells_so_many_and_how_many_more(services: Registering) -> None:
    await services.published(documents_of())
    await services.published(documents_of("1.1.0", sdl=of_many(TOLD_MAX + 7)))
    async with services.db.read() as session:
        added = [one for one in await changes(session, limit=1_000) if one.kind == "ADDED"]
    assert len(added) == TOLD_MAX
    assert sum(one.more for one in added) == 7


def faults_of(sdl: str) -> Sequence[Fault]:
    """Of the documents alone."""
    owners = {one.id: one.steward for one in load_catalogue().attributes.values() if one.derived is None}
    try:
        load_documents(documents_of(sdl=sdl), Ground(HOST, owners, no_faults, answering(None)))
    except PluginRefused as caught:
        return caught.faults
    return ()


def test_so_many_names_may_be_deprecated_and_no_more() -> None:
    mark = '@deprecated(reason: "x")'
    assert faults_of(of_many(TOLD_MAX, mark)) == ()
    for count in (TOLD_MAX + 1, 900):
        [fault] = faults_of(of_many(count, mark))
        assert (fault.rule, f"deprecates {count} names" in fault.why) == (Rule.GRAPH_TOO_LARGE, True)
    assert {one.rule for one in faults_of(of_many(10_000, mark))} <= {Rule.GRAPH_TOO_LARGE, Rule.DOCUMENT}
    assert faults_of(of_many(10_000, mark)) != ()


@pytest.mark.parametrize(
    ("mark", "rule", "why"),
    [
        ("@deprecated", Rule.DIRECTIVE, "not told what to do"),
        ('@deprecated(reason: "  ")', Rule.DIRECTIVE, "not told what to do"),
        ('@deprecated(reason: "until 2030-01-01")', Rule.DIRECTIVE, "a day alone"),
        ('@deprecated(reason: "x until 2030-02-30")', Rule.DIRECTIVE, "`until 2030-02-30` is no day"),
        (f'@deprecated(reason: "{"x" * 301}")', Rule.DIRECTIVE, "301 letters"),
        (f'@deprecated(reason: "{"," * 50_000}")', Rule.TEXT, "a text of 50000 letters"),
        ('@deprecated(reason: "a\\u0007b")', Rule.TEXT, "U+0007"),
        ('@deprecated(reason: "a\u202eb")', Rule.TEXT, "U+202E"),
        ('@deprecated(reason: "<script>")', Rule.TEXT, "tag of HTML"),
        ("@deprecated(reason: 5)", Rule.DIRECTIVE, "not told what to do"),
        ('@sunset(on: "2030-01-01")', Rule.DIRECTIVE, "no place in a plugin"),
    ],
    ids=range(11),
)  # fmt: skip
def test_a_bad_reason_is_refused_by_name_and_line(mark: str, rule: Rule, why: str) -> None:
    fault = faults_of(SDL.replace("  since: Date\n", f"  since: Date {mark}\n"))[0]
    assert (fault.rule, fault.line) == (rule, 11)
    assert why in fault.why


def test_a_reason_of_a_million_letters_is_refused_unread() -> None:
    sdl = SDL.replace("  since: Date\n", f'  since: Date @deprecated(reason: "{"x" * 1_000_000}")\n')
    assert {one.rule for one in faults_of(sdl)} <= {Rule.GRAPH_TOO_LARGE, Rule.DOCUMENT}
    assert faults_of(sdl) != ()


def test_what_must_be_given_cannot_be_deprecated() -> None:
    sdl = SDL.replace("size: WaterSize = SMALL", 'size: WaterSize! @deprecated(reason: "x")')
    [fault, *_] = faults_of(sdl)
    assert (fault.rule, fault.file, fault.line) == (Rule.GRAPH_SYNTAX, "graph.graphql", 6)
