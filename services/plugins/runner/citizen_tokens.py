"""The token of a citizen that goes with a call to an agency whose operation `forwards_token`.

A JWT (RFC 7519) in the form of RFC 9068, but of a type of its own, `sitthi-citizen+jwt`. It says to one agency, for a
minute, that this citizen is there now, how surely they proved who they are, and who acts for them. It opens nothing:
its audience is that agency's endpoint alone, its type is taken by no endpoint of ours, and its key is that of our
calls (`/.well-known/service-keys.json`), which signs no access token. Its `sub` is the agency's own name for the
citizen; two agencies cannot tell by it that they serve the same one.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any, Final

import orjson

from core.clock import Clock
from core.viewer import Viewer
from identity.provider.subjects import Subjects
from services.plugins.contract import Manifest
from services.plugins.contract.wire import TOKEN_SECONDS, TOKEN_TYPE
from services.plugins.runner.remote import CallSigner

_ALGORITHM: Final = "EdDSA"
"""RFC 8037."""


class CitizenTokens:
    """Makes them. `issuer` is this Sitthi's address, without a trailing slash."""

    def __init__(self, signer: CallSigner, subjects: Subjects, clock: Clock, issuer: str) -> None:
        self._signer, self._subjects, self._clock, self._issuer = signer, subjects, clock, issuer

    def token(self, manifest: Manifest, viewer: Viewer) -> str:
        """Of the viewer, for the agency of the manifest."""
        # No client of the provider can bear that name, so no `sub` of one is that of an agency.
        sector, now = f"agency {manifest.agency.slug}", int(self._clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": audience(manifest),
            "sub": self._subjects.of(viewer.person, sector),
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "jti": secrets.token_urlsafe(18),
            "acr": viewer.acr,
        }
        if viewer.authenticated_at is not None:
            claims["auth_time"] = int(viewer.authenticated_at.timestamp())
        if viewer.acting is not None:
            claims["act"] = {"sub": self._subjects.of(viewer.acting.person, sector)}
        key = self._signer.current
        header = {"alg": _ALGORITHM, "kid": key.keyid, "typ": TOKEN_TYPE}
        signed = b".".join(_part(orjson.dumps(part)) for part in (header, claims))
        return b".".join((signed, _part(key.sign(signed)))).decode()


def audience(manifest: Manifest) -> str:
    """Whom a token is for: the endpoint of a remote plugin; the agency by name, where we ask it ourselves."""
    return manifest.endpoint.url if manifest.endpoint is not None else f"urn:sitthi:agency:{manifest.agency.slug}"


def _part(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
