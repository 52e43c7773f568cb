"""Other OpenID providers whose access tokens this one believes: `SITTHI_TRUSTED_ISSUERS` (docs/trusted-issuers.md)."""

from __future__ import annotations

import json
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from core.assurance import Assurance

Algorithm = Literal["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]
"""Asymmetric ones alone: whoever can verify by HMAC can sign too."""
Claim = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A claim by its name; or, with a slash in front, by its place in the token as a JSON Pointer (RFC 6901)."""


class TrustedIssuer(BaseModel):
    """What is believed of one issuer. Nothing is believed of an issuer that is not listed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    """What we call it. Its clients are known here as `NAME/CLIENT`, so that none passes for one of ours."""
    issuer: Annotated[str, StringConstraints(pattern=r"^https?://[\x21-\x7e]+$", max_length=500)]
    """Its identifier, letter for letter as its tokens have it in `iss`; its keys are found by discovery from here."""
    audiences: Annotated[list[str], Field(min_length=1)]
    """What `aud` of a token for our graph says: at least one of these."""
    national_id: Claim
    """The claim that holds the 13 digits."""
    scopes: Annotated[dict[str, list[str]], Field(min_length=1)]
    """Its scopes and roles, and which of our scopes each gives: `{"tang-rat": ["citizen"]}`. The others give none."""
    scope_claims: Annotated[list[Claim], Field(min_length=1)] = ["scope"]
    """Where its scopes and roles are: a text with spaces between them, or a list."""
    acr: dict[str, str] = {}
    """Its authentication context classes, and the level of ours that each is worth: `{"gold": "ial2.3-aal2.1"}`.
    A class that is not here, and a token without one, are worth the least."""
    client: Claim = "client_id"
    """The claim that names the client that the token was given to; `azp` at some issuers."""
    token_type: Literal["at+jwt", "jwt"] = "at+jwt"  # noqa: S105 - a media type
    """The `typ` of its access tokens: RFC 9068's, or the plain `jwt` of older issuers, where ID tokens are told by
    their claims."""
    algorithms: Annotated[list[Algorithm], Field(min_length=1)] = ["ES256", "PS256", "RS256"]
    """With which its tokens may be signed."""
    dpop_required: bool = False
    """Believe only tokens that are bound to their client's key (RFC 9449). Those that are always need their proof."""

    @field_validator("issuer")
    @classmethod
    def _is_an_identifier(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("an issuer is an address without query, fragment and account (RFC 8414 §2)")
        return issuer

    @field_validator("acr")
    @classmethod
    def _are_levels_of_ours(cls, acr: dict[str, str]) -> dict[str, str]:
        unknown = sorted(level for level in acr.values() if Assurance.wanted(level) is None)
        if unknown:
            raise ValueError(f"no levels of ours: {', '.join(unknown)}")
        return acr

    @property
    def secure(self) -> bool:
        """Whether it is reached by https."""
        return self.issuer.startswith("https://")


def from_json(text: str) -> object:
    """Raises ValueError, without a word of the text."""
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError("it is not JSON") from None


def refuse_twins(issuers: tuple[TrustedIssuer, ...]) -> tuple[TrustedIssuer, ...]:
    """The same. Raises ValueError when two share an issuer or a name: which of them would be meant?"""
    for what in ("issuer", "name"):
        values = [getattr(one, what) for one in issuers]
        if len(set(values)) < len(values):
            raise ValueError(f"two trusted issuers have the same {what}")
    return issuers
