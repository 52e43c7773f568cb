"""Contract 1: all that an agency's plugin sees of Sitthi.

A plugin is a folder: `manifest.toml`, optionally `graph.graphql` (plain SDL), `plugin.py` with one asynchronous function
per operation, and `examples/*.json`. Its code imports this package and nothing else of ours.

An operation is `async def name(host: Host, call: Call) -> answer`. Answers are JSON-like: dicts, lists, str, int, bool,
None, `datetime.date`, aware `datetime.datetime`, :class:`Money`. A `source` operation answers a dict of attribute id →
:class:`Known`; leaving an attribute out says that the agency does not know it, `Known(None, ...)` that there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from core.clock import Clock
from core.ids import NationalId
from core.money import Money
from core.text import Text
from core.thai_dates import parse_be_yyyymmdd

CONTRACT_VERSION = 1


class OperationKind(StrEnum):
    """The eight kinds of operation, and no more."""

    QUERY = "query"
    SOURCE = "source"
    SUBMIT = "submit"
    STATUS = "status"
    CANCEL = "cancel"
    INGEST = "ingest"
    ISSUE = "issue"
    NOTIFY = "notify"


class AgencyError(Exception):
    """The agency answered with one of its declared errors. `code` is declared in the manifest."""

    def __init__(self, code: str, text: Text) -> None:
        super().__init__(code)
        self.code, self.text = code, text


class AgencyClient(Protocol):
    """The plugin's own agency over HTTP: its address and credentials are the host's business.

    Raises on a timeout, a refused connection, a status outside 2xx or a body that is not JSON; a plugin lets that pass.
    """

    async def post(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any:
        """`on_behalf_of` is the AgentID that GDX asks for: the officer or system in whose name the data is asked."""
        ...


@dataclass(frozen=True, slots=True)
class Host:
    """What a plugin may use."""

    clock: Clock
    agency: AgencyClient
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation."""

    operation: str
    person: NationalId | None
    """The citizen it is about; None for a public operation."""
    arguments: Mapping[str, Any]
    """The field's GraphQL arguments, or the attributes asked for as `{"attributes": [...]}` for a source."""
    asker: str
    """In whose name, for the AgentID."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the agency knows of one attribute, and as of when."""

    value: Any
    as_of: datetime


__all__ = [
    "CONTRACT_VERSION",
    "AgencyClient",
    "AgencyError",
    "Call",
    "Clock",
    "Host",
    "Known",
    "Money",
    "NationalId",
    "OperationKind",
    "Text",
    "parse_be_yyyymmdd",
]
