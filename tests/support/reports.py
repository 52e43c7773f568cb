"""The made-up world reports to our agencies' own registers when the first asks one of them.

A server sends the reports before it answers anybody. An application in a test is started two thousand times, and few
tests ask a register: for the others that would be half of their time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from api.sandbox_feeds import EVERY, SandboxFeeds
from core.jobs import Job
from services.plugins.contract import OperationKind
from services.plugins.plugin import Plugin


@contextmanager
def reported_when_asked() -> Iterator[None]:
    """Of applications that are started within."""
    at_once = SandboxFeeds.start

    async def start(feeds: SandboxFeeds) -> list[Job]:
        runner = feeds._house.runner
        ask, turn, sent = runner.run, asyncio.Lock(), False

        async def run(plugin: Plugin, operation: str, **given: Any) -> Any:
            nonlocal sent
            spec = plugin.manifest.operations.get(operation)
            if not sent and plugin.migrations and spec is not None and spec.kind is not OperationKind.INGEST:
                async with turn:
                    if not sent:
                        await at_once(feeds)
                        sent = True
            return await ask(plugin, operation, **given)

        vars(runner)["run"] = run
        return [Job("report to our agencies what the made-up world would", EVERY, feeds.run)]

    with patch.object(SandboxFeeds, "start", start):
        yield
