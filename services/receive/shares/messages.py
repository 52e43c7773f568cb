"""What people are told of shares and checks. The words lie beside it, in `messages.toml`."""

from __future__ import annotations

from typing import Final

from identity.inbox.templates import messages_beside

MESSAGES: Final = messages_beside(__file__)
