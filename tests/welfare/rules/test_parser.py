"""Every refusal of the parser, at its place; and the trees of what it accepts."""

from __future__ import annotations

import pytest

from core.errors import SitthiError
from tests.welfare.rules.agreement import PARAMETERS, TYPES, VOCABULARY, sheet_of
from welfare.rules import AttributeType, Constant, Kind, Vocabulary, errors, parse
from welfare.rules import tree as t
from welfare.rules.attributes import INT64_MAX

WIDE = Vocabulary({"wide": AttributeType(Kind.INT, 0, INT64_MAX), "money": AttributeType(Kind.MONEY, 0, INT64_MAX)})

REFUSED: list[tuple[str, type[errors.RuleError], int, int]] = [
    ("size >= ๑", errors.ThaiDigit, 1, 9),
    ("size >= １", errors.ForeignCharacter, 1, 9),
    ("อายุ >= 1", errors.ForeignCharacter, 1, 1),
    ("size >=\u00a01", errors.ForeignCharacter, 1, 8),
    ("size >= 1 -- ปี", errors.CommentRefused, 1, 11),
    ("size /* x */ >= 1", errors.CommentRefused, 1, 6),
    ("flag; flag", errors.SemicolonRefused, 1, 5),
    ("size >= 1_000", errors.NumberForm, 1, 9),
    ("size >= 007", errors.NumberForm, 1, 9),
    ("size >= 0x10", errors.NumberForm, 1, 9),
    ("size >= 1e3", errors.NumberForm, 1, 9),
    ("size >= 1.5", errors.DecimalRefused, 1, 9),
    ("size <= 9223372036854775808", errors.NumberOutOfRange, 1, 9),
    ("size <= " + "9" * 5000, errors.NumberOutOfRange, 1, 9),
    ("flag and other_flag", errors.KeywordCase, 1, 6),
    ("size IS NULL", errors.Unsupported, 1, 6),
    ("COALESCE(size, 0) > 1", errors.Unsupported, 1, 1),
    ("size / 2 > 1", errors.Unsupported, 1, 6),
    ("size % 2 = 1", errors.Unsupported, 1, 6),
    ("size != 2", errors.Unsupported, 1, 6),
    ("flag = TRUE", errors.Unsupported, 1, 8),
    ('standing = "monk"', errors.Unsupported, 1, 12),
    ("standing = 'monk", errors.UnclosedText, 1, 12),
    ("", errors.UnexpectedToken, 1, 1),
    ("flag flag", errors.UnexpectedToken, 1, 6),
    ("(flag", errors.UnexpectedToken, 1, 6),
    ("size >= -1", errors.UnexpectedToken, 1, 9),
    ("0 < size < 5", errors.UnexpectedToken, 1, 10),
    ("standing < 'monk'", errors.UnexpectedToken, 1, 10),
    ("standing NOT = 'monk'", errors.UnexpectedToken, 1, 14),
    ("standing IN ()", errors.UnexpectedToken, 1, 14),
    ("age_on(born, born) >= 6", errors.UnexpectedToken, 1, 14),
    ("age_on(born, assessment_date)", errors.UnexpectedToken, 1, 30),
    ("born >= since", errors.UnexpectedToken, 1, 9),
    ("flag OR flag\nAND flag", errors.MixedAndOr, 2, 1),
    ("flag AND other_flag OR flag", errors.MixedAndOr, 1, 21),
    ("(" * 40 + "flag" + ")" * 40, errors.NestedTooDeep, 1, 34),
    ("NOT " * 40 + "flag", errors.NestedTooDeep, 1, 133),
    (" OR ".join(["flag"] * 300), errors.TooLong, 1, 1601),
    ("child.salary > 1", errors.UnknownAttribute, 1, 1),
    ("NOT height > 1", errors.UnknownAttribute, 1, 5),
    ("parent.size > 1", errors.UnknownAttribute, 1, 1),
    ("size > :nowhere", errors.UnknownParameter, 1, 8),
    ("income <= 100000", errors.WrongType, 1, 11),
    ("income <= size", errors.WrongType, 1, 11),
    ("income * assets > :limit", errors.WrongType, 1, 10),
    ("flag > 1", errors.WrongType, 1, 1),
    ("size", errors.WrongType, 1, 1),
    ("size AND flag", errors.WrongType, 1, 1),
    ("born + 1 > 2", errors.WrongType, 1, 1),
    ("size IN ('monk')", errors.WrongType, 1, 1),
    ("age_on(size, assessment_date) >= 6", errors.WrongType, 1, 8),
    ("age_on(born, assessment_date) >= :limit", errors.WrongType, 1, 34),
    ("age_on(born, assessment_date) >= size", errors.WrongType, 1, 34),
    ("share(size, :rate) > 1", errors.WrongType, 1, 7),
    ("share(income, 500) > :limit", errors.WrongType, 1, 15),
    ("standing = 'Monk'", errors.UnknownCode, 1, 12),
    ("standing IN ('monk', 'พระ')", errors.UnknownCode, 1, 22),
    ("1 < 2", errors.ConstantComparison, 1, 1),
    (":few BETWEEN 1 AND 2", errors.ConstantComparison, 1, 1),
    ("born >= DATE '2023-02-29'", errors.BadDate, 1, 14),
    ("born >= DATE '1799-12-31'", errors.BadDate, 1, 14),
    ("born >= DATE '20230201'", errors.BadDate, 1, 14),
    ("born >= DATE '๒๐๒๓-01-01'", errors.BadDate, 1, 14),
    ("born >= assessment_date - INTERVAL '201 years'", errors.BadInterval, 1, 36),
    ("born >= assessment_date - INTERVAL '1 hour'", errors.BadInterval, 1, 36),
    ("born >= assessment_date" + " + INTERVAL '1 day'" * 5, errors.BadInterval, 1, 112),
    ("age_on(born, assessment_date) >= 151", errors.AgeOutOfRange, 1, 34),
    ("share(income, :limitless) > :limit", errors.ShareOutOfRange, 1, 15),
]  # fmt: skip


@pytest.mark.parametrize(("source", "error", "line", "column"), REFUSED, ids=lambda v: str(v)[:40])
def test_what_the_language_does_not_have_is_refused_at_its_place(
    source: str, error: type[errors.RuleError], line: int, column: int
) -> None:
    with pytest.raises(errors.RuleError) as caught:
        parse(source, VOCABULARY, PARAMETERS | {"limitless": Constant(Kind.INT, 10_001)})
    assert type(caught.value) is error
    assert (caught.value.line, caught.value.column) == (line, column)


def test_arithmetic_that_could_leave_64_bits_is_refused_where_it_could() -> None:
    for source in (
        "wide + 1 > 2",
        "wide * 2 > 1",
        "2 * wide * wide > 1",
        "0 - wide - wide - 2 > 0",
        "share(money, :rate) > :one",
    ):
        with pytest.raises(errors.ArithmeticOutOfRange):
            parse(source, WIDE, {"rate": Constant(Kind.INT, 2), "one": Constant(Kind.MONEY, 1)})
    parse("wide - 1 > 2", WIDE)
    parse("share(money, :rate) > :one", WIDE, {"rate": Constant(Kind.INT, 0), "one": Constant(Kind.MONEY, 1)})


def test_every_error_of_the_parser_has_a_case_here_and_a_code_of_its_own() -> None:
    every = errors.RuleError.__subclasses__()
    assert {e for _, e, _, _ in REFUSED} | {errors.ArithmeticOutOfRange} == set(every)
    others: list[type[SitthiError]] = [*errors.FactError.__subclasses__(), errors.TreeInvalid, errors.RuleError]
    codes = [e.code for e in [*every, *others]]
    assert len(set(codes)) == len(codes)


def test_a_child_fact_is_unknown_where_no_child_is_concerned() -> None:
    with pytest.raises(errors.UnknownAttribute):
        parse("child.flag", VOCABULARY.without_child())


def test_the_largest_number_is_read() -> None:
    node = parse(f"size <= {INT64_MAX}", VOCABULARY)
    assert isinstance(node, t.Compare)
    assert node.right == t.Number(INT64_MAX)


def test_parameters_are_bound_into_the_tree() -> None:
    node = parse("income <= :limit * size", VOCABULARY, PARAMETERS)
    limit = t.Param("limit", Kind.MONEY, 10_000_000)
    income, size = t.Fact("income", Kind.MONEY), t.Fact("size", Kind.INT)
    assert node == t.Compare(income, t.Cmp.LE, t.Product((limit, size)))


def test_not_binds_tighter_than_and_and_looser_than_a_comparison() -> None:
    node = parse("NOT size = 1 AND flag", VOCABULARY)
    assert isinstance(node, t.And)
    assert isinstance(node.items[0], t.Not)
    assert isinstance(node.items[0].item, t.Compare)


def test_a_sum_in_parentheses_is_a_term_and_a_chain_in_them_a_predicate() -> None:
    assert isinstance(parse("(size + 1) * 2 > 3", VOCABULARY), t.Compare)
    assert isinstance(parse("(flag OR other_flag) AND flag", VOCABULARY), t.And)


def test_a_rule_may_stand_on_several_lines() -> None:
    with pytest.raises(errors.UnknownAttribute) as caught:
        parse("flag\n  AND\n  (flag OR\n   height > 1)", VOCABULARY)
    assert (caught.value.line, caught.value.column) == (4, 4)


def test_the_deepest_allowed_rule_compiles_and_a_hostile_one_is_refused_at_once() -> None:
    deep = "flag"
    for i in range(32):
        deep = f"({deep} {'AND' if i % 2 else 'OR'} flag)"
    sheet_of([parse(deep, VOCABULARY)], [parse(deep, VOCABULARY)] * 20)
    with pytest.raises(errors.NestedTooDeep):
        parse("LEAST(" * 60 + "size" + ", 1)" * 60 + " > 1", VOCABULARY)


def test_an_attribute_is_well_formed_or_refused() -> None:
    with pytest.raises(ValueError, match="closed list"):
        AttributeType(Kind.CODE, codes=("พระ",))
    with pytest.raises(ValueError, match="64 bits"):
        AttributeType(Kind.INT, 0, 2**63)
    with pytest.raises(ValueError, match="64 bits"):
        Constant(Kind.MONEY, 2**63)
    assert TYPES["standing"].codes
