"""Ways out that stand in this process: a mail server and a push service, both real ones of their protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from core.clock import FixedClock
from core.crypto import KeyRing, load_keys
from core.settings import Settings
from tests.identity.notices.outside import MailBox, PushService


@pytest.fixture
def keys(settings: Settings) -> KeyRing:
    return load_keys(settings)


@pytest.fixture
async def mail_box() -> AsyncIterator[MailBox]:
    async with MailBox() as box:
        yield box


@pytest.fixture
def push_service(clock: FixedClock) -> Iterator[PushService]:
    with PushService(clock) as service:
        yield service
