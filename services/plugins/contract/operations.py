"""What the functions of a plugin get and give."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from core.clock import Clock
from core.ids import NationalId


class AgencyError(Exception):
    """The agency answered with a declared error: the manifest holds `code` and its words for the citizen."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AgencyRefusal(Exception):
    """The agency answered with a status of 4xx. `code` is the one in its answer (`{"code": …}`), if it gave any.

    A plugin catches it where a refusal has a meaning ("no record of this person"), and lets it pass otherwise.
    """

    def __init__(self, status: int, code: str | None) -> None:
        super().__init__(status)
        self.status, self.code = status, code


class AgencyClient(Protocol):
    """The plugin's own agency over HTTP: address, credentials and limits are the host's business.

    Both methods POST JSON, because a national ID never stands in a URL, and answer the JSON that came back. They raise
    :class:`AgencyRefusal` for a status of 4xx, and other errors for a timeout, a broken connection, any other status
    outside 2xx, or a body that is too large or not JSON; a plugin lets those pass, and the citizen reads that the
    agency cannot be reached. `on_behalf_of` is the AgentID that GDX asks for: the officer or system in whose name it
    is asked; take it from :attr:`Call.asker`.
    """

    async def ask(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any:
        """Reads, and changes nothing: the host may repeat it when the connection broke."""
        ...

    async def send(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str, key: str) -> Any:
        """Has an effect, and is never repeated by the host. `key` is the idempotency key for the agency."""
        ...


@dataclass(frozen=True, slots=True)
class Host:
    """What a plugin may use."""

    clock: Clock
    agency: AgencyClient
    config: Mapping[str, str] = field(default_factory=dict)
    """The operator's configuration of this plugin, and of no other."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation."""

    operation: str
    person: NationalId | None
    """The citizen it is about; None for a public operation."""
    arguments: Mapping[str, Any]
    """The field's GraphQL arguments; for a source `{"attributes": [...]}`, see :attr:`attributes`."""
    asker: str
    """In whose name, for the AgentID."""

    @property
    def citizen(self) -> NationalId:
        """The citizen of an operation that the manifest declares to be for the citizen."""
        if self.person is None:
            raise ValueError("a public operation has no citizen")
        return self.person

    @property
    def attributes(self) -> frozenset[str]:
        """What a source is asked for; it need not answer more, and may."""
        return frozenset(self.arguments["attributes"])


@dataclass(frozen=True, slots=True)
class Known:
    """What the agency knows of one attribute, and as of when (aware)."""

    value: Any
    as_of: datetime


Operation: TypeAlias = Callable[[Host, Call], Awaitable[Any]]
