"""What a file is, by what it holds and nothing else, and whether it is that alone."""

from __future__ import annotations

import re
from typing import Final

from services.apply.evidence.images import look_at_jpeg, look_at_png
from services.apply.evidence.pdfs import look_at_pdf
from services.apply.evidence.refusals import Reason, Refused

PDF: Final = "application/pdf"
JPEG: Final = "image/jpeg"
PNG: Final = "image/png"
SUFFIXES: Final = {PDF: "pdf", JPEG: "jpg", PNG: "png"}
_BEGINS: Final = ((PDF, b"%PDF-"), (JPEG, b"\xff\xd8\xff"), (PNG, b"\x89PNG\r\n\x1a\n"))
_LOOKS: Final = {PDF: look_at_pdf, JPEG: look_at_jpeg, PNG: look_at_png}
_PAGE: Final = re.compile(rb"<(?:!doctype\s+html|html[\s>]|script[\s>]|svg[\s>]|\?php|%@|iframe[\s>])", re.IGNORECASE)
"""A browser that guesses, or a server that runs what it finds, would take it for a page."""
_ARCHIVE: Final = (b"PK\x05\x06", b"PK\x06\x06")
_ARCHIVE_ENDS_WITHIN: Final = 65_557
"""ZIP (APPNOTE 4.3.16): the record that makes an archive stands so near the end: 22 bytes and a comment of 65,535."""
_OTHERS: Final = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"!<arch>\n")
"""Marks of archives that are found behind other things, long enough not to come about by chance."""


def look(content: bytes) -> str:
    """The media type. Raises :class:`Refused`, and whatever the libraries raise of a file that is made to break them:
    to be called in a process of its own (`examining`)."""
    for media_type, begins in _BEGINS:
        if content.startswith(begins):
            _refuse_second_format(media_type, content)
            _LOOKS[media_type](content)
            return media_type
    raise Refused(Reason.WRONG_TYPE)


def _refuse_second_format(media_type: str, content: bytes) -> None:
    tail = content[-_ARCHIVE_ENDS_WITHIN:]
    if any(mark in tail for mark in _ARCHIVE) or any(mark in content for mark in _OTHERS) or _PAGE.search(content):
        raise Refused(Reason.TWO_FORMATS)
    if content.find(b"%PDF-", 1) >= 0 or (media_type != PDF and b"%%EOF" in content):
        raise Refused(Reason.TWO_FORMATS)  # readers look for it in the first kilobyte, and some everywhere
