"""Reads a plugin's folder and checks all of it."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from services.exchange.evidence.loader import load_requirements
from services.exchange.evidence.model import Requirements
from services.plugins.contract import (
    Fault,
    Manifest,
    ManifestError,
    Operation,
    OperationKind,
    PluginRefused,
    Rule,
    read_manifest,
)
from services.plugins.contract.manifest import line_of
from services.plugins.contract.names import function_name
from services.plugins.plugin import HostNames, Origin, Plugin, PluginGraph
from services.plugins.registry.code_check import FILE as CODE
from services.plugins.registry.code_check import check_code, check_module
from services.plugins.registry.examples import read_examples
from services.plugins.registry.form_check import FILE as FORM
from services.plugins.registry.form_check import check_form
from services.plugins.registry.form_lines import unique
from services.plugins.registry.graph_check import check_graph, check_without_graph
from services.plugins.registry.graph_words import FILE as GRAPH
from services.plugins.registry.operation_check import Consents, check_asking, check_consents, check_operations
from services.plugins.registry.templates import read_templates
from services.plugins.store.migrations import FOLDER as STORE
from services.plugins.store.migrations import Migration, MigrationFault, read_migrations

MANIFEST: Final = "manifest.toml"
TREE: Final = "services.agencies"
"""Where our own plugins are packages, which may have modules beside `plugin.py`."""
NOT_MODULES: Final = frozenset({CODE, "__init__.py", "sandbox.py"})


def load_folder(
    folder: Path,
    host: HostNames,
    attributes: Mapping[str, str],
    *,
    origin: Origin = Origin.TREE,
    consents: Consents | None = None,
) -> Plugin:
    """The plugin of a folder. `attributes` is the catalogue: attribute id → slug of the agency that owns it; `consents`
    are its purposes.

    Nothing of its code runs before all else is found right; that of a package (`origin`) never runs in this process,
    so it comes without functions. Raises :class:`ManifestError` when the manifest cannot be read, else
    :class:`PluginRefused` with every fault found.
    """
    manifest = _read_manifest(folder)
    faults: list[Fault] = []
    graph = _read_graph(folder, manifest, host, faults)
    faults.extend(check_provides(manifest, attributes))
    faults.extend(check_requirements(manifest, load_requirements()))
    faults.extend((*check_operations(manifest), *check_consents(manifest, consents)))
    if origin is not Origin.TREE:
        faults.extend(check_asking(manifest))
    if manifest.form is not None:
        path = folder / FORM
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        faults.extend(check_form(manifest.form, manifest, attributes, text=text))
    examples = read_examples(folder, manifest, faults)
    faults.extend(_check_code(folder, manifest, alone=origin is Origin.PACKAGE))
    migrations = _read_store(folder, origin, faults)
    templates = read_templates(folder, origin, faults)
    if faults or graph is None:
        raise PluginRefused(manifest.slug, [*_placed(folder, faults)])
    functions = {} if origin is Origin.PACKAGE else _functions(folder, manifest)
    return Plugin(manifest, graph, functions, examples, origin, migrations=migrations, templates=templates)


def _placed(folder: Path, faults: Iterable[Fault]) -> Iterator[Fault]:
    """Faults of the manifest with their lines in it."""
    toml = (folder / MANIFEST).read_text(encoding="utf-8")
    for fault in faults:
        if fault.file == MANIFEST and fault.line is None and fault.field is not None:
            yield replace(fault, line=line_of(toml, tuple(fault.field.split("."))))
        else:
            yield fault


def check_provides(manifest: Manifest, attributes: Mapping[str, str]) -> Iterator[Fault]:
    """Whether the facts that the plugin gives and needs are the catalogue's, and its own to give."""
    for attribute, operation in manifest.provides.items():
        field = f"provides.{attribute}"
        spec = manifest.operations.get(operation)
        if attribute not in attributes:
            yield Fault(
                Rule.PROVIDES,
                f"the catalogue has no attribute `{attribute}`",
                "Take one from the catalogue",
                field=field,
            )
        elif attributes[attribute] != manifest.agency.slug:
            why = f"`{attribute}` is {attributes[attribute]}'s, not {manifest.agency.slug}'s"
            yield Fault(Rule.PROVIDES, why, "Leave it to its owner", field=field)
        if spec is None or spec.kind is not OperationKind.SOURCE:
            yield Fault(Rule.PROVIDES, f"`{operation}` is no operation of kind source", "Name one that is", field=field)
    for name in manifest.operations_of(OperationKind.SOURCE).keys() - set(manifest.provides.values()):
        yield Fault(
            Rule.PROVIDES, f"the source `{name}` provides nothing", "Name it in [provides]", field=f"operations.{name}"
        )
    for place, need in enumerate(manifest.needs):
        if need.attribute not in attributes:
            why = f"the catalogue has no attribute `{need.attribute}`"
            yield Fault(Rule.NEEDS, why, "Take one from the catalogue", field=f"needs.{place}.attribute")


def check_requirements(manifest: Manifest, requirements: Requirements) -> Iterator[Fault]:
    """Whether what is required is known to the broker of evidence, and can be proved by the facts that are needed."""
    needed = {need.attribute for need in manifest.needs}
    for place, name in enumerate(manifest.requirements):
        field = f"requirements.{place}"
        found = requirements.requirements.get(name)
        if found is None:
            why = f"the catalogue has no requirement `{name}`"
            yield Fault(Rule.NEEDS, why, "Take one from docs/catalogue.md", field=field)
        elif not any(requirements.attributes_of(way) <= needed for way in found.evidence):
            nearest = min((requirements.attributes_of(way) - needed for way in found.evidence), key=len)
            missing = ", ".join(f"`{attribute}`" for attribute in sorted(nearest))
            why = f"nothing that is needed proves `{name}`"
            yield Fault(Rule.NEEDS, why, f"Add {missing} to [[needs]] with purpose and basis", field=field)


def _read_manifest(folder: Path) -> Manifest:
    form: dict[str, Any] | None = None
    path = folder / MANIFEST
    if not path.is_file():
        raise ManifestError(folder.name, [Fault(Rule.MANIFEST_MISSING, "there is no manifest", f"Write {MANIFEST}")])
    if (folder / FORM).is_file():
        try:
            form = json.loads((folder / FORM).read_text(encoding="utf-8"), object_pairs_hook=unique)
        except (ValueError, RecursionError) as error:
            raise ManifestError(folder.name, [Fault(Rule.FORM, str(error), "Write it as JSON", FORM)]) from None
    return read_manifest(path.read_text(encoding="utf-8"), plugin=folder.name, form=form)


def _read_graph(folder: Path, manifest: Manifest, host: HostNames, faults: list[Fault]) -> PluginGraph | None:
    path = folder / GRAPH
    try:
        if not path.is_file():
            return check_without_graph(manifest)
        return check_graph(path.read_text(encoding="utf-8"), manifest, host)
    except PluginRefused as refused:
        faults.extend(refused.faults)
        return None


def _check_code(folder: Path, manifest: Manifest, *, alone: bool) -> Iterator[Fault]:
    path = folder / CODE
    if not path.is_file():
        yield Fault(Rule.CODE, "there is no code", f"Write {CODE}", CODE)
        return
    modules = {} if alone else {f"{TREE}.{folder.name}.{one.stem}": one for one in sorted(folder.glob("*.py"))}
    own = frozenset(name for name, one in modules.items() if one.name not in NOT_MODULES)
    yield from check_code(path.read_text(encoding="utf-8"), manifest, alone=alone, own=own)
    for name in sorted(own):
        yield from check_module(modules[name].read_text(encoding="utf-8"), modules[name].name, own)


def _read_store(folder: Path, origin: Origin, faults: list[Fault]) -> tuple[Migration, ...]:
    if origin is Origin.PACKAGE and (folder / STORE).exists():
        faults.append(Fault(Rule.STORE, "a package has no store", "Bring a database of your own", STORE))
        return ()
    try:
        return read_migrations(folder)
    except MigrationFault as fault:
        faults.append(Fault(Rule.STORE, fault.why, fault.remedy, fault.file))
        return ()


def _functions(folder: Path, manifest: Manifest) -> Mapping[str, Operation]:
    module = _import(folder / CODE, f"sitthi_plugin_{manifest.slug.replace('-', '_')}")
    return {operation: getattr(module, function_name(operation)) for operation in manifest.operations}


def _import(path: Path, name: str) -> ModuleType:
    # By path, under a name of its own and outside sys.modules: two versions of one plugin may live side by side.
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # while it is read: a dataclass looks for its module there
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module
