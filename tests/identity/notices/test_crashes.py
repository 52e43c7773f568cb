"""kill -9 at every moment of delivering: no notice is lost, and what goes out again has the same id."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from core.settings import Settings
from identity.contacts.service import ContactKind, Contacts
from identity.inbox import Inbox
from identity.messages import MESSAGES
from identity.notices.channels import ChannelKind
from identity.notices.models import NoticeOutgoing
from identity.notices.outbox import Outcome
from identity.notices.service import Notices, Offered
from tests.identity.notices.crash import APART
from tests.identity.notices.outside import MailBox
from tests.identity.notices.test_service import code_of

ROOT: Final = Path(__file__).parents[3]
ANNA: Final = new_id()
ALERT: Final = MESSAGES["sessions.all-ended"]


async def delivered(settings: Settings, box: MailBox, clock: FixedClock, moments: list[int]) -> list[str]:
    """What the program says of each moment; the mail server stands in this process meanwhile."""
    words = (str(settings.database_url), str(settings.data), box.url, clock.now().isoformat(), *map(str, moments))
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.identity.notices.crash", *words),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await program.communicate()
    assert program.returncode == 0
    return output.decode().split()


async def told(database: Database, clock: FixedClock) -> UUID:
    async with database.write() as session:
        return await Inbox(clock).send(session, ANNA, ALERT)


async def with_mail(database: Database, keys: KeyRing, clock: FixedClock) -> None:
    """A confirmed address."""
    notices, contacts = (
        Notices(keys, clock, Offered(frozenset({ChannelKind.EMAIL}))),
        Contacts(keys, clock, Inbox(clock)),
    )
    async with database.write() as session:
        await contacts.set(session, ANNA, ContactKind.EMAIL, "anna@example.com")
        row = await notices.add_email(session, ANNA)
        await notices.confirm(session, ANNA, row.id, code_of(keys, row))


async def test_killed_at_any_moment_each_notice_still_comes_and_always_under_its_own_id(
    database: Database, settings: Settings, keys: KeyRing, clock: FixedClock, mail_box: MailBox
) -> None:
    await with_mail(database, keys, clock)
    await delivered(settings, mail_box, clock, [0])  # the code is of no use any more
    first = await told(database, clock)
    [passed] = await delivered(settings, mail_box, clock, [0])
    moments = list(range(1, int(passed) + 1))
    clock.advance(APART)
    began, messages = clock.now(), [first]
    for _ in moments:  # one for each that is killed, due when that one begins; after it another goes on
        messages.append(await told(database, clock))
        clock.advance(2 * APART)
    clock.set(began)
    said = await delivered(settings, mail_box, clock, [at for moment in moments for at in (moment, 0)])
    assert said[::2] == ["killed"] * len(moments)
    came = Counter(letter["Message-ID"].strip("<>").partition("@")[0] for letter in mail_box.letters)
    assert {key for key in came if key in {one.hex for one in messages}} == {one.hex for one in messages}
    assert max(came.values()) > 1, "killed after the server took it, and before that was written down"
    async with database.read() as session:
        query = select(col(NoticeOutgoing.message), col(NoticeOutgoing.outcome)).where(
            col(NoticeOutgoing.template) == ALERT.id
        )
        rows = (await session.execute(query)).tuples().all()
    assert sorted(key for key, _ in rows) == sorted(messages)
    assert {outcome for _, outcome in rows} == {Outcome.SENT}
