"""A program that delivers notices and is killed: `python -m tests.identity.notices.crash URL DATA MAIL FIRST MOMENT…`.

For each moment it forks a child, ten minutes after the one before, that delivers what is due and is killed by SIGKILL
then: moments are counted over every statement and commit on the database, and before and after each handing over to
the mail server. Moment 0 never comes. It prints, for each, how many went by, or that the child was killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event

from core.clock import FixedClock
from core.crypto import load_keys
from core.database import Database
from core.settings import Settings
from identity.contacts.service import Contacts
from identity.inbox import Inbox
from identity.notices.channels import Channel, ChannelKind, Parcel
from identity.notices.mail import Mail, MailServer
from identity.notices.service import Notices, Offered
from identity.notices.tasks import Deliverer
from tests.services.pay.crash import Moments

APART: Final = timedelta(minutes=10)
"""More than a killed process keeps what it had in hand."""
SENDER: Final = "notices@sitthi.example"


class Watched:
    """The way out, with a moment before a letter leaves, and one when the server has answered for it."""

    def __init__(self, inner: Channel, tick: Moments) -> None:
        self._inner, self._tick = inner, tick

    async def send(self, parcel: Parcel) -> None:
        self._tick()
        await self._inner.send(parcel)
        self._tick()


async def deliver(url: str, data: Path, mail: str, now: datetime, tick: Moments) -> None:
    given: dict[str, Any] = {"data": data, "database_url": url}
    settings, clock = Settings(**given), FixedClock(now)
    keys, db = load_keys(settings), Database(settings.sqlalchemy_url)
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(db.engine.sync_engine, name, tick)
    notices = Notices(keys, clock, Offered(frozenset({ChannelKind.EMAIL})))
    ways = {ChannelKind.EMAIL: Watched(Mail(MailServer.of(mail), SENDER), tick)}
    contacts = Contacts(keys, clock, Inbox(clock))
    await Deliverer(db, clock, keys, notices, contacts, ways, "https://sitthi.example").run()
    await db.close()


def main(url: str, data: str, mail: str, first: str, *moments: str) -> None:
    now = datetime.fromisoformat(first)
    for moment in moments:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            tick = Moments(int(moment))
            asyncio.run(deliver(url, Path(data), mail, now, tick))
            os.write(writer, str(tick.count).encode())
            os._exit(0)
        os.close(writer)
        _, status = os.waitpid(child, 0)
        passed = os.read(reader, 20).decode()
        os.close(reader)
        if not os.WIFSIGNALED(status) and status != 0:
            raise SystemExit(f"moment {moment}: the child failed by itself")
        print("killed" if os.WIFSIGNALED(status) else passed)  # noqa: T201 - how it answers
        now += APART


if __name__ == "__main__":
    main(*sys.argv[1:])
