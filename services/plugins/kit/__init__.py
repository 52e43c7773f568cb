"""The far side of the protocol: serves a plugin's functions to a host (`services.plugins.contract.wire`).

A package's host process serves it; tests take it for an honest agency. It knows the contract, and nothing of the host.
"""

from services.plugins.kit.app import CALL_BYTES_MAX, ServiceKit, kit_app
from services.plugins.kit.followed import FollowedKeys
from services.plugins.kit.memory import KeyReused, MemoryFull, Nonces, Runs
from services.plugins.kit.tokens import TokenRefused, read_token

__all__ = [
    "CALL_BYTES_MAX",
    "FollowedKeys",
    "KeyReused",
    "MemoryFull",
    "Nonces",
    "Runs",
    "ServiceKit",
    "TokenRefused",
    "kit_app",
    "read_token",
]
