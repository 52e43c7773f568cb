"""The account in the graph of the whole application: what it shows, to whom, and what its mutations do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.commands.walk import sign_in
from core.graph import global_id
from core.ids import new_id
from tests.api.conftest import sitthi
from tests.laws.cases import message_of, passkey_of, session_elsewhere
from tests.laws.schema import MUTATIONS
from tests.support.app import Served

__all__ = ["sitthi"]

SESSIONS = "{ viewer { account { sessions { id device method isCurrent endedAt apps { client name scopes } } } } }"
MESSAGES = "{ viewer { inbox { nodes { title } } } }"


async def account(sitthi: Served, persona: str, fields: str) -> Any:
    data = await sitthi.graph(f"{{ viewer {{ account {{ {fields} }} }} }}", persona=persona)
    return data["viewer"]["account"]


async def titles(sitthi: Served, persona: str) -> list[str]:
    data = await sitthi.graph(MESSAGES, persona=persona)
    return [node["title"] for node in data["viewer"]["inbox"]["nodes"]]


async def codes(sitthi: Served, field: str, persona: str, **given: Any) -> list[str]:
    payload = await sitthi.do(field, "__typename", persona, **given)
    return [problem["code"] for problem in payload["problems"]]


async def test_sessions_are_listed_with_their_apps_and_the_one_that_asks(sitthi: Served) -> None:
    await session_elsewhere(sitthi, "elder")
    found = (await sitthi.graph(SESSIONS, persona="elder"))["viewer"]["account"]["sessions"]
    assert sorted(one["isCurrent"] for one in found) == [False, True]
    for one in found:
        assert (one["method"], one["endedAt"]) == ("ThaID", None)
        [app] = one["apps"]
        assert (app["client"], set(app["scopes"])) == ("demo-app", {"openid", "profile", "citizen"})
    apps = (await account(sitthi, "elder", "apps { id client since }"))["apps"]
    assert len({app["id"] for app in apps}) == 2
    assert await account(sitthi, "official", "passkeys { id } contacts { kind }") == {"passkeys": [], "contacts": []}


async def test_an_ended_session_takes_its_token_along(sitthi: Served) -> None:
    await sitthi.token("elder")
    other = await sign_in(sitthi.house.settings, "elder", transport=httpx2.ASGITransport(app=sitthi.app))
    found = await account(sitthi, "elder", "sessions { id isCurrent }")
    [theirs] = [one["id"] for one in found["sessions"] if not one["isCurrent"]]
    payload = await sitthi.do("endSession", "session { id endedAt }", "elder", session=theirs)
    assert payload["session"]["id"] == theirs
    assert payload["session"]["endedAt"] is not None
    async with sitthi.house.identity.revocations.watching():
        answer = await sitthi.http.post(
            "/graphql",
            json={"query": "{ viewer { id } }"},
            headers={"authorization": f"Bearer {other['access_token']}"},
        )
    assert answer.status_code == 401
    assert len((await account(sitthi, "elder", "sessions { id }"))["sessions"]) == 1


async def test_ending_all_ends_the_one_that_asks_too_unless_it_is_spared(sitthi: Served) -> None:
    await session_elsewhere(sitthi, "elder")
    spared = await sitthi.do("endAllSessions", "sessions { id }", "elder", butThis=True)
    assert len(spared["sessions"]) == 1
    assert (await titles(sitthi, "elder"))[0] == "Signed out on all other devices"
    whole = await sitthi.do("endAllSessions", "sessions { id }", "elder")
    assert len(whole["sessions"]) == 1
    async with sitthi.house.identity.revocations.watching():
        answer = await sitthi.post("{ viewer { id } }", persona="elder")
    assert answer.status_code == 401


async def test_a_passkey_is_renamed_and_removed(sitthi: Served) -> None:
    key = await passkey_of(sitthi, "elder")
    renamed = await sitthi.do("renamePasskey", "passkey { id label }", "elder", passkey=key, label=" นาฬิกา ")
    assert renamed["passkey"] == {"id": key, "label": "นาฬิกา"}
    assert (await account(sitthi, "elder", "passkeys { label synced }"))["passkeys"] == [
        {"label": "นาฬิกา", "synced": True}
    ]
    removed = await sitthi.do("removePasskey", "passkey { endedAt }", "elder", passkey=key)
    assert removed["passkey"]["endedAt"] is not None
    assert (await account(sitthi, "elder", "passkeys { id }"))["passkeys"] == []
    assert (await titles(sitthi, "elder"))[0] == "Passkey removed: นาฬิกา"


async def test_contact_data_are_set_shown_and_removed(sitthi: Served) -> None:
    saved = await sitthi.do("setContact", "contact { kind value }", "elder", kind="MOBILE", value="081-234-5678")
    assert saved["contact"] == {"kind": "MOBILE", "value": "+66812345678"}
    assert (await account(sitthi, "elder", "contacts { value }"))["contacts"] == [{"value": "+66812345678"}]
    assert await codes(sitthi, "setContact", "elder", kind="EMAIL", value="x") == ["MALFORMED_EMAIL"]
    assert await codes(sitthi, "setContact", "elder", kind="MOBILE", value="x") == ["MALFORMED_MOBILE"]
    gone = await sitthi.do("removeContact", "contact { kind value }", "elder", kind="MOBILE")
    assert gone["contact"] == {"kind": "MOBILE", "value": None}
    assert await codes(sitthi, "removeContact", "elder", kind="MOBILE") == ["NOT_FOUND"]
    assert (await titles(sitthi, "elder"))[:2] == [
        "Contact data removed: mobile number", "Contact data changed: mobile number",
    ]  # fmt: skip


async def test_a_message_is_read_once(sitthi: Served) -> None:
    message = await message_of(sitthi, "elder")
    first = await sitthi.do("markRead", "message { id readAt }", "elder", message=message)
    assert first["message"]["readAt"] is not None
    again = await sitthi.do("markRead", "message { readAt }", "elder", message=message)
    assert again["message"]["readAt"] == first["message"]["readAt"]


@pytest.mark.parametrize(
    ("field", "name", "kind"),
    [("endSession", "session", "SignInSession"), ("renamePasskey", "passkey", "Passkey"),
     ("removePasskey", "passkey", "Passkey"), ("markRead", "message", "Message")],
)  # fmt: skip
async def test_what_is_anothers_and_what_never_was_are_alike(sitthi: Served, field: str, name: str, kind: str) -> None:
    await sitthi.token("official")
    make = {"SignInSession": session_elsewhere, "Passkey": passkey_of, "Message": message_of}[kind]
    more = {"label": "x"} if field == "renamePasskey" else {}
    for given in (await make(sitthi, "official"), str(global_id(kind, new_id()))):
        assert await codes(sitthi, field, "elder", **{name: given}, **more) == ["NOT_FOUND"]
    assert await codes(sitthi, field, "elder", **{name: str(global_id("Receipt", new_id()))}, **more) == [
        "MALFORMED_ID"
    ]
    sessions = await account(sitthi, "official", "sessions { endedAt } passkeys { label endedAt }")
    assert all(one["endedAt"] is None for one in sessions["sessions"] + sessions["passkeys"])


async def test_signed_out_there_is_no_account(sitthi: Served) -> None:
    assert await sitthi.graph(SESSIONS) == {"viewer": None}


async def test_what_the_page_of_the_account_says_of_the_graph_is_so(sitthi: Served) -> None:
    page = (Path(__file__).parents[3] / "docs/account.md").read_text()
    [query] = re.findall(r"```graphql\n(.*?)```", page, re.DOTALL)
    data = await sitthi.graph(query, persona="elder")
    assert len(data["viewer"]["account"]["sessions"]) == 1
    named = set(re.findall(r"`(\w+)`", page.split("| mutation | does |")[1].split("No delegation")[0]))
    assert named - {"MOBILE", "EMAIL"} <= set(MUTATIONS)
