"""All commands of an agency's system take the same options, and say the same when something is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from api.cli import app
from api.commands import plugin_registry
from api.commands.agency_line import Refused
from api.commands.agency_options import refusal_lines
from api.commands.words import when
from identity.officers.reasons import REASON_LENGTH

LOOKS = {"client", "key", "issuer"}
ACTS = LOOKS | {"system", "officer"}
PLUGIN: Any = get_command(app).commands["plugin"].commands  # type: ignore[attr-defined]  # a group has commands
COMMANDS = {
    **PLUGIN["maintenance"].commands,
    **{one.__name__: PLUGIN[one.__name__] for one in plugin_registry.COMMANDS},
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_names_its_system_by_the_same_options(name: str) -> None:
    options = {one.name for one in COMMANDS[name].params}
    assert options & ACTS == (LOOKS if name in ("status", "list") else ACTS)
    assert "by" not in options


@pytest.mark.parametrize(
    "words",
    [
        ["plugin", "suspend", "x"],
        ["plugin", "retire", "x"],
        ["plugin", "review", "suspend", "x"],
        ["agreement", "end", "x"],
    ],
)
def test_how_long_a_reason_is_stands_in_the_help_and_is_looked_at_before_anything_is_asked(words: list[str]) -> None:
    told = f"{REASON_LENGTH[0]} to {REASON_LENGTH[-1]} characters"
    run = CliRunner()
    shown = run.invoke(app, [*words[:-1], "--help"], env={"COLUMNS": "200"}).output
    assert told in " ".join(shown.replace("│", " ").split())
    given = ["--client", "c", "--key", "nowhere.json"] if words[1] in ("suspend", "retire") else []
    refused = run.invoke(app, [*words, "--reason", "no", *given], env={"COLUMNS": "200"})
    assert refused.exit_code == 2
    assert told in " ".join(refused.output.replace("│", " ").split())


def fault(file: str, line: int | None) -> dict[str, object]:
    return {"file": file, "line": line, "rule": "PREFIX", "why": "it is another's", "remedy": "Take another"}


def test_a_refusal_is_a_sentence_after_every_fault_with_line_and_remedy() -> None:
    refused = Refused("PLUGIN_REFUSED", "The plugin x was refused:\n…", [fault("a.json", 3), fault("b.json", None)])
    assert refusal_lines(refused) == [
        "a.json:3: PREFIX: it is another's. Take another",
        "b.json: PREFIX: it is another's. Take another",
        "Nothing was changed: the documents have 2 faults. Mend them and send again (PLUGIN_REFUSED).",
    ]
    assert refusal_lines(Refused("CONFLICT", "It changed.", [])) == ["It changed. (CONFLICT)"]


def test_an_instant_is_shown_as_clocks_in_bangkok_show_it_with_the_zone() -> None:
    assert when(datetime(2026, 12, 31, 18, 5, tzinfo=UTC)) == "2027-01-01 01:05+07:00"
    assert when("2026-12-31T18:05:00Z") == "2027-01-01 01:05+07:00"
