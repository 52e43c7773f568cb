"""Domain errors: a stable code, typed fields, and a text in Thai and English.

One table at the edge (`api/errors.py`) maps codes to GraphQL and HTTP. A domain error never knows a status code, and
its fields never hold personal data: they reach the citizen, the log and the trace as they are.
"""

from __future__ import annotations

from typing import Any, ClassVar

from core.text import Language, Text


class SitthiError(Exception):
    """Base of every error that a caller may see. Subclasses set `code` and `text`; keyword arguments fill the text."""

    code: ClassVar[str] = "INTERNAL"
    text: ClassVar[Text] = Text(th="เกิดข้อผิดพลาดภายในระบบ", en="Something went wrong on our side.")

    def __init__(self, *, path: tuple[str | int, ...] = (), **fields: Any) -> None:
        self.path = path
        """Where in the caller's input the trouble lies, as keys and indices; empty when it is not about one place."""
        self.fields = fields
        super().__init__(self.message(Language.EN))

    def message(self, language: Language) -> str:
        return self.text.filled(**self.fields).in_language(language)


class BadInput(SitthiError):
    """Input that does not have the form it must have."""

    code = "BAD_INPUT"
    text = Text(th="ข้อมูลที่ส่งมาไม่ถูกต้อง: {what}", en="The input is not valid: {what}")

    def __init__(self, what: str | Text, *, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(what=what, path=path)


class NotSignedIn(SitthiError):
    code = "NOT_SIGNED_IN"
    text = Text(th="กรุณาเข้าสู่ระบบก่อน", en="Please sign in first.")


class NotAllowed(SitthiError):
    code = "NOT_ALLOWED"
    text = Text(th="คุณไม่มีสิทธิ์ทำรายการนี้", en="You may not do this.")


class NotFound(SitthiError):
    """Unknown, or not the caller's: the two are alike on purpose."""

    code = "NOT_FOUND"
    text = Text(th="ไม่พบรายการที่ต้องการ", en="There is nothing of that kind here.")


class BodyTooLarge(SitthiError):
    """An HTTP body over the limit of its route."""

    code = "BODY_TOO_LARGE"
    text = Text(th="ข้อมูลที่ส่งมายาวเกินไป", en="What was sent is too long.")


class Conflict(SitthiError):
    code = "CONFLICT"
    text = Text(th="รายการนี้เปลี่ยนสถานะไปแล้ว", en="This has changed in the meantime.")


class IdempotencyConflict(SitthiError):
    code = "IDEMPOTENCY_CONFLICT"
    text = Text(
        th="idempotencyKey นี้ใช้กับคำขอที่มีข้อมูลต่างจากนี้ไปแล้ว",
        en="This idempotencyKey was used before with another input.",
    )


class ServiceUnavailable(SitthiError):
    """An outside system did not answer, or not in time, or not in a form we can use."""

    code = "SERVICE_UNAVAILABLE"
    text = Text(
        th="ขณะนี้ยังติดต่อ {service} ไม่ได้ กรุณาลองใหม่ภายหลัง",
        en="{service} cannot be reached right now. Please try again later.",
    )

    def __init__(self, service: str | Text, *, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(service=service, path=path)
