"""Acting for another by token exchange (RFC 8693), and clients in their own name (RFC 6749 §4.4): one attack a test."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.clock import start_of_bangkok_day
from core.ids import GlobalId
from core.viewer import Acting
from identity.provider.endings import Endings, EndReason, live_session
from identity.provider.errors import TokenInvalid
from identity.provider.models import TokenFamily
from tests.identity.conftest import House
from tests.identity.provider.apps import (
    ACCESS_TOKEN,
    TOKEN_SECONDS,
    App,
    DelegationsOfTests,
    claims_of,
    error_of,
    person,
    proven,
    register_app,
)
from tests.identity.provider.front import session_of
from tests.identity.provider.key_holders import WITHOUT, KeyHolder, register


class Carer(App):
    """The elder's app, and what the elder may do for somebody else."""

    delegation: UUID
    delegations: DelegationsOfTests
    represented: UUID

    async def acting(self, **changes: Any) -> str:
        answer = await self.exchange(self.delegation.hex, (await self.tokens())["access_token"], **changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@pytest.fixture
async def carer(house: House, app: App) -> Carer:
    found = Carer(house, app.browser)
    found.delegations = DelegationsOfTests(house.clock)
    house.identity.delegations = found.delegations
    found.delegation, found.represented = uuid4(), await person(house, "officer-one")
    ends_at = start_of_bangkok_day(house.clock.today() + timedelta(days=30))
    found.delegations.grant(found.delegation, await person(house, "elder"), found.represented, ends_at, "VIEW", "APPLY")
    return found


async def test_who_acts_gets_a_token_about_whom_they_act_for(house: House, carer: Carer) -> None:
    own = (await carer.tokens())["access_token"]
    answer = (await carer.exchange(carer.delegation.hex, own)).json()
    assert set(answer) == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert (answer["issued_token_type"], answer["scope"]) == (ACCESS_TOKEN, "citizen")
    viewer = await house.identity.verifier.verify(answer["access_token"])
    assert viewer.person == carer.represented
    assert viewer.acting == Acting(await person(house, "elder"), carer.delegation, frozenset({"VIEW", "APPLY"}))
    claims, before = claims_of(answer["access_token"]), claims_of(own)
    assert claims["act"] == {"sub": before["sub"]}, "the name by which the client knows who acts"
    assert {claims[name] == before[name] for name in ("acr", "amr", "auth_time", "aud")} == {True}
    assert claims["sub"] != before["sub"]
    assert claims["family"] != before["family"]


async def test_a_delegation_may_be_named_as_the_graph_names_it(carer: Carer) -> None:
    own = (await carer.tokens())["access_token"]
    assert (await carer.exchange(str(GlobalId("Delegation", carer.delegation)), own)).status_code == 200
    assert error_of(await carer.exchange(str(GlobalId("Citizen", carer.delegation)), own)) == (400, "invalid_request")


async def test_a_token_under_a_delegation_ends_at_its_midnight(house: House, carer: Carer) -> None:
    ends_at = start_of_bangkok_day(house.clock.today() + timedelta(days=1))
    carer.delegations.grant(carer.delegation, await person(house, "elder"), carer.represented, ends_at)
    house.clock.set(ends_at - timedelta(seconds=60))
    await carer.signed_in()
    token = await carer.acting()
    assert claims_of(token)["exp"] == int(ends_at.timestamp())
    house.clock.advance(timedelta(seconds=59))
    assert await carer.works(token)
    house.clock.advance(timedelta(seconds=1))
    assert not await carer.works(token)


async def test_a_delegation_that_is_over_gives_no_token(house: House, carer: Carer) -> None:
    ends_at = house.clock.now() + timedelta(seconds=30)
    carer.delegations.grant(carer.delegation, await person(house, "elder"), carer.represented, ends_at)
    own = (await carer.tokens())["access_token"]
    house.clock.advance(timedelta(seconds=29))
    assert (await carer.exchange(carer.delegation.hex, own)).json()["expires_in"] == 1
    house.clock.advance(timedelta(seconds=1))
    assert error_of(await carer.exchange(carer.delegation.hex, own)) == (400, "invalid_request")


async def test_a_token_under_a_delegation_lives_no_longer_than_any_other(carer: Carer) -> None:
    claims = claims_of(await carer.acting())
    assert claims["exp"] - claims["iat"] == TOKEN_SECONDS


@pytest.mark.parametrize("delegation", ["", "x", "0" * 32, "' OR 1=1 --", "018f3c1e-0000-7000-8000-000000000001"])
async def test_a_delegation_that_is_none_of_theirs_gives_no_token(carer: Carer, delegation: str) -> None:
    own = (await carer.tokens())["access_token"]
    assert error_of(await carer.exchange(delegation, own)) == (400, "invalid_request")


async def test_another_persons_delegation_gives_no_token(house: House, carer: Carer) -> None:
    async with house.browser() as browser:
        stranger = await App(house, browser).signed_in("officer-two")
        own = (await stranger.tokens())["access_token"]
        assert error_of(await stranger.exchange(carer.delegation.hex, own)) == (400, "invalid_request")


async def test_another_clients_token_does_not_act(carer: Carer, other_app: App) -> None:
    theirs = (await other_app.tokens())["access_token"]
    assert error_of(await carer.exchange(carer.delegation.hex, theirs)) == (400, "invalid_request")


async def test_whoever_acts_already_cannot_act_on(house: House, carer: Carer) -> None:
    """A right does not travel: A acts for B, B for C, but A not for C."""
    further = uuid4()
    ends_at = house.clock.now() + timedelta(days=1)
    carer.delegations.grant(further, carer.represented, await person(house, "officer-two"), ends_at)
    token = await carer.acting()
    assert error_of(await carer.exchange(further.hex, token)) == (400, "invalid_request")


@pytest.mark.parametrize(
    "changes",
    [
        {"actor_token": WITHOUT},
        {"actor_token": "x.y.z"},
        {"actor_token_type": WITHOUT},
        {"actor_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"subject_token": WITHOUT},
        {"subject_token_type": ACCESS_TOKEN},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
    ],
)
async def test_an_exchange_of_another_form_is_an_invalid_request(carer: Carer, changes: dict[str, Any]) -> None:
    own = (await carer.tokens())["access_token"]
    assert error_of(await carer.exchange(carer.delegation.hex, own, **changes)) == (400, "invalid_request")


async def test_a_refresh_token_and_an_id_token_do_not_act(carer: Carer) -> None:
    tokens = await carer.tokens()
    for kind in ("refresh_token", "id_token"):
        assert error_of(await carer.exchange(carer.delegation.hex, tokens[kind])) == (400, "invalid_request")


async def test_an_actor_token_that_was_revoked_or_has_expired_does_not_act(house: House, carer: Carer) -> None:
    revoked, expired = (await carer.tokens())["access_token"], (await carer.tokens())["access_token"]
    await carer.revoke(revoked)
    assert error_of(await carer.exchange(carer.delegation.hex, revoked)) == (400, "invalid_request")
    house.clock.advance(timedelta(seconds=TOKEN_SECONDS))
    assert error_of(await carer.exchange(carer.delegation.hex, expired)) == (400, "invalid_request")


async def test_an_actor_token_without_the_citizens_scope_does_not_act(carer: Carer) -> None:
    own = (await carer.tokens(scope="openid profile"))["access_token"]
    assert error_of(await carer.exchange(carer.delegation.hex, own)) == (400, "invalid_request")


async def test_acting_never_gives_more_than_the_citizens_scope(carer: Carer) -> None:
    own = (await carer.tokens())["access_token"]
    for scope in ("openid", "openid citizen", "officer"):
        assert error_of(await carer.exchange(carer.delegation.hex, own, scope=scope)) == (400, "invalid_scope")


async def test_an_exchange_cannot_aim_elsewhere(house: House, carer: Carer) -> None:
    own = (await carer.tokens())["access_token"]
    targets: list[dict[str, Any]] = [{"resource": f"{house.issuer}/resource/bank"}, {"audience": "market"}]
    for target in targets:
        assert error_of(await carer.exchange(carer.delegation.hex, own, **target)) == (400, "invalid_target")


async def test_a_token_for_one_resource_is_exchanged_for_none_of_another(house: House, carer: Carer) -> None:
    """Whoever runs that resource holds such tokens, and a public client's name is anyone's to send."""
    graph, bank = f"{house.issuer}/graphql", f"{house.issuer}/resource/bank"
    tokens = await carer.tokens(resource=[graph, bank])
    narrow = (await carer.refresh(tokens["refresh_token"], resource=bank)).json()["access_token"]
    answer = await carer.exchange(carer.delegation.hex, narrow, resource=graph)
    assert error_of(answer) == (400, "invalid_target")
    assert claims_of((await carer.exchange(carer.delegation.hex, narrow)).json()["access_token"])["aud"] == bank
    whole = (await carer.exchange(carer.delegation.hex, tokens["access_token"])).json()["access_token"]
    assert claims_of(whole)["aud"] == [graph, bank]


async def test_an_actor_token_bound_to_a_key_acts_with_that_key_alone(carer: Carer) -> None:
    own = (await carer.tokens(bound=True))["access_token"]
    assert error_of(await carer.exchange(carer.delegation.hex, own)) == (400, "invalid_request")
    right, carer.key = carer.key, KeyHolder.make()
    assert error_of(await carer.exchange(carer.delegation.hex, own, bound=True)) == (400, "invalid_request")
    carer.key = right
    answer = (await carer.exchange(carer.delegation.hex, own, bound=True)).json()
    assert claims_of(answer["access_token"])["cnf"] == {"jkt": right.jkt}


async def test_a_client_without_the_grant_cannot_exchange(house: House, carer: Carer) -> None:
    await register_app(house, "plain", grant_types=["authorization_code"])
    carer.client = "plain"
    own = (await carer.tokens())["access_token"]
    assert error_of(await carer.exchange(carer.delegation.hex, own)) == (400, "unauthorized_client")


async def test_where_nobody_delegates_there_is_no_exchange(house: House, carer: Carer) -> None:
    house.identity.delegations = None
    own = (await carer.tokens())["access_token"]
    assert error_of(await carer.exchange(carer.delegation.hex, own)) == (400, "unsupported_grant_type")


async def test_the_end_of_a_delegation_ends_its_tokens_and_no_others(house: House, carer: Carer) -> None:
    own, token = (await carer.tokens())["access_token"], await carer.acting()
    async with house.identity.db.write() as session:
        await Endings(house.clock).end_delegation(session, carer.represented, carer.delegation)
    assert not await carer.works(token)
    assert await carer.works(own)
    assert (await carer.family(token)).end_reason == EndReason.DELEGATION_ENDED


async def test_who_signs_out_acts_for_nobody_any_more(house: House, carer: Carer) -> None:
    token = await carer.acting()
    who = await session_of(house, carer.browser)
    assert who is not None
    async with house.identity.db.write() as session:
        await Endings(house.clock).end_session(session, who.person, who.id, EndReason.SESSION_ENDED)
    assert not await carer.works(token)


async def test_a_stolen_refresh_token_takes_what_was_acted_with_it(carer: Carer) -> None:
    tokens = await carer.tokens()
    acting = (await carer.exchange(carer.delegation.hex, tokens["access_token"])).json()["access_token"]
    await carer.refresh(tokens["refresh_token"])
    await carer.refresh(tokens["refresh_token"])
    assert not await carer.works(acting)


async def test_what_is_being_exchanged_while_its_token_is_given_back_ends_with_it(house: House, carer: Carer) -> None:
    tokens = await carer.tokens()
    theirs = await carer.family(tokens["access_token"])
    acted = TokenFamily(**{**theirs.model_dump(), "person": carer.represented, "id": uuid4(), "actor": theirs.person})
    async with house.identity.db.write() as session:  # as an exchange has them, which is about to end
        await session.get(TokenFamily, (theirs.person, theirs.id), with_for_update={"read": True})
        revoking = asyncio.create_task(carer.revoke(tokens["refresh_token"]))
        await asyncio.wait([revoking], timeout=0.5)
        session.add(acted)
    assert (await revoking).status_code == 200
    async with house.identity.db.read() as session:
        found = await session.get(TokenFamily, (acted.person, acted.id))
    assert found is not None
    assert found.end_reason == EndReason.REVOKED


async def test_whoever_exchanges_cannot_keep_the_person_from_signing_out(
    house: House, carer: Carer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both hold the session before what was granted in it, or each would wait for the other."""
    own = (await carer.tokens())["access_token"]
    who = await session_of(house, carer.browser)
    assert who is not None

    def slowly(session: Session, person: UUID, sign_in: UUID) -> bool:
        if session.get_bind().dialect.name == "postgresql":  # SQLite lets no two write at once
            session.execute(text("SELECT pg_sleep(0.4)"))
        return live_session(session, person, sign_in)

    monkeypatch.setattr("identity.provider.grants.exchange.live_session", slowly)
    exchanging = asyncio.create_task(carer.exchange(carer.delegation.hex, own))
    await asyncio.wait([exchanging], timeout=0.2)
    async with house.identity.db.write() as session:
        await Endings(house.clock).end_session(session, who.person, who.id, EndReason.SIGNED_OUT)
    answer = await exchanging
    assert answer.status_code in (200, 400), answer.text
    assert answer.status_code == 400 or not await carer.works(answer.json()["access_token"])


async def test_who_is_acted_for_can_sign_out_everywhere_without_touching_who_acts(house: House, carer: Carer) -> None:
    """Their own sessions are theirs to end; the delegation is ended as one."""
    token = await carer.acting()
    async with house.identity.db.write() as session:
        await Endings(house.clock).end_sessions(session, carer.represented, EndReason.SESSION_ENDED)
    assert await carer.works(token)


async def test_a_failed_exchange_leaves_no_row(house: House, carer: Carer) -> None:
    own = (await carer.tokens())["access_token"]
    await carer.exchange(str(uuid4()), own)
    await carer.exchange(carer.delegation.hex, own, scope="openid")
    async with house.identity.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(TokenFamily)) == 1


async def test_userinfo_tells_nobody_who_is_acted_for(house: House, carer: Carer) -> None:
    token = await carer.acting()
    answer = await carer.browser.get("/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


# Clients in their own name


class Machine(App):
    """An agency's system."""

    holder: KeyHolder

    async def ask(self, **changes: Any) -> Any:
        fields = {"grant_type": "client_credentials", **proven(self.holder, self.house, self.client), **changes}
        return await self.post("/oauth/token", {k: v for k, v in fields.items() if v is not WITHOUT}, bound=True)


@pytest.fixture
async def machine(house: House, app: App) -> Machine:
    found = Machine(house, app.browser, "registry")
    found.holder = KeyHolder.make()
    await register(
        house.identity.db,
        house.clock,
        id="registry",
        jwks=found.holder.registered,
        grant_types=["client_credentials"],
        redirect_uris=[],
        scopes=["agency.facts", "agency.services", "openid", "citizen"],
        resources=["/agency", "/resource/bank"],
        agency="dopa",
        refresh_seconds=86_400,
    )
    return found


async def test_a_machine_gets_a_token_in_its_own_name_and_nothing_to_renew_it(house: House, machine: Machine) -> None:
    answer = (await machine.ask()).json()
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope"}
    assert answer["scope"] == "agency.facts agency.services"
    claims = claims_of(answer["access_token"])
    assert (claims["sub"], claims["client_id"]) == ("registry", "registry")
    assert claims["aud"] == f"{house.issuer}/agency"
    told = await house.identity.verifier_for("/agency").machine(answer["access_token"], jkt=machine.key.jkt)
    assert (told.client, told.agency, told.scopes) == (
        "registry",
        "dopa",
        frozenset({"agency.facts", "agency.services"}),
    )


async def test_the_token_of_a_machine_is_nobodys_at_the_graph(house: House, machine: Machine) -> None:
    token = (await machine.ask()).json()["access_token"]
    for verifier in (house.identity.verifier_for("/graphql"), house.identity.verifier_for("/agency")):
        with pytest.raises(TokenInvalid):
            await verifier.verify(token, jkt=machine.key.jkt)
        with pytest.raises(TokenInvalid):
            await verifier.read(token, jkt=machine.key.jkt)


async def test_the_token_of_a_person_is_no_machines(house: House, app: App) -> None:
    token = (await app.tokens())["access_token"]
    with pytest.raises(TokenInvalid):
        await house.identity.verifier_for("/graphql").machine(token)


@pytest.mark.parametrize("scope", ["citizen", "openid", "agency.facts openid", "payments.approve"])
async def test_a_machine_gets_nothing_that_only_a_person_can_grant(machine: Machine, scope: str) -> None:
    assert error_of(await machine.ask(scope=scope)) == (400, "invalid_scope")


async def test_a_machine_may_ask_for_less(machine: Machine) -> None:
    assert (await machine.ask(scope="agency.facts")).json()["scope"] == "agency.facts"


async def test_a_machine_may_not_aim_at_the_graph(house: House, machine: Machine) -> None:
    assert error_of(await machine.ask(resource=f"{house.issuer}/graphql")) == (400, "invalid_target")


async def test_a_public_client_has_no_name_of_its_own(house: House, app: App) -> None:
    await register_app(house, "open", grant_types=["client_credentials"], scopes=["agency.facts"])
    answer = await app.post("/oauth/token", {"grant_type": "client_credentials", "client_id": "open"})
    assert error_of(answer) == (400, "unauthorized_client")


async def test_a_client_for_people_gets_nothing_in_its_own_name(app: App) -> None:
    answer = await app.post("/oauth/token", {"grant_type": "client_credentials", "client_id": app.client})
    assert error_of(answer) == (400, "unauthorized_client")


async def test_an_ended_machine_is_nobody_and_its_tokens_stop(house: House, machine: Machine) -> None:
    token = (await machine.ask()).json()["access_token"]
    async with house.identity.db.write() as session:
        await Endings(house.clock).end_client(session, "registry")
    assert error_of(await machine.ask()) == (401, "invalid_client")
    with pytest.raises(TokenInvalid):
        await house.identity.verifier_for("/agency").machine(token, jkt=machine.key.jkt)


async def test_a_machine_can_give_its_token_back(house: House, machine: Machine) -> None:
    token = (await machine.ask()).json()["access_token"]
    given = {"token": token, **proven(machine.holder, house, "registry")}
    assert (await machine.browser.post("/oauth/revoke", data=given)).status_code == 200
    with pytest.raises(TokenInvalid):
        await house.identity.verifier_for("/agency").machine(token, jkt=machine.key.jkt)
