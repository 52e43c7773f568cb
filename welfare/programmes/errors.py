"""What can be wrong with a programme file. Each error says in which file and line, and what was expected there."""

from __future__ import annotations

from core.errors import SitthiError
from core.strict_yaml import FileError
from core.text import Language, Text


class ProgrammeError(FileError):
    """Base of what only a programme can be; what any file of data can be is in :mod:`core.strict_yaml`."""

    code = "PROGRAMME_INVALID"
    text = Text(th="{file} บรรทัด {line}: ไฟล์โครงการไม่ถูกต้อง", en="{file}, line {line}: the programme file is not valid.")


class UnknownReference(ProgrammeError):
    code = "PROGRAMME_UNKNOWN_REFERENCE"
    text = Text(th="{file} บรรทัด {line}: ไม่มี {name} ใน {where}", en="{file}, line {line}: {where} has no {name}.")


class Unused(ProgrammeError):
    code = "PROGRAMME_UNUSED"
    text = Text(
        th="{file} บรรทัด {line}: {name} ใน {where} ไม่มีรุ่นใดใช้", en="{file}, line {line}: nothing uses {name} of {where}."
    )


class VersionOverlap(ProgrammeError):
    code = "PROGRAMME_VERSION_OVERLAP"
    text = Text(
        th="{file} บรรทัด {line}: รุ่นนี้ทับซ้อนกับรุ่นก่อนหน้า หรือเรียงวันที่ไม่ถูก",
        en="{file}, line {line}: this version overlaps the one before, or they are out of order.",
    )


class VersionGap(ProgrammeError):
    code = "PROGRAMME_VERSION_GAP"
    text = Text(
        th="{file} บรรทัด {line}: มีช่วงว่างก่อนรุ่นนี้ ถ้าตั้งใจให้ใส่ after_gap: true",
        en="{file}, line {line}: there is a gap before this version; if the law has one, say `after_gap: true`.",
    )


class RuleRefused(ProgrammeError):
    """A rule of the file does not parse; `cause` is the RuleError with its own line and column in the expression."""

    code = "PROGRAMME_RULE"
    text = Text(th="{file} บรรทัด {line}: {name}: {cause}", en="{file}, line {line}: {name}: {cause}")

    def __init__(self, file: str, line: int, name: str, cause: SitthiError) -> None:
        self.cause = cause
        super().__init__(
            file, line, name=name, cause=Text(th=cause.message(Language.TH), en=cause.message(Language.EN))
        )


class FrozenInvalid(SitthiError):
    """A stored version that this code cannot have written."""

    code = "PROGRAMME_FROZEN_INVALID"
    text = Text(th="รุ่นของโครงการที่เก็บไว้อ่านไม่ได้", en="The stored version of the programme cannot be read.")
