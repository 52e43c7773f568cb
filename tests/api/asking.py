"""Questions that ought to be refused, and what must hold of every answer to them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from api import reference
from tests.support.app import Served

CODES: Final = {*reference.all_errors(), *reference.LIBRARY_CODES}
"""All that docs/errors.md lists."""
DIGITS: Final = re.compile(r"\d(?:[- ]?\d){12}")
NUMBER: Final = "1103700012340"
NAME: Final = "สมชาย ใจดี"
JSON: Final = {"content-type": "application/json"}


class Asking:
    """Asks, and holds every answer to what all answers must be."""

    def __init__(self, sitthi: Served, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        self.sitthi, self._capsys, self._caplog = sitthi, capsys, caplog

    async def raw(self, body: bytes, headers: Mapping[str, str] = JSON, method: str = "POST") -> tuple[int, list[str]]:
        answer = await self.sitthi.http.request(method, "/graphql", content=body, headers=dict(headers))
        return answer.status_code, self.codes(answer.text)

    async def graph(self, query: str, variables: Any = None, persona: str | None = None) -> tuple[int, list[str]]:
        answer = await self.sitthi.post(query, variables, persona=persona)
        return answer.status_code, self.codes(answer.text)

    def codes(self, text: str) -> list[str]:
        """The codes of an answer. Fails for an unknown one, a trace, or what the caller sent."""
        printed = self._capsys.readouterr()
        for place in (text, printed.out, printed.err, self._caplog.text):
            for trace in ("Traceback", 'File "', "site-packages", "sqlalchemy", "asyncpg"):
                assert trace not in place
            assert NAME not in place
            assert NUMBER not in place
        answer = json.loads(text)
        assert not DIGITS.search(json.dumps(answer.get("errors", [])))
        codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
        assert set(codes) <= CODES - {"INTERNAL"}
        assert all(error["message"] for error in answer.get("errors", []))
        return codes
