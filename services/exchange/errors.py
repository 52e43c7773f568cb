"""Errors of the exchange. A refusal and a silent source are states of a fact, not errors."""

from __future__ import annotations

from datetime import datetime

from core.errors import NotAllowed, NotFound, ServiceUnavailable, SitthiError
from core.text import Text


class UnknownAttribute(SitthiError):
    """No attribute of that id in the catalogue, or one that only the exchange itself may read."""

    code = "UNKNOWN_ATTRIBUTE"
    text = Text(th="ไม่มีรายการข้อมูลชื่อ {attribute} ในบัญชีข้อมูล", en="The catalogue has no attribute called {attribute}.")


class UnknownPurpose(SitthiError):
    code = "UNKNOWN_PURPOSE"
    text = Text(th="ไม่มีวัตถุประสงค์นี้ในทะเบียน", en="No such purpose is registered.")


class LookRefused(NotAllowed):
    """The gate refused a look at an agency's records; the refusal is in the access log."""

    code = "NOT_ALLOWED"
    text = Text(th="คุณไม่มีสิทธิ์ดูข้อมูลนี้", en="You may not see this.")


class SubjectGone(NotFound):
    """Whom it is about was erased while their records were read. Of what came nothing is told, nor entered in the log:
    their key is gone, and no new one is made for them."""


class SourceSilent(ServiceUnavailable):
    """A source gave no answer that can be used. `reason` is a stable code (docs/exchange.md) for the access log and the
    operator; the citizen reads that the agency cannot be reached."""

    until: datetime | None = None
    """When it is to be asked again, where its agency said so beforehand."""

    def __init__(self, service: str | Text, reason: str) -> None:
        self.reason = reason
        super().__init__(service)
