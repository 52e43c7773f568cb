"""A person at a browser: signs in at ThaID's stand-in, and answers the ceremonies of passkeys as our script would."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from api.commands.walk import Form, forms_of
from identity.web import CSRF_HEADER
from tests.identity.conftest import House
from tests.identity.passkeys.authenticator import TRUTH, Authenticator, Lies

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


class Seat:
    def __init__(self, house: House, browser: httpx2.AsyncClient) -> None:
        self.house, self.browser = house, browser
        self.issuer = house.issuer

    async def sign_in(self, persona: str = "elder", going_to: str = "/account/security") -> httpx2.Response:
        """By ThaID; answers what stands at `going_to`, or the redirect there if it is none of identity's pages."""
        response = await self.browser.get("/signin", params={"return": going_to})
        for _ in range(12):
            if "location" in response.headers:
                address = urljoin(str(response.url), response.headers["location"])
                if urlsplit(address).path == urlsplit(going_to).path:
                    return await self.browser.get(address)
                response = await self.browser.get(address)
                continue
            forms = forms_of(response.text)
            form = next(one for one in forms if len(forms) == 1 or one.fields.get("persona") == persona)
            response = await self.browser.post(urljoin(str(response.url), form.action), data=form.fields)
        raise AssertionError("the walk does not end")

    async def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', (await self.browser.get("/signin")).text)
        assert found is not None
        return found[1]

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        """As the script posts."""
        headers = {CSRF_HEADER: await self.csrf(), "Origin": self.issuer, **options.pop("headers", {})}
        return await self.browser.post(path, json={} if body is None else body, headers=headers, **options)

    async def options(self, path: str) -> dict[str, Any]:
        answer = await self.post(path)
        assert answer.status_code == 200, answer.text
        options: dict[str, Any] = answer.json()["publicKey"]
        return options

    async def enrol(self, key: Authenticator, lies: Lies = TRUTH, *, label: str = "โทรศัพท์ของฉัน") -> httpx2.Response:
        options = await self.options("/account/passkeys/options")
        credential = key.create(options, self.issuer, lies)
        return await self.post(
            "/account/passkeys", {"credential": credential, "label": label, "return": "/account/security"}
        )

    async def by_passkey(
        self, key: Authenticator, lies: Lies = TRUTH, *, going_to: str = "/account/security"
    ) -> httpx2.Response:
        options = await self.options("/signin/passkey/options")
        credential = key.get(options, self.issuer, lies)
        return await self.post("/signin/passkey", {"credential": credential, "return": going_to})

    async def step_up(self, key: Authenticator, lies: Lies = TRUTH, *, going_to: str = "/") -> httpx2.Response:
        options = await self.options("/signin/passkey/step-up/options")
        credential = key.get(options, self.issuer, lies, which=key.held[-1])
        return await self.post("/signin/passkey/step-up", {"credential": credential, "return": going_to})

    async def page(self) -> str:
        answer = await self.browser.get("/account/security")
        assert answer.status_code == 200, answer.headers
        return answer.text

    async def is_signed_in(self) -> bool:
        return (await self.browser.get("/account/security")).status_code == 200

    async def form(self, action: str, which: int = 0) -> Form:
        """The form of the page "Security" that goes there."""
        return [one for one in forms_of(await self.page()) if one.action == action][which]

    async def send(self, action: str, which: int = 0, **fields: str) -> httpx2.Response:
        form = await self.form(action, which)
        return await self.browser.post(form.action, data={**form.fields, **fields})


@asynccontextmanager
async def seat(house: House, user_agent: str = CHROME) -> AsyncIterator[Seat]:
    """A browser of its own."""
    async with house.browser() as browser:
        browser.headers["user-agent"] = user_agent
        yield Seat(house, browser)


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
