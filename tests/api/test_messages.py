"""All that people are told stands in one catalogue; each use is of a template there, and each template is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

from api.messages import MESSAGES
from core.money import Money
from core.text import Text
from identity.inbox.templates import FILE, Place
from identity.notices.topics import NoticeTopic, is_urgent

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = ("api", "identity", "services", "welfare")
SAMPLES: Final[dict[Place, Any]] = {
    Place.TEXT: Text(th="ไทย", en="English"),
    Place.WORD: "word",
    Place.NUMBER: 12,
    Place.MONEY: Money.baht(1_700),
    Place.DAY: date(2026, 11, 10),
}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            yield path, ast.parse(path.read_text("utf-8"))


def test_each_use_is_of_a_template_in_the_catalogue_and_each_template_is_used() -> None:
    used = {
        node.slice.value
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == "MESSAGES"
        and isinstance(node.slice, ast.Constant)
        and path.name != "reference.py"
    }
    assert used == set(MESSAGES)


def test_no_room_writes_a_message_of_its_own_beside_the_catalogue() -> None:
    made = [
        str(path.relative_to(ROOT))
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "MessageTemplate"
    ]
    assert made == ["identity/inbox/templates.py"], "write it into the room's messages.toml"


def test_every_file_of_messages_is_in_the_catalogue() -> None:
    rooms = {path.parent.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob(FILE)}
    assert rooms == {
        "identity",
        "services/apply",
        "services/exchange",
        "services/pay",
        "services/pay/fees",
        "services/plugins/documents",
        "services/plugins/records",
        "services/receive",
        "services/receive/shares",
        "services/receive/standing",
        "welfare",
    }
    assert {key.partition(".")[0] for key in MESSAGES} == {
        *("apply", "contacts", "corrections", "delegation", "documents", "identity", "juristic", "passkeys", "pay"),
        *("privacy", "receive", "records", "sessions", "shares", "standing", "welfare"),
    }


def test_every_message_can_be_filled_and_leaves_no_place_empty() -> None:
    for template in MESSAGES.values():
        title, body = template.filled({name: SAMPLES[kind] for name, kind in template.places.items()})
        assert not any("{" in words for words in (title.th, title.en, body.th, body.en)), template.id


def test_messages_read_as_they_always_did() -> None:
    """One of each room, to the letter: a template is data now, and nobody is told anything else for that."""
    title = Text(th="เบี้ยยังชีพผู้สูงอายุ", en="Old-age allowance")
    paid = MESSAGES["pay.settled"].filled({"title": title, "amount": Money(70_000)})
    assert paid == (
        Text(th="เงินเข้าแล้ว 700.00 บาท", en="You have been paid 700.00 baht"),
        Text(
            th="เบี้ยยังชีพผู้สูงอายุ: จ่าย 700.00 บาท เข้าช่องทางรับเงินของคุณแล้ว กรุณายืนยันการรับเงิน",
            en="Old-age allowance: 700.00 baht went to where you are paid. Please confirm that you received it.",
        ),
    )
    approved = MESSAGES["apply.approved"].filled({"title": title})
    assert approved == (
        Text(th="อนุมัติแล้ว: เบี้ยยังชีพผู้สูงอายุ", en="Approved: Old-age allowance"),
        Text(
            th="คำขอของคุณได้รับอนุมัติ เราจะแจ้งอีกครั้งเมื่อโอนเงินแล้ว",
            en="Your application is approved. We will tell you again when the money has been sent.",
        ),
    )
    erased = MESSAGES["privacy.erased"].filled({"day": date(2026, 11, 10)})
    assert erased == (
        Text(th="ลบข้อมูลที่คุณขอแล้ว", en="What you asked for was erased"),
        Text(th="ลบข้อมูลตามคำขอวันที่ 2026-11-10 แล้ว", en="What you asked for on 2026-11-10 was erased."),
    )
    told = MESSAGES["sessions.new-device"].filled(
        {"device": Text(th="Firefox", en="Firefox"), "method": Text(th="พาสคีย์ ", en="a passkey")}
    )
    assert told[1].th.startswith("มีการเข้าสู่ระบบในชื่อของคุณด้วยพาสคีย์  หากไม่ใช่คุณ")
    entitled = MESSAGES["welfare.newly_entitled"]
    assert entitled.body.th.count("\n") == entitled.body.en.count("\n") == 1


def test_what_may_be_an_attack_waits_for_nothing_and_all_else_does() -> None:
    urgent = {key.partition(".")[0] for key, template in MESSAGES.items() if is_urgent(template.about)}
    assert urgent == {"contacts", "delegation", "identity", "passkeys", "pay", "privacy", "sessions"}
    assert MESSAGES["pay.destination-changed"].about is NoticeTopic.SECURITY
    assert MESSAGES["pay.settled"].about is NoticeTopic.PAYMENTS
