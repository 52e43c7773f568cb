"""The floor: an ASGI app that answers prebuilt bytes, served by the same uvicorn with the same options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import Receive, Scope, Send


class BareApp:
    """Answers every request with the same bytes, as JSON."""

    def __init__(self, body: bytes) -> None:
        self.start: Final = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
        }
        self.body: Final = {"type": "http.response.body", "body": body}

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send(self.start)
            await send(self.body)


def main() -> None:
    """`python -m bench.bare PORT FILE`: serves the bytes of FILE."""
    port, file = int(sys.argv[1]), Path(sys.argv[2])
    uvicorn.run(BareApp(file.read_bytes()), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
