"""Under which subject benefits are paid. Each has one of its own, for a beneficiary may get several in a month; their
budget is the service's."""

from __future__ import annotations

from typing import Final
from uuid import UUID

KIND: Final = "benefit:"
"""`benefit:<slug>` is what the service awards; `benefit:<slug>:<hex>` is one of it."""


def subject_of(plugin: str, benefit: UUID) -> str:
    return f"{KIND}{plugin}:{benefit.hex[:12]}"


def budget_subject(subject: str) -> str:
    """Whose budget it is taken from: all that a service awards has one. Receipts, statements and what people say of
    payments go by it too: a figure of one payment would be a person's."""
    return ":".join(subject.split(":")[:2]) if subject.startswith(KIND) else subject
