"""The life of tokens, driven at random against a small model: whatever happens in whatever order, a token works exactly
when the model says so."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.clock import FixedClock
from core.crypto import load_keys
from core.database import Database
from core.settings import Settings
from identity.provider.endings import Endings, EndReason
from tests.conftest import NOW
from tests.identity.conftest import House, opened
from tests.identity.provider.apps import REFRESH_SECONDS, TOKEN_SECONDS, App, proven, register_app
from tests.identity.provider.front import session_of
from tests.identity.provider.key_holders import KeyHolder, register
from tests.support.databases import Databases, Kind

T = TypeVar("T")
CODE_SECONDS = 60
SESSION_SECONDS = 8 * 3_600
STEPS = (1, 1, 1, 59, 60, TOKEN_SECONDS - 60, TOKEN_SECONDS, SESSION_SECONDS, REFRESH_SECONDS - TOKEN_SECONDS)
"""Most are short, or every token would be old before anything is done with it."""


@dataclass
class World:
    """A house in a loop of its own, with a client and a resource server that outlive each run."""

    runner: asyncio.Runner
    house: House
    browser: httpx2.AsyncClient
    bank: KeyHolder

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


@dataclass
class Session:
    began: datetime
    ended: bool = False


@dataclass
class Family:
    """What the model knows of a code and of all that came of it."""

    session: Session
    code: str
    code_expires: datetime
    redeemed: bool = False
    ended: bool = False
    expires: datetime = NOW
    refresh: list[str] = field(default_factory=list)
    """Every refresh token so far; the last is the one that works, and the first a used one once there are two."""

    def lives(self, now: datetime) -> bool:
        return self.redeemed and not self.ended and now < self.expires


@dataclass
class Access:
    family: Family
    token: str
    expires: datetime
    revoked: bool = False

    def works(self, now: datetime) -> bool:
        return not self.revoked and not self.family.ended and now < self.expires


class LifeCycle(RuleBasedStateMachine):
    world: ClassVar[World]

    codes = Bundle("codes")
    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.known: list[Access] = []
        self.of_session: list[Family] = []
        self._sign_in()

    @property
    def now(self) -> datetime:
        return self.world.house.clock.now()

    def _sign_in(self) -> None:
        """In a browser of its own: what it signed in before stays as it was."""
        self.world.browser.cookies.clear()
        self.app = App(self.world.house, self.world.browser)
        self.world.run(self.app.signed_in())
        self.session, self.of_session = Session(self.now), []

    def _is_signed_in(self) -> bool:
        return not self.session.ended and self.now < self.session.began + timedelta(seconds=SESSION_SECONDS)

    @precondition(lambda self: not self._is_signed_in())
    @rule()
    def sign_in_anew(self) -> None:
        self._sign_in()

    @initialize(target=tokens)
    def begin_with_tokens(self) -> Access:
        return self._obtained()

    @precondition(_is_signed_in)
    @rule(target=tokens)
    def obtain(self) -> Access:
        return self._obtained()

    @precondition(_is_signed_in)
    @rule(target=codes)
    def authorize(self) -> Family:
        return self._authorized()

    @rule(target=tokens, family=codes)
    def redeem(self, family: Family) -> Any:
        answer = self.world.run(self.app.redeem(family.code))
        if family.redeemed:
            family.ended = True
        elif self.now < family.code_expires and not family.session.ended:
            assert answer.status_code == 200, answer.text
            return self._taken(family, answer)
        assert answer.json()["error"] == "invalid_grant"
        return multiple()

    @rule(token=tokens, wrong=st.sampled_from([None, "verifier", "client"]))
    def replay(self, token: Access, wrong: str | None) -> None:
        """A used code: with its verifier, from its own client, it was stolen; without, it cannot have been of use."""
        changes: dict[str, Any] = {"verifier": {"code_verifier": "w" * 43}, "client": {"client_id": "market"}}
        answer = self.world.run(self.app.redeem(token.family.code, **changes.get(wrong or "", {})))
        assert answer.json()["error"] == "invalid_grant"
        token.family.ended = token.family.ended or wrong is None

    @rule(family=codes, wrong=st.sampled_from(["verifier", "redirect", "client"]))
    def redeem_wrongly(self, family: Family, wrong: str) -> None:
        changes: dict[str, Any] = {
            "verifier": {"code_verifier": "w" * 43},
            "redirect": {"redirect_uri": "https://shop.example/other"},
            "client": {"client_id": "market"},
        }[wrong]
        answer = self.world.run(self.app.redeem(family.code, **changes))
        assert answer.json()["error"] == "invalid_grant"

    @rule(target=tokens, token=tokens)
    def refresh(self, token: Access) -> Any:
        family = token.family
        answer = self.world.run(self.app.refresh(family.refresh[-1]))
        if family.lives(self.now):
            assert answer.status_code == 200, answer.text
            return self._taken(family, answer)
        assert answer.json()["error"] == "invalid_grant"
        return multiple()

    @rule(token=tokens)
    def reuse(self, token: Access) -> None:
        family = token.family
        if len(family.refresh) == 1 and family.lives(self.now):
            self._taken(family, self.world.run(self.app.refresh(family.refresh[0])))
        if len(family.refresh) > 1:
            assert self.world.run(self.app.refresh(family.refresh[0])).json()["error"] == "invalid_grant"
            family.ended = True

    @rule(token=tokens, wrong=st.sampled_from(["client", "scope", "resource"]))
    def refresh_wrongly(self, token: Access, wrong: str) -> None:
        changes: dict[str, Any] = {
            "client": {"client_id": "market"},
            "scope": {"scope": "officer"},
            "resource": {"resource": "https://elsewhere.example"},
        }[wrong]
        assert self.world.run(self.app.refresh(token.family.refresh[-1], **changes)).status_code == 400

    @rule(token=tokens)
    def revoke_access(self, token: Access) -> None:
        assert self.world.run(self.app.revoke(token.token)).status_code == 200
        token.revoked = True

    @rule(token=tokens, used=st.booleans())
    def revoke_refresh(self, token: Access, used: bool) -> None:
        refresh = token.family.refresh[0 if used else -1]
        assert self.world.run(self.app.revoke(refresh)).status_code == 200
        token.family.ended = True

    @rule(token=tokens)
    def another_client_revokes(self, token: Access) -> None:
        assert self.world.run(self.app.revoke(token.token, client_id="market")).status_code == 200

    @precondition(_is_signed_in)
    @rule()
    def end_session(self) -> None:
        async def end() -> None:
            house = self.world.house
            who = await session_of(house, self.world.browser)
            assert who is not None
            async with house.identity.db.write() as session:
                assert await Endings(house.clock).end_session(session, who.person, who.id, EndReason.SESSION_ENDED)

        self.world.run(end())
        self.session.ended = True
        for family in self.of_session:
            family.ended = family.ended or family.redeemed

    @rule(seconds=st.sampled_from(STEPS))
    def time_passes(self, seconds: int) -> None:
        self.world.house.clock.advance(timedelta(seconds=seconds))

    @rule(token=tokens)
    def introspect(self, token: Access) -> None:
        house = self.world.house
        given = {"token": token.token, **proven(self.world.bank, house, "bank")}
        told = self.world.run(self.world.browser.post("/oauth/introspect", data=given)).json()
        assert told["active"] is token.works(self.now)
        assert told["active"] or told == {"active": False}

    @invariant()
    def every_token_works_exactly_when_it_should(self) -> None:
        works = self.world.run(_all_work(self.app, [one.token for one in self.known]))
        assert works == [one.works(self.now) for one in self.known]

    def _authorized(self) -> Family:
        resource = [f"{self.world.house.issuer}/graphql", f"{self.world.house.issuer}/resource/bank"]
        code = self.world.run(self.app.code(resource=resource))
        family = Family(self.session, code, self.now + timedelta(seconds=CODE_SECONDS))
        self.of_session.append(family)
        return family

    def _obtained(self) -> Access:
        family = self._authorized()
        return self._taken(family, self.world.run(self.app.redeem(family.code)))

    def _taken(self, family: Family, answer: httpx2.Response) -> Access:
        body = answer.json()
        family.redeemed = True
        family.expires = family.session.began + timedelta(seconds=REFRESH_SECONDS)
        family.refresh.append(body["refresh_token"])
        expires = min(self.now + timedelta(seconds=TOKEN_SECONDS), family.expires)
        assert body["expires_in"] == int((expires - self.now).total_seconds())
        access = Access(family, body["access_token"], expires)
        self.known.append(access)
        return access


async def _all_work(app: App, tokens: list[str]) -> list[bool]:
    return [await app.works(token) for token in tokens]


@pytest.fixture
def world(databases: Databases, database_kind: Kind, tmp_path: Path) -> Iterator[World]:
    (tmp_path / "data").mkdir()
    clock = FixedClock(NOW)
    with databases.clone(database_kind, tmp_path) as url, asyncio.Runner() as runner:
        given = Settings(data=tmp_path / "data", database_url=url)
        stack = AsyncExitStack()

        async def begin() -> World:
            database = Database(given.sqlalchemy_url, durable=False)
            stack.push_async_callback(database.close)
            house = await stack.enter_async_context(opened(given, database, clock, load_keys(given)))
            browser = await stack.enter_async_context(house.browser())
            bank = KeyHolder.make()
            await register_app(house)
            await register_app(house, "market")
            await register(database, clock, id="bank", jwks=bank.registered)
            return World(runner, house, browser, bank)

        yield runner.run(begin())
        runner.run(stack.aclose())


def test_a_token_works_exactly_when_it_should_whatever_happens(world: World) -> None:
    machine = type("Lives", (LifeCycle,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
