"""Entries about an investigation: nothing of them before their day, all from then on, and in the tree throughout."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core.attestation.service import Attestor
from core.clock import FixedClock
from core.database import Database
from core.envelope import SubjectKeys
from core.ids import new_id
from core.text import Text
from services.exchange.access_log.disclosure import INVESTIGATION, disclosure_classes, read_classes
from services.exchange.access_log.log import AccessLog, Decision, Draft, Result
from services.exchange.access_log.proofs import TreeReader
from services.exchange.access_log.repository import AccessLogReader
from services.exchange.access_log.sequencer import Sequencer
from services.exchange.catalogue import load_catalogue
from services.exchange.facts import OWN_VIEW, Asker, AskerKind, Basis, Purpose
from tests.services.exchange.proofs.conftest import KEYS

CLASSES = read_classes(
    "- {id: investigation, th: ก, en: a, law: b, days: 90, days_max: 730, proof_days: 90, purposes: [inquiry]}\n"
    "- {id: household, th: ก, en: a, law: b, days: next-month, days_max: 31, proof_days: 365}",
    "x.yaml",
)
INQUIRY = Purpose("inquiry", Basis.PUBLIC_TASK, Text(th="ไต่สวน", en="An inquiry"))
OFFICER = Asker(AskerKind.OFFICER, "an officer", "rd", Text(th="เจ้าหน้าที่", en="An officer"))


@pytest.fixture
def log(database: Database, clock: FixedClock) -> AccessLog:
    return AccessLog(database, clock, KEYS, CLASSES)


def own(person: UUID) -> Asker:
    return Asker(AskerKind.CITIZEN, person.hex, None, Text(th="คุณ", en="You"))


class Citizen:
    """What one person can be told by their own log."""

    def __init__(self, database: Database, clock: FixedClock, person: UUID) -> None:
        self._database, self._clock, self.person = database, clock, person

    async def sees(self, *ids: UUID) -> list[Any]:
        now = self._clock.now()
        told: list[Any] = []
        async with self._database.read() as session:
            reader = AccessLogReader(session, SubjectKeys(KEYS))
            before: UUID | None = None
            while page := await reader.page(self.person, size=2, before=before, at=now):
                told.append(page)
                before = page[-1].id
            told.append([await reader.get(self.person, one, at=now) for one in ids])
            told.append(dict(await reader.outcomes(self.person, ids, at=now)))
            told.append(dict(await reader.evidence(self.person, ids, at=now)))
        return told


async def test_nothing_is_told_before_its_day_and_all_of_it_from_then_on(
    database: Database, clock: FixedClock, log: AccessLog, attestor: Attestor
) -> None:
    citizen = Citizen(database, clock, new_id())
    [looked] = await log.decide([Draft(citizen.person, frozenset({"name"}), own(citizen.person), OWN_VIEW)])
    await log.conclude([Result(looked, {"name": "FRESH"})])
    unknown = [new_id(), new_id(), new_id()]
    before = await citizen.sees(looked.id, *unknown)
    made_at = clock.now()
    drafts = [
        Draft(citizen.person, frozenset({"annual_income"}), OFFICER, INQUIRY),
        Draft(citizen.person, frozenset({"address"}), OFFICER, INQUIRY, Decision.DENIED, "NOT_FOR_THIS_PURPOSE"),
    ]
    [asked, refused] = await log.decide(drafts)
    await log.conclude([Result(asked, {"annual_income": "FRESH"})])
    hidden = [asked.id, refused.id, new_id()]
    assert await citizen.sees(looked.id, *hidden) == before
    sequencer = Sequencer(database, attestor, clock, "http://localhost:8000")
    while (head := await TreeReader(database).head()) is None or head.size < 5:
        await sequencer.round()
    clock.set(made_at + timedelta(days=90) - timedelta(microseconds=1))
    assert await citizen.sees(looked.id, *hidden) == before
    clock.set(made_at + timedelta(days=90))
    shown = await citizen.sees(asked.id, refused.id)
    assert [entry.id for page in shown[:-3] for entry in page] == [refused.id, asked.id, looked.id]
    assert [entry.purpose for entry in shown[-3]] == ["inquiry", "inquiry"]
    assert all(entry.disclosed_from == clock.now() for entry in shown[-3])
    assert [outcome.states for outcome in shown[-2][asked.id]] == [{"annual_income": "FRESH"}]
    records = [one for of_entry in shown[-1].values() for one in of_entry]
    assert len(records) == 3
    assert len(await TreeReader(database).inclusions([one.id for one in records])) == 3


async def test_the_document_is_committed_to_the_day(database: Database, clock: FixedClock, log: AccessLog) -> None:
    """Whoever changed the column to show it later, or never, would show another day than the one that is proved."""
    citizen = Citizen(database, clock, new_id())
    [asked] = await log.decide([Draft(citizen.person, frozenset({"name"}), OFFICER, INQUIRY)])
    day = clock.now() + timedelta(days=90)
    clock.set(day)
    [evidence] = (await citizen.sees(asked.id))[-1][asked.id]
    assert f'"disclosed_from":"{day.isoformat()}"' in evidence.canonical.decode()


async def test_what_is_hidden_cannot_be_found_by_trying(database: Database, clock: FixedClock, log: AccessLog) -> None:
    """The subject is told the salt; the officer's name is under another secret."""
    from services.exchange.access_log.canonical import hidden  # noqa: PLC0415 - what a subject may compute

    citizen = Citizen(database, clock, new_id())
    [looked] = await log.decide([Draft(citizen.person, frozenset({"name"}), OFFICER, OWN_VIEW)])
    [evidence] = (await citizen.sees(looked.id))[-1][looked.id]
    assert hidden(evidence.salt, "asker.id", OFFICER.id) not in evidence.canonical.decode()


def test_every_purpose_of_a_class_is_registered() -> None:
    known = load_catalogue().purposes
    assert {name for one in disclosure_classes().values() for name in one.purposes} <= known.keys()
    assert INVESTIGATION in disclosure_classes()
