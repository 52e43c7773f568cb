"""What a person is told about their requests."""

from __future__ import annotations

from typing import Final

from services.exchange.messages import MESSAGES

EXPORT_READY: Final = MESSAGES["privacy.export_ready"]
ERASURE_ASKED: Final = MESSAGES["privacy.erasure_asked"]
ERASED: Final = MESSAGES["privacy.erased"]
