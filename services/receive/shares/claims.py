"""Claims that are shared: signed for the share by the agency's key, held by a key of the share, shown to one verifier.

What the citizen did not choose is in none of it but as a digest. The key that holds it is the share's own and lies
sealed beside it: whoever opens the share gets a proof of it for themselves and this opening (RFC 9901 §4.3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from services.receive.credentials.disclosures import Path
from services.receive.credentials.jws import SigningKey, bare_jwk
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.needs import Offered
from services.receive.credentials.sd_jwt import SdJwt, disclosable, issue, places, present, prove
from services.receive.credentials.service import DECOYS
from services.receive.credentials.types import CredentialType
from services.receive.credentials.verifying import Asked, Verified, verify
from services.receive.shares.choosing import paths_of

AUDIENCE: Final = "/verify/s#for="


@dataclass(frozen=True, slots=True)
class Presentable:
    """What was chosen, signed, and the key by which it is shown."""

    sd_jwt: SdJwt
    holder: SigningKey

    def as_json(self) -> dict[str, str]:
        pem = self.holder.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return {"sd_jwt": str(self.sd_jwt), "kid": self.holder.kid, "holder": pem.decode("ascii")}

    @classmethod
    def of_json(cls, kept: Mapping[str, str]) -> Presentable:
        key = load_pem_private_key(kept["holder"].encode("ascii"), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(SdJwt.parse(kept["sd_jwt"]), SigningKey(kept["kid"], key))


@dataclass(frozen=True, slots=True)
class Shown:
    """One presentation, for one opening."""

    text: str
    """SD-JWT with its key-binding JWT."""
    asked: Asked
    told: Verified


def signed_for_share(
    claims: Mapping[str, Any],
    offered: Offered,
    pointers: Collection[str],
    *,
    issuer: str,
    kept: CredentialType,
    key: SigningKey,
    status: Mapping[str, Any],
    now: datetime,
    until: datetime,
) -> Presentable:
    """The claims of which only the chosen ones, with all that stands in them, can ever be disclosed. It is good until
    the share is over. `kept` is the type as it was when the first of it was issued."""
    holder = SigningKey.fresh()
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    whole = {
        "iss": issuer,
        "iat": int(today.timestamp()),
        "exp": int(until.timestamp()),
        "vct": kept.vct,
        "vct#integrity": kept.integrity,
        **disclosable(claims, offered.spec.disclosable),
        "cnf": {"jwk": bare_jwk(holder.public_jwk())},
        "status": {"status_list": dict(status)},
    }
    made = issue(whole, key, decoys=DECOYS)
    known = paths_of(claims)
    return Presentable(present(made, _wanted(made, [known[one] for one in pointers])), holder)


def shown_to(kept: Presentable, issuers: IssuerKeys, *, issuer: str, verifier: str, nonce: str, now: datetime) -> Shown:
    """A presentation for this verifier and opening, as whoever gets it verifies it. Raises `CredentialRefused` where
    nobody would believe it: it is over, or its key is."""
    asked = Asked(f"{issuer}{AUDIENCE}{quote(verifier)}", nonce)
    text = str(prove(kept.sd_jwt, kept.holder, audience=asked.audience, nonce=asked.nonce, at=now))
    return Shown(text, asked, verify(text, issuers, now, asked=asked))


def _wanted(made: SdJwt, chosen: Sequence[Path]) -> list[Path]:
    """The chosen claims and what can be hidden within them."""
    return [path for path in places(made).values() if any(path[: len(one)] == one for one in chosen)]
