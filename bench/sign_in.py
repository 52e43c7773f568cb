"""Whole sign-ins, ours beside those of `oidc-provider` from npm: the same client, requests and load, a process each.

The person is signed in already, as they are at an app they come back to. A sign-in is what a client then does:
`/authorize` in the person's browser, which answers with a code, and the code redeemed with its PKCE verifier for an
access token (RFC 9068, ES256), an ID token with the name and a refresh token. Ours is durable in its database; theirs
keeps everything in its own in-memory adapter, and in a second process in the PostgreSQL that ours is in.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import jwt
import orjson

from api.commands.code_flow import CodeFlow
from api.commands.walk import walk
from bench.load import AnswerWrong, Connection, Outcome, repeat
from bench.processes import Cpu, Site, System, systems
from bench.report import table
from core.jose import base64url
from identity.provider.clients import DEMO_APP
from tests.support import node

THEIRS: Final = "oidc-provider"
THEIRS_DURABLE: Final = "oidc-provider, PostgreSQL"
PERSONAS: Final = (
    "elder",
    "newborn-parent",
    "disabled-adult",
    "worker",
    "graduate",
    "official",
    "minor",
    "officer-one",
)
"""One for each connection: a person has one browser under way at a time."""
SCOPE: Final = "openid profile citizen"
_CALLBACK: Final = "https://app.example/callback"
_RESOURCE: Final = "https://sitthi.example/graphql"


@dataclass(frozen=True)
class Side:
    """A provider with people signed in: where its client sends them, and their cookies."""

    name: str
    port: int
    pid: int
    authorize_path: str
    token_path: str
    client: str
    redirect_uri: str
    authorize_url: str
    hinted: bool
    """Whether `login_hint` says who signs in."""
    helpers: Mapping[str, Cpu] = field(default_factory=dict)
    cookies: Sequence[str] = ()
    """Of people who have signed in: one for each connection."""

    async def entered(self, people: int) -> Side:
        """The same with so many people signed in just now.

        The other provider's memory holds a thousand things, and forgets a session that many others came after.
        """
        return replace(self, cookies=[await self._enter(slug) for slug in PERSONAS[:people]])

    async def sign_in(self, connection: Connection, number: int) -> dict[str, Any]:
        """One, as the person of that connection; the token response. Raises AnswerWrong."""
        return await self.redeem(connection, await self.authorize(connection, number))

    async def authorize(self, connection: Connection, number: int) -> bytes:
        """The first half; the form that redeems its code. Raises AnswerWrong."""
        verifier, state = secrets.token_urlsafe(32), f"s{number}"
        asked = {
            **asked_for(self.client, self.redirect_uri, verifier),
            "state": state,
            "nonce": f"n{number}",
        }
        cookie = self.cookies[connection.number % len(self.cookies)]
        answer = await connection.ask(_get(f"{self.authorize_path}?{urlencode(asked)}", cookie))
        location = (answer.header(b"location:") or b"").decode()
        given = parse_qs(urlsplit(location).query)
        if not location.startswith(f"{self.redirect_uri}?") or given.get("state") != [state] or "code" not in given:
            raise AnswerWrong(answer.status, answer.head + answer.body[:1000])
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client,
            "redirect_uri": self.redirect_uri,
            "code": given["code"][0],
            "code_verifier": verifier,
        }
        return urlencode(form).encode()

    async def redeem(self, connection: Connection, form: bytes) -> dict[str, Any]:
        """The second half; the token response. Raises AnswerWrong."""
        answer = await connection.ask(_post(self.token_path, form))
        if answer.status != 200:
            raise AnswerWrong(answer.status, answer.body[:1000])
        tokens: dict[str, Any] = orjson.loads(answer.body)
        return tokens

    async def run(self, total: int, connections: int) -> Outcome:
        """So many sign-ins of people who signed in before the clock starts."""
        return await (await self.entered(connections)).repeat(total, connections)

    async def repeat(self, total: int, connections: int) -> Outcome:
        async def one(connection: Connection, number: int) -> None:
            await self.sign_in(connection, number)

        return await repeat(self.port, self.pid, one, total=total, connections=connections, helpers=self.helpers)

    async def _enter(self, who: str) -> str:
        """The cookies of a browser in which that persona signed in, as a header's value."""
        hint = {"login_hint": who} if self.hinted else {}
        asked = {**asked_for(self.client, self.redirect_uri, secrets.token_urlsafe(32)), "state": "s", "nonce": "n"}
        flow = cast("CodeFlow", _Address(f"{self.authorize_url}?{urlencode({**asked, **hint})}", self.redirect_uri))
        async with httpx2.AsyncClient(trust_env=False) as browser:
            await walk(browser, flow, who)
            return "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar if one.path == "/")


def asked_for(client: str, redirect_uri: str, verifier: str) -> dict[str, str]:
    """The authorization request of every sign-in here."""
    return {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "code_challenge": base64url(hashlib.sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }


@asynccontextmanager
async def theirs(system: System | None = None) -> AsyncIterator[Side]:
    """`oidc-provider` on a free port: in memory, or in a new database beside that system's, which is in PostgreSQL."""
    grants = ["authorization_code", "refresh_token"]
    client = {"client_id": "bench", "redirect_uris": [_CALLBACK], "grant_types": grants}
    people = {slug: {"name": slug} for slug in PERSONAS}
    name, stored, helpers = THEIRS, {}, {}
    if system is not None and system.postgres is not None:
        name, stored = THEIRS_DURABLE, {"database": system.postgres.create("oidc_provider")}
        helpers = {"PostgreSQL": system.helpers["PostgreSQL"]}
    async with node.program("oidc_provider.mjs", NODE_ENV="production") as program:
        served = await program.ask(
            "serve",
            clients=[client],
            people=people,
            resource=_RESOURCE,
            scopes=["profile", "citizen"],
            told=[],
            **stored,
        )
        issuer = served["issuer"]
        port = int(urlsplit(issuer).port or 0)
        yield Side(
            name=name,
            port=port,
            pid=served["pid"],
            authorize_path="/auth",
            token_path="/token",  # noqa: S106 - a path
            client="bench",
            redirect_uri=_CALLBACK,
            authorize_url=f"{issuer}/auth",
            hinted=True,
            helpers=helpers,
        )


def ours(system: System) -> Side:
    """Sitthi as it was started."""
    server, path = system.process, "/oauth/authorize"
    return Side(
        name=system.name,
        port=server.port,
        pid=server.pid,
        authorize_path=path,
        token_path="/oauth/token",  # noqa: S106 - a path
        client=DEMO_APP,
        redirect_uri=f"{server.url}/demo/callback",
        authorize_url=server.url + path,
        hinted=False,
        helpers=system.helpers,
    )


async def bench(
    site: Site,
    footings: list[str],
    *,
    rounds: int,
    sign_ins: int,
    concurrencies: Sequence[int],
    say: Callable[[str], None],
) -> dict[int, dict[str, list[Outcome]]]:
    """Measures and prints. Answers the outcomes by concurrency and provider, a list of rounds each."""
    found: dict[int, dict[str, list[Outcome]]] = {}
    async with AsyncExitStack() as stack:
        started = stack.enter_context(systems(site, footings, SITTHI_RATE_LIMIT_SCALE="1000"))
        durable = [system for system in started if system.postgres is not None]
        others = [await stack.enter_async_context(theirs(system)) for system in (None, *durable)]
        sides = [*others, *map(ours, started)]
        for side in sides:
            say(f"{side.name}: warming up")
            await side.run(sign_ins, max(concurrencies))
            await _is_whole(side)
        for connections in concurrencies:
            outcomes: dict[str, list[Outcome]] = defaultdict(list)
            for number in range(rounds):
                say(f"sign-ins, concurrency {connections}, round {number + 1} of {rounds}")
                for side in sides:
                    outcomes[side.name].append(await side.run(sign_ins, connections))
            found[connections] = dict(outcomes)
    print(f"\nsign-ins of people who are signed in already, {rounds} rounds of {sign_ins} each;")
    print("median (least–most) ×ratio to oidc-provider, which stores in memory and loses all when it ends;")
    print("where it stores in PostgreSQL it is the server that ours is in, with the same safety of the disk")
    for connections, by_side in found.items():
        print("\n" + "\n".join(table(connections, by_side, THEIRS)))
    return found


async def _is_whole(side: Side) -> None:
    """That both sides do the same: tokens of the same kinds and algorithms, and the name. Raises AnswerWrong."""
    answers: list[dict[str, Any]] = []

    async def one(connection: Connection, number: int) -> None:
        answers.append(await side.sign_in(connection, number))

    side = await side.entered(1)
    await repeat(side.port, side.pid, one, total=1, connections=1)
    [answer] = answers
    access, identity = (jwt.get_unverified_header(answer[name]) for name in ("access_token", "id_token"))
    told = jwt.decode(answer["id_token"], options={"verify_signature": False})
    is_whole = (access["typ"].lower(), access["alg"], identity["alg"]) == ("at+jwt", "ES256", "ES256")
    if not is_whole or told["nonce"] != "n0" or not told["name"] or not answer.get("refresh_token"):
        raise AnswerWrong(200, f"{access} {identity} {sorted(told)}".encode())


@dataclass(frozen=True)
class _Address:
    address: str
    redirect_uri: str


def _get(path: str, cookie: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: {cookie}\r\n\r\n".encode()


def _post(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*head, "", ""]).encode() + body
