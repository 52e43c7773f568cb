"""What an agency's system answers instead of data: a code and a text in both languages, never the number asked for."""

from __future__ import annotations

from typing import Final

from core.text import Text


class Refusal(Exception):
    def __init__(self, status: int, code: str, text: Text) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.text = text


MALFORMED: Final = Text(th="คำขอไม่ถูกต้อง", en="The request does not have the form it must have.")
NO_SUCH_PERSON: Final = Text(th="ไม่พบข้อมูลบุคคล", en="There is no record of this person.")
NO_TOKEN: Final = Text(th="ไม่มีโทเคนหรือโทเคนหมดอายุ", en="The token is missing, unknown or has lain idle too long.")
WRONG_SECRET: Final = Text(th="คีย์หรือรหัสลับไม่ถูกต้อง", en="The consumer key or secret is wrong.")
NO_AGENT: Final = Text(th="ไม่ได้ระบุ AgentID", en="The AgentID header must name the officer or system that asks.")
DOWN: Final = Text(th="ระบบปิดปรับปรุงชั่วคราว", en="The system is down.")


def malformed() -> Refusal:
    return Refusal(400, "BAD_REQUEST", MALFORMED)


def no_such_person() -> Refusal:
    return Refusal(404, "PERSON_NOT_FOUND", NO_SUCH_PERSON)
