"""What people are told of what agencies did with their credentials and papers. The words lie in `messages.toml`."""

from __future__ import annotations

from typing import Final

from identity.inbox.templates import messages_beside

MESSAGES: Final = messages_beside(__file__)
