"""`sitthi plugin new`: a folder, a package or a remote service that passes every check as it stands."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.settings import Settings

if TYPE_CHECKING:
    from services.plugins.scaffold import Start


def new(
    slug: Annotated[str, typer.Argument(help="What it is called everywhere: lower-case words with hyphens.")],
    path: Annotated[Path | None, typer.Option(help="The folder to make; ./SLUG by default.")] = None,
    remote: Annotated[
        bool, typer.Option("--remote", help="A service of the agency's own, spoken to over HTTP; in any language.")
    ] = False,
    package: Annotated[
        bool, typer.Option("--package", help="A Python package that an operator installs beside Sitthi.")
    ] = False,
    title: Annotated[str, typer.Option(help="What citizens read, in Thai.")] = "",
    title_en: Annotated[str, typer.Option(help="The same in English; the words of the slug by default.")] = "",
    agency: Annotated[str, typer.Option(help="Slug of the agency whose it is; SLUG by default.")] = "",
    agency_title: Annotated[
        str, typer.Option(help="The agency's name in Thai, which citizens see beside the service; TITLE by default.")
    ] = "",
    agency_title_en: Annotated[str, typer.Option(help="The same in English; TITLE_EN by default.")] = "",
    category: Annotated[str, typer.Option(help="One of the ten focus areas.")] = "participation",
    namespace: Annotated[str, typer.Option(help="Its field in the graph; the words of the slug by default.")] = "",
    prefix: Annotated[str, typer.Option(help="What its types begin with; the words of the slug by default.")] = "",
    endpoint: Annotated[str, typer.Option(help="Where a remote service will answer; this machine by default.")] = "",
) -> None:
    """Writes a new plugin that passes `sitthi plugin check` as it stands. Nothing that is there is overwritten."""
    from api.commands.talk import fail, told
    from core.text import Language
    from services.plugins.contract import PluginRefused, ServiceCategory
    from services.plugins.scaffold import BadStart, Layout, Start
    from services.plugins.scaffold.start import ENDPOINT

    if remote and package:
        fail("Say either --remote or --package.")
    layout = Layout.REMOTE if remote else Layout.PACKAGE if package else Layout.FOLDER
    with told(Settings()):
        if category not in list(ServiceCategory):
            raise BadStart(what="category", why=f"is one of {', '.join(ServiceCategory)}")
        start = Start(
            slug=slug,
            layout=layout,
            title=title,
            title_en=title_en,
            agency=agency,
            agency_title=agency_title,
            agency_title_en=agency_title_en,
            category=ServiceCategory(category),
            namespace=namespace,
            prefix=prefix,
            endpoint=(endpoint or ENDPOINT).rstrip("/"),
        )
        folder = path or Path(slug)
        if folder.exists() or folder.is_symlink():
            fail(f"{folder} is there already; name another folder with --path.")
        try:
            _write(start, folder)
        except PluginRefused as refused:
            fail(f"{refused.message(Language.EN)}\nChoose another slug, or other names with --namespace and --prefix.")
    typer.echo(f"{folder}/ is a plugin as it stands. Next:")
    for line in _next(start, folder):
        typer.echo(f"  {line}")


def _write(start: Start, folder: Path) -> None:
    """Writes the whole tree, or nothing. Raises :class:`PluginRefused` where a name of it is somebody else's."""
    from api.commands.talk import fail
    from services.plugins.scaffold import tree

    files = tree(start)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".sitthi-new-", dir=folder.parent) as near:
            made = Path(near) / start.slug
            _write_files(made, files)
            _check(start, made)
            made.rename(folder)
    except OSError as error:
        fail(f"{folder} cannot be made: {error.strerror or error}.")


def _write_files(folder: Path, files: Mapping[str, str]) -> None:
    from services.plugins.scaffold import PRIVATE_KEY

    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o600 if name == PRIVATE_KEY else 0o666
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as out:
            out.write(text)


def _check(start: Start, folder: Path) -> None:
    """Whether the registry would take it: a name of it may be the host's own, or another agency's."""
    from api.composer import host_names
    from api.schema import base_schema, registry_of
    from services.exchange.catalogue import load_catalogue
    from services.plugins.registry.documents import Documents, Ground, load_documents
    from services.plugins.runner.egress import endpoint_faults
    from services.plugins.scaffold import Layout

    registry = registry_of(base_schema(), load_catalogue())
    if start.layout is Layout.REMOTE:
        faults_of = partial(endpoint_faults, loopback=True)
        ground = Ground(host_names(base_schema()), {}, faults_of, lambda _: {})
        registry.add(load_documents(Documents.of_folder(folder), ground))
        return
    registry.load(folder / start.module if start.layout is Layout.PACKAGE else folder)
    for compiled in folder.rglob("__pycache__"):
        shutil.rmtree(compiled)


def _next(start: Start, folder: Path) -> list[str]:
    from services.plugins.scaffold import Layout

    if start.layout is Layout.REMOTE:
        return [
            f"cd {folder}",
            "pip install -r requirements.txt",
            f"python app.py                  # answers at {start.endpoint}",
            "sitthi plugin check .          # beside it: asks it as Sitthi will",
        ]
    if start.layout is Layout.PACKAGE:
        return [f"sitthi plugin check {folder / start.module}", f"pip install {folder}"]
    return [f"sitthi plugin check {folder}"]
