"""What is applied for, as the graph is told it: by name, or by the draft that it was written in."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.errors import BadInput, NotFound, SitthiError
from core.graph import Info
from core.ids import GlobalId, MalformedGlobalId
from core.text import Text
from services.apply.acceptance.service import Decide
from services.apply.delivery.graph import subject_of
from services.apply.drafts.graph import refuse_beside_draft, to_send
from services.apply.drafts.service import Seen

PROGRAMME_LENGTH_MAX: Final = 64
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]*")

strawberry.enum(Decide, name="DecideWhen", description="When an application is to be decided.")


@strawberry.input(
    description="`programme` (its slug), `service` (its id), or a `draft` with its revision: one of them."
)
class ApplyInput:
    idempotency_key: str
    programme: str | None = None
    service: strawberry.ID | None = None
    beneficiary: strawberry.ID | None = strawberry.field(default=None, description="The viewer, if left out.")
    answers: JSON | None = strawberry.field(default=None, description="An object: what only the citizen knows.")
    evidence: list[strawberry.ID] | None = strawberry.field(default=None, description="Ids of `Evidence`.")
    draft: strawberry.ID | None = strawberry.field(
        default=None, description="In place of what is applied for, for whom, and the answers. It is used up."
    )
    draft_revision: int | None = strawberry.field(
        default=None, description="The revision that the citizen saw: what they saw is what is sent."
    )
    decide: Decide | None = strawberry.field(
        default=None,
        description="SOON: it is accepted for good as SUBMITTED, and decided within seconds or, in a rush, later; one "
        "that cannot be accepted without knowing more is decided now. NOW: it waits for the decision. Left out: NOW, "
        "but in a rush SOON.",
    )

    @property
    def is_plain(self) -> bool:
        """Whether it is for a programme, for the viewer themself, and rests on nothing but its answers."""
        others = (self.service, self.beneficiary, self.evidence, self.draft, self.draft_revision)
        return self.programme is not None and all(one is None for one in others)


async def asked_for(info: Info, given: ApplyInput, seen: Seen | None) -> tuple[str, UUID, object]:
    """What is applied for, for whom, with which answers. Raises what :func:`to_send` does, and MalformedGlobalId,
    BadInput, NotFound, NotOfferedHere, StepUpRequired and NotDelegated."""
    if seen is None:
        return _subject(info, given), _beneficiary(given, info.context.signed_in().person), given.answers
    refuse_beside_draft(given.programme, given.service, given.beneficiary, given.answers)
    return await to_send(info, seen)


def _subject(info: Info, given: ApplyInput) -> str:
    if (given.programme is None) == (given.service is None):
        raise BadInput(
            Text(th="ระบุ programme หรือ service อย่างใดอย่างหนึ่ง", en="name either a programme or a service"),
            path=("programme",),
        )
    if given.programme is None:
        assert given.service is not None, "one of the two"
        return subject_of(info, given.service)
    return subject_of_programme(given.programme)


def subject_of_programme(slug: str) -> str:
    """Raises NotFound for what can be no slug."""
    if len(slug) > PROGRAMME_LENGTH_MAX or not _SLUG.fullmatch(slug):
        raise NotFound(path=("programme",))
    return f"programme:{slug}"


def _beneficiary(given: ApplyInput, viewer: UUID) -> UUID:
    """By the id of a `Person`, or of the viewer's own `Citizen`."""
    if given.beneficiary is None:
        return viewer
    try:
        found = GlobalId.parse(str(given.beneficiary))
    except SitthiError:
        raise MalformedGlobalId(path=("beneficiary",)) from None
    if found.type not in {"Person", "Citizen"}:
        raise MalformedGlobalId(path=("beneficiary",))
    return found.id
