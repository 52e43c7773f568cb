"""Giving tokens back, asking about them, signing out: one attack or limit a test (RFC 7009, RFC 7662, OpenID Connect
RP-Initiated Logout 1.0)."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from core.database import Database
from identity.provider.endings import Endings, EndReason
from identity.provider.models import Client, Revocation
from tests.identity.conftest import House, query_of
from tests.identity.provider.apps import App, claims_of, error_of, proven, register_app
from tests.identity.provider.front import session_of, sign_in
from tests.identity.provider.key_holders import WITHOUT, KeyHolder, changed, register

GOODBYE = "https://shop.example/goodbye"


async def test_a_revoked_access_token_stops_and_its_family_goes_on(app: App) -> None:
    tokens = await app.tokens()
    assert (await app.revoke(tokens["access_token"])).status_code == 200
    assert not await app.works(tokens["access_token"])
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_revoked_refresh_token_ends_its_access_tokens_too(app: App) -> None:
    first = await app.tokens()
    second = (await app.refresh(first["refresh_token"])).json()
    answer = await app.revoke(second["refresh_token"])
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert [await app.works(one["access_token"]) for one in (first, second)] == [False, False]
    assert error_of(await app.refresh(second["refresh_token"])) == (400, "invalid_grant")
    assert (await app.family(second["access_token"])).end_reason == EndReason.REVOKED


async def test_a_used_refresh_token_revokes_as_well(app: App) -> None:
    first = await app.tokens()
    second = (await app.refresh(first["refresh_token"])).json()
    assert (await app.revoke(first["refresh_token"])).status_code == 200
    assert not await app.works(second["access_token"])


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "password", ""])
async def test_a_wrong_hint_does_not_matter(app: App, hint: str) -> None:
    tokens = await app.tokens()
    assert (await app.revoke(tokens["refresh_token"], token_type_hint=hint)).status_code == 200
    assert not await app.works(tokens["access_token"])


async def test_another_clients_token_is_answered_alike_and_nothing_happens(app: App, other_app: App) -> None:
    tokens = await app.tokens()
    for token in (tokens["access_token"], tokens["refresh_token"], "srt_unknown", "x.y.z"):
        answer = await other_app.revoke(token)
        assert (answer.status_code, answer.content) == (200, b"")
    assert await app.works(tokens["access_token"])
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


async def test_nothing_is_written_for_tokens_that_are_unknown_or_over(
    app: App, house: House, database: Database
) -> None:
    tokens = await app.tokens()
    house.clock.advance(timedelta(hours=1))
    for token in (tokens["access_token"], "srt_unknown", "x.y.z", "eyJhbGciOiJub25lIn0.e30."):
        assert (await app.revoke(token)).status_code == 200
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Revocation)) == 0


async def test_whoever_revokes_must_be_a_client(app: App) -> None:
    tokens = await app.tokens()
    for client in ("nobody", WITHOUT):
        assert error_of(await app.revoke(tokens["refresh_token"], client_id=client)) == (401, "invalid_client")
    assert await app.works(tokens["access_token"])


async def test_revoking_nothing_is_an_invalid_request(app: App) -> None:
    assert error_of(await app.revoke(WITHOUT)) == (400, "invalid_request")


async def test_revoking_twice_is_revoking_once(app: App) -> None:
    tokens = await app.tokens()
    for _ in range(2):
        assert (await app.revoke(tokens["access_token"])).status_code == 200
        assert (await app.revoke(tokens["refresh_token"])).status_code == 200
    assert not await app.works(tokens["access_token"])


async def test_a_revocation_is_kept_until_the_last_token_it_concerns_has_expired(
    house: House, app: App, database: Database
) -> None:
    tokens = await app.tokens()
    await app.revoke(tokens["refresh_token"])
    async with database.read() as session:
        row = await session.scalar(select(Revocation))
    assert row is not None
    assert row.until.timestamp() > claims_of(tokens["access_token"])["exp"]


class Bank:
    """A confidential client that is a resource server too."""

    def __init__(self, house: House, browser: httpx2.AsyncClient) -> None:
        self.house, self.browser, self.holder = house, browser, KeyHolder.make()

    async def registered(self, **fields: Any) -> Bank:
        await register(
            self.house.identity.db, self.house.clock, **{"id": "bank", "jwks": self.holder.registered, **fields}
        )
        return self

    async def asks(self, token: Any, **changes: Any) -> httpx2.Response:
        good = {"token": token, **self.holder.assertion(self.house.clock, "bank", self.house.issuer)}
        return await self.browser.post("/oauth/introspect", data=changed(good, changes))


@pytest.fixture
async def bank(house: House, app: App) -> Bank:
    return await Bank(house, app.browser).registered()


async def test_a_resource_server_learns_what_a_token_for_it_says(house: House, app: App, bank: Bank) -> None:
    token = (await app.tokens(bound=True, resource=f"{house.issuer}/resource/bank"))["access_token"]
    answer = await bank.asks(token)
    assert answer.headers["cache-control"] == "no-store"
    told, claims = answer.json(), claims_of(token)
    assert told.pop("active") is True
    assert told.pop("token_type") == "DPoP"
    assert set(told.pop("scope").split()) == set(claims["scope"].split())
    assert told == {name: claims[name] for name in told}
    assert {"sub", "client_id", "exp", "iat", "jti", "acr", "amr", "auth_time", "cnf", "iss", "aud"} == set(told)


@pytest.mark.parametrize("resource", ["/graphql", "/resource/clinic"])
async def test_of_tokens_for_others_a_resource_server_learns_nothing(
    house: House, app: App, bank: Bank, resource: str
) -> None:
    token = (await app.tokens(resource=house.issuer + resource))["access_token"]
    assert (await bank.asks(token)).json() == {"active": False}


async def test_of_others_refresh_tokens_nobody_learns_anything(house: House, app: App, bank: Bank) -> None:
    tokens = await app.tokens(resource=f"{house.issuer}/resource/bank")
    assert (await bank.asks(tokens["refresh_token"])).json() == {"active": False}


@pytest.mark.parametrize("token", ["srt_unknown", "x.y.z", "", "e30.e30."])
async def test_what_never_was_a_token_is_inactive_and_no_more(bank: Bank, token: str) -> None:
    answer = await bank.asks(token)
    assert (answer.json() == {"active": False}) is bool(token)


async def test_a_token_that_is_over_is_inactive_and_no_more(house: House, app: App, bank: Bank) -> None:
    resource = f"{house.issuer}/resource/bank"
    revoked, expired = await app.tokens(resource=resource), await app.tokens(resource=resource)
    await app.revoke(revoked["refresh_token"])
    assert (await bank.asks(revoked["access_token"])).json() == {"active": False}
    assert (await bank.asks(expired["access_token"])).json()["active"] is True
    house.clock.advance(timedelta(minutes=10))
    assert (await bank.asks(expired["access_token"])).json() == {"active": False}


async def test_a_public_client_may_not_ask_about_tokens(app: App) -> None:
    token = (await app.tokens())["access_token"]
    answer = await app.post("/oauth/introspect", {"client_id": app.client, "token": token})
    assert error_of(answer) == (401, "invalid_client")


async def test_without_its_key_a_resource_server_learns_nothing(app: App, bank: Bank) -> None:
    token = (await app.tokens())["access_token"]
    answer = await bank.asks(token, client_assertion=WITHOUT, client_assertion_type=WITHOUT, client_id="bank")
    assert error_of(answer) == (401, "invalid_client")


async def test_asking_about_nothing_is_an_invalid_request(bank: Bank) -> None:
    assert error_of(await bank.asks(WITHOUT)) == (400, "invalid_request")


async def test_a_client_may_ask_about_its_own_refresh_token(house: House, app: App) -> None:
    holder = KeyHolder.make()
    await register_app(house, "bank", auth_method="private_key_jwt", jwks=holder.registered)
    app.client, asker = "bank", Bank(house, app.browser)
    asker.holder = holder
    answer = await app.redeem(await app.code(), **proven(holder, house, "bank"))
    token = answer.json()["refresh_token"]
    told = (await asker.asks(token)).json()
    assert (told["active"], told["token_type"], told["client_id"]) == (True, "refresh_token", "bank")
    await asker.browser.post(
        "/oauth/revoke", data={"token": token, **holder.assertion(house.clock, "bank", house.issuer)}
    )
    assert (await asker.asks(token)).json() == {"active": False}


# Signing out


@pytest.fixture
async def leaving(house: House, app: App) -> App:
    """The client with a page of its own for afterwards."""
    async with house.identity.db.write() as session:
        row = await session.get(Client, app.client)
        assert row is not None
        row.post_logout_redirect_uris = [GOODBYE]
    return app


async def leave(app: App, **parameters: Any) -> httpx2.Response:
    return await app.browser.get("/oauth/logout", params=changed(parameters, {}))


async def confirm(app: App, page: httpx2.Response, answer: str = "yes") -> httpx2.Response:
    hidden = dict(_hidden(page.text))
    return await app.browser.post("/oauth/logout/confirm", data={**hidden, "answer": answer})


def _hidden(page: str) -> list[tuple[str, str]]:
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return [(name, html.unescape(value)) for name, value in found]


async def is_signed_in(house: House, app: App) -> bool:
    return await session_of(house, app.browser) is not None


async def test_a_hint_of_this_very_session_signs_out_at_once(house: House, leaving: App) -> None:
    tokens = await leaving.tokens()
    answer = await leave(leaving, id_token_hint=tokens["id_token"], post_logout_redirect_uri=GOODBYE, state="come back")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{GOODBYE}?")
    assert query_of(answer.headers["location"]) == {"state": "come back"}
    assert not await is_signed_in(house, leaving)
    assert not await leaving.works(tokens["access_token"])
    assert error_of(await leaving.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


async def test_a_hint_signs_out_long_after_it_expired(house: House, leaving: App) -> None:
    hint = (await leaving.tokens())["id_token"]
    house.clock.advance(timedelta(hours=7))
    assert (await leave(leaving, id_token_hint=hint)).status_code == 200
    assert not await is_signed_in(house, leaving)


async def test_signing_out_at_one_client_ends_the_tokens_of_all_of_this_browser(house: House, leaving: App) -> None:
    hint = (await leaving.tokens())["id_token"]
    await register_app(house, "market")
    neighbour = App(house, leaving.browser, "market")
    tokens = await neighbour.tokens()
    await leave(leaving, id_token_hint=hint)
    assert not await neighbour.works(tokens["access_token"])


async def test_signing_out_leaves_other_browsers_of_the_person_alone(leaving: App, other_app: App) -> None:
    tokens = await other_app.tokens()
    await leave(leaving, id_token_hint=(await leaving.tokens())["id_token"])
    assert await other_app.works(tokens["access_token"])
    assert (await other_app.refresh(tokens["refresh_token"])).status_code == 200


async def test_without_a_hint_the_person_is_asked(house: House, leaving: App) -> None:
    page = await leave(leaving, client_id=leaving.client, post_logout_redirect_uri=GOODBYE, state="s")
    assert page.status_code == 200
    assert await is_signed_in(house, leaving), "a link on another site signs nobody out"
    answer = await confirm(leaving, page)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{GOODBYE}?state=s")
    assert not await is_signed_in(house, leaving)


async def test_who_says_no_stays(house: House, leaving: App) -> None:
    answer = await confirm(leaving, await leave(leaving), "no")
    assert answer.status_code == 200
    assert await is_signed_in(house, leaving)


async def test_a_form_of_another_site_signs_nobody_out(house: House, leaving: App) -> None:
    await leave(leaving)
    answer = await leaving.browser.post("/oauth/logout/confirm", data={"answer": "yes", "csrf": "made up"})
    assert answer.status_code == 400
    assert await is_signed_in(house, leaving)


async def test_a_hint_of_another_session_of_the_person_only_asks(house: House, leaving: App, other_app: App) -> None:
    hint = (await other_app.tokens())["id_token"]
    assert (await leave(leaving, id_token_hint=hint)).status_code == 200
    assert await is_signed_in(house, leaving)


async def test_a_hint_about_another_person_only_asks(house: House, leaving: App) -> None:
    hint = (await leaving.tokens())["id_token"]
    await sign_in(house, leaving.browser, "officer-one")
    assert (await leave(leaving, id_token_hint=hint)).status_code == 200
    assert await is_signed_in(house, leaving)


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/",
        f"{GOODBYE}/",
        f"{GOODBYE}?next=https://evil.example",
        "https://shop.example/callback",
        "//evil.example",
        "javascript:alert(1)",
        "",
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(house: House, leaving: App, uri: str) -> None:
    hint = (await leaving.tokens())["id_token"]
    answer = await leave(leaving, id_token_hint=hint, post_logout_redirect_uri=uri)
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert "evil.example" not in answer.text
    assert await is_signed_in(house, leaving)


async def test_an_address_without_a_client_is_refused(leaving: App) -> None:
    answer = await leave(leaving, post_logout_redirect_uri=GOODBYE)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize("hint", ["x.y.z", "", "e30.e30.", "access token", "of another client"])
async def test_a_hint_that_is_no_id_token_of_this_client_is_refused(
    house: House, leaving: App, other_app: App, hint: str
) -> None:
    given = {
        "access token": (await leaving.tokens())["access_token"],
        "of another client": (await other_app.tokens())["id_token"],
    }.get(hint, hint)
    answer = await leave(leaving, id_token_hint=given, client_id=leaving.client, post_logout_redirect_uri=GOODBYE)
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert await is_signed_in(house, leaving)


async def test_a_forged_hint_signs_nobody_out(house: House, leaving: App) -> None:
    hint = (await leaving.tokens())["id_token"]
    forged = KeyHolder.make().sign(claims_of(hint), {"typ": "JWT", "alg": "ES256", "kid": "theirs"})
    assert (await leave(leaving, id_token_hint=forged)).status_code == 400
    assert await is_signed_in(house, leaving)


async def test_signing_out_by_post_goes_on_by_get(house: House, leaving: App) -> None:
    hint = (await leaving.tokens())["id_token"]
    answer = await leaving.browser.post("/oauth/logout", data={"id_token_hint": hint})
    assert answer.status_code == 303
    assert (await leaving.browser.get(answer.headers["location"])).status_code == 200
    assert not await is_signed_in(house, leaving)


async def test_signed_out_already_nobody_is_asked(house: House, leaving: App) -> None:
    hint = (await leaving.tokens())["id_token"]
    leaving.browser.cookies.clear()
    answer = await leave(leaving, id_token_hint=hint, post_logout_redirect_uri=GOODBYE)
    assert (answer.status_code, answer.headers["location"]) == (303, GOODBYE)
    just_anybody = await leave(leaving, client_id=leaving.client, post_logout_redirect_uri=GOODBYE)
    assert (just_anybody.status_code, "location" in just_anybody.headers) == (200, False)


async def test_our_own_page_of_signing_out_ends_the_tokens_too(house: House, app: App) -> None:
    tokens = await app.tokens()
    page = await app.browser.get("/signout")
    await app.browser.post("/signout", data=dict(_hidden(page.text)))
    assert not await app.works(tokens["access_token"])
    assert error_of(await app.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert (await app.family(tokens["access_token"])).end_reason == EndReason.SIGNED_OUT


async def test_ending_everything_but_one_session_spares_that_one(house: House, app: App, other_app: App) -> None:
    mine, theirs = await app.tokens(), await other_app.tokens()
    who = await session_of(house, app.browser)
    assert who is not None
    async with house.identity.db.write() as session:
        ended = await Endings(house.clock).end_sessions(session, who.person, EndReason.SESSION_ENDED, but=who.id)
    assert len(ended) == 1
    assert await app.works(mine["access_token"])
    assert not await app.works(theirs["access_token"])


async def test_removing_an_app_ends_what_was_granted_to_it_alone(house: House, app: App) -> None:
    mine = await app.tokens()
    await register_app(house, "market")
    neighbour = App(house, app.browser, "market")
    theirs = await neighbour.tokens()
    family = await app.family(mine["access_token"])
    async with house.identity.db.write() as session:
        await Endings(house.clock).end_of_client_and_person(session, family.person, app.client, EndReason.REVOKED)
    assert not await app.works(mine["access_token"])
    assert await neighbour.works(theirs["access_token"])
