"""What of a version a reviewer looks at before it is published; the rest publishes itself once it is checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from services.plugins.contract import Access, Assurance, Delegates, Fault, Manifest, Need
from services.plugins.contract.kinds import EFFECTS
from services.plugins.registry.documents import MANIFEST, Documents

_NAMED: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_NOT_ASKED: Final = frozenset({"const", "enum", "default", "examples"})
_LEVELS: Final = list(Assurance)


class Part(StrEnum):
    FIRST = "FIRST"
    """Nothing of this service was published before."""
    BREAKING = "BREAKING"
    """A new major version that breaks clients or callers."""
    NEEDS = "NEEDS"
    """Which facts it needs, for what purpose and on what basis."""
    PROVIDES = "PROVIDES"
    """Of which facts it is the source."""
    MONEY = "MONEY"
    """A fee or a benefit."""
    ENDPOINT = "ENDPOINT"
    """Where citizens' data go, and whose word comes back."""
    TOKEN = "TOKEN"  # noqa: S105 - the part of a manifest, not a token
    """Whether the agency gets a token of the citizen."""
    ACCESS = "ACCESS"
    """Whether an operation is about a citizen or open to anyone."""
    ASSURANCE = "ASSURANCE"
    """How sure one must be of who looks."""
    DELEGATES = "DELEGATES"
    """Whether somebody who acts for a citizen may look, or apply."""
    EVENTS = "EVENTS"
    """What it hears of citizens of its own accord."""
    EFFECTS = "EFFECTS"
    """An operation that is new and changes something, or provides or takes in records."""
    NAMES = "NAMES"
    """What it claims of the graph: its prefix, its namespace."""
    AGENCY = "AGENCY"
    """Under which name citizens see whose service it is."""
    CONTACT = "CONTACT"
    """Where citizens turn with what they would tell nobody else."""
    QUESTIONS = "QUESTIONS"
    """A question of the form, or a member of a record, that nobody has looked at: what is kept of citizens."""
    CREDENTIALS = "CREDENTIALS"
    """What is signed in its agency's name and shown to others for years."""
    EXEMPT = "EXEMPT"
    """Which rules of the conformance suite it does not keep, and why."""
    NOTICES = "NOTICES"
    """What it tells citizens in their inbox, under its agency's name."""
    HELD = "HELD"
    """The reviewers suspended the service."""


NOT_LOOKED_AT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "contract": "there is one",
        "slug": "another one is another service",
        "version": "every version has another",
        "agency.slug": "the caller's own, or it is refused",
        "category": "where it is listed",
        "title": "its own words, under the agency's name, which is looked at",
        "description": "its own words",
        "keywords": "by which it is found",
        "hours": "its own words",
        "asks": "of plugins of this tree alone; no stranger's service has any",
        "errors": "its own words; a code that is gone breaks callers",
        "requirements": "of the catalogue; the facts that prove them are needs",
        "operations.kind": "another one breaks callers; a new operation with an effect is looked at",
        "operations.time_limit_seconds": "bounded by the contract",
        "operations.cache_seconds": "bounded by the contract, and for the same citizen alone",
        "operations.batch": "bounded by the contract; a smaller one breaks callers",
        "operations.places": "bounded by the contract",
        "operations.formats": "where in a file the members of its record stand; another mapping breaks who sends",
        "operations.answer_bytes_max": "bounded by the contract",
        "operations.title": "its own words, as the service's title",
        "operations.answer": "of what other agencies' plugins of this tree ask; no stranger's service has any",
        "operations.asked": "how often its own public query is answered; the host's own bounds hold anyway",
    }
)
"""What publishes itself, and why it may; every other member of a manifest is looked at when it changes. A member that
is in neither place fails a test."""


@dataclass(frozen=True, slots=True)
class Sensitive:
    """One thing to be looked at, and where it stands."""

    part: Part
    why: str
    place: str

    def as_json(self) -> dict[str, str]:
        return {"part": self.part.value, "why": self.why, "place": self.place}


def sensitive_parts(
    former: Manifest | None,
    manifest: Manifest,
    documents: Documents,
    breaks: tuple[Fault, ...] = (),
    *,
    held: bool = False,
) -> tuple[Sensitive, ...]:
    """Against the version that is current; empty when it may publish itself. `breaks` is what it breaks."""
    lines = documents.lines(MANIFEST)

    def found(part: Part, why: str, *path: str | int) -> Sensitive:
        line = lines.of(path)
        return Sensitive(part, why, MANIFEST if line is None else f"{MANIFEST}:{line}")

    said = [found(Part.HELD, "the reviewers suspended the service")] if held else []
    if former is None:
        return (*said, found(Part.FIRST, "it was never published", "slug"))
    said += [Sensitive(Part.BREAKING, one.why, f"{one.file}:{one.line}" if one.line else one.file) for one in breaks]
    changed = [
        *_facts(former, manifest),
        *_operations(former, manifest),
        *_notices(former, manifest),
        *_credentials(former, manifest),
    ]
    changed += _rest(former, manifest)
    return (*said, *(found(part, why, *path) for part, why, path in changed))


_Change = tuple[Part, str, tuple[str | int, ...]]


def _facts(former: Manifest, manifest: Manifest) -> Iterator[_Change]:
    known = {_need(one) for one in former.needs}
    for place, need in enumerate(manifest.needs):
        if _need(need) not in known:
            why = f"`{need.attribute}` is needed anew, or for another purpose or on another basis"
            yield Part.NEEDS, why, ("needs", place)
    for name, operation in manifest.provides.items():
        if former.provides.get(name) != operation:
            yield Part.PROVIDES, f"`{name}` is provided by `{operation}`", ("provides", name)
    for name in former.provides.keys() - manifest.provides.keys():
        yield Part.PROVIDES, f"`{name}` is provided no more", ("provides",)


def _need(need: Need) -> tuple[Any, ...]:
    return need.attribute, need.basis, need.purpose.th, need.purpose.en


def _operations(former: Manifest, manifest: Manifest) -> Iterator[_Change]:
    for name, after in manifest.operations.items():
        before = former.operations.get(name)
        place: tuple[str | int, ...] = ("operations", name)
        if after.forwards_token and (before is None or not before.forwards_token):
            yield Part.TOKEN, f"`{name}` gets a token of the citizen", (*place, "forwards_token")
        if set(after.events) - set(before.events if before else ()):
            yield Part.EVENTS, f"`{name}` hears of more", (*place, "events")
        if before is not None and after.access is not before.access:
            yield Part.ACCESS, f"`{name}` was {before.access}, and is {after.access}", (*place, "access")
        elif before is None and after.access is Access.PUBLIC:
            yield Part.ACCESS, f"`{name}` is new, and open to anyone", (*place, "access")
        if before is not None and (new := _new_in(before.record, after.record)):
            yield Part.QUESTIONS, f"a record of `{name}` has `{new}` now", (*place, "record")
        if after.kind in EFFECTS and (before is None or before.kind is not after.kind):
            yield Part.EFFECTS, f"`{name}` is new, and changes something", place
        if before is not None and (after.senders, after.power) != (before.senders, before.power):
            yield Part.ACCESS, f"others may send to `{name}`, or with another power", (*place, "senders")
        if after.awards_satang_max > (before.awards_satang_max if before else 0):
            yield Part.MONEY, f"`{name}` may award more", (*place, "awards_satang_max")
        if before is not None and before.citizen_alone and not after.citizen_alone:
            yield Part.DELEGATES, f"who acts for a citizen sees `{name}` now", (*place, "citizen_alone")
        if after.fee != (before.fee if before else None):
            yield Part.MONEY, f"a document of `{name}` costs another fee", (*place, "fee")


def _notices(former: Manifest, manifest: Manifest) -> Iterator[_Change]:
    for name, after in manifest.operations.items():
        if after.notices != (former.operations[name].notices if name in former.operations else {}):
            yield Part.NOTICES, f"`{name}` tells citizens other words", ("operations", name, "notices")


def _credentials(former: Manifest, manifest: Manifest) -> Iterator[_Change]:
    for name in sorted(former.credentials.keys() | manifest.credentials.keys()):
        if former.credentials.get(name) != manifest.credentials.get(name):
            yield Part.CREDENTIALS, f"the credential `{name}` is another than before", ("credentials", name)


def _rest(former: Manifest, manifest: Manifest) -> Iterator[_Change]:
    if manifest.fee != former.fee:
        yield Part.MONEY, "the fee changed", ("fee",)
    if manifest.benefit != former.benefit:
        yield Part.MONEY, "the benefit changed", ("benefit",)
    before, after = former.endpoint, manifest.endpoint
    if before != after:
        what = "url" if (before and before.url) != (after and after.url) else "keys"
        yield Part.ENDPOINT, f"the {what} of the endpoint changed", ("endpoint", what)
    if (manifest.prefix, manifest.namespace) != (former.prefix, former.namespace):
        what = "prefix" if manifest.prefix != former.prefix else "namespace"
        yield Part.NAMES, f"the {what} changed", (what,)
    if manifest.agency.title != former.agency.title:
        yield Part.AGENCY, "the agency goes by another name", ("agency", "title")
    if manifest.contact != former.contact:
        yield Part.CONTACT, "citizens are sent elsewhere for help", ("contact",)
    if new := _new_in(former.form, manifest.form):
        yield Part.QUESTIONS, f"the form asks for `{new}` now", ("form",)
    if manifest.exempt != former.exempt:
        yield Part.EXEMPT, "it keeps other rules of the conformance suite, or says another reason", ("exempt",)
    if _LEVELS.index(manifest.assurance) < _LEVELS.index(former.assurance):
        why = f"identity assurance level {former.assurance.value} was asked for, and now {manifest.assurance.value}"
        yield Part.ASSURANCE, why, ("assurance",)
    if manifest.delegates.openness > former.delegates.openness:
        may = "apply" if manifest.delegates is Delegates.APPLY else "look"
        yield Part.DELEGATES, f"who acts for a citizen may {may} now", ("delegates",)


def _new_in(former: Mapping[str, Any] | None, schema: Mapping[str, Any] | None) -> str:
    """The names that a JSON Schema takes and its former did not, wherever in it they stand: what may be asked now."""
    return ", ".join(sorted({*_asked(schema)} - {*_asked(former)}))


def _asked(schema: Any, path: str = "") -> Iterator[str]:
    """Every property below a schema, by the properties that lead to it."""
    if isinstance(schema, list):
        for one in schema:
            yield from _asked(one, path)
    if not isinstance(schema, Mapping):
        return
    if "properties" in schema and schema.get("additionalProperties") is not False:
        yield f"{path}*"
    for keyword, value in schema.items():
        if keyword in _NAMED and isinstance(value, Mapping):
            for name, inner in value.items():
                yield f"{path}{name}"
                yield from _asked(inner, f"{path}{name}.")
        elif keyword not in _NOT_ASKED:
            yield from _asked(value, path)
