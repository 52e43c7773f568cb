"""What citizens are told of records about them. The words lie beside it, in `messages.toml`, and in manifests."""

from __future__ import annotations

from typing import Final

from identity.inbox.templates import messages_beside

MESSAGES: Final = messages_beside(__file__)
NOTICE: Final = MESSAGES["records.notice"]
