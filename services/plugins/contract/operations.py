"""What the functions of a plugin get and give."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from core.clock import Clock
from core.ids import NationalId
from services.plugins.contract.registers import NoRegisters, Registers
from services.plugins.contract.reporting import Reporter
from services.plugins.contract.statements import Statements, UnsignedStatements
from services.plugins.contract.store import NoStore, Store


class AgencyError(Exception):
    """The agency answered with a declared error: the manifest holds `code` and its words for the citizen."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AgencyRefusal(Exception):
    """The agency answered with a status of 4xx. `code` is the one in its answer (`{"code": …}`), if it gave any.

    A plugin catches it where a refusal has a meaning ("no record of this person"), and lets it pass otherwise.
    """

    def __init__(self, status: int, code: str | None, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(status)
        self.status, self.code, self.retry_after_seconds = status, code, retry_after_seconds


class AgencyClient(Protocol):
    """The plugin's own agency over HTTP: address, credentials and limits are the host's business.

    Both methods POST JSON, because a national ID never stands in a URL, and answer the JSON that came back. They raise
    :class:`AgencyRefusal` for a status of 4xx, and other errors for a timeout, a broken connection, any other status
    outside 2xx, or a body that is too large or not JSON; a plugin lets those pass, and the citizen reads that the
    agency cannot be reached. `path` begins with `/`, and what does not stay below the agency's address is not asked.

    Name the person as `pid`, or several as `pids`: then the answer must say whom it is about, and the host sees to it.
    The answer to `pid` repeats it at its top; that to `pids` is `{"people": [{"pid": …, …}, …]}` with nobody else in
    it. Of a source no other answer is taken; of a query one that says it is about somebody else is not.

    `on_behalf_of` is the AgentID that GDX asks for: the officer or system in whose name it
    is asked; take it from :attr:`Call.asker`.
    """

    async def ask(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any:
        """Reads, and changes nothing: the host may repeat it when the connection broke."""
        ...

    async def send(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str, key: str) -> Any:
        """Has an effect, and is never repeated by the host. `key` is the idempotency key for the agency."""
        ...


def unkeyed_index(value: str) -> str:
    """For examples and tests, whose people are made up."""
    return hashlib.sha256(value.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Host:
    """What a plugin may use."""

    clock: Clock
    agency: AgencyClient
    config: Mapping[str, str] = field(default_factory=dict)
    """The operator's configuration of this plugin, and of no other."""
    store: Store = field(default_factory=NoStore)
    """Tables of its own, where its folder holds `store/`."""
    registers: Registers = field(default_factory=NoRegisters)
    """Other agencies' registers, as far as the manifest `asks` them."""
    statements: Statements = field(default_factory=UnsignedStatements)
    """Signed in the agency's name, for anybody to verify."""
    index: Callable[[str], str] = unkeyed_index
    """A keyed hash, 64 hex digits, the plugin's own: what stands for a person's number in its tables, so that rows of
    the same number are found and nobody who has the tables reads it."""


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
    people: tuple[NationalId, ...] = ()
    """Of a source whose manifest declares a `batch`: whom it is about, one at least. `person` is None for several."""
    key: str = ""
    """The idempotency key of a call that has an effect (`submit cancel ingest issue notify`): the same key is the same
    call, however often it comes; 8–128 characters."""
    is_test: bool = False
    """Whether it is about made-up people, and must have no effect on anybody else."""
    token: str = field(default="", repr=False)
    """Of an operation that `forwards_token`, if the citizen is there: the citizen's token, good for this agency."""
    reporter: Reporter | None = None
    """Of an `ingest`: the juristic person that sends, with its officer; None where the agency itself does."""

    @property
    def citizen(self) -> NationalId:
        """The citizen of an operation that the manifest declares to be for the citizen, and not for several at once."""
        if self.person is None:
            raise ValueError("a public operation has no citizen, and a batch has several")
        return self.person

    @property
    def attributes(self) -> frozenset[str]:
        """What a source is asked for; it need not answer more, and may."""
        return frozenset(self.arguments["attributes"])


@dataclass(frozen=True, slots=True)
class Known:
    """What the agency knows of one attribute, and as of when (aware).

    A date of which the agency does not know every part is a :class:`PartialDate`: it counts as the first that it can
    be, and the citizen is shown no more than is known.
    """

    value: Any
    as_of: datetime


Operation: TypeAlias = Callable[[Host, Call], Awaitable[Any]]


async def ask_each(host: Host, call: Call, path: str) -> dict[NationalId, Any]:
    """What the agency answers about each of `call.people`, asked in one request in the manner of GDX.

    The request is `{"pids": [...]}`, the answer `{"people": [{"pid", "answer"}]}` with null for whom the agency has no
    record of; they are left out here. Raises as :meth:`AgencyClient.ask` does.
    """
    numbers = [person.digits for person in call.people]
    told = await host.agency.ask(path, {"pids": numbers}, on_behalf_of=call.asker)
    answers = {row["pid"]: row["answer"] for row in told["people"]}
    return {person: answers[person.digits] for person in call.people if answers.get(person.digits) is not None}
