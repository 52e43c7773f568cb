"""The way out to agencies on the event loop that serves: its transports are of another class than asyncio's."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import uvloop

from services.plugins.runner.egress import agency_client


class _Agency(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name for it
        pass


def test_an_agency_is_asked_and_its_connection_kept() -> None:
    async def ask(port: int) -> list[bytes]:
        url = f"http://127.0.0.1:{port}/operations/meters"
        async with agency_client(loopback=True) as http:
            return [(await http.post(url, content=body)).content for body in (b"one", b"x" * 500_000)]

    with ThreadingHTTPServer(("127.0.0.1", 0), _Agency) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            assert uvloop.run(ask(server.server_address[1])) == [b"one", b"x" * 500_000]
        finally:
            server.shutdown()
            thread.join()
