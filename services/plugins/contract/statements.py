"""A statement about what is public, which the host signs for the plugin's agency and anybody verifies without us.

For plugins of our own tree. It is an SD-JWT VC (`dc+sd-jwt`) that hides nothing and is bound to nobody: whoever has a
copy can show it. So it says what a register says of somebody at a moment, and holds for days.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue


class Statements(Protocol):
    """Signs in the name of the plugin's agency, and of no other."""

    async def sign(self, kind: str, claims: Mapping[str, JsonValue], *, until: datetime) -> str:
        """What a QR code may hold: the address at which it is verified, and the statement behind its `#`.

        `kind` names what is stated (`insurance-licence`); `until` is the instant at which it is over. Each letter makes
        the code denser. To be called in no transaction. Raises `ValueError` for a claim that is the host's to make.
        """
        ...


class UnsignedStatements:
    """For examples and tests: it says what it would sign of."""

    async def sign(self, kind: str, claims: Mapping[str, JsonValue], *, until: datetime) -> str:
        return f"unsigned:{kind}:{','.join(sorted(claims))}:{until.isoformat()}"
