"""A ceremony under way. Its challenge lives in a sealed cookie of the browser that began it, and is used once."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from core.crypto import KeyRing, SealBroken
from core.jose import base64url
from identity.passkeys.errors import PasskeyChallengeSpent

CHALLENGE_SECONDS: Final = 300
_BINDING: Final = "passkey-challenge"


class Ceremony(StrEnum):
    """What a challenge is for; one made for another is none."""

    ENROL = "enrol"
    SIGN_IN = "sign-in"
    STEP_UP = "step-up"


@dataclass(frozen=True, slots=True, repr=False)
class Challenge:
    """`value` is base64url of 32 random bytes, as it stands in `clientDataJSON` (WebAuthn §13.4.3)."""

    ceremony: Ceremony
    value: str
    session: str | None
    """Hex of the session it was made for; none at a sign-in."""
    expires_at: int

    @classmethod
    def make(cls, ceremony: Ceremony, session: UUID | None, now: datetime) -> Challenge:
        expires_at = int((now + timedelta(seconds=CHALLENGE_SECONDS)).timestamp())
        return cls(ceremony, secrets.token_urlsafe(32), None if session is None else session.hex, expires_at)

    @property
    def bytes(self) -> bytes:
        return base64.urlsafe_b64decode(self.value + "=")

    def sealed(self, keys: KeyRing) -> str:
        return base64url(keys.seal(json.dumps(asdict(self)).encode(), bound_to=_BINDING))

    @classmethod
    def opened(
        cls, cookie: str | None, ceremony: Ceremony, session: UUID | None, keys: KeyRing, now: datetime
    ) -> Challenge:
        """The challenge of this browser. Raises :class:`PasskeyChallengeSpent`."""
        try:
            raw = base64.urlsafe_b64decode((cookie or "") + "=" * (-len(cookie or "") % 4))
            found = cls(**json.loads(keys.open(raw, bound_to=_BINDING)))
        except (binascii.Error, ValueError, SealBroken):
            raise PasskeyChallengeSpent from None
        is_for_this = found.ceremony == ceremony and found.session == (None if session is None else session.hex)
        if not is_for_this or found.expires_at <= now.timestamp():
            raise PasskeyChallengeSpent
        return found
