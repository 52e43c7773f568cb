"""A form that is begun on one device goes on on another, and what the citizen saw is what is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.graph import global_id
from identity.inbox.graph import Change
from identity.inbox.models import Change as ChangeRow
from identity.inbox.models import ChangeKind
from services.apply.drafts.models import Draft
from services.know.entries import service_id
from tests.services.apply.delivery.office import FORM as STALL
from tests.services.apply.delivery.office import SLUG, WORDS, Office
from tests.services.exchange.privacy.world import left, ran, readable
from tests.support.acting import act, delegated, signed_in_with
from tests.support.app import Served

SERVICE = str(global_id("Service", service_id(f"service:{SLUG}")))
PROPERTIES: Mapping[str, Any] = STALL["properties"]  # type: ignore[assignment]  # a form, as JSON has it
SEEN = "id revision answers expiresOn formChanged gone problems { path message } beneficiary { id }"
SAVED = f"draft {{ {SEEN} }} revision conflict {{ given current {{ {SEEN} }} }}"
FIELDS = "fields { path kind state value applies required waits }"
MINE = f"{{ viewer {{ drafts {{ {SEEN} title form {{ asked {FIELDS} }} }} }} }}"
APPLIED = "application { id subject } conflict { given current { revision } }"
WHO = "elder"


@pytest.fixture
def office(sitthi: Served) -> Office:
    made = Office(sitthi.clock)
    sitthi.house.registry.add(made.plugin())
    return made


async def save(sitthi: Served, persona: str = WHO, **given: Any) -> dict[str, Any]:
    return await sitthi.do("saveDraft", SAVED, persona, **given)


async def begun(sitthi: Served, persona: str = WHO, **answers: Any) -> dict[str, Any]:
    payload = await save(sitthi, persona, service=SERVICE, answers=answers)
    assert payload["problems"] == []
    draft: dict[str, Any] = payload["draft"]
    return draft


async def mine(sitthi: Served, persona: str = WHO) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await sitthi.graph(MINE, persona=persona))["viewer"]["drafts"]
    return found


async def apply(sitthi: Served, draft: dict[str, Any], persona: str = WHO, **more: Any) -> dict[str, Any]:
    given = {"draft": draft["id"], "draftRevision": draft["revision"], **more}
    return await sitthi.do("apply", APPLIED, persona, **given)


def codes(payload: dict[str, Any]) -> list[str]:
    return [one["code"] for one in payload["problems"]]


async def test_a_draft_is_seen_on_another_device_filled_anew(sitthi: Served, office: Office) -> None:
    draft = await begun(sitthi, shopName="ร้านข้าวแกง", places=9)
    assert (draft["revision"], draft["answers"]) == (1, {"shopName": "ร้านข้าวแกง", "places": 9})
    assert [one["path"] for one in draft["problems"]] == [["places"]]
    [seen] = await mine(sitthi)
    assert seen["id"] == draft["id"]
    fields = {one["path"]: one for one in seen["form"]["fields"]}
    assert (fields["owner"]["kind"], fields["owner"]["state"], fields["owner"]["waits"]) == ("KNOWN", "FRESH", False)
    assert fields["owner"]["value"]["given_th"]
    assert (fields["shopName"]["applies"], fields["shopName"]["required"]) == (True, True)
    assert (fields["places"]["applies"], fields["places"]["required"]) == (True, False)
    async with sitthi.house.db.read() as session:
        [row] = await session.scalars(select(Draft))
    given = fields["owner"]["value"]["given_th"]
    assert given not in str((await sitthi.house.drafts.content(row)).answers), "no fact is stored in it"


async def test_the_other_devices_hear_of_it_by_its_id(sitthi: Served, office: Office) -> None:
    draft = await begun(sitthi, shopName="ก")
    async with sitthi.house.db.read() as session:
        [row] = await session.scalars(select(ChangeRow).where(col(ChangeRow.kind) == ChangeKind.DRAFT))
    told = Change.of(row)
    assert (told.kind, told.id) == (ChangeKind.DRAFT, draft["id"])
    node = "query N($id: ID!) { node(id: $id) { id ... on Draft { revision } } }"
    assert await sitthi.graph(node, {"id": told.id}, persona=WHO) == {"node": {"id": draft["id"], "revision": 1}}


async def test_a_save_over_a_revision_that_was_not_seen_shows_both_and_writes_nothing(
    sitthi: Served, office: Office
) -> None:
    draft = await begun(sitthi, shopName="ก")
    second = await save(sitthi, draft=draft["id"], revision=1, answers={"shopName": "ข"})
    assert (second["revision"], second["problems"]) == (2, [])
    late = await save(sitthi, draft=draft["id"], revision=1, answers={"shopName": "ค"})
    assert (codes(late), late["draft"]) == (["DRAFT_CHANGED"], None)
    assert (late["conflict"]["given"], late["conflict"]["current"]["answers"]) == (1, {"shopName": "ข"})
    anew = await save(sitthi, service=SERVICE, answers={"shopName": "ง"})
    assert (codes(anew), anew["conflict"]["given"], anew["conflict"]["current"]["revision"]) == (
        ["DRAFT_CHANGED"],
        0,
        2,
    )
    thrown = await sitthi.do("discardDraft", "conflict { given }", WHO, draft=draft["id"], revision=1)
    assert (codes(thrown), thrown["conflict"]["given"]) == (["DRAFT_CHANGED"], 1)
    [seen] = await mine(sitthi)
    assert seen["answers"] == {"shopName": "ข"}


async def test_a_save_whose_answer_was_lost_says_which_revision_was_its_own(sitthi: Served, office: Office) -> None:
    draft = await begun(sitthi, shopName="ก")
    given = {"draft": draft["id"], "revision": 1, "answers": {"shopName": "ข"}, "idempotencyKey": "lost-and-sent-again"}
    first = await save(sitthi, **given)
    await save(sitthi, draft=draft["id"], revision=2, answers={"shopName": "from the other device"})
    again = await save(sitthi, **given)
    assert (first["revision"], again["revision"], again["draft"]["revision"]) == (2, 2, 3)


async def test_what_the_citizen_saw_is_what_is_sent_and_the_draft_is_used_up(sitthi: Served, office: Office) -> None:
    draft = await begun(sitthi, shopName="ร้านข้าวแกง", places=2)
    payload = await apply(sitthi, draft)
    assert (codes(payload), payload["application"]["subject"]) == ([], f"service:{SLUG}")
    assert await mine(sitthi) == []
    await sitthi.house.courier.tick()
    for task in [*sitthi.house.courier._under_way.values()]:
        await task
    [call] = office.asked("takeIt")
    assert call.arguments["application"]["answers"] == {"shopName": "ร้านข้าวแกง", "places": 2}
    assert codes(await apply(sitthi, draft)) == ["DRAFT_GONE"]


async def test_a_draft_that_was_saved_elsewhere_is_not_sent(sitthi: Served, office: Office) -> None:
    draft = await begun(sitthi, shopName="ก")
    await save(sitthi, draft=draft["id"], revision=1, answers={"shopName": "ข"})
    payload = await apply(sitthi, draft)
    assert (codes(payload), payload["conflict"]) == (["DRAFT_CHANGED"], {"given": 1, "current": {"revision": 2}})
    assert len(await mine(sitthi)) == 1


async def test_a_draft_with_a_wrong_or_missing_answer_is_not_sent_and_the_field_is_named(
    sitthi: Served, office: Office
) -> None:
    draft = await begun(sitthi, shopName="ก", places=9)
    [problem] = (await apply(sitthi, draft))["problems"]
    assert (problem["code"], problem["path"]) == ("DRAFT_UNFIT", ["answers", "places"])
    saved = await save(sitthi, draft=draft["id"], revision=1, answers={"places": 1})
    [problem] = (await apply(sitthi, saved["draft"]))["problems"]
    assert (problem["code"], problem["path"]) == ("BAD_INPUT", ["answers", "shopName"])
    assert len(await mine(sitthi)) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"programme": "old-age-allowance"},
        {"service": SERVICE},
        {"answers": {}},
        {"draftRevision": None},
    ],
)
async def test_a_draft_comes_alone_and_with_its_revision(sitthi: Served, office: Office, more: dict[str, Any]) -> None:
    draft = await begun(sitthi, shopName="ก")
    assert codes(await apply(sitthi, draft, **more)) == ["BAD_INPUT"]
    alone = await sitthi.do("apply", APPLIED, WHO, draftRevision=1)
    assert codes(alone) == ["BAD_INPUT"]


async def test_who_applies_beside_the_draft_has_none_left(sitthi: Served, office: Office) -> None:
    await begun(sitthi, shopName="ก")
    await sitthi.do("apply", "application { id }", WHO, service=SERVICE, answers={"shopName": "ข"})
    assert await mine(sitthi) == []


async def test_of_two_devices_that_send_the_same_draft_at_once_one_applies(sitthi: Served, office: Office) -> None:
    draft = await begun(sitthi, shopName="ก")
    both = await asyncio.gather(*(apply(sitthi, draft) for _ in range(6)))
    assert sum(one["application"] is not None for one in both) == 1
    assert {code for one in both for code in codes(one)} <= {"ALREADY_APPLIED", "DRAFT_GONE"}


async def test_another_form_tells_which_answers_are_gone_and_sends_the_rest(sitthi: Served, office: Office) -> None:
    draft = await begun(sitthi, shopName="ก", places=2)
    properties = {name: schema for name, schema in PROPERTIES.items() if name != "places"}
    sitthi.house.registry.remove(SLUG)
    sitthi.house.registry.add(office.plugin(form={**STALL, "properties": properties}))
    [seen] = await mine(sitthi)
    assert (seen["formChanged"], seen["gone"], seen["problems"]) == (True, [["places"]], [])
    assert codes(await apply(sitthi, draft)) == []
    await sitthi.house.courier.tick()
    for task in [*sitthi.house.courier._under_way.values()]:
        await task
    assert office.asked("takeIt")[0].arguments["application"]["answers"] == {"shopName": "ก"}


async def test_an_answer_to_what_does_not_apply_any_more_is_kept_and_not_sent(sitthi: Served, office: Office) -> None:
    form = {
        **STALL,
        "if": {"properties": {"places": {"minimum": 2}}, "required": ["places"]},
        "then": {"required": ["why"]},
    }
    form["properties"] = {**PROPERTIES, "why": {"type": "string", "x-citizen-only": WORDS, "title": "เหตุผล"}}
    sitthi.house.registry.remove(SLUG)
    sitthi.house.registry.add(office.plugin(form=form))
    draft = await begun(sitthi, shopName="ก", places=2, why="ขายดี")
    asked = {one["path"]: one for one in (await mine(sitthi))[0]["form"]["fields"]}
    assert (asked["why"]["applies"], asked["why"]["required"]) == (True, True)
    draft = (await save(sitthi, draft=draft["id"], revision=1, answers={"shopName": "ก", "places": 1, "why": "x"}))[
        "draft"
    ]
    [seen] = await mine(sitthi)
    assert seen["answers"]["why"] == "x"
    assert {one["path"]: one["applies"] for one in seen["form"]["fields"]}["why"] is False
    assert codes(await apply(sitthi, draft)) == []
    await sitthi.house.courier.tick()
    for task in [*sitthi.house.courier._under_way.values()]:
        await task
    assert office.asked("takeIt")[0].arguments["application"]["answers"] == {"shopName": "ก", "places": 1}


async def test_who_may_apply_for_the_citizen_sees_and_saves_drafts_and_who_may_only_look_does_not(
    sitthi: Served,
) -> None:
    given = {"programme": "aids-allowance", "answers": {"without_support": True}}
    may = await act(sitthi, "worker", await delegated(sitthi, WHO, "worker", "VIEW", "APPLY"))
    made = await save(sitthi, may, **given)
    assert made["problems"] == []
    assert [one["id"] for one in await mine(sitthi)] == [made["draft"]["id"]]
    async with sitthi.house.db.read() as session:
        [row] = await session.scalars(select(Draft))
    assert row.saved_by is not None
    looks = await act(sitthi, "official", await delegated(sitthi, WHO, "official", "VIEW"))
    answer = (await sitthi.post(MINE, persona=looks)).json()
    assert answer["errors"][0]["extensions"]["code"] == "NOT_DELEGATED"
    again = await save(sitthi, looks, draft=made["draft"]["id"], revision=1, answers={})
    assert codes(again) == ["NOT_DELEGATED"]


async def test_where_a_service_lets_nobody_act_for_another_nobody_drafts_for_them(
    sitthi: Served, office: Office
) -> None:
    may = await act(sitthi, "worker", await delegated(sitthi, WHO, "worker", "VIEW", "APPLY"))
    assert codes(await save(sitthi, may, service=SERVICE, answers={})) == ["NOT_DELEGATED"]


async def test_drafts_are_in_the_copy_of_ones_data_and_go_with_whoever_leaves(sitthi: Served, office: Office) -> None:
    await begun(sitthi, shopName="zq9-marker")
    async with sitthi.house.db.read() as session:
        [row] = await session.scalars(select(Draft))
    assert b"zq9-marker" in await readable(sitthi, row.person)
    await left_behind(sitthi)
    async with sitthi.house.db.read() as session:
        assert list(await session.scalars(select(Draft))) == []


async def left_behind(sitthi: Served) -> None:
    signed_in_with(sitthi)
    await left(sitthi)
    await ran(sitthi)


async def test_a_draft_that_nobody_may_send_for_the_citizen_is_hidden_from_who_acts_for_them(
    sitthi: Served, office: Office
) -> None:
    own = await begun(sitthi, shopName="zq9-secret")
    may = await act(sitthi, "worker", await delegated(sitthi, WHO, "worker", "VIEW", "APPLY"))
    assert await mine(sitthi, may) == []
    node = "query N($id: ID!) { node(id: $id) { ... on Draft { answers } } }"
    assert (await sitthi.graph(node, {"id": own["id"]}, persona=may))["node"] is None
    changed = await save(sitthi, may, draft=own["id"], revision=1, answers={"shopName": "theirs"})
    assert (codes(changed), changed["conflict"]) == (["DRAFT_GONE"], None)
    behind = await save(sitthi, may, draft=own["id"], revision=9, answers={})
    assert (codes(behind), behind["conflict"]) == (["DRAFT_GONE"], None)
    for revision in (1, 9):
        thrown = await sitthi.do(
            "discardDraft", f"conflict {{ current {{ {SEEN} }} }}", may, draft=own["id"], revision=revision
        )
        assert (codes(thrown), thrown["conflict"]) == (["DRAFT_GONE"], None)
    sent = await apply(sitthi, {"id": own["id"], "revision": 9}, may)
    assert (codes(sent), sent["conflict"]) == (["DRAFT_GONE"], None)
    [kept] = await mine(sitthi)
    assert (kept["revision"], kept["answers"]) == (1, {"shopName": "zq9-secret"})


async def test_who_may_only_look_finds_no_draft_by_its_id_either(sitthi: Served) -> None:
    made = await save(sitthi, programme="aids-allowance", answers={"without_support": True})
    node = "query N($id: ID!) { node(id: $id) { ... on Draft { answers } } }"
    looks = await act(sitthi, "official", await delegated(sitthi, WHO, "official", "VIEW"))
    answer = (await sitthi.post(node, {"id": made["draft"]["id"]}, persona=looks)).json()
    assert "without_support" not in str(answer)
