"""A test that needs a program of the machine skips by name without it, and fails where it must not be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import programs

if TYPE_CHECKING:
    from playwright.async_api import Page


def test_a_program_that_is_there_is_found() -> None:
    assert programs.find("sh") is not None
    programs.require("sh")


def test_a_missing_program_skips_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        programs.require("sh", "no-such-program")


def test_a_missing_program_fails_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        programs.require("no-such-program")


@pytest.mark.needs("chromium")
async def test_a_browser_page_runs_what_it_is_given(page: Page) -> None:
    await page.set_content("<p id='p'>–</p><script>document.getElementById('p').textContent = 'สิทธิ'</script>")
    assert await page.inner_text("#p") == "สิทธิ"
