"""A front of the sandbox on a port of its own: real HTTP, as a real agency's."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn

from services.sandbox.agencies.front import Front
from services.sandbox.agencies.recorded import Recorded, RecordedSystem


@contextmanager
def served(front: Front, listener: socket.socket) -> Iterator[str]:
    """Its address, while the block runs."""
    server = uvicorn.Server(uvicorn.Config(front.app, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield address_of(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def address_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def answering(path: str, request: Mapping[str, Any], answer: Any, **people: str) -> RecordedSystem:
    return RecordedSystem([Recorded(path, request, 200, answer)], people)
