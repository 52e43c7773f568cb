"""An agency has credentials made for many at once; each waits for its citizen, and goes into a wallet once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from random import Random  # noqa: TID251 (moments from a seed)
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlmodel import col
from typer.testing import CliRunner

from api.commands import credential_batch
from core.errors import SitthiError
from core.ids import NationalId, check_digit
from core.sealed import bound_to
from services.plugins.contract import AgencyError, Call, Credential, Host
from services.receive.credentials import batch_rows
from services.receive.credentials import batches as module
from services.receive.credentials.batches import AGAIN, GIVEN_UP, READY_KEPT, TURN, Batches, Started
from services.receive.credentials.disclosures import DISCLOSURES_MAX
from services.receive.credentials.models import (
    CredentialBatch,
    CredentialBatchLine,
    ReadyCredential,
    StatusList,
    WalletCredential,
)
from services.receive.credentials.service import Credentials
from services.receive.credentials.statuses import StatusLists
from services.receive.credentials.verifying import verify
from services.sandbox.population.personas import persona
from tests.api.test_credentials import _today, believed
from tests.api.test_credentials_elsewhere import on_a_port
from tests.laws.cases import person_of
from tests.services.exchange.privacy.world import left, ran
from tests.services.receive.credentials.office import (
    AGENCY,
    CLAIMS,
    CONFIGURATION,
    DAYS,
    NAME,
    SLUG,
    Office,
    ask,
    manifest_of,
    offered,
    wallet_of,
)
from tests.support import node
from tests.support.acting import signed_in_with
from tests.support.app import Served

MINE = "{ viewer { credentials { nodes { id title status } } inbox { nodes { title } } } }"
LOG = "{ viewer { accessLog { nodes { purpose { id } asker { kind label } attributes { id } } } } }"
OFFICER = UUID(int=7)


class Registrar(Office):
    """Knows its people by the last two digits: what each has is theirs."""

    async def issue(self, host: Host, call: Call) -> Any:
        told = await super().issue(host, call)
        if call.person is None or self.fail is not None or told.claims != CLAIMS:
            return told
        return Credential(claims={**CLAIMS, "institution": f"U{call.person.digits[-3:]}"})


@pytest.fixture
def office(sitthi: Served) -> Registrar:
    made = Registrar()
    spec = manifest_of().credentials[NAME].model_dump(mode="json")
    sitthi.house.registry.add(made.plugin(credentials={NAME: {**spec, "binding": "none"}}))
    return made


def number(seed: int) -> NationalId:
    """Made up: no number that the state gives begins with 0."""
    digits = f"0{seed:011}"
    return NationalId(f"{digits}{check_digit(digits)}")


def nested(depth: int) -> Any:
    """So many arrays, each the only element of the next."""
    made: Any = 1
    for _ in range(depth):
        made = [made]
    return made


def of(sitthi: Served) -> Batches:
    return sitthi.house.rooms.get(Batches)


async def started(sitthi: Served, *people: NationalId) -> Started:
    room = sitthi.house.rooms.get(Credentials)
    [one] = [one for one in room.offerings.of(AGENCY) if one.service == SLUG]
    async with sitthi.house.db.write() as session:
        return await of(sitthi).start(session, one, people, OFFICER)


async def counts(sitthi: Served, batch: UUID) -> tuple[int, int, int, bool]:
    async with sitthi.house.db.read() as session:
        row = await session.get(CredentialBatch, batch)
        assert row is not None
        return row.ready, row.declined, row.failed, row.ended_at is not None


async def rows(sitthi: Served, model: Any) -> list[Any]:
    async with sitthi.house.db.read() as session:
        return list((await session.scalars(select(model))).all())


async def fetched(sitthi: Served, offer: dict[str, Any], **changed: Any) -> Any:
    wallet = wallet_of(sitthi)
    found = await wallet.offer(offer["uri"])
    token = (await wallet.token(found, offer["digits"])).json()["access_token"]
    return await wallet.credential(found["credential_issuer"], token, proofs={}, **changed)


def graduate() -> NationalId:
    return NationalId(persona("graduate").national_id)


async def test_what_a_batch_made_goes_into_a_wallet_once_without_asking_the_agency_again(
    sitthi: Served, office: Registrar
) -> None:
    made = await started(sitthi, graduate(), number(1), number(1))
    assert made.people == 2
    assert await of(sitthi).run() == 2
    assert await counts(sitthi, made.batch) == (2, 0, 0, True)
    told = await sitthi.graph(MINE, persona="graduate")
    assert "A credential is ready for you: Degree" in [one["title"] for one in told["viewer"]["inbox"]["nodes"]]
    assert told["viewer"]["credentials"]["nodes"] == []
    offer = await offered(sitthi)
    answer = await fetched(sitthi, offer)
    [text] = [one["credential"] for one in answer.json()["credentials"]]
    found = await believed(sitthi, text)
    assert found.claims["courses"] == CLAIMS["courses"]
    assert (found.holder, found.expires_at) == (None, _today(sitthi) + timedelta(days=DAYS))
    assert found.claims["vct#integrity"].startswith("sha256-")
    assert len(office.calls) == 2
    [mine] = (await sitthi.graph(MINE, persona="graduate"))["viewer"]["credentials"]["nodes"]
    assert (mine["title"], mine["status"]) == ("Degree", "VALID")
    assert len(await rows(sitthi, ReadyCredential)) == 1, "the other one's"
    again = await fetched(sitthi, await offered(sitthi))
    assert again.status_code == 200
    assert len(office.calls) == 3, "what was handed out is made anew"


async def test_who_asks_for_a_part_does_not_get_the_whole_that_waits(sitthi: Served, office: Registrar) -> None:
    await started(sitthi, graduate())
    await of(sitthi).run()
    await offered(sitthi, arguments={"degree": "2"})
    assert [dict(call.arguments) for call in office.calls] == [{}, {"degree": "2"}]
    assert len(await rows(sitthi, ReadyCredential)) == 1


async def test_a_wallet_that_is_not_ours_fetches_it_without_a_key(sitthi: Served, office: Registrar) -> None:
    await started(sitthi, graduate())
    await of(sitthi).run()
    offer = await offered(sitthi)
    async with on_a_port(sitthi) as address, node.program("wallet.mjs") as wallet:
        [text] = await wallet.ask(
            "receive",
            offer=offer["uri"],
            digits=offer["digits"],
            keys=[],
            issuer=sitthi.house.settings.issuer,
            address=address,
            at=int(sitthi.clock.now().timestamp()),
        )
    assert (await believed(sitthi, text)).claims["gpax_at_least_3_00"] is True
    assert len(office.calls) == 1


async def test_it_is_given_once_however_many_wallets_bring_the_token(sitthi: Served, office: Registrar) -> None:
    await started(sitthi, graduate())
    await of(sitthi).run()
    wallet, first, second = wallet_of(sitthi), await offered(sitthi), await offered(sitthi)
    given = []
    for offer in (first, second):
        found = await wallet.offer(offer["uri"])
        token = (await wallet.token(found, offer["digits"])).json()["access_token"]
        given += [wallet.credential(found["credential_issuer"], token, proofs={}) for _ in range(3)]
    answers = await asyncio.gather(*given)
    assert sorted(one.status_code for one in answers) == [200, 400, 400, 400, 400, 400]
    assert {one.json()["error"] for one in answers if one.status_code == 400} == {"credential_request_denied"}
    assert len(await rows(sitthi, WalletCredential)) == len(office.calls) == 1


async def test_each_look_is_in_the_log_of_whom_it_is_about(sitthi: Served, office: Registrar) -> None:
    await started(sitthi, graduate())
    await of(sitthi).run()
    entries = (await sitthi.graph(LOG, persona="graduate"))["viewer"]["accessLog"]["nodes"]
    [entry] = [one for one in entries if one["purpose"]["id"] == "credential-batch"]
    assert entry["attributes"] == [{"id": f"{AGENCY}:degreeCredential"}]
    assert (entry["asker"]["kind"], len(office.calls)) == ("SYSTEM", 1)


async def test_what_names_a_wallets_key_cannot_be_made_before_it_asks(sitthi: Served) -> None:
    sitthi.house.registry.add(Office().plugin())
    with pytest.raises(SitthiError, match="names its wallet's key"):
        await started(sitthi, graduate())


async def test_of_whom_the_agency_has_none_that_is_counted(sitthi: Served, office: Registrar) -> None:
    office.fail = AgencyError("NO_DEGREES")
    made = await started(sitthi, number(1), number(2))
    assert await of(sitthi).run() == 0
    assert await counts(sitthi, made.batch) == (0, 2, 0, True)
    assert await rows(sitthi, CredentialBatchLine) == []


@pytest.mark.parametrize(
    "claims",
    [
        {"other": 1},
        {"courses": [{"_sd": []}]},
        {"courses": "x" * 300_000},
        {"courses": 2**64},
        {"courses": nested(24)},
        {"courses": [1] * DISCLOSURES_MAX},
    ],
    ids=["other", "reserved", "large", "number", "deep", "many"],
)
async def test_what_may_not_be_signed_is_not(sitthi: Served, office: Registrar, claims: dict[str, Any]) -> None:
    office.says = Credential(claims=claims)
    made = await started(sitthi, number(1))
    assert await of(sitthi).run() == 0
    assert await counts(sitthi, made.batch) == (0, 1, 0, True)


@pytest.mark.parametrize("courses", [[1] * (DISCLOSURES_MAX - 1), nested(23)], ids=["many", "deep"])
async def test_whatever_is_signed_is_believed(sitthi: Served, office: Registrar, courses: list[Any]) -> None:
    office.says = Credential(claims={"courses": courses})
    await started(sitthi, graduate())
    assert await of(sitthi).run() == 1
    answer = await fetched(sitthi, await offered(sitthi))
    [text] = [one["credential"] for one in answer.json()["credentials"]]
    assert (await believed(sitthi, text)).claims["courses"] == courses


async def test_an_agency_that_is_away_is_asked_again_for_a_week_and_no_longer(
    sitthi: Served, office: Registrar
) -> None:
    office.fail = TimeoutError()
    made = await started(sitthi, number(1), number(2))
    assert await of(sitthi).run() == 0
    assert await of(sitthi).run() == 0
    assert len(office.calls) == 2, "not at once"
    office.fail = None
    sitthi.clock.advance(AGAIN)
    assert await of(sitthi).run() == 2
    office.fail = TimeoutError()
    other = await started(sitthi, number(3))
    sitthi.clock.advance(GIVEN_UP)
    assert await of(sitthi).run() == 0
    assert await counts(sitthi, other.batch) == (0, 0, 1, True)
    assert await counts(sitthi, made.batch) == (2, 0, 0, True)


async def test_who_has_one_that_waits_gets_no_second(sitthi: Served, office: Registrar) -> None:
    first = await started(sitthi, number(1))
    await of(sitthi).run()
    second = await started(sitthi, number(1), number(2))
    assert await of(sitthi).run() == 1
    assert await counts(sitthi, second.batch) == (2, 0, 0, True)
    assert {one.batch for one in await rows(sitthi, ReadyCredential)} == {first.batch, second.batch}
    assert len(office.calls) == 3


async def test_what_nobody_asks_for_within_thirty_days_is_gone(sitthi: Served, office: Registrar) -> None:
    await started(sitthi, graduate())
    await of(sitthi).run()
    sitthi.clock.advance(READY_KEPT - timedelta(seconds=1))
    await of(sitthi).forget()
    assert len(await rows(sitthi, ReadyCredential)) == 1
    sitthi.clock.advance(timedelta(seconds=1))
    sitthi.forget_tokens()
    await offered(sitthi)
    assert len(office.calls) == 2, "it counts no more, though it is there yet"
    await of(sitthi).forget()
    assert await rows(sitthi, ReadyCredential) == []


async def test_of_who_left_nothing_is_made_and_nothing_stays(sitthi: Served, office: Registrar) -> None:
    await person_of(sitthi, "elder")
    signed_in_with(sitthi)
    elder = NationalId(persona("elder").national_id)
    made = await started(sitthi, elder)
    await of(sitthi).run()
    assert len(await rows(sitthi, ReadyCredential)) == 1
    await started(sitthi, elder)
    await left(sitthi)
    await ran(sitthi)
    assert await of(sitthi).run() == 0
    assert await rows(sitthi, ReadyCredential) == []
    assert await rows(sitthi, CredentialBatchLine) == []
    assert await counts(sitthi, made.batch) == (1, 0, 0, True)
    assert len(office.calls) == 1


async def test_a_batch_that_is_discarded_ends_and_takes_back_what_waits(sitthi: Served, office: Registrar) -> None:
    made = await started(sitthi, graduate(), number(1))
    await of(sitthi).run()
    offer = await offered(sitthi)
    async with sitthi.house.db.write() as session:
        assert await of(sitthi).discard(session, AGENCY, made.batch) == 2
    assert (await fetched(sitthi, offer)).json()["error"] == "credential_request_denied"
    with pytest.raises(SitthiError, match="no such batch"):
        async with sitthi.house.db.write() as session:
            await of(sitthi).discard(session, "oic", made.batch)
    assert len(office.calls) == 2


class Killed(BaseException):
    """What no code catches: the process is gone."""


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_dies_anywhere_loses_nothing_and_no_place_is_given_twice(
    sitthi: Served, office: Registrar, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Seeded: processes die while they ask, sign, give places, keep, and write; two are at it at once."""
    chance, people = Random(seed), [number(one) for one in range(1, 24)]
    made = await started(sitthi, *people)
    monkeypatch.setattr(module, "CHUNK", 5)

    def dying(there: Callable[..., Any], odds: float) -> Callable[..., Any]:
        async def call(*given: Any, **named: Any) -> Any:
            if chance.random() < odds / 2:
                raise Killed
            answer = await there(*given, **named)
            if chance.random() < odds / 2:
                raise Killed
            return answer

        return call

    for owner, name, odds in (
        (StatusLists, "give", 0.3),
        (batch_rows, "add_ready", 0.3),
        (batch_rows, "settle", 0.3),
        (Registrar, "issue", 0.03),
    ):
        monkeypatch.setattr(owner, name, dying(getattr(owner, name), odds))
    deaths = 0
    for _ in range(200):
        for one in await asyncio.gather(of(sitthi).run(), of(sitthi).run(), return_exceptions=True):
            assert isinstance(one, int | Killed), one
            deaths += isinstance(one, Killed)
        if (await counts(sitthi, made.batch))[3]:
            break
        sitthi.clock.advance(TURN)
    assert deaths > 0
    assert await counts(sitthi, made.batch) == (len(people), 0, 0, True)
    monkeypatch.undo()
    ready = await rows(sitthi, ReadyCredential)
    assert len({one.person for one in ready}) == len(ready) == len(people)
    assert len({(one.list, one.place) for one in ready}) == len(people)
    async with sitthi.house.db.read() as session:
        given = await session.scalar(select(func.sum(col(StatusList.given))))
    assert given == len(people), "of those who died, the places went with their transactions"
    keys: dict[str, set[str]] = {}
    for call in office.calls:
        assert call.person is not None
        keys.setdefault(call.person.digits, set()).add(call.key)
    assert {len(each) for each in keys.values()} == {1}
    await _each_is_its_owners(sitthi, ready)


async def _each_is_its_owners(sitthi: Served, ready: list[ReadyCredential]) -> None:
    room = sitthi.house.rooms.get(Credentials)
    await room.issuers.follow()
    for row in ready:
        async with sitthi.house.db.read() as session:
            key = await room._subjects.find(session, row.person)
            owner = await sitthi.house.identity.people.reveal(session, row.person)
        assert key is not None
        text = key.open(row.credential_sealed, bound_to=bound_to(ReadyCredential.credential_sealed, row.id)).decode()
        told = verify(text, room.issuers, sitthi.clock.now())
        assert told.claims["institution"] == f"U{owner.digits[-3:]}"
        assert told.status is not None
        assert told.status.index == row.place


def _commanded(sitthi: Served, monkeypatch: pytest.MonkeyPatch, *words: str, given: str = "") -> Callable[..., Any]:
    kept: list[Callable[..., Any]] = []

    def later(_: str | None, job: Callable[..., Any]) -> Any:
        kept.append(job)
        raise KeyboardInterrupt

    monkeypatch.setattr(credential_batch, "as_officer", later)
    CliRunner().invoke(credential_batch.app, list(words), input=given)
    return lambda officer: kept[0](sitthi.house, officer)


def _officer(agency: str = AGENCY, *, may: bool = True) -> Any:
    def must_have(role: str) -> None:
        if not (may and role == credential_batch.ROLE):
            raise PermissionError(role)

    return SimpleNamespace(agency=agency, person=OFFICER, must_have=must_have)


async def test_an_officer_starts_lists_and_discards_at_the_terminal(
    sitthi: Served, office: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = f"{number(1).digits}\n\n{number(2).digits}\n{number(1).digits}\n"
    start = _commanded(sitthi, monkeypatch, "start", SLUG, NAME, given=lines)
    told = await start(_officer())
    batch = UUID(told.partition(":")[0])
    assert told.endswith(": 2 people")
    await of(sitthi).run()
    listed = _commanded(sitthi, monkeypatch, "list")
    [line] = await listed(_officer())
    assert (CONFIGURATION in line, "2 of 2 made, 0 declined, 0 failed" in line) == (True, True)
    assert await listed(_officer("oic")) == []
    for job in (start, listed, _commanded(sitthi, monkeypatch, "discard", str(batch))):
        with pytest.raises(PermissionError):
            await job(_officer(may=False))
    with pytest.raises(SitthiError):
        await start(_officer("oic"))
    gone = await _commanded(sitthi, monkeypatch, "discard", str(batch))(_officer())
    assert gone.startswith("2 credentials")
    assert len(office.calls) == 2


@pytest.mark.parametrize("lines", ["", "1234567890123\n", "no number\n"])
async def test_what_is_no_list_of_people_starts_nothing(
    sitthi: Served, office: Registrar, monkeypatch: pytest.MonkeyPatch, lines: str
) -> None:
    with pytest.raises(SitthiError):
        await _commanded(sitthi, monkeypatch, "start", SLUG, NAME, given=lines)(_officer())
    assert await rows(sitthi, CredentialBatch) == []
    assert office.calls == []


async def test_its_type_asks_wallets_for_no_proof(sitthi: Served, office: Registrar) -> None:
    told = await wallet_of(sitthi).metadata(f"{sitthi.house.settings.issuer}/issuers/{AGENCY}")
    offered_type = told["credential_configurations_supported"][CONFIGURATION]
    assert not {"proof_types_supported", "cryptographic_binding_methods_supported"} & set(offered_type)
    assert (await ask(sitthi))["problems"] == []
    assert len(office.calls) == 1
