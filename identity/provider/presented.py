"""Access tokens as requests bring them: alone (RFC 6750 §2.1), or with a proof of their key (RFC 9449 §7.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from identity.provider.dpop import DPoP, InvalidDPoPProof, UseDPoPNonce, algorithms
from identity.provider.errors import DPoPNonceNeeded, DPoPProofInvalid, ScopeMissing, TokenInvalid

_SCHEMES: Final = ("bearer", "dpop")


@dataclass(frozen=True, slots=True, repr=False)
class Presented:
    """A token and the thumbprint of the key that its request proved; None for a bearer token."""

    token: str
    jkt: str | None


class Presenting:
    """Reads what requests present. `url` is always ours by setting: the Host header steers nothing."""

    def __init__(self, dpop: DPoP) -> None:
        self._dpop = dpop

    async def of(self, headers: Mapping[str, str], *, method: str, url: str) -> Presented:
        """Of a request's headers.

        Raises :class:`TokenInvalid`, :class:`DPoPProofInvalid`, :class:`DPoPNonceNeeded`; `ServiceUnavailable` when it
        cannot be told whether a proof was used before.
        """
        is_bound, token = _parsed(headers.get("authorization", ""))
        if not is_bound:
            return Presented(token, None)
        try:
            jkt = await self._dpop.proof(headers, method=method, url=url, access_token=token)
        except UseDPoPNonce as error:
            raise DPoPNonceNeeded(nonce=error.nonce) from None
        except InvalidDPoPProof:
            raise DPoPProofInvalid from None
        if jkt is None:
            raise DPoPProofInvalid
        return Presented(token, jkt)


def challenge(error: Exception, *, with_proof: bool) -> dict[str, str]:
    """Headers of the answer to a token that was not good enough (RFC 6750 §3, RFC 9449 §7.1)."""
    if isinstance(error, DPoPNonceNeeded):
        return {
            "WWW-Authenticate": f'DPoP error="use_dpop_nonce", algs="{algorithms()}"',
            "DPoP-Nonce": str(error.fields["nonce"]),
        }
    if isinstance(error, DPoPProofInvalid):
        return {"WWW-Authenticate": f'DPoP error="invalid_dpop_proof", algs="{algorithms()}"'}
    name = "insufficient_scope" if isinstance(error, ScopeMissing) else "invalid_token"
    if with_proof:
        return {"WWW-Authenticate": f'DPoP error="{name}", algs="{algorithms()}"'}
    return {"WWW-Authenticate": f'Bearer error="{name}"'}


def _parsed(authorization: str) -> tuple[bool, str]:
    """Whether the token claims to be bound, and the token. Raises :class:`TokenInvalid`."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() not in _SCHEMES or not token or " " in token:
        raise TokenInvalid
    return scheme.lower() == "dpop", token
