"""What an agency's answer awards: held against its manifest here, recorded by whoever pays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from services.plugins.contract import Award, Manifest


class Refused(StrEnum):
    """Why nothing is owed because of a record, for good."""

    OTHERWISE = "AWARDED_OTHERWISE"
    """A reference of it was of another person or amount before: whoever was erased here and came back is another."""
    UNDER_WAY = "AWARD_UNDER_WAY"
    """What it would replace did not come back, is being paid again, or was replaced before."""


class Benefits(Protocol):
    """Handed in by `api`; `services.pay.benefits.service.Benefits` is one."""

    async def owe(
        self, session: AsyncSession, manifest: Manifest, awards: Sequence[Award]
    ) -> Mapping[int, Refused] | None:
        """Records each once, by plugin and reference. Answers the records of which nothing is owed, and why.
        None where somebody else changed just that meanwhile: then nothing may be kept of the transaction."""
        ...


def are_sound(manifest: Manifest, operation: str, awards: Sequence[Award], taken: Collection[int]) -> bool:
    """Whether the operation may award so much, and each is of one of the records that were `taken`."""
    most = manifest.operations[operation].awards_satang_max
    return all(one.satang <= most and one.record in taken for one in awards)
