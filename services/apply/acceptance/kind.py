"""Accepting applications durably while many wait: :class:`core.group_commit.GroupCommit` over this kind.

The idempotency key, the application, its first event and the debt to decide it (`decide_at`) are stored together, or
nothing is. Whatever stands in the way (a key that was used, an active application, a draft that would have to be spent)
is not told here: the outcome is False, and the ordinary path says it in its own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Connection, exists, select
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import col

from core.database import Database
from core.database_faults import driver_told_as_unavailable
from core.group_commit import storable
from core.idempotency import Claim
from core.models import IdempotencyRecord
from core.text import Text
from services.apply.drafts.models import Draft
from services.apply.models import Application, ApplicationEvent
from services.apply.states import Action, Status
from services.apply.units import unit_of_person


@dataclass(frozen=True, slots=True, repr=False)
class Accepted:
    """An application of a person for themself, as it is stored at its beginning."""

    claim: Claim
    id: UUID
    subject: str
    title: Text
    answers_sealed: bytes
    at: datetime
    """In UTC."""
    due_on: date | None

    @property
    def person(self) -> UUID:
        return self.claim.citizen

    def row(self) -> Application:
        """As the database answers it."""
        return Application(
            person=self.person,
            id=self.id,
            beneficiary=self.person,
            unit_key=unit_of_person(self.person),
            subject=self.subject,
            title={"th": self.title.th, "en": self.title.en},
            status=Status.SUBMITTED,
            version=1,
            answers_sealed=self.answers_sealed,
            missing=[],
            created_at=self.at,
            updated_at=self.at,
            turn_since=self.at,
            due_on=self.due_on,
            agency_days=0,
            decide_at=self.at,
        )


# One citizen stands once in a group, so `citizen` is its key. An active application, or a key, that another transaction
# is about to commit is waited for, and then stands in the way. `%s` says what is answered.
_MANY: Final = """
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::uuid[], $7::text[],
                         $8::text[], $9::text[], $10::bytea[], $11::timestamptz[], $12::date[])
        AS given (citizen, client, field, key, input_hash, id, hex, subject, title, answers_sealed, at, due_on)
), keyed AS (
    INSERT INTO idempotency_record (citizen, client, field, key, input_hash, kept, created_at)
    SELECT citizen, client, field, key, input_hash, jsonb_build_object('application', hex), at FROM given
     WHERE NOT EXISTS (SELECT FROM draft WHERE draft.person = given.citizen AND draft.subject = given.subject
                          AND draft.beneficiary = given.citizen)
    ON CONFLICT DO NOTHING RETURNING citizen
), accepted AS (
    INSERT INTO application (person, id, beneficiary, unit_key, subject, title, status, version, answers_sealed,
                             missing, created_at, updated_at, turn_since, due_on, agency_days, decide_at)
    SELECT citizen, id, citizen, 'person:' || replace(citizen::text, '-', ''), subject, title::jsonb, 'SUBMITTED', 1,
           answers_sealed, '[]', at, at, at, due_on, 0, at
      FROM given JOIN keyed USING (citizen)
    ON CONFLICT DO NOTHING RETURNING person, id, created_at
), begun AS (
    INSERT INTO application_event (person, application, sequence, at, action, status)
    SELECT person, id, 1, created_at, 'SUBMIT', 'SUBMITTED' FROM accepted
)
SELECT %s
"""
_KEYED, _STORED = "(SELECT count(*) FROM keyed)", "(SELECT count(*) FROM accepted)"
_IDS: Final = "(SELECT array_agg(id) FROM accepted)"
WHOLE: Final = (
    _MANY
    % f"""{_IDS},
       1 / ({_KEYED} = {_STORED})::int -- by zero: undone, and tried again in another way"""
)
"""A transaction by itself: one round trip instead of three. Where a key was claimed, and the application stands in the
way, it fails on purpose, so that nothing is stored."""
PARTLY: Final = _MANY % f"{_IDS}, {_KEYED}"
"""In a transaction, in which :data:`_FREE` follows where fewer were accepted than keys claimed."""
_FREE: Final = """
DELETE FROM idempotency_record AS record
 USING unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) AS lost (citizen, client, field, key, hex)
 WHERE record.citizen = lost.citizen AND record.client = lost.client AND record.field = lost.field
   AND record.key = lost.key AND record.kept ->> 'application' = lost.hex
"""
"""Keys that this very transaction claimed for nothing."""


class Acceptances:
    """A :class:`core.group_commit.Kind`. The outcome: whether it was stored; if not, nothing of it was."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def check(self, request: Accepted) -> None:
        """Raises `BadInput` for a text that cannot be kept."""
        storable(request.claim.client)
        storable(request.claim.key)

    def order(self, request: Accepted) -> Any:
        return request.claim.citizen, request.claim.key

    async def one(self, request: Accepted) -> bool:
        (stored,) = await self.many([request])
        return stored

    async def many(self, requests: Sequence[Accepted]) -> Sequence[bool]:
        """Of several requests of one citizen the first is in the group's transaction: two keys held at once by one
        citizen could deadlock with another of theirs. The others are not stored."""
        firsts: dict[UUID, Accepted] = {}
        for one in requests:
            firsts.setdefault(one.person, one)
        some = list(firsts.values())
        if self._db.is_sqlite:
            stored = await self._db.transaction(lambda connection: {one.id for one in some if _lite(connection, one)})
        else:
            stored = await self._postgres(some)
        return [one.id in stored for one in requests]

    async def _postgres(self, some: Sequence[Accepted]) -> set[UUID]:
        import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 - who has no PostgreSQL need not load it

        columns = _columns(some)
        async with self._db.driver() as driver:
            with driver_told_as_unavailable():
                try:
                    return set((await driver.fetchrow(WHOLE, *columns))[0] or ())
                except asyncpg.DivisionByZeroError:
                    pass
                async with driver.transaction():
                    ids, keyed = await driver.fetchrow(PARTLY, *columns)
                    stored = set(ids or ())
                    if keyed != len(stored):
                        lost = [one for one in some if one.id not in stored]
                        await driver.execute(_FREE, *_keys(lost))
        return stored


def _columns(some: Sequence[Accepted]) -> list[list[Any]]:
    return [
        *_keys(some)[:4],
        [one.claim.input_hash for one in some],
        [one.id for one in some],
        [one.id.hex for one in some],
        [one.subject for one in some],
        [orjson.dumps({"th": one.title.th, "en": one.title.en}).decode() for one in some],
        [one.answers_sealed for one in some],
        [one.at for one in some],
        [one.due_on for one in some],
    ]


def _keys(some: Sequence[Accepted]) -> list[list[Any]]:
    return [
        [one.claim.citizen for one in some],
        [one.claim.client for one in some],
        [one.claim.field for one in some],
        [one.claim.key for one in some],
        [one.id.hex for one in some],
    ]


def _lite(connection: Connection, one: Accepted) -> bool:
    """SQLite has one writer: what is not there now does not come meanwhile."""
    key = {"citizen": one.person, "client": one.claim.client, "field": one.claim.field, "key": one.claim.key}
    in_the_way = (
        exists().where(*(col(getattr(IdempotencyRecord, name)) == value for name, value in key.items())),
        exists().where(
            col(Draft.person) == one.person, col(Draft.subject) == one.subject, col(Draft.beneficiary) == one.person
        ),
    )
    if any(connection.execute(select(*in_the_way)).one()):
        return False
    insertion = insert(Application).values(**one.row().model_dump()).on_conflict_do_nothing()
    if connection.execute(insertion.returning(col(Application.id))).first() is None:
        return False
    step = {"sequence": 1, "at": one.at, "action": Action.SUBMIT, "status": Status.SUBMITTED}
    connection.execute(insert(ApplicationEvent).values(person=one.person, application=one.id, **step))
    kept = {"input_hash": one.claim.input_hash, "kept": {"application": one.id.hex}, "created_at": one.at}
    connection.execute(insert(IdempotencyRecord).values(**key, **kept))
    return True
