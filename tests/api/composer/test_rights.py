"""What an agency's manifest asks of whoever looks at a citizen's records in its service."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from api.composer.binding import rights_of
from core.assurance import Aal, Ial, StepUpRequired
from core.clock import FixedClock
from core.graph import Context, Delegate, NotDelegated, Rooms, Viewer
from core.ids import new_id
from core.text import Language
from core.viewer import Acting
from services.plugins.contract import read_manifest
from tests.support.plugins import LIBRARY

TOML = (LIBRARY / "manifest.toml").read_text(encoding="utf-8")
ME = Viewer(new_id(), "test", frozenset(), "ial1.3", datetime(2100, 1, 1, tzinfo=UTC))


def context(viewer: Viewer, clock: FixedClock) -> Context:
    return Context(None, clock, Rooms(), viewer, Language.EN, new_id())  # type: ignore[arg-type] # it asks no database


def manifest(*, delegates: str | None = None, assurance: str = "1.3") -> str:
    told = TOML.replace('assurance = "1.3"', f'assurance = "{assurance}"')
    return told if delegates is None else told.replace("prefix =", f'delegates = "{delegates}"\nprefix =')


@pytest.mark.parametrize(
    ("delegates", "opened"),
    [(None, Delegate.VIEW), ("view", Delegate.VIEW), ("apply", Delegate.VIEW), ("nothing", Delegate.NOTHING)],
)
def test_a_service_is_open_to_who_may_view_unless_its_manifest_closes_it(
    clock: FixedClock, delegates: str | None, opened: Delegate
) -> None:
    declared = rights_of(read_manifest(manifest(delegates=delegates), plugin="library"))
    assert declared.delegate is opened
    acting = replace(ME, acting=Acting(new_id(), new_id(), frozenset({"VIEW", "APPLY", "RECEIVE"})))
    declared.check(context(ME, clock))
    if opened is Delegate.VIEW:
        declared.check(context(acting, clock))
        acting = replace(acting, acting=replace(acting.acting, scopes=frozenset({"APPLY"})))  # type: ignore[type-var]
    with pytest.raises(NotDelegated):
        declared.check(context(acting, clock))


@pytest.mark.parametrize("level", Ial)
def test_a_service_asks_for_the_level_of_its_manifest_and_no_more(clock: FixedClock, level: Ial) -> None:
    declared = rights_of(read_manifest(manifest(assurance=level.value), plugin="library"))
    assert declared.demand is not None
    assert (declared.demand.assurance.ial, declared.demand.assurance.aal) == (level, Aal.AAL_1)
    for had in Ial:
        asked = context(replace(ME, acr=f"ial{had.value}-aal1"), clock)
        if had.meets(level):
            declared.check(asked)
            continue
        with pytest.raises(StepUpRequired):
            declared.check(asked)
