"""What docs/sign-in.md says of scopes, clients, options and settings is so."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from api.cli import app
from core.assurance import OF_THAID, Assurance
from core.settings import Settings
from identity.provider.clients import DEMO_APP, OFFICER_CLIENT, SEEDED

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "sign-in.md").read_text()


def test_every_scope_of_the_demo_app_is_explained() -> None:
    [demo] = [entry for entry in SEEDED if entry.id == DEMO_APP]
    for scope in demo.scopes:
        assert f"| `{scope}` |" in PAGE


def test_clients_and_settings_are_named_as_they_are() -> None:
    assert {DEMO_APP, OFFICER_CLIENT} == {entry.id for entry in SEEDED}
    assert f"`{DEMO_APP}`" in PAGE
    assert OFFICER_CLIENT not in PAGE, "it is no app's to use"
    for name in Settings.model_fields:
        if name.startswith("thaid_"):
            assert f"`SITTHI_{name.upper()}`" in PAGE


def test_every_option_of_a_client_that_it_names_is_one() -> None:
    told = CliRunner().invoke(app, ["client", "new", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
    named = set(re.findall(r"^\| `(--[a-z-]+)` \|", PAGE, re.MULTILINE))
    assert named >= {"--redirect-uri", "--loopback", "--dpop", "--fapi"}
    assert all(option in told for option in named)


def test_levels_in_its_table_are_those_of_the_code() -> None:
    levels = set(re.findall(r"`(ial[0-9.]+-aal[0-9.]+)`", PAGE))
    assert OF_THAID.acr in levels
    assert all(Assurance.wanted(level) is not None for level in levels)
