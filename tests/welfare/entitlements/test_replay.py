"""A stored decision is taken again years later; whatever was changed of it at the database is named."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import select, text, update
from sqlmodel import col

from core.attestation.service import Attestor
from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.envelope import SubjectKeys
from core.errors import NotFound
from core.ids import new_id
from core.sealed import bound_to
from services.apply.decisions import proof
from services.apply.decisions.examining import Examiner, Member, State
from services.apply.decisions.models import DecisionRule
from services.apply.models import Decision
from services.apply.records import DecisionRecords
from services.apply.service import ApplyService
from services.exchange.catalogue import Catalogue
from services.exchange.privacy.states import Step
from services.exchange.privacy.trail import Trail, key_destroyed_at
from tests.welfare.entitlements.conftest import TableGate
from tests.welfare.entitlements.support import NoAward, NoNotice
from welfare.entitlements.decider import ProgrammeDecider
from welfare.entitlements.replay import Answer, Replay, replay
from welfare.programmes import ProgrammeCatalogue, freeze

OLD_AGE = "programme:old-age-allowance"
ISSUER = "http://sitthi.test"


@dataclass
class Stored:
    """One decision in the database, and short ways to change it there."""

    database: Database
    keys: KeyRing
    clock: FixedClock
    attestor: Attestor
    service: ApplyService
    gate: TableGate

    async def decide(self, **facts: Any) -> Decision:
        person = self.gate.add(**{"birth_date": date(1955, 3, 1), **facts})
        submission = await self.service.prepare(person, person, OLD_AGE)
        async with self.database.write() as session:
            await self.service.apply(session, submission)
        return await self.row(person)

    async def row(self, person: UUID) -> Decision:
        async with self.database.read() as session:
            return (await session.scalars(select(Decision).where(col(Decision.person) == person))).one()

    async def replay(self, decision: UUID) -> Replay:
        """As another process does it, years later, without a programme at hand."""
        attestor = Attestor(self.database, self.keys, self.clock, ISSUER)
        return await replay(Examiner(self.database, self.keys, attestor, key_destroyed_at), decision)

    async def change(self, *statements: Any) -> None:
        """At the database, by a hand that may drop triggers."""
        async with self.database.write() as session:
            for table in ("decision", "decision_rule"):
                for event in ("update", "delete") if self.database.is_sqlite else ("change",):
                    on = "" if self.database.is_sqlite else f" ON {table}"
                    await session.execute(text(f"DROP TRIGGER IF EXISTS {table}_refuses_{event}{on}"))
            for statement in statements:
                await session.execute(statement)


@pytest.fixture
def stored(
    database: Database, gate: TableGate, clock: FixedClock, catalogue: Catalogue, programmes: ProgrammeCatalogue,
    keys: KeyRing,
) -> Stored:  # fmt: skip
    attestor = Attestor(database, keys, clock, ISSUER)
    decider = ProgrammeDecider(gate, clock, catalogue, programmes)
    service = ApplyService(
        database, keys, clock, deciders={"programme": decider}, awarder=NoAward(), notices=NoNotice(), attestor=attestor
    )
    return Stored(database, keys, clock, attestor, service, gate)


def states(found: Replay) -> dict[Member, State]:
    return {member: one.state for member, one in found.seen.found.items()}


def only(member: Member, state: State = State.TAMPERED) -> dict[Member, State]:
    return dict.fromkeys(Member, State.INTACT) | {member: state}


def of(row: Decision) -> Any:
    return update(Decision).where(col(Decision.id) == row.id).execution_options(synchronize_session=False)


@pytest.mark.parametrize("facts", [{}, {"state_benefit": True}, {"birth_date": date(1980, 1, 1)}], ids=str)
async def test_it_gives_the_same_answer_years_later(stored: Stored, facts: dict[str, Any]) -> None:
    row = await stored.decide(**facts)
    stored.clock.advance(timedelta(days=365 * 12))
    found = await stored.replay(row.id)
    assert (found.answer, found.tampered, found.is_erased) == (Answer.SAME, (), False)
    assert states(found) == dict.fromkeys(Member, State.INTACT)


async def test_what_it_says_in_json_holds_no_fact(stored: Stored) -> None:
    written = json.dumps((await stored.replay((await stored.decide()).id)).written())
    assert json.loads(written)["decided_by"] == {"kind": "SYSTEM", "agency": "dla"}
    assert json.loads(written)["subject"] == OLD_AGE
    assert "1955" not in written


async def test_two_decisions_by_one_law_store_it_once(stored: Stored, programmes: ProgrammeCatalogue) -> None:
    one, two = await stored.decide(), await stored.decide(state_benefit=True)
    assert one.rule == two.rule is not None
    async with stored.database.read() as session:
        [content] = (await session.scalars(text("SELECT content FROM decision_rule"))).all()
    version = programmes["old-age-allowance"].version_on(stored.clock.today())
    assert version is not None
    assert orjson.loads(content) == freeze(version)


async def test_an_edited_programme_file_changes_nothing_that_was_decided(
    stored: Stored, programmes: ProgrammeCatalogue, catalogue: Catalogue
) -> None:
    before = await stored.decide()
    programme = programmes["old-age-allowance"]
    edited = replace(programme, versions=tuple(replace(v, conditions=v.conditions[:1]) for v in programme.versions))
    decider = ProgrammeDecider(stored.gate, stored.clock, catalogue, ProgrammeCatalogue((edited,)))
    stored.service = ApplyService(
        stored.database, stored.keys, stored.clock, deciders={"programme": decider}, awarder=NoAward(),
        notices=NoNotice(), attestor=stored.attestor,
    )  # fmt: skip
    after = await stored.decide()
    assert before.rule != after.rule
    assert len(after.reasons) == 1
    for row in (before, after):
        assert (await stored.replay(row.id)).answer is Answer.SAME


async def test_keys_that_were_rotated_many_times_verify_it_still(stored: Stored) -> None:
    row = await stored.decide()
    for _ in range(3):
        stored.clock.advance(timedelta(days=366))
        assert await stored.attestor.renew()
    stored.clock.advance(timedelta(days=1))
    await stored.attestor.renew()  # the private half that signed is destroyed by now
    async with stored.database.read() as session:
        held = await session.scalar(text("SELECT count(*) FROM attestation_key WHERE private_sealed IS NOT NULL"))
    assert held == 1
    found = await stored.replay(row.id)
    assert (found.answer, states(found)) == (Answer.SAME, dict.fromkeys(Member, State.INTACT))


async def test_after_lawful_erasure_the_signature_verifies_and_the_facts_are_erased(stored: Stored) -> None:
    row = await stored.decide()
    stored.clock.advance(timedelta(days=40))
    async with stored.database.write() as session:
        await session.execute(text("DELETE FROM subject_key"))
        await Trail(stored.clock).note(session, Step.KEY_DESTROYED, person=row.person, subject=new_id(), by="system")
    found = await stored.replay(row.id)
    assert states(found) == only(Member.FACTS, State.ERASED)
    assert (found.answer, found.tampered, found.is_erased) == (Answer.NOT_POSSIBLE, (), True)
    assert found.seen.erased_at == stored.clock.now()


async def test_what_is_left_after_erasure_is_still_proved(stored: Stored) -> None:
    row = await stored.decide()
    async with stored.database.write() as session:
        await session.execute(text("DELETE FROM subject_key"))
        await Trail(stored.clock).note(session, Step.KEY_DESTROYED, person=row.person, subject=new_id(), by="system")
    await stored.change(of(row).values(outcome="REFUSED"))
    found = await stored.replay(row.id)
    assert found.tampered == (Member.OUTCOME,)
    assert states(found)[Member.FACTS] is State.ERASED


async def test_a_key_that_is_gone_without_an_erasure_on_record_is_no_erasure(stored: Stored) -> None:
    row = await stored.decide()
    async with stored.database.write() as session:
        await session.execute(text("DELETE FROM subject_key"))
    assert states(await stored.replay(row.id)) == only(Member.FACTS)


async def test_an_erasure_of_before_does_not_excuse_it(stored: Stored) -> None:
    row = await stored.decide()
    stored.clock.set(row.at - timedelta(days=1))
    async with stored.database.write() as session:
        await session.execute(text("DELETE FROM subject_key"))
        await Trail(stored.clock).note(session, Step.KEY_DESTROYED, person=row.person, subject=new_id(), by="system")
    assert states(await stored.replay(row.id)) == only(Member.FACTS)


# --- each member, changed at the database


async def test_facts_whose_seal_was_changed(stored: Stored) -> None:
    row = await stored.decide()
    broken = row.record_sealed[:-1] + bytes([row.record_sealed[-1] ^ 1])
    await stored.change(of(row).values(record_sealed=broken))
    found = await stored.replay(row.id)
    assert (states(found), found.answer) == (only(Member.FACTS), Answer.NOT_POSSIBLE)


async def test_facts_of_another_decision(stored: Stored) -> None:
    row, other = await stored.decide(), await stored.decide(birth_date=date(1930, 1, 1))
    await stored.change(of(row).values(record_sealed=other.record_sealed))
    assert states(await stored.replay(row.id)) == only(Member.FACTS)
    assert states(await stored.replay(other.id)) == dict.fromkeys(Member, State.INTACT)


async def sealed_anew(stored: Stored, row: Decision, change: Callable[[dict[str, Any]], None]) -> Any:
    """By somebody who holds the keys of the ring too, but no private half of a year that has passed."""
    async with stored.database.write() as session:
        record = await DecisionRecords(stored.keys).opened(session, row)
        change(record)
        key = await SubjectKeys(stored.keys).for_sealing(session, row.person)
    sealed = key.seal(proof.canonical(record), bound_to=bound_to(Decision.record_sealed, row.id))
    return of(row).values(record_sealed=sealed)


async def test_a_fact_that_was_changed_and_sealed_anew_is_not_the_one_signed(stored: Stored) -> None:
    row = await stored.decide()

    def older(record: dict[str, Any]) -> None:
        record["facts"]["birth_date"]["value"] = "1935-03-01"

    await stored.change(await sealed_anew(stored, row, older))
    found = await stored.replay(row.id)
    assert states(found) == only(Member.FACTS)
    assert found.seen.found[Member.FACTS].why == "NOT_AS_SIGNED: facts.birth_date"
    assert "1935" not in json.dumps(found.written())


async def test_an_amount_that_was_changed_and_sealed_anew_is_a_changed_outcome(stored: Stored) -> None:
    row = await stored.decide()

    def richer(record: dict[str, Any]) -> None:
        record["benefits"] = dict.fromkeys(record["benefits"], 99_999_900)

    await stored.change(await sealed_anew(stored, row, richer))
    assert states(await stored.replay(row.id)) == only(Member.OUTCOME)


async def test_a_fact_that_was_put_in_is_not_committed_to(stored: Stored) -> None:
    row = await stored.decide()

    def more(record: dict[str, Any]) -> None:
        record["facts"]["annual_income"] = {"value": 1}

    await stored.change(await sealed_anew(stored, row, more))
    assert states(await stored.replay(row.id)) == only(Member.FACTS)


async def test_a_fact_that_was_taken_out_is_missed(stored: Stored) -> None:
    row = await stored.decide()

    def fewer(record: dict[str, Any]) -> None:
        del record["facts"]["state_benefit"]

    await stored.change(await sealed_anew(stored, row, fewer))
    found = await stored.replay(row.id)
    assert states(found)[Member.FACTS] is State.TAMPERED


async def content_of(stored: Stored, row: Decision) -> str:
    async with stored.database.read() as session:
        rule = await session.get(DecisionRule, row.rule)
    assert rule is not None
    return rule.content


async def test_a_tree_that_was_changed(stored: Stored) -> None:
    row = await stored.decide()
    content = (await content_of(stored, row)).replace('"value":60', '"value":61')
    await stored.change(update(DecisionRule).values(content=content))
    found = await stored.replay(row.id)
    assert (states(found), found.answer) == (only(Member.TREE), Answer.NOT_POSSIBLE)
    assert found.seen.found[Member.TREE].why == "CHANGED"


async def test_a_tree_that_was_removed(stored: Stored) -> None:
    row = await stored.decide()
    await stored.change(text("DELETE FROM decision_rule"))
    found = await stored.replay(row.id)
    assert (states(found), found.seen.found[Member.TREE].why) == (only(Member.TREE), "GONE")


async def test_another_tree_under_its_own_hash(stored: Stored) -> None:
    row = await stored.decide()
    content = (await content_of(stored, row)).replace('"value":60', '"value":61')
    other = proof.sha256_of(orjson.loads(content))
    add = text("INSERT INTO decision_rule (id, content, created_at) VALUES (:i, :c, :a)")
    at: Any = row.at.replace(tzinfo=None).isoformat(" ") if stored.database.is_sqlite else row.at
    await stored.change(add.bindparams(i=other, c=content, a=at), of(row).values(rule=other))
    assert states(await stored.replay(row.id)) == only(Member.TREE)
    await stored.change(of(row).values(rule=None))
    assert states(await stored.replay(row.id)) == only(Member.TREE)


@pytest.mark.parametrize("outcome", ["REFUSED", "NOBODY_KNOWS"])
async def test_an_outcome_that_was_changed(stored: Stored, outcome: str) -> None:
    row = await stored.decide()
    await stored.change(of(row).values(outcome=outcome))
    found = await stored.replay(row.id)
    assert states(found) == only(Member.OUTCOME)
    assert found.seen.found[Member.OUTCOME].why.startswith("NOT_AS_DECIDED")


async def test_a_reason_that_was_changed(stored: Stored) -> None:
    row = await stored.decide()
    reasons = [{**reason, "outcome": "UNMET"} for reason in row.reasons]
    await stored.change(of(row).values(reasons=reasons))
    assert states(await stored.replay(row.id)) == only(Member.OUTCOME)


async def test_an_outcome_that_was_changed_with_the_signature_removed(stored: Stored) -> None:
    row = await stored.decide()
    await stored.change(of(row).values(outcome="REFUSED", token=None))
    found = await stored.replay(row.id)
    assert found.tampered == (Member.OUTCOME, Member.SIGNATURE)
    assert found.seen.found[Member.SIGNATURE].why == "REMOVED"


async def forged(stored: Stored, row: Decision, _other: Decision) -> str | None:
    """Signed by a key that is not ours."""
    elsewhere = Attestor(stored.database, stored.keys, stored.clock, "http://elsewhere.test")
    return await elsewhere.sign({"jti": row.id.hex}, typ=proof.TYPE)


async def cut(stored: Stored, row: Decision, _other: Decision) -> str | None:
    assert row.token is not None
    return row.token[:-4] + ("AAAA" if not row.token.endswith("AAAA") else "BBBB")


async def swapped(stored: Stored, _row: Decision, other: Decision) -> str | None:
    return other.token


async def removed(stored: Stored, _row: Decision, _other: Decision) -> str | None:
    return None


@pytest.mark.parametrize("how", [forged, cut, swapped, removed])
async def test_a_signature_that_was_changed(
    stored: Stored, how: Callable[[Stored, Decision, Decision], Awaitable[str | None]]
) -> None:
    row, other = await stored.decide(), await stored.decide()
    await stored.change(of(row).values(token=await how(stored, row, other)))
    found = await stored.replay(row.id)
    assert states(found) == only(Member.SIGNATURE)
    assert found.answer is Answer.SAME  # the rest is whole, and says so


async def test_a_decision_that_was_dated_anew(stored: Stored) -> None:
    row = await stored.decide()
    await stored.change(of(row).values(at=row.at - timedelta(days=1)))
    found = await stored.replay(row.id)
    assert found.tampered == (Member.SIGNATURE,)
    assert found.seen.found[Member.SIGNATURE].why == "NOT_OF_THIS_ROW: at"


async def test_a_decision_of_before_there_were_signatures_replays(
    stored: Stored, programmes: ProgrammeCatalogue
) -> None:
    row = await stored.decide()
    version = programmes["old-age-allowance"].version_on(stored.clock.today())
    assert version is not None

    def former(record: dict[str, Any]) -> None:
        facts = {name: fact["value"] for name, fact in record["facts"].items()}
        for name in ("rule", "salt", "decided", "title", "gives"):
            del record[name]
        record |= {"form": 1, "version": freeze(version), "facts": facts, "sources": {}}

    await stored.change(await sealed_anew(stored, row, former), of(row).values(rule=None, token=None))
    found = await stored.replay(row.id)
    assert (found.answer, states(found)) == (Answer.SAME, only(Member.SIGNATURE, State.ABSENT))


async def test_an_unknown_decision_is_not_found(stored: Stored) -> None:
    with pytest.raises(NotFound):
        await stored.replay(new_id())
