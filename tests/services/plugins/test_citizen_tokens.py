"""The token that goes with a call: good for one agency, for a minute, and for nothing else."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import jwt
import orjson
import pytest

from core.clock import FixedClock
from core.ids import new_id
from core.settings import Settings
from core.viewer import Acting, Viewer
from identity.provider.subjects import Subjects
from services.plugins.contract import Call, Host, Manifest
from services.plugins.kit import TokenRefused, read_token
from services.plugins.runner import CitizenTokens, Runner, ServiceKeys
from tests.conftest import NOW, run_directory
from tests.support.app import Served
from tests.support.app import served as serving
from tests.support.plugins.far_side import MANIFEST, PERSON, URL, FarSide, NoAgency, key_ring, manifest_of
from tests.support.population import furnish

ISSUER = "https://sitthi.example"
OPERATIONS = {**MANIFEST["operations"], "berths": {**MANIFEST["operations"]["berths"], "forwards_token": True}}
CUSTOMS = "https://customs.example/sitthi"
VIEWER = Viewer(
    person=new_id(),
    client="super-app",
    scopes=frozenset({"citizen"}),
    acr="https://sitthi.example/ial/2.3",
    expires_at=NOW + timedelta(hours=1),
    authenticated_at=NOW - timedelta(minutes=3),
)


def of_agency(slug: str, url: str = URL) -> Manifest:
    agency = {**MANIFEST["agency"], "slug": slug}
    return manifest_of(agency=agency, operations=OPERATIONS, endpoint={"url": url, "keys": [{}]})


HARBOUR = of_agency("harbour")


class Maker:
    def __init__(self, clock: FixedClock) -> None:
        self.ring, self.clock = key_ring(), clock
        self.keys = ServiceKeys(self.ring)
        self.tokens = CitizenTokens(self.keys, Subjects(self.ring), clock, ISSUER)

    def make(self, viewer: Viewer = VIEWER, manifest: Manifest = HARBOUR) -> str:
        return self.tokens.token(manifest, viewer)

    def read(self, token: str, *, audience: str = URL, issuer: str = ISSUER) -> dict[str, Any]:
        return read_token(token, self.keys, issuer=issuer, audience=audience, now=self.clock.now())


@pytest.fixture
def maker(clock: FixedClock) -> Maker:
    return Maker(clock)


def test_it_says_who_is_there_how_surely_and_for_whom(maker: Maker) -> None:
    claims = maker.read(maker.make())
    assert len(claims.pop("sub")) == 43
    assert len(claims.pop("jti")) == 24
    now = int(NOW.timestamp())
    assert claims == {
        "iss": ISSUER,
        "aud": URL,
        "iat": now,
        "exp": now + 60,
        "acr": VIEWER.acr,
        "auth_time": now - 180,
    }


def test_any_library_verifies_it_by_the_published_keys(maker: Maker) -> None:
    token = maker.make()
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "sitthi-citizen+jwt"
    (published,) = [key for key in maker.keys.jwks["keys"] if key["kid"] == header["kid"]]
    options: Any = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(token, jwt.PyJWK(published), algorithms=["EdDSA"], audience=URL, issuer=ISSUER, options=options)
    assert claims == maker.read(token)


def test_who_acts_for_the_citizen_is_told(maker: Maker) -> None:
    parent = Acting(new_id(), new_id(), frozenset({"VIEW"}))
    acting = Viewer(VIEWER.person, "app", VIEWER.scopes, VIEWER.acr, VIEWER.expires_at, acting=parent)
    claims = maker.read(maker.make(acting))
    assert claims["sub"] == maker.read(maker.make())["sub"]
    alone = Viewer(parent.person, "app", VIEWER.scopes, VIEWER.acr, VIEWER.expires_at)
    assert claims["act"] == {"sub": maker.read(maker.make(alone))["sub"]}
    assert "auth_time" not in claims


def test_two_agencies_know_the_citizen_by_two_names(maker: Maker) -> None:
    ours = maker.read(maker.make())["sub"]
    theirs = maker.read(maker.make(manifest=of_agency("customs", CUSTOMS)), audience=CUSTOMS)["sub"]
    assert ours != theirs
    assert maker.read(maker.make())["sub"] == ours
    assert PERSON.digits not in maker.make()


def test_no_other_agency_takes_it(maker: Maker) -> None:
    with pytest.raises(TokenRefused):
        maker.read(maker.make(), audience=CUSTOMS)
    with pytest.raises(TokenRefused):
        maker.read(maker.make(), issuer="https://another.example")


def test_it_is_over_after_a_minute_and_the_allowance_for_clocks(maker: Maker) -> None:
    token = maker.make()
    maker.clock.advance(timedelta(seconds=119))
    maker.read(token)
    maker.clock.advance(timedelta(seconds=1))
    with pytest.raises(TokenRefused):
        maker.read(token)


def test_nothing_of_it_can_be_changed(maker: Maker) -> None:
    head, body, signature = maker.make().split(".")
    claims = orjson.loads(base64.urlsafe_b64decode(body + "=="))
    richer = base64.urlsafe_b64encode(orjson.dumps({**claims, "acr": "3"})).decode().rstrip("=")
    none = base64.urlsafe_b64encode(orjson.dumps({"alg": "none", "typ": "sitthi-citizen+jwt"})).decode().rstrip("=")
    plain = base64.urlsafe_b64encode(
        orjson.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": maker.keys.current.keyid})
    ).decode()
    for forged in (
        f"{head}.{richer}.{signature}",
        f"{none}.{body}.",
        f"{plain}.{body}.{signature}",
        f"{head}.{body}.{'A' * 86}",
        f"{head}.{body}",
        f"{head}.{body}.{signature}" + "A" * 5_000,
        "",
        "a.b.c",
        "ก.ข.ค",
    ):
        with pytest.raises(TokenRefused):
            maker.read(forged)


class TestWithACall:
    @pytest.fixture
    async def far(self, clock: FixedClock, maker: Maker) -> AsyncIterator[FarSide]:
        async def berths(host: Host, call: Call) -> Any:
            seen.append(call.token)
            return []

        seen = self.seen = list[str]()
        async with FarSide(clock, {"berths": berths}, manifest=HARBOUR) as far:
            far.runner = Runner(lambda _: Host(clock, NoAgency()), tokens=maker.tokens)
            yield far

    async def test_the_agency_gets_it_signed_with_the_call(self, far: FarSide, maker: Maker) -> None:
        await far.runner.run(far.plugin, "berths", asker="test", person=PERSON, viewer=VIEWER)
        (token,) = self.seen
        assert maker.read(token)["acr"] == VIEWER.acr
        assert '"sitthi-token"' in far.request.headers["signature-input"]

    async def test_where_no_citizen_is_there_is_no_token(self, far: FarSide) -> None:
        await far.runner.run(far.plugin, "berths", asker="test", person=PERSON)
        assert self.seen == [""]
        assert "sitthi-token" not in far.request.headers

    async def test_an_operation_that_does_not_ask_for_it_gets_none(self, far: FarSide) -> None:
        await far.runner.run(far.plugin, "tides", asker="test", viewer=VIEWER)
        assert "sitthi-token" not in far.request.headers


@pytest.fixture
async def served(
    request: pytest.FixtureRequest, settings: Settings, database_url: str, clock: FixedClock
) -> AsyncIterator[Served]:
    furnish(run_directory(request.config), settings.data, clock.today())
    async with serving(settings, clock) as served:
        yield served


@pytest.mark.sqlite_only
async def test_nothing_of_ours_takes_it(served: Served) -> None:
    """Whatever an agency does with it here, it is nobody: not with our own address as its audience either."""
    house = served.house
    issuer = house.settings.issuer
    tokens = CitizenTokens(house.service_keys, house.identity.subjects, house.clock, issuer)

    async def statuses(scheme: str, token: str) -> dict[str, int]:
        headers = {"authorization": f"{scheme} {token}"}
        answers = {
            "graph": await served.http.post("/graphql", json={"query": "{ viewer { id } }"}, headers=headers),
            "userinfo": await served.http.get("/oauth/userinfo", headers=headers),
            "my data": await served.http.get("/my-data/0/json", headers=headers),
            "agreements": await served.http.get("/agency/v1/agreements", headers=headers),
            "services": await served.http.get("/agency/v1/services", headers=headers),
        }
        return {name: answer.status_code for name, answer in answers.items()}

    real = await statuses("Bearer", await served.token("elder"))
    assert real["graph"] == 200
    for url in (URL, issuer, f"{issuer}/graphql", f"{issuer}/oauth/userinfo", f"{issuer}/agency"):
        token = tokens.token(of_agency("harbour", url), VIEWER)
        for scheme in ("Bearer", "DPoP"):
            assert set((await statuses(scheme, token)).values()) == {401}


@pytest.mark.sqlite_only
async def test_the_keys_are_published_and_follow_the_ring(served: Served) -> None:
    reply = await served.http.get("/.well-known/service-keys.json")
    assert reply.headers["cache-control"] == "public, max-age=60"
    (key,) = reply.json()["keys"]
    assert key["kid"] == served.house.service_keys.current.keyid
    assert (key["kty"], key["crv"], key["use"]) == ("OKP", "Ed25519", "sig")
    assert "d" not in key
