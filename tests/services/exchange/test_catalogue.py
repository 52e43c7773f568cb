"""The catalogue: loaded strictly, and strict with what sources say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import NationalId
from core.money import Money
from core.strict_yaml import FileError
from services.exchange.catalogue import (
    Catalogue,
    CatalogueFileError,
    InvalidAnswer,
    Kind,
    Subject,
    ValueType,
    build_catalogue,
    load_catalogue,
)
from services.exchange.catalogue.loader import FILES
from services.exchange.errors import UnknownAttribute
from tests.services.exchange.fakes import national_id

NAME = {"title_th": "นาง", "given_th": "มาลี", "family_th": "ใจดี"}
ADDRESS = {"house_number": "1", "subdistrict": "100101", "text_th": "1 กรุงเทพฯ", "text_en": "1 Bangkok"}


def _texts() -> dict[str, str]:
    folder = files("services.exchange.catalogue").joinpath("data")
    return {name: folder.joinpath(name).read_text("utf-8") for name in FILES}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_every_attribute_has_a_steward_with_a_name(catalogue: Catalogue) -> None:
    for attribute in catalogue.attributes.values():
        assert catalogue.agency_title(attribute.steward).th
        assert attribute.title.th
        assert attribute.title.en
        assert attribute.freshness.total_seconds() > 0


def test_rules_may_read_every_plain_attribute_and_no_tie(catalogue: Catalogue) -> None:
    types = catalogue.attribute_types()
    assert types["annual_income"] == (Subject.PERSON, ValueType(Kind.MONEY, 0, 100_000_000_000_000))
    assert types["household_size"][0] is Subject.HOUSEHOLD
    assert {"name", "address", "children", "household_members"}.isdisjoint(types)


def test_ties_between_people_cannot_be_asked_for(catalogue: Catalogue) -> None:
    assert catalogue.attribute("children").is_tie
    with pytest.raises(UnknownAttribute):
        catalogue.askable("children")


def test_titles_name_attributes_and_agencies_records(catalogue: Catalogue) -> None:
    assert catalogue.title("birth_date").en == "date of birth"
    assert catalogue.title("mhesi:transcripts").en.startswith("Records of the Ministry of Higher Education")
    assert catalogue.title("newcomer:things").en == "Records of the newcomer"


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("attributes.yaml", "  type: bool\n", "  type: boolean\n", "type"),
        ("attributes.yaml", "sensitive: false", "sensitive: no", "ambiguous"),
        ("attributes.yaml", "freshness_seconds: 2592000", "freshness_seconds: 0", "freshness_seconds"),
        ("attributes.yaml", "freshness_seconds: 2592000", "freshness_seconds: 1.5", "fraction"),
        ("attributes.yaml", "steward: dopa", "steward: nobody", "steward"),
        ("attributes.yaml", "- id: deceased", "- id: birth_date", "twice"),
        ("attributes.yaml", "  steward: dopa\n", "  steward: dopa\n  steward: rd\n", "given twice"),
        ("attributes.yaml", "  steward: dopa\n", "  steward: dopa\n  colour: red\n", "colour"),
        ("attributes.yaml", "range: {min: 0,", "range: {min: 9000000000000000000,", "range is empty"),
        ("attributes.yaml", "  codes: [thai, other, stateless]\n", "", "list of codes"),
        ("attributes.yaml", "codes: [thai, other,", "codes: [thai, thai,", "twice"),
        ("attributes.yaml", "of: annual_income", "of: birth_date", "cannot be derived"),
        ("attributes.yaml", "over: household_members, of", "over: nationality, of", "cannot be derived"),
        ("attributes.yaml", "how: count, over", "how: guess, over", "how"),
        ("attributes.yaml", "- id: birth_date", "- id: Birth-Date", "id"),
        ("attributes.yaml", "- id: birth_date", "- &a id: birth_date", "anchor"),
        ("attributes.yaml", "- id: birth_date", "- id: born_on", "has no words"),
        ("purposes.yaml", "basis: OWN_DATA", "basis: WHIM", "basis"),
        ("purposes.yaml", "requester: slf", "requester: nobody", "agency"),
        ("purposes.yaml", "  requester: slf\n", "", "requester"),
        ("purposes.yaml", "[name, birth_date, gender]", "[name, birth_day]", "not in the catalogue"),
        ("purposes.yaml", "- id: payment", "- id: own-view", "twice"),
        ("purposes.yaml", "  officers_of: [cgd, dcy, dep, dla, sso, nhso, slf]\n", "", "officers"),
        (
            "purposes.yaml",
            "subjects: [person]\n  attributes: [name, birth_date, nationality",
            "subjects: [person, household]\n  attributes: [name, birth_date, nationality",
            "own facts only",
        ),
        ("agencies.yaml", "rd: {th: กรมสรรพากร, en: Revenue Department}", "rd: {th: กรมสรรพากร}", "en"),
        ("agencies.yaml", "rd: {", "rd: [", "expected"),
    ],
)
def test_a_mistake_in_a_file_is_refused_by_name(file: str, old: str, new: str, problem: str) -> None:
    texts = _texts()
    assert old in texts[file]
    texts[file] = texts[file].replace(old, new, 1)
    with pytest.raises(FileError, match=problem):
        build_catalogue(texts)


@pytest.mark.parametrize(("file", "name"), [("profile.yaml", "children"), ("attributes.yaml", "birth_date")])
def test_what_the_gate_itself_reads_must_be_there(file: str, name: str) -> None:
    texts = _texts()
    texts[file] = texts[file].replace(f"- id: {name}\n", "- id: renamed\n")
    texts["words.yaml"] = texts["words.yaml"].replace(f"\n{name}:\n", "\nrenamed:\n")
    with pytest.raises(CatalogueFileError, match=f"`{name}` is a .* the gate needs"):
        build_catalogue(texts)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(FileError, match="empty"):
        build_catalogue(_texts() | {"agencies.yaml": "# nothing"})


@pytest.mark.parametrize(
    ("kind", "answer", "value"),
    [
        (ValueType(Kind.BOOL), True, True),
        (ValueType(Kind.DATE), date(2000, 2, 29), date(2000, 2, 29)),
        (ValueType(Kind.DATE), "2000-02-29", date(2000, 2, 29)),
        (ValueType(Kind.DATE), None, None),
        (ValueType(Kind.DATE), date(1850, 1, 1), date(1850, 1, 1)),
        (ValueType(Kind.INT, 1, 100), 1, 1),
        (ValueType(Kind.INT, 1, 100), 100, 100),
        (ValueType(Kind.MONEY, 0, 100), Money(100), Money(100)),
        (ValueType(Kind.MONEY, 0, 100), {"satang": 7, "currency": "THB"}, Money(7)),
        (ValueType(Kind.CODE, codes=("a", "b")), "b", "b"),
        (ValueType(Kind.ADDRESS), None, None),
        (ValueType(Kind.ADDRESS), ADDRESS, {**ADDRESS, "village": ""}),
        (ValueType(Kind.PEOPLE), [], ()),
        (ValueType(Kind.PEOPLE), [national_id(1).digits, national_id(2)], (national_id(1), national_id(2))),
    ],
)
def test_what_a_source_may_say(kind: ValueType, answer: Any, value: Any) -> None:
    assert kind.accept(answer) == value


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (ValueType(Kind.BOOL), 1),
        (ValueType(Kind.BOOL), None),
        (ValueType(Kind.BOOL), "true"),
        (ValueType(Kind.DATE), datetime(2000, 1, 1, tzinfo=UTC)),
        (ValueType(Kind.DATE), "20000101"),
        (ValueType(Kind.DATE), "2001-02-29"),
        (ValueType(Kind.DATE), date(1849, 12, 31)),
        (ValueType(Kind.DATE), date(2201, 1, 1)),
        (ValueType(Kind.INT, 1, 100), 0),
        (ValueType(Kind.INT, 1, 100), 101),
        (ValueType(Kind.INT, 1, 100), True),
        (ValueType(Kind.INT, 1, 100), 1.0),
        (ValueType(Kind.INT, 1, 100), None),
        (ValueType(Kind.MONEY, 0, 100), 50),
        (ValueType(Kind.MONEY, 0, 100), Money(101)),
        (ValueType(Kind.MONEY, 0, 100), Money(-1)),
        (ValueType(Kind.MONEY, 0, 100), {"satang": 7, "currency": "USD"}),
        (ValueType(Kind.MONEY, 0, 100), {"satang": 0.5, "currency": "THB"}),
        (ValueType(Kind.MONEY, 0, 100), {"satang": 2**63, "currency": "THB"}),
        (ValueType(Kind.CODE, codes=("a", "b")), "c"),
        (ValueType(Kind.CODE, codes=("a", "b")), None),
        (ValueType(Kind.CODE, codes=("a", "b")), ["a"]),
        (ValueType(Kind.NAME), "มาลี ใจดี"),
        (ValueType(Kind.NAME), {"family_th": "ใจดี"}),
        (ValueType(Kind.NAME), {**NAME, "nickname": "ลี"}),
        (ValueType(Kind.NAME), {**NAME, "given_th": "ม" * 301}),
        (ValueType(Kind.NAME), {**NAME, "given_th": "มาลี\x00"}),
        (ValueType(Kind.NAME), None),
        (ValueType(Kind.ADDRESS), {**ADDRESS, "subdistrict": "1001"}),
        (ValueType(Kind.PEOPLE), None),
        (ValueType(Kind.PEOPLE), "1112034563562"),
        (ValueType(Kind.PEOPLE), ["1112034563563"]),
        (ValueType(Kind.PEOPLE), [national_id(1), national_id(1)]),
        (ValueType(Kind.PEOPLE), [national_id(number) for number in range(101)]),
    ],
)
def test_what_a_source_may_not_say(kind: ValueType, answer: Any) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        kind.accept(answer)
    assert str(caught.value) == ""  # the value stays out of errors


_VALUES = st.one_of(
    st.tuples(st.just(ValueType(Kind.BOOL)), st.booleans()),
    st.tuples(st.just(ValueType(Kind.DATE)), st.none() | st.dates(date(1850, 1, 1), date(2200, 12, 31))),
    st.tuples(st.just(ValueType(Kind.INT)), st.integers(-(2**63) + 1, 2**63 - 1)),
    st.tuples(st.just(ValueType(Kind.MONEY)), st.integers(-(2**63) + 1, 2**63 - 1).map(Money)),
    st.tuples(st.just(ValueType(Kind.CODE, codes=("a", "b"))), st.sampled_from(["a", "b"])),
    st.tuples(st.just(ValueType(Kind.PEOPLE)), st.lists(st.uuids(), max_size=5).map(tuple)),
)


@given(_VALUES)
def test_a_kept_value_comes_back_as_it_was(case: tuple[ValueType, Any]) -> None:
    kind, value = case
    assert kind.load(kind.dump(value)) == value


@given(st.sampled_from(list(Kind)), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))
def test_whatever_a_source_says_is_a_value_of_the_type_or_refused(kind: Kind, answer: Any) -> None:
    type_ = ValueType(kind, codes=("a",) if kind is Kind.CODE else ())
    try:
        value = type_.accept(answer)
    except InvalidAnswer:
        return
    if not (kind is Kind.PEOPLE and any(isinstance(person, NationalId) for person in value)):  # type: ignore[union-attr]
        assert type_.load(type_.dump(value)) == value


def test_a_value_kept_under_another_type_is_not_read() -> None:
    for kind, dumped in ((Kind.PEOPLE, ["x"]), (Kind.MONEY, "ten"), (Kind.BOOL, 3)):
        with pytest.raises(InvalidAnswer):
            ValueType(kind).load(dumped)
    assert ValueType(Kind.PEOPLE).load([UUID(int=1).hex]) == (UUID(int=1),)
