"""Reads one rule: text in, typed tree out.

    chain     := not {AND not} | not {OR not}        -- the two mixed need parentheses
    not       := NOT not | pred
    pred      := boolfact | '(' chain ')' | term cmp term | term [NOT] BETWEEN term AND term
               | codefact [NOT] IN ('code', …) | codefact (= | <>) 'code'
               | age_on(datefact, dateconst) cmp years | datefact cmp dateconst
    term      := prod {(+|-) prod}      prod := atom {* atom}
    atom      := fact | child.fact | :param | int | (term) | LEAST(t, t) | GREATEST(t, t) | share(money, :basis_points)
    dateconst := (assessment_date | fiscal_year_start | DATE 'y-m-d') {(+|-) INTERVAL 'n days|months|years'}
    years     := int | :param

Terms are integers and money. There is no date arithmetic on facts, no division, no decimals, no NULL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from welfare.rules import errors, operands
from welfare.rules import tree as t
from welfare.rules.attributes import INT64_MAX, INT64_MIN, YEAR_MAX, YEAR_MIN, Kind, Vocabulary
from welfare.rules.operands import Operand, Sort, wrong_type
from welfare.rules.tokens import Form, Token, tokens_of

DEPTH_MAX: Final = 32
AGE_MAX_YEARS: Final = 150
SHIFTS_MAX: Final = 4
_INTERVAL: Final = re.compile(r"([1-9][0-9]{0,4}) (day|month|year)s?", re.ASCII)
_INTERVAL_MAX: Final = {t.Unit.DAYS: 73_000, t.Unit.MONTHS: 2_400, t.Unit.YEARS: 200}
_COMPARISONS: Final = frozenset(c.value for c in t.Cmp)


@dataclass(frozen=True, slots=True)
class Constant:
    """The value of a `:param`: a number, or money in satang."""

    kind: Kind
    value: int

    def __post_init__(self) -> None:
        if self.kind not in (Kind.INT, Kind.MONEY) or not INT64_MIN <= self.value <= INT64_MAX:
            raise ValueError("a parameter is an int or money within 64 bits")


def parse(source: str, vocabulary: Vocabulary, parameters: Mapping[str, Constant] | None = None) -> t.Pred:
    """The tree of one condition, names resolved and parameters bound. Raises a RuleError with line and column."""
    return _Parser(tokens_of(source), vocabulary, parameters or {}).condition()


def parse_amount(source: str, vocabulary: Vocabulary, parameters: Mapping[str, Constant] | None = None) -> t.Term:
    """The tree of a sum of money that is never below 0. Raises a RuleError with line and column."""
    return _Parser(tokens_of(source), vocabulary, parameters or {}).amount()


class _Parser:
    def __init__(self, tokens: list[Token], vocabulary: Vocabulary, parameters: Mapping[str, Constant]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._vocabulary = vocabulary
        self._parameters = parameters

    # --- tokens

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._now
        if token.form is not Form.END:
            self._at += 1
        return token

    def _is(self, form: Form, *values: str) -> bool:
        return self._now.form is form and self._now.value in values

    def _accept(self, form: Form, *values: str) -> bool:
        if self._is(form, *values):
            self._at += 1
            return True
        return False

    def _unexpected(self, expected: str) -> errors.UnexpectedToken:
        token = self._now
        return errors.UnexpectedToken(token.line, token.column, found=token.named(), expected=expected)

    def _expect(self, form: Form, value: str) -> Token:
        if not self._is(form, value):
            raise self._unexpected(f"`{value}`")
        return self._take()

    def _form(self, form: Form, expected: str) -> Token:
        if self._now.form is not form:
            raise self._unexpected(expected)
        return self._take()

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise errors.NestedTooDeep(self._now.line, self._now.column, limit=DEPTH_MAX)

    # --- predicates

    def condition(self) -> t.Pred:
        result = self._chain().predicate
        if self._now.form is not Form.END:
            raise self._unexpected("AND, OR or the end")
        return result

    def amount(self) -> t.Term:
        result = self._sum()
        if self._now.form is not Form.END:
            raise self._unexpected("the end")
        if result.sort is not Sort.MONEY:
            raise wrong_type(result, "money")
        if result.low < 0:
            token = result.token
            raise errors.WrongType(token.line, token.column, found="a sum below 0", expected="a sum of 0 or more")
        return result.term

    def _chain(self) -> Operand:
        first = self._negation()
        if not self._is(Form.KEYWORD, "AND", "OR"):
            return first
        word = self._now.value
        items = [first.predicate]
        while self._accept(Form.KEYWORD, word):
            items.append(self._negation().predicate)
        if self._is(Form.KEYWORD, "AND", "OR"):
            raise errors.MixedAndOr(self._now.line, self._now.column)
        node = t.And(tuple(items)) if word == "AND" else t.Or(tuple(items))
        return Operand(node, Sort.PREDICATE, first.token)

    def _negation(self) -> Operand:
        token = self._now
        if not self._accept(Form.KEYWORD, "NOT"):
            return self._comparison()
        self._deeper()
        item = self._negation().predicate
        self._depth -= 1
        return Operand(t.Not(item), Sort.PREDICATE, token)

    def _comparison(self) -> Operand:
        if self._is(Form.WORD, "age_on"):
            return self._age()
        left = self._sum()
        if self._now.form is Form.SIGN and self._now.value in _COMPARISONS:
            if left.sort is Sort.CODE:
                return self._code_is(left)
            if left.sort is Sort.DATE:
                op = t.Cmp(self._take().value)
                return Operand(t.DateCompare(left.fact, op, self._date()), Sort.PREDICATE, left.token)
            term = left.term
            op = t.Cmp(self._take().value)
            right = self._sum()
            operands.same_sort(left, right)
            return self._reading_facts(t.Compare(term, op, right.term), left.token)
        negated = self._is(Form.KEYWORD, "NOT") and self._accept(Form.KEYWORD, "NOT")
        if self._is(Form.KEYWORD, "IN"):
            return self._code_in(left, negated)
        if self._is(Form.KEYWORD, "BETWEEN"):
            return self._between(left, negated)
        if negated:
            raise self._unexpected("IN or BETWEEN")
        return left

    def _between(self, left: Operand, negated: bool) -> Operand:
        term = left.term
        self._take()
        low = self._sum()
        operands.same_sort(left, low)
        self._expect(Form.KEYWORD, "AND")
        high = self._sum()
        operands.same_sort(left, high)
        return self._reading_facts(t.Between(term, low.term, high.term, negated), left.token)

    def _reading_facts(self, node: t.Compare | t.Between, token: Token) -> Operand:
        if not t.fact_names(node):
            raise errors.ConstantComparison(token.line, token.column)
        return Operand(node, Sort.PREDICATE, token)

    def _code_is(self, left: Operand) -> Operand:
        if self._now.value not in ("=", "<>"):
            raise self._unexpected("= or <>")
        negated = self._take().value == "<>"
        return Operand(t.CodeIn(left.fact, (self._code(left),), negated), Sort.PREDICATE, left.token)

    def _code_in(self, left: Operand, negated: bool) -> Operand:
        if left.sort is not Sort.CODE:
            raise wrong_type(left, "code")
        self._take()
        self._expect(Form.SIGN, "(")
        codes = [self._code(left)]
        while self._accept(Form.SIGN, ","):
            codes.append(self._code(left))
        self._expect(Form.SIGN, ")")
        return Operand(t.CodeIn(left.fact, tuple(dict.fromkeys(codes)), negated), Sort.PREDICATE, left.token)

    def _code(self, left: Operand) -> str:
        token = self._form(Form.TEXT, "a code in '…'")
        assert left.attribute is not None
        if token.value not in left.attribute.codes:
            raise errors.UnknownCode(token.line, token.column, name=left.fact.name, found=f"'{token.value}'")
        return token.value

    # --- days and ages

    def _age(self) -> Operand:
        start = self._take()
        self._expect(Form.SIGN, "(")
        birth = self._named(self._form(Form.WORD, "a date fact"))
        if birth.sort is not Sort.DATE:
            raise wrong_type(birth, "date")
        self._expect(Form.SIGN, ",")
        at = self._date()
        self._expect(Form.SIGN, ")")
        if not (self._now.form is Form.SIGN and self._now.value in _COMPARISONS):
            raise self._unexpected("a comparison with a number of years")
        op = t.Cmp(self._take().value)
        years = self._atom()
        if not isinstance(years.node, t.Number | t.Param) or years.sort is not Sort.INT:
            raise wrong_type(years, "a number of years or an int parameter")
        if not 0 <= years.node.value <= AGE_MAX_YEARS:
            raise errors.AgeOutOfRange(years.token.line, years.token.column)
        return Operand(t.AgeOn(birth.fact, at, op, years.node), Sort.PREDICATE, start)

    def _date(self) -> t.DateConst:
        if self._accept(Form.KEYWORD, "DATE"):
            base = self._literal_date(self._form(Form.TEXT, "a date in '…'"))
        elif self._is(Form.WORD, "assessment_date", "fiscal_year_start"):
            base = self._take().value
        else:
            raise self._unexpected("assessment_date, fiscal_year_start or DATE 'YYYY-MM-DD'")
        shifts: list[t.Shift] = []
        while self._is(Form.SIGN, "+", "-"):
            sign = -1 if self._take().value == "-" else 1
            self._expect(Form.KEYWORD, "INTERVAL")
            shifts.append(self._interval(self._form(Form.TEXT, "an interval in '…'"), sign, len(shifts)))
        return t.DateConst(base, tuple(shifts))

    def _literal_date(self, token: Token) -> str:
        try:
            if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", token.value, re.ASCII):
                day = date.fromisoformat(token.value)
                if YEAR_MIN <= day.year <= YEAR_MAX:
                    return token.value
        except ValueError:
            pass
        raise errors.BadDate(token.line, token.column)

    def _interval(self, token: Token, sign: int, before: int) -> t.Shift:
        match = _INTERVAL.fullmatch(token.value)
        if match is None or before >= SHIFTS_MAX:
            raise errors.BadInterval(token.line, token.column)
        amount, unit = int(match[1]), t.Unit(match[2] + "s")
        if amount > _INTERVAL_MAX[unit]:
            raise errors.BadInterval(token.line, token.column)
        return t.Shift(sign * amount, unit)

    # --- terms

    def _sum(self) -> Operand:
        first = self._product()
        rest: list[tuple[bool, Operand]] = []
        while self._is(Form.SIGN, "+", "-"):
            if first.sort not in (Sort.INT, Sort.MONEY):
                raise wrong_type(first, "int or money")
            negative = self._take().value == "-"
            rest.append((negative, self._product()))
        return operands.total(first, rest)

    def _product(self) -> Operand:
        factors = [self._atom()]
        while self._accept(Form.SIGN, "*"):
            factors.append(self._atom())
        return operands.product(factors)

    def _atom(self) -> Operand:
        token = self._take()
        if token.form is Form.NUMBER:
            value = int(token.value)
            return Operand(t.Number(value), Sort.INT, token, value, value)
        if token.form is Form.PARAM:
            return self._parameter(token)
        if token.form is Form.KEYWORD and token.value in ("LEAST", "GREATEST"):
            left, right = self._pair()
            return operands.least(left, right) if token.value == "LEAST" else operands.greatest(left, right)
        if token.form is Form.WORD and token.value == "share" and self._is(Form.SIGN, "("):
            return operands.share(*self._pair())
        if token.form is Form.WORD:
            return self._named(token)
        if token.form is Form.SIGN and token.value == "(":
            self._deeper()
            inner = self._chain()
            self._expect(Form.SIGN, ")")
            self._depth -= 1
            return inner
        raise errors.UnexpectedToken(token.line, token.column, found=token.named(), expected="a fact, a number or `(`")

    def _pair(self) -> tuple[Operand, Operand]:
        self._deeper()
        self._expect(Form.SIGN, "(")
        left = self._sum()
        self._expect(Form.SIGN, ",")
        right = self._sum()
        self._expect(Form.SIGN, ")")
        self._depth -= 1
        return left, right

    def _parameter(self, token: Token) -> Operand:
        constant = self._parameters.get(token.value)
        if constant is None:
            raise errors.UnknownParameter(token.line, token.column, name=token.value)
        node = t.Param(token.value, constant.kind, constant.value)
        return Operand(node, Sort(constant.kind.value), token, constant.value, constant.value)

    def _named(self, token: Token) -> Operand:
        attribute = self._vocabulary.type_of(token.value)
        if attribute is None:
            raise errors.UnknownAttribute(token.line, token.column, name=token.value)
        return operands.fact_operand(token.value, attribute, token)
