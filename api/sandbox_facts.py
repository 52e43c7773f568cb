"""What only the agencies' stand-ins make up of the made-up people: contributions, claims, rights to care, studies,
loans, the wallet's records. Asked of them as a source is asked, without a server, for rules that are tried.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx2

from core.clock import Clock
from core.ids import NationalId
from core.money import Money
from services.agencies.cgd import plugin as cgd
from services.agencies.mhesi import plugin as mhesi
from services.agencies.nhso import plugin as nhso
from services.agencies.rd import plugin as rd
from services.agencies.slf import plugin as slf
from services.agencies.sso import plugin as sso
from services.plugins.contract import Call, Host, Manifest, OperationKind, PartialDate, Store
from services.plugins.contract.kinds import RECORDS_DEFAULT, read_answer
from services.plugins.runner import Credentials, HttpAgencyClient
from services.plugins.store.migrations import read_migrations
from services.plugins.store.temporary import temporary_tables
from services.sandbox.agencies.access import SANDBOX_CREDENTIALS
from services.sandbox.agencies.app import agencies_app
from services.sandbox.feeds import reports
from services.sandbox.folders import AGENCIES
from services.sandbox.population.generator import Population
from services.sandbox.population.store import replace

BASE: Final = "http://stand-ins"
ASKER: Final = "sitthi-rules-impact"
OWN: Final = {"cgd": cgd, "mhesi": mhesi, "nhso": nhso, "rd": rd, "slf": slf, "sso": sso}
"""The code of agencies that hold what the population does not say by itself."""
SECRET: Final = frozenset({"aids_certified"})
"""What is put to nobody who did not ask (docs/adr/0031) is not asked of the made-up people either."""
Told = Mapping[str, Mapping[str, Any]]
"""By national ID, then by attribute: plain values, money in satang."""


async def told_by_stand_ins(population: Population, names: Collection[str], clock: Clock) -> Told:
    """Of everybody, those of the attributes that an agency's stand-in knows."""
    people = [NationalId(one.national_id) for home in population.households() for one in home.members]
    found: dict[str, dict[str, Any]] = {person.digits: {} for person in people}
    with TemporaryDirectory(prefix="sitthi-impact-") as folder:
        replace(Path(folder), population)
        transport = httpx2.ASGITransport(app=agencies_app(Path(folder)))
        async with httpx2.AsyncClient(transport=transport, timeout=60) as http:
            for slug, manifest in _manifests():
                async with temporary_tables(slug, read_migrations(AGENCIES / slug), clock) as store:
                    host = _host(slug, http, clock, store)
                    await _report(slug, Path(folder), host)
                    await _ask(slug, manifest, host, people, set(names) - SECRET, found)
    return found


async def _report(slug: str, folder: Path, host: Host) -> None:
    """To an agency that keeps records of its own, what is reported of these people. Raises `LookupError` where it takes
    any of that otherwise than whole: then these people are not as the agency would have them."""
    for report in reports(folder):
        if report.agency != slug:
            continue
        sent = [json.loads(line) for line in report.body().splitlines()]
        for at in range(0, len(sent), RECORDS_DEFAULT):
            records = {"records": sent[at : at + RECORDS_DEFAULT]}
            call = Call(report.operation, None, records, ASKER, key=f"{report.key}/{at}")
            told = read_answer(OperationKind.INGEST, await getattr(OWN[slug], report.operation)(host, call))
            if told.rejected:
                raise LookupError(f"{slug} rejects what is reported to it: {told.rejected[0].code}")


def _manifests() -> Iterator[tuple[str, Manifest]]:
    for slug in sorted(OWN):
        with (AGENCIES / slug / "manifest.toml").open("rb") as file:
            yield slug, Manifest.model_validate(tomllib.load(file))


def _host(slug: str, http: httpx2.AsyncClient, clock: Clock, store: Store) -> Host:
    [(key, secret)] = SANDBOX_CREDENTIALS.items()
    client = HttpAgencyClient(http, f"{BASE}/{slug}", Credentials(key, secret), clock=clock)
    return Host(clock, client, store=store)


async def _ask(
    slug: str,
    manifest: Manifest,
    host: Host,
    people: list[NationalId],
    names: set[str],
    found: Mapping[str, dict[str, Any]],
) -> None:
    for operation in manifest.operations_of(OperationKind.SOURCE):
        wanted = sorted(name for name, by in manifest.provides.items() if by == operation and name in names)
        batch = manifest.operations[operation].batch
        if not wanted or not batch:
            continue
        for at in range(0, len(people), batch):
            call = Call(operation, None, {"attributes": wanted}, ASKER, people=tuple(people[at : at + batch]))
            for person, known in (await getattr(OWN[slug], operation)(host, call)).items():
                found[person.digits] |= {name: _plain(known[name].value) for name in wanted if name in known}


def _plain(value: Any) -> Any:
    if isinstance(value, PartialDate):
        return value.first
    return value.satang if isinstance(value, Money) else value
