"""What goes wrong with codes at the token endpoint, one attack a test (RFC 6749 §4.1, RFC 7636, RFC 8707, RFC 9449 §10,
RFC 9700 §2.1 and §4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from core.clock import FixedClock
from core.database import Database
from identity.provider.clients import DEMO_APP, seed_clients
from identity.provider.endings import Endings, EndReason
from identity.provider.models import AuthorizationCode, Client, RefreshToken, TokenFamily
from identity.provider.server import hash_of
from tests.identity.conftest import House
from tests.identity.provider.apps import REFRESH_SECONDS, TOKEN_SECONDS, App, claims_of, error_of, proven, register_app
from tests.identity.provider.front import VERIFIER, session_of
from tests.identity.provider.key_holders import WITHOUT, KeyHolder


async def test_a_replayed_code_ends_everything_that_came_of_it(app: App) -> None:
    code = await app.code()
    tokens = (await app.redeem(code)).json()
    assert await app.works(tokens["access_token"])
    assert error_of(await app.redeem(code)) == (400, "invalid_grant")
    assert not await app.works(tokens["access_token"])
    assert error_of(await app.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert (await app.family(tokens["access_token"])).end_reason == EndReason.CODE_REPLAYED


async def test_a_code_replayed_after_refreshing_ends_the_newest_tokens_too(app: App) -> None:
    code = await app.code()
    first = (await app.redeem(code)).json()
    newest = (await app.refresh(first["refresh_token"])).json()
    await app.redeem(code)
    assert not await app.works(newest["access_token"])
    assert error_of(await app.refresh(newest["refresh_token"])) == (400, "invalid_grant")


async def test_a_code_replayed_by_another_client_ends_nothing(app: App, other_app: App) -> None:
    code = await app.code()
    tokens = (await app.redeem(code)).json()
    assert error_of(await other_app.redeem(code)) == (400, "invalid_grant")
    assert await app.works(tokens["access_token"])


@pytest.mark.parametrize(
    "wrong", [{"code_verifier": "w" * 43}, {"code_verifier": WITHOUT}, {"redirect_uri": "https://shop.example/other"}]
)
async def test_who_read_a_used_code_in_some_log_cannot_sign_the_person_out(app: App, wrong: dict[str, Any]) -> None:
    """Nobody but who has its verifier could have redeemed it, so that it leaked harms nobody (RFC 7636 §1)."""
    code = await app.code()
    tokens = (await app.redeem(code)).json()
    assert (await app.redeem(code, **wrong)).status_code == 400
    assert await app.works(tokens["access_token"])
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_code_injected_into_another_sign_in_fails_at_its_verifier(app: App) -> None:
    code = await app.code()
    assert error_of(await app.redeem(code, code_verifier="x" * 43)) == (400, "invalid_grant")
    assert (await app.redeem(code)).status_code == 200


@pytest.mark.parametrize("verifier", ["v" * 42, "v" * 129, "v" * 42 + "!", "v" * 42 + "="])
async def test_a_verifier_of_another_form_is_refused_and_costs_nothing(app: App, verifier: str) -> None:
    code = await app.code()
    assert error_of(await app.redeem(code, code_verifier=verifier)) == (400, "invalid_request")
    assert (await app.redeem(code)).status_code == 200


async def test_a_code_bound_to_a_key_is_not_redeemed_with_another(app: App) -> None:
    code = await app.code(dpop_jkt=app.key.jkt)
    right, app.key = app.key, KeyHolder.make()
    assert error_of(await app.redeem(code, bound=True)) == (400, "invalid_grant")
    app.key = right
    assert (await app.redeem(code, bound=True)).json()["token_type"] == "DPoP"


async def test_a_code_bound_to_a_key_is_not_redeemed_without_a_proof(app: App) -> None:
    code = await app.code(dpop_jkt=app.key.jkt)
    assert error_of(await app.redeem(code)) == (400, "invalid_grant")
    assert (await app.redeem(code, bound=True)).status_code == 200


async def test_a_proof_that_was_used_does_not_redeem_and_costs_no_code(app: App) -> None:
    code = await app.code()
    proof = app.proof("/oauth/token")
    fields = {"grant_type": "authorization_code", "client_id": app.client, "code": "x", "redirect_uri": "x"}
    await app.browser.post("/oauth/token", data=fields, headers={"DPoP": proof})
    again = await app.browser.post("/oauth/token", data={**fields, "code": code}, headers={"DPoP": proof})
    assert error_of(again) == (400, "invalid_dpop_proof")
    assert (await app.redeem(code)).status_code == 200


async def test_a_client_that_always_proves_a_key_gets_nothing_without(house: House, app: App) -> None:
    await register_app(house, "careful", dpop_bound=True)
    app.client = "careful"
    code = await app.code()
    assert error_of(await app.redeem(code)) == (400, "invalid_dpop_proof")
    assert (await app.redeem(code, bound=True)).json()["token_type"] == "DPoP"


async def test_at_the_token_endpoint_resources_only_narrow(house: House, app: App) -> None:
    graph, bank = f"{house.issuer}/graphql", f"{house.issuer}/resource/bank"
    code = await app.code(resource=[graph, bank])
    assert error_of(await app.redeem(code, resource=f"{house.issuer}/resource/clinic")) == (400, "invalid_target")
    answer = (await app.redeem(code, resource=bank)).json()
    assert claims_of(answer["access_token"])["aud"] == bank
    assert not await app.works(answer["access_token"]), "it is not for the graph"


async def test_a_token_may_be_for_several_resources_of_its_client(house: House, app: App) -> None:
    graph, bank = f"{house.issuer}/graphql", f"{house.issuer}/resource/bank"
    token = (await app.tokens(resource=[graph, bank]))["access_token"]
    assert claims_of(token)["aud"] == [graph, bank]
    assert await app.works(token)


async def test_without_a_resource_the_first_of_the_client_is_meant(house: House, app: App) -> None:
    assert claims_of((await app.tokens())["access_token"])["aud"] == f"{house.issuer}/graphql"


@pytest.mark.parametrize("resource", ["https://elsewhere.example/", "/graphql", "http://localhost:8000/officer", ""])
async def test_a_resource_that_is_not_the_clients_is_an_invalid_target(app: App, resource: str) -> None:
    given = await app.asked(resource=resource)
    assert (given["error"], given["state"], "code" in given) == ("invalid_target", "s", False)


async def test_a_code_of_a_session_that_ended_is_worth_nothing(house: House, app: App) -> None:
    code = await app.code()
    who = await session_of(house, app.browser)
    assert who is not None
    async with house.identity.db.write() as session:
        await Endings(house.clock).end_session(session, who.person, who.id, EndReason.SESSION_ENDED)
    assert error_of(await app.redeem(code)) == (400, "invalid_grant")


async def test_a_code_of_a_session_that_has_run_out_is_still_good(house: House, app: App) -> None:
    who = await session_of(house, app.browser)
    assert who is not None
    house.clock.set(who.expires_at - timedelta(seconds=1))
    code = await app.code()
    house.clock.advance(timedelta(seconds=2))
    assert (await app.redeem(code)).status_code == 200


async def test_a_client_that_has_ended_redeems_nothing(house: House, app: App) -> None:
    code = await app.code()
    async with house.identity.db.write() as session:
        assert await Endings(house.clock).end_client(session, app.client)
    assert error_of(await app.redeem(code)) == (401, "invalid_client")
    async with house.identity.db.read() as session:
        row = await session.get(AuthorizationCode, hash_of(code))
        assert row is not None
        assert row.used_at is None


async def test_a_client_without_the_grant_is_unauthorized(house: House, app: App) -> None:
    code = await app.code()
    async with house.identity.db.write() as session:
        row = await session.get(Client, app.client)
        assert row is not None
        row.grant_types = ["refresh_token"]
    assert error_of(await app.redeem(code)) == (400, "unauthorized_client")


async def test_a_confidential_client_is_not_taken_for_a_public_one(house: House, app: App) -> None:
    holder = KeyHolder.make()
    await register_app(house, "vault", auth_method="private_key_jwt", jwks=holder.registered)
    app.client = "vault"
    code = await app.code()
    assert error_of(await app.redeem(code)) == (401, "invalid_client"), "the name alone is no proof"
    assert (await app.redeem(code, **proven(holder, house, "vault"))).status_code == 200


async def test_a_family_lives_as_long_as_the_client_may_refresh_after_the_sign_in(house: House, app: App) -> None:
    house.clock.advance(timedelta(hours=1))
    family = await app.family((await app.tokens())["access_token"])
    assert family.expires_at == family.auth_time + timedelta(seconds=REFRESH_SECONDS)


async def test_without_refresh_tokens_a_family_lives_as_long_as_its_access_token(house: House, app: App) -> None:
    await register_app(house, "kiosk", grant_types=["authorization_code"])
    app.client = "kiosk"
    answer = await app.tokens()
    assert "refresh_token" not in answer
    family = await app.family(answer["access_token"])
    assert family.expires_at == house.clock.now() + timedelta(seconds=TOKEN_SECONDS)


async def test_no_token_lives_longer_than_a_working_day(house: House, app: App) -> None:
    await register_app(house, "forever", token_seconds=10**7)
    app.client = "forever"
    assert (await app.tokens())["expires_in"] == 8 * 3_600


async def test_families_of_two_clients_have_nothing_in_common(app: App, other_app: App) -> None:
    one, two = await _claims(app), await _claims(other_app)
    assert one["family"] != two["family"]
    assert one["sub"] != two["sub"]
    assert one["jti"] != two["jti"]


async def _claims(app: App) -> dict[str, object]:
    return claims_of((await app.tokens())["access_token"])


async def test_an_id_token_names_the_sign_in_by_the_clients_own_name_for_it(house: House, app: App) -> None:
    answer = await app.tokens(nonce="once")
    told = claims_of(answer["id_token"])
    assert told["sid"] == claims_of(answer["access_token"])["family"]
    assert (told["nonce"], told["amr"], told["aud"]) == ("once", ["fed"], app.client)
    who = await session_of(house, app.browser)
    assert who is not None
    assert who.id.hex not in str(told)


async def test_only_hashes_of_tokens_are_kept(app: App, database: Database) -> None:
    answer = await app.tokens()
    async with database.read() as session:
        row = await session.get(RefreshToken, hash_of(answer["refresh_token"]))
        count = await session.scalar(select(func.count()).select_from(TokenFamily))
    assert row is not None
    assert answer["refresh_token"] not in str(row.model_dump())
    assert count == 1


async def test_a_token_in_the_query_is_not_looked_at(app: App) -> None:
    code = await app.code()
    answer = await app.browser.post(
        f"/oauth/token?grant_type=authorization_code&client_id={app.client}&code={code}&code_verifier={VERIFIER}"
    )
    assert error_of(answer) == (400, "invalid_request")
    assert (await app.redeem(code)).status_code == 200


@pytest.mark.parametrize("name", ["client_id", "code", "code_verifier", "grant_type", "redirect_uri"])
async def test_a_parameter_that_comes_twice_is_refused(app: App, name: str) -> None:
    code = await app.code()
    fields = {
        "grant_type": "authorization_code",
        "client_id": app.client,
        "code": code,
        "redirect_uri": "https://shop.example/callback",
        "code_verifier": VERIFIER,
    }
    twice = await app.browser.post("/oauth/token", data={**fields, name: [fields[name], fields[name]]})
    assert error_of(twice) == (400, "invalid_request")
    assert (await app.redeem(code)).status_code == 200


async def test_in_production_the_demonstration_is_neither_entered_nor_left(
    database: Database, clock: FixedClock
) -> None:
    async with database.write() as session:
        await seed_clients(session, clock, production=True)
        assert await session.get(Client, DEMO_APP) is None
        await seed_clients(session, clock)
    async with database.write() as session:
        await seed_clients(session, clock, production=True)
    async with database.write() as session:
        await seed_clients(session, clock)
    async with database.read() as session:
        ended = await session.scalar(select(col(Client.ended_at)).where(col(Client.id) == DEMO_APP))
    assert ended == clock.now(), "nor does a start revive what was ended"


async def test_the_code_of_a_missing_redirect_address_is_not_used_up(app: App) -> None:
    code = await app.code()
    assert error_of(await app.redeem(code, redirect_uri=WITHOUT)) == (400, "invalid_grant")
    assert (await app.redeem(code)).status_code == 200


async def test_the_family_of_a_token_is_that_of_its_code(app: App, database: Database) -> None:
    code = await app.code()
    token = (await app.redeem(code)).json()["access_token"]
    async with database.read() as session:
        row = await session.get(AuthorizationCode, hash_of(code))
    assert row is not None
    assert row.family == UUID(hex=claims_of(token)["family"])
