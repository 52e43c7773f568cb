"""We as a client of ThaID: OpenID Connect's authorization code flow with state, nonce and PKCE.

Its quirks: pid and name may arrive in the token response itself, beside the ID token; redirect URIs must match exactly.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx2

from core.assurance import LEAST, OF_THAID, Assurance, Ial
from core.clock import Clock
from core.errors import ServiceUnavailable
from core.ids import MalformedNationalId, NationalId
from core.jose import NotVerified, half_hash, key_id, usable_keys, verified_claims
from core.text import Text
from identity.upstream.attempt import Attempt
from identity.upstream.errors import ProofingTooWeak, UpstreamNotBelieved

NAME: Final = "ThaID"
ALGORITHMS: Final = ("RS256", "ES256")
CLAIMS: Final = (
    "name", "name_en", "title", "title_en", "given_name", "given_name_en", "middle_name", "middle_name_en",
    "family_name", "family_name_en", "birthdate", "gender", "address", "ial",
)  # fmt: skip
"""What we ask for and pass on; each is the name of its scope too."""
SCOPE: Final = " ".join(("openid", "pid", *CLAIMS))
IAL_NEEDED: Final = OF_THAID.ial
"""Who comes in weaker could not be told from somebody with a copied card: what Tang Rat asks for, too."""
_LEEWAY: Final = timedelta(seconds=30)
_KEYS_SECONDS: Final = 5.0
"""Least time between two readings of ThaID's keys."""
_TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, repr=False)
class Vouched:
    """A person as ThaID vouches for them."""

    national_id: NationalId
    claims: Mapping[str, Any]
    """Of :data:`CLAIMS`, those that came."""

    @property
    def assurance(self) -> Assurance:
        """ThaID's own level where it names none; the least where it names one that we do not know."""
        ial = self.claims.get("ial", OF_THAID.ial.value)
        known = ial if isinstance(ial, str) and ial in _LEVELS else LEAST.ial.value
        return Assurance(Ial(known), OF_THAID.aal)

    @property
    def acr(self) -> str:
        """The assurance as an authentication context class, `ial2.3-aal2.1`."""
        return self.assurance.acr

    @property
    def name(self) -> Text:
        th = self.claims.get("name") or ""
        return Text(th=str(th), en=str(self.claims.get("name_en") or th))


_LEVELS: Final = frozenset(level.value for level in Ial)


class ThaID:
    """`issuer` is what browsers see and ID tokens name; `url` is where this server reaches the same provider."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        issuer: str,
        url: str,
        client_id: str,
        secret: str,
        redirect_uri: str,
        clock: Clock,
    ) -> None:
        self._http, self._clock = http, clock
        self._issuer, self._url = issuer.rstrip("/"), url.rstrip("/")
        self._client_id, self._secret, self._redirect_uri = client_id, secret, redirect_uri
        self._metadata: dict[str, Any] | None = None
        self._jwks: dict[str, Any] = {}
        self._jwks_read_at = float("-inf")

    async def address(self, attempt: Attempt) -> str:
        """Where the browser goes to sign in. Raises :class:`ServiceUnavailable`."""
        parameters = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": SCOPE,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        endpoint = (await self._discovered())["authorization_endpoint"]
        return f"{endpoint}?{urlencode(parameters)}"

    async def redeem(self, code: str, attempt: Attempt) -> Vouched:
        """Who signed in. Raises :class:`ServiceUnavailable`, :class:`UpstreamNotBelieved`, and :class:`ProofingTooWeak`
        for somebody whom ThaID knows less well than :data:`IAL_NEEDED`."""
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": attempt.verifier,
        }
        endpoint = self._reachable((await self._discovered())["token_endpoint"])
        credentials = (quote(self._client_id, safe=""), quote(self._secret, safe=""))
        answer = await self._json("POST", endpoint, data=body, auth=credentials)
        told = await self._id_token(answer, attempt.nonce)
        vouched = _vouched(answer, told)
        if not vouched.assurance.ial.meets(IAL_NEEDED):
            raise ProofingTooWeak(wanted=f"IAL {IAL_NEEDED.value}")
        return vouched

    async def _id_token(self, answer: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """The ID token's claims (OpenID Connect Core §3.1.3.7)."""
        token, access = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str) or not isinstance(access, str) or not access.isascii():
            raise UpstreamNotBelieved
        try:
            kid = key_id(token)
            claims = verified_claims(
                token,
                (await self._keys(kid))[kid],
                types=("jwt", ""),
                issuer=self._issuer,
                audiences=(self._client_id,),
                now=self._clock.now(),
                required=("iss", "sub", "aud", "iat", "nonce"),
                leeway=_LEEWAY,
            )
        except (NotVerified, KeyError):
            raise UpstreamNotBelieved from None
        others = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        is_ours = others == [self._client_id] and claims.get("azp", self._client_id) == self._client_id
        is_of_this_answer = claims.get("at_hash", half_hash(access)) == half_hash(access)
        if not is_ours or not is_of_this_answer or claims["nonce"] != nonce:
            raise UpstreamNotBelieved
        return claims

    async def _keys(self, kid: str) -> dict[str, Any]:
        keys = usable_keys(self._jwks, ALGORITHMS)
        if kid in keys or time.monotonic() - self._jwks_read_at < _KEYS_SECONDS:
            return keys
        address = self._reachable((await self._discovered())["jwks_uri"])
        self._jwks, self._jwks_read_at = await self._json("GET", address), time.monotonic()
        return usable_keys(self._jwks, ALGORITHMS)

    async def _discovered(self) -> dict[str, Any]:
        if self._metadata is None:
            found = await self._json("GET", f"{self._url}/.well-known/openid-configuration")
            endpoints = [found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
            if found.get("issuer") != self._issuer or not all(isinstance(one, str) for one in endpoints):
                raise UpstreamNotBelieved
            self._metadata = found
        return self._metadata

    def _reachable(self, endpoint: str) -> str:
        """The endpoint at the address where this server reaches it."""
        inside = endpoint.startswith(f"{self._issuer}/")
        return self._url + endpoint.removeprefix(self._issuer) if inside else endpoint

    async def _json(self, method: str, address: str, **options: Any) -> dict[str, Any]:
        try:
            response = await self._http.request(method, address, timeout=_TIMEOUT_SECONDS, **options)
            found = response.json() if response.status_code < 500 else None
        except (httpx2.HTTPError, ValueError):
            raise ServiceUnavailable(NAME) from None
        if found is None:
            raise ServiceUnavailable(NAME)
        if response.status_code != 200 or not isinstance(found, dict):
            raise UpstreamNotBelieved
        return found


def _vouched(answer: Mapping[str, Any], told: Mapping[str, Any]) -> Vouched:
    """The person, from the ID token and, by ThaID's quirk, the response around it; the two may not differ."""
    both = [source["pid"] for source in (told, answer) if "pid" in source]
    try:
        named = {NationalId.parse(pid) for pid in both}
    except (MalformedNationalId, AttributeError):
        raise UpstreamNotBelieved from None
    if len(named) != 1:
        raise UpstreamNotBelieved
    claims = {name: source[name] for source in (answer, told) for name in CLAIMS if name in source}
    return Vouched(named.pop(), claims)
