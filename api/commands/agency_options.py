"""The options by which commands name an agency's system, and the line that they speak over: one list for all."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from core.settings import Settings

if TYPE_CHECKING:
    from api.commands.agency_line import AgencyLine

T = TypeVar("T")
BY: Final = "by"
"""The parameter in whose place a command has the options."""

Client = Annotated[str, typer.Option(help="Id of your agency's system, which has the scope agency.services.")]
Key = Annotated[Path, typer.Option(help="File with its private key (JWK, RFC 7517).")]
Issuer = Annotated[str, typer.Option(help="Address of Sitthi; of this machine's by default.")]
System = Annotated[str, typer.Option(help="Your own name for whatever runs this command; it stays in the trail.")]
Officer = Annotated[str, typer.Option(help="Or the officer in whose name it is: 32 hex digits.")]
_LOOKS: Final = (("client", Client, Parameter.empty), ("key", Key, Parameter.empty), ("issuer", Issuer, ""))
_ACTS: Final = (*_LOOKS, ("system", System, "sitthi-plugin"), ("officer", Officer, ""))


@dataclass(frozen=True, slots=True)
class By:
    """Which system asks, with which key, and who acts."""

    client: str
    key: Path
    issuer: str
    system: str = ""
    officer: str = ""

    @property
    def acting(self) -> dict[str, Any]:
        """The member of a request that says who acts."""
        is_officer = bool(self.officer)
        return {
            "agent": {"kind": "OFFICER", "id": self.officer} if is_officer else {"kind": "SYSTEM", "id": self.system}
        }

    def runs(self, job: Callable[[AgencyLine], Awaitable[T]]) -> T:
        """What the job answers; whatever goes wrong is told in sentences, and exit status 1."""
        import httpx2

        from api.commands.agency_line import SECONDS_MAX, AgencyLine, Refused
        from api.commands.talk import fail, told
        from core.clock import SystemClock

        settings = Settings()

        async def run() -> T:
            async with httpx2.AsyncClient(timeout=SECONDS_MAX, follow_redirects=False) as http:
                where = self.issuer.rstrip("/") or settings.issuer
                return await job(AgencyLine.reading(where, self.client, self.key, http, SystemClock()))

        with told(settings):
            try:
                return asyncio.run(run())
            except Refused as refused:
                fail("\n".join(refusal_lines(refused)))
            except (OSError, ValueError) as error:
                fail(f"{self.key} cannot be read as a private key: {error}")

    def asks(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request, with who acts in its body where it has one."""
        whole = None if body is None else {**self.acting, **body}

        async def job(line: AgencyLine) -> Any:
            return await line.ask(method, path, whole)

        return self.runs(job)


def looks(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of a system that looks, in place of its parameter `by`."""
    return _with(command, _LOOKS)


def acts(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of a system that acts in somebody's name, in place of its parameter `by`."""
    return _with(command, _ACTS)


def fault_line(fault: Mapping[str, Any]) -> str:
    """One fault: where, what, why, and what to do."""
    place = fault["file"] if fault["line"] is None else f"{fault['file']}:{fault['line']}"
    return f"{place}: {fault['rule']}: {fault['why']}. {fault['remedy']}"


def refusal_lines(refused: Any) -> list[str]:
    """What an agency's developer is told of a :class:`Refused`: every fault with line and remedy, and what it means."""
    if not refused.faults:
        return [f"{refused.message} ({refused.code})"]
    count = len(refused.faults)
    many = "one fault" if count == 1 else f"{count} faults"
    mend = f"Nothing was changed: the documents have {many}. Mend them and send again"
    return [*(fault_line(fault) for fault in refused.faults), f"{mend} ({refused.code})."]


def _with(command: Callable[..., None], options: tuple[tuple[str, Any, Any], ...]) -> Callable[..., None]:
    names = [name for name, _, _ in options]
    own = inspect.signature(command, eval_str=True).parameters.values()
    added = [Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=value) for name, kind, value in options]
    kept = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in own if one.name != BY]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        by = By(**{name: given.pop(name) for name in names})
        command(by=by, **given)

    del run.__wrapped__  # its signature is another: what typer reads is this one's
    run.__signature__ = Signature([*kept, *added])  # type: ignore[attr-defined]  # as inspect.signature looks for it
    run.__annotations__ = {one.name: one.annotation for one in (*kept, *added)}
    return run
