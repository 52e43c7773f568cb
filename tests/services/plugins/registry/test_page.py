"""docs/services-registry.md names all that there is: states, requests, sensitive parts, commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.commands.plugin_registry import COMMANDS
from api.commands.plugin_review import app as review
from services.plugins.registry.routes import PREFIX
from services.plugins.registry.states import State
from tests.api.test_agency_services import DESCRIBED

PAGE = (Path(__file__).parents[4] / "docs" / "services-registry.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_explained(state: State) -> None:
    assert f"| `{state.value}` |" in PAGE


@pytest.mark.parametrize("path", sorted(DESCRIBED["paths"]))
def test_every_request_is_named(path: str) -> None:
    """In full, or by what it does at the end of a path that is named in full."""
    last = path.removeprefix(PREFIX).rpartition("/")[2].strip("{}")
    assert last in PAGE, path


@pytest.mark.parametrize("command", [one.__name__ for one in COMMANDS])
def test_every_command_of_an_agency_is_named(command: str) -> None:
    assert f"sitthi plugin {command}" in PAGE or f"|{command}" in PAGE


def test_every_command_of_reviewers_is_named() -> None:
    for command in review.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "")
        assert f"sitthi plugin review {name}" in PAGE or f"|{name}" in PAGE, name
