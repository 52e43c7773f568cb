"""Asking another agency's register about the citizen of a call, through the exchange.

For plugins of our own tree. Who asks names in its manifest what, of whom and for which registered purpose (`asks`);
who is asked has an operation of kind `query` and access `agency`, whose `answer` says all that is ever told. The gate
of the exchange stands between: an agreement of the two agencies, and an entry in the citizen's access log for each
question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NoReturn, Protocol

from pydantic import StringConstraints

from services.plugins.contract.titles import Strict

_Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", min_length=2, max_length=40)]
_Operation = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9]*$", max_length=60)]


class Ask(Strict):
    """A question that the plugin puts to another's register."""

    service: _Slug
    """The plugin that answers."""
    operation: _Operation
    """Its operation of kind `query` and access `agency`."""
    purpose: _Slug
    """Of the exchange's register of purposes: for what, and on which basis."""


class RegisterRefused(Exception):
    """The register may not tell, or does not: no agreement is in force, the citizen has had it stopped, or it declared
    an error. `code` is the declared one."""

    def __init__(self, code: str | None = None) -> None:
        super().__init__(code or "refused")
        self.code = code


class RegisterSilent(Exception):
    """Nobody could say: the register did not answer, or not as it promised."""


class Registers(Protocol):
    """The registers that a plugin may ask, about the citizen of the call and nobody else."""

    async def ask(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:
        """What it answers, as its manifest describes the `answer`. Each question is an entry in the citizen's log: ask
        once, about all that is wanted.

        Raises :class:`RegisterRefused`, :class:`RegisterSilent`, and `LookupError` for what the manifest does not name.
        """
        ...


class SilentRegisters:
    """Of a run in which nobody else is there: a check of one plugin alone."""

    async def ask(self, service: str, operation: str, arguments: Mapping[str, Any]) -> NoReturn:  # noqa: ARG002 - the protocol's
        """Raises :class:`RegisterSilent`."""
        raise RegisterSilent


class NoRegisters:
    """Of a plugin that asks none, and of an operation that is itself asked by another agency."""

    async def ask(self, service: str, operation: str, arguments: Mapping[str, Any]) -> NoReturn:  # noqa: ARG002 - the protocol's
        """Raises `LookupError`."""
        raise LookupError(f"the manifest asks no `{operation}` of `{service}`")
