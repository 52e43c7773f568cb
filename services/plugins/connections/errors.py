"""What can be wrong with what an operator says of an agency. Never holds a secret, or a part of one."""

from __future__ import annotations

from core.errors import NotFound, SitthiError
from core.text import Text


class ConnectionsUnusable(SitthiError):
    """The file of SITTHI_AGENCIES_FILE cannot be used as it is."""

    code = "AGENCY_CONNECTIONS_UNUSABLE"
    text = Text(
        th="ใช้แฟ้มการเชื่อมต่อหน่วยงานไม่ได้:\n{what}", en="The file of connections to agencies cannot be used:\n{what}"
    )

    def __init__(self, *faults: str) -> None:
        super().__init__(what="\n".join(faults))


class SecretUnusable(SitthiError):
    """A secret that the file refers to is not there, or is one that opens made-up data only."""

    code = "AGENCY_SECRET_UNUSABLE"
    text = Text(
        th="ใช้รหัสลับของหน่วยงาน {agency} ไม่ได้ ({where}): {why}",
        en="The secret of the agency {agency} cannot be used ({where}): {why}.",
    )

    def __init__(self, agency: str, where: str, why: Text) -> None:
        super().__init__(agency=agency, where=where, why=why)


class NotConnected(NotFound):
    """Nobody said where this agency's system is, and no sandbox stands in for it."""

    code = "AGENCY_NOT_CONNECTED"
    text = Text(
        th="ยังไม่ได้เชื่อมต่อกับระบบของหน่วยงาน {agency}",
        en="The agency {agency} is not connected: name its address in the file of SITTHI_AGENCIES_FILE.",
    )
