"""`sitthi plugin register|status|submit|…`: an agency's side of its registered services, over HTTP with its own key.

These commands speak to a running Sitthi as any agency's system does; they need nothing of this machine but the folder
and the key (docs/services-registry.md).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar

import typer

from core.settings import Settings

if TYPE_CHECKING:
    from api.commands.agency_line import AgencyLine

T = TypeVar("T")
LOOK_SECONDS: Final = 0.5
"""Between two looks at a version that is being checked."""

Client = Annotated[str, typer.Option(help="Id of your agency's system, which has the scope agency.services.")]
Key = Annotated[Path, typer.Option(help="File with its private key (JWK, RFC 7517).")]
Issuer = Annotated[str, typer.Option(help="Address of Sitthi; of this machine's by default.")]
System = Annotated[str, typer.Option(help="Your own name for whatever runs this command; it stays in the trail.")]
Officer = Annotated[str, typer.Option(help="Or the officer in whose name it is: 32 hex digits.")]
Slug = Annotated[str, typer.Argument(help="The service.")]
Version = Annotated[str, typer.Argument(help="Its version, 1.2.0 for instance.")]
Reason = Annotated[str, typer.Option(help="Why; it stays in the trail. No national IDs.")]


def register(
    folder: Annotated[Path, typer.Argument(help="manifest.json, graph.graphql, form.json and examples/.")],
    client: Client,
    key: Key,
    issuer: Issuer = "",
    system: System = "sitthi-plugin",
    officer: Officer = "",
) -> None:
    """Sends a version of a service. Nothing of it is seen by anybody before it is submitted."""
    from services.plugins.registry.documents import Documents

    if not (folder / "manifest.json").is_file():
        _fail(f"There is no manifest.json in {folder}.")
    files = dict(Documents.of_folder(folder).files)

    async def job(line: AgencyLine) -> Mapping[str, Any]:
        told: Mapping[str, Any] = await line.ask("POST", "", {**acting(system, officer), "files": files})
        return told

    told = with_line(client, key, issuer, job)
    typer.echo(f"{_line(told)}\nNext: sitthi plugin submit {told['service']} {told['version']} …")


def status(
    client: Client,
    key: Key,
    slug: Annotated[str, typer.Argument(help="One service; all of them by default.")] = "",
    version: Annotated[str, typer.Argument(help="One version, with its faults, its report and its review.")] = "",
    issuer: Issuer = "",
) -> None:
    """Shows your agency's services and how far their versions are."""

    async def job(line: AgencyLine) -> list[str]:
        if version:
            return _whole(await line.ask("GET", f"/{slug}/versions/{version}"))
        if slug:
            return _service(await line.ask("GET", f"/{slug}"))
        return [text for one in (await line.ask("GET", ""))["services"] for text in _service(one)]

    for text in with_line(client, key, issuer, job):
        typer.echo(text)


def submit(
    slug: Slug,
    version: Version,
    client: Client,
    key: Key,
    issuer: Issuer = "",
    system: System = "sitthi-plugin",
    officer: Officer = "",
) -> None:
    """Checks a version against your endpoint, and publishes it or hands it to the reviewers. Waits for the check."""

    async def job(line: AgencyLine) -> list[str]:
        await line.ask("POST", f"/{slug}/versions/{version}/submit", acting(system, officer))
        told = await _checked(line, f"/{slug}/versions/{version}")
        if told["report"] is not None and not told["report"]["passed"]:
            report = await line.ask("GET", f"/{slug}/versions/{version}/report")
            return [*_whole(told), *_failed(report["report"])]
        return _whole(told)

    lines = with_line(client, key, issuer, job)
    for text in lines:
        typer.echo(text)
    if lines[0].endswith("DRAFT"):
        sys.exit(1)


def publish(
    slug: Slug,
    version: Version,
    client: Client,
    key: Key,
    issuer: Issuer = "",
    system: System = "sitthi-plugin",
    officer: Officer = "",
) -> None:
    """Publishes a version that is checked and touches nothing sensitive."""
    _act(client, key, issuer, f"/{slug}/versions/{version}/publish", acting(system, officer))


def rollback(
    slug: Slug,
    reason: Reason,
    client: Client,
    key: Key,
    to: Annotated[str, typer.Option(help="Which version; the highest below the current by default.")] = "",
    issuer: Issuer = "",
    system: System = "sitthi-plugin",
    officer: Officer = "",
) -> None:
    """Goes back to a version that was published before, at once."""
    which = {"version": to} if to else {}
    _act(client, key, issuer, f"/{slug}/rollback", {**acting(system, officer), "reason": reason, **which})


def suspend(
    slug: Slug,
    reason: Reason,
    client: Client,
    key: Key,
    issuer: Issuer = "",
    system: System = "sitthi-plugin",
    officer: Officer = "",
) -> None:
    """Stops a service for the time being, at once."""
    _act(client, key, issuer, f"/{slug}/suspend", {**acting(system, officer), "reason": reason})


def resume(
    slug: Slug,
    reason: Reason,
    client: Client,
    key: Key,
    issuer: Issuer = "",
    system: System = "sitthi-plugin",
    officer: Officer = "",
) -> None:
    """Opens a service again that your agency suspended."""
    _act(client, key, issuer, f"/{slug}/resume", {**acting(system, officer), "reason": reason})


def retire(
    slug: Slug,
    reason: Reason,
    client: Client,
    key: Key,
    issuer: Issuer = "",
    system: System = "sitthi-plugin",
    officer: Officer = "",
) -> None:
    """Ends a service. Its names stay in the graph for a year, deprecated, and say that it is over."""
    _act(client, key, issuer, f"/{slug}/retire", {**acting(system, officer), "reason": reason})


COMMANDS: Final = (register, status, submit, publish, rollback, suspend, resume, retire)
"""Below `sitthi plugin`, by their names."""


async def _checked(line: AgencyLine, path: str) -> Mapping[str, Any]:
    """The version, once its check is over."""
    while True:
        told: Mapping[str, Any] = await line.ask("GET", path)
        if told["state"] != "CHECKING":
            return told
        await asyncio.sleep(LOOK_SECONDS)


def _act(client: str, key: Path, issuer: str, path: str, body: Mapping[str, Any]) -> None:
    async def job(line: AgencyLine) -> Mapping[str, Any]:
        told: Mapping[str, Any] = await line.ask("POST", path, body)
        return told

    typer.echo(_line(with_line(client, key, issuer, job)))


def with_line(client: str, key: Path, issuer: str, job: Callable[[AgencyLine], Awaitable[T]]) -> T:
    """Runs the job; whatever goes wrong is told in sentences, and exit status 1."""
    import httpx2

    from api.commands.agency_line import SECONDS_MAX, AgencyLine, Refused
    from api.commands.talk import told
    from core.clock import SystemClock

    settings = Settings()

    async def run() -> T:
        async with httpx2.AsyncClient(timeout=SECONDS_MAX, follow_redirects=False) as http:
            where = issuer.rstrip("/") or settings.issuer
            return await job(AgencyLine.reading(where, client, key, http, SystemClock()))

    with told(settings):
        try:
            return asyncio.run(run())
        except Refused as refused:
            for fault in refused.faults:
                typer.echo(_fault(fault), err=True)
            _fail(f"{refused.message.splitlines()[0] if refused.faults else refused.message} ({refused.code})")
        except (OSError, ValueError) as error:
            _fail(f"{key} cannot be read as a private key: {error}")


def acting(system: str, officer: str) -> dict[str, Any]:
    """The member of a request that says who acts."""
    return {"agent": {"kind": "OFFICER", "id": officer} if officer else {"kind": "SYSTEM", "id": system}}


def _line(told: Mapping[str, Any]) -> str:
    return f"{told['service']} {told['version']}\t{told['state']}"


def _service(told: Mapping[str, Any]) -> list[str]:
    held = "\tsuspended by the reviewers" if told["held"] else ""
    skipped = [f"  not in the graph: {told['skipped']['why']}"] if told["skipped"] else []
    return [f"{told['slug']}\t{told['current'] or 'not published'}{held}", *skipped] + [
        f"  {one['version']}\t{one['state']}" for one in told["versions"]
    ]


def _whole(told: Mapping[str, Any]) -> list[str]:
    said = [_line(told)]
    if (report := told["report"]) is not None:
        said.append(f"  check of {report['at'][:16]}: {'passed' if report['passed'] else 'failed'}")
    if (review := told["review"]) is not None:
        said.append(f"  review {review['id']}: {review['outcome'] or 'waiting'} {review['reason']}".rstrip())
        if review["outcome"] == "REFUSED":
            said += [f"    {review['place']}: {review['remedy']}"]
    said += [f"  fault: {_fault(one)}" for one in told["faults"]]
    said += [f"  warning: {_fault(one)}" for one in told["warnings"]]
    if told["state"] in ("DRAFT", "CHECKING", "CHECKED"):
        said += [f"  for a reviewer: {one['place']}: {one['part']}: {one['why']}" for one in told["parts"]]
    return said


def _failed(report: Mapping[str, Any]) -> Iterable[str]:
    for rule in report.get("rules", []):
        if rule["outcome"] == "failed":
            yield f"  ✗ {rule['id']}: {'; '.join(rule['what'])}. {rule['remedy']}"


def _fault(fault: Mapping[str, Any]) -> str:
    place = fault["file"] if fault["line"] is None else f"{fault['file']}:{fault['line']}"
    return f"{place}: {fault['rule']}: {fault['why']}. {fault['remedy']}"


def _fail(sentence: str) -> NoReturn:
    from api.commands.talk import fail

    fail(sentence)
