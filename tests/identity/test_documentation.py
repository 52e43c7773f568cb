"""What docs/sign-in.md says of scopes, clients and settings is so."""

from __future__ import annotations

from pathlib import Path

from core.settings import Settings
from identity.provider.clients import DEMO_APP, OFFICER_CLIENT, SEEDED

PAGE = (Path(__file__).parents[2] / "docs" / "sign-in.md").read_text()


def test_every_scope_of_the_demo_app_is_explained() -> None:
    [demo] = [entry for entry in SEEDED if entry.id == DEMO_APP]
    for scope in demo.scopes:
        assert f"| `{scope}` |" in PAGE


def test_clients_and_settings_are_named_as_they_are() -> None:
    assert {DEMO_APP, OFFICER_CLIENT} == {entry.id for entry in SEEDED}
    assert f"`{DEMO_APP}`" in PAGE
    assert f"`{OFFICER_CLIENT}`" in PAGE
    for name in Settings.model_fields:
        if name.startswith("thaid_"):
            assert f"`SITTHI_{name.upper()}`" in PAGE
