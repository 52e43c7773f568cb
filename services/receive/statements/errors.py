"""What statements refuse."""

from __future__ import annotations

from core.errors import NotFound, SitthiError
from core.text import Text


class YearNotBegun(SitthiError):
    code = "STATEMENT_YEAR_NOT_BEGUN"
    text = Text(th="ปีที่ขอยังไม่เริ่มต้น", en="That year has not begun.")


class StatementLinkOver(NotFound):
    """Forged, or of more than two minutes ago: the two are alike on purpose."""

    code = "STATEMENT_LINK_OVER"
    text = Text(th="ลิงก์นี้หมดอายุแล้ว กรุณาขอใหม่ในแอป", en="This link is over. Please ask for another in the app.")
