"""Runs a plugin's examples: the agency says what the example says, the clock stands where it says.

The operation runs through the real runner, so an example also proves that its answer fits the SDL.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from core.clock import FixedClock
from core.errors import ServiceUnavailable
from core.ids import NationalId
from services.plugins.contract import AgencyRefusal, Host, OperationKind, OperationSpec, RegisterRefused, RegisterSilent
from services.plugins.contract.kinds import ANSWERS, EFFECTS, read_answer
from services.plugins.plugin import Example, Exchange, Plugin, RegisterTold
from services.plugins.runner.answers import as_json
from services.plugins.runner.errors import AgencyDeclined, MalformedReply
from services.plugins.runner.runner import Runner
from services.plugins.store.temporary import temporary_store


class ExampleFailed(Exception):
    """The example and the plugin say different things."""


class RecordedAgency:
    """An agency client that knows one example. Fails on a request that the example does not hold."""

    def __init__(self, exchanges: tuple[Exchange, ...]) -> None:
        self._left = list(exchanges)
        self.unexpected: str | None = None

    async def ask(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any:
        if not on_behalf_of:
            self.unexpected = f"{path} was asked in nobody's name"
        for exchange in self._left:
            if exchange.path == path and exchange.request == dict(body):
                self._left.remove(exchange)
                return _reply(exchange)
        self.unexpected = f"{path} was asked for something that the example does not hold"
        raise ExampleFailed(self.unexpected)

    async def send(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str, key: str) -> Any:
        if not key:
            self.unexpected = f"{path} was sent without a key"
        return await self.ask(path, body, on_behalf_of=on_behalf_of)

    @property
    def trouble(self) -> str | None:
        """What was not as the example says, if anything."""
        return self.unexpected or (f"{self._left[0].path} was never asked" if self._left else None)


class RecordedRegisters:
    """Other agencies' registers, as one example has them."""

    def __init__(self, told: tuple[RegisterTold, ...]) -> None:
        self._left = list(told)
        self.unexpected: str | None = None

    async def ask(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:
        for one in self._left:
            if (one.service, one.operation, one.arguments) == (service, operation, dict(arguments)):
                self._left.remove(one)
                if one.trouble is not None:
                    raise RegisterRefused if one.trouble == "REFUSED" else RegisterSilent
                return one.answer
        self.unexpected = f"{service}:{operation} was asked for something that the example does not hold"
        raise ExampleFailed(self.unexpected)

    @property
    def trouble(self) -> str | None:
        first = self._left[0] if self._left else None
        return self.unexpected or (f"{first.service}:{first.operation} was never asked" if first else None)


async def send_before(plugin: Plugin, example: Example, host: Host) -> None:
    """Sends what the example says was sent before. Raises :class:`ExampleFailed` where any of it is not taken."""
    runner = Runner(lambda _: host)
    for place, sent in enumerate(example.before):
        try:
            taken = await runner.run(
                plugin,
                sent.operation,
                asker="example",
                arguments=sent.arguments,
                key=f"before:{place:04}",
                reporter=sent.reporter,
            )
        except (AgencyDeclined, ServiceUnavailable) as error:
            raise ExampleFailed(f"{example.name}: `before` {place}: {error.code}") from error
        if taken.rejected:
            raise ExampleFailed(f"{example.name}: `before` {place}: {taken.rejected[0].code}")


async def run_example(plugin: Plugin, example: Example) -> None:
    """Raises :class:`ExampleFailed` with what is different; :class:`ServiceUnavailable` when the operation broke."""
    agency, registers = RecordedAgency(example.agency), RecordedRegisters(example.registers)
    clock = FixedClock(datetime.fromisoformat(example.now))
    person = None if example.person is None else NationalId(example.person)
    error, answer = None, None
    spec = plugin.manifest.operations[example.operation]
    try:
        async with temporary_store(plugin, clock) as store:
            host = Host(clock, agency, store=store, registers=registers)
            await send_before(plugin, example, host)
            answer = await Runner(lambda _: host).run(
                plugin,
                example.operation,
                asker="example",
                person=person,
                arguments=example.arguments,
                key=f"example:{example.name[:100]}" if spec.kind in EFFECTS else "",
                reporter=example.reporter,
            )
        if spec.kind is OperationKind.SOURCE and spec.batch:
            answer = answer.get(person, {})
    except AgencyDeclined as declined:
        error = declined.fields["error"]
    finally:
        for side in (agency, registers):
            if side.unexpected is not None:
                raise ExampleFailed(f"{example.name}: {side.unexpected}")
    for trouble in (agency.trouble, registers.trouble):
        if trouble is not None:
            raise ExampleFailed(f"{example.name}: {trouble}")
    if error != example.error or (error is None and as_json(answer) != _expected(spec, example)):
        raise ExampleFailed(
            f"{example.name}: expected {example.error or example.answer}, got {error or as_json(answer)}"
        )


def _expected(spec: OperationSpec, example: Example) -> Any:
    """The example's answer in the one form in which answers are compared: an instant has many spellings."""
    if spec.kind not in ANSWERS:
        return example.answer
    try:
        return as_json(read_answer(spec.kind, example.answer))
    except ValueError as error:
        raise ExampleFailed(f"{example.name}: `answer` is none of `{spec.kind}`: {error}") from None


def _reply(exchange: Exchange) -> Any:
    if HTTPStatus.BAD_REQUEST <= exchange.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        code = exchange.answer.get("code") if isinstance(exchange.answer, dict) else None
        raise AgencyRefusal(exchange.status, code)
    if exchange.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise MalformedReply
    return exchange.answer
