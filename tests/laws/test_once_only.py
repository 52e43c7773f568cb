"""A fact of a citizen has one way in: the gate of the exchange (design §2)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = ("services/apply", "services/pay", "services/receive", "services/know", "welfare")
MODULES: Final = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))

KEEPERS: Final = (
    "services.exchange", "services.agencies", "services.plugins", "services.sandbox", "identity.people",
)  # fmt: skip
"""Whoever has something to tell about a person."""
WORDS: Final = ("services.exchange.facts", "services.exchange.errors")
"""What a fact is, and the protocol of the gate: whoever holds one, holds an access log entry."""
NAMES: Final = ("services.exchange.catalogue", "services.plugins.contract")
"""Names and titles of attributes and services, of nobody in particular."""
GRAPH: Final = ("services.exchange.graph",)
"""The gate again, for the viewer of a request; for `graph.py` alone, because it asks in the viewer's name."""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_gets_facts_from_the_gate_alone_because_every_look_must_be_in_the_access_log(path: Path) -> None:
    allowed = WORDS + NAMES + (GRAPH if path.name == "graph.py" else ())
    past_the_gate = [module for module in imported(path) if within(module, KEEPERS) and not within(module, allowed)]
    assert past_the_gate == []


def test_the_law_sees_an_import_past_the_gate(tmp_path: Path) -> None:
    path = tmp_path / "service.py"
    path.write_text("from services.exchange.sources import Reader\nimport identity.people\n")
    assert [m for m in imported(path) if not within(m, WORDS)] == ["services.exchange.sources", "identity.people"]
