"""What every agency's system may answer instead of data; the rest is `services.plugins.contract.sandbox`'s."""

from __future__ import annotations

from typing import Final

from core.text import Text

NO_TOKEN: Final = Text(th="ไม่มีโทเคนหรือโทเคนหมดอายุ", en="The token is missing, unknown or has lain idle too long.")
WRONG_SECRET: Final = Text(th="คีย์หรือรหัสลับไม่ถูกต้อง", en="The consumer key or secret is wrong.")
NO_PROOF: Final = Text(th="หลักฐานของระบบที่ขอโทเคนใช้ไม่ได้", en="The client's assertion proves nothing.")
NO_AGENT: Final = Text(th="ไม่ได้ระบุ AgentID", en="The AgentID header must name the officer or system that asks.")
DOWN: Final = Text(th="ระบบปิดปรับปรุงชั่วคราว", en="The system is down.")
