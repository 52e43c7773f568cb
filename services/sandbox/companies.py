"""The stand-in of the Department of Business Development: companies that do not exist, directed by the personas.

`POST /company` with `{"pid": <13 digits>}` answers who directs a company and how many sign together, behind tokens as
every agency's stand-in; `POST /_company` writes an entry anew, so that a director can leave. What was written lies in
one file, which is read at each question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.clock import Clock
from core.ids import check_digit
from core.text import Text
from services.plugins.contract.sandbox import Refusal, malformed
from services.sandbox.agencies.access import IDLE_SECONDS_MAX, SANDBOX_CREDENTIALS, Tokens
from services.sandbox.population.personas import persona

BODY_BYTES_MAX: Final = 65_536
NO_SUCH_COMPANY: Final = Text(th="ไม่พบนิติบุคคล", en="There is no such company.")


def company_number(running: int) -> str:
    """Of a company that does not exist: 0 10 5 and the year 0000."""
    first = f"01050000{running:04d}"
    return first + str(check_digit(first))


def _director(slug: str, *, signs: bool = True) -> dict[str, Any]:
    who = persona(slug)
    return {"pid": who.national_id, "name_th": who.name.th, "name_en": who.name.en, "signs": signs}


def _company(running: int, th: str, en: str, signatures: int, *directors: dict[str, Any], **more: Any) -> Any:
    entry = {
        "pid": company_number(running), "title_th": th, "title_en": en, "status": "registered",
        "signatures": signatures, "directors": list(directors), **more,
    }  # fmt: skip
    return entry["pid"], entry


def entries() -> dict[str, dict[str, Any]]:
    """As they are as long as nobody wrote them anew."""
    return dict(
        [
            _company(
                1, "บริษัท ศุภกรประกันภัย จำกัด (มหาชน)", "Suphakon Insurance Plc.", 2,
                _director("worker"), _director("graduate"), _director("official", signs=False),
            ),
            _company(2, "บริษัท โรงพยาบาลร่มไม้ จำกัด", "Rom Mai Hospital Ltd.", 1, _director("worker")),
            _company(
                3, "บริษัท อู่บัวขาว จำกัด", "Bua Khao Garage Ltd.", 3,
                _director("worker"), _director("graduate"), _director("official"),
            ),
            _company(4, "บริษัท ลมเหนือ จำกัด", "Lom Nuea Ltd.", 1, _director("worker"), status="dissolved"),
        ]
    )  # fmt: skip


def companies_app(
    file: Path,
    clock: Clock,
    *,
    credentials: Mapping[str, str] = SANDBOX_CREDENTIALS,
    seconds: Callable[[], float],
) -> Starlette:
    """`seconds` is what the idle life of a token is measured by."""
    tokens = Tokens(credentials, seconds)

    def written() -> dict[str, dict[str, Any]]:
        told: dict[str, dict[str, Any]] = orjson.loads(file.read_bytes()) if file.exists() else {}
        return entries() | told

    def write(entry: dict[str, Any]) -> None:
        new = file.with_suffix(".new")
        new.write_bytes(orjson.dumps(written() | {entry["pid"]: entry}))
        new.replace(file)

    async def token(request: Request) -> Response:
        body = await _object(request)
        key, secret = body.get("consumer_key"), body.get("consumer_secret")
        if not isinstance(key, str) or not isinstance(secret, str):
            raise malformed()
        issued = tokens.issue(key, secret)
        return _json(200, {"access_token": issued, "token_type": "Bearer", "expires_in": IDLE_SECONDS_MAX})

    async def company(request: Request) -> Response:
        tokens.check(request.headers.get("authorization", ""), request.headers.get("agentid", ""))
        number = (await _object(request)).get("pid")
        if not isinstance(number, str):
            raise malformed()
        found = (await run_in_threadpool(written)).get(number)
        if found is None:
            raise Refusal(404, "COMPANY_NOT_FOUND", NO_SUCH_COMPANY)
        return _json(200, found | {"as_of": clock.now().isoformat()})

    async def rewrite(request: Request) -> Response:
        body = dict(await _object(request))
        if not isinstance(body.get("pid"), str):
            raise malformed()
        await run_in_threadpool(write, body)
        return _json(200, body)

    return Starlette(
        routes=[
            Route("/oauth/token", token, methods=["POST"]),
            Route("/company", company, methods=["POST"]),
            Route("/_company", rewrite, methods=["POST"]),
        ],
        exception_handlers={Refusal: _refused},
    )


async def _object(request: Request) -> Mapping[str, Any]:
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


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    told = {"code": error.code, "message_th": error.text.th, "message_en": error.text.en}
    return _json(error.status, told)


def _json(status: int, content: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
