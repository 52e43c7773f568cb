"""What can go wrong with a maintenance window: for whoever meets it, and for whoever announces it."""

from __future__ import annotations

from core.errors import Conflict, SitthiError
from core.text import Language, Text
from services.exchange.errors import SourceSilent
from services.plugins.operating.windows import Window

MAINTENANCE = "SOURCE_MAINTENANCE"
"""The reason in the access log (docs/exchange.md)."""


class UnderMaintenance(SourceSilent):
    """The agency announced maintenance: it was not asked. The message is the agency's own words."""

    def __init__(self, service: Text, window: Window) -> None:
        self.window, self.until = window, window.ends_at
        super().__init__(service, MAINTENANCE)

    def message(self, language: Language) -> str:
        return self.window.words.in_language(language)


class MaintenanceOverlaps(Conflict):
    """At some moment some operation would be in two windows: which words are the citizen's then?"""

    code = "MAINTENANCE_OVERLAPS"
    text = Text(
        th="ช่วงเวลานี้ซ้อนกับช่วงที่ประกาศไว้แล้ว ({window}) กรุณายกเลิกช่วงเดิมก่อน",
        en="This overlaps with a window that is announced ({window}); cancel that one first.",
    )


class MaintenanceOver(Conflict):
    """The window has ended by itself; there is nothing to cancel."""

    code = "MAINTENANCE_OVER"
    text = Text(th="ช่วงปิดปรับปรุงนี้สิ้นสุดแล้ว", en="This window is over.")


class MaintenanceRefused(SitthiError):
    """The window is not of the form it must have; `why` names the rule."""

    code = "MAINTENANCE_REFUSED"
    text = Text(th="ประกาศปิดปรับปรุงนี้ใช้ไม่ได้: {why}", en="This window cannot be announced: {why}")
