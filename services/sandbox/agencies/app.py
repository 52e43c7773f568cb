"""The agencies' systems as one ASGI app, a sub-path each. The national ID is in the body, never in a URL.

An answer says whom it is about: `pid` at its top, or beside each of several answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from core.ids import MalformedNationalId, NationalId
from services.plugins.contract.sandbox import Answer, Record, Refusal, malformed
from services.sandbox.agencies.access import IDLE_SECONDS_MAX, SANDBOX_CREDENTIALS, Tokens
from services.sandbox.agencies.errors import DOWN
from services.sandbox.agencies.faults import FaultOrder, Faults, answer_with, answer_without
from services.sandbox.agencies.register import Register
from services.sandbox.folders import AGENCIES, stand_ins
from services.sandbox.population.store import agency_file

BODY_BYTES_MAX: Final = 65_536
PIDS_MAX: Final = 1_000
DESK: Final = "oauth/token"
"""Where tokens are bought."""


def agencies_app(
    data_dir: Path,
    *,
    credentials: Mapping[str, str] = SANDBOX_CREDENTIALS,
    seconds: Callable[[], float] = time.monotonic,
    agencies: Path = AGENCIES,
) -> Starlette:
    """Every agency that brings a stand-in with its folder, in `agencies`, under `/{slug}`.

    `seconds` is what the idle life of a token is measured by.
    """
    return Starlette(
        routes=[
            Mount(
                f"/{slug}",
                routes=_Agency(
                    Register(agency_file(data_dir, slug)), stand_in.sandbox.answers, Tokens(credentials, seconds)
                ).routes(),
            )
            for slug, stand_in in stand_ins(agencies).items()
        ]
    )


class _Agency:
    def __init__(self, register: Register, answers: Mapping[str, Answer], tokens: Tokens) -> None:
        self._register = register
        self._answers = answers
        self._tokens = tokens
        self._faults = Faults()

    def routes(self) -> list[Route]:
        ask = [
            Route(f"/{path}", self._asking(path, answer), methods=["POST"]) for path, answer in self._answers.items()
        ]
        return [
            Route("/oauth/token", self._token, methods=["POST"]),
            Route("/_faults", self._set_faults, methods=["POST"]),
            *ask,
        ]

    async def _token(self, request: Request) -> Response:
        async def issue() -> Record:
            body = await _object(request)
            key, secret = body.get("consumer_key"), body.get("consumer_secret")
            if not isinstance(key, str) or not isinstance(secret, str):
                raise malformed()
            token = self._tokens.issue(key, secret)
            return {"access_token": token, "token_type": "Bearer", "expires_in": IDLE_SECONDS_MAX}

        return await self._answered(DESK, issue)

    def _asking(self, path: str, answer: Answer) -> Callable[[Request], Any]:
        async def ask(request: Request) -> Response:
            async def read() -> Record:
                self._tokens.check(request.headers.get("authorization", ""), request.headers.get("agentid", ""))
                body = await _object(request)
                if ("pid" in body) == ("pids" in body):
                    raise malformed()
                if "pid" in body:
                    pid = _pid(body["pid"])
                    return {"pid": pid} | answer(self._register, pid, body)
                return self._many(answer, body)

            return await self._answered(path, read)

        return ask

    def _many(self, answer: Answer, body: Mapping[str, Any]) -> Record:
        """For several people at once: an answer each, null where the agency has no record of the person."""
        pids = body["pids"]
        if not isinstance(pids, list) or len(pids) > PIDS_MAX:
            raise malformed()
        people: list[Record] = []
        for pid in [_pid(each) for each in pids]:
            try:
                people.append({"pid": pid, "answer": answer(self._register, pid, body)})
            except Refusal as refusal:
                if refusal.status != HTTPStatus.NOT_FOUND:
                    raise
                people.append({"pid": pid, "answer": None})
        return {"people": people}

    async def _set_faults(self, request: Request) -> Response:
        try:
            self._faults.set(FaultOrder.model_validate(await _object(request)))
        except ValidationError:
            return _refused(malformed())
        except Refusal as refusal:
            return _refused(refusal)
        return _json(200, self._faults.order.model_dump())

    async def _answered(self, path: str, work: Callable[[], Any]) -> Response:
        """The answer of `work`, or what a fault makes of it."""
        fault = self._faults.next(path)
        seconds = self._faults.order.seconds
        if fault == "down":
            return _refused(Refusal(503, "SERVICE_DOWN", DOWN))
        if (broken := answer_without(fault, seconds)) is not None:
            return broken
        if fault == "slow":
            await asyncio.sleep(seconds)
        try:
            return answer_with(fault, await work(), seconds)
        except Refusal as refusal:
            return _refused(refusal)


async def _object(request: Request) -> Mapping[str, Any]:
    """The body as a JSON object. Raises a 400 :class:`Refusal`."""
    taken = bytearray()
    async for chunk in request.stream():
        taken += chunk
        if len(taken) > BODY_BYTES_MAX:
            raise malformed()
    try:
        body = orjson.loads(bytes(taken))
    except orjson.JSONDecodeError:
        raise malformed() from None
    if not isinstance(body, dict):
        raise malformed()
    return body


def _pid(value: object) -> str:
    """Thirteen digits with a right check digit. Raises a 400 :class:`Refusal`."""
    if not isinstance(value, str):
        raise malformed()
    try:
        return NationalId(value).digits
    except MalformedNationalId:
        raise malformed() from None


def _refused(refusal: Refusal) -> Response:
    return _json(refusal.status, {"code": refusal.code, "message_th": refusal.text.th, "message_en": refusal.text.en})


def _json(status: int, content: Record) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
