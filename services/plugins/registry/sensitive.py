"""What of a version a reviewer looks at before it is published; the rest publishes itself once it is checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from services.plugins.contract import Access, Assurance, Delegates, Fault, Manifest, Need
from services.plugins.contract.kinds import EFFECTS
from services.plugins.registry.documents import MANIFEST, Documents

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
    """Whether somebody who acts for a citizen may look."""
    EVENTS = "EVENTS"
    """What it hears of citizens of its own accord."""
    EFFECTS = "EFFECTS"
    """An operation that is new and changes something, or provides or takes in records."""
    HELD = "HELD"
    """The reviewers suspended the service."""


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
    changed = [*_facts(former, manifest), *_operations(former, manifest), *_rest(former, manifest)]
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
        if after.kind in EFFECTS and (before is None or before.kind is not after.kind):
            yield Part.EFFECTS, f"`{name}` is new, and changes something", place


def _rest(former: Manifest, manifest: Manifest) -> Iterator[_Change]:
    if manifest.fee != former.fee:
        yield Part.MONEY, "the fee changed", ("fee",)
    if manifest.benefit != former.benefit:
        yield Part.MONEY, "the benefit changed", ("benefit",)
    before, after = former.endpoint, manifest.endpoint
    if before != after:
        what = "url" if (before and before.url) != (after and after.url) else "keys"
        yield Part.ENDPOINT, f"the {what} of the endpoint changed", ("endpoint", what)
    if _LEVELS.index(manifest.assurance) < _LEVELS.index(former.assurance):
        why = f"identity assurance level {former.assurance.value} was asked for, and now {manifest.assurance.value}"
        yield Part.ASSURANCE, why, ("assurance",)
    if former.delegates is Delegates.NOTHING and manifest.delegates is not Delegates.NOTHING:
        yield Part.DELEGATES, "who acts for a citizen may look now", ("delegates",)
