"""Adding a passkey: after a fresh sign-in by which the person was identified, and only what an authenticator made."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from sqlalchemy import func, select
from sqlmodel import col

from core.database import Database
from identity.inbox.models import Message
from identity.passkeys.models import Passkey
from identity.passkeys.service import PASSKEYS_MAX
from identity.provider.models import SignInSession
from tests.identity.conftest import House
from tests.identity.passkeys.authenticator import Authenticator, Lies, decoded, encoded
from tests.identity.passkeys.seat import code_of, seat
from tests.identity.people_of_tests import PEOPLE, name_of, national_id

NOT_VERIFIED = (400, "PASSKEY_NOT_VERIFIED")


async def rows(database: Database) -> list[Passkey]:
    async with database.read() as session:
        return list(await session.scalars(select(Passkey).order_by(col(Passkey.id))))


async def test_a_passkey_is_kept_with_its_label_and_the_proofing_of_its_session(
    house: House, database: Database
) -> None:
    async with seat(house) as here:
        await here.sign_in()
        answer = await here.enrol(Authenticator(synced=True), label="  มือถือ <b>ของฉัน</b> ")
        assert (answer.status_code, answer.json()) == (200, {"location": "/account/security"})
        page = await here.page()
    assert "มือถือ &lt;b&gt;ของฉัน&lt;/b&gt;" in page
    assert "<b>ของฉัน" not in page
    [row] = await rows(database)
    assert (row.label, row.ial, row.synced, row.transports) == ("มือถือ <b>ของฉัน</b>", "2.3", True, ["internal"])
    assert house.identity.account.passkeys.name_of(row) == name_of("elder")
    async with database.read() as session:
        told = await session.scalar(select(Message).where(col(Message.template) == "passkeys.added"))
    assert told is not None
    assert told.person == row.person
    assert row.label in told.title_th


async def test_the_options_ask_for_a_discoverable_credential_of_a_verified_person(house: House) -> None:
    key = Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        options = await here.options("/account/passkeys/options")
        assert options["rp"] == {"id": "localhost", "name": "สิทธิ Sitthi"}
        selection = options["authenticatorSelection"]
        assert (selection["residentKey"], selection["userVerification"]) == ("required", "required")
        assert options["attestation"] == "none"
        assert options["excludeCredentials"] == []
        await here.enrol(key)
        again = await here.options("/account/passkeys/options")
    assert [decoded(one["id"]) for one in again["excludeCredentials"]] == [key.held[0].id]
    assert again["user"] == options["user"], "one handle, so that an authenticator keeps one entry a person"
    assert again["challenge"] != options["challenge"]


async def test_the_handle_tells_nobody_who_it_is(house: House, database: Database) -> None:
    handles = []
    for persona in ("elder", "officer-one"):
        async with seat(house) as here:
            await here.sign_in(persona)
            handles.append((await here.options("/account/passkeys/options"))["user"]["id"])
    assert handles[0] != handles[1]
    async with database.read() as session:
        person = await house.identity.people.find(session, national_id("elder"))
    assert person is not None
    for told in (PEOPLE["elder"].national_id.encode(), person.bytes, person.hex.encode()):
        assert told not in decoded(handles[0])
    assert len(decoded(handles[0])) <= 64


async def test_the_sign_in_must_be_fresh(house: House) -> None:
    async with seat(house) as here:
        await here.sign_in()
        house.clock.advance(timedelta(minutes=15))
        options = await here.options("/account/passkeys/options")
        credential = Authenticator().create(options, here.issuer)
        house.clock.advance(timedelta(seconds=1))
        assert code_of(await here.post("/account/passkeys/options")) == (403, "FRESH_SIGN_IN_NEEDED")
        late = await here.post("/account/passkeys", {"credential": credential, "label": "x"})
        assert late.status_code == 200, "what began in time is finished"
        assert "เข้าสู่ระบบด้วย ThaID อีกครั้งเพื่อเพิ่มพาสคีย์" in await here.page()


async def test_a_session_by_passkey_adds_none(house: House) -> None:
    """Or a stolen key would breed."""
    key = Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(key)
    async with seat(house) as here:
        await here.by_passkey(key)
        assert code_of(await here.post("/account/passkeys/options")) == (403, "FRESH_SIGN_IN_NEEDED")
        await here.step_up(key)
        assert code_of(await here.post("/account/passkeys/options")) == (403, "FRESH_SIGN_IN_NEEDED")


async def test_a_session_that_thaid_vouched_for_is_fresh_again_after_stepping_up(house: House) -> None:
    key = Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(key)
        house.clock.advance(timedelta(hours=1))
        assert code_of(await here.post("/account/passkeys/options")) == (403, "FRESH_SIGN_IN_NEEDED")
        assert (await here.step_up(key)).status_code == 200
        assert (await here.post("/account/passkeys/options")).status_code == 200


async def test_a_kiosk_at_a_counter_adds_none(house: House, database: Database) -> None:
    """What unlocks its authenticator, the whole office knows. Its sessions are told by their short life."""
    async with seat(house) as kiosk:
        await kiosk.sign_in()
        async with database.write() as session:
            [row] = list(await session.scalars(select(SignInSession)))
            row.method, row.expires_at = "counter", row.signed_in_at + timedelta(minutes=15)
        assert code_of(await kiosk.post("/account/passkeys/options")) == (403, "FRESH_SIGN_IN_NEEDED")
        assert "new-label" not in await kiosk.page()


async def test_a_passkey_keeps_how_well_its_person_was_proofed(house: House, database: Database) -> None:
    key = Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        async with database.write() as session:
            [row] = list(await session.scalars(select(SignInSession)))
            row.acr = "ial1.3-aal2.1"
        await here.enrol(key)
    async with seat(house) as here:
        await here.by_passkey(key)
    async with database.read() as session:
        latest = await session.scalar(select(SignInSession).order_by(col(SignInSession.id).desc()).limit(1))
    assert latest is not None
    assert latest.acr == "ial1.3-aal2.2"


@pytest.mark.parametrize(
    ("age", "acr"),
    [(timedelta(days=3) - timedelta(seconds=1), "ial2.3-aal2.1"), (timedelta(days=3), "ial2.3-aal2.2")],
)
async def test_a_passkey_on_one_officers_word_grows_strong_in_three_days(
    house: House, database: Database, age: timedelta, acr: str
) -> None:
    """Or one corrupt officer at a counter could send anybody's money elsewhere the same day."""
    key = Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        async with database.write() as session:
            [row] = list(await session.scalars(select(SignInSession)))
            row.method, row.acr = "counter", "ial2.3-aal1"
        assert (await here.enrol(key)).status_code == 200
    house.clock.advance(age)
    async with seat(house) as here:
        await here.by_passkey(key)
    async with database.read() as session:
        latest = await session.scalar(select(SignInSession).order_by(col(SignInSession.id).desc()).limit(1))
    assert latest is not None
    assert latest.acr == acr


async def test_nobody_adds_a_passkey_signed_out(house: House, database: Database) -> None:
    async with seat(house) as here:
        assert code_of(await here.post("/account/passkeys/options")) == (401, "NOT_SIGNED_IN")
        assert code_of(await here.post("/account/passkeys")) == (401, "NOT_SIGNED_IN")
        assert code_of(await here.post("/signin/passkey/step-up/options")) == (401, "NOT_SIGNED_IN")
        assert code_of(await here.post("/signin/passkey/step-up")) == (401, "NOT_SIGNED_IN")
    assert await rows(database) == []


LIES = {
    "another origin": Lies(origin="https://elsewhere.example"),
    "another relying party": Lies(rp_id="elsewhere.example"),
    "another challenge": Lies(challenge=encoded(bytes(32))),
    "a sign-in's answer": Lies(type="webauthn.get"),
    "a frame of another site": Lies(cross_origin=True),
    "an unverified person": Lies(verified=False),
    "nobody present": Lies(present=False),
    "a format we did not ask for": Lies(format="fido-u2f"),
    "a format that is none": Lies(format="x"),
    "a key that is no point of the curve": Lies(cose=cbor2.dumps({1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)})),
    "a key of a weak algorithm": Lies(cose=cbor2.dumps({1: 3, 3: -65535, -1: b"\x01" * 256, -2: b"\x01\x00\x01"})),
    "a key that is no key": Lies(cose=cbor2.dumps({})),
    "an id too long": Lies(credential_id=bytes(1_024)),
    "a counter beyond counting": Lies(count=2**31),
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_is_not_true_is_not_added(house: House, database: Database, lie: str) -> None:
    async with seat(house) as here:
        await here.sign_in()
        assert code_of(await here.enrol(Authenticator(), LIES[lie])) == NOT_VERIFIED
        assert (await here.enrol(Authenticator(), label="ต่อไปได้")).status_code == 200
    assert [row.label for row in await rows(database)] == ["ต่อไปได้"]


async def test_broken_parts_are_refused_and_nothing_breaks(house: House, database: Database) -> None:
    deep = b"\x81" * 4_000
    broken: list[Any] = [
        None,
        7,
        [],
        "",
        "ก",
        "A",
        "AAAA",
        encoded(deep),
        encoded(b"\xff" * 400),
        encoded(cbor2.dumps({})),
    ]
    broken += [
        encoded(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})) for data in (b"", bytes(36), bytes(60))
    ]
    broken += [encoded(cbor2.dumps({"fmt": "none", "attStmt": {}})), encoded(cbor2.dumps([1, 2]))]
    async with seat(house) as here:
        await here.sign_in()
        options = await here.options("/account/passkeys/options")
        for part in ("clientDataJSON", "attestationObject"):
            for value in broken:
                credential = Authenticator().create(options, here.issuer)
                credential["response"][part] = value
                answer = await here.post("/account/passkeys", {"credential": credential, "label": "x"})
                assert code_of(answer) == NOT_VERIFIED, (part, value)
        shapeless: list[Any] = [None, 7, [], {}, {"response": 7}, {"response": {}}]
        for hostile in shapeless:
            answer = await here.post("/account/passkeys", {"credential": hostile, "label": "x"})
            assert code_of(answer) == NOT_VERIFIED
    assert await rows(database) == []


@pytest.mark.parametrize(
    "label", ["", "   ", "ก" * 61, "x" * 5_000, "a\x00b", "a\nb", "a\u202eb", "a\u200bb", 7, None, "1-2345-67890-12-3"]
)
async def test_a_label_is_a_line_of_the_citizens_own_words(house: House, database: Database, label: Any) -> None:
    async with seat(house) as here:
        await here.sign_in()
        options = await here.options("/account/passkeys/options")
        credential = Authenticator().create(options, here.issuer)
        answer = await here.post("/account/passkeys", {"credential": credential, "label": label})
        assert code_of(answer) == (400, "BAD_INPUT")
        assert await rows(database) == []
        better = await here.post("/account/passkeys", {"credential": credential, "label": "ก" * 60})
        assert better.status_code == 200, "a bad name does not use the challenge up"


async def test_a_credential_that_is_somebodys_is_added_to_nobody_else(house: House, database: Database) -> None:
    key = Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(key)
    stolen = Lies(credential_id=key.held[0].id)
    async with seat(house) as here:
        await here.sign_in("officer-one")
        assert code_of(await here.enrol(Authenticator(), stolen)) == (400, "PASSKEY_ENROLLED_ALREADY")
    async with seat(house) as here:
        await here.sign_in()
        await here.send("/account/passkeys/remove")
    async with seat(house) as here:
        await here.sign_in("officer-one")
        assert code_of(await here.enrol(Authenticator(), stolen)) == (400, "PASSKEY_ENROLLED_ALREADY")
    [row] = await rows(database)
    assert row.end_reason == "REMOVED"


async def test_there_are_twenty_at_most_also_when_two_come_at_once(house: House, database: Database) -> None:
    async with seat(house) as here, seat(house) as there:
        for one in (here, there):
            await one.sign_in()
        for _ in range(PASSKEYS_MAX - 1):
            assert (await here.enrol(Authenticator())).status_code == 200
        answers = await asyncio.gather(*(one.enrol(Authenticator()) for one in (here, there)))
        assert sorted(answer.status_code for answer in answers) == [200, 400]
        assert (400, "TOO_MANY_PASSKEYS") in [code_of(a) for a in answers if a.status_code == 400]
        await here.send("/account/passkeys/remove")
        assert (await there.enrol(Authenticator())).status_code == 200
    async with database.read() as session:
        live = await session.scalar(select(func.count()).select_from(Passkey).where(col(Passkey.ended_at).is_(None)))
    assert live == PASSKEYS_MAX


async def test_a_challenge_adds_one_passkey(house: House, database: Database) -> None:
    async with seat(house) as here:
        await here.sign_in()
        options = await here.options("/account/passkeys/options")
        bodies = [{"credential": Authenticator().create(options, here.issuer), "label": "x"} for _ in range(5)]
        answers = await asyncio.gather(*(here.post("/account/passkeys", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 4
    assert len(await rows(database)) == 1


async def test_a_challenge_is_of_the_session_it_was_made_in(house: House, database: Database) -> None:
    """Somebody else who signs in in the same browser does not finish what was begun."""
    async with seat(house) as here:
        await here.sign_in()
        credential = Authenticator().create(await here.options("/account/passkeys/options"), here.issuer)
        await here.sign_in("officer-one")
        answer = await here.post("/account/passkeys", {"credential": credential, "label": "x"})
        assert code_of(answer) == (400, "PASSKEY_CHALLENGE_SPENT")
    assert await rows(database) == []


async def test_an_ended_session_adds_nothing(house: House, database: Database) -> None:
    async with seat(house) as here, seat(house) as other:
        await here.sign_in()
        await other.sign_in()
        credential = Authenticator().create(await here.options("/account/passkeys/options"), here.issuer)
        await other.send("/account/sessions/end-others")
        answer = await here.post("/account/passkeys", {"credential": credential, "label": "x"})
        assert code_of(answer) == (401, "NOT_SIGNED_IN")
    assert await rows(database) == []
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(SignInSession)) == 2
