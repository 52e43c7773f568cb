"""What credentials need of other rooms; `api/credentials.py` hands it in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import Demand
from core.ids import NationalId
from core.text import Text
from core.viewer import Viewer
from identity.inbox import MessageTemplate
from services.exchange.facts import Asker, Purpose
from services.plugins.contract import Credential, CredentialSpec


def configuration_of(service: str, name: str, version: int) -> str:
    return f"{service}.{name}.{version}"


@dataclass(frozen=True, slots=True)
class Offered:
    """A credential of a service that is in force."""

    service: str
    agency: str
    agency_title: Text
    name: str
    spec: CredentialSpec
    demand: Demand
    """What a citizen's sign-in must be like."""

    @property
    def configuration(self) -> str:
        """By which wallets name it."""
        return configuration_of(self.service, self.name, self.spec.version)


@dataclass(frozen=True, slots=True)
class Asking:
    """What a citizen asks for; `key` is the idempotency key that their client gave."""

    offered: Offered
    arguments: Mapping[str, Any]
    key: str
    at: datetime


class Offerings(Protocol):
    """The services that give credentials."""

    def find(self, service: UUID, name: str) -> Offered:
        """Raises a :class:`SitthiError` where there is none, or its service is not open."""
        ...

    def of(self, agency: str) -> Sequence[Offered]:
        """All that an agency's services give, those included that are suspended: what was issued keeps its type."""
        ...

    def title(self, agency: str) -> Text: ...

    def arguments(self, given: Any) -> Mapping[str, Any]:
        """What a citizen asks for, by the plugin's own words. Raises :class:`BadInput`."""
        ...

    async def ask(self, asking: Asking, viewer: Viewer, asker: Asker, purpose: Purpose) -> Credential:
        """What the agency says, through the gate. In no transaction. Raises what those raise."""
        ...


class Sources(Protocol):
    """The same services, asked while their citizens are away: for a batch."""

    def of(self, agency: str) -> Sequence[Offered]:
        """As :meth:`Offerings.of`."""
        ...

    async def ask_about(self, offered: Offered, person: UUID, key: str) -> Credential:
        """What the agency says of a citizen, through the gate, in whose log it is. `key` is the call's idempotency key.
        In no transaction. Raises what the gate and the runner raise."""
        ...


class People(Protocol):
    """The register of people."""

    async def resolve(self, session: AsyncSession, national_ids: Iterable[NationalId]) -> Mapping[str, UUID]:
        """Their keys, by the digits of their numbers; whoever is new is entered. Some hundreds at once."""
        ...


class Notices(Protocol):
    """The inbox."""

    async def send_each(
        self, session: AsyncSession, people: Collection[UUID], template: MessageTemplate, **values: Any
    ) -> Mapping[UUID, UUID]: ...


class Keepers(Protocol):
    """How long a person's offers are kept, and whether the person is still there."""

    async def held(self, session: AsyncSession) -> Collection[UUID | None]: ...

    async def must_be_there(self, session: AsyncSession, person: UUID, since: datetime) -> None:
        """Raises :class:`NotFound` for who left, or was erased, since then; nor do they before `session` ends."""
        ...
