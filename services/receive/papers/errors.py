"""Why a PDF is not what it seems to be: each reason has its name, and is told to whoever was shown the paper."""

from __future__ import annotations

from core.errors import BodyTooLarge
from core.text import Text
from core.verification import NotGoodAnyMore


class PaperNotGenuine(NotGoodAnyMore):
    """The root of all reasons; each below says which."""


class PaperNotPdf(PaperNotGenuine):
    code = "PAPER_NOT_PDF"
    text = Text(th="ไฟล์นี้ไม่ใช่ PDF", en="This file is no PDF.")


class PaperNotSigned(PaperNotGenuine):
    code = "PAPER_NOT_SIGNED"
    text = Text(
        th="เอกสารนี้ไม่มีลายมือชื่อดิจิทัล หากพิมพ์หรือถ่ายภาพมา ให้ขอไฟล์ต้นฉบับ",
        en="This document bears no digital signature. If it was printed or photographed, ask for the file itself.",
    )


class PaperSignatureBroken(PaperNotGenuine):
    code = "PAPER_SIGNATURE_BROKEN"
    text = Text(
        th="ลายมือชื่อดิจิทัลใช้ไม่ได้: ไฟล์ถูกบันทึกใหม่ด้วยโปรแกรมอื่น หรือมีผู้อ้างชื่อหน่วยงานโดยไม่มีกุญแจของหน่วยงานนั้น",
        en="The signature is not valid: a program wrote the file anew, or somebody claims an agency without its key.",
    )


class PaperSignerUnknown(PaperNotGenuine):
    code = "PAPER_SIGNER_UNKNOWN"
    text = Text(
        th="เอกสารนี้ลงลายมือชื่อโดยผู้ที่เราไม่รู้จัก ไม่ใช่หน่วยงานในระบบนี้",
        en="This document is signed by somebody whom we do not know, and not by an agency of this system.",
    )


class PaperAltered(PaperNotGenuine):
    code = "PAPER_ALTERED"
    text = Text(th="เนื้อหาของเอกสารนี้ถูกแก้ไขหลังลงลายมือชื่อ", en="What this document says was changed after it was signed.")


class PaperAddedTo(PaperNotGenuine):
    """An incremental update (ISO 32000-2 §7.5.6): what is seen need not be what was signed."""

    code = "PAPER_ADDED_TO"
    text = Text(
        th="มีสิ่งที่เพิ่มเข้ามาในเอกสารนี้หลังลงลายมือชื่อ สิ่งที่เห็นอาจไม่ใช่สิ่งที่หน่วยงานรับรอง",
        en="Something was added to this document after it was signed: what is seen need not be what the agency signed.",
    )


class PaperCertificateExpired(PaperNotGenuine):
    code = "PAPER_CERTIFICATE_EXPIRED"
    text = Text(
        th="ใบรับรองที่ใช้ลงลายมือชื่อหมดอายุแล้ว กรุณาขอเอกสารฉบับใหม่",
        en="The certificate under which this was signed is over. Please ask for a new document.",
    )


class PaperCertificateRevoked(PaperNotGenuine):
    code = "PAPER_CERTIFICATE_REVOKED"
    text = Text(
        th="ใบรับรองที่ใช้ลงลายมือชื่อถูกเพิกถอน จึงเชื่อถือเอกสารนี้ไม่ได้ กรุณาขอเอกสารฉบับใหม่",
        en="The certificate under which this was signed was revoked: the document proves nothing. Ask for a new one.",
    )


class PaperRevoked(PaperNotGenuine):
    """It is what the agency signed, and the agency has taken it back."""

    code = "PAPER_REVOKED"
    text = Text(
        th="หน่วยงานเพิกถอนเอกสารฉบับนี้แล้ว กรุณาขอเอกสารฉบับใหม่จากเจ้าของเอกสาร",
        en="The agency has taken this document back. Ask its holder for a new one.",
    )


class PaperSuspended(PaperNotGenuine):
    code = "PAPER_SUSPENDED"
    text = Text(
        th="หน่วยงานระงับเอกสารฉบับนี้ไว้ชั่วคราว กรุณาตรวจสอบอีกครั้งภายหลัง",
        en="The agency has suspended this document for now. Verify it again later.",
    )


class PaperTooLarge(BodyTooLarge):
    code = "PAPER_TOO_LARGE"
    text = Text(th="ไฟล์ใหญ่เกิน 5 MB", en="The file is larger than 5 MB.")
