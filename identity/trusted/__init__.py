"""Other OpenID providers that stand beside ours, or in its place."""

from identity.trusted.issuers import Believed, TrustedIssuers
from identity.trusted.verifier import EveryIssuer, Verifier

__all__ = ["Believed", "EveryIssuer", "TrustedIssuers", "Verifier"]
