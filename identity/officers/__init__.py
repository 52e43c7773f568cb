"""Officers: who they are, what they may do, and who of them is at the command line."""

from identity.officers.current import OfficerVerifier, current_officer
from identity.officers.register import Officer, OfficerRegister

__all__ = ["Officer", "OfficerRegister", "OfficerVerifier", "current_officer"]
