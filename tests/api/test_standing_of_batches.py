"""What a batch has made and nobody has fetched is its agency's to take back, too."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest

from services.receive.credentials.models import CredentialStatus, ReadyCredential, WalletCredential
from services.receive.standing.models import StandingAct
from tests.api import test_credential_batch as batches
from tests.api.test_credential_batch import fetched, graduate, of, rows, started
from tests.api.test_credentials import believed
from tests.api.test_standing import CLERK, ISSUED, REASON, SCOPES
from tests.services.receive.credentials.office import AGENCY, Office, offered
from tests.support.agency import AgencySystem, named
from tests.support.app import Served

office = batches.office  # the fixture
INBOX: Final = "{ viewer { inbox(first: 50) { nodes { title } } } }"


@dataclass
class Waiting:
    """A credential that waits for the graduate, and the agency's system."""

    sitthi: Served
    system: AgencySystem
    id: str = ""

    async def listed(self) -> list[dict[str, Any]]:
        answer = await self.system.post(f"{ISSUED}/list", {"agent": CLERK, "person": named("graduate")})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["issued"]
        return found

    async def act(self, act: str, key: str = "a-call-of-this-test") -> httpx2.Response:
        body = {"agent": CLERK, "reason": REASON}
        return await self.system.post(f"{ISSUED}/{self.id}/{act}", body, **{"idempotency-key": key})


@pytest.fixture
async def waiting(sitthi: Served, office: Office) -> Waiting:
    await started(sitthi, graduate())
    assert await of(sitthi).run() == 1
    made = Waiting(sitthi, await AgencySystem.registered(sitthi, AGENCY, SCOPES))
    [one] = await made.listed()
    assert (one["kind"], one["status"]) == ("CREDENTIAL", "VALID")
    made.id = one["id"]
    return made


async def test_what_was_taken_back_is_handed_to_no_wallet_that_was_offered_it(
    sitthi: Served, office: Office, waiting: Waiting
) -> None:
    offer = await offered(sitthi)
    assert (await waiting.act("revoke")).json()["status"] == "INVALID"
    refused = await fetched(sitthi, offer)
    assert (refused.status_code, refused.json()["error_description"]) == (400, "it was taken back")
    assert await rows(sitthi, WalletCredential) == []
    titles = [one["title"] for one in (await sitthi.graph(INBOX, persona="graduate"))["viewer"]["inbox"]["nodes"]]
    assert "Taken back: Degree" in titles
    [status] = await rows(sitthi, CredentialStatus)
    [ready] = await rows(sitthi, ReadyCredential)
    assert (status.list, status.place, status.status) == (ready.list, ready.place, 1)
    assert len(office.calls) == 1


async def test_whoever_asks_after_it_was_taken_back_has_the_agency_asked_anew(
    sitthi: Served, office: Office, waiting: Waiting
) -> None:
    await waiting.act("reissue")
    [text] = [one["credential"] for one in (await fetched(sitthi, await offered(sitthi))).json()["credentials"]]
    await believed(sitthi, text)
    assert len(office.calls) == 2


async def test_what_is_suspended_waits_on_and_is_fetched_once_it_is_good_again(
    sitthi: Served, office: Office, waiting: Waiting
) -> None:
    offer = await offered(sitthi)
    await waiting.act("suspend", key="first-call")
    assert (await fetched(sitthi, offer)).status_code == 400
    await waiting.act("reinstate", key="second-call")
    [text] = [one["credential"] for one in (await fetched(sitthi, await offered(sitthi))).json()["credentials"]]
    await believed(sitthi, text)
    assert len(office.calls) == 1


async def test_an_agency_takes_back_what_was_fetched_by_the_id_that_it_had_while_it_waited(
    sitthi: Served, office: Office, waiting: Waiting
) -> None:
    await fetched(sitthi, await offered(sitthi))
    answer = await waiting.act("revoke")
    assert (answer.status_code, answer.json()["status"]) == (200, "INVALID")
    [one] = await waiting.listed()
    assert (one["status"], one["id"] == waiting.id) == ("INVALID", False)
    assert (await waiting.act("revoke")).json()["status"] == "INVALID"
    assert len(await rows(sitthi, StandingAct)) == len(office.calls) == 1


async def test_of_a_wallet_and_an_agency_at_once_nobody_ends_with_a_good_credential_that_was_taken_back(
    sitthi: Served, office: Office, waiting: Waiting
) -> None:
    offer = await offered(sitthi)
    [given, *acts] = await asyncio.gather(fetched(sitthi, offer), *(waiting.act("revoke") for _ in range(3)))
    assert {one.status_code for one in acts} == {200}
    assert given.status_code in (200, 400)
    [status] = await rows(sitthi, CredentialStatus)
    assert status.status == 1
    left = [*(await rows(sitthi, WalletCredential)), *(await rows(sitthi, ReadyCredential))]
    assert [(one.list, one.place) for one in left] == [(status.list, status.place)]
    assert len(office.calls) == 1


async def test_another_batch_makes_another_for_whom_the_first_was_taken_back(
    sitthi: Served, office: Office, waiting: Waiting
) -> None:
    await started(sitthi, graduate())
    assert await of(sitthi).run() == 0, "one waits"
    await waiting.act("revoke")
    await started(sitthi, graduate())
    assert await of(sitthi).run() == 1
    [ready] = await rows(sitthi, ReadyCredential)
    assert ready.id != UUID(hex=waiting.id)
    [text] = [one["credential"] for one in (await fetched(sitthi, await offered(sitthi))).json()["credentials"]]
    await believed(sitthi, text)
    assert len(office.calls) == 3


async def test_another_agency_neither_sees_it_nor_takes_it_back(
    sitthi: Served, office: Office, waiting: Waiting
) -> None:
    other = Waiting(sitthi, await AgencySystem.registered(sitthi, "oic", SCOPES), waiting.id)
    assert await other.listed() == []
    assert (await other.act("revoke")).status_code == 404
    assert await rows(sitthi, CredentialStatus) == []
    assert len(office.calls) == 1
