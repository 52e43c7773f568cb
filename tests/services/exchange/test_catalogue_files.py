"""One bad file for each thing that the catalogue's files may not say: refused with file, line and remedy."""

from __future__ import annotations

import ast
import traceback
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from core.strict_yaml import FileError
from services.exchange.catalogue import CatalogueFileError, attributes, build_catalogue, load_catalogue, purposes
from services.exchange.catalogue import questions as questions_module
from services.exchange.catalogue.files import CatalogueFile
from services.exchange.catalogue.loader import FILES
from services.exchange.catalogue.questions import QUESTIONS, read_questions

DATA: Final = files("services.exchange.catalogue").joinpath("data")
TEXTS: Final = {name: DATA.joinpath(name).read_text("utf-8") for name in (*FILES, QUESTIONS)}
A, P, S, W, U, Q = "attributes.yaml", "profile.yaml", "services.yaml", "words.yaml", "purposes.yaml", QUESTIONS
Edit: TypeAlias = tuple[str, str, str, str]
"""File, id of the entry, what stands in it, and what shall."""

NOTHING = "gander: {description: {th: ก, en: a}, synonyms: {th: [ก], en: [a]}, alone: {}}\n"
OLD_ONE = "  deprecated: {since: 2026-12-01, use: %s, th: เลิกใช้, en: no more}\n"

CASES: Final[dict[str, list[Edit]]] = {
    "an id twice": [(A, "deceased", "id: deceased", "id: birth_date")],
    "no words": [(P, "gender", "id: gender", "id: gender_of_person")],
    "words of nothing": [(W, "gender", "gender:\n", NOTHING + "gender:\n")],
    "no such steward": [(A, "deceased", "steward: dopa", "steward: nobody")],
    "a range of a word": [(A, "deceased", "type: bool", "type: bool\n  range: {min: 0, max: 1}")],
    "a number without a range": [(S, "social_security_months", "  range: {min: 0, max: 1200}\n", "")],
    "a code without codes": [(A, "nationality", "  codes: [thai, other, stateless]\n", "")],
    "codes of a bool": [(A, "deceased", "type: bool", "type: bool\n  codes: [yes_, no_]")],
    "a code twice": [(A, "nationality", "[thai, other,", "[thai, thai,")],
    "a number of nothing": [(S, "social_security_months", "  unit: month\n", "")],
    "a unit of a word": [(A, "deceased", "type: bool", "type: bool\n  unit: month")],
    "an empty range": [(S, "social_security_months", "{min: 0, max: 1200}", "{min: 2, max: 1}")],
    "a household's own fact": [(A, "deceased", "subject: person", "subject: household")],
    "planned and derived": [(A, "household_size", "type: int", "type: int\n  planned: {th: ยัง, en: not yet}")],
    "a stale secret": [(A, "disability_card", "sensitive: true", "sensitive: true\n  stale_seconds: 60")],
    "Thai that is none": [(A, "deceased", "th: เสียชีวิตแล้ว", "th: dead")],
    "a plan in no Thai": [
        (S, "insurance_licence", "    th: ยังไม่มีแหล่งข้อมูลใบอนุญาตคนกลางประกันภัยเชื่อมต่อ", "    th: not yet")
    ],
    "a word twice": [(W, "gender", "[sex, gender,", "[sex, sex,")],
    "a word in the wrong language": [(W, "gender", "[sex, gender,", "[sex, เพศ,")],
    "no words in one language": [
        (W, "deceased", "[has died]", "[]"),
        (W, "deceased", "en: [deceased, dead, alive, is deceased, still alive]", "en: []"),
    ],
    "no children": [(P, "children", "id: children", "id: kids"), (W, "children", "children:", "kids:")],
    "no day of birth": [(A, "birth_date", "id: birth_date", "id: born"), (W, "birth_date", "birth_date:", "born:")],
    "a sum of words": [(A, "household_income", "of: annual_income", "of: nationality")],
    "replaced by nothing": [(A, "car_loan", "type: money\n", "type: money\n" + OLD_ONE % "truck_loan")],
    "replaced by itself": [(A, "car_loan", "type: money\n", "type: money\n" + OLD_ONE % "car_loan")],
    "replaced by what goes as well": [
        (A, "car_loan", "type: money\n", "type: money\n" + OLD_ONE % "home_loan"),
        (A, "home_loan", "type: money\n", "type: money\n" + OLD_ONE % "annual_income"),
    ],
    "gone before it came": [
        (A, "car_loan", "type: money\n", "type: money\n" + (OLD_ONE % "home_loan").replace("2026-12", "2020-12"))
    ],
    "a purpose twice": [(U, "sign-in", "id: sign-in", "id: own-view")],
    "a purpose for nothing known": [(U, "sign-in", "[name, birth_date, gender]", "[name, birth_day]")],
    "officers of nobody": [(U, "payment", "officers_of: [cgd,", "officers_of: [nobody, cgd,")],
    "a requester who is nobody": [(U, "student-loan-screening", "requester: slf", "requester: nobody")],
    "officers of no agency": [
        (U, "payment", "officers_of: [cgd, dcy, dep, dla, sso, nhso, slf, oic]", "officers_of: []"),
    ],
    "consent of nobody": [(U, "student-loan-screening", "  requester: slf\n", "")],
    "an agency's own data": [(U, "own-view", "askers: [SELF]", "askers: [SELF, AGENCY]")],
    "a sensitive fact of everybody without its law": [
        (U, "welfare-register", "    - attribute: disability_card", "    - attribute: annual_income")
    ],
    "a bulk run of nobody": [(U, "own-view", "records: true", "records: true\n  bulk: true")],
    "consent for others": [(U, "student-loan-screening", "subjects: [person]", "subjects: [person, household]")],
    "consent to everything": [
        (U, "student-loan-screening", "  attributes: [name, birth_date, nationality, annual_income]\n", "")
    ],
    "an assurance that is none": [(U, "own-view", "{sign_in: ial2.1}", "{sign_in: ial9}")],
    "a question that is an attribute": [(Q, "", "- id: national_id", "- id: name")],
    "a document for nothing known": [(Q, "", "{id: id_card, use: name", "{id: id_card, use: full_name")],
    "an unknown key": [(A, "deceased", "type: bool", "type: bool\n  colour: red")],
    "a missing key": [(A, "deceased", "  sensitive: false\n", "")],
    "a key twice": [(A, "deceased", "type: bool", "type: bool\n  type: bool")],
    "a word for a number": [(A, "deceased", "freshness_seconds: 86400", "freshness_seconds: soon")],
    "a day that is none": [(A, "deceased", "since: 2026-11-16", "since: 2026-02-30")],
}  # fmt: skip


def changed(edits: list[Edit]) -> dict[str, str]:
    texts = dict(TEXTS)
    for file, entry, old, new in edits:
        text = texts[file]
        at = 0
        if entry:
            marker = f"\n{entry}:\n" if file == W else f"- id: {entry}\n"
            at = text.index(marker)
        assert old in text[at:], (file, entry, old)
        texts[file] = text[:at] + text[at:].replace(old, new, 1)
    return texts


def build(texts: dict[str, str]) -> None:
    catalogue = build_catalogue({name: text for name, text in texts.items() if name != QUESTIONS})
    read_questions(CatalogueFile(QUESTIONS, texts[QUESTIONS]), catalogue.attributes)


def test_the_files_that_the_refusals_start_from_are_good() -> None:
    build(changed([]))
    assert load_catalogue().attributes


@pytest.mark.parametrize("edits", CASES.values(), ids=CASES)
def test_a_bad_file_is_refused_with_its_line_and_a_remedy(edits: list[Edit]) -> None:
    texts = changed(edits)
    with pytest.raises(FileError) as caught:
        build(texts)
    error = caught.value
    assert error.file in {file for file, *_ in edits} | {A, P}
    assert 1 <= error.line <= texts[error.file].count("\n") + 1
    assert f"{error.file}, line {error.line}: " in str(error)
    if isinstance(error, CatalogueFileError):
        assert error.remedy
        assert error.remedy in str(error)


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("no such steward", "  steward: nobody"),
        ("a code twice", "  codes: [thai, thai, stateless]"),
        ("a sum of words", "  derived: {how: sum, over: household_members, of: nationality}"),
        (
            "a word twice",
            "  alone: {th: [เพศ, ชายหรือหญิง], en: [sex, sex, gender mf, sex mf, gender male female, sex male female]}",
        ),
        ("an agency's own data", "  askers: [SELF, AGENCY]"),
        ("an unknown key", "  colour: red"),
        ("a word for a number", "  freshness_seconds: soon"),
        ("a day that is none", "  since: 2026-02-30"),
    ],
)
def test_the_line_is_the_one_that_is_wrong(case: str, says: str) -> None:
    texts = changed(CASES[case])
    with pytest.raises(FileError) as caught:
        build(texts)
    assert texts[caught.value.file].splitlines()[caught.value.line - 1] == says


def _call_sites(path: Path) -> set[int]:
    """Lines on which a condition is demanded, the helper's own forwarding left out."""
    tree = ast.parse(path.read_text("utf-8"))
    inner = {
        node.lineno
        for helper in ast.walk(tree)
        if isinstance(helper, ast.FunctionDef) and helper.name == "must"
        for node in ast.walk(helper)
        if isinstance(node, ast.Call)
    }
    return {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", None) == "must" or getattr(node.func, "id", None) == "must")
    } - inner


def test_every_refusal_has_a_case_here() -> None:
    modules = [Path(str(module.__file__)) for module in (attributes, purposes, questions_module)]
    sites = {(path.name, line) for path in modules for line in _call_sites(path)}
    reached: set[tuple[str, int]] = set()
    for edits in CASES.values():
        try:
            build(changed(edits))
        except FileError as error:
            frames = traceback.extract_tb(error.__traceback__)
            reached |= {(Path(frame.filename).name, int(frame.lineno or 0)) for frame in frames}
    assert sites - reached == set()
