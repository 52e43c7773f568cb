"""What a stranger may send to be registered, and is refused by name, with the line and a remedy, in bounded time.

No test here measures time: what bounds it is the number of faults told, and that the whole file runs at all. Before
there were bounds, single cases of it took ten seconds, or fetched a page from inside our network.
"""

from __future__ import annotations

import json
import socket
import tomllib
from contextlib import suppress
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from services.plugins.contract import Fault, Manifest, PluginRefused, Rule, parse_manifest, read_manifest
from services.plugins.contract.keys import SigningKey
from services.plugins.contract.texts import QUOTED_MAX, quoted, trouble_in
from services.plugins.registry.documents import Documents, Ground, load_documents
from services.plugins.registry.form_safety import (
    EXPANDED_MAX,
    NODES_MAX,
    PATTERN_LENGTH_MAX,
    PATTERNS_MAX,
    TEXT_LENGTH_MAX,
    check_record,
    unsafe_in,
)
from services.plugins.registry.graph_check import (
    ARGUMENTS_MAX,
    BYTES_MAX,
    DEPTH_MAX,
    TOKENS_MAX,
    VALUES_MAX,
    check_graph,
)
from services.plugins.registry.graph_words import FAULTS_MAX, NAME_LENGTH_MAX, NUMBER_LENGTH_MAX
from services.plugins.registry.graph_words import TEXT_LENGTH_MAX as GRAPH_TEXT_MAX
from tests.support.plugins import CATALOGUE, HOST, LIBRARY

SDL: Final = (LIBRARY / "graph.graphql").read_text(encoding="utf-8")
LINES: Final = "\n x"
LINE: Final = SDL.count("\n") + 1
"""Where what a test adds stands."""
TOLD_MAX: Final = FAULTS_MAX * 3 * QUOTED_MAX


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return read_manifest((LIBRARY / "manifest.toml").read_text(encoding="utf-8"), plugin="library")


def refused(sdl: str, manifest: Manifest) -> PluginRefused:
    with pytest.raises(PluginRefused) as caught:
        check_graph(sdl, manifest, HOST)
    assert 1 <= len(caught.value.faults) <= FAULTS_MAX
    assert all(fault.remedy for fault in caught.value.faults)
    assert len(str(caught.value)) < TOLD_MAX
    return caught.value


def many(text: str, times: int) -> str:
    return " ".join(text.replace("#", str(n)) for n in range(times))


ADDED: Final[dict[str, tuple[str, Rule]]] = {
    "a type of the host": ("type Profile { a: Int }", Rule.OWNERSHIP),
    "the root itself": ("type Query { a: Int }", Rule.OWNERSHIP),
    "mutations": ("type Mutation { a: Int }", Rule.OWNERSHIP),
    "more mutations": ("extend type Mutation { a: Int }", Rule.OWNERSHIP),
    "more subscriptions": ("extend type Subscription { a: Int }", Rule.OWNERSHIP),
    "more of a type of the host": ("extend type Profile { a: Int }", Rule.OWNERSHIP),
    "more of a shared type": ("extend type Money { a: Int }", Rule.OWNERSHIP),
    "a shared type": ("type Money { satang: Int }", Rule.OWNERSHIP),
    "a shared name for something else": ("enum Date { MONDAY }", Rule.OWNERSHIP),
    "another plugin's type": ("type WaterBill { a: Int }", Rule.PREFIX),
    "a type of GraphQL's own": ("type __Schema { a: Int }", Rule.NAME),
    "a field of GraphQL's own": ("type LibraryX { __typename: String }", Rule.NAME),
    "a value of GraphQL's own": ("enum LibraryX { __A }", Rule.NAME),
    "an argument of GraphQL's own": ("type LibraryX { a(__b: Int): Int }", Rule.NAME),
    "a schema": ("schema { query: Query }", Rule.DEFINITION),
    "more of the schema": ("extend schema { mutation: LibraryX }", Rule.DEFINITION),
    "a directive of its own": ("directive @x on FIELD", Rule.DEFINITION),
    "a directive of the host": ("type LibraryX { a: Int @tag }", Rule.DIRECTIVE),
    "a directive on a value": ("enum LibraryX { A @skip(if: true) }", Rule.DIRECTIVE),
    "a scalar": ("scalar LibraryX", Rule.DEFINITION),
    "more of a scalar": ('extend scalar Date @specifiedBy(url: "https://x")', Rule.DEFINITION),
    "an interface": ("interface LibraryX { a: Int }", Rule.DEFINITION),
    "the host's interface": ("type LibraryX implements Node { id: ID! }", Rule.DEFINITION),
    "five thousand interfaces": (f"type LibraryX implements {many('& I#', 5_000)} {{ a: Int }}", Rule.DEFINITION),
    "a union": ("union LibraryX = LibraryBook", Rule.DEFINITION),
    "more of an enum": ("extend enum LibraryLoanState { LOST }", Rule.DEFINITION),
    "more of an input": ("extend input LibraryQuery { a: Int }", Rule.DEFINITION),
    "a question": ("query { viewer { id } }", Rule.DEFINITION),
    "a fragment": ("fragment LibraryX on Query { viewer { id } }", Rule.DEFINITION),
    "a letter that looks like one": ("type LibraryX { tіtle: Int }", Rule.GRAPH_SYNTAX),
    "an input that contains itself": ("input LibraryX { a: LibraryX }", Rule.GRAPH_TOO_DEEP),
    "two inputs that contain each other": (
        "input LibraryX { a: LibraryY } input LibraryY { a: [LibraryX] }", Rule.GRAPH_TOO_DEEP),
    "a type that contains itself, and that nothing leads to": ("type LibraryX { a: LibraryX }", Rule.GRAPH_TOO_DEEP),
    "a default that contains itself": ("input LibraryX { a: LibraryX = {} }", Rule.GRAPH_SYNTAX),
    "a default of another type": ('input LibraryX { a: Int = "1" }', Rule.GRAPH_SYNTAX),
    "a list of four hundred lists": (f"type LibraryX {{ a: {'[' * 400}Int{']' * 400} }}", Rule.GRAPH_TOO_DEEP),
    "a list of nine thousand lists": (f"type LibraryX {{ a: {'[' * 9_000}Int{']' * 9_000} }}", Rule.GRAPH_TOO_DEEP),
    "a default of nine thousand lists": (
        f"input LibraryX {{ a: Int = {'[' * 9_000}{']' * 9_000} }}", Rule.GRAPH_TOO_DEEP),
    "a million fields": (f"type LibraryX {{ {many('f#: Int', 1_000_000)} }}", Rule.GRAPH_TOO_LARGE),
    "six thousand fields": (f"type LibraryX {{ {many('f#:Int', 6_000)} }}", Rule.GRAPH_TOO_LARGE),
    "five thousand arguments": (f"type LibraryX {{ a({many('a#: Int', 5_000)}): Int }}", Rule.GRAPH_TOO_LARGE),
    "fifteen thousand values": (f"enum LibraryX {{ {many('A#', 15_000)} }}", Rule.GRAPH_TOO_LARGE),
    "one value fifteen thousand times": (f"enum LibraryX {{ {'A ' * 15_000} }}", Rule.GRAPH_TOO_LARGE),
    "one value a thousand times": (f"enum LibraryX {{ {'A ' * 900} }}" + "\n" * 90_000, Rule.GRAPH_SYNTAX),
    "two thousand types": (many("type LibraryX# { a: Int }", 2_000), Rule.GRAPH_TOO_LARGE),
    "one type two thousand times": ("type LibraryX { a: Int } " * 2_000, Rule.GRAPH_TOO_LARGE),
    "a directive four thousand times": (f"type LibraryX {{ a: Int {'@deprecated ' * 4_000} }}", Rule.DIRECTIVE),
    "three thousand bad names": (f"type LibraryX {{ {many('A_#: Int', 900)} }}", Rule.NAME),
    "a number of ninety thousand digits": (f"input LibraryX {{ a: Int = {'9' * 90_000} }}", Rule.GRAPH_TOO_LARGE),
    "a number beyond all": ("input LibraryX { a: Float = 1e999 }", Rule.GRAPH_TOO_LARGE),
    "a text of ninety thousand letters": (f'"{"x" * 90_000}" type LibraryX {{ a: Int }}', Rule.TEXT),
    "a text of twenty thousand lines": (f'"""{LINES * 20_000}""" type LibraryX {{ a: Int }}', Rule.TEXT),
    "a reason of fifty thousand letters": (
        f'type LibraryX {{ a: Int @deprecated(reason: "{"x" * 50_000}") }}', Rule.TEXT),
    "a default of ninety thousand letters": (f'input LibraryX {{ a: String = "{"x" * 90_000}" }}', Rule.TEXT),
    "a name of ninety thousand letters": (f"type Library{'X' * 90_000} {{ a: Int }}", Rule.GRAPH_TOO_LARGE),
    "a text read from the other side": ('"\u202egnp\u202c" type LibraryX { a: Int }', Rule.TEXT),
    "a remark read from the other side": ("# \u2066x\u2069\n type LibraryX { a: Int }", Rule.TEXT),
    "an escape for terminals": ('"\x1b[2J" type LibraryX { a: Int }', Rule.TEXT),
    "an escape that is escaped": ('"\\u001b[2J" type LibraryX { a: Int }', Rule.TEXT),
    "a script": ('"<script>alert(1)</script>" type LibraryX { a: Int }', Rule.TEXT),
    "a script in a reason": ('type LibraryX { a: Int @deprecated(reason: "<img src=x>") }', Rule.TEXT),
    "half a letter": ('"\ud800" type LibraryX { a: Int }', Rule.TEXT),
    "half a letter that is escaped": ('"\\ud800" type LibraryX { a: Int }', Rule.GRAPH_SYNTAX),
    "a zero byte": ("\x00", Rule.TEXT),
    "a tag of no letter": ('"\U000e0041" type LibraryX { a: Int }', Rule.TEXT),
    "text without an end": (f'"""{"x" * 90_000}', Rule.GRAPH_SYNTAX),
    "a hundred kilobytes of remarks": ("#\n" * 50_000, Rule.GRAPH_TOO_LARGE),
    "thirty types, each with all that follow": (
        " ".join(f"type LibraryL{n} {{ a: Int {' '.join(f'f{m}: LibraryL{m}' for m in range(n + 1, 31))} }}"
                 for n in range(31)), Rule.GRAPH_TOO_DEEP),
    "ninety types below each other, ten times each": (
        " ".join(f"type LibraryL{n} {{ {many(f'f#: LibraryL{n + 1}', 10)} }}" for n in range(90))
        + " type LibraryL90 { a: Int }", Rule.GRAPH_TOO_DEEP),
    "thirty types in circles": (
        " ".join(f"type LibraryL{n} {{ {' '.join(f'f{m}: LibraryL{m}' for m in range(28))} }}" for n in range(28)),
        Rule.GRAPH_TOO_DEEP),
}  # fmt: skip


@pytest.mark.parametrize("name", ADDED)
def test_sdl_that_means_harm_is_refused_by_name(manifest: Manifest, name: str) -> None:
    added, rule = ADDED[name]
    told = refused(f"{SDL}\n{added}", manifest)
    assert rule in told.rules
    if rule is not Rule.GRAPH_TOO_LARGE:
        assert any((fault.line or 0) >= LINE for fault in told.faults if fault.rule is rule)


@pytest.mark.parametrize(
    "sdl",
    ["", " " * 90_000, "{" * 20_000, "[" * 20_000, "\x00" * 90_000, "\ufeff", '"' * 99_999, "#", "type", "\n" * 99_999],
)
def test_what_is_no_sdl_at_all_is_refused(manifest: Manifest, sdl: str) -> None:
    assert refused(sdl, manifest).rules <= {Rule.GRAPH_SYNTAX, Rule.TEXT, Rule.GRAPH_TOO_LARGE, Rule.GRAPH_TOO_DEEP}


@pytest.mark.parametrize(
    ("least", "most"),
    [
        (
            f"type LibraryX {{ {'a' * NAME_LENGTH_MAX}: Int }}",
            f"type LibraryX {{ {'a' * (NAME_LENGTH_MAX + 1)}: Int }}",
        ),
        (
            f'"{"x" * GRAPH_TEXT_MAX}" type LibraryX {{ a: Int }}',
            f'"{"x" * (GRAPH_TEXT_MAX + 1)}" type LibraryX {{ a: Int }}',
        ),
        (
            f"input LibraryX {{ a: Float = 0.{'1' * (NUMBER_LENGTH_MAX - 2)} }}",
            f"input LibraryX {{ a: Float = 0.{'1' * (NUMBER_LENGTH_MAX - 1)} }}",
        ),
        (f"enum LibraryX {{ {many('A#', VALUES_MAX - 2)} }}", f"enum LibraryX {{ {many('A#', VALUES_MAX - 1)} }}"),
        (many("input LibraryI# { a: Int }", 3), f"type LibraryX {{ a({many('a#: Int', ARGUMENTS_MAX)}): Int }}"),
        (
            " ".join(f"input LibraryI{n} {{ a: LibraryI{n + 1} }}" for n in range(DEPTH_MAX - 1))
            + f" input LibraryI{DEPTH_MAX - 1} {{ a: Int }}",
            " ".join(f"input LibraryI{n} {{ a: LibraryI{n + 1} }}" for n in range(DEPTH_MAX))
            + f" input LibraryI{DEPTH_MAX} {{ a: Int }}",
        ),
        ('type LibraryX { a: Int @deprecated(reason: "old") }', "type LibraryX { a: Int @deprecated @deprecated }"),
        ('"รับบัตร 👩‍👧 ที่\u200bสาขา, 1 < 2" type LibraryX { a: Int }', '"รับบัตร <b>" type LibraryX { a: Int }'),
    ],
)  # fmt: skip
def test_on_both_sides_of_each_border(manifest: Manifest, least: str, most: str) -> None:
    check_graph(f"{SDL}\n{least}", manifest, HOST)
    refused(f"{SDL}\n{most}", manifest)


@settings(max_examples=300)
@given(st.text(st.sampled_from('{}[]():!@#"\\\n ,|&=$A_typeexndQuryLibaINm123'), max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    manifest = read_manifest((LIBRARY / "manifest.toml").read_text(encoding="utf-8"), plugin="library")
    for sdl in (text, f"{SDL}\n{text}", f"{SDL}\ntype LibraryX {{ {text} }}"):
        with suppress(PluginRefused):
            check_graph(sdl, manifest, HOST)


def test_the_limits_of_bytes_and_words_hold_before_anything_is_read(manifest: Manifest) -> None:
    assert refused("#" * (BYTES_MAX + 1), manifest).rules == {Rule.GRAPH_TOO_LARGE}
    assert refused("ก" * (BYTES_MAX // 3 + 1), manifest).rules == {Rule.GRAPH_TOO_LARGE}
    assert refused("{ " * TOKENS_MAX, manifest).rules <= {Rule.GRAPH_SYNTAX, Rule.GRAPH_TOO_LARGE}


# Manifests and files


GROUND: Final = Ground(HOST, CATALOGUE, lambda _: (), lambda _: {})
KEY: Final = SigningKey.of(Ed25519PrivateKey.generate(), "key").jwk


def document(**changed: Any) -> dict[str, Any]:
    told = tomllib.loads((LIBRARY / "manifest.toml").read_text(encoding="utf-8"))
    return {**told, "endpoint": {"url": "https://library.go.th", "keys": [KEY]}, **changed}


def faults_of(files: dict[str, str]) -> list[Fault]:
    """Without those that ask for examples, which these documents have not."""
    with pytest.raises(PluginRefused) as caught:
        load_documents(Documents(files), GROUND)
    assert len(str(caught.value)) < TOLD_MAX
    return [fault for fault in caught.value.faults if fault.rule is not Rule.EXAMPLES]


def plain(**changed: Any) -> dict[str, str]:
    return {"manifest.json": json.dumps(document(**changed), ensure_ascii=False, indent=1), "graph.graphql": SDL}


def test_the_document_that_the_tests_change_is_fine() -> None:
    assert faults_of(plain()) == []


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", "1", '"x"', "{", '{"a": 1, "a": 2}', "{" + ",".join(['"a": 1'] * 8_000) + "}", "[" * 60_000,
        '{"a":' * 5_000 + "1" + "}" * 5_000, '{"a": NaN}', '{"a": Infinity}', '{"a": 1e999}', '{"a": "\\ud800"}',
        '{"contract": ' + "1" * 50_000 + "}", "\ufeff{}", '"' * 60_000, '"' + "\\" * 60_000, '{"a":"' + '\\"' * 30_000,
        "{'a': 1}", "{} {}", "// x\n{}", '{"a": 01}', "{" + ",".join(f'"a{n}":{{}}' for n in range(6_000)),
    ],
)  # fmt: skip
def test_a_manifest_that_is_no_plain_json_is_refused_by_name(text: str) -> None:
    (fault,) = faults_of({"manifest.json": text})
    assert (fault.rule, fault.file) == (Rule.MANIFEST_SYNTAX, "manifest.json")
    assert fault.remedy


def test_a_name_twice_is_told_with_its_line() -> None:
    (fault,) = faults_of({"manifest.json": '{\n"contract": 1,\n"slug": "a",\n"contract": 2}'})
    assert (fault.rule, fault.line) == (Rule.MANIFEST_SYNTAX, 4)
    assert "`contract` is given twice" in fault.why


@pytest.mark.parametrize("text", ['{"a": "\ud800"}', "\udfff"])
def test_half_a_letter_is_no_reason_to_break(text: str) -> None:
    assert {fault.rule for fault in faults_of({"manifest.json": text})} == {Rule.TEXT}
    assert Rule.TEXT in {fault.rule for fault in faults_of(plain() | {"graph.graphql": text})}


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"__proto__": {"x": 1}}, Rule.MANIFEST_FIELD),
        ({"constructor": {}}, Rule.MANIFEST_FIELD),
        ({"x" * 50_000: 1}, Rule.MANIFEST_FIELD),
        ({"\x1b[2J\u202e": 1}, Rule.MANIFEST_FIELD),
        ({"contract": True}, Rule.MANIFEST_FIELD),
        ({"contract": 1.0}, Rule.MANIFEST_FIELD),
        ({"operations": []}, Rule.MANIFEST_FIELD),
        ({"slug": "../../etc"}, Rule.MANIFEST_FIELD),
        ({"slug": "library\n"}, Rule.MANIFEST_FIELD),
        ({"prefix": "Li"}, Rule.MANIFEST_FIELD),
        ({"title": {"th": "ห้อง\u202eสมุด", "en": "Library"}}, Rule.TEXT),
        ({"title": {"th": "ห้องสมุด", "en": "Library\x00"}}, Rule.TEXT),
        ({"title": {"th": "ห้องสมุด", "en": "<b>Library"}}, Rule.TEXT),
        ({"description": {"th": "ห้อง\u2028สมุด", "en": "Library"}}, Rule.TEXT),
        ({"keywords": {"th": ["หนัง\u200eสือ"], "en": ["books"]}}, Rule.TEXT),
        ({"keywords": {"th": ["ก"] * 51, "en": ["books"]}}, Rule.LANGUAGE),
        ({"errors": {"CARD_BLOCKED": {"th": "บัตร", "en": "\u2066x"}}}, Rule.TEXT),
    ],
)
def test_a_manifest_that_means_harm_is_refused_by_name_and_line(changed: dict[str, Any], rule: Rule) -> None:
    faults = faults_of(plain(**changed))
    assert rule in {fault.rule for fault in faults}
    assert all(fault.line for fault in faults)


def test_a_manifest_of_our_own_kind_is_held_to_the_same_texts() -> None:
    with pytest.raises(PluginRefused) as caught:
        parse_manifest(document(title={"th": "ห้อง\u202eสมุด", "en": "Library"}), plugin="library")
    assert caught.value.rules == {Rule.TEXT}


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "examples/../x.json", f"examples/{'a' * 200}.json", "examples/.json", "x\x00", "\u202e"],
)
def test_a_file_of_another_name_is_refused(name: str) -> None:
    assert Rule.DOCUMENT in {fault.rule for fault in faults_of(plain() | {name: "{}"})}


# Forms, and the records of an ingest


REASON: Final = {"th": "มีแต่ผู้ยื่นเท่านั้นที่รู้ว่าจะมาเมื่อไร", "en": "Only the applicant knows when to come"}


def form_of(asked: Any = None, **more: Any) -> dict[str, Any]:
    question = {"type": "string", "title": "เลือกสาขา", "x-citizen-only": REASON}
    properties = {"branch": {**question, **(asked or {})}}
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


def doubling(steps: int) -> dict[str, Any]:
    refs = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n - 1}"}] * 2} for n in range(1, steps)}
    return {"d0": {"type": "string"}, **refs}


INSIDE: Final = "http://169.254.169.254/latest/meta-data/"
HARM: Final[dict[str, dict[str, Any]]] = {
    "its dialect lies inside our network": {"$schema": INSIDE},
    "its dialect is older": {"$schema": "http://json-schema.org/draft-07/schema#"},
    "its own name lies inside": {"$id": INSIDE},
    "the whole is elsewhere": {"$ref": INSIDE},
    "a definition that nothing leads to is elsewhere": {"$defs": {"a": {"$ref": INSIDE}}},
    "a definition is a file": {"$defs": {"a": {"$ref": "file:///etc/passwd"}}},
    "a definition is beside it": {"$defs": {"a": {"$ref": "other.json"}}},
    "a definition is elsewhere on the same server": {"$defs": {"a": {"$ref": "//127.0.0.1/x"}}},
    "a definition names its own dialect": {"$defs": {"a": {"$id": "http://127.0.0.1/a", "$schema": INSIDE}}},
    "a reference that is resolved later": {"$defs": {"a": {"$dynamicRef": f"{INSIDE}#meta"}}},
    "another vocabulary": {"$vocabulary": {INSIDE: True}, "$schema": INSIDE},
    "a text read from the other side": {"title": "เลือก\u202eสาขา"},
    "a text without an end": {"description": "x" * (TEXT_LENGTH_MAX + 1)},
    "a name read from the other side": {"$defs": {"\u202e": {}}},
    "a repetition of a repetition": {"$defs": {"a": {"pattern": "^(a+)+$"}}},
    "a repetition of alternatives": {"$defs": {"a": {"pattern": "^(a|aa)*$"}}},
    "a repetition deep inside": {"$defs": {"a": {"pattern": "^((([0-9]{2,})x)y){3,}$"}}},
    "a repetition that may be lazy": {"$defs": {"a": {"pattern": "(?:(?:x+?)*?)+"}}},
    "a pattern that refers back": {"$defs": {"a": {"pattern": "^(.*)\\1$"}}},
    "a pattern that looks around": {"$defs": {"a": {"pattern": "^(?=x)(?!y)z$"}}},
    "a pattern that counts too far": {"$defs": {"a": {"pattern": "a{1,99}b{99999}"}}},
    "a pattern that counts in a count": {"$defs": {"a": {"pattern": "((((a{99}){99}){99}){99})"}}},
    "a pattern of many letters": {"$defs": {"a": {"pattern": "a" * (PATTERN_LENGTH_MAX + 1)}}},
    "a pattern that is none": {"$defs": {"a": {"pattern": "("}}},
    "many patterns": {"$defs": {f"d{n}": {"pattern": f"^{n}$"} for n in range(PATTERNS_MAX + 1)}},
    "no schema": {"$defs": {"a": {"type": 5}}},
}


@pytest.mark.parametrize("name", HARM)
def test_a_form_that_leads_elsewhere_or_keeps_its_readers_busy_is_refused_by_name(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _reached)
    text = json.dumps(form_of(**HARM[name]), ensure_ascii=False, indent=1)
    faults = faults_of({**plain(), "form.json": text})
    assert {fault.rule for fault in faults} == {Rule.FORM}
    assert all(fault.line and fault.file == "form.json" and fault.remedy for fault in faults)


@pytest.mark.parametrize("name", HARM)
def test_so_are_the_records_of_an_ingest(name: str) -> None:
    ingest = {"kind": "ingest", "access": "public", "time_limit_seconds": 1, "record": {"type": "object", **HARM[name]}}
    faults = faults_of(plain(operations={**document()["operations"], "take": ingest}))
    assert Rule.FORM in {fault.rule for fault in faults}
    assert all(str(fault.field).startswith("operations.take.record") and fault.line for fault in faults)


def _reached(*asked: Any, **_: Any) -> Any:
    raise AssertionError(f"somebody was looked for: {asked[0]}")


@pytest.mark.parametrize(
    "form",
    [
        form_of({"$ref": "#/$defs/d29"}, **{"$defs": doubling(30)}),
        form_of({"oneOf": [{"$ref": "#/$defs/d20"}] * 3}, **{"$defs": doubling(30)}),
        form_of({"$ref": "#/properties/branch"}),
        form_of({"$ref": "#"}),
    ],
)
def test_a_form_that_grows_when_it_is_read_is_refused(form: dict[str, Any]) -> None:
    faults = faults_of({**plain(), "form.json": json.dumps(form)})
    assert {fault.rule for fault in faults} == {Rule.FORM}


@pytest.mark.parametrize(
    "record",
    [
        {"$ref": "#/$defs/d29", "$defs": doubling(30)},
        {"$ref": "#"},
        {"properties": {"a": {"$ref": "#"}}},
        {"allOf": [{"properties": {"a": {"$ref": "#/$defs/a"}}}], "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}},
        {"anyOf": [{"const": n} for n in range(EXPANDED_MAX)]},
    ],
)
def test_a_record_that_grows_when_it_is_read_is_refused(record: dict[str, Any]) -> None:
    assert list(check_record(record))


@pytest.mark.parametrize(
    "record",
    [
        {"properties": {"a": {"$ref": "#/$defs/a"}, "b": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "string"}}},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"$ref": {"type": "string"}}},
        {"properties": {"pattern": {"type": "string", "pattern": "^[0-9]{4}(-[0-9]{2}){0,2}$"}}},
        {"properties": {"code": {"pattern": "^([A-Z]{2}[0-9]{1,20})+$"}, "x": {"pattern": "^[a-z]+(-[a-z]{1,9})*$"}}},
        {"properties": {"n": {"pattern": r"^\(\+66\)[0-9+*|() ]+$"}}, "enum": [{"$comment": "<b>"}]},
    ],
)  # fmt: skip
def test_a_record_as_agencies_write_them_is_taken(record: dict[str, Any]) -> None:
    assert list(check_record(record)) == []


def test_a_schema_of_more_nodes_than_anybody_reads_is_left_there() -> None:
    (defect,) = unsafe_in({"enum": list(range(NODES_MAX + 1))})
    assert "too large" in defect.why
    (defect,) = unsafe_in(json.loads('{"items":' * 100 + "{}" + "}" * 100))
    assert "too deep" in defect.why


# What is told


@given(st.text(max_size=2 * QUOTED_MAX))
def test_what_is_told_of_a_strangers_words_is_short_and_can_be_shown(text: str) -> None:
    fault = Fault(Rule.NAME, text, "Mend it", field=text)
    for shown in (quoted(text), fault.why, str(fault.field)):
        assert len(shown) <= QUOTED_MAX + 1
        assert trouble_in(shown.replace("<", "")) is None
    assert quoted(quoted(text)) == quoted(text)
