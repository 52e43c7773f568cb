"""Tokens as the Government Data Exchange gives them: by consumer key and secret, alive while used within 60 minutes."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Final

from services.plugins.contract.sandbox import Refusal
from services.sandbox.agencies.errors import NO_AGENT, NO_TOKEN, WRONG_SECRET

IDLE_SECONDS_MAX: Final = 3_600
TOKENS_MAX: Final = 10_000
AGENT_LENGTH_MAX: Final = 64
SANDBOX_CREDENTIALS: Final[Mapping[str, str]] = {"sitthi": "sandbox-secret-of-no-worth"}
"""Consumer keys and secrets that the stand-ins know. They open made-up data only."""


class Tokens:
    """The tokens of one agency, in the memory of the process."""

    def __init__(self, credentials: Mapping[str, str], seconds: Callable[[], float]) -> None:
        self._credentials = credentials
        self._seconds = seconds
        self._used: dict[str, float] = {}

    def issue(self, consumer_key: str, consumer_secret: str) -> str:
        """Raises a 401 :class:`Refusal` for a wrong pair."""
        expected = self._credentials.get(consumer_key, "")
        if not expected or not hmac.compare_digest(expected.encode(), consumer_secret.encode()):
            raise Refusal(401, "CREDENTIALS_WRONG", WRONG_SECRET)
        return self.make()

    def make(self) -> str:
        """A token, for whoever has proved to be entitled to one."""
        while len(self._used) >= TOKENS_MAX:
            del self._used[next(iter(self._used))]
        token = secrets.token_urlsafe(24)
        self._used[token] = self._seconds()
        return token

    def end(self, token: str) -> None:
        """It is refused from now on."""
        self._used.pop(token, None)

    def end_all(self) -> None:
        self._used.clear()

    def check(self, authorization: str, agent: str) -> None:
        """Raises a :class:`Refusal`: 401 without a living token, 400 where nobody says who asks."""
        scheme, _, token = authorization.partition(" ")
        last = self._used.get(token)
        now = self._seconds()
        if scheme.lower() != "bearer" or last is None or now - last > IDLE_SECONDS_MAX:
            self._used.pop(token, None)
            raise Refusal(401, "TOKEN_INVALID", NO_TOKEN)
        if not agent.strip() or len(agent) > AGENT_LENGTH_MAX:
            raise Refusal(400, "AGENT_MISSING", NO_AGENT)
        self._used[token] = now
