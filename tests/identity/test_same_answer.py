"""Who asks learns nothing from how they are refused: the same bytes, and work of the same kind.

Work is counted in statements to the database and in what the cryptography is asked; a clock on the wall would tell of
the machine.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID

import pytest
from sqlalchemy import event, text

from api.commands.code_flow import CodeFlow
from api.commands.walk import walk
from core.crypto import KeyRing
from core.database import Database
from core.text import Text
from identity.counter.codes import new_code
from identity.counter.models import CounterCode
from identity.officers.current import OfficerVerifier
from identity.officers.errors import NotAnOfficer
from identity.officers.register import OfficerRegister
from identity.people import PeopleRegister
from identity.provider.client_keys import Unverified
from identity.provider.clients import OFFICER_CLIENT
from tests.identity.conftest import House, query_of
from tests.identity.people_of_tests import national_id
from tests.identity.provider.key_holders import KeyHolder, register

Answer: TypeAlias = tuple[int, tuple[tuple[str, str], ...], bytes]
AGAIN = ("date", "set-cookie")
"""Headers that are new each time."""


@asynccontextmanager
async def work(db: Database, keys: KeyRing, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Counter[str]]:
    """Counts statements by their first words, and keyed hashes."""
    done: Counter[str] = Counter()

    def statement(_conn: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if not sql.startswith(("BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE", "SHOW")):
            done[" ".join(sql.split())] += 1

    plain = KeyRing.blind_index

    def hashed(self: KeyRing, value: str, *, domain: str) -> bytes:
        done[f"hash of {domain}"] += 1
        return plain(self, value, domain=domain)

    event.listen(db.engine.sync_engine, "before_cursor_execute", statement)
    with monkeypatch.context() as patch:
        patch.setattr(KeyRing, "blind_index", hashed)
        yield done
    event.remove(db.engine.sync_engine, "before_cursor_execute", statement)


Measure: TypeAlias = Callable[[Callable[[], Awaitable[Any]]], Awaitable[tuple[Any, Counter[str]]]]


@pytest.fixture
def measured(database: Database, keys: KeyRing, monkeypatch: pytest.MonkeyPatch) -> Measure:
    """What an act answers, and what it took."""

    async def measure(act: Callable[[], Awaitable[Any]]) -> tuple[Any, Counter[str]]:
        async with work(database, keys, monkeypatch) as done:
            answer = await act()
        return answer, done

    return measure


async def post_token(house: House, fields: dict[str, str]) -> Answer:
    async with house.browser() as browser:
        answer = await browser.post("/oauth/token", data=fields)
        return answer.status_code, tuple(sorted(answer.headers.items())), answer.content


async def code_for(house: House, flow: CodeFlow) -> str:
    async with house.browser() as browser:
        return query_of(await walk(browser, flow, "elder"))["code"]


def fields(flow: CodeFlow, code: str, client: str = "demo-app") -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": client,
        "code": code,
        "redirect_uri": flow.redirect_uri,
        "code_verifier": flow._verifier,
    }


async def test_a_code_of_another_client_is_as_unknown_as_one_that_never_was(house: House, measured: Measure) -> None:
    flow = house.flow()
    real = await code_for(house, flow)
    await post_token(house, fields(flow, "warm"))
    never, its_work = await measured(lambda: post_token(house, fields(flow, "A" * len(real), OFFICER_CLIENT)))
    others, their_work = await measured(lambda: post_token(house, fields(flow, real, OFFICER_CLIENT)))
    assert others == never
    assert others[0] == 400
    assert their_work == its_work
    assert its_work


async def test_a_code_that_has_expired_is_as_unknown_as_one_that_never_was(house: House, measured: Measure) -> None:
    flow = house.flow()
    real = await code_for(house, flow)
    await post_token(house, fields(flow, "warm"))
    house.clock.advance(timedelta(seconds=61))
    never, its_work = await measured(lambda: post_token(house, fields(flow, "A" * len(real))))
    late, their_work = await measured(lambda: post_token(house, fields(flow, real)))
    assert late == never
    assert their_work == its_work


async def test_clients_that_are_not_there_are_alike(house: House, measured: Measure) -> None:
    flow = house.flow()
    await post_token(house, fields(flow, "warm"))
    one, its_work = await measured(lambda: post_token(house, fields(flow, "x", "nobody")))
    two, their_work = await measured(lambda: post_token(house, fields(flow, "x", "nobody-else")))
    assert one == two
    assert its_work == their_work


async def test_sessions_that_are_over_unknown_or_malformed_are_alike(house: House, measured: Measure) -> None:
    async with house.browser() as browser:
        await walk(browser, house.flow(), "elder")
        real = browser.cookies["sitthi_session"]
        async with house.identity.db.write() as session:
            await session.execute(text("UPDATE sign_in_session SET ended_at = signed_in_at"))

    async def asked_with(cookie: str) -> Answer:
        async with house.browser() as fresh:
            answer = await fresh.get(house.flow().address.partition("&state")[0], headers={"cookie": cookie})
            kept = tuple(sorted(pair for pair in answer.headers.items() if pair[0] not in AGAIN))
            return answer.status_code, kept, answer.content

    over, its_work = await measured(lambda: asked_with(f"sitthi_session={real}"))
    never, their_work = await measured(lambda: asked_with(f"sitthi_session={'A' * len(real)}"))
    assert over == never
    assert its_work == their_work


async def test_the_sign_in_page_is_the_same_for_everyone(house: House, measured: Measure) -> None:
    """Who signs in is asked at ThaID alone: no form of ours takes a number that could be tried."""

    async def seen(browser_has: str) -> bytes:
        async with house.browser() as browser:
            if browser_has:
                await walk(browser, house.flow(), browser_has)
            page = await browser.get("/signin")
            token = page.text.partition('name="csrf" value="')[2].partition('"')[0]
            assert "national" not in page.text.lower()
            return page.content.replace(token.encode(), b"")

    first, _ = await measured(lambda: seen(""))
    again, _ = await measured(lambda: seen("elder"))
    assert first == again


async def test_coming_back_for_the_first_time_looks_as_coming_back_again(house: House) -> None:
    async def come_back() -> tuple[int, list[str], str, bytes]:
        async with house.browser() as browser:
            answers: list[Any] = []

            async def note(answer: Any) -> None:
                if answer.request.url.path == "/signin/return":
                    answers.append(answer)

            browser.event_hooks = {"response": [note]}
            flow = house.flow()
            await walk(browser, flow, "elder")
            [answer] = answers
            names = [one.partition("=")[0] for one in answer.headers.get_list("set-cookie")]
            cookies = [re.sub("_signin_.*", "_signin", name) for name in names]  # each under way has its own
            location = answer.headers["location"]
            for new in (query_of(flow.address)["state"], query_of(flow.address)["code_challenge"]):
                location = location.replace(new, "…")
            return answer.status_code, cookies, location, answer.content

    first = await come_back()
    assert await come_back() == first


async def test_a_person_is_looked_up_alike_whether_known_or_not(
    database: Database, keys: KeyRing, house: House, measured: Measure
) -> None:
    people = PeopleRegister(keys, house.clock)
    async with database.write() as session:
        await people.resolve(session, [national_id("elder")])

    async def find(who: str) -> bool:
        async with database.read() as session:
            return await people.find(session, national_id(who)) is not None

    known, its_work = await measured(lambda: find("elder"))
    unknown, their_work = await measured(lambda: find("officer-one"))
    assert (known, unknown) == (True, False)
    assert its_work == their_work


async def test_whoever_never_was_an_officer_is_refused_as_one_who_no_longer_is(
    database: Database, keys: KeyRing, house: House, measured: Measure
) -> None:
    settings = house.identity.settings
    register = OfficerRegister(house.identity.people, house.clock)
    asked: dict[str, Any] = {"client": OFFICER_CLIENT, "scope": "openid officer"}
    former = (await house.tokens("officer-one", **asked))["access_token"]
    never = (await house.tokens("elder", **asked))["access_token"]
    async with database.write() as session:
        entered = await register.add(
            session,
            national_id("officer-one"),
            agency="dla",
            roles=["payments.plan"],
            name=Text(th="ก", en="A"),
            by="t",
        )
        await register.end(session, entered.person, by="t")
    verifier = OfficerVerifier(settings, database, keys, house.clock)

    async def refused(token: str) -> str:
        with pytest.raises(NotAnOfficer) as refusal:
            await verifier.verify(token)
        return f"{refusal.value.code} {refusal.value.fields} {refusal.value}"

    await refused(never)  # the keys are read at the first token
    one, its_work = await measured(lambda: refused(former))
    two, their_work = await measured(lambda: refused(never))
    assert one == two
    assert its_work == their_work


async def test_a_client_that_is_not_there_is_refused_as_one_whose_key_is_another(
    house: House, database: Database, measured: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature is checked for either, and no other than for the other."""
    await register(database, house.clock, id="bank", jwks=KeyHolder.make().registered)
    stranger = KeyHolder.make()
    checked: list[str] = []
    plain = Unverified.is_signed_by

    def is_signed_by(self: Unverified, key: Any) -> bool:
        checked.append(self.algorithm)
        return plain(self, key)

    monkeypatch.setattr(Unverified, "is_signed_by", is_signed_by)

    async def asked(client: str) -> Answer:
        assertion = stranger.assertion(house.clock, client, house.issuer)
        return await post_token(house, {"grant_type": "client_credentials", **assertion})

    await asked("warm")
    checked.clear()
    known, its_work = await measured(lambda: asked("bank"))
    of_known = list(checked)
    checked.clear()
    unknown, their_work = await measured(lambda: asked("nobody"))
    assert known == unknown
    assert known[0] == 401
    assert its_work == their_work
    assert of_known == checked == ["ES256"]


async def test_codes_of_the_counter_that_are_unknown_used_old_or_malformed_are_alike(
    house: House, database: Database, keys: KeyRing, measured: Measure
) -> None:
    used, old = new_code(), new_code()
    now = house.clock.now()
    async with database.write() as session:
        for code, at in ((used, now), (old, None)):
            session.add(
                CounterCode(
                    code_hash=keys.blind_index(code.replace("-", ""), domain="counter-code"),
                    person=UUID(int=1),
                    name_sealed=b"",
                    officer=UUID(int=2),
                    agency="dla",
                    created_at=now - timedelta(hours=1),
                    expires_at=now + timedelta(minutes=5) if at else now,
                    used_at=at,
                )
            )

    async def enter(code: str) -> Answer:
        async with house.browser() as browser:
            page = await browser.get("/signin/counter")
            token = page.text.partition('name="csrf" value="')[2].partition('"')[0]
            answer = await browser.post("/signin/counter", data={"csrf": token, "return": "/", "code": code})
            kept = tuple(sorted(pair for pair in answer.headers.items() if pair[0] not in AGAIN))
            return answer.status_code, kept, answer.content.replace(token.encode(), b"")

    await enter("warm")
    unknown, its_work = await measured(lambda: enter(new_code()))
    assert unknown[0] == 403
    for code in (used, old, "", "no code"):
        answer, their_work = await measured(lambda code=code: enter(code))  # type: ignore[misc]
        assert answer == unknown
        assert their_work == its_work
