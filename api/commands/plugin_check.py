"""`sitthi plugin check`: the whole conformance suite on the agency's own desk (docs/conformance.md).

A folder is checked without a server, a database or a network. Of a remote plugin the developer's server is asked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from api.desk import DeskPlugin
    from core.settings import Settings
    from services.plugins.conformance import Finding, Report
    from services.plugins.contract import Fault
    from services.plugins.plugin import Plugin

REMOTE_MANIFEST: Final = "manifest.json"
MARKS: Final = {"done": "✓", "failed": "✗", "exempt": "○", "not-applicable": "–", "not-looked-at": "·"}
_ALWAYS_COUNTED: Final = 3


def check(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="The plugin's folder: manifest, graph, examples, and its code if any.")],
    url: Annotated[
        str, typer.Option(help="Where the server of a remote plugin listens; the manifest's endpoint by default.")
    ] = "",
    keys_at: Annotated[
        str, typer.Option(help="Where that server looks for Sitthi's keys; the address of Sitthi by default.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Whether a plugin keeps every rule; the report says what to do about those that it does not."""
    import asyncio

    from api.commands.talk import fail, told
    from api.desk import plugin_of
    from core.settings import Settings
    from services.plugins.contract import PluginRefused

    _quieten(context)
    settings, is_remote = Settings(), (path / REMOTE_MANIFEST).is_file()
    if url and not is_remote:
        fail(f"There is no {REMOTE_MANIFEST} in {path}: only a remote plugin has a server to ask.")
    try:
        desk = plugin_of(path.resolve())
    except PluginRefused as refused:
        _tell_faults(refused.plugin, refused.faults, as_json=as_json)
        sys.exit(1)
    with told(settings):
        report = asyncio.run(
            over_the_wire(desk, url, keys_at or settings.issuer, settings) if is_remote else _here(desk)
        )
    if as_json:
        typer.echo(json.dumps(report.document, ensure_ascii=False, indent=2))
    else:
        _tell(report)
    if not report.passed:
        sys.exit(1)


async def _here(desk: DeskPlugin) -> Report:
    from dataclasses import replace

    from core.clock import SystemClock
    from services.plugins.conformance import Suite

    report = await Suite(SystemClock()).check(desk.plugin, documents_hash=desk.documents_hash)
    return replace(report, origin=str(desk.origin))


async def over_the_wire(desk: DeskPlugin, url: str, keys_at: str, settings: Settings) -> Report:
    """The calls are signed by the keys of this machine, which a server finds as it finds Sitthi's."""
    from contextlib import asynccontextmanager

    from api.commands.talk import fail
    from core.clock import SystemClock
    from core.crypto import load_keys
    from services.plugins.conformance import Suite
    from services.plugins.conformance.desk import KeysElsewhere, keys_published
    from services.plugins.conformance.line import Line
    from services.plugins.contract.keys import verifying_keys
    from services.plugins.runner import ServiceKeys
    from services.plugins.runner.egress import agency_client

    ours, endpoint = ServiceKeys(load_keys(settings)), desk.plugin.manifest.endpoint
    assert endpoint is not None, "the registry's rules see to it"
    http = agency_client(loopback=True)
    line = Line(endpoint.url, http, ours.current, verifying_keys(endpoint.keys), sent_to=url)

    @asynccontextmanager
    async def line_of(_: Plugin) -> AsyncIterator[Line]:
        async with http:
            yield line

    try:
        async with keys_published(keys_at, ours.jwks):
            suite = Suite(SystemClock(), line_of)
            return await suite.check(desk.plugin, documents_hash=desk.documents_hash)
    except KeysElsewhere:
        fail(
            f"Something else than this Sitthi answers at {keys_at}, where your server looks for the keys of our calls. "
            "Start your server with SITTHI=http://127.0.0.1:8299, and give this command --keys-at http://127.0.0.1:8299."
        )


def _quieten(context: typer.Context) -> None:
    """Until the command ends: what the suite makes go wrong is no news to anybody."""
    import logging

    import structlog

    before = structlog.get_config()
    context.call_on_close(lambda: structlog.configure(**before))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _tell(report: Report) -> None:
    typer.echo(f"{report.plugin} {report.version} ({report.origin}), rules of version {report.suite}\n")
    for finding in report.findings:
        _tell_finding(finding)
    counts = {mark: sum(str(f.outcome) == mark for f in report.findings) for mark in MARKS}
    told = [f"{n} {mark.replace('-', ' ')}" for i, (mark, n) in enumerate(counts.items()) if n or i < _ALWAYS_COUNTED]
    typer.echo("\n" + ", ".join(told) + ".")


def _tell_finding(finding: Finding) -> None:
    rule = finding.rule
    reason = "" if finding.reason is None else f" ({str(finding.outcome).replace('-', ' ')}: {finding.reason.en})"
    typer.echo(f"{MARKS[str(finding.outcome)]} {rule.id:<26} {rule.title.en}{reason}")
    if finding.what:
        for line in (*finding.what, *finding.details):
            typer.echo(f"    {line}")
        typer.echo(f"    Why: {rule.why}.\n    Remedy: {rule.remedy}.")


def _tell_faults(plugin: str, faults: Iterable[Fault], *, as_json: bool) -> None:
    """What the documents themselves break: nothing else is looked at before they are right."""
    if as_json:
        told = [
            {"rule": str(f.rule), "file": f.file, "line": f.line, "field": f.field, "why": f.why, "remedy": f.remedy}
            for f in faults
        ]
        typer.echo(json.dumps({"plugin": plugin, "passed": False, "faults": told}, ensure_ascii=False, indent=2))
        return
    typer.echo(f"{plugin}: its documents break rules, and nothing else was looked at.\n")
    for fault in faults:
        typer.echo(f"✗ {fault}")
