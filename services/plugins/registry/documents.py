"""Reads and checks what a stranger sends: the files of a remote plugin, as `folder.py` does for a folder of our own.

The files are `manifest.json`, `graph.graphql`, `form.json` and `examples/*.json`, each as text, so that a fault names
the line in the agency's own file. JSON is read strictly: a name twice in an object, NaN, or nesting that hides
something is refused by name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from services.exchange.evidence.loader import load_requirements
from services.plugins.contract import Fault, Manifest, ManifestError, Operation, PluginRefused, Rule, parse_manifest
from services.plugins.contract.keys import KeyUnusable, verifying_keys
from services.plugins.plugin import Example, HostNames, Origin, Plugin, PluginGraph
from services.plugins.registry.examples import read_remote_examples
from services.plugins.registry.folder import check_provides, check_requirements
from services.plugins.registry.form_check import check_form
from services.plugins.registry.form_lines import DuplicateJsonKey, Lines, unique
from services.plugins.registry.form_safety import check_record
from services.plugins.registry.graph_check import check_graph, check_without_graph
from services.plugins.registry.operation_check import Consents, check_asking, check_consents, check_operations
from services.plugins.strict_json import read_json

MANIFEST: Final = "manifest.json"
GRAPH: Final = "graph.graphql"
FORM: Final = "form.json"
EXAMPLES: Final = "examples/"
EXAMPLES_MAX: Final = 200
BYTES_MAX: Final = {MANIFEST: 64 * 1024, GRAPH: 100_000, FORM: 64 * 1024}
EXAMPLE_BYTES_MAX: Final = 64 * 1024
ALL_BYTES_MAX: Final = 200_000
_HALF_LETTER: Final = re.compile("[\ud800-\udfff]")
_EXAMPLE: Final = re.compile(r"examples/[A-Za-z0-9][A-Za-z0-9._-]{0,79}\.json")


@dataclass(frozen=True, slots=True)
class Ground:
    """What a stranger's documents are held against, and what their operations become."""

    host: HostNames
    attributes: Mapping[str, str]
    """The catalogue: attribute id → slug of the agency that owns it."""
    endpoint_faults: Callable[[str], Iterable[Fault]]
    functions_of: Callable[[Manifest], Mapping[str, Operation]]
    consents: Consents | None = None
    """Of the catalogue; None: not looked at."""


@dataclass(frozen=True, slots=True)
class Documents:
    """File name → text."""

    files: Mapping[str, str]

    @classmethod
    def of(
        cls,
        manifest: Mapping[str, Any] | str,
        sdl: str | None = None,
        examples: Mapping[str, Any] | None = None,
        form: Mapping[str, Any] | str | None = None,
    ) -> Documents:
        """Of documents that are objects already; `examples` by the name of their file in `examples/`."""
        files = {MANIFEST: _text(manifest)}
        if sdl is not None:
            files[GRAPH] = sdl
        if form is not None:
            files[FORM] = _text(form)
        return cls(files | {f"{EXAMPLES}{name}": _text(one) for name, one in (examples or {}).items()})

    @classmethod
    def of_folder(cls, folder: Path) -> Documents:
        """The files of a folder that are part of a remote plugin; all else in it is the agency's own."""
        paths = [folder / name for name in (MANIFEST, GRAPH, FORM)] + sorted((folder / "examples").glob("*.json"))
        return cls(
            {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in paths if path.is_file()}
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the files in canonical form: names in order, as JSON without spaces."""
        written = json.dumps(dict(self.files), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(written.encode()).digest()

    def lines(self, name: str) -> Lines:
        return Lines(self.files.get(name, ""))


def load_documents(documents: Documents, ground: Ground) -> Plugin:
    """The plugin of a stranger's documents. Nothing is asked of its endpoint.

    Raises :class:`ManifestError` when the manifest cannot be read, else :class:`PluginRefused` with every fault found.
    """
    manifest = read_remote_manifest(documents)
    faults: list[Fault] = []
    graph = _graph(documents, manifest, ground.host, faults)
    faults.extend(check_provides(manifest, ground.attributes))
    faults.extend(check_requirements(manifest, load_requirements()))
    faults.extend((*check_operations(manifest), *check_consents(manifest, ground.consents)))
    faults.extend((*check_asking(manifest), *_check_endpoint(manifest, ground)))
    if manifest.form is not None:
        faults.extend(check_form(manifest.form, manifest, ground.attributes, text=documents.files.get(FORM, "")))
    faults.extend(_check_records(manifest))
    examples = _examples(documents, manifest, faults)
    if faults or graph is None:
        raise PluginRefused(manifest.slug, [*_placed(documents, faults)])
    return Plugin(manifest, graph, ground.functions_of(manifest), examples, Origin.REMOTE)


def published_plugin(documents: Documents, ground: Ground) -> Plugin:
    """The same of documents that passed every check when they were published, for the graph alone.

    Rules that became stricter since take nobody down; only what does not go together with the graph is refused. Raises
    :class:`PluginRefused`.
    """
    manifest = read_remote_manifest(documents)
    faults: list[Fault] = []
    graph = _graph(documents, manifest, ground.host, faults)
    if graph is None:
        raise PluginRefused(manifest.slug, [*_placed(documents, faults)])
    return Plugin(manifest, graph, ground.functions_of(manifest), (), Origin.REMOTE)


def read_remote_manifest(documents: Documents) -> Manifest:
    """Raises :class:`ManifestError`, whose faults name line and field; nothing else was looked at then."""
    faults = [*_check_files(documents.files)]
    if faults:
        raise ManifestError(_name(documents), faults)
    document = _object(documents, MANIFEST, faults)
    form = _object(documents, FORM, faults) if FORM in documents.files else None
    if document is not None and form is not None:
        if "form" in document:
            why = "the form stands in the manifest and in a file"
            faults.append(
                Fault(Rule.FORM, why, f"Keep {FORM}", MANIFEST, documents.lines(MANIFEST).of(("form",)), "form")
            )
        document = {**document, "form": form}
    if faults or document is None:
        raise ManifestError(_name(documents), faults)
    try:
        return parse_manifest(document, plugin=str(document.get("slug", ""))[:40] or _name(documents))
    except ManifestError as error:
        raise ManifestError(error.plugin, [*_placed(documents, error.faults)]) from None


def _check_files(files: Mapping[str, str]) -> Iterator[Fault]:
    if MANIFEST not in files:
        yield Fault(Rule.MANIFEST_MISSING, "there is no manifest", f"Send {MANIFEST}", MANIFEST)
    if sum(name.startswith(EXAMPLES) for name in files) > EXAMPLES_MAX:
        yield Fault(Rule.DOCUMENT, f"there are more than {EXAMPLES_MAX} examples", "Send fewer", EXAMPLES)
    if sum(len(_bytes(text)) for text in files.values()) > ALL_BYTES_MAX:
        why = f"the files together are larger than {ALL_BYTES_MAX} bytes"
        yield Fault(Rule.DOCUMENT, why, "Send fewer or shorter examples", EXAMPLES)
    for name, text in files.items():
        if (half := _HALF_LETTER.search(text)) is not None:
            yield Fault(
                Rule.TEXT, "it holds half a letter", "Write it in UTF-8", name, text.count("\n", 0, half.start()) + 1
            )
        if name not in BYTES_MAX and not _EXAMPLE.fullmatch(name):
            remedy = f"Send {MANIFEST}, {GRAPH}, {FORM} and {EXAMPLES}*.json"
            yield Fault(Rule.DOCUMENT, "no file of a remote plugin has this name", remedy, name[:100])
        elif len(_bytes(text)) > (most := BYTES_MAX.get(name, EXAMPLE_BYTES_MAX)):
            yield Fault(Rule.DOCUMENT, f"it is larger than {most} bytes", "Shorten it", name)


def _bytes(text: str) -> bytes:
    """In UTF-8, with half a letter as it may come in JSON; whatever holds one is refused."""
    return text.encode(errors="surrogatepass")


def _object(documents: Documents, name: str, faults: list[Fault]) -> dict[str, Any] | None:
    """The JSON object of a file; None, and a fault, where it is none."""
    text = documents.files[name]
    rule = {MANIFEST: Rule.MANIFEST_SYNTAX, FORM: Rule.FORM}.get(name, Rule.EXAMPLES)
    line, why = None, "it is no JSON object"
    try:
        json.loads(text, object_pairs_hook=unique)
        read = read_json(text.encode())
    except json.JSONDecodeError as error:
        line, why = error.lineno, error.msg
    except DuplicateJsonKey as error:
        line, why = Lines(text).twice, str(error)
    except RecursionError:
        why = "nested too deep"
    except ValueError as error:
        why = str(error)
    else:
        if isinstance(read, dict):
            return read
    faults.append(Fault(rule, why, "Write it as one plain JSON object (RFC 8259)", name, line))
    return None


def _graph(documents: Documents, manifest: Manifest, host: HostNames, faults: list[Fault]) -> PluginGraph | None:
    sdl = documents.files.get(GRAPH)
    try:
        return check_without_graph(manifest) if sdl is None else check_graph(sdl, manifest, host)
    except PluginRefused as refused:
        faults.extend(refused.faults)
        return None


def _check_records(manifest: Manifest) -> Iterator[Fault]:
    """The schemas of what its `ingest` operations take."""
    for name, spec in manifest.operations.items():
        for defect in check_record(spec.record or {}):
            field = ".".join(map(str, ("operations", name, "record", *defect.path)))
            yield Fault(Rule.FORM, defect.why, defect.remedy, field=field)


def _check_endpoint(manifest: Manifest, ground: Ground) -> Iterator[Fault]:
    """Where it answers, and whose word its answers are."""
    if manifest.endpoint is None:
        yield Fault(Rule.ENDPOINT, "a remote plugin answers somewhere", "Add `endpoint` with `url` and `keys`")
        return
    for fault in ground.endpoint_faults(manifest.endpoint.url):
        yield replace(fault, file=MANIFEST, field=fault.field or "endpoint.url")
    try:
        verifying_keys(manifest.endpoint.keys)
    except KeyUnusable as error:
        remedy = "Give public Ed25519 or P-256 keys, each with a `kid` of its own"
        yield Fault(Rule.ENDPOINT, f"a key cannot be used: {error}", remedy, field="endpoint.keys")


def _examples(documents: Documents, manifest: Manifest, faults: list[Fault]) -> tuple[Example, ...]:
    read: dict[str, dict[str, Any]] = {}
    for name in sorted(documents.files):
        if name.startswith(EXAMPLES) and (one := _object(documents, name, faults)) is not None:
            read[name] = one
    return read_remote_examples(read, manifest, faults, lambda name, path: documents.lines(name).of(path))


def _placed(documents: Documents, faults: Iterable[Fault]) -> Iterator[Fault]:
    """Faults of the manifest with their lines in `manifest.json`; those of a form that stands in it, too."""
    lines = documents.lines(MANIFEST)
    for fault in faults:
        field = fault.field
        if fault.file == FORM and FORM not in documents.files:
            field = "form" if field is None else f"form.{field}"
        elif fault.file not in ("manifest.toml", MANIFEST):
            yield fault
            continue
        path = tuple(int(step) if step.isdigit() else step for step in (field or "").split(".") if step)
        yield replace(fault, file=MANIFEST, field=field, line=fault.line or lines.of(path))


def _name(documents: Documents) -> str:
    found = re.search(r'"slug"\s*:\s*"([a-z][a-z0-9-]{1,39})"', documents.files.get(MANIFEST, "")[:4096])
    return found[1] if found else "?"


def _text(document: Mapping[str, Any] | str) -> str:
    return document if isinstance(document, str) else json.dumps(document, ensure_ascii=False, indent=2)
