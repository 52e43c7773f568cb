"""Faults on demand: everything that an agency's system, or a gateway before it, has been seen to do wrong.

Kept in the memory of the process. What a fault needs of chance is drawn from its seed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from services.plugins.contract.sandbox import Record

SLOW_SECONDS: Final = 5.0
RUBBISH: Final = b'<html><body>\xe0\xb8\xa3\xe0\xb8\xb0\xe0\xb8\x9a\xe0\xb8\x9a {"pid": '
"""Half a page, half an object, under the status 200: what a broken gateway sends."""
STRANGER: Final = "1100000000008"
"""Nobody's number, and a valid one: whose answer a system gives that mixes people up."""
DEEP: Final = 200
OVERSIZED_BYTES: Final = 2_000_000
ELSEWHERE: Final = "http://169.254.169.254/latest/meta-data"

Mode = Literal[
    "none",
    # the system
    "down",
    "error",
    "missing",
    "limited",
    "slow",
    # the way there
    "drip",
    "truncated",
    "redirect",
    "page",
    "tis620",
    "oversized",
    # the form
    "garbage",
    "encoding",
    "deep",
    "twice",
    "nan",
    "huge",
    # what it says
    "hollow",
    "types",
    "range",
    "codes",
    # whom it is about
    "stranger",
    "nameless",
    "extra",
    "repeated",
    "contradiction",
]


class FaultOrder(BaseModel):
    """The body of `POST /{agency}/_faults`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    mode: Mode
    path: str | None = None
    """The one question that it happens to, as `income`; None: all of the agency, the desk for tokens too."""
    share: float = Field(default=1.0, ge=0, le=1)
    """Of all requests, drawn from `seed`."""
    seed: int = 0
    seconds: float = Field(default=SLOW_SECONDS, ge=0, le=120)
    """How much later a slow agency answers, how long a drip takes for a byte, and what `Retry-After` says."""


@dataclass(slots=True)
class Faults:
    """What is wrong with one agency now."""

    order: FaultOrder = field(default_factory=lambda: FaultOrder(mode="none"))
    _random: Random = field(default_factory=lambda: Random(0))

    def set(self, order: FaultOrder) -> None:
        self.order = order
        self._random = Random(order.seed)

    def next(self, path: str | None = None) -> Mode:
        """What becomes of the next request, which is for `path`."""
        if self.order.mode == "none" or self.order.path not in (None, path):
            return "none"
        return "none" if self._random.random() >= self.order.share else self.order.mode


def answer_with(fault: Mode, content: Record, seconds: float) -> Response:
    """The answer as the fault leaves it."""
    body = orjson.dumps(_CONTENT[fault](content) if fault in _CONTENT else content)
    if fault in _BYTES:
        return _json(_BYTES[fault](body))
    if fault == "drip":
        return StreamingResponse(_drop_by_drop(body, seconds), media_type="application/json")
    if fault == "truncated":
        return _json(body[: len(body) // 2], **{"content-length": str(len(body))})
    if fault == "page":
        return Response(body, media_type="text/html")
    if fault == "tis620":
        return Response(body.decode().encode("tis-620", "replace"), media_type="application/json; charset=tis-620")
    return _json(body)


def answer_without(fault: Mode, seconds: float) -> Response | None:
    """What is answered without looking at the request; None where it is looked at."""
    if fault == "garbage":
        return _json(RUBBISH)
    if fault == "error":
        return Response(b'{"code": "INTERNAL"}', status_code=500, media_type="application/json")
    if fault == "missing":
        return Response(b"<h1>404 Not Found</h1>", status_code=404, media_type="text/html")
    if fault == "limited":
        return Response(
            b'{"code": "TOO_MANY"}',
            status_code=429,
            media_type="application/json",
            headers={"retry-after": str(int(seconds))},
        )
    if fault == "redirect":
        return Response(status_code=307, headers={"location": ELSEWHERE})
    return None


def _json(body: bytes, **headers: str) -> Response:
    return Response(body, media_type="application/json", headers=headers)


async def _drop_by_drop(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    for byte in body:
        yield bytes([byte])
        await asyncio.sleep(seconds)


def _leaves(change: Callable[[Any], Any]) -> Callable[[Record], Record]:
    """Every value but the numbers of people, changed."""

    def walked(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: inner if key == "pid" else walked(inner) for key, inner in value.items()}
        return [walked(inner) for inner in value] if isinstance(value, list) else change(value)

    return walked


def _of_another_type(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes"
    return [value] if isinstance(value, str) else f"{value}" if isinstance(value, int) else value


def _out_of_range(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    if isinstance(value, int):
        return -(10**15)
    return "12000101" if len(value) == 8 and value.isdigit() else value


def _unknown_code(value: Any) -> Any:
    is_code = isinstance(value, str) and value.isascii() and len(value) <= 10 and not value.isdigit()
    return "zz" if is_code or value in ("0", "1", "2", "3", "4") else value


def _nameless(content: Record) -> Record:
    if "people" in content:
        return {"people": [{"answer": row["answer"]} for row in content["people"]]}
    return {key: value for key, value in content.items() if key != "pid"}


def _stranger(content: Record) -> Record:
    if "people" in content:
        first, *others = content["people"]
        return {"people": [first | {"pid": STRANGER}, *others]}
    return content | {"pid": STRANGER}


def _more(another: Callable[[Record], Record]) -> Callable[[Record], Record]:
    """A row more in an answer about several people."""
    return lambda content: (
        {"people": [*content["people"], another(content["people"][0])]} if "people" in content else {}
    )


_CONTENT: Final[Mapping[str, Callable[[Record], Record]]] = {
    "hollow": lambda content: (
        {"people": [{"pid": row["pid"], "answer": {}} for row in content["people"]]}
        if "people" in content
        else {"pid": content.get("pid")}
    ),
    "types": _leaves(_of_another_type),
    "range": _leaves(_out_of_range),
    "codes": _leaves(_unknown_code),
    "stranger": _stranger,
    "nameless": _nameless,
    "extra": _more(lambda row: row | {"pid": STRANGER}),
    "repeated": _more(lambda row: row),
    "contradiction": _more(lambda row: row | {"answer": None}),
    "oversized": lambda content: content | {"more": "x" * OVERSIZED_BYTES},
}
_BYTES: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "encoding": lambda body: body[:-1] + b', "more": "\xc3\x28"}',
    "deep": lambda body: body[:-1] + b', "more": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "twice": lambda body: b'{"people": [], "pid": "", ' + body[1:],
    "nan": lambda body: body[:-1] + b', "more": NaN}',
    "huge": lambda body: body[:-1] + b', "more": ' + b"9" * 40 + b"}",
}
