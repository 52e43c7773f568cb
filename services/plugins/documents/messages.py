"""What citizens are told of documents that they ordered. The words lie beside it, in `messages.toml`."""

from __future__ import annotations

from typing import Final

from identity.inbox.templates import messages_beside

MESSAGES: Final = messages_beside(__file__)
MADE: Final = MESSAGES["documents.made"]
REFUSED: Final = MESSAGES["documents.refused"]
REFUSED_PAID: Final = MESSAGES["documents.refused-paid"]
