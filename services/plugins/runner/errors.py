"""What a caller sees of an agency's declared errors."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Language, Text


class AgencyDeclined(SitthiError):
    """The agency answered with an error that its manifest declares; the words are the manifest's.

    `fields` name the agency and its own code; the graph's code is the same for all.
    """

    code = "AGENCY_DECLINED"
    text = Text(th="หน่วยงานแจ้งว่าทำรายการนี้ไม่ได้", en="The agency declined this.")

    def __init__(self, agency: str, error: str, words: Text) -> None:
        self._words = words
        super().__init__(agency=agency, error=error)

    def message(self, language: Language) -> str:
        return self._words.in_language(language)
