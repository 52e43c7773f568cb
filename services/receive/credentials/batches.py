"""An agency has credentials made for many at once: a university for its graduates, on the day.

Who they are is kept as lines of a batch; a job takes them by chunks. It asks the agency about each, in no transaction,
under a key that follows from the line; then one transaction gives the places in the status list, signs, keeps what is
signed and lets go of the lines. So whoever dies in between leaves lines that are asked about again under the same key,
and no place that two credentials have.

Only credentials that name no wallet's key can be signed before a wallet asks. What is ready waits, sealed, until its
citizen asks for it in the app, or 30 days.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.envelope import SubjectKeys
from core.errors import NotFound, ServiceUnavailable, SitthiError
from core.ids import NationalId, new_id
from core.sealed import bound_to
from services.exchange.errors import SubjectGone
from services.plugins.contract import Binding, Credential
from services.receive.credentials import batch_rows
from services.receive.credentials.errors import BatchNotFound, CredentialNamesAKey
from services.receive.credentials.issuing import Filling, Mould
from services.receive.credentials.jws import SigningKey
from services.receive.credentials.kept_types import KeptTypes
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.models import CredentialBatch, ReadyCredential
from services.receive.credentials.needs import Keepers, Notices, Offered, People, Sources
from services.receive.credentials.service import DECOYS, can_be_issued
from services.receive.credentials.statuses import Place, StatusLists
from services.receive.messages import MESSAGES

CHUNK: Final = 200
"""People of one turn: their claims lie in memory, and one transaction holds the agency's status list for all."""
ASKED_AT_ONCE: Final = 8
TURN: Final = timedelta(minutes=5)
AGAIN: Final = timedelta(minutes=1)
GIVEN_UP: Final = timedelta(days=7)
"""So long an agency is asked that does not answer."""
READY_KEPT: Final = timedelta(days=30)
BATCHES_KEPT: Final = timedelta(days=365)
_RESOLVED_AT_ONCE: Final = 1_000
READY: Final = MESSAGES["receive.credential-ready"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    batch: UUID
    people: int
    """Each once. Who has not signed in here yet finds it when they do."""


@dataclass(frozen=True, slots=True)
class _Turn:
    batch: UUID
    lease: UUID
    configuration: str
    agency: str
    is_late: bool
    lines: list[tuple[int, UUID]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the agency said of the people of a turn, by line; who is in none of them is asked about again."""

    told: Mapping[int, Credential]
    declined: Collection[int]
    gone: Collection[int]


class Batches:
    """One per process; opens its own transactions, but for :meth:`start`."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        issuers: IssuerKeys,
        lists: StatusLists,
        sources: Sources,
        keepers: Keepers,
        notices: Notices,
        people: People,
        types: KeptTypes,
    ) -> None:
        self._db, self._clock, self._keys, self._subjects = db, clock, keys, SubjectKeys(keys)
        self._issuers, self._lists, self._sources = issuers, lists, sources
        self._keepers, self._notices, self._people = keepers, notices, people
        self._types = types
        self._moulds: dict[str, Mould] = {}

    async def start(
        self, session: AsyncSession, offered: Offered, people: Sequence[NationalId], officer: UUID
    ) -> Started:
        """All of it is taken, or nothing. Raises :class:`CredentialNamesAKey`."""
        if offered.spec.binding is not Binding.NONE:
            raise CredentialNamesAKey
        now, key = self._clock.now(), new_id()
        known: dict[UUID, None] = {}
        for first in range(0, len(people), _RESOLVED_AT_ONCE):
            found = await self._people.resolve(session, people[first : first + _RESOLVED_AT_ONCE])
            known |= dict.fromkeys(found.values())
        each = list(known)
        session.add(
            CredentialBatch(
                id=key,
                agency=offered.agency,
                configuration=offered.configuration,
                started_by=officer,
                started_at=now,
                people=len(each),
                due_at=now,
                ended_at=None if each else now,
            )
        )
        await session.flush()
        await batch_rows.add_lines(session, key, each)
        return Started(key, len(each))

    async def discard(self, session: AsyncSession, agency: str, batch: UUID) -> int:
        """Ends it, and takes away what nobody has fetched; how many those were. Raises :class:`BatchNotFound`."""
        row = await session.get(CredentialBatch, batch, with_for_update=True, populate_existing=True)
        if row is None or row.agency != agency:
            raise BatchNotFound
        if row.ended_at is None:
            row.ended_at, row.failed = self._clock.now(), row.failed + await batch_rows.waiting(session, batch)
        row.lease = None  # whoever is at it keeps nothing
        await session.flush()
        await batch_rows.drop(session, batch)
        return await batch_rows.discard(session, batch)

    async def run(self) -> int:
        """The job: goes on with batches until none is due. Answers how many credentials it made."""
        made = 0
        while (turn := await self._take()) is not None:
            offered = next(
                (one for one in self._sources.of(turn.agency) if one.configuration == turn.configuration), None
            )
            found = Outcome({}, (), ()) if offered is None else await self._ask(turn, offered)
            made += await self._settle(turn, offered, found)
        return made

    async def forget(self) -> None:
        """The job: what nobody fetched in time is gone, and batches of long ago."""
        async with self._db.write() as session:
            held = await self._keepers.held(session)
            await batch_rows.forget(session, self._clock.now(), held, BATCHES_KEPT)

    async def _take(self) -> _Turn | None:
        """Puts the batch off for as long as a turn may last: whoever dies at it is followed by another then."""
        async with self._db.write() as session:
            now, lease = self._clock.now(), new_id()
            row = await batch_rows.due(session, now)
            if row is None:
                return None
            row.lease, row.due_at = lease, now + TURN
            await session.flush()
            is_late = now - row.started_at >= GIVEN_UP
            lines = await batch_rows.lines(session, row.id, CHUNK)
            return _Turn(row.id, lease, row.configuration, row.agency, is_late, lines)

    async def _ask(self, turn: _Turn, offered: Offered) -> Outcome:
        told: dict[int, Credential] = {}
        declined: list[int] = []
        gone: list[int] = []
        places = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(line: int, person: UUID) -> None:
            async with places:
                try:
                    found = await self._sources.ask_about(offered, person, f"batch:{turn.batch.hex}:{line}")
                except (NotFound, SubjectGone):
                    gone.append(line)
                except ServiceUnavailable:
                    return
                except SitthiError:
                    declined.append(line)
                else:
                    if can_be_issued(found.claims, offered.spec):
                        told[line] = found
                    else:
                        declined.append(line)

        await asyncio.gather(*(ask(line, person) for line, person in turn.lines))
        return Outcome(told, declined, gone)

    async def _settle(self, turn: _Turn, offered: Offered | None, found: Outcome) -> int:
        key = await self._issuers.signing(turn.agency)
        if offered is not None:
            await self._types.keep(offered)
        people, now = dict(turn.lines), self._clock.now()
        async with self._db.write() as session:
            row = await batch_rows.held(session, turn.batch, turn.lease)
            if row is None:
                return 0  # it took so long that another is at it, or it was discarded
            made, gone, told = 0, set(found.gone), dict(found.told)
            if offered is not None and told:
                gone |= {line for line in told if not await self._is_there(session, people[line], row.started_at)}
                each = {people[line]: said for line, said in told.items() if line not in gone}
                made = await self._make(session, turn.batch, offered, each, key, now)
            left = people.keys() - told.keys() - gone - set(found.declined)
            if turn.is_late:
                gone, left = gone | left, set()
            row.ready += len(told.keys() - gone)
            row.declined += len(found.declined)
            row.failed += len(gone)
            await batch_rows.settle(session, turn.batch, people.keys() - left, left)
            if not await batch_rows.waiting(session, turn.batch):
                row.ended_at = now
            row.due_at = now + AGAIN if left else now
            await session.flush()
        return made

    async def _make(
        self,
        session: AsyncSession,
        batch: UUID,
        offered: Offered,
        each: Mapping[UUID, Credential],
        key: SigningKey,
        now: datetime,
    ) -> int:
        """Signs for those who have none that waits, and keeps it."""
        having = await batch_rows.having(session, offered.configuration, list(each), now)
        wanted = {person: said for person, said in each.items() if person not in having}
        if not wanted:
            return 0
        places = await self._lists.give(session, offered.agency, len(wanted))
        signed = await asyncio.to_thread(self._signed, offered, list(wanted.values()), places, key, now)
        data_keys = await self._subjects.for_sealing_each(session, list(wanted))
        rows = []
        for person, place, (text, ends) in zip(wanted, places, signed, strict=True):
            id_ = new_id()
            bound = bound_to(ReadyCredential.credential_sealed, id_)
            rows.append(
                {
                    "person": person,
                    "id": id_,
                    "batch": batch,
                    "agency": offered.agency,
                    "configuration": offered.configuration,
                    "list": place.list,
                    "place": place.place,
                    "credential_sealed": data_keys[person].seal(text, bound_to=bound),
                    "issued_at": now,
                    "expires_at": ends,
                    "kept_until": min(ends, now + READY_KEPT),
                }
            )
        await batch_rows.add_ready(session, rows)
        await self._notices.send_each(session, list(wanted), READY, title=offered.spec.title.text)
        return len(rows)

    def _signed(
        self, offered: Offered, each: Sequence[Credential], places: Sequence[Place], key: SigningKey, now: datetime
    ) -> list[tuple[bytes, datetime]]:
        """In their order; those that end at the same time are made together."""
        mould = self._moulds.get(offered.configuration)
        if mould is None:
            mould = self._moulds[offered.configuration] = Mould(offered.spec.disclosable, decoys=DECOYS)
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        latest = today + timedelta(days=offered.spec.days)
        by_end: dict[datetime, list[int]] = {}
        for number, said in enumerate(each):
            ends = latest if said.valid_until is None else min(latest, said.valid_until)
            by_end.setdefault(ends, []).append(number)
        uris = {one.list: self._lists.uri(offered.agency, one.list) for one in places}
        kept = self._types.at_hand(offered)
        issuer = self._issuers.issuer_of(offered.agency)
        common = {"iss": issuer, "vct": kept.vct, "vct#integrity": kept.integrity}
        made: dict[int, tuple[bytes, datetime]] = {}
        for ends, numbers in by_end.items():
            times = {"iat": int(today.timestamp()), "exp": int(ends.timestamp())}
            fillings = [Filling(each[number].claims, _listed(places[number], uris)) for number in numbers]
            for number, text in zip(numbers, mould.cast({**common, **times}, fillings, key), strict=True):
                made[number] = (text, ends)
        return [made[number] for number in range(len(each))]

    async def _is_there(self, session: AsyncSession, person: UUID, since: datetime) -> bool:
        """Nor do they leave before the transaction ends."""
        try:
            await self._keepers.must_be_there(session, person, since)
        except NotFound:
            return False
        return True


def _listed(place: Place, uris: Mapping[int, str]) -> dict[str, Any]:
    return {"status": {"status_list": {"idx": place.place, "uri": uris[place.list]}}}
