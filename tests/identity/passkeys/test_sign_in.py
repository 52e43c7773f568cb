"""Signing in with a passkey, and every answer of a browser that must not sign anybody in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select
from sqlmodel import col

from core.database import Database
from identity.inbox.models import Message
from identity.passkeys.models import Passkey
from identity.provider.models import SignInSession
from identity.provider.sessions import SessionNames
from tests.identity.conftest import House
from tests.identity.passkeys.authenticator import Authenticator, Lies, encoded
from tests.identity.passkeys.seat import code_of, seat
from tests.identity.people_of_tests import name_of

MINUTE = timedelta(minutes=1)
NOT_VERIFIED = (400, "PASSKEY_NOT_VERIFIED")


async def enrolled(house: House, persona: str = "elder", **kind: bool) -> Authenticator:
    """An authenticator with a passkey of that persona, whose browser is gone."""
    key = Authenticator(**kind)
    async with seat(house) as elsewhere:
        await elsewhere.sign_in(persona)
        assert (await elsewhere.enrol(key)).status_code == 200
    return key


async def row_of(database: Database, key: Authenticator) -> Passkey:
    async with database.read() as session:
        found = await session.scalar(select(Passkey).where(col(Passkey.credential_id) == key.held[-1].id))
    assert found is not None
    return found


async def latest(database: Database, table: type[Any]) -> Any:
    async with database.read() as session:
        return await session.scalar(select(table).order_by(col(table.id).desc()).limit(1))


async def titles(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(col(Message.template)).order_by(col(Message.id))))


async def test_a_passkey_signs_its_person_in_without_a_name(house: House, database: Database) -> None:
    key = await enrolled(house)
    async with seat(house) as here:
        answer = await here.by_passkey(key)
        assert (answer.status_code, answer.json()) == (200, {"location": "/account/security"})
        assert name_of("elder").th in await here.page()
    found: SignInSession = await latest(database, SignInSession)
    assert (found.method, found.acr, found.amr) == ("passkey", "ial2.3-aal2.2", ["hwk", "user", "mfa"])
    assert SessionNames(house.identity.keys).open(found.name_sealed, found.id) == name_of("elder")
    row = await row_of(database, key)
    assert (row.sign_count, row.last_used_at) == (1, house.clock.now())


async def test_a_synced_passkey_is_software_and_needs_no_counter(house: House, database: Database) -> None:
    key = await enrolled(house, counts=False, synced=True)
    for _ in range(2):
        async with seat(house) as here:
            assert (await here.by_passkey(key)).status_code == 200
    found: SignInSession = await latest(database, SignInSession)
    assert found.amr == ["swk", "user", "mfa"]
    assert (await row_of(database, key)).synced


async def test_the_name_is_the_one_that_thaid_said_last(house: House, database: Database) -> None:
    key = await enrolled(house)
    house.clock.advance(MINUTE)
    async with seat(house) as here:
        await here.sign_in("elder")
    vouched: SignInSession = await latest(database, SignInSession)
    names = SessionNames(house.identity.keys)
    changed = replace(name_of("elder"), th="นางบุญเรือน ใจดี")
    async with database.write() as session:
        row = await session.get(SignInSession, (vouched.person, vouched.id))
        assert row is not None
        row.name_sealed = names.seal(changed, row.id)
    async with seat(house) as here:
        await here.by_passkey(key)
    found: SignInSession = await latest(database, SignInSession)
    assert (found.method, names.open(found.name_sealed, found.id)) == ("passkey", changed)


async def test_going_on_is_to_a_page_of_ours_alone(house: House) -> None:
    key = await enrolled(house)
    for elsewhere in ("https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", 7, None):
        async with seat(house) as here:
            credential = key.get(await here.options("/signin/passkey/options"), here.issuer)
            answer = await here.post("/signin/passkey", {"credential": credential, "return": elsewhere})
            assert answer.json() == {"location": "/"}


LIES = {
    "another origin": Lies(origin="https://elsewhere.example"),
    "the origin with another port": Lies(origin="http://localhost:9"),
    "the origin with a slash": Lies(origin="http://localhost:8000/"),
    "another relying party": Lies(rp_id="elsewhere.example"),
    "another challenge": Lies(challenge=encoded(bytes(32))),
    "an enrolment's answer": Lies(type="webauthn.create"),
    "a frame of another site": Lies(cross_origin=True),
    "a frame that names its top": Lies(top_origin="https://elsewhere.example"),
    "an unverified person": Lies(verified=False),
    "nobody present": Lies(present=False),
    "another key's signature": Lies(signed_by=ec.generate_private_key(ec.SECP256R1())),
    "another person's handle": Lies(user_handle=b"somebody else"),
    "a counter beyond counting": Lies(count=2**32 - 1),
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_is_not_true_signs_nobody_in(house: House, database: Database, lie: str) -> None:
    key = await enrolled(house)
    async with seat(house) as here:
        assert code_of(await here.by_passkey(key, LIES[lie])) == NOT_VERIFIED
        assert not await here.is_signed_in()
    row = await row_of(database, key)
    assert (row.sign_count, row.ended_at) == (0, None), "a failed attempt ends nothing"


async def test_one_persons_assertion_under_anothers_credential_is_nothing(house: House) -> None:
    elder, officer = await enrolled(house), await enrolled(house, "officer-one")
    async with seat(house) as here:
        options = await here.options("/signin/passkey/options")
        mine = officer.get(options, here.issuer)
        name = encoded(elder.held[0].id)
        for forged in ({**mine, "id": name, "rawId": name}, {**mine, "rawId": name}):
            assert code_of(await here.post("/signin/passkey", {"credential": forged})) == NOT_VERIFIED


async def test_an_unknown_and_a_removed_passkey_are_alike(house: House) -> None:
    removed, unknown = await enrolled(house), Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        assert (await here.send("/account/passkeys/remove")).status_code == 303
        unknown.create(await here.options("/account/passkeys/options"), here.issuer)  # and never sent to us
    answers = []
    for key in (removed, unknown):
        async with seat(house) as here:
            answers.append(await here.by_passkey(key))
    assert answers[0].content == answers[1].content
    assert code_of(answers[0]) == (400, "PASSKEY_NOT_KNOWN")


async def test_an_answer_works_once(house: House) -> None:
    key = await enrolled(house, counts=False)
    async with seat(house) as here:
        options = await here.options("/signin/passkey/options")
        cookie = here.browser.cookies["sitthi_passkey"]
        credential = key.get(options, here.issuer)
        assert (await here.post("/signin/passkey", {"credential": credential})).status_code == 200
        assert "sitthi_passkey" not in here.browser.cookies
        here.browser.cookies.set("sitthi_passkey", cookie)
        again = await here.post("/signin/passkey", {"credential": credential})
        assert code_of(again) == (400, "PASSKEY_CHALLENGE_SPENT")
        another = key.get(options, here.issuer)
        assert code_of(await here.post("/signin/passkey", {"credential": another})) == (400, "PASSKEY_CHALLENGE_SPENT")


async def test_of_parallel_uses_of_one_challenge_exactly_one_signs_in(house: House, database: Database) -> None:
    key = await enrolled(house, counts=False)
    before = len(await sessions(database))
    async with seat(house) as here:
        options = await here.options("/signin/passkey/options")
        bodies = [{"credential": key.get(options, here.issuer)} for _ in range(10)]
        answers = await asyncio.gather(*(here.post("/signin/passkey", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 9
    assert len(await sessions(database)) == before + 1


async def test_a_failed_attempt_does_not_use_the_challenge_up(house: House) -> None:
    key = await enrolled(house)
    async with seat(house) as here:
        options = await here.options("/signin/passkey/options")
        wrong = key.get(options, here.issuer, Lies(verified=False))
        assert code_of(await here.post("/signin/passkey", {"credential": wrong})) == NOT_VERIFIED
        right = key.get(options, here.issuer)
        assert (await here.post("/signin/passkey", {"credential": right})).status_code == 200


async def test_a_challenge_lasts_five_minutes(house: House) -> None:
    key = await enrolled(house, counts=False)
    for seconds, code in ((299, 200), (300, 400)):
        async with seat(house) as here:
            credential = key.get(await here.options("/signin/passkey/options"), here.issuer)
            house.clock.advance(timedelta(seconds=seconds))
            assert (await here.post("/signin/passkey", {"credential": credential})).status_code == code


async def test_another_browser_cannot_answer(house: House) -> None:
    key = await enrolled(house)
    async with seat(house) as here, seat(house) as other:
        credential = key.get(await here.options("/signin/passkey/options"), here.issuer)
        assert code_of(await other.post("/signin/passkey", {"credential": credential})) == (
            400,
            "PASSKEY_CHALLENGE_SPENT",
        )
        await other.options("/signin/passkey/options")
        assert code_of(await other.post("/signin/passkey", {"credential": credential})) == NOT_VERIFIED


async def test_a_challenge_to_step_up_signs_nobody_in_and_the_reverse(house: House) -> None:
    key = Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(key)
        stepping = key.get(await here.options("/signin/passkey/step-up/options"), here.issuer)
        assert code_of(await here.post("/signin/passkey", {"credential": stepping})) == (400, "PASSKEY_CHALLENGE_SPENT")
        signing = key.get(await here.options("/signin/passkey/options"), here.issuer)
        answer = await here.post("/signin/passkey/step-up", {"credential": signing})
        assert code_of(answer) == (400, "PASSKEY_CHALLENGE_SPENT")


@pytest.mark.parametrize("count", [0, 4, 5])
async def test_a_counter_that_does_not_grow_ends_the_passkey_and_its_owner_is_told(
    house: House, database: Database, count: int
) -> None:
    key = await enrolled(house)
    async with seat(house) as here:
        assert (await here.by_passkey(key, Lies(count=5))).status_code == 200
    async with seat(house) as here:
        assert code_of(await here.by_passkey(key, Lies(count=count))) == (400, "PASSKEY_CLONED")
        assert not await here.is_signed_in()
        assert code_of(await here.by_passkey(key, Lies(count=9))) == (400, "PASSKEY_NOT_KNOWN")
    assert (await row_of(database, key)).end_reason == "CLONED"
    assert (await titles(database))[-1] == "passkeys.cloned"


async def test_a_counter_that_runs_backwards_without_the_key_ends_nothing(house: House, database: Database) -> None:
    """Or anybody who knows the id of a credential could have it switched off."""
    key = await enrolled(house)
    async with seat(house) as here:
        assert (await here.by_passkey(key, Lies(count=5))).status_code == 200
    stranger = Lies(count=1, signed_by=ec.generate_private_key(ec.SECP256R1()))
    async with seat(house) as here:
        assert code_of(await here.by_passkey(key, stranger)) == NOT_VERIFIED
    assert (await row_of(database, key)).ended_at is None


HOSTILE: dict[str, Any] = {
    "nothing": None,
    "a number": 7,
    "a list": [],
    "an empty object": {},
    "an id alone": {"rawId": "AAAA"},
    "no base64": {"rawId": "ก" * 20},
    "an id too long": {"rawId": "A" * 2_000},
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_what_is_no_credential_is_refused(house: House, what: str) -> None:
    async with seat(house) as here:
        await here.options("/signin/passkey/options")
        answer = await here.post("/signin/passkey", {"credential": HOSTILE[what]})
        assert code_of(answer) in (NOT_VERIFIED, (400, "PASSKEY_NOT_KNOWN"))


PARTS = ("clientDataJSON", "authenticatorData", "signature", "userHandle")
BROKEN: list[Any] = [
    None,
    7,
    [],
    "",
    "ก",
    "A",
    "AAAA",
    "=" * 9,
    encoded(b"[" * 5_000),
    encoded(b"\xff" * 400),
    encoded(b"[]"),
]


@pytest.mark.parametrize("part", PARTS)
async def test_broken_parts_of_an_answer_are_refused_and_nothing_breaks(house: House, part: str) -> None:
    key = await enrolled(house, counts=False)
    async with seat(house) as here:
        options = await here.options("/signin/passkey/options")
        for broken in BROKEN:
            credential = key.get(options, here.issuer)
            credential["response"][part] = broken
            assert code_of(await here.post("/signin/passkey", {"credential": credential})) == NOT_VERIFIED, broken
            del credential["response"][part]
            assert code_of(await here.post("/signin/passkey", {"credential": credential})) == NOT_VERIFIED
        assert (await here.post("/signin/passkey", {"credential": key.get(options, here.issuer)})).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/signin/passkey/options", "/signin/passkey", "/signin/passkey/step-up/options", "/signin/passkey/step-up",
        "/account/passkeys/options", "/account/passkeys",
    ],
)  # fmt: skip
async def test_what_another_site_posts_is_refused(house: House, path: str) -> None:
    async with seat(house) as here:
        await here.sign_in()
        token = await here.csrf()
        for headers in (
            {},
            {"X-CSRF": "0" * 64},
            {"X-CSRF": token, "Origin": "https://elsewhere.example"},
            {"X-CSRF": token, "Origin": "null"},
            {"X-CSRF": token, "Sec-Fetch-Site": "cross-site"},
        ):
            answer = await here.browser.post(path, json={}, headers=headers)
            assert code_of(answer) == (400, "FORM_NOT_OURS"), headers
        for body in (b"", b"[]", b"7", b"{", b'{"a": ' * 2_000):
            headers = {"X-CSRF": token, "Content-Type": "application/json"}
            assert code_of(await here.browser.post(path, content=body, headers=headers)) == (400, "BAD_INPUT")
        headers = {"X-CSRF": token, "Content-Type": "application/json"}
        long = await here.browser.post(path, content=b"{" + b" " * 20_000 + b"}", headers=headers)
        assert code_of(long) == (413, "BODY_TOO_LARGE")
        typed = await here.browser.post(path, content=b"{}", headers={"X-CSRF": token, "Content-Type": "text/plain"})
        assert code_of(typed) == (400, "BAD_INPUT")


async def sessions(database: Database) -> list[SignInSession]:
    async with database.read() as session:
        return list(await session.scalars(select(SignInSession)))


async def test_removing_a_passkey_ends_what_it_began_and_nothing_else(house: House, database: Database) -> None:
    key = await enrolled(house)
    async with seat(house) as here, seat(house) as elsewhere:
        await here.by_passkey(key)
        begun: SignInSession = await latest(database, SignInSession)
        house.clock.advance(MINUTE)
        await elsewhere.sign_in("elder")
        other: SignInSession = await latest(database, SignInSession)
        row = await row_of(database, key)
        assert (begun.passkey, other.passkey) == (row.id, None)
        async with house.identity.db.write() as session:
            await house.identity.account.passkeys.remove(session, row.person, row.id)
    async with database.read() as session:
        ended = await session.get(SignInSession, (begun.person, begun.id))
        stands = await session.get(SignInSession, (other.person, other.id))
    assert ended is not None
    assert ended.ended_at is not None
    assert stands is not None
    assert stands.ended_at is None
