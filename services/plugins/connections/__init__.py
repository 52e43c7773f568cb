"""Where agencies' own systems are, and how we sign in there: what an operator says (docs/agency-connections.md)."""

from services.plugins.connections.agency import Agency
from services.plugins.connections.document import Connection, read_document
from services.plugins.connections.errors import ConnectionsUnusable, NotConnected, SecretUnusable
from services.plugins.connections.named import Named, Rules
from services.plugins.connections.service import Connections, Probe

__all__ = [
    "Agency",
    "Connection",
    "Connections",
    "ConnectionsUnusable",
    "Named",
    "NotConnected",
    "Probe",
    "Rules",
    "SecretUnusable",
    "read_document",
]
