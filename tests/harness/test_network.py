"""No test leaves the machine."""

from __future__ import annotations

import asyncio
import socket

import httpx2
import pytest

from tests.support.network import NetworkClosed, is_local


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", b"localhost", "app.localhost", None])
def test_loopback_is_open(host: str | bytes | None) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.org", "localhost.example.org", "0.0.0.0"])  # noqa: S104
def test_everything_else_is_not(host: str) -> None:
    assert not is_local(host)


def test_a_connection_to_another_machine_is_refused() -> None:
    with socket.socket() as plain, pytest.raises(NetworkClosed, match=r"192\.0\.2\.1"):
        plain.connect(("192.0.2.1", 80))


def test_a_datagram_to_another_machine_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as plain, pytest.raises(NetworkClosed):
        plain.sendto(b"x", ("192.0.2.1", 53))


def test_a_name_of_another_machine_is_not_looked_up() -> None:
    with pytest.raises(NetworkClosed, match=r"example\.org"):
        socket.getaddrinfo("example.org", 443)


async def test_an_http_client_cannot_reach_out() -> None:
    async with httpx2.AsyncClient() as client:
        with pytest.RaisesGroup(NetworkClosed, allow_unwrapped=True, flatten_subgroups=True):
            await client.get("http://192.0.2.1/")


async def test_a_server_of_the_test_itself_can_be_reached() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"here")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b"here"
        writer.close()
        await writer.wait_closed()
