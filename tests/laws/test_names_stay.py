"""Our own names stay for a year, as agencies' do: the graph of today against the one that was published last."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, build_schema
from typer.testing import CliRunner

from api.cli import app
from api.deprecations.ours import our_names, read_names
from api.deprecations.published import FILE, breaking, without_words
from core.clock import SystemClock
from tests.laws.schema import SDL, WHOLE

ENTRY: Final = """["{}"]
since = 2026-12-01
sunset = 2027-12-01
th = "ใช้ name แทน"
en = "Ask for name."
"""
GRAPH: Final = """
type Query { name(old: Int): String  old: Old  filter(filter: Filter, size: Size): Int }
type Old { a: Int }
input Filter { old: Int  zone: Int }
enum Size { SMALL LARGE }
"""
LATER: Final = date(2028, 2, 1)


def test_what_was_published_is_there_or_went_by_the_rule() -> None:
    broken = list(breaking(FILE.read_text(), SDL, our_names(), SystemClock().today()))
    assert broken == [], "deprecate it in api/deprecations/ours.toml first: docs/deprecations.md"


def test_every_name_that_goes_is_in_the_list_and_every_name_of_the_list_goes() -> None:
    marked = {coordinate for coordinate, element in _elements() if element.deprecation_reason is not None}
    there = {coordinate for coordinate, _ in _elements()} | WHOLE.type_map.keys()
    names = our_names()
    assert marked <= names.standing.keys(), "write it into api/deprecations/ours.toml, not into the code"
    assert names.standing.keys() <= there
    assert not names.removed.keys() & there


def _elements() -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for kind in WHOLE.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            found += [(f"{kind.name}.{name}", field) for name, field in kind.fields.items()]
            found += [(f"{kind.name}.{n}({a}:)", one) for n, f in kind.fields.items() for a, one in f.args.items()]
        elif isinstance(kind, GraphQLInputObjectType):
            found += [(f"{kind.name}.{name}", field) for name, field in kind.fields.items()]
        elif isinstance(kind, GraphQLEnumType):
            found += [(f"{kind.name}.{name}", value) for name, value in kind.values.items()]
    return found


@pytest.mark.parametrize(
    ("old", "new", "coordinate"),
    [
        ("name(old: Int)", "name", "Query.name(old:)"),
        ("old: Old", "", "Query.old"),
        ("old: Int  zone", "zone", "Filter.old"),
        ("LARGE", "", "Size.LARGE"),
        ("type Old { a: Int }", "", "Old"),
    ],
)
def test_a_name_goes_once_the_list_says_so_and_not_before(old: str, new: str, coordinate: str) -> None:
    graph = GRAPH.replace("old: Old", "old: Int") if coordinate == "Old" else GRAPH
    before = graph.replace("type Old { a: Int }", "type Old { a: Int } extend type Query { one: Old }")
    after = graph.replace(old, new)
    if coordinate == "Old":
        after += "extend type Query { one: Int }"
        assert any("Old was removed" in one for one in breaking(before, after, read_names(""), LATER))
    published = before if coordinate == "Old" else graph
    standing, entry = read_names(ENTRY.format(coordinate)), ENTRY.format(coordinate)
    [refused] = [one for one in breaking(published, after, standing, LATER) if "changed type" not in one]
    assert refused.endswith("It stays until 2027-12-01.")
    gone = read_names(f"{entry}removed = 2028-01-15\n")
    for today, count in ((date(2028, 1, 14), 1), (date(2028, 1, 15), 0)):
        broken = [one for one in breaking(published, after, gone, today) if "changed type" not in one]
        assert len(broken) == count


def test_another_type_is_refused_whatever_the_list_says() -> None:
    gone = read_names(f"{ENTRY.format('Query.name')}removed = 2028-01-15\n")
    [broken] = breaking(GRAPH, GRAPH.replace("Int): String", "Int): Int"), gone, LATER)
    assert "changed type" in broken


def test_what_is_published_has_names_and_types_and_no_words() -> None:
    graph = GRAPH.replace("SMALL", '"""Words"""  SMALL @deprecated(reason: "x")').replace("zone", '"words" zone')
    bare = without_words(graph)
    assert "ords" not in bare
    assert "deprecated" not in bare
    assert build_schema(bare).type_map.keys() == build_schema(GRAPH).type_map.keys()
    assert list(breaking(GRAPH, bare, read_names(""), LATER)) == []


def test_at_a_release_the_names_of_today_are_published_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema_file, file = tmp_path / "schema.graphql", tmp_path / "published.graphql"
    monkeypatch.setattr("api.cli.SCHEMA_FILE", schema_file)
    monkeypatch.setattr("api.deprecations.published.FILE", file)
    for graph, ends in (("type Query { programmes: Int }", 1), ("type Query { programmes: [Programme!]! }", 0)):
        file.write_text(graph if ends else f"{graph} type Programme {{ id: ID! }}")
        done = CliRunner().invoke(app, ["schema", "--published"])
        assert done.exit_code == ends, done.output
    assert file.read_text() == without_words(schema_file.read_text())
    file.write_text("type Query { programmes: Int }")
    assert "programmes changed type" in CliRunner().invoke(app, ["schema", "--published"]).output
