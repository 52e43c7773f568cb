"""Facts in the cache that were sealed under a key which has been replaced since."""

from __future__ import annotations

import os
from datetime import date

from redis.asyncio import Redis

from core.crypto import KeyRing
from core.ids import new_id
from services.exchange.cache import FactCache, Kept
from services.exchange.catalogue import load_catalogue
from tests.conftest import NOW

BORN = load_catalogue().attribute("birth_date")
KEPT = Kept(date(1955, 10, 1), NOW, NOW)
KEYS = {"k1": os.urandom(32), "k2": os.urandom(32)}
INDEX = os.urandom(32)


async def test_a_fact_under_an_old_key_is_found_and_one_under_a_key_that_is_gone_was_never_there(redis: Redis) -> None:
    person = new_id()
    await FactCache(redis, KeyRing("k1", KEYS, INDEX)).put(person, {BORN: KEPT})
    rotated = FactCache(redis, KeyRing("k2", KEYS, INDEX))
    assert await rotated.get(person, [BORN]) == {"birth_date": KEPT}
    retired = FactCache(redis, KeyRing("k2", {"k2": KEYS["k2"]}, INDEX))
    assert await retired.get(person, [BORN]) == {}
    await retired.put(person, {BORN: KEPT})
    assert await retired.get(person, [BORN]) == {"birth_date": KEPT}
