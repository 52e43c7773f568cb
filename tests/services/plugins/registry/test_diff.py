"""What another version would break, and what a reviewer must see of it: each by name, with the place and the remedy."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.exchange.catalogue import load_catalogue
from services.plugins.contract import Fault, Manifest, OperationSpec, Rule
from services.plugins.contract.keys import SigningKey
from services.plugins.contract.manifest import Agency
from services.plugins.plugin import Plugin
from services.plugins.registry.diff import breaking_changes, dangerous_changes, is_next_major, number_of
from services.plugins.registry.documents import Documents, Ground, published_plugin
from services.plugins.registry.form_lines import Lines
from services.plugins.registry.sensitive import NOT_LOOKED_AT, Part, sensitive_parts
from tests.support.plugins import HOST
from tests.support.services import KEY, SDL, answering, documents_of, no_faults

OWNERS = {one.id: one.steward for one in load_catalogue().attributes.values() if one.derived is None}
GROUND = Ground(HOST, OWNERS, no_faults, answering(None))
PUBLIC = {"kind": "query", "access": "public", "time_limit_seconds": 2}
SOURCE = {"kind": "source", "time_limit_seconds": 2, "batch": 10}
HEAR = {"kind": "notify", "events": ["data.erased", "consent.withdrawn"], "time_limit_seconds": 2}
MORE = {**HEAR, "events": ["data.erased", "consent.withdrawn", "application.withdrawn"]}
LESS = {**HEAR, "events": ["data.erased"]}
SUBMIT = {"kind": "submit", "time_limit_seconds": 2}
INGEST: dict[str, Any] = {"kind": "ingest", "access": "public", "time_limit_seconds": 2, "record": {"type": "object",
          "properties": {"meter": {"type": "string"}, "read": {"type": "integer"}}, "required": ["meter"]}}  # fmt: skip
SHOP: dict[str, Any] = {"type": "object", "properties": {"name": {"type": "string"}}}
FORM: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "size": {"type": "string", "enum": ["SMALL", "LARGE"]},
        "rooms": {"type": ["integer", "null"]},
        "shop": SHOP,
    },
    "required": ["size"],
}
_TWO_TYPES = ("string", "integer")
TITLES = {"th": "เหตุผล", "en": "Because"}
BEFORE: dict[str, Any] = {
    "operations": {"price": PUBLIC, "facts": SOURCE, "hear": HEAR, "take": INGEST},
    "provides": {"birth_date": "facts", "nationality": "facts"},
    "errors": {"METER_SEALED": TITLES},
    "assurance": "2.1",
    "fee": {"satang": 100, "text": TITLES},
    "needs": [{"attribute": "birth_date", "purpose": TITLES, "basis": "consent"}],
}


def plugin_of(documents: Documents) -> Plugin:
    return published_plugin(documents, GROUND)


def changed(**members: Any) -> Documents:
    given = {**BEFORE, **members}
    given["operations"] = {**BEFORE["operations"], **members.get("operations", {})}
    given["operations"] = {name: spec for name, spec in given["operations"].items() if spec is not None}
    form, sdl = members.get("form", FORM), members.get("sdl", SDL)
    rest = {name: value for name, value in given.items() if name not in ("form", "sdl")}
    return documents_of("1.1.0", sdl=sdl, form=form, **rest)


FORMER = plugin_of(documents_of(sdl=SDL, form=FORM, **BEFORE))


def breaks(documents: Documents) -> list[Fault]:
    return list(breaking_changes(FORMER, plugin_of(documents), documents))


def test_what_only_adds_breaks_nobody() -> None:
    wider = SDL.replace("  since: Date\n", "  since: Date\n  until: Date\n").replace("  LARGE\n", "  LARGE\n  HUGE\n")
    form = {**FORM, "properties": {**FORM["properties"], "floor": {"type": "integer"}}}
    documents = changed(
        sdl=wider,
        form=form,
        assurance="1.3",
        operations={"facts": {**SOURCE, "batch": 20}, "more": SUBMIT, "hear": MORE},
        errors={"METER_SEALED": TITLES, "METER_GONE": TITLES},
    )  # fmt: skip
    assert breaks(documents) == []
    [dangerous] = dangerous_changes(FORMER, plugin_of(documents))
    assert (dangerous.file, dangerous.field) == ("graph.graphql", "WaterSize.HUGE")


@pytest.mark.parametrize(
    ("members", "file", "field", "why"),
    [
        ({"sdl": SDL.replace("  since: Date\n", "")}, "graph.graphql", "WaterPrice", "WaterPrice.since was removed"),
        ({"sdl": SDL.replace("since: Date", "since: Int")}, "graph.graphql", "WaterPrice.since", "changed type"),
        ({"sdl": SDL.replace("amount: Money!", "amount: Money")}, "graph.graphql", "WaterPrice.amount", "changed type"),
        ({"sdl": SDL.replace("  LARGE\n", "")}, "graph.graphql", "WaterSize", "LARGE was removed"),
        ({"sdl": SDL.replace("= SMALL)", "= SMALL, of: Int!)")}, "graph.graphql", "WaterOpen.price", "required arg"),
        ({"sdl": SDL.replace("(size: WaterSize = SMALL)", "")}, "graph.graphql", "WaterOpen.price", "was removed"),
        ({"operations": {"hear": None}}, "manifest.json", "operations.hear", "was removed"),
        ({"operations": {"hear": SUBMIT}}, "manifest.json", "operations.hear.kind", "of kind notify"),
        ({"operations": {"facts": {**SOURCE, "batch": 5}}}, "manifest.json", "operations.facts.batch", "takes 5"),
        ({"operations": {"take": {**INGEST, "senders": ["juristic"], "power": "report:meters"}}},
         "manifest.json", "operations.take.senders", "some may send"),
        ({"operations": {"hear": LESS}}, "manifest.json", "operations.hear.events", "does not hear of"),
        ({"assurance": "2.3"}, "manifest.json", "assurance", "asks for 2.3"),
        ({"delegates": "nothing"}, "manifest.json", "delegates", "acts for a citizen"),
        ({"provides": {"birth_date": "facts"}}, "manifest.json", "provides", "`nationality` no more"),
        ({"errors": {}}, "manifest.json", "errors", "`METER_SEALED` was removed"),
        ({"form": None}, "manifest.json", "form", "no form any more"),
        ({"form": {**FORM, "required": ["size", "rooms"]}}, "form.json", "required", "`rooms` is required now"),
        ({"form": {**FORM, "properties": {"size": FORM["properties"]["size"]}}}, "form.json", "properties", "removed"),
    ],
)  # fmt: skip
def test_what_breaks_somebody_is_named_with_its_place_and_remedy(
    members: dict[str, Any], file: str, field: str, why: str
) -> None:
    documents = changed(**members)
    found = breaks(documents)
    fault = next(one for one in found if why in one.why)
    assert (fault.rule, fault.file, fault.field) == (Rule.BREAKING, file, field)
    assert "new major version" in fault.remedy
    if field.split(".", maxsplit=1)[0] not in ("delegates", "form"):
        assert fault.line is not None
        assert fault.line <= len(documents.files[file].splitlines())


@pytest.mark.parametrize(
    ("name", "schema", "where"),
    [
        ("size", {"type": "string", "enum": ["SMALL"]}, "properties.size.enum"),
        ("size", {"type": "integer", "enum": [1]}, "properties.size.type"),
        ("rooms", {"type": "integer"}, "properties.rooms.type"),
        ("rooms", {"type": ["integer", "null"], "enum": [1, None]}, "properties.rooms.enum"),
        ("shop", {"type": "object", "properties": {}}, "properties.shop.properties"),
        ("shop", {**SHOP, "required": ["name"]}, "properties.shop.required"),
    ],
)  # fmt: skip
def test_an_answer_that_was_right_and_would_be_wrong_is_found(name: str, schema: dict[str, Any], where: str) -> None:
    form = {**FORM, "properties": {**FORM["properties"], name: schema}}
    assert where in [fault.field for fault in breaks(changed(form=form))]


def test_a_record_that_was_taken_is_taken_still() -> None:
    stricter = {**INGEST, "record": {**INGEST["record"], "required": ["meter", "read"]}}
    [fault] = breaks(changed(operations={"take": stricter}))
    assert (fault.field, "`read` is required now" in fault.why) == ("operations.take.record.required", True)


def test_a_file_that_was_read_is_read_still_and_a_new_format_breaks_nobody() -> None:
    mapped = {"csv": {"by": ["meter"], "fields": {"meter": "meter"}}}
    former = plugin_of(documents_of(operations={"price": PUBLIC, "take": {**INGEST, "formats": mapped}}))

    def breaking(formats: dict[str, Any]) -> list[str | None]:
        operations = {"price": PUBLIC, "take": {**INGEST, "formats": formats}}
        documents = documents_of("1.1.0", operations=operations)
        return [fault.field for fault in breaking_changes(former, plugin_of(documents), documents)]

    xml = {"root": "Meters", "namespace": "urn:m", "each": "Meter", "fields": {"meter": "Number"}}
    assert breaking({**mapped, "xml": xml}) == []
    assert breaking({"csv": {"by": ["number"], "fields": {"meter": "number"}}}) == ["operations.take.formats.csv"]
    assert breaking({"xml": xml}) == ["operations.take.formats.csv"]


def test_a_long_form_is_read_once_however_much_of_it_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """300 questions of another type kept the process for six seconds: the file was read anew for each."""
    read: list[str] = []
    lines = Documents.lines

    def counted(self: Documents, name: str) -> Lines:
        read.append(name)
        return lines(self, name)

    monkeypatch.setattr(Documents, "lines", counted)
    forms = [{"type": "object", "properties": {f"q{i}": {"type": kind} for i in range(300)}} for kind in _TWO_TYPES]
    before, after = (documents_of(form=form) for form in forms)
    found = breaking_changes(plugin_of(before), plugin_of(after), after)
    assert len(found) == 300
    assert sorted(read) == ["form.json", "manifest.json"]


def test_numbers_of_versions_are_numbers() -> None:
    assert number_of("1.10.0") > number_of("1.9.9")
    assert is_next_major(FORMER.manifest, plugin_of(documents_of("2.0.0")).manifest)
    assert not is_next_major(FORMER.manifest, plugin_of(documents_of("1.99.0")).manifest)


def parts(documents: Documents, **given: Any) -> list[tuple[Part, str]]:
    found = sensitive_parts(FORMER.manifest, plugin_of(documents).manifest, documents, **given)
    return [(one.part, one.place.partition(":")[0]) for one in found]


def test_words_and_additions_publish_themselves() -> None:
    documents = changed(
        title={"th": "น้ำ", "en": "Water"}, hours={"th": "ทุกวัน", "en": "Daily"}, errors={},
        sdl=SDL.replace("  since: Date\n", "  since: Date\n  until: Date\n"),
    )  # fmt: skip
    assert parts(documents) == []


NEED = BEFORE["needs"][0]
OTHER_KEY = SigningKey.of(Ed25519PrivateKey.generate())


@pytest.mark.parametrize(
    ("members", "part"),
    [
        ({"needs": [NEED, {**NEED, "attribute": "nationality"}]}, Part.NEEDS),
        ({"needs": [{**NEED, "basis": "public_task"}]}, Part.NEEDS),
        ({"needs": [{**NEED, "purpose": {"th": "อื่น", "en": "Other"}}]}, Part.NEEDS),
        ({"provides": {**BEFORE["provides"], "annual_income": "facts"}}, Part.PROVIDES),
        ({"provides": {"birth_date": "facts"}}, Part.PROVIDES),
        ({"fee": {"satang": 200, "text": TITLES}}, Part.MONEY),
        ({"fee": None}, Part.MONEY),
        ({"benefit": TITLES}, Part.MONEY),
        ({"endpoint": {"url": "https://elsewhere.example", "keys": [KEY.jwk]}}, Part.ENDPOINT),
        ({"endpoint": {"url": "https://water.example", "keys": [OTHER_KEY.jwk]}}, Part.ENDPOINT),
        ({"operations": {"facts": {**SOURCE, "forwards_token": True}}}, Part.TOKEN),
        ({"operations": {"hear": MORE}}, Part.EVENTS),
        ({"operations": {"more": SUBMIT}}, Part.EFFECTS),
        ({"operations": {"take": {**INGEST, "access": "citizen"}}}, Part.ACCESS),
        ({"operations": {"take": {**INGEST, "senders": ["agency", "juristic"], "power": "read:meters"}}}, Part.ACCESS),
        ({"assurance": "1.1"}, Part.ASSURANCE),
        ({"agency": {"slug": "waterworks", "title": {"th": "กรมสรรพากร", "en": "Revenue Department"}}}, Part.AGENCY),
        ({"contact": {"url": "https://elsewhere.example"}}, Part.CONTACT),
        ({"exempt": {"person.unknown": TITLES}}, Part.EXEMPT),
        ({"form": {**FORM, "properties": {**FORM["properties"], "pin": {"type": "string"}}}}, Part.QUESTIONS),
        ({"form": {**FORM, "properties": {**FORM["properties"], "shop": {"type": "object", "properties": {
            **SHOP["properties"], "pin": {"type": "string"}}}}}}, Part.QUESTIONS),
        ({"form": {**FORM, "additionalProperties": True}}, Part.QUESTIONS),
        ({"operations": {"take": {**INGEST, "record": {**INGEST["record"], "properties": {
            **INGEST["record"]["properties"], "faith": {"type": "string"}}}}}}, Part.QUESTIONS),
    ],
)  # fmt: skip
def test_what_is_sensitive_goes_to_a_reviewer_with_its_place(members: dict[str, Any], part: Part) -> None:
    assert parts(changed(**members)) == [(part, "manifest.json")]


def test_what_a_document_costs_is_looked_at_and_one_that_was_free_stays_so() -> None:
    give = {"kind": "issue", "time_limit_seconds": 2}
    fee = {"satang": 100_00, "text": TITLES, "first_free": 1}

    def former(operation: dict[str, Any]) -> Plugin:
        return plugin_of(documents_of(sdl=None, operations={"give": operation}))

    def told(before: dict[str, Any], after: dict[str, Any]) -> tuple[list[Part], list[str | None]]:
        documents = documents_of("1.1.0", sdl=None, operations={"give": after})
        made = plugin_of(documents)
        seen = sensitive_parts(former(before).manifest, made.manifest, documents)
        return [one.part for one in seen], [one.field for one in breaking_changes(former(before), made, documents)]

    costly = {**give, "fee": fee}
    assert told(give, costly) == ([Part.MONEY], ["operations.give.fee"])
    assert told(costly, give) == ([Part.MONEY], [])
    assert told(costly, {**give, "fee": {**fee, "first_free": 0}}) == ([Part.MONEY], [])
    assert told(costly, costly) == ([], [])


def test_the_words_in_which_citizens_are_told_are_looked_at() -> None:
    words = {"filed": {"title": TITLES, "body": TITLES}}
    former = plugin_of(documents_of(sdl=None, operations={"take": INGEST}))
    for given in ({**INGEST, "notices": words}, INGEST):
        documents = documents_of("1.1.0", sdl=None, operations={"take": given})
        made = plugin_of(documents)
        seen = sensitive_parts(former.manifest, made.manifest, documents)
        assert [one.part for one in seen] == [Part.NOTICES]
        assert sensitive_parts(made.manifest, made.manifest, documents) == ()
        former = made


def test_what_a_document_is_called_publishes_itself_and_breaks_nobody() -> None:
    give = {"kind": "issue", "time_limit_seconds": 2}
    former = plugin_of(documents_of(sdl=None, operations={"give": give}))
    for after in ({**give, "title": TITLES}, give):
        documents = documents_of("1.1.0", sdl=None, operations={"give": after})
        made = plugin_of(documents)
        assert sensitive_parts(former.manifest, made.manifest, documents) == ()
        assert breaking_changes(former, made, documents) == ()
        former = made


def test_what_is_signed_for_wallets_is_looked_at() -> None:
    claim = {"path": ["size"], "title": TITLES}
    issue = {"kind": "issue", "access": "citizen", "time_limit_seconds": 2}
    give = {"give": issue, "hand": issue}
    spec = {"operation": "give", "title": TITLES, "days": 30, "claims": [claim]}
    former = plugin_of(documents_of(sdl=None, operations=give, credentials={"size": spec})).manifest

    def told(**members: Any) -> list[Part]:
        documents = documents_of("1.1.0", sdl=None, operations=give, **members)
        return [one.part for one in sensitive_parts(former, plugin_of(documents).manifest, documents)]

    assert told(credentials={"size": spec}) == []
    assert told(credentials={"size": {**spec, "days": 31}}) == [Part.CREDENTIALS]
    assert told(credentials={"size": {**spec, "claims": [{**claim, "disclosable": False}]}}) == [Part.CREDENTIALS]
    assert told(credentials={"size": spec, "more": {**spec, "operation": "hand"}}) == [Part.CREDENTIALS]
    assert told() == [Part.CREDENTIALS]


def test_a_credential_that_wallets_hold_stays_what_it_is() -> None:
    claims = [{"path": [name], "title": TITLES} for name in ("size", "colour")]
    operations = {"give": {"kind": "issue", "access": "citizen", "time_limit_seconds": 2}}
    spec = {"operation": "give", "title": TITLES, "days": 30, "version": 2, "claims": claims}
    former = plugin_of(documents_of(sdl=None, operations=operations, credentials={"shirt": spec}))

    def told(**members: Any) -> list[str]:
        documents = documents_of("1.1.0", sdl=None, operations=operations, **members)
        return [str(one.field) for one in breaking_changes(former, plugin_of(documents), documents)]

    assert told(credentials={"shirt": spec}) == []
    assert told(credentials={"shirt": {**spec, "days": 31, "title": {"th": "เสื้อ", "en": "A shirt"}}}) == []
    assert told() == ["credentials"]
    assert told(credentials={"trousers": spec}) == ["credentials"]
    assert told(credentials={"shirt": {**spec, "version": 1}}) == ["credentials.shirt.version"]
    fewer, hidden = claims[:1], [claims[0], {**claims[1], "disclosable": False}]
    for changed in (fewer, hidden, [*claims, {"path": ["price"], "title": TITLES}]):
        assert told(credentials={"shirt": {**spec, "claims": changed}}) == ["credentials.shirt.claims"]
        assert told(credentials={"shirt": {**spec, "version": 3, "claims": changed}}) == []


def test_a_name_of_the_graph_is_looked_at_before_it_is_claimed() -> None:
    """A service without a graph claimed any prefix and namespace in a version that published itself."""
    source: dict[str, Any] = {"operations": {"facts": SOURCE}, "provides": {"birth_date": "facts"}}
    former = plugin_of(documents_of(sdl=None, prefix=None, namespace=None, **source)).manifest
    both: dict[str, Any] = {"operations": {"facts": SOURCE, "price": PUBLIC}, "provides": source["provides"]}
    found = sensitive_parts(former, plugin_of(documents := documents_of("1.1.0", **both)).manifest, documents)
    assert {one.part for one in found} == {Part.NAMES, Part.ACCESS}


LOOKED_AT = {
    *(
        "agency.title",
        "assurance",
        "benefit",
        "contact",
        "credentials",
        "delegates",
        "endpoint",
        "exempt",
        "fee",
        "form",
        "namespace",
    ),
    *("needs", "prefix", "provides", "operations.access", "operations.events", "operations.forwards_token"),
    *("operations.record", "operations.senders", "operations.power", "operations.awards_satang_max"),
    *("operations.fee", "operations.notices", "operations.citizen_alone"),
}
"""Each has a test of its own above."""


def test_every_member_of_a_manifest_is_looked_at_or_said_to_need_no_look() -> None:
    members = {*Manifest.model_fields} - {"agency", "operations"}
    members |= {f"agency.{name}" for name in Agency.model_fields}
    members |= {f"operations.{name}" for name in OperationSpec.model_fields}
    assert members == LOOKED_AT | {*NOT_LOOKED_AT}, "decide about what is new, here and in sensitive.py"
    assert not LOOKED_AT & {*NOT_LOOKED_AT}


HARMLESS: dict[str, dict[str, Any]] = {
    "category": {"category": "health"},
    "title": {"title": TITLES},
    "description": {"description": TITLES},
    "keywords": {"keywords": {"th": ["น้ำ"], "en": ["tap"]}},
    "hours": {"hours": TITLES},
    "errors": {"errors": {"METER_SEALED": TITLES, "METER_GONE": TITLES}},
    "requirements": {"requirements": []},
    "operations.time_limit_seconds": {"operations": {"facts": {**SOURCE, "time_limit_seconds": 3}}},
    "operations.cache_seconds": {"operations": {"facts": {**SOURCE, "cache_seconds": 60}}},
    "operations.batch": {"operations": {"facts": {**SOURCE, "batch": 20}}},
    "operations.places": {"operations": {"facts": {**SOURCE, "places": 5}}},
    "operations.answer_bytes_max": {"operations": {"facts": {**SOURCE, "answer_bytes_max": 5_000}}},
}


@pytest.mark.parametrize("member", HARMLESS)
def test_what_needs_no_look_publishes_itself(member: str) -> None:
    assert member in NOT_LOOKED_AT
    assert parts(changed(**HARMLESS[member])) == []


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [("nothing", "view", "look"), ("nothing", "apply", "apply"), ("view", "apply", "apply")],
)
def test_delegates_may_do_more_only_when_a_reviewer_said_so_and_less_breaks_callers(
    before: str, after: str, word: str
) -> None:
    less, more = plugin_of(documents_of(delegates=before)), plugin_of(documents_of(delegates=after))
    documents = documents_of("1.1.0", delegates=after)
    [found] = sensitive_parts(less.manifest, plugin_of(documents).manifest, documents)
    assert (found.part, f"may {word} now" in found.why) == (Part.DELEGATES, True)
    back = documents_of("1.1.0", delegates=before)
    assert sensitive_parts(more.manifest, plugin_of(back).manifest, back) == ()
    [fault] = breaking_changes(more, plugin_of(back), back)
    assert (fault.field, f'Keep "{after}"' in fault.remedy) == ("delegates", True)
    assert breaking_changes(less, plugin_of(documents), documents) == ()


def test_a_query_that_was_the_citizens_alone_is_opened_by_a_reviewer_and_to_close_one_breaks_callers() -> None:
    query = {"kind": "query", "time_limit_seconds": 2}
    sdl = "extend type Citizen {\n  water: WaterMine\n}\n\ntype WaterMine {\n  bills: [Int!]\n}\n"

    def told(*, before: bool, after: bool) -> tuple[list[Part], list[str | None]]:
        former = plugin_of(documents_of(sdl=sdl, operations={"bills": {**query, "citizen_alone": before}}))
        documents = documents_of("1.1.0", sdl=sdl, operations={"bills": {**query, "citizen_alone": after}})
        made = plugin_of(documents)
        seen = sensitive_parts(former.manifest, made.manifest, documents)
        return [one.part for one in seen], [one.field for one in breaking_changes(former, made, documents)]

    assert told(before=True, after=False) == ([Part.DELEGATES], [])
    assert told(before=False, after=True) == ([], ["operations.bills.citizen_alone"])
    assert told(before=True, after=True) == ([], [])


def test_a_stricter_level_breaks_callers_and_leaks_nothing() -> None:
    assert parts(changed(assurance="3")) == []


def test_the_first_version_the_breaking_one_and_the_held_one_are_looked_at() -> None:
    documents = changed()
    [first] = sensitive_parts(None, plugin_of(documents).manifest, documents)
    assert first.part is Part.FIRST
    broken = (Fault(Rule.BREAKING, "x", "y", "graph.graphql", 3),)
    assert parts(documents, breaks=broken, held=True) == [
        (Part.HELD, "manifest.json"),
        (Part.BREAKING, "graph.graphql"),
    ]
