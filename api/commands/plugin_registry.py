"""`sitthi plugin register|status|submit|…`: an agency's side of its registered services, over HTTP with its own key.

These commands speak to a running Sitthi as any agency's system does; they need nothing of this machine but the folder
and the key (docs/services-registry.md).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.commands.agency_options import By, acts, fault_line, looks
from api.commands.words import Reason, when

if TYPE_CHECKING:
    from api.commands.agency_line import AgencyLine

LOOK_SECONDS: Final = 0.5
"""Between two looks at a version that is being checked."""

Slug = Annotated[str, typer.Argument(help="The service.")]
Version = Annotated[str, typer.Argument(help="Its version, 1.2.0 for instance.")]


@acts
def register(
    folder: Annotated[Path, typer.Argument(help="manifest.json, graph.graphql, form.json and examples/.")], by: By
) -> None:
    """Sends a version of a service. Nothing of it is seen by anybody before it is submitted."""
    from api.commands.talk import fail
    from services.plugins.registry.documents import Documents

    if not (folder / "manifest.json").is_file():
        fail(f"There is no manifest.json in {folder}.")
    told = by.asks("POST", "", {"files": dict(Documents.of_folder(folder).files)})
    typer.echo(f"{_line(told)}\nNext: sitthi plugin submit {told['service']} {told['version']} …")


@looks
def status(
    by: By,
    slug: Annotated[str, typer.Argument(help="One service; all of them by default.")] = "",
    version: Annotated[str, typer.Argument(help="One version, with its faults, its report and its review.")] = "",
) -> None:
    """Shows your agency's services and how far their versions are."""

    async def job(line: AgencyLine) -> list[str]:
        if version:
            return _whole(await line.ask("GET", f"/{slug}/versions/{version}"))
        services = [await line.ask("GET", f"/{slug}")] if slug else (await line.ask("GET", ""))["services"]
        return [text for one in services for text in await _service(line, one)]

    for text in by.runs(job):
        typer.echo(text)


@acts
def submit(slug: Slug, version: Version, by: By) -> None:
    """Checks a version against your endpoint, and publishes it or hands it to the reviewers. Waits for the check."""

    async def job(line: AgencyLine) -> list[str]:
        await line.ask("POST", f"/{slug}/versions/{version}/submit", by.acting)
        told = await _checked(line, f"/{slug}/versions/{version}")
        if told["report"] is not None and not told["report"]["passed"]:
            report = await line.ask("GET", f"/{slug}/versions/{version}/report")
            return [*_whole(told), *_failed(report["report"])]
        return _whole(told)

    lines = by.runs(job)
    for text in lines:
        typer.echo(text)
    if lines[0].endswith("DRAFT"):
        sys.exit(1)


@acts
def publish(slug: Slug, version: Version, by: By) -> None:
    """Publishes a version that is checked and touches nothing sensitive."""
    typer.echo(_line(by.asks("POST", f"/{slug}/versions/{version}/publish", {})))


@acts
def rollback(
    slug: Slug,
    reason: Reason,
    by: By,
    to: Annotated[str, typer.Option(help="Which version; the highest below the current by default.")] = "",
) -> None:
    """Goes back to a version that was published before, at once."""
    which = {"version": to} if to else {}
    typer.echo(_line(by.asks("POST", f"/{slug}/rollback", {"reason": reason, **which})))


@acts
def suspend(slug: Slug, reason: Reason, by: By) -> None:
    """Stops a service for the time being, at once."""
    typer.echo(_line(by.asks("POST", f"/{slug}/suspend", {"reason": reason})))


@acts
def resume(slug: Slug, reason: Reason, by: By) -> None:
    """Opens a service again that your agency suspended."""
    typer.echo(_line(by.asks("POST", f"/{slug}/resume", {"reason": reason})))


@acts
def retire(slug: Slug, reason: Reason, by: By) -> None:
    """Ends a service. Its names stay in the graph for a year, deprecated, and say that it is over."""
    typer.echo(_line(by.asks("POST", f"/{slug}/retire", {"reason": reason})))


@acts
def discard(slug: Slug, version: Version, by: By) -> None:
    """Takes a draft away, or a version below the current one. What was done to it stays in the trail."""
    typer.echo(_line(by.asks("POST", f"/{slug}/versions/{version}/discard", {})))


COMMANDS: Final = (register, status, submit, publish, rollback, suspend, resume, retire, discard)
"""Below `sitthi plugin`, by their names."""


async def _checked(line: AgencyLine, path: str) -> Mapping[str, Any]:
    """The version, once its check is over."""
    while True:
        told: Mapping[str, Any] = await line.ask("GET", path)
        if told["state"] != "CHECKING":
            return told
        await asyncio.sleep(LOOK_SECONDS)


def _line(told: Mapping[str, Any]) -> str:
    return f"{told['service']} {told['version']}\t{told['state']}"


async def _service(line: AgencyLine, told: Mapping[str, Any]) -> list[str]:
    """Its versions, and of each that waits for a reviewer why it does."""
    held = "\tsuspended by the reviewers" if told["held"] else ""
    said = [f"{told['slug']}\t{told['current'] or 'not published'}{held}"]
    said += [f"  not in the graph: {told['skipped']['why']}"] if told["skipped"] else []
    for one in told["versions"]:
        said.append(f"  {one['version']}\t{one['state']}")
        if one["state"] == "IN_REVIEW":
            whole = await line.ask("GET", f"/{told['slug']}/versions/{one['version']}")
            said += [f"  {text}" for text in _reviewed(whole["review"])]
    return said


def _whole(told: Mapping[str, Any]) -> list[str]:
    said = [_line(told)]
    if (report := told["report"]) is not None:
        said.append(f"  check of {when(report['at'])}: {'passed' if report['passed'] else 'failed'}")
    if (review := told["review"]) is not None:
        said += _reviewed(review)
    said += [f"  fault: {fault_line(one)}" for one in told["faults"]]
    said += [f"  warning: {fault_line(one)}" for one in told["warnings"]]
    if told["state"] in ("DRAFT", "CHECKING", "CHECKED"):
        said += [f"  for a reviewer: {_part(one)}" for one in told["parts"]]
    return said


def _reviewed(review: Mapping[str, Any]) -> list[str]:
    """A review that waits, with what the reviewers are asked to look at; one that is over, with what came of it."""
    if review["outcome"] is None:
        asked = f"  review {review['id']}: waits for a reviewer since {when(review['askedAt'])}, because"
        return [asked, *(f"    {_part(one)}" for one in review["parts"])]
    decided = f"  review {review['id']}: {review['outcome']} {when(review['decidedAt'])} {review['reason']}".rstrip()
    return [decided, f"    {review['place']}: {review['remedy']}"] if review["outcome"] == "REFUSED" else [decided]


def _part(part: Mapping[str, Any]) -> str:
    return f"{part['place']}: {part['part']}: {part['why']}"


def _failed(report: Mapping[str, Any]) -> Iterable[str]:
    for rule in report.get("rules", []):
        if rule["outcome"] == "failed":
            yield f"  ✗ {rule['id']}: {'; '.join(rule['what'])}. {rule['remedy']}"
