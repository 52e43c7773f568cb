"""Passkeys in Chromium with its virtual authenticator (WebAuthn Level 3 §11), by the buttons of our own pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.identity.served import free_port, serving
from tests.support.browser import open_page

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Page

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.in_turn]

ADD, SIGN_IN, STEP_UP = "เพิ่มพาสคีย์ในอุปกรณ์นี้", "เข้าสู่ระบบด้วยพาสคีย์", "ยืนยันด้วยพาสคีย์"


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The issuer of a server of its own."""
    port = free_port()
    environment = {"SITTHI_DATABASE_URL": database_url, "SITTHI_DATA": str(tmp_path)}
    with serving(environment, port):
        yield f"http://localhost:{port}"


class Device:
    """A browser with a built-in authenticator, and what went wrong on its page."""

    def __init__(self, page: Page, cdp: CDPSession, authenticator: str, issuer: str) -> None:
        self.page, self.issuer = page, issuer
        self._cdp, self._authenticator = cdp, authenticator
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if "Policy" in said.text else None)

    @classmethod
    async def of(cls, page: Page, issuer: str) -> Device:
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True,
        }  # fmt: skip
        made = await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return cls(page, cdp, made["authenticatorId"], issuer)

    async def verifies_the_person(self, *, verified: bool) -> None:
        told = {"authenticatorId": self._authenticator, "isUserVerified": verified}
        await self._cdp.send("WebAuthn.setUserVerified", told)

    async def credentials(self) -> list[dict[str, Any]]:
        told = await self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self._authenticator})
        found: list[dict[str, Any]] = told["credentials"]
        return found

    async def hold(self, credential: dict[str, Any]) -> None:
        told = {"authenticatorId": self._authenticator, "credential": credential}
        await self._cdp.send("WebAuthn.addCredential", told)

    async def sign_in(self, persona: str, going_to: str = "/account/security") -> None:
        await self.page.goto(f"{self.issuer}/signin?{urlencode({'return': going_to})}")
        await self.by_thaid(persona)
        await self.page.wait_for_url(f"{self.issuer}{going_to}")

    async def by_thaid(self, persona: str) -> None:
        await self.page.locator("form[action='/signin'] button").click()
        await self.page.locator(f"form:has(input[value={persona}]) button").click()

    async def enrol(self, label: str) -> None:
        before = await self.page.locator("section[aria-labelledby^=passkey]").count()
        await self.page.locator("#new-label").fill(label)
        await self.page.get_by_role("button", name=ADD).click()
        await self.page.locator("section[aria-labelledby^=passkey]").nth(before).wait_for()

    async def sign_out(self) -> None:
        await self.page.goto(f"{self.issuer}/signout")
        await self.page.locator("main form button").click()
        await self.page.get_by_text("ออกจากระบบแล้ว").first.wait_for()

    async def by_passkey(self) -> None:
        await self.page.goto(f"{self.issuer}/signin?return=/account/security")
        await self.page.get_by_role("button", name=SIGN_IN).click()

    async def arrived(self) -> None:
        await self.page.wait_for_url(f"{self.issuer}/account/security")

    async def refused(self, words: str) -> None:
        await self.page.locator("[role=alert]:visible", has_text=words).wait_for()


@asynccontextmanager
async def device(issuer: str, **options: Any) -> AsyncIterator[Device]:
    async with open_page(**options) as page:
        yield await Device.of(page, issuer)


async def beside(one: Device) -> tuple[Device, BrowserContext]:
    """Another device: a browser that shares nothing with the first."""
    browser = one.page.context.browser
    assert browser is not None
    context = await browser.new_context(locale="th-TH")
    return await Device.of(await context.new_page(), one.issuer), context


async def test_from_thaid_to_a_passkey_and_in_by_it(server: str) -> None:
    async with device(server) as here:
        await here.sign_in("elder")
        await here.enrol("โน้ตบุ๊กที่บ้าน")
        [held] = await here.credentials()
        assert (held["isResidentCredential"], held["rpId"]) == (True, "localhost")
        await here.sign_out()
        await here.by_passkey()
        await here.arrived()
        page = await here.page.inner_text("main")
        assert "นางบุญเรือน แก้วมงคล" in page
        assert "เข้าสู่ระบบด้วยพาสคีย์" in page
        assert "โน้ตบุ๊กที่บ้าน" in page
        assert await here.page.get_by_role("button", name=ADD).count() == 0, "not without ThaID"
        assert here.complaints == []


async def test_without_user_verification_nobody_is_let_in_and_nothing_added(server: str) -> None:
    async with device(server) as here:
        await here.sign_in("elder")
        await here.verifies_the_person(verified=False)
        await here.page.get_by_role("button", name=ADD).click()
        await here.refused("ยังไม่ได้ยืนยัน")
        await here.verifies_the_person(verified=True)
        await here.enrol("มือถือ")
        await here.sign_out()
        await here.verifies_the_person(verified=False)
        await here.by_passkey()
        await here.refused("ยังไม่ได้ยืนยัน")
        await here.verifies_the_person(verified=True)
        await here.page.get_by_role("button", name=SIGN_IN).click()
        await here.arrived()
        assert here.complaints == []


async def test_stepping_up_leads_back_to_what_asked_for_it(server: str) -> None:
    going_to = "/account/security?from=a%20service"
    async with device(server) as here:
        await here.sign_in("elder")
        await here.enrol("มือถือ")
        await here.page.goto(f"{server}/signin?{urlencode({'return': going_to, 'acr': 'aal2.2'})}")
        await here.page.get_by_role("button", name=STEP_UP).click()
        await here.page.wait_for_url(server + going_to)
        assert here.complaints == []


async def test_whoever_has_no_passkey_adds_one_on_the_way(server: str) -> None:
    going_to = "/account/security?from=a%20service"
    async with device(server) as here:
        await here.sign_in("elder")
        await here.page.goto(f"{server}/signin?{urlencode({'return': going_to, 'acr': 'aal2.2'})}")
        await here.page.get_by_role("link", name="เพิ่มพาสคีย์").click()
        await here.enrol("มือถือ")
        await here.page.get_by_role("link", name="กลับไปทำรายการที่ค้างอยู่").click()
        await here.page.get_by_role("button", name=STEP_UP).click()
        await here.page.wait_for_url(server + going_to)


async def test_two_people_of_one_device_each_come_in_as_themselves(server: str) -> None:
    async with device(server) as here:
        await here.sign_in("elder")
        await here.enrol("ของแม่")
        await here.sign_in("officer-one")
        await here.enrol("ของลูก")
        first, second = await here.credentials()
        assert first["userHandle"] != second["userHandle"]
        await here.page.goto(f"{server}/signin?{urlencode({'return': '/account/security', 'acr': 'aal2.2'})}")
        await here.page.get_by_role("button", name=STEP_UP).click()
        await here.arrived()
        assert "ของลูก" in await here.page.inner_text("main")
        assert "ของแม่" not in await here.page.inner_text("main")


async def test_the_same_device_is_not_added_twice(server: str) -> None:
    async with device(server) as here:
        await here.sign_in("elder")
        await here.enrol("มือถือ")
        await here.page.get_by_role("button", name=ADD).click()
        await here.refused("อุปกรณ์นี้มีพาสคีย์ของคุณอยู่แล้ว")
        assert len(await here.credentials()) == 1


async def test_a_lost_device_is_shut_out_from_another_and_a_new_one_added(server: str) -> None:
    """Recovery is through ThaID."""
    async with device(server) as lost:
        await lost.sign_in("elder")
        await lost.enrol("เครื่องที่หาย")
        new, context = await beside(lost)
        await new.sign_in("elder")
        assert "เครื่องที่หาย" in await new.page.inner_text("main")
        await new.page.locator("section", has_text="เครื่องที่หาย").locator("summary").click()
        await new.page.get_by_role("button", name="ลบพาสคีย์นี้").click()
        await new.page.get_by_text("ยังไม่มีพาสคีย์").wait_for()
        await new.page.get_by_role("button", name="ยกเว้นเครื่องนี้").click()
        await new.enrol("เครื่องใหม่")
        await lost.page.goto(f"{server}/account/security")
        assert "/signin" in lost.page.url, "its session ended"
        await lost.page.get_by_role("button", name=SIGN_IN).click()
        await lost.refused("ระบบไม่รู้จักพาสคีย์นี้")
        await new.sign_out()
        await new.by_passkey()
        await new.arrived()
        assert lost.complaints + new.complaints == []
        await context.close()


async def test_a_copy_of_a_passkey_is_found_out_by_its_counter(server: str) -> None:
    async with device(server) as here:
        await here.sign_in("elder")
        await here.enrol("มือถือ")
        [copied] = await here.credentials()
        await here.sign_out()
        await here.by_passkey()
        await here.arrived()
        thief, context = await beside(here)
        await thief.hold(copied)
        await thief.by_passkey()
        await thief.refused("อาจถูกทำสำเนา")
        await here.page.goto(f"{server}/account/security")
        assert "/signin" in here.page.url, "what it began is over: it may have been the copy"
        await here.sign_in("elder")
        await here.page.goto(f"{server}/account/security")
        assert "ยังไม่มีพาสคีย์" in await here.page.inner_text("main")
        await context.close()


async def test_without_javascript_the_page_works_but_for_the_ceremony(server: str) -> None:
    async with open_page(javascript=False) as page:
        await page.goto(f"{server}/signin?return=/account/security")
        assert not await page.get_by_role("button", name=SIGN_IN).is_visible()
        await page.locator("form[action='/signin'] button").click()
        await page.locator("form:has(input[value=elder]) button").click()
        await page.wait_for_url(f"{server}/account/security")
        assert await page.get_by_text("ปิด JavaScript ไว้").is_visible()
        await page.get_by_role("button", name="ออกจากระบบในอุปกรณ์นี้").click()
        await page.get_by_text("ออกจากระบบแล้ว").first.wait_for()


async def test_at_another_address_of_the_server_the_script_does_not_run(server: str) -> None:
    """The issuer is `localhost`: at `127.0.0.1` a passkey would be another site's."""
    async with open_page() as page:
        await page.goto(f"{server}/signin")
        await page.get_by_role("button", name=SIGN_IN).wait_for()
        await page.goto(f"{server.replace('localhost', '127.0.0.1')}/signin")
        assert not await page.get_by_role("button", name=SIGN_IN).is_visible()


async def test_the_pages_are_told_apart_by_ear_and_fit_a_phone(server: str) -> None:
    """WCAG 2.2: 2.4.2, 3.1.1, 3.1.2, 1.3.1, 4.1.2; and 1.4.10 without a sideways scroll."""
    async with device(server) as here:
        await here.page.set_viewport_size({"width": 360, "height": 740})
        await here.sign_in("elder")
        await here.enrol("ก" * 60)
        for path in ("/account/security", "/signin", "/signin?return=/&acr=aal2.2"):
            await here.page.goto(server + path)
            assert await here.page.title(), path
            assert await here.page.locator("html").get_attribute("lang") == "th"
            assert await here.page.locator("h1").count() == 1
            assert await here.page.locator("[lang=en]").count() > 0
            for control in await here.page.locator("main :is(a, button):visible").all():
                assert (await control.inner_text()).strip()
            for field in await here.page.locator("main input:not([type=hidden])").all():
                assert await here.page.locator(f"label[for='{await field.get_attribute('id')}']").count() == 1
            assert await here.page.evaluate("document.documentElement.scrollWidth") <= 360, path
