"""The job by which a batch of credentials is made, in this process over SQLite: all of it but the agency's answers.

Beside bare ES256 in the same run. What it does beside signing: two transactions a turn, places in a status list, a data
key for each citizen (theirs from then on), the seal, two rows, a message in the inbox, and a look whether they left.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core import migrations
from core.assurance import Aal, Assurance, Demand, Ial
from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.ids import NationalId, check_digit
from core.settings import Settings
from core.text import Text
from identity.inbox.service import Inbox
from identity.people import PeopleRegister
from services.plugins.contract import Binding, ClaimSpec, Credential, CredentialSpec, Titles
from services.receive.credentials.batches import Batches
from services.receive.credentials.kept_types import KeptTypes
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.needs import Offered
from services.receive.credentials.statuses import StatusLists

_WORDS = Titles(th="ทดสอบ", en="test")


class _Answers:
    """An agency that has every answer at hand."""

    def __init__(self, offered: Offered, claims: dict[str, Any]) -> None:
        self._offered, self._claims = offered, claims

    def of(self, _: str) -> Sequence[Offered]:
        return [self._offered]

    async def ask_about(self, _offered: Offered, person: UUID, _key: str) -> Credential:
        return Credential.model_construct(claims={**self._claims, "name": person.hex}, valid_until=None)


class _Everybody:
    """Nobody leaves, and no law keeps anything."""

    async def held(self, _: AsyncSession) -> Collection[UUID | None]:
        return ()

    async def must_be_there(self, session: AsyncSession, person: UUID, since: datetime) -> None:
        pass


async def job(folder: Path, wanted: int, patterns: Sequence[tuple[str | None, ...]], claims: dict[str, Any]) -> float:
    """How many credentials a second of CPU the job makes."""
    settings = Settings(data=folder)
    await asyncio.to_thread(migrations.upgrade, settings.sqlalchemy_url)
    db, keys, clock = Database(settings.sqlalchemy_url), load_keys(settings), SystemClock()
    issuers = IssuerKeys(db, keys, clock, "https://sitthi.example")
    specs = [ClaimSpec(path=["*" if step is None else step for step in one], title=_WORDS) for one in patterns]
    spec = CredentialSpec(operation="issue", title=_WORDS, days=365, claims=specs, binding=Binding.NONE)
    demand = Demand(Assurance(Ial.IAL_2_3, Aal.AAL_1))
    offered = Offered("transcripts", "mhesi", Text(th="กระทรวง", en="Ministry"), "transcript", spec, demand)
    answers, inbox = _Answers(offered, claims), Inbox(clock)
    lists, types = StatusLists(db, keys, clock, issuers), KeptTypes(db, clock, issuers)
    people = PeopleRegister(keys, clock)
    batches = Batches(db, clock, keys, issuers, lists, answers, _Everybody(), inbox, people, types)
    async with db.write() as session:
        await batches.start(session, offered, [_number(one) for one in range(wanted)], UUID(int=1))
    await issuers.signing("mhesi")
    began = time.process_time()
    made = await batches.run()
    taken = time.process_time() - began
    await db.close()
    assert made == wanted
    return made / taken


def _number(seed: int) -> NationalId:
    digits = f"0{seed:011}"
    return NationalId(f"{digits}{check_digit(digits)}")
