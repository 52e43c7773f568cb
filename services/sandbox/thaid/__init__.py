"""A stand-in of ThaID, DOPA's OpenID provider: the same protocol, made-up people, and no proof of who they are."""

from services.sandbox.thaid.app import thaid_app
from services.sandbox.thaid.citizens import Citizens, RegistryCitizens
from services.sandbox.thaid.keys import Keys
from services.sandbox.thaid.protocol import Registration, SandboxThaID

__all__ = ["Citizens", "Keys", "Registration", "RegistryCitizens", "SandboxThaID", "thaid_app"]
