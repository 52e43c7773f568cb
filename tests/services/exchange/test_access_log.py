"""The access log: what a record commits to, and that killing the process loses no decision."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.clock import SystemClock
from core.database import Database
from core.envelope import SubjectKeys
from core.ids import new_id
from core.settings import Settings
from services.exchange.access_log.canonical import canonical_entry, canonical_outcome, hidden, leaf
from services.exchange.access_log.commits import Commits
from services.exchange.access_log.records import AccessEntry, AccessOutcome
from services.exchange.access_log.repository import AccessLogReader
from services.exchange.facts import OWN_VIEW
from tests.services.exchange.fakes import KEYS, Exchange, citizen

pytestmark = pytest.mark.fakeredis_only  # what Valkey does differently, test_sources.py finds

AT = datetime(2026, 11, 16, 3, 0, 0, 5, tzinfo=UTC)
SUBJECT = UUID("018f0000-0000-7000-8000-000000000001")


def _entry(**changes: object) -> AccessEntry:
    fields: dict[str, Any] = {
        "subject": SUBJECT,
        "id": UUID("018f0000-0000-7000-8000-000000000002"),
        "at": AT,
        "asker_kind": "OFFICER",
        "asker_id": "00ff",
        "asker_agency": "dla",
        "asker_label": {"th": "เจ้าหน้าที่", "en": "An officer"},
        "request": None,
        "caused_by": UUID(int=7),
        "purpose": "payment",
        "basis": "PUBLIC_TASK",
        "consent": None,
        "attributes": ["birth_date", "name"],
        "decision": "ALLOWED",
        "reason": None,
        "salt": bytes(32),
    }
    return AccessEntry(**(fields | changes))


def _outcome(**changes: object) -> AccessOutcome:
    fields: dict[str, Any] = {
        "subject": SUBJECT,
        "entry": UUID(int=2),
        "id": UUID(int=3),
        "at": AT,
        "purpose": "payment",
        "states": {"name": "FRESH", "birth_date": "STALE"},
        "errors": {"birth_date": "TIMEOUT"},
        "salt": bytes(32),
    }
    return AccessOutcome(**(fields | changes))


def test_the_canonical_form_of_an_entry_is_fixed() -> None:
    asker = hidden(bytes(32), "asker.id", "00ff")
    cause = hidden(bytes(32), "caused_by", UUID(int=7).hex)
    assert canonical_entry(_entry()).decode() == (
        f'{{"asker":{{"agency":"dla","id":"{asker}","kind":"OFFICER","label":{{"en":"An officer","th":"เจ้าหน้าที่"}}}},'
        f'"attributes":["birth_date","name"],"basis":"PUBLIC_TASK","caused_by":"{cause}","consent":null,'
        '"decision":"ALLOWED","kind":"entry","purpose":"payment","reason":null,"request":null,'
        '"subject":"018f0000000070008000000000000001","v":"1"}'
    )


def test_the_canonical_form_names_the_agreements_and_its_version() -> None:
    blind = bytes(range(32))
    shown = json.loads(canonical_entry(_entry(blind=blind, agreements=["welfare-revenue:1"])))
    assert (shown["v"], shown["agreements"]) == ("3", ["welfare-revenue:1"])
    former = json.loads(canonical_entry(_entry(blind=blind)))
    assert (former["v"], "agreements" in former) == ("2", False)


def test_the_canonical_form_says_what_came_of_a_decision_that_was_settled_at_once() -> None:
    """What was not has the form that it always had."""
    made = _entry(blind=b"b" * 32, agreements=[], settled="FRESH")
    shown = json.loads(canonical_entry(made))
    assert (shown.pop("v"), shown.pop("settled")) == ("4", "FRESH")
    former = json.loads(canonical_entry(replace(made, settled=None)))
    assert former == {**shown, "v": "3"}
    assert made.outcome is not None
    assert (made.outcome.entry, made.outcome.at, made.outcome.purpose) == (made.id, made.at, made.purpose)
    assert made.outcome.states == dict.fromkeys(made.attributes, "FRESH")
    assert replace(made, settled=None).outcome is None


def test_the_canonical_form_of_an_outcome_is_fixed() -> None:
    assert canonical_outcome(_outcome()).decode() == (
        '{"entry":"00000000000000000000000000000002","errors":{"birth_date":"TIMEOUT"},"kind":"outcome",'
        '"purpose":"payment","states":{"birth_date":"STALE","name":"FRESH"},'
        '"subject":"018f0000000070008000000000000001","v":"1"}'
    )


def test_a_leaf_can_be_computed_by_anyone_who_holds_the_record_and_its_salt() -> None:
    entry = _entry(salt=b"s" * 32)
    microseconds = int(AT.timestamp()) * 1_000_000 + 5
    commitment = hashlib.sha256(b"s" * 32 + canonical_entry(entry)).digest()
    expected = hashlib.sha256(b"\x00" + entry.id.bytes + microseconds.to_bytes(8, "big") + commitment).digest()
    assert leaf(entry) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"id": UUID(int=9)},
        {"at": AT + timedelta(microseconds=1)},
        {"subject": UUID(int=9)},
        {"asker_kind": "SYSTEM"},
        {"asker_id": "00fe"},
        {"asker_agency": None},
        {"asker_label": {"th": "ก", "en": "x"}},
        {"request": UUID(int=9)},
        {"caused_by": None},
        {"purpose": "own-view"},
        {"basis": "CONSENT"},
        {"consent": UUID(int=9)},
        {"attributes": ["birth_date"]},
        {"decision": "DENIED"},
        {"reason": "NO_CONSENT"},
        {"blind": b"b" * 32},
        {"agreements": []},
        {"agreements": ["welfare-revenue:2"]},
        {"salt": b"\x01" * 32},
    ],
)
def test_a_change_to_any_field_changes_the_leaf(change: dict[str, object]) -> None:
    assert leaf(_entry(**change)) != leaf(_entry())


def test_the_canonical_form_does_not_show_who_exactly_asked_or_what_it_was_caused_by() -> None:
    shown = canonical_entry(_entry(asker_id="0198aaaabbbb", caused_by=UUID(int=0xABCDEF)))
    assert b"0198aaaabbbb" not in shown
    assert b"abcdef" not in shown


@given(states=st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.sampled_from(["FRESH", "DENIED"])))
def test_the_canonical_form_does_not_depend_on_the_order_of_keys(states: dict[str, str]) -> None:
    turned = dict(reversed(list(states.items())))
    assert canonical_outcome(_outcome(states=turned)) == canonical_outcome(_outcome(states=states))
    assert orjson.loads(canonical_outcome(_outcome(states=states)))["states"] == states


async def test_a_record_read_back_has_the_leaf_it_was_written_with(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: dict[UUID, bytes] = {}
    commit = Commits.commit

    async def noting(self: Commits, records: list[AccessEntry | AccessOutcome]) -> None:
        written.update({record.id: leaf(record) for record in records})
        await commit(self, records)

    monkeypatch.setattr(Commits, "commit", noting)
    mother = exchange.keys["mother"]
    await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother, new_id()), purpose=OWN_VIEW)
    read = {entry.id: leaf(entry) for entry in await exchange.entries()}
    read |= {outcome.id: leaf(outcome) for outcome in await exchange.outcomes()}
    assert read == written
    assert len(read) == 2


async def test_a_page_of_the_log_holds_the_subjects_entries_alone_newest_first(exchange: Exchange) -> None:
    mother, lodger = exchange.keys["mother"], exchange.keys["lodger"]
    for person in (mother, lodger, mother, mother):
        await exchange.gate.facts(person, ["birth_date"], asker=citizen(person), purpose=OWN_VIEW)
        await asyncio.sleep(0.002)  # keys are in order to the millisecond
    async with exchange.database.read() as session:
        log, now = AccessLogReader(session, SubjectKeys(KEYS)), exchange.clock.now()
        first = await log.page(mother, size=2, before=None, at=now)
        rest = await log.page(mother, size=2, before=first[-1].id, at=now)
        foreign = await log.get(lodger, first[0].id, at=now)
    pages = [*first, *rest]
    assert [entry.id for entry in pages] == [entry.id for entry in reversed(await exchange.entries(mother))]
    assert foreign is None


_CHILD = """
import asyncio, sys
from uuid import UUID
from core.clock import SystemClock
from core.cache import open_redis
from core.clock import SystemClock
from core.database import Database
from core.envelope import SubjectKeys
from core.text import Text
from identity.people import PeopleRegister
from services.exchange.facts import OWN_VIEW, Asker, AskerKind
from services.exchange.gate import ExchangeGate
from tests.services.exchange.fakes import CATALOGUE, KEYS

class Hanging:
    agency, provides = "dopa", frozenset({"birth_date"})
    async def read(self, person, attributes):
        print("reading", flush=True)
        await asyncio.sleep(60)

async def main(url, person):
    clock = SystemClock()
    gate = ExchangeGate(database=Database(url), clock=clock, keys=KEYS, redis=open_redis(None),
        people=PeopleRegister(KEYS, clock), catalogue=CATALOGUE, sources=lambda: [Hanging()], source_timeout_seconds=60)
    asker = Asker(AskerKind.CITIZEN, person, None, Text(th="คุณ", en="You"))
    await gate.facts(UUID(hex=person), ["birth_date"], asker=asker, purpose=OWN_VIEW)
    print("answered", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_killing_the_process_between_decision_and_answer_leaves_the_decision(
    exchange: Exchange, database_url: str
) -> None:
    mother = exchange.keys["mother"]
    url = Settings(database_url=database_url).sqlalchemy_url
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, url, mother.hex, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"reading\n"
    process.send_signal(signal.SIGKILL)
    assert await process.stdout.read() == b""
    await process.wait()
    after = Database(url)
    async with after.read() as session:
        log, now = AccessLogReader(session, SubjectKeys(KEYS)), SystemClock().now()
        [entry] = await log.page(mother, size=10, before=None, at=now)
        outcomes = await log.outcomes(mother, [entry.id], at=now)
    await after.close()
    assert isinstance(entry, AccessEntry)
    assert (entry.decision, entry.attributes) == ("ALLOWED", ["birth_date"])
    assert outcomes == {}


@pytest.mark.parametrize("change", ["UPDATE access_record SET xid = 0", "DELETE FROM access_record"])
async def test_the_database_refuses_to_change_the_log(exchange: Exchange, change: str) -> None:
    mother = exchange.keys["mother"]
    await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    with pytest.raises(DBAPIError, match="append-only"):
        async with exchange.database.write() as session:
            await session.execute(text(change))
