"""What may stand in SITTHI_TRUSTED_ISSUERS, and what must not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core.issuers import TrustedIssuer
from core.settings import Environment, Settings

GOOD = {
    "name": "town",
    "issuer": "https://id.example/realms/people",
    "audiences": ["https://sitthi.example/graphql"],
    "national_id": "pid",
    "scopes": {"graph": ["citizen"]},
}


def one(**changed: Any) -> TrustedIssuer:
    return TrustedIssuer.model_validate({**GOOD, **changed})


def test_the_environment_holds_a_list_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTHI_TRUSTED_ISSUERS", json.dumps([GOOD]))
    [found] = Settings().trusted_issuers
    assert found == one()


def test_nobody_is_trusted_by_default() -> None:
    assert Settings().trusted_issuers == ()
    assert Settings().own_provider


@pytest.mark.parametrize("text", ["", "[", "{}", '"town"', "[7]"])
def test_what_is_no_such_list_is_refused_without_repeating_it(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SITTHI_TRUSTED_ISSUERS", text)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert "input_value" not in str(refused.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "Town"},
        {"name": "a/b"},
        {"issuer": "ftp://id.example"},
        {"issuer": "https://"},
        {"issuer": "https://id.example/?realm=a"},
        {"issuer": "https://id.example/#a"},
        {"issuer": "https://user@id.example"},
        {"audiences": []},
        {"national_id": ""},
        {"scopes": {}},
        {"scope_claims": []},
        {"acr": {"gold": "gold"}},
        {"algorithms": []},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"token_type": "id+jwt"},
        {"client_secret": "x"},
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        one(**changed)


@pytest.mark.parametrize("same", ["issuer", "name"])
def test_two_entries_for_one_issuer_or_name_are_refused(same: str) -> None:
    other = {**GOOD, "name": "other", "issuer": "https://other.example", same: GOOD[same]}
    with pytest.raises(ValidationError, match=f"the same {same}"):
        Settings(trusted_issuers=(one(), TrustedIssuer.model_validate(other)))


def test_our_own_issuer_is_no_other() -> None:
    with pytest.raises(ValidationError, match="our own issuer"):
        Settings(public_url="https://id.example/realms/people/", trusted_issuers=(one(),))


def test_without_our_own_provider_somebody_must_be_trusted() -> None:
    with pytest.raises(ValidationError, match="SITTHI_TRUSTED_ISSUERS"):
        Settings(own_provider=False)
    assert not Settings(own_provider=False, trusted_issuers=(one(),)).own_provider


def production(**changed: Any) -> Settings:
    given: dict[str, Any] = {
        "environment": Environment.PRODUCTION,
        "public_url": "https://sitthi.example",
        "database_url": "postgresql://a@b/c",
        "redis_url": "redis://a",
        "secret_keys_file": Path("keys.json"),
        "sandbox": False,
        "own_provider": False,
        "trusted_issuers": (one(),),
    }
    return Settings(**{**given, **changed})


def test_in_production_without_our_provider_no_thaid_is_needed() -> None:
    assert production().thaid_issuer is None
    with pytest.raises(ValidationError, match="SITTHI_THAID_ISSUER"):
        production(own_provider=True)


def test_in_production_an_issuer_is_reached_by_https() -> None:
    plain = one(issuer="http://id.example")
    assert not plain.secure
    with pytest.raises(ValidationError, match="https addresses: town"):
        production(trusted_issuers=(plain,))
