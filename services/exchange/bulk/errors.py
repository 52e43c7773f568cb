"""What can be wrong with a bulk run. A person who cannot be read is a state in the snapshot, not an error."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed
from core.text import Text


class BulkRefused(NotAllowed):
    """The purpose, the asker or an attribute does not allow it; `reason` is one of services.exchange.policy."""

    code = "BULK_REFUSED"
    text = Text(th="อ่านข้อมูลเป็นชุดไม่ได้: {reason}", en="A whole population may not be read so: {reason}")


class BulkBusy(Conflict):
    """Another worker is at this run."""

    code = "BULK_BUSY"
    text = Text(th="ชุดนี้กำลังประมวลผลอยู่", en="This run is under way.")


class SnapshotGone(Conflict):
    """Not read to its end yet, or deleted on its day."""

    code = "SNAPSHOT_GONE"
    text = Text(th="ยังไม่มีชุดข้อมูลนี้ หรือลบไปแล้วตามกำหนด", en="There is no such snapshot yet, or it was deleted on its day.")
