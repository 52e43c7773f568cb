"""Cookies and paths of our own pages."""

from __future__ import annotations

import pytest
from fastapi.responses import Response
from hypothesis import given
from hypothesis import strategies as st

from core.settings import Settings
from identity.web import Cookies, local_path


def test_under_https_cookies_are_bound_to_the_host_and_secure() -> None:
    cookies, response = Cookies(Settings(public_url="https://sitthi.example")), Response()
    cookies.write(response, "session", "x", 60)
    header = response.headers["set-cookie"].lower()
    assert header.startswith("__host-sitthi_session=x;")
    assert "secure" in header
    assert "path=/" in header
    assert "domain" not in header


@pytest.mark.parametrize("path", ["/", "/demo", "/oauth/authorize?a=b&c=%2F%2Fd", "/a//b"])
def test_paths_of_ours_are_kept(path: str) -> None:
    assert local_path(path) == path


@given(st.text(alphabet="/\\:.@#?abht%\t\n ", max_size=12))
def test_a_path_never_leads_to_another_host(path: str) -> None:
    kept = local_path(path)
    assert kept.startswith("/")
    assert not kept.startswith("//")
    assert "\\" not in kept
    assert "\t" not in kept


def test_nowhere_is_the_front_page() -> None:
    assert local_path(None) == "/"
    assert local_path("") == "/"
    assert local_path("/" + "a" * 9_000) == "/"
