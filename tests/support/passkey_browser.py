"""A browser with a passkey in it, for commands that open one.

    BROWSER="python -m tests.support.passkey_browser PERSONA %s" sitthi officer sign-in --strong

Signs the persona in at the sandbox's ThaID, adds a passkey, opens the address that the command gives, proves the
passkey where the server asks for it, and goes back to where the command listens.
"""

from __future__ import annotations

import asyncio
import re
import sys
from html import unescape
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.identity.passkeys.authenticator import Authenticator
from tests.identity.passkeys.seat import CHROME, Seat

STEPS_MAX = 6
GOING = re.compile(r'data-finish="/signin/passkey/step-up"[^>]* data-going="([^"]+)"')


async def open_as(persona: str, address: str) -> None:
    """Raises AssertionError where the server shows something else than a way on."""
    parts = urlsplit(address)
    issuer = f"{parts.scheme}://{parts.netloc}"
    house: Any = SimpleNamespace(issuer=issuer)  # all that the seat asks of the house
    headers = {"user-agent": CHROME}
    async with httpx2.AsyncClient(base_url=issuer, headers=headers, timeout=30, trust_env=False) as browser:
        seat, key = Seat(house, browser), Authenticator()
        await seat.sign_in(persona)
        enrolled = await seat.enrol(key)
        assert enrolled.status_code < 300, enrolled.text
        for _ in range(STEPS_MAX):
            answer = await browser.get(address)
            if "location" in answer.headers:
                address = str(answer.url.join(answer.headers["location"]))
            elif going := GOING.search(answer.text):
                stepped = await seat.step_up(key, going_to=unescape(going[1]))
                assert stepped.status_code == 200, stepped.text
                address = stepped.json()["location"]
            else:
                assert answer.url.host == "127.0.0.1", f"the browser stands at {answer.url.path}"
                assert answer.status_code == 200, answer.text
                return
        raise AssertionError("the way does not end")


if __name__ == "__main__":
    asyncio.run(open_as(sys.argv[1], sys.argv[2]))
