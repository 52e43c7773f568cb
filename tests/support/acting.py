"""Acting for somebody, and being surer of who somebody is, in tests of the whole application."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from core.viewer import Viewer
from services.sandbox.population.personas import persona
from tests.support.app import Served

EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
DELEGATION_TYPE: Final = "urn:sitthi:params:oauth:token-type:delegation"
PASSKEY: Final = "ial2.3-aal2.2"
"""What a sign-in with a passkey is worth."""


class Surer:
    """The verifier, saying of every sign-in that it was so sure."""

    def __init__(self, behind: Any, acr: str) -> None:
        self._behind, self._acr = behind, acr

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    async def verify(self, token: str, **given: Any) -> Viewer:
        viewer: Viewer = await self._behind.verify(token, **given)
        return replace(viewer, acr=self._acr)


def signed_in_with(sitthi: Served, acr: str = PASSKEY) -> None:
    """From now on everybody's sign-in is worth that much, when it is verified; nothing else about it changes."""
    identity: Any = sitthi.house.identity
    identity.verifier = Surer(getattr(identity.verifier, "_behind", identity.verifier), acr)


async def delegated(sitthi: Served, by: str, to: str, *scopes: str, kind: str = "CARER") -> str:
    """A delegation that holds, by which persona `to` acts for persona `by`; answers its id."""
    given = {"kind": kind, "scopes": list(scopes or ("VIEW", "APPLY", "RECEIVE"))}
    if kind == "PARENT":
        asked = await sitthi.do(
            "proposeDelegation", "delegation { id }", to,
            nationalId=persona(by).national_id, direction="I_ACT", **given,
        )  # fmt: skip
        assert asked["problems"] == []
        return str(asked["delegation"]["id"])
    asked = await sitthi.do(
        "proposeDelegation", "delegation { id }", by,
        nationalId=persona(to).national_id, direction="ACTS_FOR_ME", **given,
    )  # fmt: skip
    assert asked["problems"] == []
    accepted = await sitthi.do("acceptDelegation", "delegation { id }", to, delegation=asked["delegation"]["id"])
    assert accepted["problems"] == []
    return str(asked["delegation"]["id"])


async def exchange(sitthi: Served, who: str, delegation: str) -> dict[str, Any]:
    """The answer of the token endpoint when that persona asks to act under the delegation (RFC 8693)."""
    answer = await sitthi.http.post(
        "/oauth/token",
        data={
            "grant_type": EXCHANGE,
            "client_id": "demo-app",
            "subject_token": delegation,
            "subject_token_type": DELEGATION_TYPE,
            "actor_token": await sitthi.token(who),
            "actor_token_type": ACCESS_TOKEN,
        },
    )
    told: dict[str, Any] = answer.json()
    return told


async def act(sitthi: Served, who: str, delegation: str) -> str:
    """From now on `persona=` that answer is who acts for the other."""
    told = await exchange(sitthi, who, delegation)
    assert "access_token" in told, told
    name = f"{who} for {delegation}"
    sitthi.know(name, told["access_token"])
    return name
