"""`sitthi plugin usage`: how far clients are in leaving what a service deprecated."""

from __future__ import annotations

import typer

from api.commands.agency_options import By, looks
from api.commands.plugin_registry import Slug


@looks
def usage(slug: Slug, by: By) -> None:
    """Says how many clients still use each deprecated name, how often, and from which day it may go."""
    told = by.asks("GET", f"/{slug}/usage")
    few = f"fewer than {told['clientsUnder']} clients"
    for one in told["deprecated"]:
        if one["lastDay"] is None:
            used = f"not used for {told['days']} days"
        else:
            by_whom = few if one["clients"] is None else f"{one['clients']} clients, {one['uses']} times"
            used = f"{by_whom}, last {one['lastDay']}"
        typer.echo(f"{one['coordinate']}\t{used}\tuntil {one['sunset']}")
