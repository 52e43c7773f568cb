"""What a manifest says of the credentials that a service gives for wallets (docs/credentials.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from services.plugins.contract.titles import Strict, Titles

EACH: Final = "*"
"""A step that stands for every element of an array."""
HOSTS_OWN: Final = frozenset(
    {"iss", "iat", "nbf", "exp", "aud", "jti", "cnf", "vct", "vct#integrity", "status", "_sd", "_sd_alg", "..."}
)
"""Claims that the host writes, and names that the format needs."""
ClaimStep = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z][A-Za-z0-9_]*)$", max_length=60)]


class ClaimSpec(Strict):
    """A claim: where it stands, what a wallet calls it, and whether its holder may keep it back."""

    path: list[ClaimStep] = Field(min_length=1, max_length=8)
    """Names from the top; `*` is every element of an array."""
    title: Titles
    disclosable: bool = True
    """Whether it is shown only where its holder wants. What stands within it can be disclosable too."""


class Binding(StrEnum):
    """Who can show a credential."""

    KEY = "key"
    """Whoever has the wallet's key, which is in it: it is signed when the wallet asks."""
    NONE = "none"
    """Whoever has it, as with a certificate of paper: it can be signed before any wallet asks, in a batch."""


class CredentialSpec(Strict):
    """A credential: what the citizen's wallet shows, and which of its claims can be shown alone."""

    operation: Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9]*$", max_length=60)]
    """Of kind `issue`; it answers a :class:`~services.plugins.contract.kinds.Credential`."""
    version: int = Field(default=1, ge=1, le=9_999)
    """Of the type: a new number for another meaning of its claims."""
    title: Titles
    days: int = Field(ge=1, le=3_660)
    """For how long it is good at most."""
    binding: Annotated[Binding, Field(strict=False)] = Binding.KEY
    claims: list[ClaimSpec] = Field(min_length=1, max_length=200)
    """Every claim at its top, and those within that have a title or can be shown alone."""

    @model_validator(mode="after")
    def _names_claims(self) -> Self:
        paths = [tuple(claim.path) for claim in self.claims]
        if len(set(paths)) < len(paths):
            raise ValueError("a path stands twice in `claims`")
        for path in paths:
            if path[0] == EACH or path[0] in HOSTS_OWN:
                raise ValueError(f"no claim of a credential begins with `{path[0]}`")
            if len(path) > 1 and path[:1] not in paths:
                raise ValueError(f"`{path[0]}` is not in `claims`, and what stands in it is")
        return self

    @property
    def names(self) -> frozenset[str]:
        """Of the claims at its top."""
        return frozenset(claim.path[0] for claim in self.claims)

    @property
    def disclosable(self) -> tuple[tuple[str | None, ...], ...]:
        """Where claims are that can be kept back; None is every element of an array."""
        return tuple(
            tuple(None if step == EACH else step for step in claim.path) for claim in self.claims if claim.disclosable
        )
