"""Whoever pays decides; ceilings hold over all bills of an accident, and a payment is asked for once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.agencies.oic.claims_states import TRANSITIONS, WORDS, Event, State, after
from services.plugins.contract import Reporter
from tests.services.agencies.oic_claims.fund import (
    BILL,
    DEATH,
    HEIR,
    HOSPITAL,
    INSURERS_OFFICER,
    OTHER_HOSPITAL,
    OTHER_INSURER,
    REASON,
    VICTIM,
    Fund,
    codes,
)

SMALL: dict[str, Any] = {**BILL, "treatment": {"satang": 9_000_00, "days": 0}}
FOUND: dict[str, Any] = {name: value for name, value in BILL.items() if name != "vehicle"}


async def test_an_approval_awards_what_is_due_to_whom_the_claim_names(fund: Fund) -> None:
    told = await fund.files()
    taken = await fund.approves(told["claim"], 30_000_00, by=INSURERS_OFFICER)
    [award] = taken.awards
    assert (award.pid, award.satang, award.reference) == (VICTIM, 30_000_00, f"{told['claim']}/1")
    assert (award.law.th[:6], f"{award.since}") == ("พ.ร.บ.", "2020-04-01")
    assert "30,000" not in award.title.th + award.title.en
    seen = await fund.claim()
    assert seen["steps"][-1]["organisation"] == INSURERS_OFFICER.organisation
    assert [(one["state"], one["amount"].satang) for one in seen["payments"]] == [("REQUESTED", 30_000_00)]


async def test_an_approval_that_comes_again_is_answered_with_the_same_award(fund: Fund) -> None:
    claim = (await fund.files())["claim"]
    record = {"claim": claim, "act": "approve", "payee": VICTIM, "satang": 30_000_00}
    first = await fund.sends("claimDecisions", record, key="decisions-1")
    assert await fund.sends("claimDecisions", record, key="decisions-1") == first
    again = await fund.sends("claimDecisions", record, key="decisions-2")
    assert again.awards == first.awards
    assert codes(await fund.approves(claim, 29_999_99)) == ["CLAIM_STATE"]
    assert len(await fund.rows("SELECT * FROM claim_award")) == 1


async def test_an_approval_names_the_payee_and_the_amount_that_are_the_claims(fund: Fund) -> None:
    claim = (await fund.files())["claim"]
    assert codes(await fund.approves(claim, 30_000_00, payee=HEIR)) == ["PAYEE_OTHER"]
    [refused] = (await fund.approves(claim, 45_000_00)).rejected
    assert (refused.code, refused.computed) == ("AMOUNT_OTHER", "30000.00")
    assert await fund.rows("SELECT * FROM claim_award") == []


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("by", "code"),
    [(None, None), (INSURERS_OFFICER, None), (OTHER_INSURER, "CLAIM_UNKNOWN"), (HOSPITAL, "CLAIM_UNKNOWN")],
)
async def test_an_insurer_decides_on_what_its_policy_covers_and_the_office_on_all(
    fund: Fund, by: Reporter | None, code: str | None
) -> None:
    claim = (await fund.files())["claim"]
    taken = await fund.decides(claim, "ask", by)
    assert codes(taken) == ([] if code is None else [code])
    assert len((await fund.sends("claimWork", {"claim": claim}, by=by)).told) == (code is None)


async def test_what_the_fund_pays_no_insurer_decides(fund: Fund) -> None:
    claim = (await fund.files(FOUND))["claim"]
    assert codes(await fund.approves(claim, 30_000_00, by=INSURERS_OFFICER)) == ["CLAIM_UNKNOWN"]
    assert codes(await fund.approves(claim, 30_000_00)) == []


async def test_bills_of_two_hospitals_share_the_ceilings_of_one_accident(fund: Fund) -> None:
    first = await fund.files({**BILL, "treatment": {"satang": 25_000_00, "days": 0}})
    moments_later = {"at": "2026-11-11T21:14:00+07:00", "province": "10"}
    second = await fund.files({**SMALL, "accident": moments_later}, by=OTHER_HOSPITAL)
    assert (first["due"], second["due"]) == (25_000_00, 9_000_00)
    await fund.approves(first["claim"], 25_000_00)
    [refused] = (await fund.approves(second["claim"], 9_000_00)).rejected
    assert (refused.code, refused.computed) == ("AMOUNT_OTHER", "5000.00")
    assert codes(await fund.approves(second["claim"], 5_000_00)) == []
    third = await fund.files({**SMALL, "bill": "HN-3", "treatment": {"satang": 1_00, "days": 0}})
    assert third["due"] == 0
    assert codes(await fund.approves(third["claim"], 1_00)) == ["NOTHING_DUE"]


async def test_a_hospital_learns_of_the_victims_other_bills_nothing_but_what_is_left(fund: Fund) -> None:
    first = await fund.files({**BILL, "treatment": {"satang": 25_000_00, "days": 0}})
    await fund.approves(first["claim"], 25_000_00)
    documents = [*BILL["documents"], {"kind": "MEDICAL_CERTIFICATE", "sha256": "c" * 64}]
    told = await fund.files({**SMALL, "outcome": "disabled", "documents": documents}, by=OTHER_HOSPITAL)
    lines = {one["item"]: one["satang"] for one in told["lines"]}
    assert lines == {"MEDICAL": 9_000_00, "LOSS": 35_000_00, "ACCIDENT": -4_000_00}
    assert told["due"] == sum(lines.values()) == 40_000_00
    asked = {"claim": told["claim"], "victim": VICTIM}
    [tracked] = (await fund.sends("claimTracking", asked, by=OTHER_HOSPITAL)).told
    [decider] = (await fund.sends("claimWork", {"claim": told["claim"]})).told
    assert tracked.answer["lines"] == told["lines"]
    assert not [word for word in ("25,000", "34,000", "PAID_BEFORE") if word in str(tracked.answer)]
    assert "PAID_BEFORE" in str(decider.answer["lines"])


async def test_a_hospital_sees_what_was_granted_before_on_its_own_bill(fund: Fund) -> None:
    claim = (await fund.files())["claim"]
    await fund.pays(claim, 30_000_00)
    await fund.decides(claim, "show-fault")
    [told] = (await fund.sends("claimTracking", {"claim": claim, "victim": VICTIM}, by=HOSPITAL)).told
    assert "PAID_BEFORE" in str(told.answer["lines"])
    assert "ACCIDENT" not in str(told.answer["lines"])


async def test_of_two_who_are_named_to_be_paid_for_the_dead_none_is_before_one_is_rejected(fund: Fund) -> None:
    right = await fund.files(DEATH)
    wrong = await fund.files({**DEATH, "bill": "HN-9", "heir": "0000000000035"}, OTHER_HOSPITAL)
    alive = await fund.files({**BILL, "bill": "HN-3", "treatment": {"satang": 1_00, "days": 0}})
    for claim, payee in ((right, HEIR), (wrong, "0000000000035"), (alive, VICTIM)):
        assert codes(await fund.approves(claim["claim"], claim["due"], payee)) == ["PAYEE_DISPUTED"]
    await fund.decides(wrong["claim"], "reject")
    assert codes(await fund.approves(alive["claim"], alive["due"])) == ["PAYEE_DISPUTED"], "the dead are not paid"
    assert codes(await fund.approves(right["claim"], right["due"], HEIR)) == []


async def test_another_accident_more_than_a_day_later_has_ceilings_of_its_own(fund: Fund) -> None:
    first = await fund.files()
    await fund.approves(first["claim"], 30_000_00)
    another = {**BILL, "bill": "HN-2", "accident": {"at": "2026-11-11T21:15:01+07:00", "province": "10"}}
    assert (await fund.files(another))["due"] == 30_000_00


@pytest.mark.postgres_only
async def test_approvals_at_once_never_grant_more_than_the_ceiling(fund: Fund) -> None:
    claims = [
        (await fund.files({**BILL, "bill": f"HN-{n}", "treatment": {"satang": 20_000_00 + n, "days": 0}}))["claim"]
        for n in range(4)
    ]
    await asyncio.gather(*(fund.approves(claim, 20_000_00 + n) for n, claim in enumerate(claims)))
    [row] = await fund.rows("SELECT SUM(satang) AS satang, COUNT(*) AS awards FROM claim_award")
    assert (int(row["awards"]), int(row["satang"]) <= 30_000_00) == (1, True)


async def test_one_approval_sent_many_times_at_once_asks_for_one_payment(fund: Fund) -> None:
    claim = (await fund.files())["claim"]
    taken = await asyncio.gather(*(fund.approves(claim, 30_000_00) for _ in range(5)))
    assert {one.awards[0].reference for one in taken} == {f"{claim}/1"}
    assert len(await fund.rows("SELECT * FROM claim_award")) == 1


async def test_what_was_asked_for_is_supplied_checked_and_computed_anew(fund: Fund) -> None:
    claim = (await fund.files())["claim"]
    await fund.decides(claim, "ask", INSURERS_OFFICER)
    seen = await fund.claim()
    assert (seen["state"], seen["steps"][-1]["reasonEn"]) == ("SUPPLEMENT", REASON["en"])
    assert codes(await fund.sends("claimFilings", {**SMALL, "victim": HEIR}, by=HOSPITAL)) == ["CLAIM_OF_ANOTHER"]
    fund.clock.advance(timedelta(days=3))
    told = await fund.files(SMALL)
    assert (told["claim"], told["state"], told["due"], told["payBy"]) == (claim, "COMPUTED", 9_000_00, "2026-11-26")


async def test_what_was_filed_in_time_is_supplied_after_the_180_days_too(fund: Fund) -> None:
    told = await fund.files()
    await fund.decides(told["claim"], "ask")
    fund.clock.set(datetime.fromisoformat("2027-06-01T10:00:00+07:00"))
    more = {**BILL, "treatment": {"satang": 20_000_00, "days": 3}}
    late = {**BILL, "bill": "HN-2"}
    taken = await fund.sends("claimFilings", more, late, by=HOSPITAL)
    assert codes(taken) == ["CLAIM_LATE"]
    assert (taken.told[0].answer["state"], taken.told[0].answer["due"]) == ("COMPUTED", 20_000_00)
    assert (await fund.files(more))["claim"] == told["claim"], "nor is it late when it is asked about again"


async def test_after_fault_is_shown_the_rest_is_due_and_days_in_hospital_too(fund: Fund) -> None:
    claim = (await fund.files({**BILL, "treatment": {"satang": 90_000_00, "days": 3}}))["claim"]
    assert codes(await fund.decides(claim, "show-fault")) == ["CLAIM_STATE"]
    await fund.pays(claim, 30_000_00)
    [told] = (await fund.decides(claim, "show-fault", INSURERS_OFFICER)).told
    assert (told.answer["stage"], told.answer["due"]) == ("further", (80_000 - 30_000 + 600) * 100)
    taken = await fund.approves(claim, 50_600_00, by=INSURERS_OFFICER)
    assert [one.reference for one in taken.awards] == [f"{claim}/2"]
    later = await fund.files({**SMALL, "bill": "HN-2"}, by=OTHER_HOSPITAL)  # fault was shown for the accident
    assert (later["stage"], later["due"]) == ("further", 0)


async def test_what_is_refused_may_be_disputed_by_the_hospital_and_upheld_or_reopened(fund: Fund) -> None:
    claim = (await fund.files())["claim"]
    await fund.decides(claim, "reject")
    dispute = {"claim": claim, "victim": VICTIM, "reason": REASON}
    assert codes(await fund.sends("claimDisputes", dispute, by=OTHER_HOSPITAL)) == ["CLAIM_UNKNOWN"]
    assert codes(await fund.sends("claimDisputes", {**dispute, "victim": HEIR}, by=HOSPITAL)) == ["CLAIM_UNKNOWN"]
    assert codes(await fund.sends("claimDisputes", dispute, by=HOSPITAL)) == []
    assert codes(await fund.sends("claimDisputes", dispute, by=HOSPITAL)) == ["CLAIM_STATE"]
    assert codes(await fund.decides(claim, "reopen")) == []
    await fund.pays(claim, 30_000_00)
    assert codes(await fund.sends("claimDisputes", dispute, by=HOSPITAL)) == []
    assert codes(await fund.decides(claim, "reopen")) == ["NOTHING_DUE"]
    assert codes(await fund.decides(claim, "uphold")) == []
    assert await fund.state(claim) == "CLOSED"
    assert codes(await fund.approves(claim, 30_000_00)) == ["CLAIM_STATE"]


async def test_what_comes_back_from_the_bank_is_approved_still_and_what_is_told_late_changes_nothing(
    fund: Fund,
) -> None:
    claim = (await fund.files())["claim"]
    [award] = (await fund.approves(claim, 30_000_00)).awards
    await fund.hears(award.reference, "returned", "2026-11-17T10:00:00+07:00")
    assert (await fund.claim())["payments"][0]["state"] == "RETURNED"
    await fund.hears(award.reference, "paid", "2026-11-18T10:00:00+07:00")
    await fund.hears(award.reference, "paid", "2026-11-18T10:00:00+07:00")
    await fund.hears(award.reference, "returned", "2026-11-17T10:00:00+07:00")
    await fund.hears("C-0000-0000-0000-0000/1", "paid")
    seen = await fund.claim()
    assert (seen["state"], [step["state"] for step in seen["steps"]][-2:]) == ("PAID", ["APPROVED", "PAID"])
    await fund.hears(award.reference, "returned", "2026-11-19T10:00:00+07:00")
    assert await fund.state(claim) == "APPROVED"


async def test_what_came_back_is_paid_to_another_whom_whoever_decides_names(fund: Fund) -> None:
    claim = (await fund.files())["claim"]
    assert codes(await fund.decides(claim, "name-payee", payee=HEIR)) == ["CLAIM_STATE"], "nothing was approved"
    [award] = (await fund.approves(claim, 30_000_00)).awards
    assert codes(await fund.decides(claim, "name-payee", payee=HEIR)) == ["CLAIM_STATE"], "it is on its way"
    await fund.hears(award.reference, "returned")
    assert codes(await fund.decides(claim, "name-payee", payee="0000000000002")) == ["PERSON_INVALID"]
    assert codes(await fund.decides(claim, "name-payee", payee=VICTIM)) == ["PAYEE_OTHER"]
    assert codes(await fund.decides(claim, "name-payee", OTHER_INSURER, payee=HEIR)) == ["CLAIM_UNKNOWN"]
    taken = await asyncio.gather(*(fund.decides(claim, "name-payee", INSURERS_OFFICER, payee=HEIR) for _ in range(3)))
    assert {(a.reference, a.instead_of, a.pid, a.satang) for one in taken for a in one.awards} == {
        (f"{claim}/2", f"{claim}/1", HEIR, 30_000_00)
    }
    assert codes(await fund.approves(claim, 30_000_00)) == ["PAYEE_OTHER"], "the first approval, sent again"
    await fund.hears(award.reference, "returned", "2026-11-18T10:00:00+07:00")
    await fund.hears(f"{claim}/2", "paid", "2026-11-18T11:00:00+07:00")
    seen = await fund.claim(HEIR)
    assert [(one["reference"], one["state"]) for one in seen["payments"]] == [(f"{claim}/2", "PAID")]
    assert [step["state"] for step in seen["steps"]][-3:] == ["APPROVED", "APPROVED", "PAID"]
    more = await fund.files({**SMALL, "bill": "HN-2"}, by=OTHER_HOSPITAL)
    assert more["due"] == 0, "what was granted counts once"


async def test_of_what_was_paid_after_all_the_first_payee_stays_it(fund: Fund) -> None:
    """The host refuses to pay another once the money is on its way again, which the office hears only then."""
    claim = (await fund.files())["claim"]
    [award] = (await fund.approves(claim, 30_000_00)).awards
    await fund.hears(award.reference, "returned")
    await fund.decides(claim, "name-payee", payee=HEIR)
    await fund.hears(award.reference, "paid", "2026-11-18T10:00:00+07:00")
    seen = await fund.claim()
    assert [(one["reference"], one["state"]) for one in seen["payments"]] == [(award.reference, "PAID")]
    assert seen["state"] == "PAID"
    assert await fund.shows("claims", HEIR) == []
    await fund.hears(award.reference, "returned", "2026-11-19T10:00:00+07:00")
    assert await fund.state(claim) == "APPROVED"
    [third] = (await fund.decides(claim, "name-payee", payee=HEIR)).awards
    assert (third.reference, third.instead_of) == (f"{claim}/3", award.reference)


@pytest.mark.in_turn
async def test_the_clock_of_seven_days_runs_to_the_end_of_the_last_one_in_bangkok(fund: Fund) -> None:
    claim = (await fund.files())["claim"]
    fund.clock.set(datetime.fromisoformat("2026-11-23T23:59:59+07:00"))
    assert (await fund.claim())["late"] is False
    fund.clock.advance(timedelta(seconds=1))
    assert (await fund.claim())["late"] is True
    [told] = (await fund.sends("claimWork", {}, by=INSURERS_OFFICER)).told
    assert told.answer == {
        "claims": [{"claim": claim, "state": "COMPUTED", "due": 30_000_00, "late": True}],
        "more": False,
    }
    assert (await fund.sends("claimWork", {}, by=OTHER_INSURER)).told[0].answer == {"claims": [], "more": False}
    await fund.pays(claim, 30_000_00)
    assert (await fund.claim())["late"] is False


async def test_the_hospital_that_filed_tracks_it_and_the_victim_sees_who_looked(fund: Fund) -> None:
    claim = (await fund.files())["claim"]
    asked = {"claim": claim, "victim": VICTIM}
    [told] = (await fund.sends("claimTracking", asked, by=HOSPITAL)).told
    assert (told.answer["state"], told.answer["due"]) == ("COMPUTED", 30_000_00)
    assert codes(await fund.sends("claimTracking", asked, by=OTHER_HOSPITAL)) == ["CLAIM_UNKNOWN"]
    assert codes(await fund.sends("claimTracking", {**asked, "victim": HEIR}, by=HOSPITAL)) == ["CLAIM_UNKNOWN"]
    await fund.sends("claimWork", {"claim": claim}, by=INSURERS_OFFICER)
    looks = (await fund.claim())["looks"]
    assert {one["organisation"] for one in looks} == {HOSPITAL.organisation, INSURERS_OFFICER.organisation}
    assert len(looks) == 2


@pytest.mark.in_turn
async def test_much_work_is_told_as_far_as_it_fits_and_many_looks_hide_nothing(fund: Fund) -> None:
    bills = [{**BILL, "bill": f"HN-{n}", "treatment": {"satang": 100 + n, "days": 0}} for n in range(31)]
    taken = await fund.sends("claimFilings", *bills, by=HOSPITAL)
    assert codes(taken) == []
    [told] = (await fund.sends("claimWork", {}, by=INSURERS_OFFICER)).told
    assert (len(told.answer["claims"]), told.answer["more"]) == (30, True)  # type: ignore[arg-type] # a list
    shown = await fund.shows("claims", VICTIM)
    assert len(shown) == 20
    looked_at = {"claim": shown[0]["number"], "victim": VICTIM}
    for _ in range(3):
        await fund.sends("claimTracking", *[looked_at] * 10, by=HOSPITAL)
    [first, *others] = await fund.shows("claims", VICTIM)
    assert (first["number"], len(first["looks"])) == (looked_at["claim"], 20)
    assert {len(one["looks"]) for one in others} == {0}


def test_every_state_is_reached_told_and_left_but_the_last() -> None:
    assert set(TRANSITIONS.values()) == set(State) == set(WORDS)
    assert set(State) - {state for state, _ in TRANSITIONS} == {State.CLOSED}


def test_the_table_of_the_docstring_is_the_table() -> None:
    from services.agencies.oic import claims_states  # noqa: PLC0415 - its docstring

    rows = [
        [part.strip() for part in line.split("|")[1:4]]
        for line in (claims_states.__doc__ or "").splitlines()
        if "|" in line
    ]
    told = {(None if one == "–" else State(one), Event(event)): State(then) for one, event, then in rows[2:]}
    assert told == TRANSITIONS


@given(st.lists(st.sampled_from(Event), max_size=20))
def test_whatever_happens_nothing_is_paid_that_was_not_approved(events: list[Event]) -> None:
    state, was_approved = None, False
    for event in events:
        following = after(state, event)
        if following is not None:
            was_approved = was_approved or following is State.APPROVED
            state = following
        assert state is not State.PAID or was_approved
