"""Functions of a plugin that run elsewhere: each is a signed call (`services.plugins.contract.wire`).

Time limits, places and the breaker are the lane's, as for any other plugin. Here the answer is read in bounds, and
nothing of it is believed before its signature, and whom it says it is about, were looked at.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC
from http import HTTPStatus
from typing import Any, Final, Protocol

import httpx2
import orjson

from core.clock import Clock
from core.ids import NationalId
from services.plugins.contract import (
    CONTRACT_VERSION,
    AgencyError,
    AgencyRefusal,
    Call,
    Host,
    Known,
    Manifest,
    Operation,
    OperationKind,
    OperationSpec,
)
from services.plugins.contract.keys import KeysOf, SigningKey
from services.plugins.contract.kinds import EFFECTS
from services.plugins.contract.signatures import NotSigned, sign_call, signature_of, verify_answer
from services.plugins.contract.wire import (
    CONTENT_TYPE,
    DECLARED,
    IDEMPOTENCY_KEY,
    JSON,
    KEY_REUSED,
    LIVE,
    OPERATIONS_PATH,
    TEST,
    TOKEN,
    TRACEPARENT,
)
from services.plugins.runner.digest import Digest
from services.plugins.runner.errors import KeyKnownThere, MalformedReply, Trouble, WrongSubject
from services.plugins.runner.replies import ACCEPTS, asked_again, body_of, code_of, is_json, seconds_of
from services.plugins.runner.trace import traceparent
from services.plugins.values import as_wire, known_of

ERROR_BYTES_MAX: Final = 16 * 1024
"""Of an answer that is neither the operation's nor a declared error."""


class CallSigner(Protocol):
    @property
    def current(self) -> SigningKey:
        """The key that signs now."""
        ...


class Wire:
    """The way to one remote plugin. `url` is its endpoint, as its manifest writes it; `keys` are those of its answers.

    `http` bears the limits of connections, and connects only where an agency may be. Whatever the call says, with mode
    `test` all are tests. Raises `ValueError` for a URL that is not in its normal form: it would be signed as it is
    written, and sent as it is normally written.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        url: str,
        keys: KeysOf,
        signer: CallSigner,
        clock: Clock,
        *,
        mode: str = LIVE,
    ) -> None:
        if str(httpx2.URL(url)) not in (url, f"{url}/"):
            raise ValueError("the URL is not in its normal form")
        self._http, self._url, self._keys = http, url.rstrip("/"), keys
        self._signer, self._clock, self._mode = signer, clock, mode
        self._digest = Digest()

    async def ask(self, manifest: Manifest, call: Call) -> Any:
        """The answer, as a function in this process would give it.

        A read is made again when the connection broke, each time signed anew. A call with an effect is not: whoever
        keeps it for delivery makes it again, with its key. Raises :class:`AgencyError` for a declared error,
        :class:`AgencyRefusal` for another status of 4xx, :class:`MalformedReply`, :class:`WrongSubject`, `ValueError`
        and `TypeError` for an answer that cannot be used, or an error of httpx2.
        """
        spec = manifest.operations[call.operation]
        document = self._document(manifest, spec, call)
        body = orjson.dumps(document, default=as_wire)
        if spec.kind in EFFECTS:
            status, taken, told = await self._post(spec, call, body)
        else:
            status, taken, told = await asked_again(lambda: self._post(spec, call, body))
        in_form = isinstance(told, dict) and "about" in told
        self._digest.judge(taken, useful=in_form and told["about"] == document["about"])
        if not in_form:
            raise MalformedReply(Trouble.MALFORMED)
        if told["about"] != document["about"]:
            raise WrongSubject
        if status == DECLARED:
            raise AgencyError(_declared(told, manifest))
        return _answer(told, spec, call)

    def _document(self, manifest: Manifest, spec: OperationSpec, call: Call) -> dict[str, Any]:
        at = self._clock.now().astimezone(UTC)
        return {
            "contract": CONTRACT_VERSION,
            "id": secrets.token_hex(16),
            "plugin": manifest.slug,
            "version": manifest.version,
            "operation": call.operation,
            "kind": spec.kind,
            "mode": TEST if call.is_test else self._mode,
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "asker": call.asker,
            "about": _about(spec, call),
            "arguments": call.arguments,
            **({} if call.reporter is None else {"reporter": asdict(call.reporter)}),
        }

    async def _post(self, spec: OperationSpec, call: Call, body: bytes) -> tuple[int, bytes, Any]:
        """Status, body and what it says: of a 200 and of a declared error, and both are signed."""
        url = f"{self._url}{OPERATIONS_PATH}{call.operation}"
        headers = {CONTENT_TYPE: JSON, TRACEPARENT: traceparent()}
        if call.key:
            headers[IDEMPOTENCY_KEY] = call.key
        if call.token:
            headers[TOKEN] = call.token
        signed = sign_call(url, headers, body, self._signer.current, at=self._clock.now())
        async with self._http.stream(
            "POST", url, content=body, headers={**ACCEPTS, **signed}, follow_redirects=False
        ) as reply:
            status = reply.status_code
            is_answer = status in (HTTPStatus.OK, DECLARED)
            taken = await body_of(reply, spec.answer_bytes_max if is_answer else ERROR_BYTES_MAX)
        if not is_answer:
            raise _refusal(reply, taken, has_effect=spec.kind in EFFECTS)
        try:
            verify_answer(status, reply.headers.raw, taken, signature_of(signed), self._keys, now=self._clock.now())
        except NotSigned:
            raise MalformedReply(Trouble.UNSIGNED) from None
        if not is_json(reply.headers):
            raise MalformedReply
        try:
            return status, taken, await self._digest.read(taken)
        except ValueError:
            raise MalformedReply from None


def remote_functions(manifest: Manifest, wire: Wire) -> dict[str, Operation]:
    """A function for each operation, which asks the far side."""

    async def ask(_: Host, call: Call) -> Any:
        return await wire.ask(manifest, call)

    return dict.fromkeys(manifest.operations, ask)


def _about(spec: OperationSpec, call: Call) -> dict[str, Any] | None:
    if spec.kind is OperationKind.SOURCE and spec.batch:
        return {"nationalIds": [person.digits for person in call.people]}
    return None if call.person is None else {"nationalId": call.person.digits}


def _refusal(reply: httpx2.Response, taken: bytes, *, has_effect: bool) -> Exception:
    status, retry_after = reply.status_code, seconds_of(reply.headers.get("retry-after"))
    if status == KEY_REUSED and has_effect:
        return KeyKnownThere(status, code_of(taken))
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return AgencyRefusal(status, code_of(taken), retry_after_seconds=retry_after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return MalformedReply(Trouble.ERROR, retry_after_seconds=retry_after)
    return MalformedReply()


def _declared(told: Mapping[str, Any], manifest: Manifest) -> str:
    error = told.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, str) or code not in manifest.errors:
        raise MalformedReply(Trouble.MALFORMED)
    return code


def _answer(told: Mapping[str, Any], spec: OperationSpec, call: Call) -> Any:
    if spec.kind is OperationKind.SOURCE and spec.batch:
        return _answers(told.get("answers"), call)
    if "answer" not in told:
        raise MalformedReply(Trouble.MALFORMED)
    return known_of(told["answer"]) if spec.kind is OperationKind.SOURCE else told["answer"]


def _answers(rows: Any, call: Call) -> dict[NationalId, dict[str, Known]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "answer" in row for row in rows):
        raise MalformedReply(Trouble.MALFORMED)
    asked = {person.digits: person for person in call.people}
    answers: dict[NationalId, dict[str, Known]] = {}
    for row in rows:
        number = row.get("nationalId")
        if not isinstance(number, str) or number not in asked:
            raise WrongSubject
        if asked[number] in answers:
            raise MalformedReply(Trouble.MALFORMED)
        answers[asked[number]] = known_of(row["answer"])
    return answers
