"""What papers need of another room; `api/receiving.py` hands it in."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Register(Protocol):
    """Knows each paper that was printed, and what became of it."""

    async def printed(self, paper: UUID, agency: str, sha256: bytes, at: datetime) -> None:
        """Before anybody has it. In no transaction."""
        ...

    async def must_stand(self, sha256: bytes) -> None:
        """Raises PaperRevoked, PaperSuspended."""
        ...

    async def must_stand_by_id(self, paper: UUID) -> None:
        """As that, for whoever has the page alone."""
        ...
