"""What a stranger sends is refused by name, with the file, the line and the remedy of every fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.exchange.catalogue import load_catalogue
from services.plugins.contract import Fault, PluginRefused, Rule
from services.plugins.contract.keys import SigningKey
from services.plugins.plugin import Origin
from services.plugins.registry.documents import (
    ALL_BYTES_MAX,
    EXAMPLES_MAX,
    Documents,
    Ground,
    load_documents,
    published_plugin,
)
from tests.support.plugins import HOST
from tests.support.services import SDL, answering, documents_of, manifest_of, no_faults

OWNERS = {one.id: one.steward for one in load_catalogue().attributes.values() if one.derived is None}
GROUND = Ground(HOST, OWNERS, no_faults, answering(None))


def faults_of(documents: Documents) -> list[Fault]:
    with pytest.raises(PluginRefused) as refused:
        load_documents(documents, GROUND)
    return list(refused.value.faults)


def the_fault(documents: Documents) -> Fault:
    [fault] = faults_of(documents)
    assert fault.remedy
    return fault


def with_file(name: str, text: str) -> Documents:
    return Documents({**documents_of().files, name: text})


def line(documents: Documents, fault: Fault) -> str:
    assert fault.line is not None
    return documents.files[fault.file].splitlines()[fault.line - 1]


def test_good_documents_are_a_remote_plugin_with_functions_for_every_operation() -> None:
    plugin = load_documents(documents_of(), GROUND)
    assert (plugin.slug, plugin.origin, set(plugin.functions)) == ("waterworks", Origin.REMOTE, {"price"})
    assert [example.name for example in plugin.examples] == ["price.json"]


def test_the_digest_is_of_what_was_sent_whatever_its_order() -> None:
    files = documents_of().files
    assert Documents(dict(sorted(files.items(), reverse=True))).digest == Documents(files).digest
    assert with_file("form.json", "{}").digest != Documents(files).digest
    assert Documents({"a": "b", "c": "d"}).digest != Documents({"a": 'b","c":"d'}).digest


def test_a_folder_and_its_documents_are_the_same(tmp_path: Path) -> None:
    documents = documents_of()
    for name, text in documents.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "server.ts").write_text("// the agency's own")
    assert Documents.of_folder(tmp_path).digest == documents.digest


@pytest.mark.parametrize(
    ("changed", "rule", "holds"),
    [
        ({"contact": {"email": "x"}}, Rule.MANIFEST_FIELD, '"email"'),
        ({"title": {"th": "Water", "en": "Water"}}, Rule.LANGUAGE, '"title"'),
        ({"title": {"en": "Water"}}, Rule.LANGUAGE, '"title"'),
        ({"unheard": 1}, Rule.MANIFEST_FIELD, '"unheard"'),
        ({"endpoint": {"url": "ftp://x", "keys": []}}, Rule.MANIFEST_FIELD, '"url"'),
        ({"provides": {"birth_date": "price"}}, Rule.PROVIDES, '"birth_date"'),
        ({"provides": {"unheard_of": "price"}}, Rule.PROVIDES, '"unheard_of"'),
        ({"requirements": ["unheard-of"]}, Rule.NEEDS, '"unheard-of"'),
    ],
)
def test_a_fault_of_the_manifest_names_its_line(changed: dict[str, Any], rule: Rule, holds: str) -> None:
    documents = documents_of(**changed)
    fault = faults_of(documents)[0]
    assert (fault.rule, fault.file) == (rule, "manifest.json")
    assert holds in line(documents, fault)


def test_a_fault_of_a_form_in_a_file_of_its_own_names_its_line() -> None:
    form = {"type": "object", "additionalProperties": False, "properties": {"nationalId": {"type": "string"}}}
    documents = documents_of(form=form)
    fault = faults_of(documents)[0]
    assert (fault.rule, fault.file) == (Rule.FORM, "form.json")
    assert '"nationalId"' in line(documents, fault)


def test_the_same_fault_of_a_form_in_the_manifest_names_the_line_there() -> None:
    form = {"type": "object", "additionalProperties": False, "properties": {"nationalId": {"type": "string"}}}
    documents = documents_of(form=None)
    manifest = {**manifest_of(), "form": form}
    documents = Documents({**documents.files, "manifest.json": json.dumps(manifest, indent=1)})
    fault = faults_of(documents)[0]
    assert (fault.rule, fault.file) == (Rule.FORM, "manifest.json")
    assert '"nationalId"' in line(documents, fault)


@pytest.mark.parametrize(
    ("text", "why", "at"),
    [
        ("", "Expecting value", 1),
        ("{\n  'slug': 1}", "property name", 2),
        ('{\n"slug": "a",\n"slug": "b"}', "given twice", 3),
        ('{"a": {"b": 1},\n"c": {"b": 1,\n"b": 2}}', "given twice", 3),
        ('{"a": NaN}', "not JSON", None),
        ('{"a": 1e999}', "not JSON", None),
        ('{"a": 12345678901234567890}', "", None),
        ('{"a": "\\ud800"}', "not JSON", None),
        ("[]", "no JSON object", None),
        ('{"a": ' * 40 + "1" + "}" * 40, "nested too deep", None),
        ('{"a": ' * 9_000 + "1" + "}" * 9_000, "", None),
    ],
)
def test_json_that_two_readers_could_read_differently_is_refused(text: str, why: str, at: int | None) -> None:
    fault = the_fault(with_file("manifest.json", text))
    assert (fault.rule, fault.file, fault.line) == (Rule.MANIFEST_SYNTAX, "manifest.json", at)
    assert why in fault.why


@pytest.mark.parametrize(
    "name",
    ["plugin.py", "manifest.toml", "../manifest.json", "examples/../x.json", "examples/a/b.json", "examples/.json", ""],
)
def test_a_file_that_no_remote_plugin_has_is_refused(name: str) -> None:
    assert the_fault(with_file(name, "{}")).rule is Rule.DOCUMENT


def test_what_is_too_large_or_too_much_is_refused() -> None:
    assert {one.rule for one in faults_of(with_file("examples/big.json", " " * ALL_BYTES_MAX))} == {Rule.DOCUMENT}
    many = {f"examples/{n}.json": "{}" for n in range(EXAMPLES_MAX + 1)}
    assert {one.rule for one in faults_of(Documents({**documents_of().files, **many}))} == {Rule.DOCUMENT}
    assert the_fault(Documents({})).rule is Rule.MANIFEST_MISSING


def test_a_letter_that_no_database_keeps_is_refused() -> None:
    for name in ("manifest.json", "graph.graphql"):
        text = documents_of().files[name]
        assert faults_of(with_file(name, text.replace("\n", " # \x00\n", 1)))
    assert faults_of(with_file("graph.graphql", SDL.replace("type WaterPrice", '"""\x00""" type WaterPrice')))


def test_a_form_stands_in_one_place() -> None:
    documents = documents_of(form={"type": "object"})
    manifest = json.dumps({**manifest_of(), "form": {"type": "object"}})
    fault = the_fault(Documents({**documents.files, "manifest.json": manifest}))
    assert "in the manifest and in a file" in fault.why


PRIVATE = {**SigningKey.of(Ed25519PrivateKey.generate()).jwk, "d": "AAAA"}


@pytest.mark.parametrize(
    "keys",
    [
        [PRIVATE],
        [{"kty": "RSA", "kid": "1", "n": "AQAB", "e": "AQAB"}],
        [{name: value for name, value in SigningKey.of(Ed25519PrivateKey.generate()).jwk.items() if name != "kid"}],
        [SigningKey.of(Ed25519PrivateKey.generate(), "same").jwk] * 2,
    ],
    ids=["private", "RSA", "no kid", "twice"],
)
def test_a_key_that_cannot_vouch_for_answers_is_refused(keys: list[dict[str, Any]]) -> None:
    documents = documents_of(endpoint={"url": "https://water.example", "keys": keys})
    fault = the_fault(documents)
    assert (fault.rule, fault.field) == (Rule.ENDPOINT, "endpoint.keys")
    assert '"keys"' in line(documents, fault)
    assert "AAAA" not in str(fault)


def test_a_remote_plugin_answers_somewhere_and_its_address_is_judged() -> None:
    assert the_fault(documents_of(endpoint=None)).rule is Rule.ENDPOINT
    inside = Ground(HOST, OWNERS, lambda url: [Fault(Rule.ENDPOINT, f"{url} is inside", "Elsewhere")], answering(None))
    with pytest.raises(PluginRefused) as refused:
        load_documents(documents_of(), inside)
    [fault] = refused.value.faults
    assert (fault.file, fault.field) == ("manifest.json", "endpoint.url")
    assert '"url"' in line(documents_of(), fault)


@pytest.mark.parametrize(
    ("example", "why"),
    [
        ({"operation": "price", "answer": {}, "agency": []}, "`agency`"),
        ({"operation": "price", "person": "1103700012340"}, "`person`"),
        ({"operation": "price", "person": "0000000000001"}, "is public"),
        ({"operation": "prices"}, "no operation `prices`"),
        ({"operation": "price", "error": "UNHEARD"}, "not declared"),
        ({"answer": {}}, "`operation`"),
    ],
)
def test_an_example_out_of_form_is_refused(example: dict[str, Any], why: str) -> None:
    faults = faults_of(documents_of(examples={"price.json": example, "good.json": {"operation": "price"}}))
    assert [(one.rule, one.file) for one in faults] == [(Rule.EXAMPLES, "examples/price.json")]
    assert why in faults[0].why


def test_what_was_published_stays_when_rules_become_stricter_and_not_when_names_are_taken() -> None:
    old = documents_of(examples={}, endpoint=None)
    assert published_plugin(old, GROUND).slug == "waterworks"
    with pytest.raises(PluginRefused, match="WaterPrice"):
        published_plugin(
            documents_of(sdl=SDL), Ground(type(HOST)(HOST.types | {"WaterPrice"}, HOST.citizen, HOST.query), OWNERS,
                                          no_faults, answering(None))
        )  # fmt: skip
