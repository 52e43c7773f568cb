"""What a person is told of their passkeys."""

from __future__ import annotations

from typing import Final

from identity.messages import MESSAGES

ADDED: Final = MESSAGES["passkeys.added"]
REMOVED: Final = MESSAGES["passkeys.removed"]
CLONED: Final = MESSAGES["passkeys.cloned"]
