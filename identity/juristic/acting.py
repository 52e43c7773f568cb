"""Acting for a juristic person in the graph: what a field takes that is asked in its name.

The field has an argument or input `juristicPerson`, and says which power it takes. Nobody acts for one by being its
only officer, and nobody by a delegation: what was given to an officer they do themselves.
"""

from __future__ import annotations

from typing import Final

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import SitthiError
from core.graph import Info, NotDelegated
from core.ids import GlobalId, MalformedGlobalId
from identity.juristic.register import JuristicRegister, Represented

JURISTIC_PERSON: Final = "JuristicPerson"


async def acting(
    info: Info, juristic_person: strawberry.ID, power: str, *, what: str, session: AsyncSession
) -> Represented:
    """The viewer as an officer of that juristic person with that power, at this moment.

    `session` is that of the mutation's transaction, in which the act is written into the juristic person's trail as
    `what` ("oic/claims": never about whom). Raises `NotSignedIn`, `NotDelegated`, `MalformedGlobalId`,
    `NotItsOfficer`, `PowerMissing`.
    """
    viewer = info.context.signed_in()
    if viewer.acting is not None:
        raise NotDelegated
    try:
        key = GlobalId.parse(str(juristic_person), expected=JURISTIC_PERSON).id
    except SitthiError:
        raise MalformedGlobalId(path=("juristicPerson",)) from None
    register = info.context.room(JuristicRegister)
    found = await register.acting_for(session, viewer.person, key, power)
    register.note_act(session, found, what)
    return found
