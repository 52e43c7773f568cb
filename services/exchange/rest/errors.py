"""What can be wrong with a request of an agency's system. None says anything about the person it was about."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed, SitthiError
from core.text import Text
from identity.provider.errors import ScopeMissing


class AgencyScopeMissing(ScopeMissing):
    """The client was not registered for this, or did not ask for the scope when it got its token."""

    text = Text(th="ระบบนี้ไม่ได้รับสิทธิ์ {scope}", en="This client's token does not have the scope {scope}.")


class MediaTypeUnsupported(SitthiError):
    code = "MEDIA_TYPE_UNSUPPORTED"
    text = Text(th="ต้องส่งข้อมูลเป็น application/json", en="Send the request as application/json.")


class RequestReplayed(Conflict):
    """The agency has used this requestId already, for the very same request. What was answered then is not told again:
    no answer is kept."""

    code = "REQUEST_REPLAYED"
    text = Text(
        th="คำขอเลขที่นี้ใช้ไปแล้ว ระบบไม่เก็บคำตอบไว้ กรุณาส่งคำขอใหม่ด้วยเลขที่ใหม่",
        en="This requestId was used before. No answer is kept: ask again under a new one.",
    )


class RequestConflict(Conflict):
    """The agency has used this requestId already, for another request."""

    code = "REQUEST_CONFLICT"
    text = Text(
        th="คำขอเลขที่นี้ใช้กับคำขออื่นไปแล้ว กรุณาใช้เลขที่ใหม่",
        en="This requestId was used for another request. Take a new one.",
    )


class AgentUnknown(NotAllowed):
    """The officer named is none, is not active, or serves another agency: alike on purpose."""

    code = "AGENT_UNKNOWN"
    text = Text(
        th="ไม่มีเจ้าหน้าที่คนนี้ปฏิบัติงานอยู่ในหน่วยงานของระบบที่ขอ",
        en="The calling agency has no such officer in service.",
    )


class PersonMalformed(SitthiError):
    """A person of a batch who is named neither by a national ID nor by a reference of this agency's."""

    code = "PERSON_MALFORMED"
    text = Text(
        th="เลขประจำตัวประชาชนหรือรหัสอ้างอิงบุคคลไม่ถูกต้อง",
        en="This is neither a national ID nor a reference that this agency was given.",
    )


class PersonTwice(SitthiError):
    """A person of a batch who stands in it already, perhaps under another name; the first is answered."""

    code = "PERSON_TWICE"
    text = Text(th="มีบุคคลนี้อยู่ในคำขอเดียวกันแล้ว", en="This person is in the same request already.")
