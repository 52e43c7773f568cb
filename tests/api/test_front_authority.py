"""What the server's protocol answers by itself stops with the right to it: what it remembers gives nobody more."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from identity.provider.endings import Endings, EndReason
from services.apply.models import Application
from tests.api.test_front import Line, People, front, people, undecided, until
from tests.api.test_quick_apply import WHO

__all__ = ["people", "undecided"]


async def _stored(people: People) -> int:
    async with people.sitthi.house.db.read() as session:
        return int(await session.scalar(select(func.count()).select_from(Application)) or 0)


async def _refused(people: People, line: Line, wire: bytes) -> bytes:
    before, count = await _stored(people), len(line.parted())
    line.send(wire)
    answer = (await line.answers(count + 1))[-1]
    assert b'"SUBMITTED"' not in answer
    assert await _stored(people) == before
    return answer.split(b"\r\n", 1)[0]


@pytest.mark.parametrize("ended", ["family", "client", "everywhere"])
async def test_whose_sign_in_ended_is_refused_on_the_connection_that_knew_them(people: People, ended: str) -> None:
    house, token, line = people.sitthi.house, await people.sitthi.token(WHO), front(people)
    viewer = await house.identity.verifier.verify(token)
    line.send(await people.wire())
    [answer] = await line.answers()
    assert b'"SUBMITTED"' in answer
    await people.take_back()
    async with house.db.write() as session:
        endings = Endings(house.clock)
        if ended == "client":
            assert await endings.end_client(session, viewer.client)
        elif ended == "family":
            assert viewer.family is not None
            await endings.end_family(session, viewer.person, viewer.family, EndReason.REVOKED)
        else:
            await endings.end_sessions(session, viewer.person, EndReason.SIGNED_OUT)
    await until(lambda: house.identity.verifier.remembered(token) is None)
    assert b" 401 " in await _refused(people, line, await people.wire())


async def test_while_nobody_knows_what_has_ended_nobody_is_remembered(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = await people.wire()
    monkeypatch.setattr(people.sitthi.house.identity.revocations, "_monotonic", lambda: float("inf"))
    assert b" 503 " in await _refused(people, front(people), wire)
