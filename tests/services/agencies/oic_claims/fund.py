"""Hospitals, an insurer and the office, as they file, decide and follow claims."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any, Final

from core.clock import FixedClock
from core.ids import NationalId
from services.plugins.contract import Host, Reporter, Store
from services.plugins.contract.kinds import Taken
from services.plugins.runner import Runner
from tests.services.agencies.oic.office import INSURER as LICENSED
from tests.services.agencies.oic.office import Office
from tests.support.plugins.far_side import NoAgency

VICTIM: Final = "0000000000019"
HEIR: Final = "0000000000027"
HOSPITAL: Final = Reporter("0994000000019", "HOSPITAL", "nurse")
OTHER_HOSPITAL: Final = Reporter("0994000000027", "HOSPITAL", "nurse")
INSURERS_OFFICER: Final = Reporter("0105500000011", "INSURER", "adjuster")
OTHER_INSURER: Final = Reporter("0105500000029", "INSURER", "adjuster")
INSURER: Final = {**LICENSED, "organisation": INSURERS_OFFICER.organisation}
REASON: Final = {"th": "ขอใบรับรองแพทย์", "en": "Please send the certificate."}
BILL: Final[dict[str, Any]] = {
    "bill": "HN-1",
    "victim": VICTIM,
    "accident": {"at": "2026-11-10T21:15:00+07:00", "province": "10"},
    "vehicle": {"plate": "1กข 1234", "province": "10"},
    "treatment": {"satang": 45_000_00, "days": 3},
    "outcome": "injured",
    "documents": [{"kind": "MEDICAL_BILL", "sha256": "a" * 64}, {"kind": "POLICE_REPORT", "sha256": "b" * 64}],
}
DEATH: Final[dict[str, Any]] = {
    **BILL,
    "outcome": "died",
    "heir": HEIR,
    "documents": [
        {"kind": kind, "sha256": "d" * 64}
        for kind in ("MEDICAL_BILL", "POLICE_REPORT", "DEATH_CERTIFICATE", "HEIR_DOCUMENT")
    ],
}


class Fund(Office):
    def __init__(self, clock: FixedClock, store: Store) -> None:
        super().__init__(clock, store)
        self.host = Host(clock, NoAgency(), store=store)
        self.runner, self.keys = Runner(lambda _: self.host), itertools.count()

    async def sends(self, operation: str, *records: dict[str, Any], by: Reporter | None = None, key: str = "") -> Taken:
        told: Taken = await self.runner.run(
            self.plugin,
            operation,
            asker="client",
            arguments={"records": list(records)},
            key=key or f"claims-{next(self.keys):04}",
            reporter=by,
        )
        return told

    async def reports(self, policy: dict[str, Any], *, at: str = "") -> None:
        """The office has the report when the insurer says that it made it, or `at`."""
        now = self.clock.now()
        self.clock.set(datetime.fromisoformat(at or policy["reportedAt"]))
        assert await self.takes("reports", policy) == []
        self.clock.set(now)

    async def files(self, record: dict[str, Any] = BILL, by: Reporter = HOSPITAL) -> dict[str, Any]:
        """What the hospital is told of its claim; it was taken."""
        taken = await self.sends("claimFilings", record, by=by)
        assert taken.rejected == []
        return dict(taken.told[0].answer)

    async def decides(self, claim: str, act: str, by: Reporter | None = None, **more: Any) -> Taken:
        if act in ("name-payee", "ask", "reject", "show-fault", "uphold"):
            more = {"reason": REASON, **more}
        return await self.sends("claimDecisions", {"claim": claim, "act": act, **more}, by=by)

    async def approves(self, claim: str, satang: int, payee: str = VICTIM, by: Reporter | None = None) -> Taken:
        return await self.decides(claim, "approve", by, payee=payee, satang=satang)

    async def hears(self, reference: str, what: str, at: str = "2026-11-17T10:00:00+07:00") -> None:
        event = {"id": f"{what} {at}", "kind": f"benefit.{what}", "at": at, "reference": reference, "satang": 1}
        await self.runner.run(
            self.plugin, "claimEvents", asker="host", person=NationalId(VICTIM), arguments={"event": event},
            key=f"event:{next(self.keys):04}",
        )  # fmt: skip

    async def pays(self, claim: str, satang: int, payee: str = VICTIM) -> None:
        """Approved, and booked by a bank."""
        taken = await self.approves(claim, satang, payee)
        assert taken.rejected == []
        await self.hears(taken.awards[0].reference, "paid")
        assert await self.state(claim) == "PAID"

    async def state(self, claim: str) -> str:
        [row] = await self.rows(f"SELECT state FROM claim WHERE number = '{claim}'")  # noqa: S608 - a test's own number
        return str(row["state"])

    async def claim(self, who: str = VICTIM) -> dict[str, Any]:
        """The one claim that they see."""
        [found] = await self.shows("claims", who)
        return found


def codes(taken: Taken) -> list[str]:
    return [one.code for one in taken.rejected]
