"""How often a client may call the endpoints under `/oauth`."""

from __future__ import annotations

from typing import Protocol

from authlib.oauth2.rfc6749 import OAuth2Error


class ClientLimits(Protocol):
    """The edge's limits by client."""

    async def client(self, client_id: str, address: str, *, authenticated: bool) -> None:
        """Counts one request: by the client alone if it has proved in it who it is, else by client and address.

        Raises :class:`RateLimited`.
        """
        ...


class TooManyRequests(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """RFC 6749 §5.2 has no code for it; this is the registered one that says what is the case (§4.1.2.1)."""

    error = "temporarily_unavailable"
    status_code = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many requests. See Retry-After.")
        self._retry_after = retry_after

    def get_headers(self) -> list[tuple[str, str]]:
        headers: list[tuple[str, str]] = super().get_headers()
        return [*headers, ("Retry-After", str(self._retry_after))]
