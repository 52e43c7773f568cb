"""What checks need of other rooms; `api/checks.py` hands it in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import Demand
from core.ids import NationalId
from core.viewer import Viewer
from services.exchange.facts import Asker, Purpose
from services.receive.shares.checks.comparing import Degree


class Records(Protocol):
    """The register of degrees."""

    @property
    def agency(self) -> str:
        """Whose it is; juristic persons that ask stand in its register."""
        ...

    @property
    def what(self) -> str:
        """`<agency>:<operation>`, as the access log names it."""
        ...

    def demand(self) -> Demand:
        """What a citizen's sign-in must be like to see theirs. Raises what a service that is not open raises."""
        ...

    async def degrees(self, viewer: Viewer, asker: Asker, purpose: Purpose) -> Sequence[Degree]:
        """The viewer's own, by a look of the gate. In no transaction."""
        ...


class People(Protocol):
    """The register of people."""

    async def find(self, session: AsyncSession, national_id: NationalId) -> UUID | None: ...


class Holds(Protocol):
    async def held(self, session: AsyncSession) -> Collection[UUID | None]:
        """Whose checks a legal hold keeps now; None stands for everybody's."""
        ...


@dataclass(frozen=True, slots=True)
class System:
    """A system whose token was verified in this very request."""

    client: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer: what the client has left of its limit."""


class Door(Protocol):
    async def __call__(self, request: Request) -> System:
        """Raises what an agency's door raises."""
        ...
