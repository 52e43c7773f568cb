"""A native client of our own provider: the authorization code flow with PKCE (RFC 8252, RFC 7636)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from core.errors import SitthiError
from core.jose import base64url
from core.text import Text

WAIT_SECONDS: Final = 300
CALLBACK_PATH: Final = "/callback"
_REQUEST_BYTES_MAX: Final = 16_384
_STRANGER: Final = "This is not the answer that is waited for."
_DONE: Final = """<!doctype html><html lang="th"><meta charset="utf-8"><title>สิทธิ Sitthi</title>
<p>เข้าสู่ระบบแล้ว ปิดหน้านี้และกลับไปที่หน้าต่างคำสั่งได้</p>
<p lang="en">You are signed in. Close this page and go back to the command line.</p></html>"""
_REFUSED: Final = """<!doctype html><html lang="th"><meta charset="utf-8"><title>สิทธิ Sitthi</title>
<p>เข้าสู่ระบบไม่สำเร็จ ปิดหน้านี้และดูสาเหตุที่หน้าต่างคำสั่ง</p>
<p lang="en">The sign-in did not succeed. Close this page; the command line says why.</p></html>"""


class SignInFailed(SitthiError):
    """The provider said no, or what came back is not the answer to what we asked."""

    code = "SIGN_IN_FAILED"
    text = Text(th="เข้าสู่ระบบไม่สำเร็จ: {reason}", en="The sign-in failed: {reason}")


class CodeFlow:
    """One sign-in of one client."""

    def __init__(self, issuer: str, client_id: str, scope: str, redirect_uri: str, **more: str) -> None:
        """`more` are further parameters of the request, `acr_values` for instance."""
        self._issuer, self._client_id, self._redirect_uri = issuer, client_id, redirect_uri
        self._scope, self._more = scope, more
        self._state, self._verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(32)

    @property
    def state(self) -> str:
        """Comes back with the answer to this request, and with no other."""
        return self._state

    @property
    def redirect_uri(self) -> str:
        return self._redirect_uri

    @property
    def address(self) -> str:
        """Where the browser begins."""
        challenge = base64url(hashlib.sha256(self._verifier.encode()).digest())
        parameters = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._scope,
            "state": self._state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **self._more,
        }
        return f"{self._issuer}/oauth/authorize?{urlencode(parameters)}"

    async def redeem(self, http: httpx2.AsyncClient, callback: str) -> dict[str, Any]:
        """The token response for the address the browser was sent back to. Raises :class:`SignInFailed`."""
        given = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
        if given.get("state") != self._state or given.get("iss") != self._issuer:
            raise SignInFailed(reason="state")
        if "code" not in given:
            raise SignInFailed(reason=given.get("error", "code"))
        body = {
            "grant_type": "authorization_code",
            "client_id": self._client_id,
            "code": given["code"],
            "redirect_uri": self._redirect_uri,
            "code_verifier": self._verifier,
        }
        response = await http.post(f"{self._issuer}/oauth/token", data=body)
        answer: dict[str, Any] = response.json()
        if "access_token" not in answer:
            raise SignInFailed(reason=str(answer.get("error", response.status_code)))
        return answer


class Listener:
    """Waits on this machine, on a port of its own, for the browser to come back.

    Any page in that browser, and any program of the machine, can call the port: only what carries the request's `state`
    ends the waiting.
    """

    def __init__(self) -> None:
        self._came: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._state = ""
        self.redirect_uri = ""

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Listener]:
        listener = cls()
        server = await asyncio.start_server(listener._answer, "127.0.0.1", 0, limit=_REQUEST_BYTES_MAX)
        listener.redirect_uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{CALLBACK_PATH}"
        async with server:
            yield listener

    def expect(self, flow: CodeFlow) -> None:
        self._state = flow.state

    async def callback(self) -> str:
        """The whole address it came back to. Raises :class:`SignInFailed` when nobody comes in five minutes."""
        try:
            return await asyncio.wait_for(self._came, WAIT_SECONDS)
        except TimeoutError:
            raise SignInFailed(reason="timeout") from None

    def _is_answer(self, given: Mapping[str, Sequence[str]]) -> bool:
        states = given.get("state", [])
        is_expected = len(states) == 1 and hmac.compare_digest(states[0].encode(), self._state.encode())
        return bool(self._state) and is_expected

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = (await asyncio.wait_for(reader.readline(), 10)).decode("ascii", "replace").split(" ")
            path = line[1] if len(line) > 1 and line[0] == "GET" else ""
            parts = urlsplit(path)
            given = parse_qs(parts.query)
            is_ours = parts.path == CALLBACK_PATH and self._is_answer(given)
            if is_ours:
                status, page = ("200 OK", _DONE if "code" in given else _REFUSED)
            else:
                status, page = ("404 Not Found", _STRANGER)
            body = page.encode()
            head = f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            head += "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"  # the address holds the code
            writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
            await writer.drain()
            if is_ours and not self._came.done():
                self._came.set_result(path)
        except (TimeoutError, ValueError, ConnectionError):  # not a browser: go on waiting
            pass
        finally:
            writer.close()
