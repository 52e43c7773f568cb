"""What another version would break for clients of the graph, for callers, and for whoever fills the form in.

The graphs are compared by graphql-core, manifests and forms by rules of our own. Every fault names the place in the new
files and the remedy; in the end the remedy is always a new major version, which says to everybody that it breaks.

What clients were told of for a year breaks nobody any more: a name that was published deprecated, without a break, may
be gone from its sunset on (docs/adr/0027).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from graphql import DocumentNode, GraphQLSchema, Node, extend_schema, find_breaking_changes, find_dangerous_changes

from services.plugins.contract import (
    Assurance,
    CredentialSpec,
    Delegates,
    Fault,
    Manifest,
    OperationKind,
    OperationSpec,
    Rule,
)
from services.plugins.contract.formats import Formats
from services.plugins.notices.terms import Notice
from services.plugins.notices.yearly import Notices, early_sunsets
from services.plugins.plugin import Plugin, PluginGraph
from services.plugins.registry.documents import FORM, GRAPH, MANIFEST, Documents
from services.plugins.registry.form_lines import Lines, Path
from services.plugins.registry.graph_check import STUB

_LEVELS: Final = list(Assurance)
_OR_NEXT: Final = ", or give the service a new major version"
_NAMES: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def breaking_changes(
    former: Plugin,
    plugin: Plugin,
    documents: Documents,
    notices: Mapping[str, Notice] | None = None,
    today: date = date.min,
) -> tuple[Fault, ...]:
    """What would break, whatever its version says. `documents` are those of `plugin`; `notices` stand of `former`, by
    coordinate, on the Bangkok day `today`."""
    before, after = _schema(former.graph), _schema(plugin.graph)
    lines = documents.lines(MANIFEST)  # once: a form of 300 questions has as many faults
    told = Notices(former.graph.definitions, plugin.graph.definitions, notices or {}, today)
    return (
        *(
            _of_graph(change.description, plugin.graph, told)
            for change in find_breaking_changes(before, after)
            if not told.lets_go(change)
        ),
        *_of_operations(former, plugin.manifest, lines, told),
        *_of_manifest(former.manifest, plugin.manifest, lines),
        *_of_form(former.manifest.form, plugin.manifest.form, documents, lines),
    )


def dangerous_changes(
    former: Plugin, plugin: Plugin, notices: Mapping[str, Notice] | None = None, today: date = date.min
) -> tuple[Fault, ...]:
    """What may surprise a client that is not written with care: a new value of an enum, another default. And its
    author: a day in a reason that is too early, and is not the one that clients are told."""
    found = find_dangerous_changes(_schema(former.graph), _schema(plugin.graph))
    early = (
        Fault(Rule.DIRECTIVE, why, remedy, GRAPH, line, coordinate)
        for coordinate, why, remedy, line in early_sunsets(plugin.graph.definitions, notices or {}, today)
    )
    surprising = (
        Fault(
            Rule.BREAKING,
            change.description,
            "Tell the developers of clients",
            GRAPH,
            *_place(change.description, plugin.graph),
        )
        for change in found
    )
    return (*surprising, *early)


def is_next_major(former: Manifest, manifest: Manifest) -> bool:
    return number_of(manifest.version)[0] > number_of(former.version)[0]


def number_of(version: str) -> tuple[int, int, int]:
    """By which versions are ordered (Semantic Versioning §11)."""
    major, minor, patch = (int(part) for part in version.split("."))
    return major, minor, patch


def _schema(graph: PluginGraph) -> GraphQLSchema:
    return extend_schema(STUB, DocumentNode(definitions=graph.definitions), assume_valid_sdl=True)


def _of_graph(description: str, graph: PluginGraph, told: Notices) -> Fault:
    why, remedy = told.refusal(description)
    return Fault(Rule.BREAKING, why, f"{remedy}{_OR_NEXT}", GRAPH, *_place(description, graph))


def _place(description: str, graph: PluginGraph) -> tuple[int | None, str | None]:
    """Line and name in the new SDL of what a change is about: of the field, else of its type."""
    field: str | None = None
    line: int | None = None
    for name in _NAMES.findall(description):
        node = next((one for one in graph.definitions if _name(one) == name), None)
        if node is not None and field is None:
            field, line = name, _line(node)
        elif field is not None:
            inner = next((one for one in _members(graph, field) if _name(one) == name), None)
            if inner is not None:
                return _line(inner), f"{field}.{name}"
    return line, field


def _members(graph: PluginGraph, type_name: str) -> Iterator[Node]:
    for node in graph.definitions:
        if _name(node) == type_name:
            yield from getattr(node, "fields", None) or getattr(node, "values", None) or ()


def _name(node: Node) -> str | None:
    named = getattr(node, "name", None)
    return named.value if named is not None else None


def _line(node: Node) -> int | None:
    return node.loc.start_token.line if node.loc else None


def _of_operations(plugin: Plugin, manifest: Manifest, lines: Lines, told: Notices) -> Iterator[Fault]:
    former = plugin.manifest
    shown = {f"{kind}.{name}": name for kind in plugin.graph.namespaces.values() for name in plugin.graph.fields(kind)}
    gone = {name for coordinate, name in shown.items() if told.is_let_go(coordinate)}
    for name, before in former.operations.items():
        after = manifest.operations.get(name)
        if after is None and before.kind is OperationKind.QUERY and name in gone:
            continue  # nothing shows it any more
        if after is None:
            yield _fault(lines, f"operations.{name}", f"the operation `{name}` was removed", "Keep it")
            continue
        place = f"operations.{name}"
        if after.kind is not before.kind:
            why = f"`{name}` was of kind {before.kind}, and is of kind {after.kind}"
            yield _fault(lines, f"{place}.kind", why, "Give what is new a name of its own")
        if after.access is not before.access:
            why = f"`{name}` was for {before.access}, and is for {after.access}"
            yield _fault(lines, f"{place}.access", why, "Give what is new a name of its own")
        if after.batch < before.batch:
            why = f"`{name}` took {before.batch} at once, and takes {after.batch}"
            yield _fault(lines, f"{place}.batch", why, "Keep the former number")
        for event in sorted(set(before.events) - set(after.events)):
            why = f"`{name}` does not hear of {event.value} any more"
            yield _fault(lines, f"{place}.events", why, "Keep it")
        if set(before.senders) - set(after.senders) or (before.power is not None and after.power != before.power):
            why = f"`{name}` does not take what some may send to it now"
            yield _fault(lines, f"{place}.senders", why, "Keep the senders, and the power that they need")
        yield from _of_whom(name, before, after, lines)
        yield from _of_fee(name, before, after, lines)
        for form in _other_formats(before.formats, after.formats):
            why = f"records of `{name}` stood otherwise in {form.upper()}"
            yield _fault(lines, f"{place}.formats.{form}", why, "Keep the former places and columns")
        if before.record is not None and after.record is not None:
            for path, why, remedy in _stricter(before.record, after.record):
                field = ".".join(map(str, ("operations", name, "record", *path)))
                yield _fault(lines, field, f"a record of `{name}`: {why}", remedy)


def _of_whom(name: str, before: OperationSpec, after: OperationSpec, lines: Lines) -> Iterator[Fault]:
    if after.citizen_alone and not before.citizen_alone:
        why = f"who acts for a citizen does not see `{name}` any more"
        yield _fault(lines, f"operations.{name}.citizen_alone", why, "Keep it open")


def _of_fee(name: str, before: OperationSpec, after: OperationSpec, lines: Lines) -> Iterator[Fault]:
    if before.fee is None and after.fee is not None:
        why = f"a document of `{name}` was free: who asks for it gets the document, and no order"
        yield _fault(lines, f"operations.{name}.fee", why, "Give what costs something a name of its own")


def _other_formats(former: Formats | None, formats: Formats | None) -> list[str]:
    """Those in which records that were right would be none, or others."""
    kept = {form: getattr(former, form, None) for form in ("xml", "csv")}
    return [form for form, one in kept.items() if one is not None and getattr(formats, form, None) != one]


def _of_manifest(former: Manifest, manifest: Manifest, lines: Lines) -> Iterator[Fault]:
    if _LEVELS.index(manifest.assurance) > _LEVELS.index(former.assurance):
        why = f"it asked for identity assurance level {former.assurance.value}, and asks for {manifest.assurance.value}"
        yield _fault(lines, "assurance", why, "Keep the former level")
    if manifest.delegates.openness < former.delegates.openness:
        what = "look" if manifest.delegates is Delegates.NOTHING else "apply"
        why = f"who acts for a citizen may not {what} any more"
        yield _fault(lines, "delegates", why, f'Keep "{former.delegates}"')
    for attribute in sorted(former.provides.keys() - manifest.provides.keys()):
        yield _fault(lines, "provides", f"it provides `{attribute}` no more", "Keep providing it")
    for code in sorted(former.errors.keys() - manifest.errors.keys()):
        yield _fault(lines, "errors", f"the error `{code}` was removed", "Keep it declared")
    yield from _of_credentials(former, manifest, lines)


def _of_credentials(former: Manifest, manifest: Manifest, lines: Lines) -> Iterator[Fault]:
    """Wallets hold what was issued for years, and verifiers read it by its type: its service, name and version."""
    for name, before in sorted(former.credentials.items()):
        after, place = manifest.credentials.get(name), f"credentials.{name}"
        if after is None:
            yield _fault(lines, "credentials", f"the credential `{name}` was removed, and wallets hold it", "Keep it")
        elif after.version < before.version:
            why = f"`{name}` was of version {before.version}, and is of version {after.version}"
            yield _fault(lines, f"{place}.version", why, "Keep the former version, or take a higher one")
        elif after.version == before.version and _meanings(after) != _meanings(before):
            why = f"claims of `{name}` went, came, or can be kept back otherwise, and its type is the same"
            yield _fault(lines, f"{place}.claims", why, "Give the credential a higher `version`")


def _meanings(spec: CredentialSpec) -> set[tuple[tuple[str, ...], bool]]:
    return {(tuple(claim.path), claim.disclosable) for claim in spec.claims}


def _of_form(
    former: Mapping[str, Any] | None, form: Mapping[str, Any] | None, documents: Documents, lines: Lines
) -> Iterator[Fault]:
    if former is None:
        return
    if form is None:
        yield _fault(lines, "form", "there is no form any more, and applications are under way", "Keep the form")
        return
    is_file = FORM in documents.files
    of_form = documents.lines(FORM)
    for path, why, remedy in _stricter(former, form):
        if is_file:
            field = ".".join(map(str, path)) or None
            yield Fault(Rule.BREAKING, why, f"{remedy}{_OR_NEXT}", FORM, of_form.of(path), field)
        else:
            yield _fault(lines, ".".join(map(str, ("form", *path))), why, remedy)


def _stricter(former: Mapping[str, Any], schema: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, str, str]]:
    """Where a document that was right by the former schema may be wrong by this one, as far as properties tell."""
    before, after = _properties(former), _properties(schema)
    for name in sorted(before.keys() - after.keys()):
        yield (*path, "properties"), f"`{name}` was removed, and may be answered in applications under way", "Keep it"
    required = set(_list(schema, "required")) - set(_list(former, "required"))
    for name in sorted(name for name in required if isinstance(name, str)):
        yield (*path, "required"), f"`{name}` is required now", "Leave it optional"
    for name in sorted(before.keys() & after.keys()):
        here = (*path, "properties", name)
        if not _types(before[name]) <= _types(after[name]):
            yield (*here, "type"), f"`{name}` takes no more what it took", "Keep its type"
        gone = [one for one in _list(before[name], "enum") if one not in _list(after[name], "enum")]
        if "enum" in after[name] and ("enum" not in before[name] or gone):
            yield (*here, "enum"), f"`{name}` has no place for values that it had", "Keep them"
        yield from _stricter(before[name], after[name], here)
    if isinstance(former.get("items"), Mapping) and isinstance(schema.get("items"), Mapping):
        yield from _stricter(former["items"], schema["items"], (*path, "items"))


def _properties(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = schema.get("properties")
    return {name: one for name, one in found.items() if isinstance(one, Mapping)} if isinstance(found, Mapping) else {}


def _list(schema: Mapping[str, Any], key: str) -> list[Any]:
    found = schema.get(key)
    return found if isinstance(found, list) else []


def _types(schema: Mapping[str, Any]) -> set[str]:
    """Those it takes; of none that is named, all."""
    found = schema.get("type")
    named = set(found) if isinstance(found, list) else {found} if isinstance(found, str) else set()
    if "number" in named:
        named.add("integer")
    return named or {"array", "boolean", "integer", "null", "number", "object", "string"}


def _fault(lines: Lines, field: str, why: str, remedy: str) -> Fault:
    path = tuple(int(step) if step.isdigit() else step for step in field.split("."))
    line = lines.of(path)
    return Fault(Rule.BREAKING, why, f"{remedy}{_OR_NEXT}", MANIFEST, line, field)
