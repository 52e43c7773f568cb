"""What pages show of the graph is what the graph takes: a name that was changed does not stay behind in an example."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

ROOT: Final = Path(__file__).parents[2]
OF_ANOTHER_GRAPH: Final = {"join.md"}
"""Asks for the service that its reader makes; tests/services/plugins/test_join_docs.py works through it."""
PAGES: Final = (
    "README.md",
    *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md") if page.name not in OF_ANOTHER_GRAPH),
)
_BLOCK: Final = re.compile(r"^```graphql\n(.*?)^```", re.DOTALL | re.MULTILINE)
_ASKED: Final = re.compile(r"\bask '((?:query|mutation)?\s*\{.*?)' ?(?:\}|\||>|\)|$)", re.DOTALL | re.MULTILINE)
_OPERATION: Final = re.compile(r"^(?=query|mutation|subscription|\{)", re.MULTILINE)
_INSERTED: Final = re.compile(r"""'"?\$[^']*"?'""")
"""A value that the shell puts in."""


@pytest.fixture(scope="module")
def graph() -> GraphQLSchema:
    return build_schema((ROOT / "schema.graphql").read_text())


def documented(page: str) -> list[str]:
    text = (ROOT / page).read_text()
    shown = [part for block in _BLOCK.findall(text) for part in _OPERATION.split(block)]
    asked = [_INSERTED.sub("x", one).replace('\\"', '"') for one in _ASKED.findall(text) if "jwks" not in one]
    return [one for one in (*shown, *asked) if _OPERATION.match(one)]


@pytest.mark.parametrize("page", [page for page in PAGES if documented(page)])
def test_every_query_of_a_page_is_one_that_the_graph_takes(graph: GraphQLSchema, page: str) -> None:
    wrong = {one: [error.message for error in validate(graph, parse(one))] for one in documented(page)}
    assert {one: errors for one, errors in wrong.items() if errors} == {}


def test_pages_show_queries() -> None:
    assert {"README.md", "docs/shares.md", "docs/walk.md"} <= {page for page in PAGES if documented(page)}
