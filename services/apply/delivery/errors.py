"""What can be wrong with an application to an agency's service."""

from __future__ import annotations

from core.text import Text
from services.apply.errors import ApplyError


class AtTheAgency(ApplyError):
    """The contract with agencies has no call for it, so that it would be a promise that nobody keeps."""

    code = "AT_THE_AGENCY"
    text = Text(
        th="เรื่องนี้ต้องดำเนินการกับ {agency} โดยตรง ดูช่องทางติดต่อได้ที่หน้าบริการ",
        en="This is done with the {agency} itself; its service page says how to reach it.",
    )

    def __init__(self, agency: Text) -> None:
        super().__init__(agency=agency)


class ConsentNeeded(ApplyError):
    """The service reads facts on the ground of consent (PDPA 2562 s.19), and the citizen has not consented.

    Its path ends in the id of the purpose, which `grantConsent` takes.
    """

    code = "CONSENT_NEEDED"
    text = Text(
        th="บริการนี้ใช้ข้อมูลโดยความยินยอม กรุณาให้ความยินยอมเรื่อง “{purpose}” ก่อน",
        en="This service uses facts by your consent. Please consent to “{purpose}” first.",
    )

    def __init__(self, id: str, purpose: Text) -> None:  # noqa: A002 - the purpose's own name for it
        super().__init__(purpose=purpose, path=("consent", id))


class ForTheCitizenAlone(ApplyError):
    """A service is applied for by whom it is about; who is represented applies by a delegation."""

    code = "FOR_ONESELF_ALONE"
    text = Text(
        th="บริการนี้ยื่นให้ตนเองเท่านั้น หากดำเนินการแทนผู้อื่นให้ใช้การมอบอำนาจ",
        en="One applies to this service for oneself. To act for somebody else, use a delegation.",
    )
