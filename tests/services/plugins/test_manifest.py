from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from services.plugins.contract import ManifestError, OperationKind, Rule, parse_manifest, read_manifest
from services.plugins.contract.manifest import MANIFEST_BYTES_MAX, Contact
from tests.support.plugins import LIBRARY

TOML = (LIBRARY / "manifest.toml").read_text(encoding="utf-8")


def refused(toml: str) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        read_manifest(toml, plugin="library")
    return caught.value


def line_with(text: str) -> int:
    return next(number for number, line in enumerate(TOML.splitlines(), start=1) if text in line)


def test_a_manifest_says_what_it_says() -> None:
    manifest = read_manifest(TOML, plugin="library")
    assert manifest.slug == "library"
    assert manifest.provides == {"library_member": "membership"}
    assert set(manifest.operations_of(OperationKind.QUERY)) == {"loans", "searchShelves"}
    assert manifest.errors["CARD_BLOCKED"].text.en.startswith("Your library card")
    assert manifest.is_service


def test_the_same_manifest_as_a_document_is_the_same() -> None:
    manifest = read_manifest(TOML, plugin="library")
    assert parse_manifest(manifest.model_dump(mode="json"), plugin="library") == manifest


@pytest.mark.parametrize(
    ("old", "new", "field", "line"),
    [
        ("contract = 1", "contract = 2", "contract", "contract = 1"),
        ("contract = 1", 'contract = "1"', "contract", "contract = 1"),
        ("contract = 1", "contract = true", "contract", "contract = 1"),
        ('slug = "library"\nnamespace', 'slug = "Library"\nnamespace', "slug", 'slug = "library"'),
        ('category = "education"', 'category = "knitting"', "category", "category ="),
        ('assurance = "1.3"', 'assurance = "9"', "assurance", "assurance ="),
        ('prefix = "Library"', 'prefix = "Li"', "prefix", "prefix ="),
        ('kind = "source"', 'kind = "teleport"', "operations.membership.kind", 'kind = "source"'),
        ('kind = "source"\ntime_limit_seconds = 1', 'kind = "source"\ntime_limit_seconds = 0',
         "operations.membership.time_limit_seconds", None),
        ('kind = "source"\ntime_limit_seconds = 1', 'kind = "source"\ntime_limit_seconds = 11',
         "operations.membership.time_limit_seconds", None),
        ('kind = "source"\ntime_limit_seconds = 1', 'kind = "source"\ntime_limit_seconds = 1\nbatch = -1',
         "operations.membership.batch", None),
        ('kind = "source"\ntime_limit_seconds = 1', 'kind = "source"\ntime_limit_seconds = 1\nbatch = 1001',
         "operations.membership.batch", None),
        ('kind = "source"\ntime_limit_seconds = 1', 'kind = "query"\ntime_limit_seconds = 1\nbatch = 10',
         "operations.membership", None),
        ('kind = "source"\ntime_limit_seconds = 1',
         'kind = "source"\naccess = "public"\ntime_limit_seconds = 1\nbatch = 10', "operations.membership", None),
        ('kind = "source"\ntime_limit_seconds = 1', 'kind = "source"\ntime_limit_seconds = "1"',
         "operations.membership.time_limit_seconds", None),
        ('email = "desk@library.example"', 'fax = "1"', "contact.fax", "contact ="),
        ('basis = "public_task"', 'basis = "curiosity"', "needs.0.basis", None),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_its_line(old: str, new: str, field: str, line: str | None) -> None:
    assert old in TOML
    faults = refused(TOML.replace(old, new)).faults
    (fault,) = [f for f in faults if f.field == field]
    assert fault.rule is Rule.MANIFEST_FIELD
    if line is not None:
        assert fault.line == line_with(line)


@pytest.mark.parametrize(
    ("contact", "is_taken"),
    [
        ({"url": "https://waterworks.example"}, True),
        ({"url": "https://line.example/ti/p/@waterworks?from=app#top"}, True),
        ({"url": "https://rd.example@elsewhere.example/"}, False),
        ({"url": "https://"}, False),
        ({"url": "https://waterworks.example\\@elsewhere.example"}, False),
        ({"url": 'https://waterworks.example/"><b>'}, False),
        ({"url": "https://waterworks.example\njavascript:1"}, False),
        ({"url": "https://waterworks.example/\u202e"}, False),
        ({"email": "help@waterworks.example"}, True),
        ({"email": "help\u202e@waterworks.example"}, False),
        ({"email": "<b>@waterworks.example"}, False),
    ],
)
def test_where_citizens_are_sent_is_what_it_looks_like(contact: dict[str, str], is_taken: bool) -> None:
    if is_taken:
        assert Contact.model_validate(contact).model_dump(exclude_none=True) == contact
        return
    with pytest.raises(ValidationError):
        Contact.model_validate(contact)


def test_a_missing_field_is_asked_for() -> None:
    (fault,) = refused(TOML.replace('category = "education"\n', "")).faults
    assert (fault.field, fault.remedy) == ("category", "Add `category`")


def test_an_unknown_field_is_refused() -> None:
    (fault,) = refused(TOML.replace("contract = 1", "contract = 1\ncolour = 1")).faults
    assert fault.remedy.startswith("Remove `colour`")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('th = "ห้องสมุดประชาชน", en = "Public library"', 'en = "Public library"'),
        ('th = "ห้องสมุดประชาชน", en = "Public library"', 'th = "ห้องสมุดประชาชน"'),
        ('th = "ห้องสมุดประชาชน", en = "Public library"', 'th = "ห้องสมุดประชาชน", en = ""'),
        ('th = "ห้องสมุดประชาชน", en = "Public library"', 'th = "Public library", en = "Public library"'),
        ('th = ["หนังสือ", "ยืมหนังสือ"]', "th = []"),
    ],
)
def test_texts_exist_in_both_languages(old: str, new: str) -> None:
    assert old in TOML
    assert Rule.LANGUAGE in refused(TOML.replace(old, new)).rules


@pytest.mark.parametrize("toml", ["contract =", "= 1", '"' * 3, TOML + TOML])
def test_what_is_no_toml_is_refused_in_words(toml: str) -> None:
    assert refused(toml).rules == {Rule.MANIFEST_SYNTAX}


def test_a_syntax_error_names_its_line() -> None:
    (fault,) = refused(TOML.replace("[agency]", "[agency")).faults
    assert fault.line == line_with("[agency]")


def test_a_gigantic_manifest_is_not_read() -> None:
    assert str(MANIFEST_BYTES_MAX) in str(refused("# " + "x" * MANIFEST_BYTES_MAX))


@pytest.mark.parametrize("document", [{}, {"contract": 1}, {"contract": 1, "slug": ["x"]}, {"contract": 1.0}])
def test_a_document_that_is_no_manifest_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(document, plugin="?")


def test_fees_and_limits_cannot_be_negative_or_endless() -> None:
    fee = '\n[fee]\nsatang = -1\ntext = { th = "ฟรี", en = "Free" }\n'
    assert {f.field for f in refused(TOML + fee).faults} == {"fee.satang"}


ISSUE: dict[str, Any] = {"kind": "issue", "time_limit_seconds": 5}
FEE = {"satang": 100_00, "text": {"th": "ค่าธรรมเนียม", "en": "fee"}}
CREDENTIAL = {
    "operation": "give",
    "title": {"th": "บัตร", "en": "Card"},
    "days": 30,
    "claims": [{"path": ["number"], "title": {"th": "เลขที่", "en": "Number"}}],
}


def with_operation(operation: dict[str, Any], **more: Any) -> dict[str, Any]:
    document = read_manifest(TOML, plugin="library").model_dump(mode="json")
    return {**document, **more, "operations": {**document["operations"], "give": operation}}


def test_a_document_may_cost_something_and_says_when_it_does_not() -> None:
    made = parse_manifest(with_operation({**ISSUE, "fee": {**FEE, "first_free": 1}}), plugin="library")
    fee = made.operations["give"].fee
    assert fee is not None
    assert (fee.satang, fee.first_free, fee.again_days) == (100_00, 1, 0)


def test_a_document_has_a_title_of_its_own_or_its_services() -> None:
    title = {"th": "หนังสือรับรอง", "en": "Certificate"}
    made = parse_manifest(with_operation({**ISSUE, "title": title}), plugin="library")
    assert made.title_of("give").en == "Certificate"
    assert parse_manifest(with_operation(ISSUE), plugin="library").title_of("give") == made.title
    for operation in ({"kind": "status", "time_limit_seconds": 5}, {**ISSUE, "access": "public"}):
        with pytest.raises(ManifestError, match="only an issue to a citizen has a `title`"):
            parse_manifest(with_operation({**operation, "title": title}), plugin="library")


@pytest.mark.parametrize(
    "document",
    [
        with_operation({"kind": "status", "time_limit_seconds": 5, "fee": FEE}),
        with_operation({**ISSUE, "access": "public", "fee": FEE}),
        with_operation({**ISSUE, "forwards_token": True, "fee": FEE}),
        with_operation({**ISSUE, "fee": {**FEE, "satang": 0}}),
        with_operation({**ISSUE, "fee": {**FEE, "first_free": -1}}),
        with_operation({**ISSUE, "fee": FEE}, credentials={"card": CREDENTIAL}),
    ],
    ids=["no issue", "of nobody", "with a token", "of nothing", "fewer than none free", "of a credential"],
)
def test_a_fee_is_of_a_document_for_a_citizen_alone(document: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(document, plugin="library")


@pytest.mark.parametrize("operation", [ISSUE, {"kind": "query", "access": "public", "time_limit_seconds": 5}])
def test_only_a_query_about_a_citizen_is_theirs_alone(operation: dict[str, Any]) -> None:
    with pytest.raises(ManifestError, match="citizen_alone"):
        parse_manifest(with_operation({**operation, "citizen_alone": True}), plugin="library")


def test_a_credential_names_its_wallets_key_unless_it_says_otherwise() -> None:
    def binding(**given: Any) -> str:
        document = with_operation(ISSUE, credentials={"card": {**CREDENTIAL, **given}})
        return parse_manifest(document, plugin="library").credentials["card"].binding.value

    assert (binding(), binding(binding="none")) == ("key", "none")
    with pytest.raises(ManifestError):
        binding(binding="face")
