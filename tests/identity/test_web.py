"""Our pages and forms under attack: where people are sent on to, whose forms are taken, whose cookies are believed.

Under https, as people meet them.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import httpx2
import pytest
from fastapi import Request
from fastapi.responses import Response
from hypothesis import example, given
from hypothesis import strategies as st

from api.commands.walk import Form, forms_of, walk
from core.settings import Settings
from core.text import Text
from identity.web import Cookies, local_path, problem_page
from tests.identity.conftest import House

ISSUER = "https://sitthi.example"
EVIL = "https://evil.example"
PIECES = (
    *("/", "//", "\\", "/\\", "\\/", ":", "@", "#", "?", "&", ".", "..", "/.", "/..", "[", "]", "[::1]", ";", "%", " "),
    *("\t", "\n", "\r", "\r\n", "\x00", "\x0b", "\x1f", "\x7f", "\x85", "\xa0", "\u2028", "\u200b", "\ufeff", "\u202e"),
    *("%2f", "%5c", "%2F%2F", "%09", "%0d%0a", "%00", "%E3%80%82", "%252f", "\uff0f", "\uff3c", "\u2044", "\u3002"),
    *("evil.example", "sitthi.example", "http:", "https:", "https://evil.example", "javascript:", "data:", "a", "ก"),
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"public_url": ISSUER})


def as_browsers_read(address: str) -> str:
    """WHATWG URL §4.4: spaces and control characters around it go, tabs and line ends within, `\\` is `/`."""
    stripped = address.strip("".join(map(chr, range(0x21))))
    return stripped.translate({9: None, 10: None, 13: None}).replace("\\", "/")


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=20))
@example("//[")
@example("/\t/evil.example")
@example("\t//evil.example")
@example("/\\evil.example")
@example("https:evil.example")
@example("\uff0f\uff0fevil.example")
def test_no_target_leads_to_another_site(target: str) -> None:
    kept = local_path(target)
    assert kept in (target, "/")
    for base in (f"{ISSUER}/signin/return", f"{ISSUER}/a/b/?c"):
        resolved = urlsplit(urljoin(base, as_browsers_read(kept)))
        assert (resolved.scheme, resolved.netloc) == ("https", "sitthi.example")
    assert urlsplit(ISSUER + kept).netloc == "sitthi.example"
    assert "\r" not in kept
    assert "\n" not in kept


@pytest.mark.parametrize(
    "path", ["/", "/demo", "/oauth/authorize?a=b&c=%2F%2Fd&e=https://x", "/a//b", "/a#b", "/[::1]"]
)
def test_paths_of_ours_are_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(("length", "kept"), [(8_192, True), (8_193, False)])
def test_a_path_has_an_end(length: int, *, kept: bool) -> None:
    path = "/" + "a" * (length - 1)
    assert local_path(path) == (path if kept else "/")


def test_nowhere_is_the_front_page() -> None:
    assert local_path(None) == "/"
    assert local_path("") == "/"


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "/\t/evil.example", EVIL, "javascript:alert(1)"]
)
async def test_a_sign_in_never_ends_at_another_site(house: House, target: str) -> None:
    async with house.browser() as browser:
        page = await browser.get("/signin", params={"return": target})
        [form] = forms_of(page.text)
        assert form.fields["return"] == "/"
        answer = await browser.post("/signin", data={**form.fields, "return": target})
        answer = await through_thaid(browser, answer)
        assert answer.headers["location"] == f"{ISSUER}/"


async def test_a_sign_in_ends_where_it_began(house: House) -> None:
    async with house.browser() as browser:
        page = await browser.get("/signin", params={"return": "/demo?a=%2F%2Fb"})
        [form] = forms_of(page.text)
        answer = await through_thaid(browser, await browser.post("/signin", data=form.fields))
        assert answer.headers["location"] == f"{ISSUER}/demo?a=%2F%2Fb"


async def through_thaid(browser: httpx2.AsyncClient, answer: httpx2.Response, who: str = "elder") -> httpx2.Response:
    """From the redirect to ThaID to our answer when the person is back."""
    return await browser.get(await returned(browser, answer, who))


async def returned(browser: httpx2.AsyncClient, answer: httpx2.Response, who: str = "elder") -> str:
    """The address at which ThaID sends the person back to us."""
    page = await browser.get(answer.headers["location"])
    form = next(form for form in forms_of(page.text) if form.fields.get("persona") == who)
    back = await browser.post(urljoin(str(page.url), form.action), data=form.fields)
    return back.headers["location"]


# Whose forms are taken.


async def form_at(browser: httpx2.AsyncClient, house: House, path: str) -> Form:
    """A form of ours, with all that a page of ours in this browser would send."""
    if path == "/oauth/authorize/confirm":
        await walk(browser, house.flow(), "elder")
        page = await browser.get(house.flow().address)
    else:
        page = await browser.get(path)
    [form] = forms_of(page.text)
    assert form.action == path
    return form


FORMS = ["/signin", "/signout", "/oauth/authorize/confirm"]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": ISSUER},
        {"origin": ISSUER, "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
async def test_a_form_of_ours_is_taken(house: House, path: str, headers: dict[str, str]) -> None:
    async with house.browser() as browser:
        form = await form_at(browser, house, path)
        answer = await browser.post(path, data=form.fields, headers=headers)
        assert answer.status_code in (200, 303)
        assert "FORM_NOT_OURS" not in answer.text


@pytest.mark.sqlite_only
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "https://sitthi.example.evil.example"},
        {"origin": "https://sub.sitthi.example"},
        {"origin": "https://sitthi.example:444"},
        {"origin": "http://sitthi.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "something new"},
        {"origin": ISSUER, "sec-fetch-site": "cross-site"},
        {"origin": EVIL, "sec-fetch-site": "same-origin"},
    ],
)
async def test_a_form_that_another_site_sends_is_refused_even_with_the_right_token(
    house: House, path: str, headers: dict[str, str]
) -> None:
    async with house.browser() as browser:
        form = await form_at(browser, house, path)
        answer = await browser.post(path, data=form.fields, headers=headers)
        assert (answer.status_code, "FORM_NOT_OURS" in answer.text, "location" in answer.headers) == (400, True, False)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("token", [None, "", "x", "é", "0" * 64])
async def test_a_form_without_its_token_is_refused(house: House, path: str, token: str | None) -> None:
    async with house.browser() as browser:
        form = await form_at(browser, house, path)
        fields = {**form.fields, "csrf": token} if token is not None else {**form.fields}
        if token is None:
            del fields["csrf"]
        answer = await browser.post(path, data=fields, headers={"origin": ISSUER})
        assert (answer.status_code, "FORM_NOT_OURS" in answer.text) == (400, True)


@pytest.mark.sqlite_only
async def test_a_form_of_another_browser_is_refused(house: House) -> None:
    async with house.browser() as theirs, house.browser() as mine:
        form = await form_at(theirs, house, "/signin")
        await mine.get("/signin")
        assert "FORM_NOT_OURS" in (await mine.post("/signin", data=form.fields)).text


@pytest.mark.sqlite_only
@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/json", ""])
async def test_a_form_of_another_kind_holds_nothing(house: House, kind: str) -> None:
    """What a page can send across sites without asking first (Fetch §4.10) is no form of ours."""
    async with house.browser() as browser:
        form = await form_at(browser, house, "/signin")
        body = f"csrf={form.fields['csrf']}".encode()
        answer = await browser.post("/signin", content=body, headers={"content-type": kind})
        assert "FORM_NOT_OURS" in answer.text


# Whose cookies are believed.


def carrying(cookie: str) -> Request:
    return Request({"type": "http", "headers": [(b"cookie", cookie.encode())]})


def test_under_https_a_cookie_that_a_subdomain_can_set_is_not_looked_at(settings: Settings) -> None:
    cookies = Cookies(settings)
    assert cookies.read(carrying("sitthi_session=tossed"), "session") is None
    assert cookies.read(carrying("__Host-sitthi_session=ours; sitthi_session=tossed"), "session") == "ours"


@pytest.mark.parametrize("space", ["\x85", "\xa0", "\x1c", "\x0b", "\x0c"])
def test_a_name_that_only_looks_like_one_bound_to_the_host_is_another(settings: Settings, space: str) -> None:
    """Safari lets a subdomain set it, because it does not begin with `__Host-`."""
    cookies, ours = Cookies(settings), "__Host-sitthi_session=ours"
    for tossed in (f"{space}__Host-sitthi_session=tossed", f"__Host-sitthi_session{space}=tossed"):
        for carried, believed in ((tossed, None), (f"{ours}; {tossed}", "ours"), (f"{tossed}; {ours}", "ours")):
            request = Request({"type": "http", "headers": [(b"cookie", carried.encode("latin-1"))]})
            assert cookies.read(request, "session") == believed


def test_a_value_is_read_as_it_was_written() -> None:
    cookies, response = Cookies(Settings()), Response()
    value = "/signin?return=%2Foauth%2Fauthorize&acr=ial2.3-aal2.2"
    cookies.write(response, "continue", value, 60)
    assert cookies.read(carrying(response.headers["set-cookie"].partition(";")[0]), "continue") == value


def test_of_two_cookies_of_one_name_neither_is_believed() -> None:
    cookies = Cookies(Settings())
    assert cookies.read(carrying("sitthi_session=ours"), "session") == "ours"
    assert cookies.read(carrying("sitthi_session=ours; sitthi_session=tossed"), "session") is None
    assert cookies.read(carrying("sitthi_session=tossed; other=x; sitthi_session=ours"), "session") is None
    assert cookies.read(carrying("sitthi_session=ours; sitthi_session=ours"), "session") == "ours"
    assert cookies.read(carrying("other=x"), "session") is None


@pytest.mark.sqlite_only
async def test_a_token_and_cookie_of_the_attackers_own_visit_do_not_make_a_form_ours(house: House) -> None:
    """Even if the cookie could be tossed, the browser still says where the form stands."""
    async with house.browser() as attacker, house.browser() as victim:
        form = await form_at(attacker, house, "/signin")
        victim.cookies.update(attacker.cookies)
        answer = await victim.post("/signin", data=form.fields, headers={"sec-fetch-site": "same-site"})
        assert "FORM_NOT_OURS" in answer.text


@pytest.mark.sqlite_only
async def test_nobody_is_signed_in_as_somebody_who_sent_them_a_link(house: House) -> None:
    """Login CSRF: the attacker signs in as far as the return, and has the victim follow it."""
    async with house.browser() as attacker, house.browser() as victim:
        form = await form_at(attacker, house, "/signin")
        link = await returned(attacker, await attacker.post("/signin", data=form.fields), "officer-one")
        without_one = await victim.get(link)
        mine = await form_at(victim, house, "/signin")
        begun = await victim.post("/signin", data=mine.fields)
        with_its_own = await victim.get(link)
        for answer in (without_one, with_its_own):
            assert (answer.status_code, "SIGN_IN_NOT_STARTED" in answer.text) == (400, True)
        assert "__Host-sitthi_session" not in victim.cookies
        answer = await through_thaid(victim, begun)
        assert answer.status_code == 303, "the victim's own sign-in goes on"


@pytest.mark.sqlite_only
async def test_a_session_that_was_there_before_is_not_the_one_that_is_signed_in(house: House) -> None:
    async with house.browser() as browser:
        browser.cookies.set("__Host-sitthi_session", "fixed", domain="sitthi.example")
        form = await form_at(browser, house, "/signin")
        answer = await through_thaid(browser, await browser.post("/signin", data=form.fields))
        [session] = [one for one in answer.headers.get_list("set-cookie") if one.startswith("__Host-sitthi_session=")]
        assert not session.startswith("__Host-sitthi_session=fixed")


async def test_every_cookie_is_bound_to_the_host_and_kept_from_scripts(house: House) -> None:
    given: dict[str, set[str]] = {}

    async def note(answer: httpx2.Response) -> None:
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            flags = {flag.strip().lower() for flag in rest.split(";")[1:]}
            given.setdefault(name, flags)
            given[name] &= flags

    async with house.browser() as browser:
        browser.event_hooks = {"response": [note]}
        await walk(browser, house.flow(), "elder")
        [form] = forms_of((await browser.get("/signout")).text)
        await browser.post("/signout", data=form.fields)
    ours = {name: flags for name, flags in given.items() if "sitthi" in name}
    for one in ("csrf", "signin", "session", "device"):  # a sign-in under way may have a name of its own
        assert any(name.startswith(f"__Host-sitthi_{one}") for name in ours), one
    for name, flags in ours.items():
        assert name.startswith("__Host-")
        assert flags >= {"secure", "httponly", "path=/", "samesite=lax"}
        assert not any(flag.startswith("domain") for flag in flags)


def test_without_https_the_names_do_not_promise_what_browsers_would_not_keep() -> None:
    response = Response()
    Cookies(Settings()).write(response, "session", "x", 60)
    header = response.headers["set-cookie"].lower()
    assert header.startswith("sitthi_session=x;")
    assert "httponly" in header
    assert "secure" not in header


# Who may show our pages.


@pytest.mark.parametrize("path", ["/signin", "/signout", "/signin/return", "/oauth/authorize", "/signin?return=//x"])
@pytest.mark.sqlite_only
async def test_no_page_can_be_framed_kept_or_made_to_load_anything(house: House, path: str) -> None:
    async with house.browser() as browser:
        page = await browser.get(path)
        assert page.headers["content-type"].startswith("text/html")
        policy = page.headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy)
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "same-origin"


def test_a_page_that_is_the_same_for_all_holds_no_form_and_shows_text_as_text() -> None:
    html = problem_page(Text(th="<b>", en="<script>"), "CODE")
    assert "<form" not in html
    assert "&lt;b&gt;" in html
    assert "&lt;script&gt;" in html
    assert "<code>CODE</code>" in html
