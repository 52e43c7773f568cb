"""Words about shares, and what citizens may call a verifier and themselves."""

from __future__ import annotations

import re
from typing import Final

from core.errors import BadInput
from core.text import Text
from identity.inbox.service import holds_national_id

NAME_LENGTH_MAX: Final = 120
_ADDRESS: Final = re.compile(r"://|www\.|@|\.[a-z]{2,}(?:/|$|\s)", re.IGNORECASE)
"""A page of ours shows the words: nobody is to be led elsewhere by them."""
_NAME: Final = Text(
    th="ชื่อต้องมี 1 ถึง 120 ตัวอักษร ไม่มีลิงก์ อีเมล หรือเลขประจำตัวประชาชน",
    en="a name has 1 to 120 characters, and holds no link, no address and no national ID",
)
UNVERIFIED: Final = Text(
    th="{name} (ชื่อตามที่ท่านระบุ ไม่มีใครตรวจสอบว่าผู้เปิดคือใคร)",
    en="{name} (as you named them; nobody has checked who opens it)",
)
REGISTERED: Final = Text(
    th="{name} เลขทะเบียน {number} (ตามที่ท่านเลือก ไม่มีใครตรวจสอบว่าผู้เปิดคือใคร)",
    en="{name}, number {number} (as you chose; nobody has checked who opens it)",
)


def checked_name(given: str, member: str) -> str:
    """Raises :class:`BadInput`."""
    name = " ".join(given.split())
    is_fine = 0 < len(name) <= NAME_LENGTH_MAX and name.isprintable()
    if not is_fine or _ADDRESS.search(name) or holds_national_id(name):
        raise BadInput(_NAME, path=(member,))
    return name
