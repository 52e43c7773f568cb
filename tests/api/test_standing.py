"""An agency takes back, suspends, reinstates and reissues what it issued: at once, once, and the citizen is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select

from core.paper import font_families
from core.text import Text
from identity.officers import Officer
from identity.officers.errors import ConflictOfInterest, RoleMissing
from identity.officers.register import SignIn
from identity.proposals.acts import ProposalKind
from identity.proposals.errors import ConcernsYourself, MakerIsChecker
from identity.proposals.service import Proposals
from services.receive.credentials.service import Credentials
from services.receive.credentials.showing import VERIFY_PATH
from services.receive.credentials.status import Status, read_status
from services.receive.credentials.verifying import verify
from services.receive.offline.making import Bundles
from services.receive.papers.service import Papers
from services.receive.standing.desk import APPROVES, PROPOSES, IssuedDesk
from services.receive.standing.models import HeldPaper, PrintedPaper
from services.receive.standing.register import PaperRegister
from services.receive.standing.states import StandingActKind
from tests.identity.officers_of_tests import PASSKEY
from tests.laws.cases import person_of
from tests.services.receive.credentials.office import AGENCY, Office, Wallet, offered, wallet_of
from tests.services.receive.papers.conftest import order
from tests.support import programs
from tests.support.agency import AgencySystem, named
from tests.support.app import Served
from tests.support.officers import serves, signed_in_strongly

ISSUED: Final = "/agency/v1/issued"
CLERK: Final = {"kind": "SYSTEM", "id": "registrar"}
REASON: Final = {"th": "ออกผิดคน", "en": "issued to somebody else"}
KEY: Final = "a-call-of-this-test"
SCOPES: Final = ("agency.services",)
ACTS: Final = "{ viewer { standingActs { nodes { kind act reason issued agency } } } }"


@pytest.fixture(autouse=True)
def office(sitthi: Served) -> Office:
    made = Office()
    sitthi.house.registry.add(made.plugin())
    return made


@dataclass
class Held:
    """A credential of the graduate, and the agency's system."""

    sitthi: Served
    system: AgencySystem
    texts: list[str]
    wallet: Wallet
    issued: str

    async def act(self, act: str, key: str = KEY, issued: str | None = None, **given: Any) -> httpx2.Response:
        body = {"agent": CLERK, "reason": REASON, **given}
        return await self.system.post(f"{ISSUED}/{issued or self.issued}/{act}", body, **{"idempotency-key": key})

    async def listed(self) -> list[dict[str, Any]]:
        answer = await self.system.post(f"{ISSUED}/list", {"agent": CLERK, "person": named("graduate")})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["issued"]
        return found

    async def statuses(self) -> set[Status]:
        """As any verifier reads them, of every copy."""
        room, now = self.sitthi.house.rooms.get(Credentials), self.sitthi.clock.now()
        found = set()
        for text in self.texts:
            told = verify(text, room.issuers, now, unproven=True)
            assert told.status is not None
            answer = await self.sitthi.http.get(told.status.uri.removeprefix(self.sitthi.house.settings.issuer))
            found.add(read_status(answer.text, told.status, told.issuer, room.issuers, now))
        return found

    async def messages(self) -> list[str]:
        query = "{ viewer { inbox(first: 50) { nodes { title body } } } }"
        nodes = (await self.sitthi.graph(query, persona="graduate"))["viewer"]["inbox"]["nodes"]
        assert REASON["en"] not in str(nodes), "the reason is told where they are signed in, and in no message"
        return [node["title"] for node in nodes]

    async def told(self) -> list[dict[str, Any]]:
        acts: list[dict[str, Any]] = (await self.sitthi.graph(ACTS, persona="graduate"))["viewer"]["standingActs"][
            "nodes"
        ]
        return acts


@pytest.fixture
async def held(sitthi: Served) -> Held:
    wallet = wallet_of(sitthi, keys=2)
    texts = await wallet.fetch(await offered(sitthi))
    made = Held(sitthi, await AgencySystem.registered(sitthi, AGENCY, SCOPES), texts, wallet, "")
    [one] = await made.listed()
    made.issued = one["id"]
    return made


@dataclass
class Paper:
    content: bytes
    id: str
    sha256: str


async def paper_of(sitthi: Served, who: str = "graduate") -> Paper:
    """One that the agency signed, and the persona has."""
    if not font_families():
        programs.absent("no Thai font: script/setup fetches one")
    content = await sitthi.house.rooms.get(Papers).made(order(agency=AGENCY))
    person = await person_of(sitthi, who)
    async with sitthi.house.db.write() as session:
        row = (await session.scalars(select(PrintedPaper))).one()
        await sitthi.house.rooms.get(PaperRegister).kept(session, person, UUID(int=1), row.sha256)
    return Paper(content, row.id.hex, row.sha256.hex())


async def verified(sitthi: Served, paper: Paper) -> str:
    """`valid`, or the reason why not."""
    headers = {"content-type": "application/pdf"}
    answer = await sitthi.http.post("/verify/", content=paper.content, headers=headers)
    return "valid" if answer.status_code == 200 else code(answer)


def code(answer: httpx2.Response) -> str:
    [error] = answer.json()["errors"]
    found: str = error["extensions"]["code"]
    return found


async def test_what_is_suspended_reinstated_and_revoked_is_read_so_at_once(held: Held) -> None:
    for act, status, title in (
        ("suspend", Status.SUSPENDED, "Suspended for now: Degree"),
        ("reinstate", Status.VALID, "Good again: Degree"),
        ("revoke", Status.INVALID, "Taken back: Degree"),
    ):
        answer = await held.act(act, key=f"call-{act}")
        assert (answer.status_code, answer.json()["status"]) == (200, status.name), answer.text
        assert await held.statuses() == {status}
        assert (await held.messages())[0] == title
    told = await held.told()
    assert [(one["act"], one["kind"]) for one in told] == [
        ("REVOKE", "CREDENTIAL"), ("REINSTATE", "CREDENTIAL"), ("SUSPEND", "CREDENTIAL"),
    ]  # fmt: skip
    assert {(one["reason"], one["issued"], one["agency"]) for one in told} == {(REASON["en"], held.issued, AGENCY)}
    refused = await held.sitthi.http.post(VERIFY_PATH, json={"credential": held.texts[0]})
    assert refused.json()["errors"][0]["extensions"]["why"] == "REVOKED"


async def test_a_call_is_done_once_however_often_it_comes(held: Held) -> None:
    answers = await asyncio.gather(*(held.act("revoke") for _ in range(5)))
    assert {one.status_code for one in answers} == {200}
    assert {one.json()["status"] for one in answers} == {"INVALID"}
    assert (await held.messages()).count("Taken back: Degree") == 1
    assert len(await held.told()) == 1
    other = await held.act("revoke", reason={**REASON, "th": "อื่น"})
    assert (other.status_code, code(other)) == (409, "IDEMPOTENCY_CONFLICT")


async def test_of_several_calls_at_once_one_is_done(held: Held) -> None:
    answers = await asyncio.gather(*(held.act("revoke", key=f"call-number-{n}") for n in range(4)))
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
    assert (await held.messages()).count("Taken back: Degree") == 1


@pytest.mark.parametrize(
    ("before", "act"),
    [
        ([], "reinstate"),
        (["suspend"], "suspend"),
        (["revoke"], "reinstate"),
        (["revoke"], "suspend"),
        (["reissue"], "revoke"),
    ],
)
async def test_an_act_that_leads_nowhere_is_refused(held: Held, before: list[str], act: str) -> None:
    for one in before:
        assert (await held.act(one, key=f"call-{one}")).status_code == 200
    refused = await held.act(act, key="another-call")
    assert (refused.status_code, code(refused)) == (409, "STANDING_CONFLICT")
    assert len(await held.told()) == len(before)


async def test_a_reissue_withdraws_the_former_and_a_new_one_is_good(held: Held) -> None:
    assert (await held.act("reissue")).json()["status"] == "INVALID"
    assert (await held.messages())[0] == "A new one takes its place: Degree"
    [fresh] = await wallet_of(held.sitthi).fetch(await offered(held.sitthi))
    assert (await held.sitthi.http.post(VERIFY_PATH, json={"credential": fresh})).status_code == 200
    assert await held.statuses() == {Status.INVALID}
    assert sorted(one["status"] for one in await held.listed()) == ["INVALID", "VALID"]


async def test_a_wallet_gets_no_more_copies_of_what_was_taken_back(sitthi: Served) -> None:
    wallet, offer = wallet_of(sitthi), await offered(sitthi)
    found = await wallet.offer(offer["uri"])
    token = (await wallet.token(found, offer["digits"])).json()["access_token"]
    assert (await wallet.credential(found["credential_issuer"], token)).status_code == 200
    system = await AgencySystem.registered(sitthi, AGENCY, SCOPES)
    held = Held(sitthi, system, [], wallet, "")
    held.issued = (await held.listed())[0]["id"]
    assert (await held.act("suspend")).status_code == 200
    more = await wallet.credential(found["credential_issuer"], token)
    assert (more.status_code, more.json()["error"]) == (400, "credential_request_denied")


async def test_another_agency_knows_of_none(held: Held) -> None:
    other = await AgencySystem.registered(held.sitthi, "oic", SCOPES)
    answer = await other.post(f"{ISSUED}/list", {"agent": CLERK, "person": named("graduate")})
    assert answer.json() == {"issued": []}
    mine, held.system = held.system, other
    assert code(await held.act("revoke")) == "ISSUED_NOT_FOUND"
    held.system = mine
    for issued, act in (("0" * 32, "revoke"), ("0" * 64, "revoke"), (held.issued, "burn"), ("x", "revoke")):
        answer = await held.act(act, issued=issued)
        assert (answer.status_code, code(answer)) == (404, "ISSUED_NOT_FOUND"), issued
    assert await held.statuses() == {Status.VALID}


@pytest.mark.parametrize(
    "given",
    [
        {"reason": {"th": "ก"}},
        {"reason": {"th": " ", "en": "x"}},
        {"reason": {"th": "ก" * 601, "en": "x"}},
        {"reason": {"th": "ของ 0-1234-56789-01-2", "en": "x"}},
        {"key": "short"},
        {"more": 1},
    ],
)
async def test_a_call_that_cannot_be_told_is_refused(held: Held, given: dict[str, Any]) -> None:
    refused = await held.act("revoke", **given)
    assert (refused.status_code, code(refused)) == (400, "BAD_INPUT")
    assert await held.statuses() == {Status.VALID}


async def test_a_token_for_something_else_opens_nothing(held: Held) -> None:
    held.system = await AgencySystem.registered(held.sitthi, AGENCY, ("agency.facts",))
    assert (await held.act("revoke")).status_code == 403
    headers = {"content-type": "application/json", "idempotency-key": KEY}
    naked = await held.sitthi.http.post(f"{ISSUED}/{held.issued}/revoke", content=b"{}", headers=headers)
    assert naked.status_code == 401


async def test_the_citizen_sees_who_looked(held: Held) -> None:
    log = "{ viewer { accessLog { nodes { attributes { id } } } } }"
    nodes = (await held.sitthi.graph(log, persona="graduate"))["viewer"]["accessLog"]["nodes"]
    assert {"attributes": [{"id": f"{AGENCY}:issued"}]} in nodes


async def test_a_paper_is_taken_back_by_its_file_and_stays_so_when_its_citizen_leaves(sitthi: Served) -> None:
    paper = await paper_of(sitthi)
    system = await AgencySystem.registered(sitthi, AGENCY, SCOPES)
    held = Held(sitthi, system, [], wallet_of(sitthi), paper.id)
    assert await verified(sitthi, paper) == "valid"
    assert (await held.act("suspend", issued=paper.sha256)).json()["id"] == paper.id
    assert await verified(sitthi, paper) == "PAPER_SUSPENDED"
    assert (await held.act("reinstate", key="second-call")).status_code == 200
    assert await verified(sitthi, paper) == "valid"
    assert (await held.act("revoke", key="third-call")).status_code == 200
    assert await verified(sitthi, paper) == "PAPER_REVOKED"
    assert [one["kind"] for one in await held.told()] == ["PAPER"] * 3
    bundle = await sitthi.house.rooms.get(Bundles).current()
    assert bundle["bundle"]
    async with sitthi.house.db.write() as session:
        await session.delete((await session.scalars(select(HeldPaper))).one())
    assert await verified(sitthi, paper) == "PAPER_REVOKED"
    again = await held.act("revoke", key="fourth-call")
    assert (again.status_code, again.json()["status"]) == (200, "INVALID")


async def test_whoever_has_the_page_alone_reads_that_it_was_taken_back(sitthi: Served) -> None:
    paper = await paper_of(sitthi)
    claims = {"v": 1, "id": paper.id, "agency": AGENCY, "title": {"th": "ก", "en": "a"}, "file": None, "sha256": None}
    proof = await sitthi.house.attestor.sign(claims, typ="sitthi-paper+jwt")
    assert (await sitthi.http.post("/verify/paper", json={"paper": proof})).status_code == 200
    held = Held(sitthi, await AgencySystem.registered(sitthi, AGENCY, SCOPES), [], wallet_of(sitthi), paper.id)
    await held.act("revoke")
    told = await sitthi.http.post("/verify/paper", json={"paper": proof})
    assert (told.status_code, code(told)) == (422, "PAPER_REVOKED")
    page = await sitthi.http.post("/verify/paper", data={"paper": proof})
    assert page.status_code == 422
    assert "The agency has taken this document back." in page.text


async def officer_of(sitthi: Served, who: str, *roles: str) -> Officer:
    """The persona serves the agency, and signed in by passkey just now."""
    key = await serves(sitthi, who, *roles, agency=AGENCY)
    async with sitthi.house.db.read() as session:
        found = await sitthi.house.identity.office.officers.find(session, key)
    assert found is not None
    return replace(found, sign_in=SignIn(PASSKEY, sitthi.clock.now()))


async def approve(sitthi: Served, officer: Officer, proposal: str) -> None:
    async with sitthi.house.db.write() as session:
        await sitthi.house.rooms.get(Proposals).approve(session, officer, UUID(hex=proposal))


async def test_what_is_for_good_takes_two_officers(held: Held) -> None:
    sitthi = held.sitthi
    signed_in_strongly(sitthi)
    maker = await officer_of(sitthi, "official", PROPOSES, APPROVES)
    checker = await officer_of(sitthi, "elder", PROPOSES, APPROVES)
    given = {"issued": held.issued, "act": "REVOKE", "reason": REASON["th"], "reasonEn": REASON["en"]}
    payload = await sitthi.do("workOnIssued", "issued { id status proposal }", "officer official", **given)
    assert payload["problems"] == []
    assert payload["issued"]["status"] == "VALID", "nothing is done yet"
    proposal = payload["issued"]["proposal"]
    with pytest.raises(MakerIsChecker):
        await approve(sitthi, maker, proposal)
    assert await held.statuses() == {Status.VALID}
    await approve(sitthi, checker, proposal)
    assert await held.statuses() == {Status.INVALID}
    assert [one["act"] for one in await held.told()] == ["REVOKE"]
    late = await sitthi.do("workOnIssued", "issued { status }", "officer official", **given)
    assert [one["code"] for one in late["problems"]] == ["STANDING_CONFLICT"]


async def test_one_officer_suspends_and_reinstates_alone(held: Held) -> None:
    sitthi = held.sitthi
    signed_in_strongly(sitthi)
    await officer_of(sitthi, "official", PROPOSES)
    words = {"issued": held.issued, "reason": REASON["th"], "reasonEn": REASON["en"]}
    for act, status in (("SUSPEND", Status.SUSPENDED), ("REINSTATE", Status.VALID)):
        payload = await sitthi.do("workOnIssued", "issued { status proposal }", "officer official", **words, act=act)
        assert payload == {"issued": {"status": status.name, "proposal": None}, "problems": []}
        assert await held.statuses() == {status}


async def test_nobody_works_on_their_own_nor_without_the_role(held: Held) -> None:
    sitthi, desk = held.sitthi, held.sitthi.house.rooms.get(IssuedDesk)
    own, reason = await officer_of(sitthi, "graduate", PROPOSES, APPROVES), Text(**REASON)
    with pytest.raises(ConflictOfInterest):
        await desk.act_by(own, held.issued, StandingActKind.SUSPEND, reason, KEY)
    with pytest.raises(ConflictOfInterest):
        await desk.listed_by(own, own.person)
    agent = {"kind": "OFFICER", "id": own.person.hex}
    assert code(await held.act("revoke", agent=agent)) == "CONFLICT_OF_INTEREST"
    maker = await officer_of(sitthi, "official", PROPOSES)
    given = {"issued": held.issued, "act": "REVOKE", "reason_th": REASON["th"], "reason_en": REASON["en"]}
    proposals = sitthi.house.rooms.get(Proposals)
    async with sitthi.house.db.write() as session:
        by_other = await proposals.propose(session, maker, ProposalKind.ISSUED_WITHDRAW, given, "as the file says")
        by_own = await proposals.propose(session, own, ProposalKind.ISSUED_WITHDRAW, given, "as the file says")
    with pytest.raises(ConcernsYourself):
        await approve(sitthi, own, by_other.hex)
    checker = await officer_of(sitthi, "elder", APPROVES)
    with pytest.raises(ConflictOfInterest):
        await approve(sitthi, checker, by_own.hex)
    with pytest.raises(RoleMissing):
        await desk.act_by(checker, held.issued, StandingActKind.SUSPEND, reason, KEY)
    assert await held.statuses() == {Status.VALID}
