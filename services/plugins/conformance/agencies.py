"""The agency of an example, with one fault: what stands behind a plugin of our own tree while it is checked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httpx2

from services.plugins.contract import AgencyRefusal
from services.plugins.plugin import Exchange
from services.plugins.runner.errors import MalformedReply, Trouble
from services.plugins.runner.subjects import ONE, PEOPLE, SEVERAL

Reply = Callable[[Mapping[str, Any], Any], Awaitable[Any]]
"""What comes instead of a recorded answer: from the request's body and that answer."""


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    """What happened, in the past tense, after "the agency"."""
    reply: Reply


@dataclass(slots=True)
class RecordedAgency:
    """Answers as the example says; the request number `at` (from 0) ends as `fault` says.

    It yields before each answer, so that calls which run side by side take turns. A request that the example does not
    hold is refused as the agency of the example would: nobody recorded what it answers.
    """

    exchanges: tuple[Exchange, ...]
    fault: Fault | None = None
    at: int = 0
    turns: int = 0
    asked: int = 0
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    """Path, body and idempotency key of what was sent to have an effect."""
    said: list[Any] = field(default_factory=list)
    """What the fault answered."""
    _left: list[Exchange] = field(init=False)

    def __post_init__(self) -> None:
        self._left = list(self.exchanges)

    async def ask(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any:  # noqa: ARG002 - the protocol's
        number, self.asked = self.asked, self.asked + 1
        for _ in range(self.turns):
            await asyncio.sleep(0)
        found = next((one for one in self._left if one.path == path and one.request == dict(body)), None)
        if found is not None:
            self._left.remove(found)
        if self.fault is not None and number == self.at:
            said = await self.fault.reply(body, None if found is None else found.answer)
            self.said.append(said)
            return said
        if found is None:
            raise MalformedReply(Trouble.ERROR)
        return reply_of(found)

    async def send(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str, key: str) -> Any:
        self.sent.append((path, repr(sorted(body.items())), key))
        return await self.ask(path, body, on_behalf_of=on_behalf_of)


def reply_of(exchange: Exchange) -> Any:
    """What the agency of an example says, as its client would tell it."""
    if HTTPStatus.BAD_REQUEST <= exchange.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        code = exchange.answer.get("code") if isinstance(exchange.answer, dict) else None
        raise AgencyRefusal(exchange.status, code)
    if exchange.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise MalformedReply(Trouble.ERROR)
    return exchange.answer


def _raises(make: Callable[[], Exception]) -> Reply:
    async def reply(body: Mapping[str, Any], recorded: Any) -> Any:  # noqa: ARG001 - whatever was asked
        raise make()

    return reply


async def _never(body: Mapping[str, Any], recorded: Any) -> Any:  # noqa: ARG001 - whatever was asked
    await asyncio.Event().wait()


def _says(value: Any) -> Reply:
    async def reply(body: Mapping[str, Any], recorded: Any) -> Any:  # noqa: ARG001 - whatever was asked
        return value

    return reply


async def _of_another_shape(body: Mapping[str, Any], recorded: Any) -> Any:  # noqa: ARG001 - whatever was recorded
    """It says whom it is about, and nothing that was promised of them."""
    if SEVERAL in body:
        return {PEOPLE: [{ONE: number, "answer": {"unexpected": True}} for number in body[SEVERAL]]}
    return {**({ONE: body[ONE]} if ONE in body else {}), "unexpected": True}


async def _without_answers(body: Mapping[str, Any], recorded: Any) -> Any:  # noqa: ARG001 - whatever was recorded
    return {PEOPLE: [{ONE: number, "answer": []} for number in body.get(SEVERAL, ())]}


async def _knows_nobody(body: Mapping[str, Any], recorded: Any) -> Any:  # noqa: ARG001 - whatever was recorded
    """In the manner of GDX: null of each of several; of one, a refusal."""
    if SEVERAL in body:
        return {PEOPLE: [{ONE: number, "answer": None} for number in body[SEVERAL]]}
    raise AgencyRefusal(HTTPStatus.NOT_FOUND, "PERSON_NOT_FOUND")


def about_another(digits: str) -> Fault:
    """Tells of the person with these digits, whoever was asked about."""

    async def reply(body: Mapping[str, Any], recorded: Any) -> Any:
        if SEVERAL in body:
            rows = recorded[PEOPLE] if isinstance(recorded, dict) and PEOPLE in recorded else [{"answer": None}]
            return {PEOPLE: [{**row, ONE: digits} for row in rows]}
        return {**(recorded if isinstance(recorded, dict) else {}), ONE: digits}

    return Fault("answered about somebody else", reply)


HANGS: Final = Fault("never answered", _never)
KNOWS_NOBODY: Final = Fault("said that it has no record of the person", _knows_nobody)
UNREADABLE: Final = (
    Fault("answered what is no JSON", _raises(MalformedReply)),
    Fault("answered too much", _raises(lambda: MalformedReply(Trouble.TOO_LARGE))),
)
OF_ANOTHER_SHAPE: Final = (
    Fault("answered an object without what was promised", _of_another_shape),
    Fault("answered people without what was promised", _without_answers),
    Fault("answered null", _says(None)),
    Fault("answered an empty list", _says([])),
    Fault("answered an empty object", _says({})),
    Fault("answered a text", _says("unexpected")),
    Fault("answered a number", _says(42)),
)
DOWN: Final = (
    Fault("could not be reached", _raises(lambda: httpx2.ConnectError("conformance"))),
    Fault("broke off", _raises(lambda: httpx2.RemoteProtocolError("conformance"))),
    Fault("answered 500", _raises(lambda: MalformedReply(Trouble.ERROR))),
    Fault("answered 429", _raises(lambda: AgencyRefusal(HTTPStatus.TOO_MANY_REQUESTS, None))),
    Fault("answered 401", _raises(lambda: AgencyRefusal(HTTPStatus.UNAUTHORIZED, None))),
)
