"""What nobody could ever use is refused with line and remedy, of a stranger's documents and of a folder alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from services import agencies
from services.exchange.catalogue import load_catalogue
from services.plugins.contract import Fault, PluginRefused, Rule, parse_manifest, read_manifest
from services.plugins.contract.manifest import line_of
from services.plugins.registry.documents import Ground, load_documents, published_plugin
from services.plugins.registry.folder import load_folder
from services.plugins.registry.operation_check import check_consents, check_operations, consents_of
from tests.support.plugins import CATALOGUE, HOST, LIBRARY
from tests.support.services import answering, documents_of, manifest_of, no_faults

CONSENTS: Final = {"waterworks": frozenset({"name"}), "riverworks": frozenset({"birth_date"})}
GROUND: Final = Ground(HOST, {"name": "dopa", "birth_date": "dopa"}, no_faults, answering(None), CONSENTS)
TITLES: Final = {"th": "ตรวจสอบ", "en": "To check"}
AGENCIES: Final = Path(agencies.__file__).parent


def spec(kind: str, **more: Any) -> dict[str, Any]:
    events = {"events": ["data.erased"]} if kind == "notify" else {}
    record = {"record": {"type": "object", "additionalProperties": False}} if kind == "ingest" else {}
    return {"kind": kind, "time_limit_seconds": 2, **events, **record, **more}


def found(**operations: Any) -> list[Fault]:
    return [*check_operations(parse_manifest(manifest_of(operations=operations), plugin="waterworks"))]


@pytest.mark.parametrize("kind", ["submit", "status", "cancel"])
def test_of_a_kind_that_is_one_there_is_one(kind: str) -> None:
    assert found(one=spec(kind)) == []
    [fault] = found(one=spec(kind), other=spec(kind))
    assert (fault.rule, fault.field) == (Rule.MANIFEST_FIELD, "operations.other.kind")
    assert "`one`" in fault.why
    assert len(found(one=spec(kind), other=spec(kind), third=spec(kind))) == 2


@pytest.mark.parametrize("kind", ["query", "source", "ingest", "issue", "notify"])
def test_of_another_kind_there_may_be_several(kind: str) -> None:
    access = {"access": "public"} if kind == "ingest" else {}
    assert found(one=spec(kind, **access), other=spec(kind, **access)) == []


@pytest.mark.parametrize("kind", ["submit", "status", "cancel", "notify", "ingest"])
def test_a_kind_has_the_access_that_it_can_have(kind: str) -> None:
    right, wrong = ("public", "citizen") if kind == "ingest" else ("citizen", "public")
    assert found(one=spec(kind, access=right)) == []
    [fault] = found(one=spec(kind, access=wrong))
    assert (fault.field, fault.remedy) == ("operations.one.access", f'Say `access` is "{right}"')


@pytest.mark.parametrize("kind", ["query", "source", "issue"])
@pytest.mark.parametrize("access", ["citizen", "public"])
def test_the_others_may_have_either(kind: str, access: str) -> None:
    assert found(one=spec(kind, access=access)) == []


def need(attribute: str, basis: str) -> dict[str, Any]:
    return {"attribute": attribute, "purpose": TITLES, "basis": basis}


def test_a_need_by_consent_has_a_purpose_of_this_very_agency_for_this_very_fact() -> None:
    needs = [need("name", "consent"), need("birth_date", "public_task"), need("birth_date", "consent")]
    manifest = parse_manifest(manifest_of(needs=needs), plugin="waterworks")
    [fault] = check_consents(manifest, CONSENTS)
    assert (fault.rule, fault.field) == (Rule.NEEDS, "needs.2.basis")
    assert "`birth_date`" in fault.why
    assert [*check_consents(manifest, None)] == []


def test_the_purposes_are_those_of_the_catalogue() -> None:
    assert consents_of(load_catalogue())["slf"] >= {"name", "nationality"}
    assert "waterworks" not in consents_of(load_catalogue())


def test_a_strangers_documents_are_refused_with_the_lines_of_their_own_file() -> None:
    price = {"price": {"kind": "query", "access": "public", "time_limit_seconds": 2}}
    operations = {**price, "take": spec("ingest"), "one": spec("submit"), "two": spec("submit", access="public")}
    documents = documents_of(operations=operations, needs=[need("name", "consent"), need("birth_date", "consent")])
    with pytest.raises(PluginRefused) as refused:
        load_documents(documents, GROUND)
    lines = documents.files["manifest.json"].splitlines()
    told = {one.field: one for one in refused.value.faults if one.rule in (Rule.MANIFEST_FIELD, Rule.NEEDS)}
    assert told.keys() == {
        *("operations.two.kind", "operations.two.access", "operations.take.access", "needs.1.basis")
    }  # fmt: skip
    for field, fault in told.items():
        assert fault.line is not None
        assert fault.remedy
        word = "take" if field == "operations.take.access" else (field or "").rpartition(".")[2]
        assert f'"{word}"' in lines[fault.line - 1], (field, fault.line)
    second = [number for number, line in enumerate(lines, start=1) if '"basis"' in line][1]
    assert told["needs.1.basis"].line == second


def test_what_is_published_already_is_not_taken_down_by_a_stricter_rule() -> None:
    documents = documents_of(operations={**manifest_of()["operations"], "take": spec("ingest")})
    assert published_plugin(documents, GROUND).slug == "waterworks"


def test_a_folder_is_refused_by_the_same_rules_with_its_lines(tmp_path: Path) -> None:
    for path in LIBRARY.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            there = tmp_path / "library" / path.relative_to(LIBRARY)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(path.read_bytes())
    manifest = tmp_path / "library" / "manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    begins = len(text.splitlines())
    text += (
        '\n[operations.hear]\nkind = "notify"\naccess = "public"\ntime_limit_seconds = 2\nevents = ["data.erased"]\n'
    )
    for basis in ("public_task", "consent"):
        text += f'[[needs]]\nattribute = "title"\nbasis = "{basis}"\npurpose = {{ th = "ทดสอบ", en = "A test" }}\n'
    manifest.write_text(text, encoding="utf-8")
    with pytest.raises(PluginRefused) as refused:
        load_folder(tmp_path / "library", HOST, {**CATALOGUE, "title": "library"}, consents={})
    told = {one.field: one.line for one in refused.value.faults}
    assert told["operations.hear.access"] == begins + 4
    needs = [n for n, line in enumerate(text.splitlines(), start=1) if line == "[[needs]]"]
    place = len(needs) - 1
    assert told[f"needs.{place}.basis"] == needs[-1] + 2


def test_our_own_agencies_keep_them() -> None:
    consents = consents_of(load_catalogue())
    for path in sorted(AGENCIES.glob("*/manifest.toml")):
        manifest = read_manifest(path.read_text(encoding="utf-8"), plugin=path.parent.name)
        assert [*check_operations(manifest), *check_consents(manifest, consents)] == [], path


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("needs", "0", "basis"), 3),
        (("needs", "1", "basis"), 6),
        (("needs", "1"), 4),
        (("needs", "2"), None),
        (("one", "x"), 8),
    ],
)
def test_a_line_of_a_list_of_tables_is_found(path: tuple[str, ...], line: int | None) -> None:
    toml = '[[needs]]\na = 1\nbasis = "x"\n[[needs]]\na = 2\nbasis = "y"\n[one]\nx = 1\n'
    assert line_of(toml, path) == line
