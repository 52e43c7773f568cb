"""Types of credentials: what a `vct` leads to (SD-JWT VC §4); what wallets read about an issuer (OpenID4VCI §12)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from core.text import Text
from services.plugins.contract import Binding, CredentialSpec
from services.receive.credentials.jws import ALGORITHM
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.needs import Offered
from services.receive.credentials.proofs import COPIES_MAX
from services.receive.credentials.sd_jwt import TYPE

TYPES: Final = "/types/"
_LOCALES: Final = ("th-TH", "en")


@dataclass(frozen=True, slots=True)
class CredentialType:
    """The type metadata, as it is published, and its address."""

    vct: str
    document: bytes

    @property
    def integrity(self) -> str:
        """Of the document, as `vct#integrity` has it (W3C Subresource Integrity §3.5)."""
        return f"sha256-{base64.b64encode(hashlib.sha256(self.document).digest()).decode()}"


def vct_of(issuers: IssuerKeys, agency: str, configuration: str) -> str:
    return f"{issuers.issuer_of(agency)}{TYPES}{configuration}"


def type_of(offered: Offered, issuers: IssuerKeys) -> CredentialType:
    vct = vct_of(issuers, offered.agency, offered.configuration)
    claims = [
        {
            "path": _path(claim.path),
            "display": [{"locale": locale, "label": word} for locale, word in _in_each(claim.title.text)],
            "sd": "always" if claim.disclosable else "never",
        }
        for claim in offered.spec.claims
    ]
    told = {
        "vct": vct,
        "name": offered.spec.title.text.en,
        "display": [{"locale": locale, "name": word} for locale, word in _in_each(offered.spec.title.text)],
        "claims": claims,
    }
    return CredentialType(vct, orjson.dumps(told))


def issuer_metadata(agency: str, title: Text, offered: Sequence[Offered], issuers: IssuerKeys) -> dict[str, Any]:
    """Credential Issuer Metadata (OpenID4VCI §12.2.4)."""
    issuer = issuers.issuer_of(agency)
    return {
        "credential_issuer": issuer,
        "credential_endpoint": f"{issuer}/credential",
        "nonce_endpoint": f"{issuer}/nonce",
        "batch_credential_issuance": {"batch_size": COPIES_MAX},
        "display": [{"name": word, "locale": locale} for locale, word in _in_each(title)],
        "credential_configurations_supported": {one.configuration: _configuration(one, issuers) for one in offered},
    }


def server_metadata(agency: str, issuers: IssuerKeys) -> dict[str, Any]:
    """Of the authorization server (RFC 8414), which is the same: all it gives are tokens for codes."""
    issuer = issuers.issuer_of(agency)
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/token",
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": ["urn:ietf:params:oauth:grant-type:pre-authorized_code"],
        "response_types_supported": [],
        "pre-authorized_grant_anonymous_access_supported": True,
    }


def _configuration(offered: Offered, issuers: IssuerKeys) -> dict[str, Any]:
    spec: CredentialSpec = offered.spec
    bound = {
        "cryptographic_binding_methods_supported": ["jwk"],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": [ALGORITHM]}},
    }
    return {
        "format": TYPE,
        "vct": type_of(offered, issuers).vct,
        "credential_signing_alg_values_supported": [ALGORITHM],
        **(bound if spec.binding is Binding.KEY else {}),  # without them no proof is asked for (OpenID4VCI §12.2.4)
        "credential_metadata": {
            "display": [{"name": word, "locale": locale} for locale, word in _in_each(spec.title.text)],
            "claims": [
                {
                    "path": _path(claim.path),
                    "display": [{"name": word, "locale": locale} for locale, word in _in_each(claim.title.text)],
                }
                for claim in spec.claims
            ],
        },
    }


def _path(steps: Sequence[str]) -> list[str | None]:
    """In which null is every element of an array."""
    return [None if step == "*" else step for step in steps]


def _in_each(text: Text) -> list[tuple[str, str]]:
    return list(zip(_LOCALES, (text.th, text.en), strict=True))
