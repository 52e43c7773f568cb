"""A page in Debian's Chromium, driven by playwright; no browser is downloaded."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from tests.support import programs

if TYPE_CHECKING:
    from playwright.async_api import Page


@contextlib.asynccontextmanager
async def open_page(*, javascript: bool = True, locale: str = "th-TH") -> AsyncIterator[Page]:
    """Skips the test without Chromium (fails it under CI=true). The browser may reach loopback only."""
    programs.require("chromium")
    from playwright.async_api import async_playwright  # noqa: PLC0415 - dear, and only needed with a browser

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=programs.find("chromium"),
            chromium_sandbox=os.geteuid() != 0,
            args=["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1", "--disable-gpu"],
        )
        context = await browser.new_context(java_script_enabled=javascript, locale=locale)
        yield await context.new_page()
        await browser.close()
