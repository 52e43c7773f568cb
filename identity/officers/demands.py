"""What officers' acts ask of the sign-in behind them (docs/adr/0016)."""

from __future__ import annotations

from typing import Final

from core.assurance import OF_THAID, Aal, Assurance, Demand, Ial

WORKING_DAY_SECONDS: Final = 8 * 3_600
APPROVAL_SECONDS: Final = 15 * 60

AT_THE_DESK: Final = Demand(OF_THAID, WORKING_DAY_SECONDS)
"""For looking, proposing and the counter: ThaID, today. A session from a counter is one factor and will not do."""
TO_APPROVE: Final = Demand(Assurance(Ial.IAL_2_3, Aal.AAL_2_2), APPROVAL_SECONDS)
"""For approving: a passkey, just now. The second pair of eyes is worth only as much as the proof that it is theirs."""
