"""What can be wrong with a rule or with the facts handed to it. Every class has its own stable code.

Errors of a rule say where (line and column, both from 1) and quote the rule, never a citizen's fact.
"""

from __future__ import annotations

from typing import Any

from core.errors import SitthiError
from core.text import Text


class RuleError(SitthiError):
    """Base of everything that the parser refuses. `line` and `column` count from 1 within the expression."""

    code = "RULE_INVALID"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: เงื่อนไขไม่ถูกต้อง", en="Line {line}, column {column}: the rule is not valid."
    )

    def __init__(self, line: int, column: int, **fields: Any) -> None:
        self.line = line
        self.column = column
        super().__init__(line=line, column=column, **fields)


class ThaiDigit(RuleError):
    code = "RULE_THAI_DIGIT"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ใช้เลขอารบิก (0–9) แทนเลขไทย",
        en="Line {line}, column {column}: write the digits 0–9, not Thai digits.",
    )


class ForeignCharacter(RuleError):
    code = "RULE_FOREIGN_CHARACTER"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ใช้อักขระนี้ในเงื่อนไขไม่ได้ ({codepoint})",
        en="Line {line}, column {column}: a rule has no place for this character ({codepoint}).",
    )


class CommentRefused(RuleError):
    code = "RULE_COMMENT"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: เขียนหมายเหตุใน YAML ไม่ใช่ในเงื่อนไข",
        en="Line {line}, column {column}: comments belong into the YAML, not into the expression.",
    )


class SemicolonRefused(RuleError):
    code = "RULE_SEMICOLON"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: เงื่อนไขหนึ่งคือนิพจน์เดียว ห้ามใช้ ;",
        en="Line {line}, column {column}: a condition is one expression; no `;`.",
    )


class NumberForm(RuleError):
    code = "RULE_NUMBER_FORM"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: เขียนจำนวนเป็นตัวเลขล้วน เช่น 1000 (ไม่ใช่ {found})",
        en="Line {line}, column {column}: write a number as plain digits, such as 1000, not {found}.",
    )


class DecimalRefused(RuleError):
    code = "RULE_DECIMAL"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ไม่มีทศนิยมในเงื่อนไข ({found}) จำนวนเงินให้ตั้งชื่อไว้ใน with",
        en="Line {line}, column {column}: rules have no decimals ({found}); name a sum of money in `with`.",
    )


class NumberOutOfRange(RuleError):
    code = "RULE_NUMBER_OUT_OF_RANGE"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: จำนวนเกิน 64 บิต",
        en="Line {line}, column {column}: the number does not fit into 64 bits.",
    )


class ArithmeticOutOfRange(RuleError):
    code = "RULE_ARITHMETIC_OUT_OF_RANGE"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ผลคำนวณอาจเกิน 64 บิตสำหรับค่าที่ยอมรับได้",
        en="Line {line}, column {column}: for facts within their ranges the result may not fit into 64 bits.",
    )


class KeywordCase(RuleError):
    code = "RULE_KEYWORD_CASE"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: เขียน {keyword} แทน {found}",
        en="Line {line}, column {column}: write {keyword}, not {found}.",
    )


class Unsupported(RuleError):
    code = "RULE_UNSUPPORTED"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ภาษาเงื่อนไขไม่มี {found}",
        en="Line {line}, column {column}: the rule language has no {found}.",
    )


class UnclosedText(RuleError):
    code = "RULE_UNCLOSED_TEXT"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ไม่มีเครื่องหมาย ' ปิดท้าย",
        en="Line {line}, column {column}: the closing ' is missing.",
    )


class UnexpectedToken(RuleError):
    code = "RULE_UNEXPECTED"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: พบ {found} แต่ควรเป็น {expected}",
        en="Line {line}, column {column}: found {found}, expected {expected}.",
    )


class MixedAndOr(RuleError):
    code = "RULE_MIXED_AND_OR"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ใช้ AND ปนกับ OR ต้องใส่วงเล็บ",
        en="Line {line}, column {column}: AND and OR together need parentheses.",
    )


class NestedTooDeep(RuleError):
    code = "RULE_NESTED_TOO_DEEP"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ซ้อนกันเกิน {limit} ชั้น",
        en="Line {line}, column {column}: nested deeper than {limit} levels.",
    )


class TooLong(RuleError):
    code = "RULE_TOO_LONG"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: เงื่อนไขยาวเกิน {limit} คำ",
        en="Line {line}, column {column}: the rule has more than {limit} words and signs.",
    )


class UnknownAttribute(RuleError):
    code = "RULE_UNKNOWN_ATTRIBUTE"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ไม่มีข้อมูลชื่อ {name} ในบัญชีข้อมูล",
        en="Line {line}, column {column}: the catalogue has no attribute {name}.",
    )


class UnknownParameter(RuleError):
    code = "RULE_UNKNOWN_PARAMETER"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ไม่ได้กำหนด :{name} ไว้ใน with",
        en="Line {line}, column {column}: `with` does not set :{name}.",
    )


class WrongType(RuleError):
    code = "RULE_WRONG_TYPE"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: พบชนิด {found} แต่ควรเป็น {expected}",
        en="Line {line}, column {column}: this is of type {found}, expected {expected}.",
    )


class UnknownCode(RuleError):
    code = "RULE_UNKNOWN_CODE"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: {name} ไม่มีรหัส {found}",
        en="Line {line}, column {column}: {name} has no code {found}.",
    )


class ConstantComparison(RuleError):
    code = "RULE_CONSTANT"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: การเปรียบเทียบต้องใช้ข้อมูลอย่างน้อยหนึ่งรายการ",
        en="Line {line}, column {column}: a comparison must read at least one fact.",
    )


class BadDate(RuleError):
    code = "RULE_BAD_DATE"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ไม่ใช่วันที่ในรูปแบบ ปปปป-ดด-วว (ค.ศ. 1800–2400)",
        en="Line {line}, column {column}: not a date of the form YYYY-MM-DD between 1800 and 2400.",
    )


class BadInterval(RuleError):
    code = "RULE_BAD_INTERVAL"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: ช่วงเวลาต้องเป็น 'n days' 'n months' 'n years' ไม่เกิน 200 ปี ไม่เกิน 4 ช่วง",
        en="Line {line}, column {column}: write 'n days', 'n months' or 'n years', up to 200 years, up to four times.",
    )


class AgeOutOfRange(RuleError):
    code = "RULE_AGE_OUT_OF_RANGE"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: อายุต้องอยู่ระหว่าง 0 ถึง 150 ปี",
        en="Line {line}, column {column}: an age lies between 0 and 150 years.",
    )


class ShareOutOfRange(RuleError):
    code = "RULE_SHARE_OUT_OF_RANGE"
    text = Text(
        th="บรรทัด {line} ตำแหน่ง {column}: สัดส่วนต้องอยู่ระหว่าง 0 ถึง 10000 ส่วนหมื่น",
        en="Line {line}, column {column}: a share lies between 0 and 10000 basis points.",
    )


class TreeInvalid(SitthiError):
    """A stored syntax tree that this code cannot have written."""

    code = "RULE_TREE_INVALID"
    text = Text(th="เงื่อนไขที่เก็บไว้อ่านไม่ได้: {what}", en="The stored rule cannot be read: {what}.")


class FactError(SitthiError):
    """Base of what can be wrong with a fact. Names the attribute, never the value."""

    code = "FACT_INVALID"
    text = Text(th="ข้อมูล {name} ไม่ถูกต้อง", en="The fact {name} is not valid.")

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name=name)


class FactWrongType(FactError):
    code = "FACT_WRONG_TYPE"
    text = Text(th="ข้อมูล {name} ผิดชนิด", en="The fact {name} is of the wrong type.")


class FactOutOfRange(FactError):
    code = "FACT_OUT_OF_RANGE"
    text = Text(th="ข้อมูล {name} อยู่นอกช่วงที่ยอมรับ", en="The fact {name} is outside its range.")


class FactUnknownCode(FactError):
    code = "FACT_UNKNOWN_CODE"
    text = Text(th="ข้อมูล {name} เป็นรหัสที่ไม่รู้จัก", en="The fact {name} is a code that its list does not have.")


class FactColumnMissing(FactError):
    code = "FACT_COLUMN_MISSING"
    text = Text(
        th="ตารางไม่มีคอลัมน์ {name}", en="The frame has no column {name}; unknown facts are nulls, not missing columns."
    )


class NameTooLong(SitthiError):
    """A name that a database would cut, so that two facts might share a column."""

    code = "RULE_NAME_TOO_LONG"
    text = Text(
        th="ชื่อ {name}… ยาวเกิน {limit} ไบต์ ใช้เป็นชื่อคอลัมน์ไม่ได้",
        en="The name {name}… is longer than {limit} bytes and cannot name a column.",
    )


class ChildExpected(SitthiError):
    code = "RULE_CHILD_EXPECTED"
    text = Text(th="โครงการนี้พิจารณาเป็นรายเด็ก ต้องระบุเด็ก", en="This programme is decided for each child: say for which.")


class DayOutOfRange(SitthiError):
    code = "RULE_DAY_OUT_OF_RANGE"
    text = Text(th="วันที่พิจารณาต้องอยู่ระหว่าง ค.ศ. 1800 ถึง 2400", en="The assessment date must lie between 1800 and 2400.")
