"""What of a manifest reads well and nobody could ever use: refused where it is written, by line and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from services.exchange.catalogue import Catalogue
from services.exchange.facts import Basis
from services.plugins.contract import Access, Fault, Manifest, NeedBasis, OperationKind, Rule
from services.plugins.registry.format_check import check_formats

ONE_OF_EACH: Final = (OperationKind.SUBMIT, OperationKind.STATUS, OperationKind.CANCEL)
"""The courier takes an application to one, asks one how far it is, and takes it back by one."""
ACCESS: Final = {
    OperationKind.SUBMIT: (Access.CITIZEN, "it takes the application of a citizen"),
    OperationKind.STATUS: (Access.CITIZEN, "it is asked about the application of a citizen"),
    OperationKind.CANCEL: (Access.CITIZEN, "it takes back the application of a citizen"),
    OperationKind.NOTIFY: (Access.CITIZEN, "what it hears is about a citizen"),
    OperationKind.INGEST: (Access.PUBLIC, "a sending is about nobody in particular"),
}
"""Kinds that can have one access alone, and why."""

Consents: TypeAlias = Mapping[str, frozenset[str]]
"""Agency → the facts for which a registered purpose lets it ask for consent."""


def consents_of(catalogue: Catalogue) -> Consents:
    """As the room of applications looks for a purpose when it reads a need that rests on consent."""
    found: dict[str, frozenset[str]] = {}
    for entry in catalogue.purposes.values():
        if entry.purpose.basis is Basis.CONSENT and entry.requester is not None:
            found[entry.requester] = found.get(entry.requester, frozenset()) | (entry.attributes or frozenset())
    return found


def check_operations(manifest: Manifest) -> Iterator[Fault]:
    """Two of a kind of which there is one, an access that the kind cannot have, and formats that fit no record."""
    yield from check_formats(manifest)
    for kind in ONE_OF_EACH:
        first, *more = manifest.operations_of(kind) or ("",)
        for name in more:
            why = f"`{name}` is a second operation of kind {kind}, and `{first}` is one"
            remedy = f"Keep one operation of kind {kind}; offer what else there is as a service of its own"
            yield Fault(Rule.MANIFEST_FIELD, why, remedy, field=f"operations.{name}.kind")
    for name, spec in manifest.operations.items():
        access, because = ACCESS.get(spec.kind, (spec.access, ""))
        if spec.access is not access:
            why = f"`{name}` is of kind {spec.kind} and of access {spec.access}, and {because}"
            yield Fault(
                Rule.MANIFEST_FIELD, why, f'Say `access` is "{access}"', field=f"operations.{name}.access"
            )  # fmt: skip


def check_asking(manifest: Manifest) -> Iterator[Fault]:
    """Of what does not run in this process: it asks no register, and no agency asks it."""
    if manifest.asks:
        yield Fault(Rule.NEEDS, "only plugins of the tree ask registers", "Name the facts in [[needs]]", field="asks")
    for name, spec in manifest.operations.items():
        if spec.access is Access.AGENCY:
            why = f"`{name}` is for other agencies to ask, which is for plugins of the tree alone"
            yield Fault(Rule.MANIFEST_FIELD, why, "Provide attributes instead", field=f"operations.{name}.access")


def check_consents(manifest: Manifest, consents: Consents | None) -> Iterator[Fault]:
    """Needs by consent for which no purpose is registered: no citizen could ever be asked. None: nobody knows."""
    if consents is None:
        return
    agency = manifest.agency.slug
    for place, need in enumerate(manifest.needs):
        if need.basis is NeedBasis.CONSENT and need.attribute not in consents.get(agency, ()):
            why = f"no purpose of the catalogue lets {agency} ask for consent to `{need.attribute}`"
            remedy = "Have the purpose and its words registered first (docs/exchange.md), or drop the need"
            yield Fault(Rule.NEEDS, why, remedy, field=f"needs.{place}.basis")
