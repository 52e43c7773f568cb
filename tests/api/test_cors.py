"""Web apps on other sites may read what no cookie opens, and nothing else."""

from __future__ import annotations

import pytest

from api.cors import OPEN, OPEN_BELOW, is_open_to_web_apps
from tests.api.test_exposure import routes_of
from tests.support.app import Served

ELSEWHERE = "https://app.example"


async def test_a_web_app_reads_what_the_graph_and_the_token_endpoint_answer(sitthi: Served) -> None:
    asked = await sitthi.http.post("/graphql", json={"query": "{ __typename }"}, headers={"Origin": ELSEWHERE})
    refused = await sitthi.http.post("/oauth/token", data={"grant_type": "?"}, headers={"Origin": ELSEWHERE})
    for answer in (asked, refused):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "DPoP-Nonce" in answer.headers["access-control-expose-headers"]


async def test_a_web_app_reads_all_that_is_well_known(sitthi: Served) -> None:
    """Each where its standard puts it: RFC 9728 §3.1 puts the graph's path behind."""
    paths = {path for _, path in routes_of(sitthi.app.routes) if path.startswith("/.well-known/")}
    assert len(paths) >= 4
    assert [path for path in paths if not is_open_to_web_apps(path)] == []


@pytest.mark.parametrize("path", sorted(OPEN | {f"{place}mhesi" for place in OPEN_BELOW}))
async def test_a_preflight_lets_a_token_and_a_proof_through_and_no_cookie(sitthi: Served, path: str) -> None:
    answer = await sitthi.http.options(
        path,
        headers={
            "Origin": ELSEWHERE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type, dpop",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"authorization", "content-type", "dpop"} <= _words(answer.headers["access-control-allow-headers"])
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/signin", "/signout", "/oauth/authorize", "/health/live", "/"])
async def test_pages_where_a_cookie_counts_stay_closed(sitthi: Served, path: str) -> None:
    answer = await sitthi.http.get(path, headers={"Origin": ELSEWHERE})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_a_cookie_opens_nothing_of_what_is_open(sitthi: Served) -> None:
    """Which is why any site may read it: see api/cors.py."""
    sitthi.http.cookies.set("sitthi_session", "whatever-it-is")
    answer = await sitthi.http.post("/graphql", json={"query": "{ viewer { id } }"}, headers={"Origin": ELSEWHERE})
    assert answer.json() == {"data": {"viewer": None}}


def _words(header: str) -> set[str]:
    return {word.strip().lower() for word in header.split(",")}
