"""`sitthi plugin review`: officers who review what agencies want to publish (docs/services-registry.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.officer_acts import As, as_officer
from api.commands.words import Reason, when

if TYPE_CHECKING:
    from uuid import UUID

    from api.house import House
    from api.registered import Registered
    from identity.officers import Officer
    from services.plugins.registry.desk import Shown
    from services.plugins.registry.models import ServiceReview, ServiceVersion

app = typer.Typer(no_args_is_help=True)

Which = Annotated[str, typer.Argument(metavar="REVIEW", help="Its id, as `list` shows it.")]
Slug = Annotated[str, typer.Argument(metavar="SERVICE", help="A published service.")]


@app.command(name="list")
def list_reviews(profile: As = None) -> None:
    """Lists what waits for a reviewer, the longest first."""

    async def job(house: House, officer: Officer) -> Sequence[ServiceReview]:
        return await house.registered.reviews.waiting(officer)

    for row in as_officer(profile, job):
        parts = " ".join(sorted({str(part["part"]) for part in row.parts}))
        typer.echo(f"{row.id.hex}\t{row.agency}\t{row.slug} {row.version}\t{when(row.asked_at)}\t{parts}")


@app.command()
def show(review: Which, files: bool = False, profile: As = None) -> None:
    """Shows what there is to look at, and with --files all that was sent."""

    async def job(house: House, officer: Officer) -> Shown:
        return await (await _followed(house)).reviews.shown(officer, _key(review))

    shown = as_officer(profile, job)
    asked, report = shown.review, shown.report
    assert asked is not None, "it is a review that is shown"
    typer.echo(f"{asked.agency}: {asked.slug} {asked.version}\t{shown.row.state}")
    if report is not None:
        typer.echo(f"  check of {when(report.at)}: {'passed' if report.passed else 'failed'}")
    for part in asked.parts:
        typer.echo(f"  {part['place']}: {part['part']}: {part['why']}")
    for fault in (*shown.faults, *shown.warnings):
        typer.echo(f"  {fault}")
    if files:
        for name, text in shown.row.files.items():
            typer.echo(f"\n--- {name}\n{text}")


@app.command()
def approve(
    review: Which,
    reason: Annotated[str, typer.Option(help="Why, if you want to say.")] = "",
    profile: As = None,
) -> None:
    """Publishes the version. Takes a sign-in by passkey of the last minutes (sign-in --strong)."""

    async def job(house: House, officer: Officer) -> ServiceVersion:
        return await (await _followed(house)).reviews.approve(officer, _key(review), reason)

    typer.echo(_line(as_officer(profile, job)))


@app.command()
def refuse(
    review: Which,
    reason: Reason,
    place: Annotated[str, typer.Option(help="Where: manifest.json:12, for instance.")],
    remedy: Annotated[str, typer.Option(help="What would mend it.")],
    profile: As = None,
) -> None:
    """Sends the version back to its agency, with the reason, the place and the remedy."""

    async def job(house: House, officer: Officer) -> ServiceVersion:
        return await house.registered.reviews.refuse(officer, _key(review), reason, place, remedy)

    typer.echo(_line(as_officer(profile, job)))


@app.command()
def suspend(service: Slug, reason: Reason, profile: As = None) -> None:
    """Stops a published service at once. Only a reviewer resumes it."""

    async def job(house: House, officer: Officer) -> ServiceVersion:
        return await house.registered.reviews.suspend(officer, service, reason)

    typer.echo(_line(as_officer(profile, job)))


@app.command()
def resume(service: Slug, reason: Reason, profile: As = None) -> None:
    """Opens a suspended service again, whoever suspended it."""

    async def job(house: House, officer: Officer) -> ServiceVersion:
        return await house.registered.reviews.resume(officer, service, reason)

    typer.echo(_line(as_officer(profile, job)))


async def _followed(house: House) -> Registered:
    """With all that is published in this process's graph, so that what is decided on is composed with it."""
    await house.registered.follower.follow()
    return house.registered


def _line(row: ServiceVersion) -> str:
    return f"{row.agency}: {row.slug} {row.version}\t{row.state}"


def _key(given: str) -> UUID:
    """Raises NotFound."""
    from uuid import UUID

    from core.errors import NotFound

    try:
        return UUID(hex=given.strip())
    except ValueError:
        raise NotFound from None
