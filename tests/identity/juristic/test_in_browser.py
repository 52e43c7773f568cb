"""The pages "Juristic persons" in Chromium, without JavaScript, by what stands on their buttons."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import UUID

import pytest

from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.settings import Settings
from core.text import Text
from identity.juristic.models import JuristicKind
from identity.juristic.register import By, JuristicRegister
from identity.people import PeopleRegister
from tests.identity.juristic.conftest import juristic_number
from tests.identity.people_of_tests import name_of, national_id
from tests.identity.served import free_port, serving
from tests.support.browser import open_page

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.in_turn]
LIST = "/account/juristic"


@pytest.fixture
def server(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The issuer of a server of its own."""
    environment = {"SITTHI_DATABASE_URL": database_url, "SITTHI_DATA": str(tmp_path)}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    with serving(environment, port):
        yield f"http://localhost:{port}"


async def entered(*directors: str) -> UUID:
    """A company that the server knows of, as two officers of an agency enter it."""
    settings, clock = Settings(), SystemClock()
    keys, db = load_keys(settings), Database(settings.sqlalchemy_url)
    async with db.write() as session:
        people = await PeopleRegister(keys, clock).resolve(session, [national_id(one) for one in directors])
        row = await JuristicRegister(clock).enter(
            session, juristic_number(1), agency="oic", kind=JuristicKind.INSURER, title=Text(th="บริษัท", en="Company"),
            directors=people.values(), by=By(UUID(int=1), "oic"),
        )  # fmt: skip
        key = row.id
    await db.close()
    return key


async def arrive(page: Page, server: str, who: str, path: str) -> None:
    """Signed in as that person, on that page; whoever was signed in before is not any more."""
    await page.context.clear_cookies()
    await page.goto(f"{server}/signin?{urlencode({'return': path})}")
    await page.locator("form[action='/signin'] button").click()
    await page.locator(f"form:has(input[value={who}]) button").click()
    await page.wait_for_url(f"{server}{path}")


async def test_two_directors_appoint_and_the_officer_accepts_by_what_the_buttons_say(server: str) -> None:
    company = await entered("elder", "officer-one")
    path, name = f"{LIST}/{company.hex}", name_of("officer-two")
    async with open_page(javascript=False) as page:
        await arrive(page, server, "elder", LIST)
        await page.get_by_role("link", name="บริษัท").click()
        await page.get_by_text("แต่งตั้งผู้ดำเนินการแทน", exact=False).locator("visible=true").last.click()
        await page.get_by_label("เลขประจำตัวประชาชน").fill(national_id("officer-two").digits)
        await page.get_by_label("ชื่อ ภาษาไทย").fill(name.th)
        await page.get_by_label("ชื่อ ภาษาอังกฤษ").fill(name.en)
        await page.get_by_label("อำนาจ").fill("report:policies")
        until = SystemClock().today() + timedelta(days=30)
        await page.get_by_label("วันสุดท้าย").fill(until.isoformat())
        await page.get_by_role("button", name="เสนอแต่งตั้ง").click()
        assert await page.get_by_text("รอกรรมการอีกคนอนุมัติ").count() == 1
        await arrive(page, server, "officer-one", path)
        await page.get_by_role("button", name="อนุมัติการแต่งตั้ง").click()
        assert await page.get_by_text("รอผู้ได้รับแต่งตั้งตอบรับ").count() == 1
        await arrive(page, server, "officer-two", path)
        await page.get_by_role("button", name="ตอบรับ").click()
        assert await page.get_by_text("มีผลอยู่").count() == 1
        await page.set_viewport_size({"width": 320, "height": 640})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, "a narrow telephone shows all of it"
        await page.get_by_role("button", name="ลาออกหรือปฏิเสธ").click()
        await arrive(page, server, "elder", path)
        assert await page.get_by_text("สิ้นสุดแล้ว").count() == 1
