"""A year of payments on paper: exact, in right Thai, signed, and for nobody else."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pypdf
import pytest
import zxingcpp
from hypothesis import given as cases
from hypothesis import strategies as st
from PIL import Image

from core.attestation.service import Attestor
from core.clock import bangkok_day
from core.errors import BadInput, ServiceUnavailable
from core.ids import NationalId, new_id
from core.paper import font_families
from core.text import Text
from services.exchange.facts import OWN_VIEW
from services.pay.models import Instalment
from services.receive.models import Receipt
from services.receive.statements import service
from services.receive.statements.contents import ATTACHED, STATEMENT_TYPE
from services.receive.statements.errors import StatementLinkOver, YearNotBegun
from services.receive.statements.service import LINK_KEPT, VERIFY_PATH, Statements, Wish
from services.receive.statements.years import Calendar, Year, year_of
from tests.services.pay.town import KEYS, TownHall, national_id
from tests.services.receive.conftest import ISSUER
from tests.services.receive.test_withheld import reduced
from tests.support import programs

TODAY = date(2026, 11, 16)
HARD = Text(th="เลี้ยงดูเด็กแรกเกิด ผู้สูงอายุ น้ำท่วม ท้องถิ่น สิ้น ปั้น ฟื้น ฝ้าย ญาติผู้ใหญ่ กตัญญู", en="Child support grant")
"""Tone marks above vowels above consonants, also tall ones, sara am, and a vowel below one with a descender."""


class Looks:
    """A gate that opens to the citizen, and remembers each look."""

    def __init__(self, number: NationalId) -> None:
        self.number, self.looked = number, list[tuple[UUID, str, str, Any]]()

    async def look(self, subject: UUID, what: str, agency: str, read: Any, *, asker: Any, purpose: Any) -> Any:
        assert purpose is OWN_VIEW
        self.looked.append((subject, what, asker.id, asker.request))
        return await read(self.number)


@pytest.fixture
def gate() -> Looks:
    return Looks(national_id(1))


@pytest.fixture
def statements(hall: TownHall, attestor: Attestor, gate: Looks) -> Statements:
    if not font_families():
        programs.absent("no Thai font: script/setup fetches one")
    return Statements(
        hall.db,
        hall.clock,
        KEYS,
        attestor,
        gate,  # type: ignore[arg-type]  # only looks
        lambda slug: Text(th=f"กรม {slug}", en=f"Department {slug}"),
        ISSUER,
    )


async def receipt(
    hall: TownHall, person: UUID, day: date, satang: int, *, subject: str = "programme:old-age", title: Text = HARD
) -> UUID:
    """As the bank's word leaves one; answers its instalment's key, of which there is no row."""
    instalment, at = new_id(), datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
    async with hall.db.write() as session:
        session.add(
            Receipt(
                person=person, id=new_id(), instalment=instalment, number=f"{day.year + 543}-{instalment.hex[-10:]}",
                code=instalment.hex, subject=subject, title={"th": title.th, "en": title.en}, agency="dla",
                period=day.replace(day=1), satang=satang, settled_at=at, created_at=at,
            )
        )  # fmt: skip
    return instalment


def wish(person: UUID, year: int = 2569, calendar: Calendar = Calendar.CALENDAR) -> Wish:
    return Wish(person, year, calendar, "ial2.3")


def text_of(content: bytes) -> str:
    """What a reader of PDFs, which is not ours, finds in it."""
    if shutil.which("pdftotext") is None:
        programs.absent("not on this machine: pdftotext")
    told = subprocess.run(["pdftotext", "-layout", "-", "-"], input=content, capture_output=True, check=True)
    return told.stdout.decode()


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def attached(content: bytes) -> bytes:
    [file] = pypdf.PdfReader(io.BytesIO(content)).attachments[ATTACHED]
    return file


def test_a_year_is_of_the_buddhist_or_the_common_era() -> None:
    assert year_of(2569, Calendar.CALENDAR, TODAY) == year_of(2026, Calendar.CALENDAR, TODAY)
    assert (Year(2026, Calendar.CALENDAR).first, Year(2026, Calendar.CALENDAR).last) == (
        date(2026, 1, 1), date(2026, 12, 31),
    )  # fmt: skip


def test_the_states_year_begins_in_october_of_the_year_before() -> None:
    fiscal = year_of(2570, Calendar.FISCAL, TODAY)
    assert (fiscal.first, fiscal.last) == (date(2026, 10, 1), date(2027, 9, 30))
    assert fiscal.title.th == "ปีงบประมาณ พ.ศ. 2570"


@pytest.mark.parametrize(
    ("year", "calendar", "today"),
    [
        (2570, Calendar.CALENDAR, date(2026, 12, 31)),
        (2027, Calendar.CALENDAR, date(2026, 12, 31)),
        (2570, Calendar.FISCAL, date(2026, 9, 30)),
        (2742, Calendar.CALENDAR, TODAY),
    ],
)
def test_a_year_that_has_not_begun_is_refused(year: int, calendar: Calendar, today: date) -> None:
    with pytest.raises(YearNotBegun):
        year_of(year, calendar, today)


def test_a_year_can_be_had_from_its_first_day_on() -> None:
    assert year_of(2570, Calendar.CALENDAR, date(2027, 1, 1)).number == 2027
    assert year_of(2570, Calendar.FISCAL, date(2026, 10, 1)).number == 2027


@pytest.mark.parametrize("year", [0, 1956, 2200, 2499, 2743, 9999, -1])
def test_what_is_no_year_is_bad_input(year: int) -> None:
    with pytest.raises(BadInput):
        year_of(year, Calendar.CALENDAR, TODAY)


@cases(st.integers(1957, 2198), st.sampled_from(Calendar))
def test_years_follow_each_other_without_a_gap(number: int, calendar: Calendar) -> None:
    year = Year(number, calendar)
    assert year.last + timedelta(days=1) == Year(number + 1, calendar).first
    assert (year.last - year.first).days in (364, 365)


async def test_every_payment_of_the_year_is_in_it_exact_and_in_right_thai(
    hall: TownHall, statements: Statements
) -> None:
    person = await hall.person()
    for month in range(1, 11):
        await receipt(hall, person, date(2026, month, 10), 60_001)
    await receipt(
        hall, person, date(2026, 3, 1), 1_000_000_05, subject="programme:wallet", title=Text("ดิจิทัล", "Wallet")
    )
    content = await statements.pdf(wish(person))
    text = squeezed(text_of(content))
    for words in (
        squeezed(HARD.th), "หนังสือแสดงรายการรับเงิน", "ปีพ.ศ.2569", "10มีนาคม2569", "600.01", "6,000.10",
        "1,000,000.05", "1,006,000.15", "X-XXXX-XXX", "กรมdla", "Departmentdla", "ไม่ต้องต่ออินเทอร์เน็ต",
    ):  # fmt: skip
        assert words in text, words
    assert text.index("สรุปตามโครงการ") < text.index("สรุปตามเดือนที่จ่าย") < text.index("ตรวจสอบหนังสือฉบับนี้")
    assert national_id(1).digits not in text
    said = json.loads(attached(content))
    assert said["satang"] == 10 * 60_001 + 1_000_000_05
    assert [len(part["payments"]) for part in said["programmes"]] == [10, 1]


async def test_every_cluster_of_thai_is_a_glyph_of_an_embedded_font_and_none_a_box(
    hall: TownHall, statements: Statements
) -> None:
    """No glyph 0 (.notdef) is shown; each font is embedded, and says which text its glyphs are."""
    person = await hall.person()
    await receipt(hall, person, date(2026, 3, 10), 60_000)
    reader = pypdf.PdfReader(io.BytesIO(await statements.pdf(wish(person))))
    fonts: dict[str, Any] = {}
    shown = set[bytes]()
    for page in reader.pages:
        resources: Any = page["/Resources"]
        fonts |= {str(font.get_object()["/BaseFont"]): font.get_object() for font in resources["/Font"].values()}
        content = page.get_contents()
        assert content is not None
        for operands, operator in content.operations:
            if operator in (b"TJ", b"Tj"):
                texts = operands[0] if operator == b"TJ" else operands
                for text in texts:
                    raw = getattr(text, "original_bytes", b"")
                    shown |= {raw[at : at + 2] for at in range(0, len(raw), 2)}
    assert len(shown) > 50, "it was read"
    assert b"\0\0" not in shown
    assert any(family.replace(" ", "") in name for name in fonts for family in font_families())
    for font in fonts.values():
        assert "/ToUnicode" in font
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert any(str(name).startswith("/FontFile") for name in descriptor)


async def test_the_qr_code_on_the_paper_verifies_and_covers_every_line_in_it(
    hall: TownHall, statements: Statements, attestor: Attestor, tmp_path: Path
) -> None:
    if shutil.which("pdftoppm") is None:
        programs.absent("not on this machine: pdftoppm")
    person = await hall.person()
    await receipt(hall, person, date(2026, 3, 10), 60_000)
    content = await statements.pdf(wish(person))
    (tmp_path / "s.pdf").write_bytes(content)
    words = ["pdftoppm", "-r", "200", "-png", str(tmp_path / "s.pdf"), str(tmp_path / "page")]
    await asyncio.to_thread(subprocess.run, words, check=True)
    [read] = zxingcpp.read_barcodes(Image.open(_last_page(tmp_path)).convert("L"))
    address, _, token = read.text.partition("#")
    assert address == f"{ISSUER}{VERIFY_PATH}"
    claims = await attestor.verify(token, typ=STATEMENT_TYPE)
    assert (claims["satang"], claims["payments"], claims["year"], claims["calendar"]) == (60_000, 1, 2026, "CALENDAR")
    assert claims["sha256"] == hashlib.sha256(attached(content)).hexdigest()
    assert person.hex not in json.dumps(jwt.decode(token, options={"verify_signature": False}))


def _last_page(folder: Path) -> Path:
    return max(folder.glob("page*.png"))


async def test_it_opens_nothing_about_others(hall: TownHall, statements: Statements, gate: Looks) -> None:
    person, other = await hall.person(), await hall.person()
    await receipt(hall, person, date(2026, 3, 10), 60_000)
    await receipt(hall, other, date(2026, 3, 10), 99_900, title=Text("ของคนอื่น", "another's"))
    content = await statements.pdf(wish(person))
    assert json.loads(attached(content))["satang"] == 60_000
    text = squeezed(text_of(content))
    assert "999.00" not in text
    assert "another's" not in text
    assert [(who, what) for who, what, *_ in gate.looked] == [(person, "dga:statement")]


@pytest.mark.parametrize(
    ("day", "is_in"),
    [(date(2025, 9, 30), False), (date(2025, 10, 1), True), (date(2026, 9, 30), True), (date(2026, 10, 1), False)],
)
async def test_a_fiscal_year_ends_with_its_last_bangkok_day(
    hall: TownHall, statements: Statements, day: date, is_in: bool
) -> None:
    person = await hall.person()
    await receipt(hall, person, day, 60_000)
    said = json.loads(attached(await statements.pdf(wish(person, 2569, Calendar.FISCAL))))
    assert (said["satang"] == 60_000) is is_in
    assert (said["from"], said["until"]) == ("2025-10-01", "2026-09-30")


async def test_a_year_without_a_payment_says_so(hall: TownHall, statements: Statements) -> None:
    text = squeezed(text_of(await statements.pdf(wish(await hall.person(), 2560))))
    assert "ไม่มีรายการรับเงินในปีนี้" in text
    assert "0.00บาท" in text


async def test_a_year_that_runs_says_up_to_which_day_it_tells(hall: TownHall, statements: Statements) -> None:
    content = await statements.pdf(wish(await hall.person()))
    assert "ปีนี้ยังไม่สิ้นสุด" in squeezed(text_of(content))
    assert json.loads(attached(content))["until"] == bangkok_day(hall.clock.now()).isoformat()


async def test_five_hundred_payments_go_over_pages_and_none_is_lost(hall: TownHall, statements: Statements) -> None:
    person = await hall.person()
    at = datetime(2026, 2, 10, 5, tzinfo=UTC)
    async with hall.db.write() as session:
        for number in range(500):
            key = new_id()
            session.add(
                Receipt(
                    person=person, id=new_id(), instalment=key, number=f"2569-{number:010}", code=key.hex,
                    subject="programme:old-age", title={"th": HARD.th, "en": HARD.en}, agency="dla",
                    period=date(2026, 2, 1), satang=10_000 + number, settled_at=at, created_at=at,
                )
            )  # fmt: skip
    content = await statements.pdf(wish(person))
    text = text_of(content)
    assert all(f"2569-{number:010}" in text for number in range(500))
    assert len(pypdf.PdfReader(io.BytesIO(content)).pages) > 10
    assert json.loads(attached(content))["satang"] == sum(10_000 + number for number in range(500))


async def test_what_the_bank_took_back_was_not_received(hall: TownHall, statements: Statements) -> None:
    person = await hall.person()
    await hall.grant(payee=person)
    run = await hall.jobs.plan(hall.planner, date(2026, 11, 1))
    await hall.jobs.approve(hall.approver, run.id)
    await hall.jobs.send(hall.approver, run.id)
    await hall.jobs.reconcile(hall.approver, run.id)
    assert json.loads(attached(await statements.pdf(wish(person))))["satang"] == 70_000
    async with hall.db.write() as session:
        [row] = [one for one in await hall.instalments() if one.person == person]
        found = await session.get(Instalment, (row.person, row.id))
        assert found is not None
        found.status = "RETURNED"
    assert json.loads(attached(await statements.pdf(wish(person))))["satang"] == 0


async def test_a_link_opens_one_statement_for_two_minutes(hall: TownHall, statements: Statements) -> None:
    person = await hall.person()
    link = statements.link(wish(person, 2568, Calendar.FISCAL))
    ticket = link.url.removeprefix(f"{ISSUER}/statements/link/")
    assert person.hex not in link.url
    assert statements.wish_of(ticket) == wish(person, 2568, Calendar.FISCAL)
    assert link.expires_at <= hall.clock.now() + LINK_KEPT
    hall.clock.advance(LINK_KEPT - timedelta(seconds=1))
    assert statements.wish_of(ticket).year == 2568
    hall.clock.advance(timedelta(seconds=1))
    with pytest.raises(StatementLinkOver):
        statements.wish_of(ticket)


async def test_a_link_that_was_changed_in_any_place_opens_nothing(hall: TownHall, statements: Statements) -> None:
    link = statements.link(wish(await hall.person()))
    ticket = link.url.rpartition("/")[2]
    for at in range(len(ticket) - 1):
        wrong = ticket[:at] + ("A" if ticket[at] != "A" else "B") + ticket[at + 1 :]
        with pytest.raises(StatementLinkOver):
            statements.wish_of(wrong)
    for wrong in ("", "x", "ก", "A" * 1_000):
        with pytest.raises(StatementLinkOver):
            statements.wish_of(wrong)


async def test_no_link_is_made_for_a_year_that_has_not_begun(hall: TownHall, statements: Statements) -> None:
    with pytest.raises(YearNotBegun):
        statements.link(wish(await hall.person(), 2570))


async def test_without_a_thai_font_nothing_is_made_and_nobody_is_looked_at(
    hall: TownHall, statements: Statements, gate: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "font_families", lambda: ())
    with pytest.raises(ServiceUnavailable):
        await statements.pdf(wish(await hall.person()))
    assert gate.looked == []


async def test_a_statement_says_what_was_withheld_and_under_which_law(hall: TownHall, statements: Statements) -> None:
    person = await reduced(hall)
    content = await statements.pdf(wish(person))
    text, said = squeezed(text_of(content)), json.loads(attached(content))
    assert (said["satang"], said["withheld"]) == (130_000, 10_000)
    [programme] = said["programmes"]
    assert [(one["satang"], one["withheld"], one["agreed"]) for one in programme["payments"]] == [
        (70_000, 0, []),
        (60_000, 10_000, ["2026-12-01"]),
    ]
    for words in ("สิทธิเต็ม", "หักคืน", "1,400.00", "100.00", "1,300.00", "มาตรา51", "ตกลงเมื่อ1ธันวาคม2569"):
        assert words in text, words
    assert "therightwasless" not in text, "whoever is shown the paper is not told why"


async def test_where_nothing_was_withheld_nothing_is_said_of_it(hall: TownHall, statements: Statements) -> None:
    person = await hall.person()
    await receipt(hall, person, date(2026, 3, 10), 60_000)
    content = await statements.pdf(wish(person))
    assert json.loads(attached(content))["withheld"] == 0
    assert "หักคืน" not in squeezed(text_of(content))
