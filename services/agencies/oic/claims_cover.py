"""Which compulsory policy covered a vehicle when an accident happened, so that no insurer is out of it, nor in it, by
what it says afterwards.

Insurers date their reports themselves. What counts is what the office knew when the accident happened (`taken_at`): of
which vehicle a policy was, and from when to when; nothing that it heard since takes that cover away. Cover of which it
heard only then is the insurer's own word after the event: such a policy is named, but the office decides on the claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.agencies.oic.vehicles import plate_key
from services.plugins.contract import StoreTransaction

COMPULSORY: Final = "compulsory"
_KNOWN: Final = (
    "COALESCE((SELECT MAX(known.revision) FROM policy_revision AS known WHERE known.insurer = told.insurer "
    "AND known.number = told.number AND known.taken_at <= :at), 0)"
)
_OF_VEHICLE: Final = (
    f"SELECT told.insurer, told.number, CASE WHEN told.revision = {_KNOWN} THEN 0 ELSE 1 END AS late "  # noqa: S608 - our own words
    "FROM policy_revision AS told JOIN policy ON policy.insurer = told.insurer AND policy.number = told.number "
    "WHERE (told.chassis = :chassis OR (told.plate_key = :plate AND told.province = :province)) "
    f"AND told.class = '{COMPULSORY}' AND told.start_at <= :at AND told.until_at > :at "
    f"AND (told.revision = {_KNOWN} OR told.revision = policy.revision OR (told.revision = 1 AND {_KNOWN} = 0)) "
    "ORDER BY late, told.start_at, told.insurer, told.number LIMIT 1"
)
"""Of each policy the report that was known then; beside it what holds now, and of one that nobody knew the first."""


@dataclass(frozen=True, slots=True)
class Cover:
    insurer: str | None = None
    """None: the Victims Compensation Fund."""
    policy: str | None = None
    late: bool = False
    """The office heard of it only after the accident."""


async def covering(tx: StoreTransaction, claim: Mapping[str, Any]) -> Cover:
    """What the office knew then, before what it did not; of two the one that began first."""
    values = {
        "chassis": claim["chassis"],
        "plate": None if claim["plate"] is None else plate_key(claim["plate"]),
        "province": claim["plate_province"],
        "at": claim["accident_at"],
    }
    for row in await tx.fetch(_OF_VEHICLE, values):
        return Cover(row["insurer"], row["number"], bool(row["late"]))
    return Cover()
