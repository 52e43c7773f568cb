"""Which names that go an operation uses: fields, arguments, input fields and enum values, in words and in variables."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse, print_schema, validate

from api.deprecations import announce, notices_of
from api.deprecations.using import REMEMBERED_MAX, TOLD_MAX, VALUES_MAX, _used, using
from core.clock import BANGKOK
from services.plugins.notices.terms import Notice, Reason, read_reason

SDL = """
interface Named { name: String old: String }
type Query { citizen(size: Size, filter: Filter, filters: [Filter!], deep: Deep): Citizen  money: Int }
type Citizen implements Named { name: String old: String  inner(was: Int, is: Int): Citizen }
input Filter { zone: String  old: String  size: Size }
input Deep { deeper: Deep  filter: Filter  all: [[Filter!]!] }
enum Size { SMALL LARGE }
directive @odd(was: Int) on FIELD
"""
SINCE = datetime(2026, 11, 22, tzinfo=BANGKOK)
ALL = ("Citizen.old", "Named.old", "Citizen.inner(was:)", "Filter.old", "Size.LARGE", "Query.money")


def notice(coordinate: str, days: int = 365, service: str = "waterworks", since: datetime = SINCE) -> Notice:
    return Notice(
        coordinate, service, since, since.date() + timedelta(days=days), Reason("Ask for name", "ใช้ name แทน")
    )


def schema_with(*coordinates: str) -> GraphQLSchema:
    schema = build_schema(SDL)
    announce(schema, [notice(one) for one in coordinates])
    return schema


SCHEMA = schema_with(*ALL)


def used(query: str, variables: Any = None, name: str | None = None, schema: GraphQLSchema = SCHEMA) -> set[str]:
    document = parse(query)
    assert validate(schema, document) == []
    return set(using(schema, document, name, variables).coordinates)


@pytest.mark.parametrize(
    ("query", "coordinates"),
    [
        ("{ citizen { name } }", set()),
        ("{ citizen { old } }", {"Citizen.old"}),
        ("{ citizen { ... on Named { old } } }", {"Named.old"}),
        ("{ citizen { a: inner(is: 1) { name } } }", set()),
        ("{ citizen { a: inner(was: 1) { name } } }", {"Citizen.inner(was:)"}),
        ("{ citizen { name @odd(was: 1) } }", set()),
        ("{ citizen(size: LARGE) { name } }", {"Size.LARGE"}),
        ('{ citizen(filters: [{zone: "a"}, {old: "b", size: LARGE}]) { name } }', {"Filter.old", "Size.LARGE"}),
        ('{ citizen(deep: {all: [[{old: "a"}]]}) { name } }', {"Filter.old"}),
        ("{ citizen { ...A } } fragment A on Citizen { ...B } fragment B on Citizen { old }", {"Citizen.old"}),
        ("query($s: Size = LARGE) { citizen(size: $s) { name } }", {"Size.LARGE"}),
        ('{ __type(name: "Citizen") { name } }', set()),
    ],
)  # fmt: skip
def test_what_the_words_name(query: str, coordinates: set[str]) -> None:
    assert used(query) == coordinates


@pytest.mark.parametrize(
    ("kind", "argument", "value", "coordinates"),
    [
        ("Size", "size", "LARGE", {"Size.LARGE"}),
        ("Size", "size", "SMALL", set()),
        ("Filter", "filter", {"zone": "a"}, set()),
        ("Filter", "filter", {"old": None}, {"Filter.old"}),
        ("Filter", "filter", {"size": "LARGE"}, {"Size.LARGE"}),
        ("[Filter!]", "filters", [{"zone": "a"}, {"old": "a"}], {"Filter.old"}),
        ("Deep", "deep", {"deeper": {"deeper": {"all": [[{"old": "a"}]]}}}, {"Filter.old"}),
        ("Filter", "filter", "not an object", set()),
        ("Filter", "filter", {"unknown": {"old": 1}}, set()),
        ("Size", "size", {"a": 1}, set()),
        ("Size", "size", None, set()),
    ],
)
def test_what_the_variables_name(kind: str, argument: str, value: Any, coordinates: set[str]) -> None:
    query = f"query($v: {kind}) {{ citizen({argument}: $v) {{ name }} }}"
    assert used(query, {"v": value, "unknown": {"old": 1}}) == coordinates
    assert used(query) == set(), "what one request gave is not told to the next"


def test_only_the_operation_that_is_asked_for_counts() -> None:
    query = "query A { citizen { old } } query B { money } fragment F on Citizen { old }"
    document = parse(query)
    assert set(using(SCHEMA, document, "A", None).coordinates) == {"Citizen.old"}
    assert set(using(SCHEMA, document, "B", None).coordinates) == {"Query.money"}
    assert set(using(SCHEMA, document, None, None).coordinates) == set()


def test_fragments_in_fragments_are_each_read_once() -> None:
    depth = 30
    fragments = " ".join(
        f"fragment F{n} on Citizen {{ a: inner {{ ...F{n + 1} }} b: inner {{ ...F{n + 1} }} }}" for n in range(depth)
    )
    query = f"{{ citizen {{ ...F0 }} }} {fragments} fragment F{depth} on Citizen {{ old }}"
    assert set(using(SCHEMA, parse(query), None, None).coordinates) == {"Citizen.old"}


def test_of_very_long_variables_so_much_is_looked_at() -> None:
    query = "query($v: [Filter!]) { citizen(filters: $v) { name } }"
    assert used(query, {"v": [{"zone": "a"}] * (VALUES_MAX * 5) + [{"old": "a"}]}) == set()


def test_an_operation_is_looked_through_once_and_so_many_are_remembered() -> None:
    schema = schema_with("Query.money")
    document = parse("{ money }")
    assert using(schema, document, None, None) is using(schema, document, None, None)
    for number in range(REMEMBERED_MAX + 5):
        using(schema, parse(f"query q{number} {{ money }}"), None, None)
    assert len(_used[schema]) == REMEMBERED_MAX


def test_of_500_names_the_first_to_go_are_told_and_how_many_more() -> None:
    fields = [f"f{number}" for number in range(500)]
    schema = build_schema(f"type Query {{ {' '.join(f'{one}: Int' for one in fields)} }}")
    announce(schema, [notice(f"Query.{one}", 365 + number) for number, one in enumerate(fields)])
    found = using(schema, parse(f"{{ {' '.join(fields)} }}"), None, None)
    assert len(found.coordinates) == 500
    told = found.extensions
    assert [one["coordinate"] for one in told["deprecations"]] == [f"Query.f{n}" for n in range(TOLD_MAX)]
    assert told["deprecationsNotListed"] == 500 - TOLD_MAX


def test_a_notice_is_told_with_its_days_and_words() -> None:
    found = using(SCHEMA, parse("{ money }"), None, None)
    assert found.extensions == {
        "deprecations": [
            {
                "coordinate": "Query.money",
                "since": "2026-11-22",
                "sunset": "2027-11-22",
                "reason": {"th": "ใช้ name แทน", "en": "Ask for name"},
            }
        ]
    }


def test_the_header_fields_are_of_the_first_that_was_deprecated_and_the_first_that_goes() -> None:
    """RFC 9745 §2.1: a Date of RFC 9651; RFC 8594 §3: an HTTP-date; the second is never before the first."""
    schema = build_schema(SDL)
    earlier = datetime(2026, 1, 2, 12, tzinfo=BANGKOK)
    announce(schema, [notice("Citizen.old", 900, since=earlier), notice("Size.LARGE", 365)])
    headers = using(schema, parse("{ citizen(size: LARGE) { old } }"), None, None).headers
    assert headers["Deprecation"] == f"@{int(earlier.timestamp())}"
    assert headers["Sunset"] == "Sun, 21 Nov 2027 17:00:00 GMT"  # midnight in Bangkok
    assert 'rel="deprecation"' in headers["Link"]


def test_introspection_shows_our_days_and_not_what_an_agency_wrote() -> None:
    schema = build_schema(SDL.replace("money: Int", 'money: Int @deprecated(reason: "x until 2026-12-01")'))
    announce(schema, [notice("Query.money"), notice("Query.gone"), notice("Gone.x"), notice("Citizen.inner(gone:)")])
    assert list(notices_of(schema)) == ["Query.money"]
    kind: Any = schema.query_type
    assert read_reason(kind.fields["money"].deprecation_reason)[1] == date(2027, 11, 22)
    assert "2026-12-01" not in print_schema(schema)


def test_where_nothing_goes_there_is_nothing_to_look_at() -> None:
    schema = build_schema(SDL)
    announce(schema, [])
    assert notices_of(schema) == {}
    assert schema.extensions == {}
