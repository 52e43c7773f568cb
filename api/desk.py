"""Plugins on a developer's own machine: read and checked as the registry does, without graph, server or database."""

from __future__ import annotations

import hashlib
import importlib
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from graphql import ObjectTypeDefinitionNode, TypeDefinitionNode, parse

from services import agencies
from services.exchange.catalogue import load_catalogue
from services.plugins.contract.names import function_name
from services.plugins.plugin import CITIZEN, QUERY, SHARED_TYPES, HostNames, Origin, Plugin
from services.plugins.registry.documents import Documents, Ground, load_documents
from services.plugins.registry.folder import MANIFEST, load_folder
from services.plugins.registry.operation_check import consents_of
from services.plugins.runner.egress import endpoint_faults

SCHEMA_FILE: Final = Path(__file__).parents[1] / "schema.graphql"
AGENCIES: Final = Path(agencies.__file__).parent
REMOTE_MANIFEST: Final = "manifest.json"
GROUP: Final = "sitthi.plugins"
_OF_A_FOLDER: Final = (MANIFEST, "graph.graphql", "form.json", "plugin.py", "examples/*.json")

__all__ = ["AGENCIES", "DeskPlugin", "folder_hash", "host_names_on_file", "plugin_of"]


@dataclass(frozen=True, slots=True)
class DeskPlugin:
    """`origin` is where its code is going to run; on the desk, a package's runs here, as a folder's does."""

    plugin: Plugin
    origin: Origin
    documents_hash: str


def plugin_of(path: Path) -> DeskPlugin:
    """The plugin of a folder of any kind; of a package also that of its project.

    Raises :class:`services.plugins.contract.PluginRefused`, and whatever the plugin's own code raises on import.
    """
    catalogue = load_catalogue()
    stewards = {a.id: a.steward for a in catalogue.attributes.values() if a.derived is None}
    consents = consents_of(catalogue)
    if (path / REMOTE_MANIFEST).is_file():
        documents = Documents.of_folder(path)
        host = host_names_on_file()
        ground = Ground(host, stewards, lambda url: endpoint_faults(url, loopback=True), lambda _: {}, consents)
        return DeskPlugin(load_documents(documents, ground), Origin.REMOTE, documents.digest.hex())
    package = _package(path)
    folder = package or path
    origin = Origin.TREE if package is None else Origin.PACKAGE
    plugin = load_folder(folder, host_names_on_file(but=folder.name), stewards, origin=origin, consents=consents)
    if package is not None:
        plugin = replace(plugin, functions=_imported(package, plugin), origin=Origin.TREE)
    return DeskPlugin(plugin, origin, folder_hash(folder))


def host_names_on_file(but: str = "") -> HostNames:
    """The names of the graph as `schema.graphql` has them, our own agencies' too, but for the one in the folder `but`.

    Where that file is not, as in an installed wheel, they are those of the graph itself, which takes longer to make.
    """
    if not SCHEMA_FILE.is_file():
        from api.composer import host_names  # noqa: PLC0415 - takes seconds
        from api.schema import base_schema  # noqa: PLC0415 - takes seconds

        return host_names(base_schema())
    document = parse(SCHEMA_FILE.read_text(encoding="utf-8"), no_location=True)
    prefix, namespace = _claimed(AGENCIES / but / MANIFEST) if but else (None, None)
    types: set[str] = set()
    fields: dict[str, frozenset[str]] = {}
    for node in document.definitions:
        if isinstance(node, TypeDefinitionNode) and not (prefix and node.name.value.startswith(prefix)):
            types.add(node.name.value)
        if isinstance(node, ObjectTypeDefinitionNode) and node.name.value in (CITIZEN, QUERY):
            named = frozenset(field.name.value for field in node.fields or ())
            fields[node.name.value] = named - {namespace or ""}
    return HostNames(frozenset(types) - SHARED_TYPES, fields[CITIZEN], fields[QUERY])


def _claimed(manifest: Path) -> tuple[str | None, str | None]:
    """Prefix and namespace of an agency of our own."""
    if not manifest.is_file():
        return None, None
    told: Mapping[str, Any] = tomllib.loads(manifest.read_text(encoding="utf-8"))
    return told.get("prefix"), told.get("namespace")


def _package(path: Path) -> Path | None:
    """The package's folder, where a project names it as a plugin: in `path` itself or above it."""
    for project, only in ((path, None), (path.parent, path)):
        file = project / "pyproject.toml"
        if not file.is_file():
            continue
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        named: Mapping[str, str] = told.get("project", {}).get("entry-points", {}).get(GROUP, {})
        for module in named.values():
            for folder in (project / module.replace(".", "/"), project / "src" / module.replace(".", "/")):
                if (folder / MANIFEST).is_file() and only in (None, folder):
                    return folder
    return None


def _imported(folder: Path, plugin: Plugin) -> dict[str, Any]:
    sys.path.insert(0, str(folder.parent))
    module = importlib.import_module(f"{folder.name}.plugin")
    return {operation: getattr(module, function_name(operation)) for operation in plugin.manifest.operations}


def folder_hash(folder: Path) -> str:
    """SHA-256 over the names and contents of the plugin's files, in hex."""
    made = hashlib.sha256()
    for path in sorted(path for pattern in _OF_A_FOLDER for path in folder.glob(pattern)):
        content = path.read_bytes()
        made.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return made.hexdigest()
