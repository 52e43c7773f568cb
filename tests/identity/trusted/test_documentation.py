"""What docs/trusted-issuers.md says is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from core.issuers import TrustedIssuer
from core.settings import Settings
from identity.provider.clients import CITIZEN_SCOPE
from identity.trusted.issuers import LEEWAY, LIFETIME_MAX
from identity.trusted.keys import AGAIN_SECONDS, FRESH_SECONDS, STALE_SECONDS_MAX

PAGE = (Path(__file__).parents[3] / "docs" / "trusted-issuers.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", PAGE, re.MULTILINE))


def test_the_example_is_one_that_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    [example] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.setenv("SITTHI_TRUSTED_ISSUERS", json.dumps(json.loads(example)))
    [found] = Settings().trusted_issuers
    assert CITIZEN_SCOPE in found.scopes["sitthi-citizen"]


def test_every_part_of_an_entry_is_explained_with_its_default() -> None:
    assert set(ROWS) == set(TrustedIssuer.model_fields)
    for name, field in TrustedIssuer.model_fields.items():
        default: Any = field.default
        assert (ROWS[name] == "needed") is field.is_required(), name
        if isinstance(default, str):
            assert ROWS[name] == f"`{default}`"
    assert ROWS["algorithms"] == ", ".join(TrustedIssuer.model_fields["algorithms"].default)


def test_the_times_are_those_of_the_code() -> None:
    assert (FRESH_SECONDS, AGAIN_SECONDS, STALE_SECONDS_MAX) == (5 * 60, 5, 3_600)
    assert (LEEWAY.total_seconds(), LIFETIME_MAX.total_seconds()) == (10, 86_400)
    for words in ("every five minutes", "every five seconds", "an hour", "ten seconds", "a day at most"):
        assert words in PAGE
