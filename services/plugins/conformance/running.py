"""One run of an operation of our own tree: through the real runner, with an agency of the check's own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from core.clock import FixedClock
from core.errors import ServiceUnavailable
from core.ids import NationalId
from services.plugins.conformance.answers import plain
from services.plugins.contract import AgencyClient, Call, Host, OperationKind
from services.plugins.contract.kinds import EFFECTS
from services.plugins.contract.registers import SilentRegisters
from services.plugins.plugin import Example, Plugin
from services.plugins.runner.errors import AgencyDeclined, MalformedAnswer, Trouble
from services.plugins.runner.examples import ExampleFailed, send_before
from services.plugins.runner.guards import LaneLimits
from services.plugins.runner.runner import Runner
from services.plugins.standing import Standing
from services.plugins.store.temporary import temporary_store

ASKER: Final = "sitthi-conformance"
NAME: Final = "conformance"
"""Under which runs stand in logs and figures: none of them says how an agency is."""
KEY: Final = "conformance-of-this-plugin"
"""The idempotency key of runs with an effect, where it does not matter."""
_GRACE_SECONDS: Final = 1.0
_LIMITS: Final = LaneLimits(places=1_000, failures_max=1_000)


class End(StrEnum):
    ANSWERED = "answered"
    DECLINED = "declined"
    """With an error that the manifest declares."""
    TROUBLE = "trouble"
    NEVER = "never"
    """Not even after it was cancelled."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. `answer` is as an example writes it, `raw` as the runner gave it."""

    end: End
    answer: Any = None
    raw: Any = None
    code: str = ""
    """The declared error, or a code of :class:`Trouble`."""
    behind: BaseException | None = None
    """What lies behind a trouble."""
    was_given: bool = False
    """Whether the function answered, so that a trouble lies in its answer."""

    @property
    def told(self) -> tuple[End, Any, str]:
        """What a citizen can tell two runs apart by."""
        return self.end, self.answer, self.code if self.end is End.DECLINED else ""

    @property
    def is_timeout(self) -> bool:
        return self.code == Trouble.TIMEOUT

    @property
    def untyped(self) -> str | None:
        """What is wrong with the type of an answer that was given and not taken; the value is not in it."""
        if not self.was_given or self.code != Trouble.MALFORMED:
            return None
        return str(self.behind) if isinstance(self.behind, MalformedAnswer) else "it is not what its kind answers"


async def run(
    plugin: Plugin, example: Example, agency: AgencyClient, *, key: str = KEY, seconds: float | None = None
) -> Ended:
    """Runs the example's call. `seconds` replaces the operation's time limit; so long it takes at most.

    Its tables, if it has any, hold what the example has `before`, and are gone after.
    """
    manifest = plugin.manifest
    spec = manifest.operations[example.operation]
    limit = spec.time_limit_seconds if seconds is None else seconds
    spec = spec.model_copy(update={"time_limit_seconds": limit})
    quiet = manifest.model_copy(update={"slug": NAME, "operations": {**manifest.operations, example.operation: spec}})
    function, given = plugin.functions[example.operation], list[Any]()

    async def watched(host: Host, call: Call) -> Any:
        answer = await function(host, call)
        given.append(answer)
        return answer

    functions = {**plugin.functions, example.operation: watched}
    quieted = replace(plugin, manifest=quiet, functions=functions, standing=Standing.OPEN)
    clock = FixedClock(datetime.fromisoformat(example.now))
    async with temporary_store(plugin, clock) as store:
        host = Host(clock, agency, store=store, registers=SilentRegisters())
        try:
            await send_before(plugin, example, host)
        except ExampleFailed as failed:
            return Ended(End.TROUBLE, behind=failed)
        runner = Runner(lambda _: host, _LIMITS)
        running = _run(runner, quieted, example, key if spec.kind in EFFECTS else "")
        return replace(await _within(running, limit + _GRACE_SECONDS), was_given=bool(given))


async def _run(runner: Runner, plugin: Plugin, example: Example, key: str) -> Ended:
    person = None if example.person is None else NationalId(example.person)
    spec = plugin.manifest.operations[example.operation]
    try:
        answer = await runner.run(
            plugin,
            example.operation,
            asker=ASKER,
            person=person,
            arguments=example.arguments,
            key=key,
            reporter=example.reporter,
        )
    except AgencyDeclined as declined:
        return Ended(End.DECLINED, code=str(declined.fields["error"]))
    except ServiceUnavailable as silent:
        return Ended(End.TROUBLE, code=str(getattr(silent, "reason", "")), behind=silent.__context__)
    if spec.kind is OperationKind.SOURCE and spec.batch:
        answer = answer.get(person, {})
    return Ended(End.ANSWERED, plain(spec.kind, answer), answer)


async def _within(running: Coroutine[Any, Any, Ended], seconds: float) -> Ended:
    """Waits no longer, though the code would swallow its own cancellation."""
    task = asyncio.create_task(running)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        return task.result() if done else Ended(End.NEVER)
    finally:
        task.cancel()
