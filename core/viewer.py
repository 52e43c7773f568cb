"""Who looks: the citizen behind a request, or who acts for them, as a verified access token says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.assurance import Assurance
from core.errors import NotAllowed
from core.text import Text


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody who acts for the citizen under a delegation (RFC 8693 §4.1, `act`)."""

    person: UUID
    """Who acts: a parent, a carer."""
    delegation: UUID
    scopes: frozenset[str]
    """What the delegation lets them do (identity/delegation)."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, as the verified access token says."""

    person: UUID
    """The citizen whose data and rights these are; not who acts for them."""
    client: str
    scopes: frozenset[str]
    acr: str
    """The assurance of the sign-in, an authentication context class (OpenID Connect Core §2); see core/assurance.py."""
    expires_at: datetime
    authenticated_at: datetime | None = None
    """When the person last proved who they are; None where the issuer does not say."""
    acting: Acting | None = None
    """Who acts, when it is not the citizen."""
    family: UUID | None = None
    """The token family that the token belongs to: ending it ends the token."""
    ended_by: tuple[UUID, ...] = ()
    """Every id under which the token may be revoked before it expires; none where its issuer tells us nothing."""

    @property
    def assurance(self) -> Assurance:
        return Assurance.of(self.acr)


class NotDelegated(NotAllowed):
    """The caller acts for the citizen, and this was not delegated, or cannot be."""

    code = "NOT_DELEGATED"
    text = Text(
        th="รายการนี้ไม่อยู่ในขอบเขตที่คุณดำเนินการแทนได้",
        en="You act for somebody else here, and this is not among what you may do for them.",
    )
