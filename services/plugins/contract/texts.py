"""Which characters a text of an agency may hold: those that are seen, and that mean what they look like.

Texts go to citizens' screens, to reviewers, to developers' tools and to terminals. A character that turns the
direction of reading round shows a reviewer something else than it says (CVE-2021-42574); a tag is markup wherever
somebody forgets that a text is none.
"""

from __future__ import annotations

import re
from typing import Final

_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
"""Controls (not tab and line ends), marks of direction, invisible operators, half letters, private and tag characters.
Joiners and the zero-width space stay: Thai and emoji are written with them."""
_TAG: Final = re.compile(r"<[A-Za-z/!?]")
QUOTED_MAX: Final = 300


def unseen_in(text: str) -> str | None:
    """The first character that is not seen, in words; None when there is none."""
    found = _UNSEEN.search(text)
    return None if found is None else f"it holds U+{ord(found[0]):04X}, which is not seen or changes what is"


def trouble_in(text: str) -> str | None:
    """What the text holds that it may not; None when it is plain."""
    if (why := unseen_in(text)) is not None:
        return why
    if (found := _TAG.search(text)) is not None:
        return f"it holds `{found[0]}`, which begins a tag of HTML"
    return None


def quoted(text: str) -> str:
    """A stranger's text as a fault, a log or a terminal may show it: short, and without what is not seen."""
    shown = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text[: QUOTED_MAX + 1])
    return shown if len(shown) <= QUOTED_MAX else f"{shown[:QUOTED_MAX]}…"
