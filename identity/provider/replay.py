"""What may be used once: the `jti` of client assertions and DPoP proofs (RFC 7523 §3, RFC 9449 §11.1)."""

from __future__ import annotations

from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.crypto import KeyRing
from core.errors import ServiceUnavailable
from core.text import Text

_SERVICE: Final = Text(th="ระบบตรวจสอบการใช้ซ้ำ", en="The check against replays")

log = structlog.get_logger()


class Replays:
    """Remembers in Redis, which every process shares, until a proof would be too old anyway.

    One round trip. Where Redis does not answer, nothing is believed: a proof that cannot be told from a stolen one is
    none.
    """

    def __init__(self, redis: Redis, keys: KeyRing) -> None:
        self._redis, self._keys = redis, keys

    async def is_first(self, kind: str, owner: str, value: str, *, seconds: int) -> bool:
        """Whether `value` of that owner (a client, a key) was not seen before; of parallel uses one is the first.

        Raises :class:`ServiceUnavailable`.
        """
        hidden = self._keys.blind_index(f"{owner}\x00{value}", domain=f"once:{kind}")[:20].hex()
        try:
            return bool(await self._redis.set(f"once:{kind}:{hidden}", b"", nx=True, ex=seconds))
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("replays_not_checked", kind=kind, error=type(error).__name__)
            raise ServiceUnavailable(_SERVICE) from None
