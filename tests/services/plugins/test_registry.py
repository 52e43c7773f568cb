from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.plugins.contract import Fault, PluginRefused, Rule
from services.plugins.contract.names import function_name
from services.plugins.plugin import Plugin
from services.plugins.registry import Registry, load_folder
from services.plugins.registry.graph_check import BYTES_MAX, DEPTH_MAX, FIELDS_MAX, TYPES_MAX
from tests.support.plugins import AGENCIES, CATALOGUE, HOST, LIBRARY, copy_of_library


def load(folder: Path) -> Plugin:
    return load_folder(folder, HOST, CATALOGUE)


def refused(folder: Path) -> PluginRefused:
    with pytest.raises(PluginRefused) as caught:
        load(folder)
    return caught.value


def the_fault(folder: Path, rule: Rule) -> Fault:
    faults = [fault for fault in refused(folder).faults if fault.rule is rule]
    assert len(faults) == 1, faults
    return faults[0]


def test_a_strangers_plugin_passes_every_check() -> None:
    plugin = load(LIBRARY)
    assert plugin.graph.namespaces == {"Citizen": "Library", "Query": "LibraryShelves"}
    assert set(plugin.functions) == {"loans", "searchShelves", "membership"}
    assert plugin.graph.answer_type("membership") is None


@pytest.mark.parametrize(
    ("old", "new", "rule", "names"),
    [
        ("library: Library\n", "profile: Library\n", Rule.OWNERSHIP, "Citizen.profile"),
        ("library: Library\n", "books: Library\n", Rule.NAMESPACE, "books"),
        ("library: Library\n", "library: Library!\n", Rule.NULLABILITY, "namespace"),
        ("library: Library\n", "library: [Library]\n", Rule.NAMESPACE, "one object type"),
        ("library: Library\n", "library(a: Int): Library\n", Rule.BINDING, "no arguments"),
        ("library: Library\n", "library: Library\n  second: Library\n", Rule.NAMESPACE, "other than one field"),
        ("extend type Query", "extend type Mutation", Rule.OWNERSHIP, "Mutation"),
        ("extend type Query", "extend type Profile", Rule.OWNERSHIP, "Profile"),
        ("type LibraryCopy", "type Copy", Rule.PREFIX, "Copy"),
        ("type LibraryCopy", "type Profile", Rule.OWNERSHIP, "Profile"),
        ("type LibraryCopy", "type Money", Rule.OWNERSHIP, "Money"),
        ("type LibraryCopy", "type __LibraryCopy", Rule.NAME, "__LibraryCopy"),
        ("shelf: String", "__shelf: String", Rule.NAME, "__shelf"),
        ("shelf: String", "Shelf: String", Rule.NAME, "Shelf"),
        ("shelf: String", "sh_elf: String", Rule.NAME, "sh_elf"),
        ("  BACK", "  back", Rule.NAME, "back"),
        ("shelf: String", "shelf: String @stream", Rule.DIRECTIVE, "@stream"),
        ("type LibraryCopy {", "type LibraryCopy @key {", Rule.DIRECTIVE, "@key"),
        ("type LibraryCopy {", "type LibraryCopy implements Node {", Rule.DEFINITION, "interface"),
        ("type LibraryCopy {", "scalar LibraryAnything\ntype LibraryCopy {", Rule.DEFINITION, "scalar"),
        ("type LibraryCopy {", "directive @x on FIELD\ntype LibraryCopy {", Rule.DEFINITION, "directive"),
        ("type LibraryCopy {", "schema { query: Library }\ntype LibraryCopy {", Rule.DEFINITION, "schema"),
        ("type LibraryCopy {", "union LibraryU = Library\ntype LibraryCopy {", Rule.DEFINITION, "union"),
        ("type LibraryCopy {", "interface LibraryI { a: Int }\ntype LibraryCopy {", Rule.DEFINITION, "interface"),
        ("type LibraryCopy {", "query { viewer }\ntype LibraryCopy {", Rule.DEFINITION, "operation"),
        ("type LibraryCopy {", "extend enum LibraryLoanState { LOST }\ntype LibraryCopy {", Rule.DEFINITION, "enum"),
        ("type LibraryCopy {", "type LibraryLoan { a: Int }\ntype LibraryCopy {", Rule.NAME, "twice"),
        ("shelf: String", "shelf: Profile", Rule.UNKNOWN_TYPE, "Profile"),
        ("shelf: String", "shelf: Citizen", Rule.UNKNOWN_TYPE, "Citizen"),
        ("shelf: String", "shelf: LibraryQuery", Rule.UNKNOWN_TYPE, "LibraryQuery"),
        ("words: String!", "words: Money", Rule.UNKNOWN_TYPE, "Money"),
        ("words: String!", "words: LibraryBook", Rule.UNKNOWN_TYPE, "LibraryBook"),
        ("shelf: String", "shelf: String shelf: Int", Rule.GRAPH_SYNTAX, "shelf"),
        ("shelf: String", "shelf: LibraryLoan", Rule.GRAPH_TOO_DEEP, "contains itself"),
        ("shelf: String", "shelf: Library", Rule.NAMESPACE, "Library"),
        ("shelf: String", "shelf(of: Int): String", Rule.BINDING, "no operation gets"),
        ("loans(", "lendings(", Rule.BINDING, "no query of the manifest"),
        ("[LibraryLoan!]\n", "[LibraryLoan!]!\n", Rule.NULLABILITY, "can fail"),
        ("type LibraryCopy {", "type LibraryCopy {{", Rule.GRAPH_SYNTAX, "Syntax Error"),
        ("first: Int = 10", 'first: Int = "ten"', Rule.GRAPH_SYNTAX, "ten"),
    ],
)
def test_hostile_or_mistaken_sdl_is_refused_by_name_with_its_line(
    tmp_path: Path, old: str, new: str, rule: Rule, names: str
) -> None:
    folder = copy_of_library(tmp_path, graph=(old, new))
    faults = [fault for fault in refused(folder).faults if fault.rule is rule]
    assert faults, refused(folder).faults
    assert any(names in str(fault) or names in (fault.field or "") for fault in faults), faults
    assert all(fault.remedy for fault in faults)
    assert any(fault.line for fault in faults if fault.file == "graph.graphql")


def test_an_unused_query_is_refused(tmp_path: Path) -> None:
    extra = '[operations.fines]\nkind = "query"\ntime_limit_seconds = 1\n\n[operations.loans]'
    folder = copy_of_library(tmp_path, manifest=("[operations.loans]", extra))
    assert Rule.BINDING in refused(folder).rules


def test_a_million_fields_are_refused_before_they_are_parsed(tmp_path: Path) -> None:
    fields = "\n".join(f"f{n}: Int" for n in range(1_000_000))
    folder = copy_of_library(tmp_path, graph=f"type LibraryMany {{ {fields} }}")
    assert "bytes" in the_fault(folder, Rule.GRAPH_TOO_LARGE).why


def test_more_words_than_allowed_are_refused(tmp_path: Path) -> None:
    text = "type LibraryMany { " + "a:A " * ((BYTES_MAX - 100) // 4) + "}"
    fault = the_fault(copy_of_library(tmp_path, graph=text), Rule.GRAPH_TOO_LARGE)
    assert "words" in fault.why


@pytest.mark.parametrize(("extra", "refuses"), [(0, False), (1, True)])
def test_the_number_of_fields_has_a_limit(tmp_path: Path, extra: int, refuses: bool) -> None:
    have = sum(len(node.fields or ()) for node in load(LIBRARY).graph.objects.values()) + 2
    many = " ".join(f"f{n}: Int" for n in range(FIELDS_MAX - have - 1 + extra))
    folder = copy_of_library(
        tmp_path, graph=("shelf: String", f"shelf: String more: LibraryMore }} type LibraryMore {{ {many}")
    )
    if refuses:
        assert str(FIELDS_MAX) in the_fault(folder, Rule.GRAPH_TOO_LARGE).why
    else:
        load(folder)


def test_too_many_types_are_refused(tmp_path: Path) -> None:
    many = " ".join(f"enum Library{n} {{ A }}" for n in range(TYPES_MAX))
    folder = copy_of_library(tmp_path, graph=("type LibraryCopy", f"{many} type LibraryCopy"))
    assert str(TYPES_MAX) in the_fault(folder, Rule.GRAPH_TOO_LARGE).why


@pytest.mark.parametrize(("deeper", "refuses"), [(0, False), (1, True)])
def test_depth_has_a_limit(tmp_path: Path, deeper: int, refuses: bool) -> None:
    levels = DEPTH_MAX - 3 + deeper  # Library, LibraryLoan and LibraryCopy are three already
    chain = " ".join(f"type LibraryLevel{n} {{ down: LibraryLevel{n + 1} }}" for n in range(1, levels))
    graph = ("shelf: String", f"shelf: LibraryLevel1 }} {chain} type LibraryLevel{levels} {{ x: Int")
    folder = copy_of_library(tmp_path, graph=graph)
    if refuses:
        assert str(DEPTH_MAX) in the_fault(folder, Rule.GRAPH_TOO_DEEP).why
    else:
        load(folder)


def test_sdl_nested_beyond_pythons_stack_is_refused_not_crashed(tmp_path: Path) -> None:
    graph = "type LibraryA { a: " + "[" * 9_000 + "Int" + "]" * 9_000 + " }"
    assert refused(copy_of_library(tmp_path, graph=graph)).rules <= {Rule.GRAPH_TOO_DEEP, Rule.GRAPH_TOO_LARGE}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('library_member = "membership"', 'birth_date = "membership"', Rule.PROVIDES),
        ('library_member = "membership"', 'shoe_size = "membership"', Rule.PROVIDES),
        ('library_member = "membership"', 'library_member = "loans"', Rule.PROVIDES),
        ('attribute = "birth_date"', 'attribute = "shoe_size"', Rule.NEEDS),
        ('[provides]\nlibrary_member = "membership"', "", Rule.PROVIDES),
        ('prefix = "Library"', 'prefix = "Librarian"', Rule.PREFIX),
        ('prefix = "Library"\n', "", Rule.PREFIX),
        ('namespace = "library"', 'namespace = "books"', Rule.NAMESPACE),
        ('access = "public"\n', "", Rule.BINDING),
        ("[errors.CARD_BLOCKED]", "[errors.CARD_LOST]", Rule.EXAMPLES),
    ],
)
def test_a_manifest_that_claims_what_is_not_so_is_refused(tmp_path: Path, old: str, new: str, rule: Rule) -> None:
    assert rule in refused(copy_of_library(tmp_path, manifest=(old, new))).rules


@pytest.mark.parametrize(
    ("required", "why", "remedy"),
    [
        ('"of-good-cheer"', "no requirement `of-good-cheer`", "docs/catalogue.md"),
        ('"alive"', "nothing that is needed proves `alive`", "`deceased`"),
        ('"person-of-little-means"', "proves `person-of-little-means`", "`state_welfare_card`"),
    ],
)
def test_what_a_service_requires_its_needs_must_prove(tmp_path: Path, required: str, why: str, remedy: str) -> None:
    slug = 'slug = "library"\nnamespace'
    folder = copy_of_library(tmp_path, manifest=(slug, f"requirements = [{required}]\n{slug}"))
    fault = the_fault(folder, Rule.NEEDS)
    assert why in fault.why
    assert remedy in fault.remedy
    assert fault.field == "requirements.0"


def test_a_service_may_require_what_its_needs_prove(tmp_path: Path) -> None:
    slug = 'slug = "library"\nnamespace'
    folder = copy_of_library(tmp_path, manifest=(slug, f'requirements = ["of-age"]\n{slug}'))
    assert load(folder).manifest.requirements == ["of-age"]


def test_without_sdl_a_query_has_nowhere_to_show(tmp_path: Path) -> None:
    folder = copy_of_library(tmp_path)
    (folder / "graph.graphql").unlink()
    assert {fault.field for fault in refused(folder).faults if fault.rule is Rule.BINDING} == {
        "operations.loans",
        "operations.searchShelves",
    }


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        ("from typing import Any", "import core.database\nfrom typing import Any", Rule.IMPORT, 5),
        ("from typing import Any", "from services.plugins import registry\nfrom typing import Any", Rule.IMPORT, 5),
        ("from typing import Any", "from . import secrets\nfrom typing import Any", Rule.IMPORT, 5),
        ("from typing import Any", "import os\nfrom typing import Any", Rule.IMPORT, 5),
        ("from typing import Any", "from urllib import request\nfrom typing import Any", Rule.IMPORT, 5),
        ("from typing import Any", "import importlib\nfrom typing import Any", Rule.IMPORT, 5),
        ("from typing import Any", "import core\nfrom typing import Any", Rule.IMPORT, 5),
        ("from typing import Any", "from typing import Any\nDB = __import__('core.database')", Rule.CODE, 6),
        ("from typing import Any", "from typing import Any\nSECRETS = open('secrets.json')", Rule.CODE, 6),
        ("from typing import Any", "from typing import Any\nDB = Any.__init__.__globals__", Rule.CODE, 6),
        ("async def loans", "async def lendings", Rule.CODE, None),
        ("async def loans(host: Host, call: Call)", "def loans(host: Host, call: Call)", Rule.CODE, 10),
        ("async def loans(host: Host, call: Call)", "async def loans(call: Call)", Rule.CODE, 10),
        ("async def loans(host: Host, call: Call)", "async def loans(host Host)", Rule.CODE, 10),
    ],
)
def test_code_is_checked_before_it_runs(tmp_path: Path, old: str, new: str, rule: Rule, line: int | None) -> None:
    folder = copy_of_library(tmp_path, code=(old, new))
    assert the_fault(folder, rule).line == line


def test_code_of_a_refused_plugin_never_runs(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    code = (LIBRARY / "plugin.py").read_text(encoding="utf-8") + f"\nopen({str(marker)!r}, 'w').close()\n"
    refused(copy_of_library(tmp_path, code=code, manifest=('namespace = "library"', 'namespace = "books"')))
    assert not marker.exists()


@pytest.mark.parametrize("missing", ["plugin.py", "manifest.toml", "examples/loans.json"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    folder = copy_of_library(tmp_path)
    (folder / missing).unlink()
    rules = {"plugin.py": Rule.CODE, "manifest.toml": Rule.MANIFEST_MISSING, "examples/loans.json": Rule.EXAMPLES}
    assert rules[missing] in refused(folder).rules


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "nothing"},
        {"person": None},
        {"person": "12"},
        {"error": "UNDECLARED"},
        {"now": "2026-11-16T10:00:00"},
        {"surprise": 1},
    ],
)
def test_a_wrong_example_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = copy_of_library(tmp_path)
    path = folder / "examples" / "loans.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    assert Rule.EXAMPLES in refused(folder).rules


FORM: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"branch": {"type": "string"}}, "neither"),
        ({"born": {"x-attribute": "birth_date", "x-citizen-only": {"th": "ก", "en": "a"}}}, "both"),
        ({"shoes": {"type": "string", "x-attribute": "shoe_size"}}, "shoe_size"),
        ({"income": {"type": "integer", "x-attribute": "annual_income"}}, "needs"),
        ({"branch": {"x-citizen-only": {"th": "ก"}}}, "Thai and English"),
        ({"born": {"type": "nonsense", "x-attribute": "birth_date"}}, "nonsense"),
    ],
)
def test_a_form_may_not_ask_what_the_state_knows(tmp_path: Path, properties: dict[str, Any], why: str) -> None:
    folder = copy_of_library(tmp_path, form=json.dumps(FORM | {"properties": properties}))
    assert why in the_fault(folder, Rule.FORM).why


def test_a_form_of_known_facts_and_reasoned_questions_passes(tmp_path: Path) -> None:
    properties = {
        "born": {"type": "string", "x-attribute": "birth_date"},
        "branch": {"type": "string", "x-citizen-only": {"th": "คุณเลือกสาขาเอง", "en": "You choose the branch"}},
    }
    plugin = load(copy_of_library(tmp_path, form=json.dumps(FORM | {"properties": properties})))
    assert plugin.manifest.form is not None


@pytest.mark.parametrize("form", ["{", "[]", '{"type": "string"}', '{"type": "object"}'])
def test_a_form_that_is_no_form_is_refused(tmp_path: Path, form: str) -> None:
    assert refused(copy_of_library(tmp_path, form=form)).rules & {Rule.FORM, Rule.MANIFEST_FIELD}


def test_function_names_are_the_fields_in_snake_case() -> None:
    assert [function_name(n) for n in ("loans", "searchShelves", "top10Books")] == [
        "loans",
        "search_shelves",
        "top10_books",
    ]


def test_two_plugins_live_side_by_side_in_the_order_of_their_slugs() -> None:
    registry = Registry(HOST, CATALOGUE)
    registry.load(LIBRARY)
    registry.load(AGENCIES / "mhesi")
    registry.load(AGENCIES / "oic")
    assert [plugin.slug for plugin in registry.plugins] == ["library", "mhesi", "oic"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ([], Rule.OWNERSHIP),
        ([('slug = "library"\nnamespace', 'slug = "books"\nnamespace')], Rule.NAMESPACE),
        ([('slug = "library"\nnamespace', 'slug = "books"\nnamespace')], Rule.PREFIX),
        ([('slug = "library"\nnamespace', 'slug = "books"\nnamespace')], Rule.PROVIDES),
    ],
)
def test_what_another_plugin_has_cannot_be_taken(tmp_path: Path, changes: list[tuple[str, str]], rule: Rule) -> None:
    registry = Registry(HOST, CATALOGUE)
    registry.load(LIBRARY)
    folder = copy_of_library(tmp_path, **({"manifest": changes[0]} if changes else {}))
    with pytest.raises(PluginRefused) as caught:
        registry.load(folder)
    assert rule in caught.value.rules
    assert [plugin.slug for plugin in registry.plugins] == ["library"]


def test_a_prefix_that_would_claim_a_hosts_type_is_refused(tmp_path: Path) -> None:
    folder = copy_of_library(tmp_path)
    for name in ("manifest.toml", "graph.graphql"):
        file = folder / name
        file.write_text(file.read_text(encoding="utf-8").replace("Library", "Pro"), encoding="utf-8")
    with pytest.raises(PluginRefused) as caught:
        Registry(HOST, CATALOGUE).load(folder)
    assert "Profile" in str(caught.value) or "Programme" in str(caught.value)


def test_a_removed_plugins_names_are_free_again() -> None:
    registry = Registry(HOST, CATALOGUE)
    registry.load(LIBRARY)
    registry.remove("library")
    registry.load(LIBRARY)
    assert registry.get("library") is not None
