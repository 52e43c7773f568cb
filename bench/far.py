"""What plugins ask, for bench/plugins.py: an agency in the manner of GDX, and the far side of the wire.

`python -m bench.far`: reads one line of JSON (keys, made for the run) and prints the port that it serves.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from datetime import datetime
from typing import Any, Final

import orjson
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.types import Receive, Scope, Send

from core.clock import SystemClock
from core.money import Money
from services.plugins.contract import Call, Host, Manifest, parse_manifest
from services.plugins.contract.keys import SigningKey, verifying_keys
from services.plugins.kit import Nonces, ServiceKit

BILLS: Final = 10
ROWS: Final = [{"meter": f"M-{number}", "due": "2026-11-30", "satang": 25_050 + number} for number in range(BILLS)]
PERSON: Final = "0000000000001"
SDL: Final = """
type Water { bills: [WaterBill!] }
type WaterBill { meter: String! due: Date! amount: Money! }
"""
_TITLE: Final = {"th": "การประปาตัวอย่าง", "en": "Example Waterworks"}


def manifest() -> Manifest:
    """One query of a citizen's ten bills."""
    document: dict[str, Any] = {
        "contract": 1,
        "slug": "waterworks",
        "agency": {"slug": "waterworks", "title": _TITLE},
        "category": "environment",
        **dict.fromkeys(("title", "description", "hours"), _TITLE),
        "keywords": {"th": ["น้ำ"], "en": ["water"]},
        "contact": {"email": "help@waterworks.example"},
        "prefix": "Water",
        "namespace": "water",
        "operations": {"bills": {"kind": "query", "time_limit_seconds": 10}},
    }
    return parse_manifest(document, plugin="waterworks")


def bills_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the function of either plugin makes of the agency's rows."""
    return [{"meter": row["meter"], "due": row["due"], "amount": Money(row["satang"])} for row in rows]


class Agency:
    """Gives a token, and the same answer to every question: prebuilt, so that its own cost is small."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self._bodies = {
            "/gdx/oauth/token": orjson.dumps({"access_token": "t"}),
            "/gdx/bills": orjson.dumps({"pid": PERSON, "bills": ROWS}),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = self._bodies.get(scope.get("path", ""))
        if body is None:
            await self._kit(scope, receive, send)
            return
        while (await receive()).get("more_body"):
            continue
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Forgetful(Nonces):
    """Takes a call again, so that the bare client sends the very same one without signing it anew."""

    def first(self, keyid: str, nonce: str, now: datetime) -> bool:  # noqa: ARG002 - it forgets what it is told
        return True


class _Nobody:
    async def ask(self, path: str, body: Any, *, on_behalf_of: str) -> Any:
        raise NotImplementedError(path)

    async def send(self, path: str, body: Any, *, on_behalf_of: str, key: str) -> Any:
        raise NotImplementedError(path)


async def _bills(_: Host, __: Call) -> list[dict[str, Any]]:
    return bills_of(ROWS)


async def main() -> None:
    given = orjson.loads(sys.stdin.readline())
    # with its protocol said: of a socket that leaves it open, asyncio does not know that Nagle's algorithm is off
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(given["answers_by"]))
        kit = ServiceKit(
            manifest(),
            {"bills": _bills},
            url=f"http://127.0.0.1:{port}/wire",
            host=Host(SystemClock(), _Nobody()),
            trusted_keys=verifying_keys(given["calls_by"]),
            signing_key=SigningKey.of(private),
            nonces=_Forgetful(),
        )
        print(port, flush=True)
        config = uvicorn.Config(Agency(kit), log_level="critical", lifespan="off", ws="none", access_log=False)
        await uvicorn.Server(config).serve([listener])


if __name__ == "__main__":
    asyncio.run(main())
