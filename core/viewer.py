"""Who looks: the citizen or officer behind a request, as an access token says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, as the verified access token says."""

    person: UUID
    client: str
    scopes: frozenset[str]
    acr: str
    """The assurance of the sign-in, an authentication context class (OpenID Connect Core §2)."""
    expires_at: datetime
