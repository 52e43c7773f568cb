"""Handing on: what the citizen hands, or lets be handed, to somebody outside the state.

No agency is asked, so the gate, which reads, is not the way. The rest is as there: the decision stands in the access
log before anything is handed over, and what came of it after. The ground is the citizen's own act (PDPA 2562 s.19): a
share that they made, a check that they agreed to. Who gets it is named as the citizen, or a register, names them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import SitthiError
from core.text import Text
from services.exchange.access_log.log import AccessLog, Decision, Draft, Result
from services.exchange.errors import LookRefused
from services.exchange.facts import Asker, AskerKind, Basis, FactState, Purpose
from services.exchange.needs import Bars
from services.exchange.sources import SOURCE_FAILED

T = TypeVar("T")

SHARE: Final = Purpose(
    "share", Basis.CONSENT, Text(th="ท่านแบ่งปันเอกสารของท่านให้เปิดดู", en="You shared a document of yours")
)
CHECK: Final = Purpose(
    "employer-check",
    Basis.CONSENT,
    Text(th="ท่านยินยอมให้ตอบผู้ขอตรวจสอบคุณวุฒิ", en="You agreed that whoever checks your qualifications is answered"),
)
PURPOSES: Final[Mapping[str, Purpose]] = {one.id: one for one in (SHARE, CHECK)}


@dataclass(frozen=True, slots=True)
class Handed:
    """What is handed on, of whom, to whom."""

    subject: UUID
    what: str
    """`<agency>:<operation>`: whose records it is from."""
    to: Text
    """Who gets it, as the citizen reads it."""
    by: UUID
    """The citizen's act: the share, or the check that they agreed to."""
    purpose: Purpose


class Handing:
    """One per process. It opens its own transactions: nobody may call it while holding one open."""

    def __init__(self, database: Database, clock: Clock, keys: KeyRing, bars: Bars) -> None:
        self._database, self._bars = database, bars
        self._log = AccessLog(database, clock, keys)

    async def hand(self, handed: Handed, give: Callable[[], Awaitable[T]]) -> T:
        """What `give` answers, which is asked once the decision is durable, and told once its outcome is.

        Raises LookRefused where the citizen has had the use of their data stopped, and what `give` raises.
        """
        asker = Asker(AskerKind.SYSTEM, f"{handed.purpose.id}:{handed.by.hex}", None, handed.to)
        names, purpose = frozenset({handed.what}), handed.purpose
        async with self._database.read() as session:
            why = (await self._bars.barred(session, [handed.subject], purpose)).get(handed.subject)
        if why is not None:
            await self._log.decide([Draft(handed.subject, names, asker, purpose, Decision.DENIED, why)])
            raise LookRefused
        [entry] = await self._log.decide([Draft(handed.subject, names, asker, purpose, consent=handed.by)])
        try:
            given = await give()
        except Exception as error:
            code = error.code if isinstance(error, SitthiError) else SOURCE_FAILED
            await self._log.conclude([Result(entry, {handed.what: FactState.UNAVAILABLE}, {handed.what: code})])
            raise
        await self._log.conclude([Result(entry, {handed.what: FactState.FRESH})])
        return given
