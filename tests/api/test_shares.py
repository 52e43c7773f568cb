"""A citizen shares a document with one verifier, who opens it by its link: through the whole application."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from datetime import datetime, timedelta
from typing import Any, Final

import httpx2
import pytest
from sqlalchemy import select
from sqlmodel import col

from core.graph import global_id
from core.ids import GlobalId
from core.text import Text
from identity.juristic.models import JuristicKind
from identity.juristic.register import By
from services.know.entries import service_id
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.models import CredentialStatus, KeptType
from services.receive.credentials.sd_jwt import SdJwt
from services.receive.credentials.service import Credentials
from services.receive.credentials.status import Status, read_status
from services.receive.credentials.verifying import Asked, Verified, verify
from services.receive.shares.making import LASTS_MAX, OPENINGS_MAX, SHARES_MAX
from services.receive.shares.models import Share, ShareOpening
from services.receive.shares.service import PREPARED_LIVES, PREPARED_MAX, SHOWN_FOR, Shares
from services.receive.standing.models import PrintedPaper
from tests.api.test_juristic_ingest import numbered
from tests.services.receive.credentials.office import AGENCY, NAME, SERVICE, Office
from tests.support.acting import act, delegated, signed_in_with
from tests.support.agency import code_of
from tests.support.app import Served

PREPARED: Final = "prepared { id title choices { pointer title value always } expiresAt }"
SHARE: Final = (
    "share { id kind status title verifier verifierNumber sharer shown url openingsMax openings { at } expiresAt "
    "revokedAt }"
)
MINE: Final = "{ viewer { shares { nodes { id status title url openings { at } } } } }"
LOG: Final = (
    "{ viewer { accessLog { nodes { asker { label } purpose { id } basis attributes { id } "
    "outcomes { states { state error } } } } } }"
)
AVERAGE: Final = "/gpax_at_least_3_00"
DAY: Final = timedelta(days=1)
PROGRAM: Final = {"content-type": "application/json"}


@pytest.fixture
def office(sitthi: Served) -> Office:
    made = Office()
    sitthi.house.registry.add(made.plugin())
    return made


async def prepared(sitthi: Served, **given: Any) -> dict[str, Any]:
    payload = await sitthi.do("prepareShare", PREPARED, "graduate", **{"service": SERVICE, "credential": NAME, **given})
    assert payload["problems"] == []
    found: dict[str, Any] = payload["prepared"]
    return found


async def create(sitthi: Served, **given: Any) -> dict[str, Any]:
    until = (sitthi.clock.now() + 7 * DAY).isoformat()
    if not {"prepared", "document"} & given.keys():
        given["prepared"] = (await prepared(sitthi))["id"]
    if "verifierNumber" not in given:
        given.setdefault("verifier", "บริษัท ทดสอบ จำกัด")
    wish = {"until": until, "openings": 3, **given}
    if "document" not in given:
        wish = {"disclose": [AVERAGE], **wish}
    return await sitthi.do("createShare", SHARE, "graduate", **wish)


async def shared(sitthi: Served, **given: Any) -> dict[str, Any]:
    payload = await create(sitthi, **given)
    assert payload["problems"] == []
    share: dict[str, Any] = payload["share"]
    return share


def codes(payload: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in payload["problems"]]


def path_of(sitthi: Served, share: dict[str, Any]) -> str:
    return str(share["url"]).removeprefix(sitthi.house.settings.issuer)


async def opened(sitthi: Served, path: str, nonce: str | None = None) -> httpx2.Response:
    """As a program."""
    return await sitthi.http.post(path, json={} if nonce is None else {"nonce": nonce})


async def believed(sitthi: Served, told: dict[str, Any]) -> Verified:
    """By the keys of the issuer and its list, as somebody else verifies it."""
    room = sitthi.house.rooms.get(Credentials)
    await room.issuers.follow()
    found = verify(told["presentation"], room.issuers, sitthi.clock.now(), asked=Asked(told["audience"], told["nonce"]))
    assert found.status is not None
    answer = await sitthi.http.get(found.status.uri.removeprefix(sitthi.house.settings.issuer))
    if read_status(answer.text, found.status, found.issuer, room.issuers, sitthi.clock.now()) is not Status.VALID:
        raise CredentialRefused(Why.REVOKED)
    return found


async def test_what_the_citizen_chose_is_opened_and_believed_and_nothing_else_is_told(
    sitthi: Served, office: Office
) -> None:
    choices = (await prepared(sitthi))["choices"]
    assert {one["pointer"]: one["always"] for one in choices} == {
        "/institution": True, "/courses": False, "/courses/0": False, "/courses/1": False, AVERAGE: False,
    }  # fmt: skip
    share = await shared(sitthi, disclose=["/courses/1"], sharer="ตัวอย่าง ใจดี")
    assert (share["status"], share["shown"], share["title"]) == ("OPEN", ["Course"], "Degree")
    answer = await opened(sitthi, path_of(sitthi, share), nonce="nonce-of-the-verifier")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    found = await believed(sitthi, told)
    assert told["nonce"] == "nonce-of-the-verifier"
    assert found.claims["courses"] == [{"code": "PH102", "grade": "B"}]
    assert found.claims["institution"] == "มหาวิทยาลัยทดสอบ"
    assert "gpax_at_least_3_00" not in found.claims
    assert "MA101" not in "".join(SdJwt.parse(told["presentation"]).disclosures)
    assert (told["left"], told["status"]) == (2, "VALID")
    assert office.calls


async def test_a_whole_that_is_chosen_shows_what_stands_in_it(sitthi: Served, office: Office) -> None:
    share = await shared(sitthi, disclose=["/courses"])
    told = (await opened(sitthi, path_of(sitthi, share))).json()
    assert [one["code"] for one in (await believed(sitthi, told)).claims["courses"]] == ["MA101", "PH102"]
    assert office.calls


async def test_a_presentation_is_for_one_verifier_and_one_opening(sitthi: Served, office: Office) -> None:
    path = path_of(sitthi, await shared(sitthi))
    first, second = (await opened(sitthi, path)).json(), (await opened(sitthi, path)).json()
    assert first["nonce"] != second["nonce"]
    assert "%E0%B8%9A" in first["audience"], "it names whom it is for"
    for changed, why in (({"nonce": second["nonce"]}, Why.PROOF_NONCE), ({"audience": "x"}, Why.PROOF_AUDIENCE)):
        with pytest.raises(CredentialRefused) as refused:
            await believed(sitthi, {**first, **changed})
        assert refused.value.why is why
    assert office.calls


async def test_what_was_kept_of_an_opening_is_verified_by_the_public_page_as_well(
    sitthi: Served, office: Office
) -> None:
    told = (await opened(sitthi, path_of(sitthi, await shared(sitthi)))).json()
    kept = told["presentation"].rpartition("~")[0] + "~"
    sitthi.clock.advance(timedelta(hours=1))
    answer = await sitthi.http.post("/verify/credential", json={"credential": kept})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["valid"], answer.json()["holder"]) == (True, "NOT_PROVED")
    assert answer.json()["claims"]["gpax_at_least_3_00"] is True
    replayed = {"credential": told["presentation"], "nonce": told["nonce"]}
    assert (await sitthi.http.post("/verify/credential", json=replayed)).status_code == 422
    assert office.calls


async def test_looking_at_the_page_opens_nothing_and_tells_little(sitthi: Served, office: Office) -> None:
    share = await shared(sitthi, verifier="A <b>bold</b> firm", sharer="Tuayang")
    [*_, page] = [await sitthi.http.get(path_of(sitthi, share)) for _ in range(5)]
    assert page.status_code == 200
    assert "A &lt;b&gt;bold" in page.text
    assert "Tuayang" in page.text
    assert "gpax" not in page.text
    assert "มหาวิทยาลัยทดสอบ" not in page.text
    mine = (await sitthi.graph(MINE, persona="graduate"))["viewer"]["shares"]["nodes"]
    assert [one["openings"] for one in mine] == [[]]
    headers = page.headers
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert headers["x-robots-tag"] == "noindex"
    assert office.calls


async def test_a_person_opens_it_by_the_page_without_a_script(sitthi: Served, office: Office) -> None:
    path = path_of(sitthi, await shared(sitthi))
    page = await sitthi.http.post(path, headers={"content-type": "application/x-www-form-urlencoded"})
    assert page.status_code == 200
    assert "Average of 3.00 or more" in page.text
    [text] = re.findall(r"<textarea[^>]*>([^<]+)</textarea>", page.text)
    [audience, nonce] = re.findall(r"<dt>(?:aud|nonce)</dt><dd>([^<]+)</dd>", page.text)
    assert "up to the last ~" in page.text
    again = {"credential": text[: text.rindex("~") + 1]}
    assert (await sitthi.http.post("/verify/credential", json=again)).json()["valid"] is True
    found = await believed(sitthi, {"presentation": text, "audience": audience, "nonce": nonce})
    assert found.claims["gpax_at_least_3_00"] is True
    assert page.headers["referrer-policy"] == "no-referrer"
    assert office.calls


async def test_of_many_openings_at_once_there_are_exactly_as_many_as_the_citizen_allowed(
    sitthi: Served, office: Office
) -> None:
    share = await shared(sitthi, openings=3)
    answers = await asyncio.gather(*(opened(sitthi, path_of(sitthi, share)) for _ in range(9)))
    assert sorted(one.status_code for one in answers) == [200] * 3 + [404] * 6
    async with sitthi.house.db.read() as session:
        rows = (await session.scalars(select(ShareOpening))).all()
        [row] = (await session.scalars(select(Share).where(col(Share.code).is_not(None)))).all()
    assert (len(rows), row.opened) == (3, 3)
    [mine] = (await sitthi.graph(MINE, persona="graduate"))["viewer"]["shares"]["nodes"]
    assert (mine["status"], len(mine["openings"]), mine["url"]) == ("USED_UP", 3, None)
    assert office.calls


async def test_an_opening_is_in_the_access_log_and_its_citizen_is_told(sitthi: Served, office: Office) -> None:
    await opened(sitthi, path_of(sitthi, await shared(sitthi, verifier="Firm {x}")))
    log = (await sitthi.graph(LOG, persona="graduate"))["viewer"]["accessLog"]["nodes"]
    [entry] = [one for one in log if one["purpose"]["id"] == "share"]
    assert entry == {
        "asker": {"label": "Firm {x} (as you named them; nobody has checked who opens it)"},
        "purpose": {"id": "share"}, "basis": "CONSENT",
        "attributes": [{"id": f"{AGENCY}:degreeCredential"}],
        "outcomes": [{"states": [{"state": "FRESH", "error": None}]}],
    }  # fmt: skip
    inbox = await sitthi.graph("{ viewer { inbox { nodes { title body } } } }", persona="graduate")
    [message] = [one for one in inbox["viewer"]["inbox"]["nodes"] if "opened" in one["title"]]
    assert "Firm {x}" in message["body"]
    assert office.calls


async def test_wrong_over_used_up_and_revoked_are_one_and_the_same_answer(sitthi: Served, office: Office) -> None:
    used, revoked, over = [await shared(sitthi, openings=1) for _ in range(3)]
    await opened(sitthi, path_of(sitthi, used))
    payload = await sitthi.do("revokeShare", SHARE, "graduate", share=revoked["id"])
    assert payload["share"]["status"] == "REVOKED"
    await sitthi.do("revokeShare", SHARE, "graduate", share=revoked["id"])
    paths = [path_of(sitthi, one) for one in (used, revoked, over)]
    sitthi.clock.advance(7 * DAY)
    answers = [
        (one.status_code, one.text, sorted(one.headers))
        for path in (*paths, "/verify/s/" + "A" * 32, "/verify/s/x")
        for one in (await sitthi.http.get(path), await sitthi.http.post(path, data={}))
    ]
    assert {status for status, _, _ in answers} == {404}
    assert len({text for _, text, _ in answers}) == 1
    assert {(await opened(sitthi, path)).json()["errors"][0]["extensions"]["code"] for path in paths} == {
        "SHARE_NOT_THERE"
    }
    assert office.calls


async def test_a_share_ends_on_the_second(sitthi: Served, office: Office) -> None:
    share = await shared(sitthi)
    until = datetime.fromisoformat(share["expiresAt"])
    sitthi.clock.advance(until - sitthi.clock.now() - timedelta(seconds=1))
    assert (await opened(sitthi, path_of(sitthi, share))).status_code == 200
    sitthi.clock.advance(timedelta(seconds=1))
    assert (await opened(sitthi, path_of(sitthi, share))).status_code == 404
    assert office.calls


async def test_whoever_opens_while_its_citizen_revokes_it_is_told_no_more_than_a_stranger(
    sitthi: Served, office: Office
) -> None:
    for _ in range(3):
        share = await shared(sitthi, openings=5)
        [payload, *answers] = await asyncio.gather(
            sitthi.do("revokeShare", SHARE, "graduate", share=share["id"]),
            *(opened(sitthi, path_of(sitthi, share)) for _ in range(4)),
        )
        assert payload["share"]["status"] == "REVOKED"
        assert {one.status_code for one in answers} <= {200, 404}
    assert office.calls


async def test_what_was_shown_is_taken_back_with_the_share(sitthi: Served, office: Office) -> None:
    share = await shared(sitthi)
    told = (await opened(sitthi, path_of(sitthi, share))).json()
    await believed(sitthi, told)
    await sitthi.do("revokeShare", SHARE, "graduate", share=share["id"])
    with pytest.raises(CredentialRefused) as refused:
        await believed(sitthi, told)
    assert refused.value.why is Why.REVOKED
    assert office.calls


async def test_what_the_agency_took_back_is_not_shown_and_costs_no_opening(sitthi: Served, office: Office) -> None:
    share = await shared(sitthi, openings=1)
    key = GlobalId.parse(share["id"]).id
    async with sitthi.house.db.write() as session:
        row = (await session.scalars(select(Share).where(col(Share.id) == key))).one()
        assert row.list is not None
        session.add(
            CredentialStatus(agency=row.agency, list=row.list, place=row.place or 0, status=2, at=sitthi.clock.now())
        )
    answer = await opened(sitthi, path_of(sitthi, share))
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (409, "SHARE_TAKEN_BACK")
    page = await sitthi.http.post(path_of(sitthi, share), data={})
    assert page.status_code == 409
    async with sitthi.house.db.write() as session:
        row = (await session.scalars(select(Share).where(col(Share.id) == key))).one()
        assert row.opened == 0
        await session.delete((await session.scalars(select(CredentialStatus))).one())
    assert (await opened(sitthi, path_of(sitthi, share))).status_code == 200
    assert office.calls


@pytest.mark.parametrize(
    "nonce", ["short", "x" * 129, "with a space", "ไทยไทยไทย", 7], ids=["short", "long", "space", "thai", "number"]
)
async def test_a_nonce_of_another_form_is_refused_and_counts_nothing(
    sitthi: Served, office: Office, nonce: Any
) -> None:
    path = path_of(sitthi, await shared(sitthi, openings=1))
    answer = await sitthi.http.post(path, json={"nonce": nonce})
    assert answer.status_code == 400
    assert (await sitthi.http.post(path, content=b"[", headers=PROGRAM)).status_code == 400
    assert (await sitthi.http.post(path, content=b"x" * 2_000, headers=PROGRAM)).status_code == 413
    assert (await opened(sitthi, path)).status_code == 200
    assert office.calls


async def test_what_was_prepared_is_made_once_and_ends(sitthi: Served, office: Office) -> None:
    ready = await prepared(sitthi)
    answers = await asyncio.gather(*(create(sitthi, prepared=ready["id"]) for _ in range(3)))
    assert sorted(codes(one) for one in answers) == [[], ["SHARE_CHOSEN"], ["SHARE_CHOSEN"]]
    late = await prepared(sitthi)
    sitthi.clock.advance(PREPARED_LIVES)
    assert codes(await create(sitthi, prepared=late["id"])) == ["SHARE_CHOSEN"]
    assert office.calls


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"disclose": []}, "BAD_INPUT"),
        ({"disclose": ["/courses/2"]}, "BAD_INPUT"),
        ({"disclose": ["/institution"]}, "BAD_INPUT"),
        ({"openings": 0}, "BAD_INPUT"),
        ({"openings": OPENINGS_MAX + 1}, "BAD_INPUT"),
        ({"verifier": " "}, "BAD_INPUT"),
        ({"verifier": "see www.firm.example"}, "BAD_INPUT"),
        ({"verifier": "x" * 121}, "BAD_INPUT"),
        ({"verifier": "a\u0000b"}, "BAD_INPUT"),
        ({"sharer": "0 0000 00000 00 1"}, "BAD_INPUT"),
        ({"verifierNumber": "1"}, "MALFORMED_JURISTIC_NUMBER"),
        ({"verifierNumber": "0105500000009"}, "BAD_INPUT"),
        ({"document": "x"}, "MALFORMED_ID"),
    ],
)
async def test_what_cannot_be_shared_so_is_refused(
    sitthi: Served, office: Office, given: dict[str, Any], code: str
) -> None:
    ready = await prepared(sitthi)
    if given.get("verifierNumber") == "0105500000009":
        given = {"verifierNumber": numbered(9).digits}
    assert codes(await create(sitthi, prepared=ready["id"], **given)) == [code]
    assert office.calls


async def test_the_last_day_is_ninety_days_away_and_not_over(sitthi: Served, office: Office) -> None:
    now, second = sitthi.clock.now(), timedelta(seconds=1)
    for until in (now, now + LASTS_MAX + second):
        assert codes(await create(sitthi, until=until.isoformat())) == ["BAD_INPUT"]
    for until in (now + second, now + LASTS_MAX):
        assert codes(await create(sitthi, until=until.isoformat())) == []
    assert office.calls


async def test_a_verifier_can_be_one_of_the_agencys_register(sitthi: Served, office: Office) -> None:
    register, number = sitthi.house.identity.office.juristic, numbered(7)
    async with sitthi.house.db.write() as session:
        await register.enter(
            session, number, agency=AGENCY, kind=JuristicKind.OTHER, title=Text(th="บริษัท เจ็ด", en="Seven"),
            directors=(), by=By(None, AGENCY),
        )  # fmt: skip
    share = await shared(sitthi, verifierNumber=number.digits)
    assert (share["verifier"], share["verifierNumber"]) == ("บริษัท เจ็ด", number.digits)
    told = (await opened(sitthi, path_of(sitthi, share))).json()
    assert told["audience"].endswith(f"#for={number.digits}")
    assert office.calls


async def test_so_many_are_open_at_a_time_and_a_revoked_one_makes_room(sitthi: Served, office: Office) -> None:
    made = [await shared(sitthi) for _ in range(SHARES_MAX)]
    assert codes(await create(sitthi)) == ["TOO_MANY_SHARES"]
    await sitthi.do("revokeShare", SHARE, "graduate", share=made[0]["id"])
    assert codes(await create(sitthi)) == []
    assert office.calls


async def test_so_many_wait_to_be_chosen_from(sitthi: Served, office: Office) -> None:
    for _ in range(PREPARED_MAX):
        await prepared(sitthi)
    payload = await sitthi.do("prepareShare", PREPARED, "graduate", service=SERVICE, credential=NAME)
    assert codes(payload) == ["TOO_MANY_SHARES"]
    assert len(office.calls) == PREPARED_MAX


async def test_the_same_key_is_the_same_share(sitthi: Served, office: Office) -> None:
    ready, key = await prepared(sitthi), "key-of-this-share"
    until = (sitthi.clock.now() + DAY).isoformat()
    given = {"prepared": ready["id"], "until": until, "idempotencyKey": key}
    first = await create(sitthi, **given)
    assert await create(sitthi, **given) == first
    assert first["share"]["url"] is not None
    assert codes(await create(sitthi, **{**given, "openings": 2})) == ["IDEMPOTENCY_CONFLICT"]
    assert office.calls


async def test_nobody_else_sees_or_revokes_it_and_who_acts_for_the_citizen_does_not(
    sitthi: Served, office: Office
) -> None:
    share = await shared(sitthi)
    assert codes(await sitthi.do("revokeShare", SHARE, "elder", share=share["id"])) == ["SHARE_NOT_FOUND"]
    other = await sitthi.graph("query($id: ID!) { node(id: $id) { id } }", {"id": share["id"]}, persona="elder")
    assert other["node"] is None
    ready = await prepared(sitthi)
    unmade = await sitthi.graph("query($id: ID!) { node(id: $id) { id } }", {"id": ready["id"]}, persona="graduate")
    assert unmade["node"] is None
    assert office.calls


async def test_who_acts_for_a_citizen_shares_nothing_of_theirs_and_sees_no_shares(
    sitthi: Served, office: Office
) -> None:
    carer = await act(sitthi, "worker", await delegated(sitthi, "elder", "worker", "VIEW", "APPLY"))
    payload = await sitthi.do("prepareShare", PREPARED, carer, service=SERVICE, credential=NAME)
    assert codes(payload) == ["NOT_DELEGATED"]
    answer = (await sitthi.post(MINE, persona=carer)).json()
    assert answer["errors"][0]["extensions"]["code"] == "NOT_DELEGATED"
    assert not office.calls


async def test_what_is_shared_of_claims_stands_among_what_was_issued_and_can_be_taken_back_there(
    sitthi: Served, office: Office
) -> None:
    share = await shared(sitthi)
    issued = "{ viewer { credentials { nodes { id status expiresAt } } } }"
    [one] = (await sitthi.graph(issued, persona="graduate"))["viewer"]["credentials"]["nodes"]
    assert one["expiresAt"] == share["expiresAt"]
    await sitthi.do("revokeCredential", "credential { id }", "graduate", credential=one["id"])
    assert code_of(await opened(sitthi, path_of(sitthi, share))) == (409, "SHARE_TAKEN_BACK")
    log = (await sitthi.graph(LOG, persona="graduate"))["viewer"]["accessLog"]["nodes"]
    [entry] = [node for node in log if node["purpose"]["id"] == "share"]
    assert entry["outcomes"] == [{"states": [{"state": "UNAVAILABLE", "error": "SHARE_TAKEN_BACK"}]}]
    assert office.calls


async def test_nothing_is_opened_of_who_has_had_the_use_of_their_data_stopped(sitthi: Served, office: Office) -> None:
    share = await shared(sitthi, openings=1)
    given = {"ground": "ACCURACY", "statement": "กำลังขอแก้ไข"}
    restricted = await sitthi.do("restrictUse", "request { id }", "graduate", **given)
    assert code_of(await opened(sitthi, path_of(sitthi, share))) == (404, "SHARE_NOT_THERE")
    query = "{ viewer { accessLog { nodes { purpose { id } decision reason } } } }"
    log = (await sitthi.graph(query, persona="graduate"))["viewer"]["accessLog"]["nodes"]
    assert {"purpose": {"id": "share"}, "decision": "DENIED", "reason": "RESTRICTED"} in log
    await sitthi.do("liftRestriction", "request { id }", "graduate", request=restricted["request"]["id"])
    assert (await opened(sitthi, path_of(sitthi, share))).status_code == 200
    assert office.calls


async def test_what_was_shared_goes_with_an_erasure(sitthi: Served, office: Office) -> None:
    share = await shared(sitthi, until=(sitthi.clock.now() + 60 * DAY).isoformat())
    await opened(sitthi, path_of(sitthi, share))
    signed_in_with(sitthi)
    payload = await sitthi.do("requestErasure", "request { id }", "graduate", stores=["shares"])
    assert payload["problems"] == []
    sitthi.clock.advance(31 * DAY)
    await sitthi.house.privacy.eraser.run()
    assert code_of(await opened(sitthi, path_of(sitthi, share))) == (404, "SHARE_NOT_THERE")
    async with sitthi.house.db.read() as session:
        assert (await session.scalars(select(Share))).all() == []
        assert (await session.scalars(select(ShareOpening))).all() == []
    assert office.calls


async def test_what_is_over_is_emptied_and_later_gone(sitthi: Served, office: Office) -> None:
    await shared(sitthi)
    await prepared(sitthi)
    room = sitthi.house.rooms.get(Shares)
    sitthi.clock.advance(7 * DAY)
    await room.forget()
    async with sitthi.house.db.read() as session:
        [row] = (await session.scalars(select(Share))).all()
    assert (row.content_sealed, row.secret_sealed) == (None, None)
    sitthi.clock.advance(SHOWN_FOR - timedelta(seconds=1))
    await room.forget()
    async with sitthi.house.db.read() as session:
        assert len((await session.scalars(select(Share))).all()) == 1
    sitthi.clock.advance(timedelta(seconds=1))
    await room.forget()
    async with sitthi.house.db.read() as session:
        assert (await session.scalars(select(Share))).all() == []
    assert office.calls


async def test_a_signed_paper_is_opened_whole_and_verified(sitthi: Served) -> None:
    service = str(global_id("Service", service_id("service:mhesi")))
    payload = await sitthi.do("issueDocument", "document { id }", "graduate", service=service, operation="transcript")
    assert payload["problems"] == []
    share = await shared(sitthi, document=payload["document"]["id"], openings=1)
    assert (share["kind"], share["shown"]) == ("PAPER", [])
    page = await sitthi.http.get(path_of(sitthi, share))
    assert "PDF" in page.text
    answer = await sitthi.http.post(path_of(sitthi, share), data={})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="shared.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    checked = await sitthi.http.post("/verify/", content=answer.content, headers={"content-type": "application/pdf"})
    assert checked.json()["valid"] is True
    assert (await opened(sitthi, path_of(sitthi, share))).status_code == 404


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.INVALID])
async def test_a_paper_that_its_agency_took_back_is_not_shown_and_costs_no_opening(
    sitthi: Served, status: Status
) -> None:
    service = str(global_id("Service", service_id("service:mhesi")))
    payload = await sitthi.do("issueDocument", "document { id }", "graduate", service=service, operation="transcript")
    share = await shared(sitthi, document=payload["document"]["id"], openings=1)
    async with sitthi.house.db.write() as session:
        row = (await session.scalars(select(PrintedPaper))).one()
        row.status = int(status)
    for answer in (await opened(sitthi, path_of(sitthi, share)), await sitthi.http.post(path_of(sitthi, share))):
        assert answer.status_code == 409
        assert b"%PDF" not in answer.content
    async with sitthi.house.db.write() as session:
        [row] = (await session.scalars(select(PrintedPaper))).all()
        row.status = 0
    assert (await opened(sitthi, path_of(sitthi, share))).content.startswith(b"%PDF")


async def test_what_is_shared_names_its_types_document_by_its_hash_and_the_document_stays(
    sitthi: Served, office: Office
) -> None:
    told = (await opened(sitthi, path_of(sitthi, await shared(sitthi)))).json()
    vct, integrity = told["claims"]["vct"], told["claims"]["vct#integrity"]
    document = (await sitthi.http.get(vct.removeprefix(sitthi.house.settings.issuer))).content
    assert integrity == f"sha256-{base64.b64encode(hashlib.sha256(document).digest()).decode()}"
    async with sitthi.house.db.read() as session:
        [kept] = (await session.scalars(select(KeptType))).all()
    assert kept.document == document, "whatever the manifest says later"
    assert office.calls
