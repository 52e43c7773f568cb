"""A sign-in under way. It lives in a sealed cookie of the browser that began it, so nobody else can finish it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from core.crypto import KeyRing, SealBroken
from core.jose import base64url
from identity.upstream.errors import SignInNotStarted

ATTEMPT_SECONDS: Final = 600
ATTEMPTS_MAX: Final = 3
"""Of one browser at once: a cookie may be 4 KB, and servers take 16 KB of headers or so."""
_STATE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_BINDING: Final = "sign-in-attempt"


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """`state` is against forged returns, `nonce` replayed ID tokens, `verifier` stolen codes (RFC 9700 §2.1)."""

    state: str
    nonce: str
    verifier: str
    going_to: str
    """A path of ours."""
    expires_at: int

    @classmethod
    def begin(cls, going_to: str, now: datetime) -> Attempt:
        expires_at = now + timedelta(seconds=ATTEMPT_SECONDS)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, going_to, int(expires_at.timestamp()))

    @property
    def challenge(self) -> str:
        return base64url(hashlib.sha256(self.verifier.encode()).digest())

    @property
    def cookie(self) -> str:
        """The purpose of its cookie (identity/web.Cookies): each attempt has its own, for a browser has many tabs."""
        return cookie_of(self.state)

    def sealed(self, keys: KeyRing) -> str:
        return base64url(keys.seal(json.dumps(asdict(self)).encode(), bound_to=_BINDING))

    @classmethod
    def opened(cls, cookie: str | None, state: str | None, keys: KeyRing, now: datetime) -> Attempt:
        """The attempt of this browser. Raises :class:`SignInNotStarted`, also when `state` is another's."""
        try:
            raw = base64.urlsafe_b64decode((cookie or "") + "=" * (-len(cookie or "") % 4))
            attempt = cls(**json.loads(keys.open(raw, bound_to=_BINDING)))
        except (binascii.Error, ValueError, SealBroken):
            raise SignInNotStarted from None
        if not hmac.compare_digest(attempt.state.encode(), (state or "").encode()):
            raise SignInNotStarted
        if attempt.expires_at <= now.timestamp():
            raise SignInNotStarted
        return attempt


def cookie_of(state: str | None) -> str:
    """Of the attempt with this `state`; for one that cannot be ours, a name that no cookie has."""
    known = state if state is not None and _STATE.fullmatch(state) else "none"
    return f"signin_{known[:8]}"
