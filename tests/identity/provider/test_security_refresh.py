"""What goes wrong with refresh tokens, one attack a test (RFC 6749 §6, RFC 9449 §5, RFC 9700 §4.14)."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col
from structlog.testing import capture_logs

from core.database import Database
from identity.provider.endings import Endings, EndReason
from identity.provider.models import Client, RefreshToken, Revocation
from tests.identity.conftest import House
from tests.identity.provider.apps import REFRESH_SECONDS, TOKEN_SECONDS, App, claims_of, error_of, proven, register_app
from tests.identity.provider.key_holders import WITHOUT, KeyHolder


async def test_a_refresh_token_works_once_and_brings_its_successor(app: App) -> None:
    first = await app.tokens()
    second = (await app.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert await app.works(first["access_token"]), "it was given for ten minutes, and nobody revoked it"
    assert await app.works(second["access_token"])
    assert (await app.refresh(second["refresh_token"])).status_code == 200


async def test_a_refresh_token_used_again_ends_its_family_and_is_logged(house: House, app: App) -> None:
    first = await app.tokens()
    second = (await app.refresh(first["refresh_token"])).json()
    with capture_logs() as logs:
        assert error_of(await app.refresh(first["refresh_token"])) == (400, "invalid_grant")
    [entry] = [entry for entry in logs if entry["event"] == "refresh_token_used_again"]
    assert entry["log_level"] == "warning"
    assert first["refresh_token"] not in str(logs)
    assert not await app.works(first["access_token"])
    assert not await app.works(second["access_token"])
    assert error_of(await app.refresh(second["refresh_token"])) == (400, "invalid_grant")
    assert (await app.family(second["access_token"])).end_reason == EndReason.REFRESH_REUSED


async def test_a_used_refresh_token_is_found_out_weeks_later(house: House, app: App) -> None:
    first = await app.tokens()
    second = (await app.refresh(first["refresh_token"])).json()
    house.clock.advance(timedelta(days=29))
    await app.refresh(first["refresh_token"])
    assert error_of(await app.refresh(second["refresh_token"])) == (400, "invalid_grant")


async def test_of_fifty_parallel_refreshes_exactly_one_wins_and_the_family_ends(app: App) -> None:
    tokens = await app.tokens()
    answers = await asyncio.gather(*(app.refresh(tokens["refresh_token"]) for _ in range(50)))
    outcomes = Counter((answer.status_code, answer.json().get("error")) for answer in answers)
    assert outcomes == {(200, None): 1, (400, "invalid_grant"): 49}
    [winner] = [answer.json() for answer in answers if answer.status_code == 200]
    assert not await app.works(winner["access_token"]), "which of the fifty is the thief cannot be told"


async def test_another_client_can_neither_use_nor_burn_a_refresh_token(app: App, other_app: App) -> None:
    first = await app.tokens()
    assert error_of(await other_app.refresh(first["refresh_token"])) == (400, "invalid_grant")
    second = (await app.refresh(first["refresh_token"])).json()
    assert error_of(await other_app.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert await app.works(second["access_token"]), "nor can it set off the alarm"


async def test_a_refresh_token_bound_to_a_key_needs_that_key(app: App) -> None:
    tokens = await app.tokens(bound=True)
    right, app.key = app.key, KeyHolder.make()
    assert error_of(await app.refresh(tokens["refresh_token"], bound=True)) == (400, "invalid_grant")
    assert error_of(await app.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    app.key = right
    again = (await app.refresh(tokens["refresh_token"], bound=True)).json()
    assert again["token_type"] == "DPoP"
    assert claims_of(again["access_token"])["cnf"] == {"jkt": right.jkt}


async def test_a_used_refresh_token_without_its_key_ends_nothing(app: App) -> None:
    """It is no use to whoever found it; only its owner would be signed out."""
    first = await app.tokens(bound=True)
    second = (await app.refresh(first["refresh_token"], bound=True)).json()
    right, app.key = app.key, KeyHolder.make()
    assert error_of(await app.refresh(first["refresh_token"], bound=True)) == (400, "invalid_grant")
    assert error_of(await app.refresh(first["refresh_token"])) == (400, "invalid_grant")
    app.key = right
    assert (await app.refresh(second["refresh_token"], bound=True)).status_code == 200
    assert error_of(await app.refresh(first["refresh_token"], bound=True)) == (400, "invalid_grant")
    assert error_of(await app.refresh(second["refresh_token"], bound=True)) == (400, "invalid_grant"), (
        "with it, it does"
    )


async def test_who_begins_to_prove_a_key_is_held_to_it(app: App) -> None:
    first = await app.tokens()
    second = (await app.refresh(first["refresh_token"], bound=True)).json()
    assert error_of(await app.refresh(second["refresh_token"])) == (400, "invalid_grant")
    assert (await app.refresh(second["refresh_token"], bound=True)).status_code == 200


async def test_a_proof_for_another_address_refreshes_nothing_and_costs_nothing(app: App) -> None:
    tokens = await app.tokens(bound=True)
    fields = {"grant_type": "refresh_token", "client_id": app.client, "refresh_token": tokens["refresh_token"]}
    proof = {"DPoP": app.proof("/oauth/revoke")}
    assert error_of(await app.browser.post("/oauth/token", data=fields, headers=proof)) == (400, "invalid_dpop_proof")
    assert (await app.refresh(tokens["refresh_token"], bound=True)).status_code == 200


async def test_refreshing_cannot_widen_the_scope(app: App) -> None:
    tokens = await app.tokens(scope="openid")
    assert error_of(await app.refresh(tokens["refresh_token"], scope="openid citizen")) == (400, "invalid_scope")
    assert (await app.refresh(tokens["refresh_token"])).json()["scope"] == "openid"


async def test_a_narrower_scope_is_for_one_access_token_only(app: App) -> None:
    tokens = await app.tokens()
    narrow = (await app.refresh(tokens["refresh_token"], scope="citizen")).json()
    assert (narrow["scope"], "id_token" in narrow) == ("citizen", False)
    assert set((await app.refresh(narrow["refresh_token"])).json()["scope"].split()) == {"openid", "profile", "citizen"}


async def test_a_scope_the_client_has_lost_is_not_refreshed(house: House, app: App) -> None:
    tokens = await app.tokens()
    async with house.identity.db.write() as session:
        row = await session.get(Client, app.client)
        assert row is not None
        row.scopes = ["openid"]
    assert (await app.refresh(tokens["refresh_token"])).json()["scope"] == "openid"


async def test_refreshing_cannot_add_a_resource(house: House, app: App) -> None:
    tokens = await app.tokens()
    bank = f"{house.issuer}/resource/bank"
    assert error_of(await app.refresh(tokens["refresh_token"], resource=bank)) == (400, "invalid_target")
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


async def test_refreshing_may_name_fewer_resources(house: House, app: App) -> None:
    graph, bank = f"{house.issuer}/graphql", f"{house.issuer}/resource/bank"
    tokens = await app.tokens(resource=[graph, bank])
    answer = (await app.refresh(tokens["refresh_token"], resource=graph)).json()
    assert claims_of(answer["access_token"])["aud"] == graph


async def test_a_refresh_token_works_until_its_last_second_however_often_it_was_renewed(house: House, app: App) -> None:
    token = (await app.tokens())["refresh_token"]
    house.clock.advance(timedelta(seconds=REFRESH_SECONDS - 1))
    answer = (await app.refresh(token)).json()
    assert answer["expires_in"] == 1, "no token outlives its family"
    house.clock.advance(timedelta(seconds=1))
    assert error_of(await app.refresh(answer["refresh_token"])) == (400, "invalid_grant")
    assert not await app.works(answer["access_token"])


async def test_an_access_token_of_a_refresh_lives_as_long_as_any(house: House, app: App) -> None:
    answer = (await app.refresh((await app.tokens())["refresh_token"])).json()
    house.clock.advance(timedelta(seconds=TOKEN_SECONDS - 1))
    assert await app.works(answer["access_token"])
    house.clock.advance(timedelta(seconds=1))
    assert not await app.works(answer["access_token"])


async def test_a_refreshed_id_token_says_when_the_person_really_signed_in(house: House, app: App) -> None:
    first = await app.tokens(nonce="once")
    house.clock.advance(timedelta(hours=1))
    told, before = (
        claims_of((await app.refresh(first["refresh_token"])).json()["id_token"]),
        claims_of(first["id_token"]),
    )
    assert {told[name] == before[name] for name in ("auth_time", "sub", "aud", "iss", "sid", "acr")} == {True}
    assert told["iat"] == before["iat"] + 3_600
    assert "nonce" not in told, "OpenID Connect Core §12.2"


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("", "invalid_grant"),
        ("srt_unknown", "invalid_grant"),
        (WITHOUT, "invalid_request"),
        ("x" * 3_000, "invalid_request"),
        ("é", "invalid_request"),
    ],
)
async def test_what_is_no_refresh_token_gets_the_error_of_its_kind(app: App, token: Any, error: str) -> None:
    assert error_of(await app.refresh(token)) == (400, error)


async def test_an_access_token_is_not_a_refresh_token(app: App) -> None:
    tokens = await app.tokens()
    assert error_of(await app.refresh(tokens["access_token"]))[0] == 400
    assert not await app.works(tokens["refresh_token"])


async def test_an_ended_client_refreshes_nothing_and_its_tokens_stop(house: House, app: App) -> None:
    tokens = await app.tokens()
    async with house.identity.db.write() as session:
        assert await Endings(house.clock).end_client(session, app.client)
        assert not await Endings(house.clock).end_client(session, app.client)
    assert error_of(await app.refresh(tokens["refresh_token"])) == (401, "invalid_client")
    assert not await app.works(tokens["access_token"])
    assert (await app.family(tokens["access_token"])).end_reason == EndReason.CLIENT_ENDED


async def test_ending_a_client_is_one_revocation_however_many_signed_in(house: House, app: App) -> None:
    for _ in range(3):
        await app.tokens()
    async with house.identity.db.write() as session:
        await Endings(house.clock).end_client(session, app.client)
        assert await session.scalar(select(func.count()).select_from(Revocation)) == 1


async def test_a_client_that_may_no_longer_refresh_is_unauthorized(house: House, app: App) -> None:
    tokens = await app.tokens()
    async with house.identity.db.write() as session:
        row = await session.get(Client, app.client)
        assert row is not None
        row.grant_types = ["authorization_code"]
    assert error_of(await app.refresh(tokens["refresh_token"])) == (400, "unauthorized_client")


async def test_a_confidential_client_keeps_its_refresh_token_and_may_change_its_key(house: House, app: App) -> None:
    """FAPI 2.0 Security Profile §5.3.2.1: no rotation. What binds the token is the client's own authentication."""
    holder = KeyHolder.make()
    await register_app(house, "vault", auth_method="private_key_jwt", jwks=holder.registered, dpop_bound=True)
    app.client = "vault"
    first = (await app.redeem(await app.code(), bound=True, **proven(holder, house, "vault"))).json()
    app.key = KeyHolder.make()
    for _ in range(2):
        again = await app.refresh(first["refresh_token"], bound=True, **proven(holder, house, "vault"))
        assert again.status_code == 200
        assert "refresh_token" not in again.json()
        assert claims_of(again.json()["access_token"])["cnf"] == {"jkt": app.key.jkt}
    assert error_of(await app.refresh(first["refresh_token"], bound=True)) == (401, "invalid_client")
    assert error_of(await app.refresh(first["refresh_token"], **proven(holder, house, "vault"))) == (
        400,
        "invalid_dpop_proof",
    )
    assert (await app.refresh(first["refresh_token"], bound=True, **proven(holder, house, "vault"))).status_code == 200


async def test_a_failed_refresh_leaves_the_token_unused(app: App, database: Database) -> None:
    tokens = await app.tokens()
    wrong: list[dict[str, Any]] = [{"scope": "officer"}, {"resource": "https://elsewhere"}, {"client_id": "nobody"}]
    for changes in wrong:
        assert (await app.refresh(tokens["refresh_token"], **changes)).status_code in (400, 401)
    async with database.read() as session:
        used = (await session.scalars(select(col(RefreshToken.used_at)))).all()
    assert used == [None]
