"""What every answer says to browsers, whichever route it is from; and who may read the figures."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError
from starlette.routing import BaseRoute, Route

from api.app import create_app
from core.clock import FixedClock
from core.settings import Settings
from tests.api.test_production import production
from tests.support.app import Served

__all__ = ["production"]
TOKEN: Final = "a-token-of-this-test-which-is-long-enough"
KEPT: Final = {
    "/.well-known/attestation-keys.json": "public, max-age=300",
    "/.well-known/credential-issuers.jwt": "public, max-age=300",
    "/.well-known/service-keys.json": "public, max-age=60",
    "/.well-known/verification-bundle.json": "public, max-age=300",
    "/agency/v1/openapi.json": "public, max-age=300",
    "/agency/v1/applications/openapi.json": "public, max-age=300",
    "/agency/v1/services/openapi.json": "public, max-age=300",
    "/catalogue/v1/attributes": "public, no-cache",
    "/catalogue/v1/openapi.json": "public, no-cache",
    "/catalogue/v1/purposes": "public, no-cache",
    "/catalogue/v1/requirements": "public, no-cache",
    "/favicon.ico": "max-age=86400",
    "/ide/files/{name}": "max-age=86400",
    "/open/agreements.json": "max-age=60",
    "/open/personal-data.schema.json": "max-age=3600",
    "/open/records-of-processing.json": "max-age=3600",
    "/open/exchange/questions": "public, max-age=3600",
    "/open/exchange/statistics": "public, max-age=3600",
    "/open/exchange/statistics.csv": "public, max-age=3600",
    "/open/satisfaction": "public, max-age=3600",
    "/open/satisfaction.csv": "public, max-age=3600",
    "/open/services/{slug}/versions/{version}/report": "public, max-age=86400",
    "/pki/papers.crl": "max-age=3600",
    "/pki/papers.crt": "max-age=3600",
    "/services/changes": "public, max-age=60",
    "/services/changes.atom": "public, max-age=60",
    "/signin/passkeys.js": "public, max-age=31536000, immutable",
}
"""What caches may keep. Whatever is new here is the same for everybody."""
OPEN_TO_ALL: Final = {
    "/open/agreements.json",
    "/open/personal-data.schema.json",
    "/open/records-of-processing.json",
    "/open/satisfaction",
    "/open/satisfaction.csv",
    "/verify/r/{code}",
}
"""What any web page may read, besides what is opened to web apps by a middleware (tests/api/test_cors.py)."""


@pytest.fixture
async def app(production: Settings, clock: FixedClock) -> AsyncIterator[FastAPI]:
    app = create_app(production.model_copy(update={"redis_url": None}), clock)
    async with app.router.lifespan_context(app):
        yield app


def routes_of(routes: Iterable[BaseRoute]) -> Iterable[tuple[str, str]]:
    """(method, path) of each, as declared; also of routers that are included as they are."""
    for route in routes:
        if isinstance(route, Route):
            for method in sorted(route.methods or {"GET", "POST"}):
                yield method, route.path
        else:
            router: Any = getattr(route, "original_router", route)  # FastAPI keeps a router that is included whole
            before = getattr(getattr(route, "include_context", None), "prefix", "")
            yield from ((method, before + path) for method, path in routes_of(getattr(router, "routes", None) or ()))


async def answers(app: FastAPI) -> list[tuple[str, httpx2.Response]]:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    found = []
    async with httpx2.AsyncClient(transport=transport, base_url="https://sitthi.example") as http:
        for method, path in [
            *routes_of(app.routes),
            ("GET", "/nowhere"),
            ("DELETE", "/signin"),
            ("POST", "/health/live"),
        ]:
            filled = re.sub(r"\{[^}]*\}", "x", path)
            for accept in ("*/*", "text/html"):
                answer = await http.request(method, filled, headers={"accept": accept})
                found += [(path, answer)]
    return found


@pytest.mark.sqlite_only
async def test_every_answer_of_every_route_is_safe_in_a_browser(app: FastAPI) -> None:
    seen = await answers(app)
    paths = {path for path, _ in seen}
    assert paths >= {"/", "/signin", "/signin/return", "/signout", "/oauth/authorize", "/oauth/token", "/graphql"}
    assert paths >= {"/oauth/userinfo", "/oauth/jwks", "/verify/r/{code}", "/health/live", "/metrics", "/ide"}
    for path, answer in seen:
        headers, where = answer.headers, f"{path}: {answer.status_code}"
        assert answer.status_code != 500, where
        assert headers["x-content-type-options"] == "nosniff", where
        assert headers["x-frame-options"] == "DENY", where
        assert headers["strict-transport-security"] == "max-age=31536000", where
        assert headers["referrer-policy"] in ("no-referrer", "same-origin"), where
        assert headers["cache-control"] == KEPT.get(path, "no-store") or answer.status_code == 404, where
        policy = headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy), where
        assert not any("*" in part or "unsafe-eval" in part or "http:" in part for part in policy), where
        scripts = [part for part in policy if part.startswith("script-src")]
        assert not any("unsafe-inline" in part for part in scripts), where
        assert "server" not in headers, where
        assert "access-control-allow-origin" not in headers or path in OPEN_TO_ALL, where


@pytest.mark.sqlite_only
async def test_an_answer_about_our_own_fault_is_as_safe_as_any(app: FastAPI) -> None:
    async def broken() -> None:
        raise RuntimeError("broken")

    app.add_api_route("/broken", broken)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="https://sitthi.example") as http:
        answer = await http.get("/broken")
        fine = await http.get("/health/live")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (500, "INTERNAL")
    told = {name: value for name, value in fine.headers.items() if name != "content-length"}
    assert {name: answer.headers.get(name) for name in told} == told


@pytest.mark.sqlite_only
async def test_no_redirect_leads_out_of_the_house_unasked(app: FastAPI) -> None:
    for path, answer in await answers(app):
        location = answer.headers.get("location")
        assert location is None or location.startswith(("https://sitthi.example/", "/")), path


async def read_metrics(app: FastAPI, peer: str, **headers: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=app, client=(peer, 4711))
    async with httpx2.AsyncClient(transport=transport, base_url="https://sitthi.example") as http:
        return await http.get(
            "/metrics", headers=[(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        )


@pytest.mark.sqlite_only
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
async def test_while_developing_a_program_on_this_machine_may_read_the_figures(sitthi: Served, peer: str) -> None:
    answer = await read_metrics(sitthi.app, peer)
    assert answer.status_code == 200
    assert "# HELP" in answer.text


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("198.51.100.9", {}),
        ("10.0.0.1", {}),
        ("::2", {}),
        ("testclient", {}),
        ("127.0.0.1", {"x_forwarded_for": "198.51.100.9"}),
        ("127.0.0.1", {"x_forwarded_for": "127.0.0.1"}),
        ("127.0.0.1", {"forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", {"via": "1.1 proxy"}),
        ("198.51.100.9", {"x_forwarded_for": "127.0.0.1"}),
        ("198.51.100.9", {"host": "localhost"}),
    ],
)
async def test_nobody_else_may_nor_who_comes_by_a_proxy_on_this_machine(
    sitthi: Served, peer: str, headers: dict[str, str]
) -> None:
    answer = await read_metrics(sitthi.app, peer, **headers)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "NOT_ALLOWED")
    assert "# HELP" not in answer.text


@pytest.mark.sqlite_only
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.0.0.1"])
async def test_in_production_no_address_opens_them(app: FastAPI, peer: str) -> None:
    """A proxy on the same machine that adds no header, as nginx does by itself, looks like a program of it."""
    answer = await read_metrics(app, peer)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "NOT_ALLOWED")


@pytest.mark.sqlite_only
async def test_where_there_is_a_token_it_is_what_counts(production: Settings, clock: FixedClock) -> None:
    given = production.model_copy(update={"redis_url": None, "metrics_token": SecretStr(TOKEN)})
    app = create_app(given, clock)
    async with app.router.lifespan_context(app):
        for peer in ("198.51.100.9", "127.0.0.1"):
            right = await read_metrics(app, peer, authorization=f"Bearer {TOKEN}")
            assert (right.status_code, "# HELP" in right.text) == (200, True)
            for wrong in (
                f"Bearer {TOKEN}x",
                f"Bearer {TOKEN[:-1]}",
                f"Basic {TOKEN}",
                TOKEN,
                "Bearer é",
                "Bearer",
                "",
            ):
                refused = await read_metrics(app, peer, authorization=wrong)
                assert (refused.status_code, "# HELP" in refused.text) == (401, False)
                assert refused.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("length", "ok"), [(32, True), (31, False)])
def test_a_token_that_can_be_guessed_is_told_at_the_start(length: int, *, ok: bool) -> None:
    given: dict[str, Any] = {"metrics_token": "x" * length}
    if ok:
        assert Settings(**given).metrics_token is not None
    else:
        with pytest.raises(ValidationError):
            Settings(**given)


@pytest.mark.sqlite_only
async def test_while_developing_the_figures_are_there_without_a_set_up(sitthi: Served) -> None:
    assert (await sitthi.http.get("/metrics")).status_code == 200
