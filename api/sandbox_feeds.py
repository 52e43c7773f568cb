"""Sends what the made-up world reports to our agencies' own records, by the way that real senders take: the desk of
records, with its keys, its schema and its rejects. Never in production.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from core.errors import SitthiError
from core.jobs import Job
from services.plugins.plugin import Plugin
from services.plugins.records.lines import lines_of
from services.plugins.records.service import RecordDesk, Sending
from services.sandbox.feeds import Report, reports

if TYPE_CHECKING:
    from api.house import House

CLIENT: Final = "sandbox"
EVERY: Final = timedelta(minutes=1)

log = structlog.get_logger(__name__)


class SandboxFeeds:
    """`run` sends what has not arrived yet; a population that is made again while a server runs is followed."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._desk = RecordDesk(house.db, house.clock, house.keys, house.runner, lambda: house.registry.plugins)
        self._arrived: set[str] = set()

    async def start(self) -> list[Job]:
        """Sends the first of each, which the personas are in: whoever signs in sees theirs at once. The rest is for
        the job that it answers."""
        for report in reports(self._house.settings.data):
            if report.first == 0:
                await self._send(report)
        return [Job("report to our agencies what the made-up world would", EVERY, self.run)]

    async def run(self) -> None:
        for report in reports(self._house.settings.data):
            await self._send(report)

    async def _send(self, report: Report) -> None:
        plugin = self._plugin(report)
        if plugin is None or report.key in self._arrived:
            return
        is_settled = await self._desk.is_settled(plugin, report.operation, report.key)
        if not is_settled and (body := report.body()):
            sending = Sending(plugin, report.operation, CLIENT, report.key, body, lines_of(body))
            try:
                outcome = await self._desk.take(sending)
            except SitthiError as error:  # another process is at it, or it comes again at the next turn
                log.warning("sandbox_report_not_taken", agency=report.agency, code=error.code)
                return
            if outcome.interrupted is not None:
                return
            if outcome.rejected:
                codes = sorted({one.code for one in outcome.rejected})
                log.warning("sandbox_report_rejected", agency=report.agency, lines=len(outcome.rejected), codes=codes)
        self._arrived.add(report.key)

    def _plugin(self, report: Report) -> Plugin | None:
        for plugin in self._house.registry.plugins:
            if plugin.manifest.agency.slug == report.agency and report.operation in plugin.manifest.operations:
                return plugin
        return None
