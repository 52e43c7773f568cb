"""Which answers a web app on another site may read (Cross-Origin Resource Sharing, the Fetch standard §3.2).

Web apps without a server of their own call these addresses from the browser. Any site may, because a request gets by
nothing but what its own script puts into it: a token, a code with its verifier. No cookie counts at any of them, and
`Access-Control-Allow-Credentials` is never sent, so a foreign page cannot act in a visitor's name. The pages of sign-in
and account, where cookies do count, are not among them.
"""

from __future__ import annotations

from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN: Final = frozenset(
    {
        "/graphql",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/graphql",
        "/.well-known/attestation-keys.json",
        "/.well-known/service-keys.json",
        "/.well-known/credential-issuers.jwt",
        "/.well-known/verification-bundle.json",
        "/verify/log/head",
        "/verify/log/consistency",
        "/oauth/jwks",
        "/oauth/token",
        "/oauth/revoke",
        "/oauth/userinfo",
        "/services/changes",
    }
)
OPEN_BELOW: Final = (
    "/issuers/",
    "/.well-known/openid-credential-issuer/issuers/",
    "/.well-known/oauth-authorization-server/issuers/",
    "/.well-known/jwt-vc-issuer/issuers/",
)
"""What wallets and verifiers ask of an issuer of credentials: wallets are web apps, too."""
_PREFLIGHT_SECONDS: Final = 7_200


class OpenToWebApps:
    """ASGI middleware: answers preflights, and lets every origin read what is open to web apps."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._opened = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "DPoP", "Accept-Language"],
            expose_headers=["DPoP-Nonce", "WWW-Authenticate", "Retry-After", "Deprecation", "Sunset", "Link"],
            max_age=_PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_open = scope["type"] == "http" and is_open_to_web_apps(scope["path"])
        await (self._opened if is_open else self._app)(scope, receive, send)


def is_open_to_web_apps(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_BELOW)
