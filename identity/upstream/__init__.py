"""Who vouches for people: ThaID, the OpenID provider of the Department of Provincial Administration."""

from identity.upstream.facts import SignInFacts
from identity.upstream.thaid import ThaID

__all__ = ["SignInFacts", "ThaID"]
