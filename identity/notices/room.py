"""Notices, put together: the ways out that the settings name, and what goes round."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import httpx2

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.jobs import Job
from core.settings import Settings
from identity.contacts.service import Contacts
from identity.notices.channels import Channel, ChannelKind
from identity.notices.mail import Mail, MailServer
from identity.notices.service import Notices, Offered
from identity.notices.tasks import Deliverer
from identity.notices.web_push import PushKey, WebPush

EVERY: Final = timedelta(seconds=5)


class NoticesRoom:
    """One process's.

    `http` connects to addresses of the open internet alone, and refuses others by `refusals`. `authorities` vouch for
    mail servers.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        contacts: Contacts,
        settings: Settings,
        *,
        http: httpx2.AsyncClient,
        refusals: tuple[type[Exception], ...] = (),
        authorities: ssl.SSLContext | None = None,
    ) -> None:
        self._http = http
        services = settings.push_hosts
        ways: dict[ChannelKind, Channel] = {}
        if settings.smtp_url is not None and settings.mail_from is not None:
            server = MailServer.of(settings.smtp_url.get_secret_value())
            ways[ChannelKind.EMAIL] = Mail(server, settings.mail_from, authorities=authorities)
        if services:
            contact = settings.issuer if settings.mail_from is None else f"mailto:{settings.mail_from}"
            ways[ChannelKind.PUSH] = WebPush(http, PushKey(keys), clock, contact, refusals=refusals)
        self.ways: Mapping[ChannelKind, Channel] = ways
        self.notices = Notices(keys, clock, Offered(frozenset(ways), services))
        self.deliverer = Deliverer(db, clock, keys, self.notices, contacts, ways, settings.issuer)

    @property
    def jobs(self) -> list[Job]:
        return [Job("deliver notices", EVERY, self.deliverer.run)]

    async def close(self) -> None:
        await self._http.aclose()
