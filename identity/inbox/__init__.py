"""What citizens are told: messages, and word of changes."""

from identity.inbox.changes import Changes
from identity.inbox.models import ChangeKind
from identity.inbox.service import Inbox
from identity.inbox.templates import MessageTemplate

__all__ = ["ChangeKind", "Changes", "Inbox", "MessageTemplate"]
