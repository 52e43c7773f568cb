"""Cuts the text of a rule into tokens. ASCII only; what SQL engines read differently is refused here, by name."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from welfare.rules import errors
from welfare.rules.attributes import INT64_MAX

TOKENS_MAX: Final = 400
KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "IN", "BETWEEN", "LEAST", "GREATEST", "DATE", "INTERVAL"})
REFUSED_WORDS: Final = frozenset(
    [
        "IS", "NULL", "COALESCE", "IFNULL", "CASE", "WHEN", "THEN", "ELSE", "END", "LIKE", "ILIKE", "TRUE", "FALSE",
        "CAST", "SELECT", "FROM", "WHERE", "EXISTS", "NOW", "CURRENT_DATE",
    ]
)  # fmt: skip
REFUSED_SIGNS: Final = (
    "!=",
    "==",
    "||",
    "&&",
    "/",
    "%",
    "!",
    "^",
    '"',
    "`",
    "[",
    "]",
    "{",
    "}",
    "?",
    "@",
    "$",
    "&",
    "|",
    "~",
    "#",
    "\\",
)

_PIECES: Final = re.compile(
    r"""(?P<space>[ \n\t]+)
      | (?P<comment>--|/\*|\*/)
      | (?P<number>[0-9][0-9A-Za-z_.]*)
      | (?P<param>:[A-Za-z_][A-Za-z0-9_]*)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)
      | (?P<text>'[^'\n]*')
      | (?P<sign><=|>=|<>|[<>=+\-*(),])
    """,
    re.VERBOSE | re.ASCII,
)


class Form(StrEnum):
    NUMBER = "number"
    PARAM = "param"
    WORD = "word"
    KEYWORD = "keyword"
    TEXT = "text"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """`value` is the bare text: a parameter without its colon, a quoted text without its quotes."""

    form: Form
    value: str
    line: int
    column: int

    def named(self) -> str:
        """How an error quotes it."""
        return "the end" if self.form is Form.END else f"`{self.value}`"


def tokens_of(source: str) -> list[Token]:
    """All tokens and an END. Raises a RuleError at the first piece that the language does not have."""
    found: list[Token] = []
    position, line, line_start = 0, 1, 0
    while position < len(source):
        column = position - line_start + 1
        match = _PIECES.match(source, position)
        if match is None:
            raise _refusal(source, position, line, column)
        form, piece = str(match.lastgroup), match.group()
        position = match.end()
        if form == "space":
            if "\n" in piece:
                line += piece.count("\n")
                line_start = match.start() + piece.rindex("\n") + 1
            continue
        if form == "comment":
            raise errors.CommentRefused(line, column)
        found.append(_token(form, piece, line, column))
        if len(found) > TOKENS_MAX:
            raise errors.TooLong(line, column, limit=TOKENS_MAX)
    return [*found, Token(Form.END, "", line, position - line_start + 1)]


def _token(form: str, piece: str, line: int, column: int) -> Token:
    if form == "number":
        return Token(Form.NUMBER, _digits(piece, line, column), line, column)
    if form == "param":
        return Token(Form.PARAM, piece[1:], line, column)
    if form == "text":
        return Token(Form.TEXT, piece[1:-1], line, column)
    if form == "sign":
        return Token(Form.SIGN, piece, line, column)
    upper = piece.upper()
    if upper in REFUSED_WORDS:
        raise errors.Unsupported(line, column, found=piece)
    if upper not in KEYWORDS:
        return Token(Form.WORD, piece, line, column)
    if piece != upper:
        raise errors.KeywordCase(line, column, keyword=upper, found=piece)
    return Token(Form.KEYWORD, piece, line, column)


def _digits(piece: str, line: int, column: int) -> str:
    if re.fullmatch(r"[0-9]+\.[0-9]*", piece):
        raise errors.DecimalRefused(line, column, found=piece)
    if not re.fullmatch(r"0|[1-9][0-9]*", piece):
        raise errors.NumberForm(line, column, found=piece)
    # The length first: int() of a very long text of digits is slow, and refuses in words of its own.
    if len(piece) > len(str(INT64_MAX)) or int(piece) > INT64_MAX:
        raise errors.NumberOutOfRange(line, column)
    return piece


def _refusal(source: str, position: int, line: int, column: int) -> errors.RuleError:
    character = source[position]
    if character == ";":
        return errors.SemicolonRefused(line, column)
    if character == "'":
        return errors.UnclosedText(line, column)
    if "๐" <= character <= "๙":
        return errors.ThaiDigit(line, column)
    for sign in REFUSED_SIGNS:
        if source.startswith(sign, position):
            return errors.Unsupported(line, column, found=f"`{sign}`")
    name = unicodedata.name(character, "unnamed")
    return errors.ForeignCharacter(line, column, codepoint=f"U+{ord(character):04X} {name}")
