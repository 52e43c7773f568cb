"""Which compulsory policy covered a vehicle when an accident happened, so that no insurer is out of it by what it says
afterwards.

Insurers date their reports themselves. What counts beside the policy as it stands now is what the office knew of it
when the accident happened (`taken_at`): a cancellation, an earlier end or a later start that it heard afterwards takes
no cover away, whatever its date. Of a policy that it did not know then, the first report counts so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from services.agencies.oic.tables import instant_of_turn, last_day
from services.agencies.oic.vehicles import plate_key
from services.plugins.contract import StoreTransaction

COMPULSORY: Final = "compulsory"
POLICIES_MAX: Final = 1_000
"""Of one vehicle, the latest first."""
_OF_VEHICLE: Final = (
    "SELECT policy.insurer, policy.number, policy.class, policy.start_at, policy.until_at, known.content FROM policy "  # noqa: S608 - our own number
    "LEFT JOIN policy_revision AS known ON known.insurer = policy.insurer AND known.number = policy.number "
    "AND known.revision = COALESCE((SELECT MAX(revision) FROM policy_revision AS told WHERE "
    "told.insurer = policy.insurer AND told.number = policy.number AND told.taken_at <= :at), 1) "
    "WHERE policy.chassis = :chassis OR (policy.plate_key = :plate AND policy.province = :province) "
    f"ORDER BY policy.start_at DESC, policy.insurer, policy.number LIMIT {POLICIES_MAX}"
)


async def covering(tx: StoreTransaction, claim: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Insurer and number; of two the one that began first. Neither: the fund."""
    at = claim["accident_at"]
    values = {
        "chassis": claim["chassis"],
        "plate": None if claim["plate"] is None else plate_key(claim["plate"]),
        "province": claim["plate_province"],
        "at": at,
    }
    found = [one for row in await tx.fetch(_OF_VEHICLE, values) for one in (_since(row, at),) if one is not None]
    return min(found)[1:] if found else (None, None)


def _since(row: Mapping[str, Any], at: str) -> tuple[str, str, str] | None:
    """From when on it covered that instant, and its name."""
    terms = [(row["class"], row["start_at"], row["until_at"])]
    if row["content"] is not None:
        told = json.loads(row["content"])
        terms.append((told["class"], instant_of_turn(told["start"]), instant_of_turn(last_day(told))))
    starts = [start for kind, start, until in terms if kind == COMPULSORY and start <= at < until]
    return (min(starts), row["insurer"], row["number"]) if starts else None
