"""What citizens are told: messages, and word of changes."""

from identity.inbox.changes import Changes
from identity.inbox.models import ChangeKind
from identity.inbox.service import Inbox, MessageTemplate

__all__ = ["ChangeKind", "Changes", "Inbox", "MessageTemplate"]
