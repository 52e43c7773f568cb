"""Answers to queries that may be given again, for as long as the manifest says: to the same citizen and to nobody else.

In Redis, sealed. Neither names nor values there tell whose they are: the name is a keyed hash of operation, citizen
and arguments, and the seal is bound to it. A cache that is away or talks nonsense is an empty cache. An answer is never
kept longer than a day (`CACHE_SECONDS_MAX`), which is also the longest that one outlives an erased citizen; one whose
number was corrected has answers of their own from the first question on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
import structlog
from graphql import print_ast
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.clock import Clock
from core.crypto import KeyRing, SealBroken
from services.plugins.contract import Call
from services.plugins.plugin import Plugin
from services.plugins.runner.answers import as_json

_DOMAIN: Final = "plugin-answer"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer in its JSON form: it is checked against the SDL again before it is given."""

    answer: Any


class AnswerCache:
    def __init__(self, redis: Redis, keys: KeyRing, clock: Clock) -> None:
        self._redis, self._keys, self._clock = redis, keys, clock
        self._versions: dict[str, tuple[Plugin, str]] = {}

    async def get(self, plugin: Plugin, call: Call, seconds: int) -> Kept | None:
        name = self._name(plugin, call)
        try:
            sealed = await self._redis.get(name)
        except (RedisError, OSError) as error:
            log.warning("answer_cache_away", error=type(error).__name__)
            return None
        if sealed is None:
            return None
        assert isinstance(sealed, bytes), "the client of core.cache answers bytes"
        try:
            at, answer = orjson.loads(self._keys.open(sealed, bound_to=name))
            age = self._clock.now() - datetime.fromisoformat(at)
        except (SealBroken, ValueError, TypeError):
            log.warning("answer_cache_unreadable", plugin=plugin.slug, operation=call.operation)
            return None
        return Kept(answer) if timedelta() <= age < timedelta(seconds=seconds) else None

    async def put(self, plugin: Plugin, call: Call, answer: Any, seconds: int, *, asked_at: datetime) -> None:
        name = self._name(plugin, call)
        sealed = self._keys.seal(orjson.dumps([asked_at.isoformat(), as_json(answer)]), bound_to=name)
        try:
            await self._redis.set(name, sealed, ex=seconds)
        except (RedisError, OSError) as error:
            log.warning("answer_cache_away", error=type(error).__name__)

    def _name(self, plugin: Plugin, call: Call) -> str:
        person = None if call.person is None else call.person.digits
        asked = [plugin.slug, self._version(plugin), call.operation, person, dict(call.arguments)]
        written = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=str).decode()
        return f"plugins:answer:{self._keys.blind_index(written, domain=_DOMAIN).hex()}"

    def _version(self, plugin: Plugin) -> str:
        """Changes with the manifest and the SDL: a new version of a plugin answers for itself."""
        known = self._versions.get(plugin.slug)
        if known is None or known[0] is not plugin:
            sdl = "\n".join(print_ast(node) for node in plugin.graph.definitions)
            digest = hashlib.sha256(f"{plugin.manifest.model_dump_json()}\n{sdl}".encode()).hexdigest()
            known = self._versions[plugin.slug] = plugin, digest
        return known[1]
