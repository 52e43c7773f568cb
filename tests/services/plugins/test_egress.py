"""The way out: to the open internet alone, by whatever name, spelling, redirect or second answer of a name server."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from core.clock import SystemClock
from services.plugins.contract import Rule
from services.plugins.runner import egress
from services.plugins.runner.addresses import parsed, refusal_of
from services.plugins.runner.egress import AgencyClients, SystemResolver, agency_client, endpoint_faults
from services.plugins.runner.errors import AddressRefused, MalformedReply, Trouble, is_of_the_call, trouble_of
from tests.services.exchange.fakes import until

INSIDE_V4 = [
    "0.0.0.0",  # noqa: S104 - an address to refuse, nothing listens there
    "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "100.100.100.200", "127.0.0.1",
    "127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
]  # fmt: skip
INSIDE_V6 = [
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1",
    "fd00:ec2::254", "fd20:ce::254", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
]  # fmt: skip
OUTSIDE = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
    "198.17.255.255", "198.20.0.0", "223.255.255.255", "64:ff9b::808:808", "2606:4700:4700::1111",
    "2001:4860:4860::8888", "2a00::1",
    "2001:200::1", "2003::1", "3ffe:ffff::1",
]  # fmt: skip


@pytest.mark.parametrize("text", INSIDE_V4 + INSIDE_V6)
def test_an_address_inside_is_refused(text: str) -> None:
    address = parsed(text)
    assert address is not None
    assert refusal_of(address, loopback=False)


@pytest.mark.parametrize("text", OUTSIDE)
def test_an_address_of_the_open_internet_is_taken_on_both_sides_of_each_border(text: str) -> None:
    address = parsed(text)
    assert address is not None
    assert refusal_of(address, loopback=False) is None


@pytest.mark.parametrize("text", INSIDE_V4 + INSIDE_V6)
def test_where_loopback_is_allowed_nothing_else_inside_is(text: str) -> None:
    address = parsed(text)
    assert address is not None
    assert (refusal_of(address, loopback=True) is None) == (text == "::1" or text.startswith("127."))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_that_is_refused_is_refused_in_every_ipv6_that_holds_it(address: ipaddress.IPv4Address) -> None:
    inside = refusal_of(address, loopback=False)
    packed = int(address)
    wraps = {
        "nat64": (0x64FF9B << 96) | packed,
        "mapped": (0xFFFF << 32) | packed,
        "6to4": (0x2002 << 112) | packed << 80,
    }
    for wrap, number in wraps.items():
        refused = refusal_of(ipaddress.IPv6Address(number), loopback=True)
        assert refused or (wrap == "nat64" and inside is None)


@given(st.ip_addresses())
def test_nothing_that_python_knows_to_be_inside_is_taken(address: Any) -> None:
    if refusal_of(address, loopback=False) is None:
        assert address.is_global
        kinds = ("private", "multicast", "loopback", "link_local", "unspecified", "site_local")
        assert not any(getattr(address, f"is_{kind}", False) for kind in kinds)


# What an agency may register

SPELLINGS = [
    "https://2130706433/", "https://2130706433", "https://0177.0.0.1", "https://0x7f000001", "https://0x7f.0.0.1",
    "https://127.1", "https://127.0.1", "https://127.0.0.1.", "https://127.0.0.1", "https://0", "https://0.0.0.0",
    "https://00000177.0.0.1", "https://017700000001", "https://127.0.0.0x1", "https://1.2.3.256", "https://1.2.3.4.5",
    "https://10.0.0.1", "https://169.254.169.254", "https://2852039166", "https://0xa9fea9fe", "https://[::1]",
    "https://[::]", "https://[::ffff:127.0.0.1]", "https://[::ffff:a9fe:a9fe]", "https://[0:0:0:0:0:0:0:1]",
    "https://[fd00:ec2::254]", "https://[fe80::1%25eth0]", "https://[fe80::1%eth0]", "https://[64:ff9b::7f00:1]",
    "https://[2002:7f00:1::]", "https://[2606:4700:4700:0::1111]", "https://[127.0.0.1]", "https://[1.1.1.1]",
    "https://[::1", "https://::1", "https://[]", "https://2606:4700:4700::1111",
    "https://localhost", "https://localhost.", "https://a.localhost", "https://LOCALHOST", "https://localhost.localdomain",
    "https://metadata.google.internal", "https://metadata", "https://intranet", "https://printer.local", "https://db.lan",
    "https://router.home.arpa", "https://x.onion", "https://1.0.0.127.in-addr.arpa",
    "https://agency.go.th.", "https://.agency.go.th", "https://agency..go.th", "https://-a.go.th", "https://a-.go.th",
    "https://a_b.go.th", f"https://{'a' * 64}.go.th", f"https://{'a.' * 127}th", "https://",
    "https://user@agency.go.th", "https://user:pw@agency.go.th", "https://agency.go.th@127.0.0.1",
    "https://agency.go.th#@127.0.0.1", "https://agency.go.th?x", "https://agency.go.th#x", "https://127.0.0.1\\@a.go.th",
    "https://agency.go.th\\x", "https://agency。go。th", "https://①②⑦.0.0.1", "https://ｌocalhost", "https://เอเจนซี.ไทย",
    "https://127.0.0。1", "https://agency%2ego.th", "https://%31%32%37.0.0.1", "https://agency.go.th%00.x",
    "https://agency.go.th:0", "https://agency.go.th:65536", "https://agency.go.th:080", "https://agency.go.th:",
    "https://agency.go.th:-1", "https://agency.go.th:99999999999999999999", "https://agency.go.th:8a", "https://a.go.th:८",
    "https://agency.go.th/", "https://agency.go.th//x", "https://agency.go.th/a/../b", "https://agency.go.th/a/./b",
    "https://agency.go.th/%2e%2e", "https://agency.go.th/a b", "https://agency.go.th/a;b", "https://agency.go.th/ก",
    "https:agency.go.th", "https:/agency.go.th", "https:///agency.go.th", "//agency.go.th", "agency.go.th", "",
    "HTTPS://agency.go.th", "https://Agency.go.th", "http://agency.go.th", "http://1.1.1.1", "ftp://agency.go.th",
    "file:///etc/passwd", "gopher://agency.go.th", "javascript:alert(1)", "https://agency.go.th\n", "\nhttps://agency.go.th",
    " https://agency.go.th", "https://agency.go.th ", "https://agency\t.go.th", "https://agency.go.th\r\nX: y",
    "https://agency.go.th\x00", "https://agen\u00adcy.go.th", "https://agen\u200bcy.go.th",
]  # fmt: skip


@pytest.mark.parametrize("url", SPELLINGS)
def test_an_endpoint_that_is_inside_or_spelled_for_two_readers_is_refused_with_a_remedy(url: str) -> None:
    faults = list(endpoint_faults(url, loopback=False))
    assert faults
    assert {fault.rule for fault in faults} == {Rule.ENDPOINT}
    assert all(fault.remedy and fault.field == "endpoint.url" for fault in faults)


@pytest.mark.parametrize(
    "url",
    [
        "https://agency.go.th", "https://agency.go.th/sitthi/v1", "https://agency.go.th:8443/a-b_c~d/e.f", "https://1.1.1.1",
        "https://[2606:4700:4700::1111]", "https://[2606:4700:4700::1111]:65535", "https://xn--12c1fe0br.xn--o3cw4h",
        "https://a.go.th:1", "https://0-1.go.th", f"https://{'a' * 63}.go.th",
    ],
)  # fmt: skip
def test_an_endpoint_on_the_open_internet_is_taken(url: str) -> None:
    assert list(endpoint_faults(url, loopback=False)) == []
    assert list(endpoint_faults(url, loopback=True)) == []


HERE = [
    "http://127.0.0.1:8700", "http://127.0.0.1", "http://localhost:8700/x", "http://a.localhost:1", "http://[::1]:8700",
    "https://127.0.0.1:8700", "https://localhost",
]  # fmt: skip


@pytest.mark.parametrize("url", HERE)
def test_this_machine_is_taken_where_an_operator_allows_it_and_there_without_tls(url: str) -> None:
    assert list(endpoint_faults(url, loopback=True)) == []
    assert list(endpoint_faults(url, loopback=False))


@pytest.mark.parametrize(
    "url", [url for url in SPELLINGS if url not in ("https://127.0.0.1", "https://[::1]", "https://localhost",
                                                    "https://a.localhost")]
)  # fmt: skip
def test_and_there_by_its_usual_names_alone(url: str) -> None:
    assert list(endpoint_faults(url, loopback=True))


@given(st.text(max_size=40))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    for url in (text, f"https://{text}", f"https://a.go.th{text}", f"https://a.go.th:{text}", f"https://[{text}]"):
        list(endpoint_faults(url, loopback=False))


@given(st.ip_addresses())
def test_what_is_registered_as_a_number_is_what_is_connected_to(address: Any) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    refused = refusal_of(address, loopback=False) is not None
    assert bool(list(endpoint_faults(f"https://{host}", loopback=False))) == refused


# What is connected to


class Names:
    """A name server that answers what the test says, one answer after another; the last stays."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self.answers, self.asked = list(answers), list[str]()

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Server:
    """Answers every request with its Host header."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heads: list[bytes] = []
        self.connections = 0
        self.reply = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower()[:15] == b"content-length:"), 0
                )
                await reader.readexactly(length)
                writer.write(self.reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Server]:
    server = Server(0)
    listener = await asyncio.start_server(server.serve, host, 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


async def post(client: httpx2.AsyncClient, url: str) -> httpx2.Response:
    return await client.post(url, json={"pid": "0000000000001"})


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def test_a_name_that_leads_here_is_asked_where_loopback_is_allowed(stack: AsyncExitStack) -> None:
    server = await stack.enter_async_context(listening())
    client = await stack.enter_async_context(agency_client(loopback=True, resolve=Names(["127.0.0.1"])))
    assert (await post(client, f"http://water.test:{server.port}/x")).json() == {}
    assert f"host: water.test:{server.port}".encode() in server.heads[0].lower()


@pytest.mark.parametrize("text", [*INSIDE_V4, *INSIDE_V6, "fe80::1%eth0", "not an address"])
async def test_a_name_that_leads_inside_is_not_connected_to(text: str) -> None:
    async with agency_client(loopback=False, resolve=Names([text])) as client:
        with pytest.raises(AddressRefused):
            await post(client, "https://water.test")


@pytest.mark.parametrize("bad", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "fd00:ec2::254", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_address_inside_among_good_ones_refuses_the_name(bad: str, place: int) -> None:
    told = ["1.1.1.1", "2606:4700:4700::1111"]
    told.insert(place, bad)
    async with agency_client(loopback=False, resolve=Names(told)) as client:
        with pytest.raises(AddressRefused):
            await post(client, "https://water.test")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "[fd00:ec2::254]"])
async def test_an_address_instead_of_a_name_is_judged_as_well(host: str) -> None:
    names = Names(["1.1.1.1"])
    async with agency_client(loopback=False, resolve=names) as client:
        for scheme in ("http", "https"):
            with pytest.raises(AddressRefused):
                await post(client, f"{scheme}://{host}/")
    assert names.asked == [], "of an address nobody is asked"


@pytest.mark.parametrize("host", ["2130706433", "0177.1", "0x7f.1", "127.1", "localhost", "a.localhost"])
async def test_the_systems_own_reading_of_other_spellings_is_judged(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", 0))])
    async with agency_client(loopback=False) as client:
        with pytest.raises(AddressRefused):
            await post(client, f"https://{host}/")


async def test_a_name_that_changes_its_mind_after_the_check_changes_nothing(stack: AsyncExitStack) -> None:
    """DNS rebinding: the address that was judged is the one that is connected to, and nobody asks again between."""
    server = await stack.enter_async_context(listening())
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    client = await stack.enter_async_context(agency_client(loopback=True, resolve=names))
    assert (await post(client, f"http://water.test:{server.port}")).status_code == 200
    assert names.asked == ["water.test"]
    server.reply = server.reply.replace(b"Content-Type", b"Connection: close\r\nContent-Type")
    await post(client, f"http://water.test:{server.port}")
    assert names.asked == ["water.test"], "a connection that is kept goes where it went"
    with pytest.raises(AddressRefused):
        await post(client, f"http://water.test:{server.port}")
    assert (server.connections, len(server.heads)) == (1, 2)


async def test_what_is_handed_to_the_system_is_a_number_and_never_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def create_connection(_: Any, host: str, *__: Any, **___: Any) -> Any:
        asked.append(host)
        raise ConnectionRefusedError

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "create_connection", create_connection)
    told = ["1.1.1.1", "2606:4700:4700::1111", "8.8.8.8", "9.9.9.9", "8.8.4.4"]
    async with agency_client(loopback=False, resolve=Names(told)) as client:
        with pytest.raises(httpx2.ConnectError):
            await post(client, "https://water.test")
    assert asked == told[: egress.ADDRESSES_TRIED], "each in turn, and not all that a name server can think of"


async def test_more_addresses_than_any_name_has_are_refused() -> None:
    told = [f"1.1.1.{n}" for n in range(1, egress.ADDRESSES_MAX + 2)]
    async with agency_client(loopback=False, resolve=Names(told)) as client:
        with pytest.raises(AddressRefused):
            await post(client, "https://water.test")


async def test_an_address_that_does_not_answer_leaves_time_for_the_next(stack: AsyncExitStack) -> None:
    server = await stack.enter_async_context(listening(host="127.0.0.2"))
    client = await stack.enter_async_context(
        agency_client(loopback=True, resolve=Names(["127.0.0.3", "127.0.0.2"]))  # nobody listens at the first
    )
    assert (await post(client, f"http://water.test:{server.port}")).status_code == 200


@pytest.mark.parametrize("answer", [[], OSError("no such name")])
async def test_a_name_that_leads_nowhere_is_unreachable(answer: Any) -> None:
    async with agency_client(loopback=False, resolve=Names(answer)) as client:
        with pytest.raises(httpx2.ConnectError) as caught:
            await post(client, "https://water.test")
    assert trouble_of(caught.value) is Trouble.UNREACHABLE


@pytest.mark.parametrize("url", ["http://water.test", "http://1.1.1.1"])
@pytest.mark.parametrize("loopback", [True, False])
async def test_nothing_leaves_this_machine_without_tls(url: str, loopback: bool) -> None:
    async with agency_client(loopback=loopback, resolve=Names(["1.1.1.1"])) as client:
        with pytest.raises(AddressRefused):
            await post(client, url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_inside_is_not_followed(stack: AsyncExitStack, status: int) -> None:
    server = await stack.enter_async_context(listening())
    inside = await stack.enter_async_context(listening())
    server.reply = (
        f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{inside.port}/\r\nContent-Length: 0\r\n\r\n".encode()
    )
    client = await stack.enter_async_context(agency_client(loopback=True, resolve=Names(["127.0.0.1"])))
    assert (await post(client, f"http://water.test:{server.port}")).status_code == status
    assert inside.connections == 0


async def test_no_proxy_of_the_environment_is_asked(stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    server = await stack.enter_async_context(listening())
    proxy = await stack.enter_async_context(listening())
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    client = await stack.enter_async_context(agency_client(loopback=True, resolve=Names(["127.0.0.1"])))
    await post(client, f"http://water.test:{server.port}")
    assert (server.connections, proxy.connections) == (1, 0)


async def test_no_cookie_of_one_call_goes_out_with_the_next(stack: AsyncExitStack) -> None:
    server = await stack.enter_async_context(listening())
    server.reply = server.reply.replace(b"Content-Type", b"Set-Cookie: citizen=1; Path=/\r\nContent-Type")
    client = await stack.enter_async_context(agency_client(loopback=True, resolve=Names(["127.0.0.1"])))
    for _ in range(2):
        await post(client, f"http://water.test:{server.port}")
    assert b"cookie" not in server.heads[1].lower()
    assert len(client.cookies.jar) == 0


async def test_the_refusal_is_told_without_a_word_of_the_person() -> None:
    async with agency_client(loopback=False, resolve=Names(["10.0.0.1"])) as client:
        with structlog.testing.capture_logs() as entries, pytest.raises(AddressRefused) as caught:
            await post(client, "https://water.test/operations/bills")
    assert entries == [
        {
            "event": "agency_address_refused",
            "log_level": "warning",
            "host": "water.test",
            "address": "10.0.0.1",
            "kind": "private",
        }
    ]
    assert trouble_of(caught.value) is Trouble.ADDRESS_REFUSED
    assert not is_of_the_call(caught.value), "it counts for the breaker"


# Connections


async def test_a_connection_is_used_again(stack: AsyncExitStack) -> None:
    server = await stack.enter_async_context(listening())
    client = await stack.enter_async_context(agency_client(loopback=True, resolve=Names(["127.0.0.1"])))
    for _ in range(3):
        await post(client, f"http://water.test:{server.port}")
    assert server.connections == 1


async def test_connections_that_hang_take_nothing_from_anybody_else(stack: AsyncExitStack) -> None:
    server = await stack.enter_async_context(listening())
    server.reply = b""
    client = await stack.enter_async_context(agency_client(loopback=True, resolve=Names(["127.0.0.1"])))
    hanging = [asyncio.create_task(post(client, f"http://water.test:{server.port}")) for _ in range(100)]
    await until(lambda: server.connections == 100)
    server.reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    assert (await post(client, f"http://water.test:{server.port}")).json() == {}
    for one in hanging:
        one.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    assert not client._transport._busy  # type: ignore[attr-defined]  # nothing is left behind


@pytest.mark.parametrize(
    "ahead", [b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n["else"]', b"\r\nHTTP/1.1 2", b"x" * 300_000]
)
async def test_an_answer_that_was_sent_ahead_is_nobodys(stack: AsyncExitStack, ahead: bytes) -> None:
    """One citizen's call would get what was prepared for another's."""
    server = await stack.enter_async_context(listening())
    honest, server.reply = server.reply, server.reply + ahead
    client = await stack.enter_async_context(agency_client(loopback=True, resolve=Names(["127.0.0.1"])))
    assert (await post(client, f"http://water.test:{server.port}")).json() == {}
    server.reply = honest
    assert (await post(client, f"http://water.test:{server.port}")).json() == {}
    assert server.connections == 2


async def test_what_comes_while_nobody_asked_ends_the_connection(stack: AsyncExitStack) -> None:
    server = await stack.enter_async_context(listening())
    writers: list[asyncio.StreamWriter] = []
    serve = server.serve

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(reader, writer)

    listener = await asyncio.start_server(kept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    client = await stack.enter_async_context(agency_client(loopback=True, resolve=Names(["127.0.0.1"])))
    await post(client, f"http://water.test:{port}")
    writers[0].write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
    await until(writers[0].is_closing)
    assert (await post(client, f"http://water.test:{port}")).json() == {}
    assert server.connections == 2
    listener.close()


async def test_a_request_cannot_be_split_by_what_is_in_it(stack: AsyncExitStack) -> None:
    server = await stack.enter_async_context(listening())
    client = await stack.enter_async_context(agency_client(loopback=True, resolve=Names(["127.0.0.1"])))
    with pytest.raises(ValueError, match="header"):
        await client.post(f"http://water.test:{server.port}", headers={"traceparent": "a\r\nX: y"})
    assert server.heads == []


async def test_each_agency_has_connections_of_its_own() -> None:
    clients = AgencyClients(loopback=True)
    assert clients.of("water") is clients.of("water")
    assert clients.of("water")._transport is not clients.of("power")._transport
    first = clients.of("water")
    await clients.aclose()
    assert first.is_closed


# Names


async def test_a_name_server_that_is_silent_holds_one_thread_and_no_shared_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop's own threads are few, and files, databases and others' names wait for them."""
    let_go, asked = threading.Event(), list[str]()

    def getaddrinfo(name: str, *_: Any, **__: Any) -> Any:
        asked.append(threading.current_thread().name)
        let_go.wait(60)
        return [(2, 1, 6, "", ("1.1.1.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    resolve = SystemResolver()
    waiting = [asyncio.create_task(resolve("silent.test")) for _ in range(200)]
    try:
        await until(lambda: len(asked) == 1)
        waiting[0].cancel()
        assert await asyncio.to_thread(lambda: "free") == "free"
        assert asked == ["look-up of silent.test"]
    finally:
        let_go.set()
    assert await asyncio.gather(*waiting[1:]) == [["1.1.1.1"]] * 199
    assert await resolve("silent.test") == ["1.1.1.1"]
    assert len(asked) == 2, "nothing is remembered"


async def test_waiting_for_a_name_ends_with_the_time_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    never = asyncio.Event()

    async def silent(_: str) -> Sequence[str]:
        await never.wait()
        return []

    async with agency_client(loopback=False, resolve=silent) as client:
        with pytest.raises(httpx2.ConnectTimeout) as caught:
            await client.post("https://water.test", timeout=httpx2.Timeout(10, connect=0.01))
    assert trouble_of(caught.value) is Trouble.TIMEOUT


@pytest.mark.parametrize("error", [OSError("gone"), UnicodeError("label too long")])
async def test_a_name_that_cannot_be_looked_up_is_an_error_of_the_network(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(OSError, match=r"gone|not a name"):
        await SystemResolver()("water.test")


# Certificates


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server with a certificate for this name, and who believes in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    path = folder / f"{name}.pem"
    path.write_bytes(
        pem
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_the_certificate_must_be_for_the_name_and_not_for_the_address(
    stack: AsyncExitStack, tmp_path: Path
) -> None:
    tls, believing = certificate(tmp_path, "water.test")
    told: list[str | None] = []
    tls.sni_callback = lambda _, name, __: told.append(name)
    server = await stack.enter_async_context(listening(tls))
    client = await stack.enter_async_context(
        agency_client(loopback=True, authorities=believing, resolve=Names(["127.0.0.1"]))
    )
    assert (await post(client, f"https://water.test:{server.port}")).json() == {}
    with pytest.raises(httpx2.ConnectError):
        await post(client, f"https://other.test:{server.port}")
    with pytest.raises(httpx2.ConnectError):
        await post(client, f"https://127.0.0.1:{server.port}")
    assert told == ["water.test", "other.test", None]


async def test_whom_nobody_believes_is_unreachable(stack: AsyncExitStack, tmp_path: Path) -> None:
    server = await stack.enter_async_context(listening(certificate(tmp_path, "water.test")[0]))
    believing = certificate(tmp_path, "other.test")[1]
    client = await stack.enter_async_context(
        agency_client(loopback=True, authorities=believing, resolve=Names(["127.0.0.1"]))
    )
    with pytest.raises(httpx2.ConnectError) as caught:
        await post(client, f"https://water.test:{server.port}")
    assert trouble_of(caught.value) is Trouble.UNREACHABLE


@pytest.mark.parametrize(
    ("scheme", "error"), [("ftp", (AddressRefused, httpx2.UnsupportedProtocol)), ("ws", (AddressRefused, Exception))]
)
async def test_other_schemes_lead_nowhere(scheme: str, error: Any) -> None:
    async with agency_client(loopback=True, resolve=Names(["127.0.0.1"])) as client:
        with pytest.raises(error):
            await post(client, f"{scheme}://water.test")


def limits() -> list[tuple[str, Callable[[Server], bytes], Trouble]]:
    ok = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    return [
        ("interim answers without end", lambda _: b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000, Trouble.UNREADABLE),
        ("a megabyte in one header", lambda _: ok + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n", Trouble.TOO_LARGE),
        ("a hundred thousand headers", lambda _: ok + b"X: y\r\n" * 100_000 + b"\r\n", Trouble.TOO_LARGE),
        (
            "chunks of a byte",
            lambda _: ok + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n",
            Trouble.TOO_LARGE,
        ),
        (
            "chunks with long names",
            lambda _: ok + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1;" + b"x" * 10_000 + b"\r\n \r\n") * 100,
            Trouble.TOO_LARGE,
        ),
        (
            "trailers without end",
            lambda _: ok + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 100_000,
            Trouble.TOO_LARGE,
        ),
        ("no end", lambda _: ok + b"\r\n{}", Trouble.UNREADABLE),
        ("another protocol", lambda _: b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", Trouble.UNREADABLE),
        ("HTTP/2", lambda _: b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", Trouble.UNREADABLE),
    ]


@pytest.mark.parametrize(("name", "reply", "trouble"), limits(), ids=[name for name, _, _ in limits()])
async def test_what_no_honest_server_sends_is_left_at_its_limit(
    stack: AsyncExitStack, name: str, reply: Callable[[Server], bytes], trouble: Trouble
) -> None:
    server = await stack.enter_async_context(listening())
    honest, server.reply = server.reply, reply(server)
    client = await stack.enter_async_context(agency_client(loopback=True, resolve=Names(["127.0.0.1"])))
    with pytest.raises(MalformedReply) as caught:
        await post(client, f"http://water.test:{server.port}")
    assert trouble_of(caught.value) is trouble
    server.reply = honest
    assert (await post(client, f"http://water.test:{server.port}")).json() == {}
