"""Commands that go to Redis together, in one round trip, with nothing around each of them.

redis-py's pipeline does as much for every command of it as for one that goes alone (a timeout of its own, a look for
what might be done with its answer): 12 µs each, which is most of what a crowd's counts cost. Here the pool, the
connection and the reading of answers are redis-py's too; the timeout is one for all, and answers are not changed.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from redis.asyncio import ConnectionPool


def packed(commands: Sequence[Sequence[str | int | bytes]]) -> bytes:
    """As they go over the wire, arrays of bulk strings (RESP). Raises TypeError for a word of another kind."""
    parts: list[bytes] = []
    for command in commands:
        parts.append(b"*%d\r\n" % len(command))
        for word in command:
            if isinstance(word, str):
                data = word.encode()
            elif isinstance(word, bytes):
                data = word
            elif type(word) is int:
                data = b"%d" % word
            else:
                raise TypeError(type(word).__name__)
            parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


async def round_trip(pool: ConnectionPool, commands: Sequence[Sequence[str | int | bytes]]) -> list[Any]:
    """The answer to each, as Redis gives it. Raises `RedisError`, also where one of them is refused, and `OSError`,
    which `TimeoutError` is one of; then nobody knows which of them were done. Nothing is tried again."""
    wire = packed(commands)
    connection = await pool.get_connection()  # type: ignore[no-untyped-call]  # of a decorator of theirs
    try:
        await connection.send_packed_command(wire)
        async with asyncio.timeout(connection.socket_timeout):
            return [await connection.read_response(timeout=math.inf) for _ in commands]
    except BaseException:
        await connection.disconnect(nowait=True)  # what it still has to answer is nobody else's
        raise
    finally:
        await pool.release(connection)
