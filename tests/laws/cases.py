"""What each mutation of the graph needs in order to take effect: a world, and an input.

The laws are proven over every mutation of the schema by these; a mutation without a case fails them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select, update
from sqlmodel import col

from api.commands.walk import sign_in
from api.desk_of_applications import OfficerTies
from core.clock import bangkok_day
from core.graph import global_id
from core.ids import GlobalId, new_id
from core.money import Money
from core.sealed import bound_to
from core.text import Text
from identity.counter.codes import new_code
from identity.inbox import Inbox, MessageTemplate
from identity.notices.channels import ChannelKind
from identity.notices.models import NoticeChannel
from identity.notices.service import Notices, Offered
from identity.notices.web_push import plain_base64
from identity.passkeys.relying_party import Enrolled
from identity.passkeys.service import Passkeys
from identity.provider.models import SignInSession
from services.apply.deciding import Holder, Missing, Outcome, Prepared, Request
from services.apply.models import Application
from services.apply.roles import DECIDE
from services.apply.service import ApplyService, Submission
from services.pay.models import Award, Instalment, Overpayment
from services.pay.needs import SettledPayment
from services.pay.rails.cash.models import CashSlip
from services.pay.recovery.service import Recoveries, Terms
from services.receive.credentials.models import WalletCredential
from services.receive.disputes.service import DisputeService
from services.receive.disputes.states import Finding
from services.receive.models import Receipt
from services.receive.repository import ReceiptRepository
from services.receive.standing.desk import PROPOSES as ISSUED
from services.sandbox.companies import company_number
from services.sandbox.population.personas import persona
from tests.services.plugins.documents.office import OPERATION, SERVICE, Office
from tests.services.receive.credentials import office as university
from tests.services.receive.shares.asked import asked
from tests.support.acting import PASSKEY
from tests.support.app import Served
from tests.support.firms import MANAGE, Firm, jwks
from tests.support.officers import serves

TITLE: Final = Text(th="เบี้ยยังชีพผู้สูงอายุ", en="Old-age allowance")
PROGRAMME: Final = "old-age-allowance"
PURPOSE, WORDS = "student-loan-screening", "2569-1"


@dataclass(frozen=True)
class Case:
    """`ready` makes the world in which the input it answers takes effect, once."""

    persona: str
    ready: Callable[[Served], Awaitable[dict[str, Any]]]
    other: Mapping[str, Any]
    """A change to the input that makes it another one."""
    acr: str | None = None
    """How sure the sign-in must be, where ThaID alone is not enough."""


async def person_of(sitthi: Served, persona: str) -> UUID:
    return (await sitthi.house.identity.verifier.verify(await sitthi.token(persona))).person


async def receipt_of(sitthi: Served, persona: str) -> str:
    """A settled payment's receipt, as the room that pays would have it made."""
    person, now, instalment = await person_of(sitthi, persona), sitthi.clock.now(), new_id()
    settled = SettledPayment(
        person, instalment, f"programme:{PROGRAMME}", TITLE, "dla", bangkok_day(now).replace(day=1), Money(60_000), now
    )
    async with sitthi.house.db.write() as session:
        await sitthi.house.receipts.settled(session, settled)
        [receipt] = (await ReceiptRepository(session).of_instalments(person, [instalment])).values()
    assert isinstance(receipt, Receipt)
    return str(global_id("Receipt", receipt.id))


async def payments_of(sitthi: Served, persona: str, count: int) -> list[str]:
    """So many scheduled payments, each of an award of its own and with a receipt; answers their ids."""
    person, now, ids = await person_of(sitthi, persona), sitthi.clock.now(), []
    title, day = {"th": TITLE.th, "en": TITLE.en}, bangkok_day(now).replace(day=1)
    async with sitthi.house.db.write() as session:
        for _ in range(count):
            award, key = new_id(), new_id()
            subject = f"programme:p-{key.hex[-8:]}"
            common: dict[str, Any] = {
                "person": person, "beneficiary": person, "subject": subject, "agency": "dla", "created_at": now,
            }  # fmt: skip
            session.add(Award(id=award, application=new_id(), title=title, starts_on=day, **common))
            await session.flush()
            session.add(Instalment(id=key, award=award, period=day, satang=60_000, due_on=day, **common))
            settled = SettledPayment(person, key, subject, TITLE, "dla", day, Money(60_000), now)
            await sitthi.house.receipts.settled(session, settled)
            ids.append(str(global_id("Payment", key)))
    return ids


async def waiting_application(sitthi: Served, persona: str) -> str:
    """An application that waits for an answer of the citizen."""
    person = await person_of(sitthi, persona)
    missing = Missing("annual_income", Text(th="รายได้", en="income"), Holder.CITIZEN)
    prepared = Prepared(Outcome.NEEDS_INFORMATION, TITLE, {}, (), (missing,), pays=True)
    submission = Submission(Request(person, person, f"programme:{PROGRAMME}", {}, None), prepared)
    async with sitthi.house.db.write() as session:
        row = await sitthi.house.rooms.get(ApplyService).apply(session, submission)
    return str(global_id("Application", row.id))


async def lapsed_application(sitthi: Served, persona: str) -> str:
    """One whose time to answer has run out."""
    given = await waiting_application(sitthi, persona)
    person, key = await person_of(sitthi, persona), GlobalId.parse(given).id
    past = {"due_on": sitthi.clock.today() - timedelta(days=1), "turn_since": sitthi.clock.now() - timedelta(days=60)}
    async with sitthi.house.db.write() as session:
        await session.execute(update(Application).where(col(Application.id) == key).values(**past))
    async with sitthi.house.db.write() as session:
        assert await sitthi.house.life.lifecycle.lapse(session, person, key)
    return given


async def application_of(sitthi: Served, persona: str) -> str:
    payload = await sitthi.do("apply", "application { id }", persona, programme=PROGRAMME)
    assert payload["problems"] == []
    return str(payload["application"]["id"])


async def _apply(_: Served) -> dict[str, Any]:
    return {"programme": PROGRAMME}


async def _supplement(sitthi: Served) -> dict[str, Any]:
    return {"application": await waiting_application(sitthi, "elder"), "answers": {}}


async def _withdraw(sitthi: Served) -> dict[str, Any]:
    return {"application": await application_of(sitthi, "elder")}


async def _reopen(sitthi: Served) -> dict[str, Any]:
    return {"application": await lapsed_application(sitthi, "elder")}


async def _appeal(sitthi: Served) -> dict[str, Any]:
    return {"application": await application_of(sitthi, "official"), "grounds": "ขอให้ตรวจอีกครั้ง"}


async def _confirm(sitthi: Served) -> dict[str, Any]:
    return {"receipt": await receipt_of(sitthi, "elder")}


async def _disputed(sitthi: Served) -> dict[str, Any]:
    return {"payment": await _late_payment(sitthi, "elder"), "kind": "NOT_RECEIVED", "statement": "ไม่มีเงินเข้าบัญชี"}


async def _slip(sitthi: Served) -> dict[str, Any]:
    """Of a payment that waits at a counter."""
    [payment] = await payments_of(sitthi, "elder", 1)
    async with sitthi.house.db.write() as session:
        mine = col(Instalment.id) == GlobalId.parse(payment).id
        one = (await session.scalars(select(Instalment).where(mine))).one()
        number = new_code().replace("-", "")
        today = sitthi.clock.today()
        session.add(
            CashSlip(
                person=one.person, id=one.id, number=number, message=new_id(), agency=one.agency, satang=one.satang,
                payable_from=today, expires_on=today, created_at=sitthi.clock.now(),
            )
        )  # fmt: skip
    return {"payment": payment}


async def _late_payment(sitthi: Served, persona: str) -> str:
    """One that should have come long ago."""
    [payment] = await payments_of(sitthi, persona, 1)
    long_ago = sitthi.clock.today() - timedelta(days=30)
    async with sitthi.house.db.write() as session:
        mine = col(Instalment.id) == GlobalId.parse(payment).id
        await session.execute(update(Instalment).where(mine).values(due_on=long_ago))
    return payment


async def dispute_of(sitthi: Served, persona: str) -> str:
    given = {"payment": await _late_payment(sitthi, persona), "kind": "NOT_RECEIVED", "statement": "ไม่มีเงินเข้าบัญชี"}
    payload = await sitthi.do("dispute", "dispute { id }", persona, **given)
    assert payload["problems"] == []
    return str(payload["dispute"]["id"])


async def _answered(sitthi: Served) -> dict[str, Any]:
    given = await dispute_of(sitthi, "elder")
    async with sitthi.house.db.write() as session:
        await sitthi.house.rooms.get(DisputeService).answer(
            session, "dla", new_id(), GlobalId.parse(given).id, Finding.PAID, "โอนแล้ว"
        )
    return {"dispute": given, "statement": "ยังไม่เห็นเงิน"}


async def _open_dispute(sitthi: Served) -> dict[str, Any]:
    return {"dispute": await dispute_of(sitthi, "elder")}


async def _rate(sitthi: Served) -> dict[str, Any]:
    return {"receipt": await receipt_of(sitthi, "elder"), "score": 5, "comment": "ดีมาก"}


async def _grant(_: Served) -> dict[str, Any]:
    return {"purpose": PURPOSE, "textVersion": WORDS}


async def _withdraw_consent(sitthi: Served) -> dict[str, Any]:
    payload = await sitthi.do("grantConsent", "consent { id }", "graduate", **await _grant(sitthi))
    return {"consent": payload["consent"]["id"]}


async def _correct(_: Served) -> dict[str, Any]:
    return {"attribute": "birth_date", "statement": "วันเกิดไม่ตรงกับสูติบัตร"}


async def _opened(sitthi: Served) -> dict[str, Any]:
    payload = await sitthi.do("requestCorrection", "correction { id }", "elder", **await _correct(sitthi))
    return {"correction": payload["correction"]["id"]}


async def _supplement_correction(sitthi: Served) -> dict[str, Any]:
    return {**await _opened(sitthi), "statement": "แนบสูติบัตร"}


async def session_elsewhere(sitthi: Served, persona: str) -> str:
    """A session of the persona in another browser; answers its id."""
    mine = set(await _session_ids(sitthi, persona))
    await sign_in(sitthi.house.settings, persona, transport=httpx2.ASGITransport(app=sitthi.app))
    [new] = set(await _session_ids(sitthi, persona)) - mine
    return new


async def _session_ids(sitthi: Served, persona: str) -> list[str]:
    data = await sitthi.graph("{ viewer { account { sessions { id } } } }", persona=persona)
    return [one["id"] for one in data["viewer"]["account"]["sessions"]]


async def passkey_of(sitthi: Served, persona: str) -> str:
    """A passkey of the persona, as an authenticator would have made it."""
    person, enrolled = (
        await person_of(sitthi, persona),
        Enrolled(new_id().bytes, b"a key", 0, ["internal"], synced=True),
    )
    async with sitthi.house.db.write() as session:
        who = await session.scalar(select(SignInSession).where(col(SignInSession.person) == person).limit(1))
        assert who is not None
        row = await sitthi.house.rooms.get(Passkeys).enrol(session, who, enrolled, "โทรศัพท์")
    return str(global_id("Passkey", row.id))


async def message_of(sitthi: Served, persona: str) -> str:
    person = await person_of(sitthi, persona)
    async with sitthi.house.db.write() as session:
        key = await sitthi.house.rooms.get(Inbox).send(session, person, MessageTemplate("test", TITLE, TITLE))
    return str(global_id("Message", key))


async def _end_session(sitthi: Served) -> dict[str, Any]:
    return {"session": await session_elsewhere(sitthi, "elder")}


async def _end_all(sitthi: Served) -> dict[str, Any]:
    await session_elsewhere(sitthi, "elder")
    return {"butThis": True}


async def _passkey(sitthi: Served) -> dict[str, Any]:
    return {"passkey": await passkey_of(sitthi, "elder")}


async def _rename(sitthi: Served) -> dict[str, Any]:
    return {"passkey": await passkey_of(sitthi, "elder"), "label": "แท็บเล็ต"}


async def _mark_read(sitthi: Served) -> dict[str, Any]:
    return {"message": await message_of(sitthi, "elder")}


async def _set_contact(_: Served) -> dict[str, Any]:
    return {"kind": "MOBILE", "value": "081 234 5678"}


async def _remove_contact(sitthi: Served) -> dict[str, Any]:
    await sitthi.do("setContact", "contact { kind }", "elder", **await _set_contact(sitthi))
    return {"kind": "MOBILE"}


async def _push(sitthi: Served) -> dict[str, Any]:
    sitthi.house.rooms.get(Notices).offered = Offered(frozenset(ChannelKind), ("push.example",))
    point = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    key = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    said = {"p256dh": plain_base64(key), "auth": plain_base64(bytes(16)), "label": "โทรศัพท์"}
    return {"kind": "PUSH", "endpoint": "https://push.example/one", **said}


async def _added(sitthi: Served) -> dict[str, Any]:
    payload = await sitthi.do("addNotices", "channel { id }", "elder", **await _push(sitthi))
    return {"channel": payload["channel"]["id"]}


async def _coded(sitthi: Served) -> dict[str, Any]:
    given = await _added(sitthi)
    key = GlobalId.parse(given["channel"], expected="NoticeChannel").id
    async with sitthi.house.db.read() as session:
        row = await session.scalar(select(NoticeChannel).where(col(NoticeChannel.id) == key))
    assert row is not None
    assert row.code_sealed is not None
    bound = bound_to(NoticeChannel.code_sealed, row.person, row.id)
    return {**given, "code": sitthi.house.keys.open(row.code_sealed, bound_to=bound).decode()}


async def _wishes(_: Served) -> dict[str, Any]:
    return {"language": "EN", "showsTitles": True, "off": [{"topic": "PAYMENTS", "channel": "EMAIL"}]}


UNKNOWN: Final = {
    name: str(global_id(name, UUID(int=1)))
    for name in (
        "Application",
        "NoticeChannel",
        "Receipt",
        "Dispute",
        "Consent",
        "Person",
        "Payment",
        "Message",
        "Correction",
        "AccessEntry",
        "Delegation",
        "Recovery",
        "SignInSession",
        "Passkey",
        "PrivacyRequest",
        "IssuedDocument",
        "DocumentOrder",
        "WalletCredential",
        "Share",
        "CheckAsked",
        "Draft",
        "JuristicPerson",
        "JuristicAppointment",
    )
}


async def _issue(sitthi: Served) -> dict[str, Any]:
    sitthi.house.registry.add(Office().plugin())
    return {"service": SERVICE, "operation": OPERATION, "arguments": {"year": 2569}}


async def _offer(sitthi: Served) -> dict[str, Any]:
    sitthi.house.registry.add(university.Office().plugin())
    return {"service": university.SERVICE, "credential": university.NAME}


async def _wallet(sitthi: Served) -> dict[str, Any]:
    return {"credential": await credential_of(sitthi, "graduate")}


async def credential_of(sitthi: Served, persona: str) -> str:
    """One that a wallet of theirs has fetched; its id."""
    payload = await sitthi.do("offerCredential", university.OFFER, persona, **await _offer(sitthi))
    await university.wallet_of(sitthi).fetch(payload["offer"])
    mine = await sitthi.graph("{ viewer { credentials { nodes { id } } } }", persona=persona)
    return str(mine["viewer"]["credentials"]["nodes"][0]["id"])


async def _prepare_share(sitthi: Served) -> dict[str, Any]:
    return await _offer(sitthi)


async def _create_share(sitthi: Served) -> dict[str, Any]:
    payload = await sitthi.do("prepareShare", "prepared { id }", "graduate", **await _prepare_share(sitthi))
    until = (sitthi.clock.now() + timedelta(days=7)).isoformat()
    wish = {"verifier": "บริษัททดสอบ", "until": until, "openings": 1, "disclose": ["/gpax_at_least_3_00"]}
    return {"prepared": payload["prepared"]["id"], **wish}


async def share_of(sitthi: Served, persona: str) -> str:
    """One that is open; its id."""
    payload = await sitthi.do("createShare", "share { id }", persona, **await _create_share(sitthi))
    return str(payload["share"]["id"])


async def _share(sitthi: Served) -> dict[str, Any]:
    return {"share": await share_of(sitthi, "graduate")}


async def check_of(sitthi: Served, persona: str) -> str:
    """One that waits for their answer; its id."""
    return await asked(sitthi, await person_of(sitthi, persona))


async def _check(sitthi: Served) -> dict[str, Any]:
    check = await check_of(sitthi, "graduate")
    query = "query($id: ID!) { node(id: $id) { ... on CheckAsked { wouldSay { tag } } } }"
    told = await sitthi.graph(query, {"id": check}, persona="graduate")
    return {"check": check, "agrees": True, "saying": told["node"]["wouldSay"]["tag"]}


async def document_of(sitthi: Served, persona: str) -> str:
    payload = await sitthi.do("issueDocument", "document { id }", persona, **await _issue(sitthi))
    return str(payload["document"]["id"])


async def order_of(sitthi: Served, persona: str) -> str:
    """A document that costs something, as they ordered it; the order's id."""
    spec = {"kind": "issue", "time_limit_seconds": 5, "fee": {"satang": 100, "text": {"th": "ค่า", "en": "fee"}}}
    sitthi.house.registry.add(Office().plugin(operations={OPERATION: spec}))
    payload = await sitthi.do("issueDocument", "order { id }", persona, service=SERVICE, operation=OPERATION)
    return str(payload["order"]["id"])


async def _pay_to(_: Served) -> dict[str, Any]:
    return {"method": "PROMPTPAY_MOBILE", "mobile": "+66812345678"}


async def recovery_of(sitthi: Served, persona: str) -> str:
    """An agency's proposal that the citizen has not answered; its id."""
    person, now = await person_of(sitthi, persona), sitthi.clock.now()
    await payments_of(sitthi, persona, 1)
    async with sitthi.house.db.write() as session:
        one = (await session.scalars(select(Instalment).where(col(Instalment.person) == person))).first()
        assert one is not None
        claim = Overpayment(
            person=person, id=new_id(), instalment=one.id, award=one.award, agency="dla", period=one.period,
            paid=one.satang, satang=10_000, cause="CORRECTION", found_at=now,
        )  # fmt: skip
        session.add(claim)
        await session.flush()
        plan = await sitthi.house.rooms.get(Recoveries).propose(
            session, agency="dla", officer=new_id(), overpayments=[claim.id],
            terms=Terms(2, bangkok_day(now).replace(day=1), 20_000), reason="the right was less",
        )  # fmt: skip
    return str(global_id("Recovery", plan.id))


async def agreed_recovery(sitthi: Served, persona: str) -> str:
    """What the citizen agreed to pay back."""
    given = await recovery_of(sitthi, persona)
    person, key = await person_of(sitthi, persona), GlobalId.parse(given).id
    async with sitthi.house.db.write() as session:
        await sitthi.house.rooms.get(Recoveries).answer(session, person, key, agrees=True)
    return given


async def bill_of(sitthi: Served, persona: str) -> str:
    payload = await sitthi.do("payFee", "bill { id }", persona, recovery=await agreed_recovery(sitthi, persona))
    assert payload["problems"] == []
    return str(payload["bill"]["id"])


async def _owed(sitthi: Served) -> dict[str, Any]:
    return {"recovery": await agreed_recovery(sitthi, "elder")}


async def _recovery(sitthi: Served) -> dict[str, Any]:
    return {"recovery": await recovery_of(sitthi, "elder"), "agrees": True}


async def _propose(_: Served) -> dict[str, Any]:
    return {
        "kind": "CARER", "direction": "ACTS_FOR_ME", "nationalId": persona("worker").national_id,
        "scopes": ["VIEW", "APPLY"],
    }  # fmt: skip


async def _proposed(sitthi: Served) -> dict[str, Any]:
    payload = await sitthi.do("proposeDelegation", "delegation { id }", "elder", **await _propose(sitthi))
    return {"delegation": payload["delegation"]["id"]}


async def _privacy(_: Served) -> dict[str, Any]:
    return {"kind": "ACCESS"}


async def _erase(_: Served) -> dict[str, Any]:
    return {"stores": ["messages"]}


async def _leave(_: Served) -> dict[str, Any]:
    return {"endBenefits": False}


async def _cancel_erasure(sitthi: Served) -> dict[str, Any]:
    payload = await sitthi.do("leave", "request { id }", "elder", endBenefits=False)
    return {"request": payload["request"]["id"]}


async def _restrict(_: Served) -> dict[str, Any]:
    return {"purpose": PURPOSE, "ground": "ACCURACY", "statement": "กำลังขอแก้ไขรายได้"}


async def _object(_: Served) -> dict[str, Any]:
    return {"purpose": PURPOSE, "ground": "RESEARCH", "statement": "ไม่ต้องการให้ใช้"}


async def _lift(sitthi: Served) -> dict[str, Any]:
    payload = await sitthi.do("restrictUse", "request { id }", "elder", **await _restrict(sitthi))
    return {"request": payload["request"]["id"]}


async def _draft(_: Served) -> dict[str, Any]:
    return {"programme": "aids-allowance", "answers": {"without_support": True}}


async def draft_of(sitthi: Served, persona: str) -> str:
    payload = await sitthi.do("saveDraft", "draft { id }", persona, **await _draft(sitthi))
    assert payload["problems"] == []
    return str(payload["draft"]["id"])


async def _drafted(sitthi: Served) -> dict[str, Any]:
    return {"draft": await draft_of(sitthi, "elder"), "revision": 1}


async def issued_to_graduate(sitthi: Served) -> dict[str, Any]:
    credential = GlobalId.parse(await credential_of(sitthi, "graduate")).id
    await serves(sitthi, "official", ISSUED, agency=university.AGENCY)
    async with sitthi.house.db.read() as session:
        query = select(col(WalletCredential.offer)).where(col(WalletCredential.id) == credential)
        offer = (await session.execute(query)).scalar_one()
    person, official = await person_of(sitthi, "graduate"), await person_of(sitthi, "official")
    await sitthi.house.rooms.get(OfficerTies).between(official, {person})  # who lives with them is entered
    words = {"reason": "ออกผิดคน", "reasonEn": "issued to somebody else"}
    return {"issued": offer.hex, "act": "SUSPEND", **words}


async def _case(sitthi: Served) -> dict[str, Any]:
    await serves(sitthi, "officer-one", DECIDE)
    return {"case": await waiting_application(sitthi, "elder"), "act": {"claim": True}}


DIRECTORS: Final = ("graduate", "official")


async def _company(sitthi: Served) -> dict[str, Any]:
    firm = await Firm(sitthi, 1).enter()  # which the register of companies knows
    await sitthi.house.identity.office.juristic_desk.looks.look(firm.key)
    return {"number": firm.number.digits}


async def _to_propose(sitthi: Served) -> dict[str, Any]:
    return (await Firm(sitthi).enter(*DIRECTORS)).wish("worker")


async def _to_approve(sitthi: Served) -> dict[str, Any]:
    return {"appointment": await (await Firm(sitthi).enter(*DIRECTORS)).propose("official", "worker")}


async def _to_accept(sitthi: Served) -> dict[str, Any]:
    firm = await Firm(sitthi).enter(*DIRECTORS)
    return {"appointment": await firm.approve("official", await firm.propose("graduate", "worker"))}


async def _kept(sitthi: Served) -> Firm:
    """The worker keeps its systems."""
    firm = await Firm(sitthi).enter(*DIRECTORS)
    await firm.appoint(DIRECTORS, "worker", MANAGE)
    return firm


async def _to_add(sitthi: Served) -> dict[str, Any]:
    return {"juristicPerson": (await _kept(sitthi)).id, "nameTh": "ระบบ", "nameEn": "System", "jwks": jwks()}


async def _to_rotate(sitthi: Served) -> dict[str, Any]:
    return {**await _to_end(sitthi), "jwks": jwks("two")}


async def _to_end(sitthi: Served) -> dict[str, Any]:
    given = await _to_add(sitthi)
    made = await sitthi.do("addJuristicSystem", "system { client }", "worker", **given)
    return {"juristicPerson": given["juristicPerson"], "client": made["system"]["client"]}


CASES: Final[Mapping[str, Case]] = {
    "findJuristicPerson": Case("worker", _company, {"number": company_number(2)}),
    "proposeJuristicOfficer": Case("graduate", _to_propose, {"powers": ["file:claims"]}),
    "approveJuristicOfficer": Case("graduate", _to_approve, {"appointment": UNKNOWN["JuristicAppointment"]}),
    "acceptJuristicOfficer": Case("worker", _to_accept, {"appointment": UNKNOWN["JuristicAppointment"]}),
    "endJuristicOfficer": Case("worker", _to_accept, {"appointment": UNKNOWN["JuristicAppointment"]}),
    "addJuristicSystem": Case("worker", _to_add, {"nameEn": "Another"}),
    "replaceJuristicSystemKeys": Case("worker", _to_rotate, {"client": "oic-juristic-other"}),
    "endJuristicSystem": Case("worker", _to_end, {"client": "oic-juristic-other"}),
    "workOnIssued": Case("officer official", issued_to_graduate, {"act": "REVOKE"}),
    "workOnCase": Case("officer officer-one", _case, {"act": {"note": {"text": "โทรมา"}}}),
    "requestMyData": Case("elder", _privacy, {"kind": "PORTABILITY"}),
    "requestErasure": Case("elder", _erase, {"stores": ["contacts"]}, PASSKEY),
    "leave": Case("elder", _leave, {"endBenefits": True}, PASSKEY),
    "cancelErasure": Case("elder", _cancel_erasure, {"request": UNKNOWN["PrivacyRequest"]}, PASSKEY),
    "restrictUse": Case("elder", _restrict, {"ground": "CLAIMS"}),
    "objectToUse": Case("elder", _object, {"statement": "อย่างอื่น"}),
    "liftRestriction": Case("elder", _lift, {"request": UNKNOWN["PrivacyRequest"]}),
    "apply": Case("elder", _apply, {"programme": "state-welfare-card"}),
    "saveDraft": Case("elder", _draft, {"answers": {"without_support": False}}),
    "discardDraft": Case("elder", _drafted, {"revision": 2}),
    "supplement": Case("elder", _supplement, {"answers": {"annual_income": 1}}),
    "withdraw": Case("elder", _withdraw, {"application": UNKNOWN["Application"]}),
    "reopen": Case("elder", _reopen, {"application": UNKNOWN["Application"]}),
    "appeal": Case("official", _appeal, {"grounds": "เหตุอื่น"}),
    "issueDocument": Case("elder", _issue, {"arguments": {"year": 2570}}),
    "offerCredential": Case("graduate", _offer, {"arguments": {"year": 2570}}),
    "revokeCredential": Case("graduate", _wallet, {"credential": UNKNOWN["WalletCredential"]}),
    "prepareShare": Case("graduate", _prepare_share, {"arguments": {"year": 2570}}),
    "createShare": Case("graduate", _create_share, {"openings": 2}),
    "revokeShare": Case("graduate", _share, {"share": UNKNOWN["Share"]}),
    "answerCheck": Case("graduate", _check, {"agrees": False}),
    "confirmReceipt": Case("elder", _confirm, {"receipt": UNKNOWN["Receipt"]}),
    "rate": Case("elder", _rate, {"score": 1}),
    "makeSlipCode": Case("elder", _slip, {"payment": UNKNOWN["Payment"]}),
    "dispute": Case("elder", _disputed, {"statement": "อย่างอื่น"}),
    "contestDispute": Case("elder", _answered, {"dispute": UNKNOWN["Dispute"]}),
    "closeDispute": Case("elder", _open_dispute, {"dispute": UNKNOWN["Dispute"]}),
    "grantConsent": Case("graduate", _grant, {"attributes": ["name"]}),
    "withdrawConsent": Case("graduate", _withdraw_consent, {"consent": UNKNOWN["Consent"]}),
    "requestCorrection": Case("elder", _correct, {"attribute": "name"}),
    "supplementCorrection": Case("elder", _supplement_correction, {"statement": "แนบทะเบียนบ้าน"}),
    "withdrawCorrection": Case("elder", _opened, {"correction": UNKNOWN["Correction"]}),
    "changePayoutDestination": Case("elder", _pay_to, {"mobile": "+66812345679"}, PASSKEY),
    "answerRecovery": Case("elder", _recovery, {"agrees": False}),
    "payFee": Case("elder", _owed, {"recovery": UNKNOWN["Recovery"]}),
    "proposeDelegation": Case("elder", _propose, {"scopes": ["VIEW"]}),
    "acceptDelegation": Case("worker", _proposed, {"delegation": UNKNOWN["Delegation"]}),
    "endDelegation": Case("worker", _proposed, {"delegation": UNKNOWN["Delegation"]}),
    "endSession": Case("elder", _end_session, {"session": UNKNOWN["SignInSession"]}),
    "endAllSessions": Case("elder", _end_all, {"butThis": False}),
    "renamePasskey": Case("elder", _rename, {"label": "นาฬิกา"}),
    "removePasskey": Case("elder", _passkey, {"passkey": UNKNOWN["Passkey"]}),
    "markRead": Case("elder", _mark_read, {"message": UNKNOWN["Message"]}),
    "setContact": Case("elder", _set_contact, {"value": "082 345 6789"}),
    "removeContact": Case("elder", _remove_contact, {"kind": "EMAIL"}),
    "addNotices": Case("elder", _push, {"endpoint": "https://push.example/two"}),
    "confirmNotices": Case("elder", _coded, {"channel": UNKNOWN["NoticeChannel"]}),
    "removeNotices": Case("elder", _added, {"channel": UNKNOWN["NoticeChannel"]}),
    "setNoticeWishes": Case("elder", _wishes, {"showsTitles": False}),
}
