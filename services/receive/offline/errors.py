"""Why a bundle is of no use to whoever would verify by it."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text

NOT_IN_FORM = Text(th="ไฟล์ไม่ใช่ชุดข้อมูลสำหรับตรวจสอบ", en="the file is no bundle for verification")
NOT_SIGNED = Text(th="ลายมือชื่อของชุดข้อมูลไม่ถูกต้อง", en="its signature does not fit")
OTHER_KEY = Text(
    th="ชุดข้อมูลลงลายมือชื่อด้วยกุญแจอื่น ไม่ใช่กุญแจที่ระบุ", en="it is signed by another key than the one that was named"
)
OVER = Text(th="ชุดข้อมูลหมดอายุแล้ว กรุณาดาวน์โหลดใหม่", en="it is over; download a new one")
AHEAD = Text(
    th="ชุดข้อมูลมาจากอนาคต นาฬิกาของเครื่องนี้อาจผิด", en="it is from the future; the clock of this machine may be wrong"
)


class BundleRefused(SitthiError):
    """Nothing can be told by it, of any credential and any paper."""

    code = "VERIFICATION_BUNDLE_REFUSED"
    text = Text(th="ใช้ชุดข้อมูลสำหรับตรวจสอบนี้ไม่ได้: {why}", en="This bundle cannot be used: {why}.")

    def __init__(self, why: Text) -> None:
        super().__init__(why=why)
