"""What can be wrong with records that an agency sends. None says what stood in them."""

from __future__ import annotations

from enum import StrEnum

from core.errors import Conflict, SitthiError
from core.text import Text


class IngestConflict(Conflict):
    """The agency used this key for another body; nothing of this one was looked at."""

    code = "IDEMPOTENCY_CONFLICT"
    text = Text(
        th="idempotencyKey นี้ใช้กับคำขอที่มีข้อมูลต่างจากนี้ไปแล้ว",
        en="This idempotencyKey was used before with another input.",
    )


class IngestRunning(Conflict):
    """The same sending is being taken by another request right now."""

    code = "INGEST_RUNNING"
    text = Text(
        th="กำลังรับข้อมูลชุดนี้อยู่ กรุณาส่งซ้ำด้วยรหัสเดิมในอีกสักครู่",
        en="This very sending is being taken right now. Send it again under the same key in a moment.",
    )


class IngestExpired(Conflict):
    """It was begun so long ago, and never ended, that the plugin may have forgotten the keys of its calls: going on
    could have lines taken twice."""

    code = "INGEST_EXPIRED"
    text = Text(
        th="เริ่มส่งข้อมูลชุดนี้ไว้นานเกินไปแล้ว รับได้ถึงบรรทัดที่ {settled} กรุณาตรวจกับระบบของท่านแล้วส่งส่วนที่เหลือด้วยรหัสใหม่",
        en="This sending was begun too long ago. It is settled up to line {settled}: see what your system has of the "
        "rest, and send that under a new key.",
    )


class NdjsonWanted(SitthiError):
    code = "NDJSON_WANTED"
    text = Text(
        th="ต้องส่งข้อมูลเป็น application/x-ndjson หรือรูปแบบอื่นที่บริการประกาศไว้",
        en="Send the records as application/x-ndjson, or in another format that the service declares.",
    )


class Unreadable(StrEnum):
    """Why of a whole file nothing is taken."""

    SYNTAX = "SYNTAX"
    """It is no XML, or no CSV whose rows all have the columns of its header."""
    ENCODING = "ENCODING"
    """It is not UTF-8."""
    FORBIDDEN = "FORBIDDEN"
    """A document type, an entity, or a processing instruction."""
    TOO_LARGE = "TOO_LARGE"
    """Too many elements, too deep, or a text that is too long."""
    OTHER_FORM = "OTHER_FORM"
    """Another root, namespace or header element than the operation declares."""
    HEADER = "HEADER"
    """The first row does not name the columns that the operation declares, each once."""
    TORN = "TORN"
    """Rows of one record do not stand together."""


class FileUnreadable(SitthiError):
    """A file of records is not as its format must be; none of it is looked at."""

    code = "RECORDS_UNREADABLE"
    text = Text(
        th="อ่านไฟล์ข้อมูลไม่ได้ที่บรรทัด {line} ({reason}) จึงไม่ได้รับข้อมูลใด",
        en="The file of records cannot be read at line {line} ({reason}). None of it was taken.",
    )

    def __init__(self, line: int, reason: Unreadable) -> None:
        super().__init__(line=line, reason=reason.value)
        self.line, self.reason = line, reason


class IngestInterrupted(SitthiError):
    """The plugin did not take all of it. What is settled stays settled; the same body under the same key goes on."""

    code = "INGEST_INTERRUPTED"
    text = Text(
        th="รับข้อมูลได้ถึงบรรทัดที่ {settled} กรุณาส่งข้อมูลชุดเดิมด้วยรหัสเดิมอีกครั้ง",
        en="Everything up to line {settled} is settled. Send the same content again under the same key.",
    )

    def __init__(self, *, settled: int, uncertain: int, trouble: str) -> None:
        super().__init__(settled=settled, uncertain=uncertain, trouble=trouble)
        self.settled = settled
        self.uncertain = uncertain
        """Up to this line, from the settled ones on, the agency may or may not have it."""
        self.trouble = trouble
        """A code of :class:`services.plugins.runner.Trouble`, or `TIME_UP` when the request took too long."""
