"""Puts the questions of one agency's plugin to another agency's register, by way of the gate.

The gate looks for the registered purpose and an agreement of the two agencies that names the operation, counts its
quota, hears of a citizen who has had it stopped, and enters the question in that citizen's access log before it is put.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final

import structlog

from core.database import Database
from core.errors import SitthiError
from core.ids import NationalId, new_id
from core.text import Text
from identity.people import PeopleRegister
from services.exchange.catalogue import Catalogue
from services.exchange.errors import LookRefused
from services.exchange.facts import SERVICE_ASKER, Asker, AskerKind, Gate
from services.plugins.contract import Access, Ask, Manifest, RegisterRefused, Registers, RegisterSilent
from services.plugins.plugin import Plugin
from services.plugins.runner.errors import AgencyDeclined
from services.plugins.runner.runner import Runner

AGENT: Final = "sitthi-exchange"
"""The AgentID under which a register's own agency is asked; in whose name it was is in the access log."""
_LABEL: Final = Text(th="{agency}: {service}", en="{agency}: {service}")
_inside: ContextVar[bool] = ContextVar("inside_a_register", default=False)

log = structlog.get_logger(__name__)


class Asking:
    """`plugins` are those in force. Implements :class:`services.plugins.runner.runner.RegistersOf`."""

    def __init__(
        self,
        db: Database,
        people: PeopleRegister,
        gate: Gate,
        catalogue: Catalogue,
        runner: Runner,
        plugins: Callable[[], Sequence[Plugin]],
    ) -> None:
        self._db, self._people, self._gate, self._catalogue = db, people, gate, catalogue
        self._runner, self._plugins = runner, plugins

    def of(self, manifest: Manifest, person: NationalId) -> Registers:
        return _Asked(self, manifest, person)

    async def ask(self, manifest: Manifest, person: NationalId, wanted: Ask, arguments: Mapping[str, Any]) -> Any:
        """Raises as :meth:`services.plugins.contract.Registers.ask`."""
        entry = self._catalogue.purposes.get(wanted.purpose)
        plugin = next((one for one in self._plugins() if one.slug == wanted.service), None)
        spec = None if plugin is None else plugin.manifest.operations.get(wanted.operation)
        async with self._db.read() as session:
            subject = await self._people.find(session, person)
        if entry is None or plugin is None or spec is None or spec.access is not Access.AGENCY or subject is None:
            log.warning("register_not_there", plugin=manifest.slug, register=wanted.service, purpose=wanted.purpose)
            raise RegisterSilent
        agency = plugin.manifest.agency.slug
        label = _LABEL.filled(agency=manifest.agency.title.text, service=manifest.title.text)
        asker = Asker(
            AskerKind.SYSTEM,
            f"{SERVICE_ASKER}{manifest.slug}",
            manifest.agency.slug,
            label,
            new_id(),
            applicant=subject,
        )

        async def read(number: NationalId) -> Any:
            return await self._runner.run(plugin, wanted.operation, asker=AGENT, person=number, arguments=arguments)

        token = _inside.set(True)
        try:
            return await self._gate.look(
                subject, f"{agency}:{wanted.operation}", agency, read, asker=asker, purpose=entry.purpose
            )
        except LookRefused:
            raise RegisterRefused from None
        except AgencyDeclined as declined:
            raise RegisterRefused(str(declined.fields["error"])) from None
        except SitthiError:
            raise RegisterSilent from None
        finally:
            _inside.reset(token)


class _Asked:
    """Implements :class:`services.plugins.contract.Registers`."""

    def __init__(self, asking: Asking, manifest: Manifest, person: NationalId) -> None:
        self._asking, self._manifest, self._person = asking, manifest, person

    async def ask(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:
        for one in self._manifest.asks:
            if (one.service, one.operation) == (service, operation) and not _inside.get():
                return await self._asking.ask(self._manifest, self._person, one, arguments)
        raise LookupError(f"the manifest asks no `{operation}` of `{service}`")
