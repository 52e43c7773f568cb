"""What can be wrong with a programme file. Each error says in which file and line, and what was expected there."""

from __future__ import annotations

from typing import Any

from core.errors import SitthiError
from core.text import Language, Text


class ProgrammeError(SitthiError):
    """Base. `file` is the name without its folder, `line` counts from 1."""

    code = "PROGRAMME_INVALID"
    text = Text(th="{file} บรรทัด {line}: ไฟล์โครงการไม่ถูกต้อง", en="{file}, line {line}: the programme file is not valid.")

    def __init__(self, file: str, line: int, **fields: Any) -> None:
        self.file = file
        self.line = line
        super().__init__(file=file, line=line, **fields)


class NotYaml(ProgrammeError):
    code = "PROGRAMME_NOT_YAML"
    text = Text(
        th="{file} บรรทัด {line}: อ่านเป็น YAML ไม่ได้ ({problem})", en="{file}, line {line}: this is not YAML ({problem})."
    )


class DuplicateKey(ProgrammeError):
    code = "PROGRAMME_DUPLICATE_KEY"
    text = Text(th="{file} บรรทัด {line}: คีย์ {key} ซ้ำ", en="{file}, line {line}: the key {key} stands here twice.")


class AmbiguousScalar(ProgrammeError):
    """What YAML 1.1 and 1.2 read differently: `no`, `on`, `1_000`, `010`, `12:30`, an empty value."""

    code = "PROGRAMME_AMBIGUOUS_VALUE"
    text = Text(
        th="{file} บรรทัด {line}: ค่า {value} กำกวม ใช้ true/false ตัวเลขล้วน หรือใส่เครื่องหมายคำพูด",
        en="{file}, line {line}: {value} is ambiguous; write true or false, plain digits, or quote it.",
    )


class FloatRefused(ProgrammeError):
    code = "PROGRAMME_FLOAT"
    text = Text(
        th="{file} บรรทัด {line}: ห้ามใช้ทศนิยม ({value}) จำนวนเงินเขียนเช่น 100,000.01 baht",
        en="{file}, line {line}: no decimal fractions ({value}); write money as 100,000.01 baht.",
    )


class AnchorRefused(ProgrammeError):
    code = "PROGRAMME_ANCHOR"
    text = Text(
        th="{file} บรรทัด {line}: ห้ามใช้ anchor, alias, merge หรือ tag ของ YAML",
        en="{file}, line {line}: no anchors, aliases, merges or tags.",
    )


class UnknownKey(ProgrammeError):
    code = "PROGRAMME_UNKNOWN_KEY"
    text = Text(th="{file} บรรทัด {line}: ไม่รู้จักคีย์ {key}", en="{file}, line {line}: there is no key {key} here.")


class MissingKey(ProgrammeError):
    code = "PROGRAMME_MISSING_KEY"
    text = Text(th="{file} บรรทัด {line}: ขาดคีย์ {key}", en="{file}, line {line}: the key {key} is missing.")


class WrongValue(ProgrammeError):
    code = "PROGRAMME_WRONG_VALUE"
    text = Text(th="{file} บรรทัด {line}: {key} ต้องเป็น {expected}", en="{file}, line {line}: {key} must be {expected}.")


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
