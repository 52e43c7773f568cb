"""The way out to agencies that are not our own code: to addresses on the open internet and to nothing else.

A name is looked up once for each connection. All addresses it leads to are judged, and the connection goes to one of
those that were judged, by its number: a name that says something else a moment later changes nothing. One address that
is not of the open internet refuses the name as a whole. An honest agency has none, so a mixture is a mistake or an
attempt, and should be seen at its first call rather than now and then.

TLS is asked for by the name, and the certificate must be for it. Plain http goes to loopback alone, where an operator
allows that. Any port may be asked: whoever speaks TLS there, with a certificate for the name, answers for it. Nothing
is redirected, no proxy and no other word of the environment is heeded, no cookie is kept.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, TypeAlias

import httpx2
import structlog

from services.plugins.contract import Fault, Rule
from services.plugins.runner.addresses import is_loopback, parsed, refusal_of
from services.plugins.runner.errors import AddressRefused
from services.plugins.runner.http1 import Connection

CONNECT_SECONDS_MAX: Final = 3.0
"""For a name to be looked up, an address to be reached and TLS to be agreed on, all together."""
ANSWER_SECONDS_MAX: Final = 15.0
"""A net below the operations' own limits, the longest of which is shorter."""
IDLE_SECONDS_MAX: Final = 4.0
"""Shorter than servers usually keep a connection: one that is just being closed breaks the call that is sent on it."""
IDLE_CONNECTIONS_MAX: Final = 20
ADDRESSES_MAX: Final = 32
"""That a name may lead to; of them the first are tried."""
ADDRESSES_TRIED: Final = 4
LOCALHOST: Final = "localhost"
_INSIDE: Final = frozenset(
    {"alt", "arpa", "corp", "home", "internal", "intranet", "lan", "local", "localdomain", "localhost", "onion"}
)
"""Last labels that no public name has, and that resolvers inside a network may well know (RFC 6761, RFC 6762, RFC 8375,
ICANN's reservations)."""
_ENDPOINT: Final = re.compile(r"(https?)://(\[[0-9a-f:.]*\]|[^/:\[\]]*)(?::([^/]*))?(/.*)?", re.ASCII | re.DOTALL)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", re.ASCII)

Resolver: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""The addresses of a name, as texts. Raises `OSError` where there are none."""

log = structlog.get_logger(__name__)


def agency_client(
    *, loopback: bool, authorities: ssl.SSLContext | None = None, resolve: Resolver | None = None
) -> httpx2.AsyncClient:
    """A client for one agency and no other: its connections, those that hang included, are its own.

    `authorities` is whom we believe about names; reading the usual list takes long, so share one. Besides the errors of
    httpx2 it raises :class:`AddressRefused`, and :class:`MalformedReply` for what no honest server sends. Whole calls
    have no time limit here: the operation's own ends whatever it does.
    """
    return httpx2.AsyncClient(
        transport=AgencyTransport(loopback=loopback, authorities=authorities, resolve=resolve),
        timeout=httpx2.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
        headers={"Accept-Encoding": "identity", "User-Agent": "sitthi"},
        cookies=no_cookies(),
        follow_redirects=False,
        trust_env=False,
    )


def no_cookies() -> CookieJar:
    """A jar that keeps nothing: what one citizen's answer sets must not go out with another's call."""
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


class AgencyClients:
    """A client for each plugin, made when first asked for and shared by all its versions."""

    def __init__(self, *, loopback: bool, authorities: ssl.SSLContext | None = None) -> None:
        self._loopback, self._authorities = loopback, authorities
        self._clients: dict[str, httpx2.AsyncClient] = {}

    def of(self, slug: str) -> httpx2.AsyncClient:
        if slug not in self._clients:
            self._clients[slug] = agency_client(loopback=self._loopback, authorities=self._authorities)
        return self._clients[slug]

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()


class SystemResolver:
    """The system's resolver, in a thread of its own for each look-up, and one look-up of a name at a time.

    The threads that the event loop shares out are few; an agency whose name server is silent would hold them all.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def __call__(self, name: str) -> Sequence[str]:
        if name not in self._under_way:
            self._under_way[name] = self._begin(name)
        return await asyncio.shield(self._under_way[name])  # whoever gives up leaves it to the others

    def _begin(self, name: str) -> asyncio.Future[Sequence[str]]:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[str]] = loop.create_future()

        def look_up() -> None:
            told: Sequence[str] | OSError
            try:
                told = [str(row[4][0]) for row in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
            except UnicodeError:
                told = OSError("not a name")
            except OSError as error:
                told = error
            try:
                loop.call_soon_threadsafe(settle, told)
            except RuntimeError:  # the loop ended before the look-up did
                return

        def settle(told: Sequence[str] | OSError) -> None:
            del self._under_way[name]
            if isinstance(told, OSError):
                found.set_exception(told)
                found.exception()  # nobody may be waiting any more
            else:
                found.set_result(told)

        threading.Thread(target=look_up, name=f"look-up of {name}", daemon=True).start()
        return found


class AgencyTransport(httpx2.AsyncBaseTransport):
    """Connections to one agency. See the module for what it connects to."""

    def __init__(self, *, loopback: bool, authorities: ssl.SSLContext | None, resolve: Resolver | None) -> None:
        self._loopback, self._authorities = loopback, authorities
        self._resolve = resolve or SystemResolver()
        self._idle: dict[tuple[str, str, int], list[Connection]] = {}
        self._busy: set[Connection] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        scheme, host = request.url.scheme, request.url.raw_host.decode("ascii")
        if scheme not in ("http", "https"):
            raise AddressRefused("neither http nor https")
        where = scheme, host, request.url.port or (443 if scheme == "https" else 80)
        limits = request.extensions.get("timeout", {})
        if "transfer-encoding" in request.headers:
            raise httpx2.LocalProtocolError("a request says how long it is")
        body = await request.aread()
        connection = self._kept(where) or await self._connected(*where, limits.get("connect"))
        self._busy.add(connection)
        try:
            async with _in_time(limits.get("read"), httpx2.ReadTimeout):
                target, headers = request.url.raw_path, request.headers.raw
                status, version, told = await connection.ask(request.method.encode(), target, headers, body)
        except BaseException:
            self._drop(connection)
            raise
        stream = _Body(self, connection, where, limits.get("read"))
        return httpx2.Response(status, headers=told, stream=stream, extensions={"http_version": b"HTTP/" + version})

    async def aclose(self) -> None:
        for connection in [*self._busy, *(one for idle in self._idle.values() for one in idle)]:
            connection.abort()
        self._idle.clear()
        self._busy.clear()

    def done_with(self, connection: Connection, where: tuple[str, str, int]) -> None:
        """Keeps it for the next call, or ends it."""
        idle = self._idle.setdefault(where, [])
        if connection in self._busy and connection.is_reusable and len(idle) < IDLE_CONNECTIONS_MAX:
            self._busy.discard(connection)
            connection.expires_at = time.monotonic() + IDLE_SECONDS_MAX
            idle.append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._busy.discard(connection)
        connection.abort()

    def _kept(self, where: tuple[str, str, int]) -> Connection | None:
        idle = self._idle.get(where, [])
        while idle:
            connection = idle.pop()
            if connection.is_reusable and connection.expires_at > time.monotonic():
                return connection
            connection.abort()
        return None

    async def _connected(self, scheme: str, host: str, port: int, seconds: float | None) -> Connection:
        tls = self._tls() if scheme == "https" else None
        async with _in_time(seconds, httpx2.ConnectTimeout):
            try:
                addresses = await self._addresses(host, plain=tls is None)
                return await _first(addresses, port, tls, host, CONNECT_SECONDS_MAX if seconds is None else seconds)
            except OSError as error:  # those of ssl and of look-ups are OSErrors, too
                if isinstance(error, TimeoutError):
                    raise httpx2.ConnectTimeout("no address answered") from None
                raise httpx2.ConnectError(type(error).__name__) from None

    async def _addresses(self, host: str, *, plain: bool) -> Sequence[str]:
        """Where the host may be connected to, in the resolver's order. Raises :class:`AddressRefused`."""
        literal = parsed(host.strip("[]"))
        told = [str(literal)] if literal is not None else await self._resolve(host)
        if not told:
            raise OSError("no address")
        for place, text in enumerate(told):
            if (kind := self._refusal(text, plain=plain)) is not None or place >= ADDRESSES_MAX:
                log.warning("agency_address_refused", host=host, address=text, kind=kind or "too many")
                raise AddressRefused(kind or "too many")
        return list(dict.fromkeys(told))[:ADDRESSES_TRIED]

    def _refusal(self, text: str, *, plain: bool) -> str | None:
        address = parsed(text)
        if address is None:
            return "no address, or one with a zone"
        kind = refusal_of(address, loopback=self._loopback)
        return "asked without TLS" if kind is None and plain and not is_loopback(address) else kind

    def _tls(self) -> ssl.SSLContext:
        if self._authorities is None:
            self._authorities = httpx2.create_ssl_context(trust_env=False)
        return self._authorities


class _Body(httpx2.AsyncByteStream):
    """An answer's body. Each wait for more of it is as long as the client's time limit for reading."""

    def __init__(
        self, transport: AgencyTransport, connection: Connection, where: tuple[str, str, int], seconds: float | None
    ) -> None:
        self._transport, self._connection, self._where, self._seconds = transport, connection, where, seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = self._connection.body()
        while True:
            async with _in_time(self._seconds, httpx2.ReadTimeout):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece

    async def aclose(self) -> None:
        self._transport.done_with(self._connection, self._where)


@asynccontextmanager
async def _in_time(seconds: float | None, error: type[httpx2.TimeoutException]) -> AsyncIterator[None]:
    """Raises `error` when the block takes longer; None is as long as it takes."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise error("too slow") from None


async def _first(
    addresses: Sequence[str], port: int, tls: ssl.SSLContext | None, name: str, seconds: float
) -> Connection:
    """A connection to the first that answers; each gets a fair share of the time that is left."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    failure: OSError = OSError("no address")
    for place, address in enumerate(addresses):
        share = (deadline - loop.time()) / (len(addresses) - place)
        try:
            async with asyncio.timeout(share):
                _, connection = await loop.create_connection(
                    Connection, address, port, ssl=tls, server_hostname=name.strip("[]") if tls else None
                )
                return connection
        except OSError as error:
            failure = error
    raise failure


def endpoint_faults(url: str, *, loopback: bool) -> Iterator[Fault]:
    """What is wrong with the address of a remote plugin, before anything is connected to.

    An address is taken in one spelling alone, so that whoever reads it after us reads the same. Where the name leads is
    looked at when it is connected to, each time.
    """
    match = _ENDPOINT.fullmatch(url)
    if match is None:
        yield _fault("it is not written as https://host/path", "Write it so, in small letters and ASCII")
        return
    scheme, host, port, path = match.groups()
    yield from _host_faults(scheme, host, loopback=loopback)
    if port is not None and (not _PORT.fullmatch(port) or int(port) > 65_535):
        yield _fault("its port is no number from 1 to 65535", "Write it so, or leave it out")
    if path is not None and not _PATH.fullmatch(path):
        yield _fault("its path is not plain", "Use letters, digits, - . _ ~ between single slashes, none at the end")
    if not _is_read_so(url, scheme, host.strip("[]"), port):
        yield _fault("two readers understand it differently", "Write it as https://host/path")


def _is_read_so(url: str, scheme: str, host: str, port: str | None) -> bool:
    """Whether the reader that connects, which is of another hand, finds the same in it."""
    try:
        read = httpx2.URL(url)
    except httpx2.InvalidURL:
        return False
    usual = {"http": "80", "https": "443"}[scheme]
    return (read.scheme, read.raw_host.decode(), str(read.port or usual)) == (scheme, host, port or usual)


def _host_faults(scheme: str, host: str, *, loopback: bool) -> Iterator[Fault]:
    bare = host[1:-1] if host.startswith("[") else host
    address = parsed(bare)
    if address is not None and (address.version == 6) != host.startswith("["):
        address = None
    is_here = is_loopback(address) if address is not None else host == LOCALHOST or host.endswith(f".{LOCALHOST}")
    labels = host.split(".")
    if address is not None:
        if str(address) != bare:
            yield _fault("its address is not in its usual spelling", f"Write it as {address}")
        if (kind := refusal_of(address, loopback=loopback)) is not None:
            yield _fault(f"its address is {kind}", "Give one that anybody on the internet reaches")
    elif host.startswith("[") or _is_numeric(labels):
        yield _fault("its host is a number, and no address in its usual spelling", "Write a name, or four numbers")
    elif len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        yield _fault(
            "its host is no name of the internet", "Write it in small letters, digits and - between single dots (xn--…)"
        )
    elif not (is_here and loopback) and (len(labels) == 1 or labels[-1] in _INSIDE):
        yield _fault("its host is a name from inside a network", "Give one that anybody on the internet finds")
    if scheme == "http" and not (is_here and loopback):
        yield _fault("it is asked without TLS", "Write https://")


def _is_numeric(labels: Sequence[str]) -> bool:
    """Whether browsers and C libraries would read the host as an IPv4 address, in whatever spelling."""
    return re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1], re.ASCII) is not None


def _fault(why: str, remedy: str) -> Fault:
    return Fault(Rule.ENDPOINT, why, remedy, field="endpoint.url")
