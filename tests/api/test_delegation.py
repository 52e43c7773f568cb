"""Acting for somebody, over the whole application: by real tokens, on both databases."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.clock import BANGKOK
from core.ids import GlobalId
from core.models import IdempotencyRecord
from identity.delegation.models import Delegation, DelegationEvent
from identity.inbox.models import Message
from services.apply.models import ApplicationEvent
from services.sandbox.population.personas import persona
from tests.laws.cases import PROGRAMME, application_of, person_of, receipt_of
from tests.support import access_log
from tests.support.acting import act, delegated, exchange
from tests.support.app import Served

NAME: Final = "{ viewer { profile { name { value { full } state } } } }"
LISTED: Final = (
    "{ viewer { delegations { id kind scopes since until direction status proposedByMe endReason other { name } } } }"
)
EVERYTHING: Final = ("VIEW", "APPLY", "RECEIVE")


async def propose(sitthi: Served, who: str, **given: Any) -> dict[str, Any]:
    given = {"kind": "CARER", "direction": "ACTS_FOR_ME", "scopes": ["VIEW"], **given}
    return await sitthi.do("proposeDelegation", "delegation { id status until other { name } }", who, **given)


async def codes(sitthi: Served, query: str, who: str) -> list[str]:
    answer = (await sitthi.post(query, persona=who)).json()
    return [error["extensions"]["code"] for error in answer.get("errors", ())]


def number(slug: str) -> str:
    return persona(slug).national_id


async def test_a_carer_whom_the_elder_chose_acts_for_her_as_soon_as_he_accepts(sitthi: Served) -> None:
    asked = await propose(sitthi, "elder", nationalId=number("worker"))
    assert asked["problems"] == []
    delegation = asked["delegation"]["id"]
    assert (asked["delegation"]["status"], asked["delegation"]["other"]) == ("PROPOSED", {"name": None})
    assert (await exchange(sitthi, "worker", delegation))["error"] == "invalid_request"
    [seen] = (await sitthi.graph(LISTED, persona="worker"))["viewer"]["delegations"]
    assert seen["other"]["name"] == persona("elder").name.en, "who asks says who they are"
    accepted = await sitthi.do(
        "acceptDelegation", "delegation { status other { name } }", "worker", delegation=delegation
    )
    assert accepted == {
        "delegation": {"status": "ACTIVE", "other": {"name": persona("elder").name.en}}, "problems": []
    }  # fmt: skip
    [mine] = (await sitthi.graph(LISTED, persona="elder"))["viewer"]["delegations"]
    assert mine == {
        "id": delegation, "kind": "CARER", "scopes": ["VIEW"], "since": "2026-11-16", "until": "2027-11-15",
        "direction": "ACTS_FOR_ME", "status": "ACTIVE", "proposedByMe": True, "endReason": None,
        "other": {"name": persona("worker").name.en},
    }  # fmt: skip
    acting = await act(sitthi, "worker", delegation)
    told = await sitthi.graph(NAME, persona=acting)
    assert told["viewer"]["profile"]["name"]["value"]["full"] == persona("elder").name.en


async def test_the_elder_reads_in_her_log_who_looked_at_what_and_why(sitthi: Served) -> None:
    acting = await act(sitthi, "worker", await delegated(sitthi, "elder", "worker"))
    await sitthi.graph(NAME, persona=acting)
    log = await sitthi.graph(
        "{ viewer { accessLog(first: 1) { nodes { decision asker { kind label delegation { other { name } } }"
        " purpose { id } attributes { id } agency { slug } } } } }",
        persona="elder",
    )
    [entry] = log["viewer"]["accessLog"]["nodes"]
    assert entry == {
        "decision": "ALLOWED",
        "asker": {
            "kind": "DELEGATE",
            "label": "Your carer, who acts for you",
            "delegation": {"other": {"name": persona("worker").name.en}},
        },
        "purpose": {"id": "delegate-view"},
        "attributes": [{"id": "name"}],
        "agency": None,
    }
    row = (await access_log.entries(sitthi.house.db, sitthi.house.keys))[-1]
    assert row.asker_id == (await person_of(sitthi, "worker")).hex


async def test_a_parent_acts_for_a_minor_child_at_once_and_the_child_sees_it(sitthi: Served) -> None:
    delegation = await delegated(sitthi, "disabled-child", "disabled-child-parent", kind="PARENT")
    acting = await act(sitthi, "disabled-child-parent", delegation)
    child = await person_of(sitthi, "disabled-child")
    seen = await sitthi.graph("{ viewer { id profile { name { value { full } } } } }", persona=acting)
    assert GlobalId.parse(seen["viewer"]["id"]).id == child
    [theirs] = (await sitthi.graph(LISTED, persona="disabled-child"))["viewer"]["delegations"]
    assert (theirs["kind"], theirs["direction"], theirs["status"]) == ("PARENT", "ACTS_FOR_ME", "ACTIVE")
    assert theirs["other"]["name"] == persona("disabled-child-parent").name.en
    async with sitthi.house.db.read() as session:
        steps = (await session.scalars(select(col(DelegationEvent.kind)))).all()
        told = {m.template for m in await session.scalars(select(Message).where(col(Message.person) == child))}
    assert (steps, "delegation.acts-for-you" in told) == (["PROVED"], True)


async def test_a_parents_right_ends_with_the_childs_minority_at_midnight_in_bangkok(sitthi: Served) -> None:
    """Civil and Commercial Code s.19, on both sides of the 20th birthday's midnight."""
    delegation = await delegated(sitthi, "disabled-child", "disabled-child-parent", kind="PARENT")
    async with sitthi.house.db.read() as session:
        row = (await session.scalars(select(Delegation))).one()
    born = await sitthi.graph("{ viewer { profile { birthDate { value } } } }", persona="disabled-child")
    birthday = born["viewer"]["profile"]["birthDate"]["value"]
    assert row.ends_on.isoformat() == f"{int(birthday[:4]) + 20}{birthday[4:]}"
    midnight = datetime(row.ends_on.year, row.ends_on.month, row.ends_on.day, tzinfo=BANGKOK)
    parent, service = row.delegate, sitthi.house.delegations
    key = GlobalId.parse(delegation).id
    for moment, holds in ((midnight - timedelta(seconds=1), True), (midnight, False)):
        sitthi.clock.set(moment)
        async with sitthi.house.db.write() as session:
            live = await service.live(session, key, parent)
        assert (live is not None) is holds
        if live is not None:
            assert live.ends_at == midnight


@pytest.mark.parametrize("stranger", ["minor", "worker", "elder"])
async def test_nobody_else_is_a_minor_child_of_theirs_and_the_refusals_are_alike(sitthi: Served, stranger: str) -> None:
    given = {"kind": "PARENT", "direction": "I_ACT"}
    refused = await propose(sitthi, "disabled-child-parent", nationalId=number(stranger), **given)
    unknown = await propose(sitthi, "disabled-child-parent", nationalId="1112034563562", **given)
    assert refused == unknown
    assert [p["code"] for p in refused["problems"]] == ["NOT_YOUR_MINOR_CHILD"]


@pytest.mark.parametrize(
    ("who", "given", "code"),
    [
        ("elder", {"nationalId": "elder"}, "DELEGATION_TO_ONESELF"),
        ("elder", {"nationalId": "worker", "kind": "GUARDIAN"}, "BAD_INPUT"),
        ("elder", {"nationalId": "worker", "kind": "PARENT"}, "BAD_INPUT"),
        ("elder", {"nationalId": "worker", "scopes": []}, "BAD_INPUT"),
        ("elder", {"nationalId": "worker", "scopes": ["APPLY", "RECEIVE"]}, "BAD_INPUT"),
        ("elder", {"nationalId": "worker", "until": "2026-11-15"}, "BAD_INPUT"),
        ("elder", {"nationalId": "worker", "until": "2027-11-16"}, "BAD_INPUT"),
        ("elder", {"nationalId": "1"}, "MALFORMED_NATIONAL_ID"),
        ("worker", {"nationalId": "elder"}, "NOT_ENTITLED_TO_A_CARER"),
        ("minor", {"nationalId": "worker"}, "NOT_OF_AGE"),
        ("minor", {"nationalId": "elder", "direction": "I_ACT"}, "NOT_OF_AGE"),
    ],
)
async def test_what_cannot_be_proposed(sitthi: Served, who: str, given: dict[str, Any], code: str) -> None:
    slug = given["nationalId"]
    given = {**given, "nationalId": slug if slug == "1" else number(slug)}
    assert [p["code"] for p in (await propose(sitthi, who, **given))["problems"]] == [code]


@pytest.mark.parametrize("until", ["2026-11-16", "2027-11-15"])
async def test_a_carers_days_are_from_today_to_a_year(sitthi: Served, until: str) -> None:
    asked = await propose(sitthi, "elder", nationalId=number("worker"), until=until)
    assert (asked["problems"], asked["delegation"]["until"]) == ([], until)


async def test_a_person_with_a_disability_may_have_a_carer(sitthi: Served) -> None:
    assert (await propose(sitthi, "disabled-adult", nationalId=number("worker")))["problems"] == []


async def test_the_answer_is_the_same_whether_the_other_is_known_here_or_not(sitthi: Served) -> None:
    await sitthi.token("worker")
    known = await propose(sitthi, "elder", nationalId=number("worker"))
    unknown = await propose(sitthi, "elder", nationalId="1112034563562")
    for answer in (known, unknown):
        answer["delegation"].pop("id")
    assert known == unknown


async def test_a_minor_does_not_accept_to_be_a_carer(sitthi: Served) -> None:
    asked = await propose(sitthi, "elder", nationalId=number("minor"))
    refused = await sitthi.do("acceptDelegation", "delegation { id }", "minor", delegation=asked["delegation"]["id"])
    assert [p["code"] for p in refused["problems"]] == ["NOT_OF_AGE"]


async def test_a_carer_may_offer_and_who_needs_none_cannot_accept(sitthi: Served) -> None:
    asked = await propose(sitthi, "graduate", nationalId=number("elder"), direction="I_ACT")
    accepted = await sitthi.do(
        "acceptDelegation", "delegation { status }", "elder", delegation=asked["delegation"]["id"]
    )
    assert accepted["delegation"] == {"status": "ACTIVE"}
    asked = await propose(sitthi, "graduate", nationalId=number("official"), direction="I_ACT")
    refused = await sitthi.do("acceptDelegation", "delegation { id }", "official", delegation=asked["delegation"]["id"])
    assert [p["code"] for p in refused["problems"]] == ["NOT_ENTITLED_TO_A_CARER"]


@pytest.mark.parametrize(
    ("ender", "accepted", "reason"),
    [
        ("elder", False, "WITHDRAWN"),
        ("worker", False, "DECLINED"),
        ("elder", True, "REVOKED"),
        ("worker", True, "RENOUNCED"),
    ],
)
async def test_either_side_ends_it(sitthi: Served, ender: str, accepted: bool, reason: str) -> None:
    if accepted:
        delegation = await delegated(sitthi, "elder", "worker")
    else:
        delegation = (await propose(sitthi, "elder", nationalId=number("worker")))["delegation"]["id"]
    ended = await sitthi.do("endDelegation", "delegation { status endReason }", ender, delegation=delegation)
    assert ended == {"delegation": {"status": "ENDED", "endReason": reason}, "problems": []}
    again = await sitthi.do("endDelegation", "delegation { id }", ender, delegation=delegation)
    assert [p["code"] for p in again["problems"]] == ["DELEGATION_OVER"]
    late = await sitthi.do("acceptDelegation", "delegation { id }", "worker", delegation=delegation)
    assert [p["code"] for p in late["problems"]] == ["DELEGATION_OVER"]
    async with sitthi.house.db.read() as session:
        for side in ("elder", "worker"):
            query = select(col(Message.template)).where(col(Message.person) == await person_of(sitthi, side))
            assert "delegation.ended" in (await session.scalars(query)).all()


async def test_the_next_request_after_the_end_is_refused(sitthi: Served) -> None:
    delegation = await delegated(sitthi, "elder", "worker")
    acting = await act(sitthi, "worker", delegation)
    await sitthi.graph(NAME, persona=acting)
    await sitthi.do("endDelegation", "delegation { id }", "elder", delegation=delegation)
    answer = await sitthi.post(NAME, persona=acting)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "TOKEN_INVALID")
    assert (await exchange(sitthi, "worker", delegation))["error"] == "invalid_request"
    assert await codes(sitthi, NAME, "worker") == [], "the carer's own sign-in goes on"


async def test_a_token_is_no_good_after_the_last_day_though_it_has_not_expired(sitthi: Served) -> None:
    asked = await propose(sitthi, "elder", nationalId=number("worker"), until="2026-11-16")
    delegation = asked["delegation"]["id"]
    await sitthi.do("acceptDelegation", "delegation { id }", "worker", delegation=delegation)
    sitthi.clock.set(datetime(2026, 11, 16, 23, 59, 59, tzinfo=BANGKOK) - timedelta(minutes=30))
    sitthi.know("worker", "")
    sitthi._tokens.clear()
    acting = await act(sitthi, "worker", delegation)
    sitthi.clock.set(datetime(2026, 11, 16, 23, 59, 59, tzinfo=BANGKOK))
    assert await codes(sitthi, NAME, acting) == []
    sitthi.clock.set(datetime(2026, 11, 17, 0, 0, 0, tzinfo=BANGKOK))
    assert (await codes(sitthi, NAME, acting))[0] in ("TOKEN_EXPIRED", "TOKEN_INVALID")


SCOPES: Final = {
    "{ viewer { id } }": None,
    "{ viewer { profile { name { state } } } }": "VIEW",
    "{ viewer { entitlements { status } } }": "VIEW",
    "{ viewer { applications { nodes { id } } } }": "VIEW",
    "{ viewer { payments { nodes { id } } } }": "VIEW",
    "{ viewer { insurance { policies { number } } } }": "VIEW",
    "{ viewer { transcripts { degrees { awardedOn } } } }": "VIEW",
    "{ viewer { accessLog { nodes { id } } } }": "NOTHING",
    "{ viewer { consents { nodes { id } } } }": "NOTHING",
    "{ viewer { inbox { nodes { id } } } }": "NOTHING",
    "{ viewer { delegations { id } } }": "NOTHING",
    "{ viewer { payoutDestination { method } } }": "NOTHING",
}


async def test_each_field_opens_to_its_scope_and_no_other(sitthi: Served) -> None:
    """Of a delegation that lets one see, and of one that lets one do everything."""
    for carer, scopes in (("worker", ("VIEW",)), ("graduate", EVERYTHING)):
        acting = await act(sitthi, carer, await delegated(sitthi, "elder", carer, *scopes))
        for query, scope in SCOPES.items():
            expected = ["NOT_DELEGATED"] if scope == "NOTHING" else []
            assert await codes(sitthi, query, acting) == expected, (scopes, query)


async def test_each_mutation_opens_to_its_scope_and_no_other(sitthi: Served) -> None:
    receipt, application = await receipt_of(sitthi, "elder"), await application_of(sitthi, "elder")
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("withdraw", {"application": application}, "APPLY"),
        ("apply", {"programme": PROGRAMME}, "APPLY"),
        ("confirmReceipt", {"receipt": receipt}, "RECEIVE"),
        ("rate", {"receipt": receipt, "score": 5}, "RECEIVE"),
        ("grantConsent", {"purpose": "student-loan-screening", "textVersion": "2569-1"}, "NOTHING"),
        ("requestCorrection", {"attribute": "name", "statement": "x"}, "NOTHING"),
        ("changePayoutDestination", {"method": "PROMPTPAY_NATIONAL_ID"}, "NOTHING"),
        ("proposeDelegation", {"kind": "CARER", "direction": "ACTS_FOR_ME", "scopes": ["VIEW"],
                               "nationalId": number("official")}, "NOTHING"),
    ]  # fmt: skip
    for carer, scopes in (("official", ("VIEW", "RECEIVE")), ("worker", ("VIEW", "APPLY"))):
        acting = await act(sitthi, carer, await delegated(sitthi, "elder", carer, *scopes))
        for field, given, scope in asked:
            found = [p["code"] for p in (await sitthi.do(field, "__typename", acting, **given))["problems"]]
            assert found == ([] if scope in scopes else ["NOT_DELEGATED"]), (field, scopes)


async def test_what_a_delegate_did_says_so(sitthi: Served) -> None:
    acting = await act(sitthi, "worker", await delegated(sitthi, "elder", "worker"))
    applied = await sitthi.do("apply", "application { beneficiary { id } history { action byDelegate } }", acting,
                              programme=PROGRAMME)  # fmt: skip
    elder, worker = await person_of(sitthi, "elder"), await person_of(sitthi, "worker")
    assert GlobalId.parse(applied["application"]["beneficiary"]["id"]).id == elder
    assert applied["application"]["history"][0] == {"action": "SUBMIT", "byDelegate": True}
    async with sitthi.house.db.read() as session:
        steps = (await session.scalars(select(ApplicationEvent).order_by(col(ApplicationEvent.sequence)))).all()
        record = (
            await session.scalars(select(IdempotencyRecord).where(col(IdempotencyRecord.field).startswith("apply")))
        ).one()
    assert [s.acted_by for s in steps][:2] == [worker, None], "the decision is the state's"
    assert (record.citizen, record.field) == (elder, f"apply by {worker.hex}")


async def test_a_mutation_is_replayed_to_who_made_it_and_to_nobody_else(sitthi: Served) -> None:
    receipt = await receipt_of(sitthi, "elder")
    given = {"receipt": receipt, "score": 4, "idempotencyKey": "one-key-of-two"}
    first = await act(sitthi, "worker", await delegated(sitthi, "elder", "worker"))
    other = await act(sitthi, "official", await delegated(sitthi, "elder", "official"))
    made = await sitthi.do("rate", "rating { score }", first, **given)
    assert made == await sitthi.do("rate", "rating { score }", first, **given)
    for stranger in (other, "elder"):
        told = await sitthi.do("rate", "rating { score }", stranger, **{**given, "score": 3})
        assert "IDEMPOTENCY_CONFLICT" not in [p["code"] for p in told["problems"]], "another's keys are another's"


async def test_two_delegates_act_side_by_side_and_the_end_of_one_is_not_the_others(sitthi: Served) -> None:
    ending, staying = await delegated(sitthi, "elder", "worker"), await delegated(sitthi, "elder", "official")
    one, two = await act(sitthi, "worker", ending), await act(sitthi, "official", staying)
    await sitthi.do("endDelegation", "delegation { id }", "worker", delegation=ending)
    assert await codes(sitthi, NAME, one) == ["TOKEN_INVALID"]
    assert await codes(sitthi, NAME, two) == []


async def test_a_delegate_has_no_delegate_and_a_circle_leads_nowhere(sitthi: Served) -> None:
    """The elder's carer is cared for himself: by the elder's carer nobody reaches whom he acts for."""
    to_elder = await delegated(sitthi, "elder", "disabled-adult")
    to_carer = await delegated(sitthi, "disabled-adult", "elder")
    acting = await act(sitthi, "elder", to_carer)
    told = await exchange(sitthi, acting, to_elder)
    assert told["error"] == "invalid_request"
    elder = await person_of(sitthi, "elder")
    seen = await sitthi.graph("{ viewer { id } }", persona=acting)
    assert GlobalId.parse(seen["viewer"]["id"]).id != elder


async def test_a_delegation_is_seen_and_ended_by_its_two_sides_alone(sitthi: Served) -> None:
    delegation = await delegated(sitthi, "elder", "worker")
    for field in ("endDelegation", "acceptDelegation"):
        refused = await sitthi.do(field, "delegation { id }", "official", delegation=delegation)
        assert [p["code"] for p in refused["problems"]] == ["NOT_FOUND"]
    assert (await exchange(sitthi, "official", delegation))["error"] == "invalid_request"


async def test_what_a_delegate_finds_by_id_is_what_the_scopes_open(sitthi: Served) -> None:
    delegation = await delegated(sitthi, "elder", "worker")
    acting = await act(sitthi, "worker", delegation)
    [entry] = (await sitthi.graph("{ viewer { accessLog(first: 1) { nodes { id } } } }", persona="elder"))["viewer"][
        "accessLog"
    ]["nodes"]
    for id_ in (entry["id"], delegation):
        assert await codes(sitthi, f'{{ node(id: "{id_}") {{ id }} }}', acting) == ["NOT_DELEGATED"]
    application = await application_of(sitthi, "elder")
    found = await sitthi.graph(f'{{ node(id: "{application}") {{ id }} }}', persona=acting)
    assert found == {"node": {"id": application}}


async def test_of_many_acceptances_and_ends_at_once_one_order_comes_out(sitthi: Served) -> None:
    delegation = (await propose(sitthi, "elder", nationalId=number("worker")))["delegation"]["id"]
    await sitthi.token("worker")
    asked = [("acceptDelegation", "worker"), ("endDelegation", "elder"), ("acceptDelegation", "worker")] * 3
    answers = await asyncio.gather(
        *(sitthi.do(field, "delegation { status }", who, delegation=delegation) for field, who in asked)
    )
    assert all({p["code"] for p in a["problems"]} <= {"DELEGATION_OVER"} for a in answers)
    async with sitthi.house.db.read() as session:
        rows = await session.scalars(select(DelegationEvent).order_by(col(DelegationEvent.id)))
        steps = [step.kind for step in rows]
    assert steps in (["PROPOSED", "ACCEPTED", "ENDED"], ["PROPOSED", "ENDED"])


async def test_of_many_proposals_at_once_one_is_made(sitthi: Served) -> None:
    await sitthi.token("elder")
    answers = await asyncio.gather(*(propose(sitthi, "elder", nationalId=number("worker")) for _ in range(6)))
    assert sorted(len(a["problems"]) for a in answers) == [0, 1, 1, 1, 1, 1]
    assert {p["code"] for a in answers for p in a["problems"]} == {"ALREADY_DELEGATED"}


async def test_a_carer_is_renewed_before_the_end_and_the_new_one_takes_its_place(sitthi: Served) -> None:
    former = await delegated(sitthi, "elder", "worker")
    acting = await act(sitthi, "worker", former)
    assert (await propose(sitthi, "elder", nationalId=number("worker")))["problems"] == []
    assert await codes(sitthi, NAME, acting) == [], "the former holds until the other side accepts"
    [newer, _] = (await sitthi.graph(LISTED, persona="worker"))["viewer"]["delegations"]
    await sitthi.do("acceptDelegation", "delegation { id }", "worker", delegation=newer["id"])
    states = {d["id"]: (d["status"], d["endReason"]) for d in
              (await sitthi.graph(LISTED, persona="worker"))["viewer"]["delegations"]}  # fmt: skip
    assert states == {newer["id"]: ("ACTIVE", None), former: ("ENDED", "RENEWED")}
    assert await codes(sitthi, NAME, acting) == ["TOKEN_INVALID"]


async def test_an_unanswered_proposal_lapses_after_thirty_days(sitthi: Served) -> None:
    delegation = (await propose(sitthi, "elder", nationalId=number("worker")))["delegation"]["id"]
    at = sitthi.clock.now()
    key, worker = GlobalId.parse(delegation).id, await person_of(sitthi, "worker")
    for after, is_open in ((timedelta(days=30, seconds=-1), True), (timedelta(days=30), False)):
        sitthi.clock.set(at + after)
        async with sitthi.house.db.read() as session:
            row = (await session.scalars(select(Delegation).where(col(Delegation.id) == key))).one()
        assert (row.delegate, sitthi.house.delegations.is_open(row)) == (worker, is_open)


async def test_nobody_proposes_without_end(sitthi: Served) -> None:
    from core.ids import check_digit  # noqa: PLC0415 - for this alone

    for running in range(11):
        twelve = f"1{running:011d}"
        told = await propose(sitthi, "elder", nationalId=f"{twelve}{check_digit(twelve)}")
        expected = [] if running < 10 else ["TOO_MANY_PROPOSALS"]
        assert [p["code"] for p in told["problems"]] == expected


async def test_what_is_stored_names_nobody_in_clear(sitthi: Served) -> None:
    await delegated(sitthi, "elder", "worker")
    async with sitthi.house.db.read() as session:
        row = (await session.scalars(select(Delegation))).one()
        records = (await session.scalars(select(IdempotencyRecord))).all()
    for name in (persona("elder").name, persona("worker").name):
        assert name.th.encode() not in row.names_sealed
        assert name.en.encode() not in row.names_sealed
    assert not any(number("worker") in str(record) for record in records)
    assert isinstance(row.id, UUID)
