"""What is refused of statements."""

from __future__ import annotations

from core.errors import NotFound
from core.text import Text


class StatementMissing(NotFound):
    code = "STATEMENT_MISSING"
    text = Text(th="ธนาคารไม่มีรายการเดินบัญชีของวันนั้น", en="The bank has no statement of that day.")
