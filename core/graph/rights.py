"""What a field of the graph asks of its caller: how sure the sign-in must be, and what somebody who acts for the
citizen may do with it.

A field declares both in its metadata by :func:`rights`; :func:`guard` then stands before the roots and `Citizen`, and
the unit of work before mutations. What declares nothing is closed to delegates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, default_field_resolver

from core.assurance import Demand, StepUpRequired
from core.graph.context import Context
from core.viewer import NotDelegated

_DELEGATE, _DEMAND = "delegate", "demand"
_UNMET: Final = "core.graph.unmet"
_DEFINITION: Final = "strawberry-definition"


class Delegate(StrEnum):
    """What somebody who acts for the citizen under a delegation needs, to use a field."""

    NOTHING = "NOTHING"
    """No delegation opens it: it is the citizen's alone."""
    VIEW = "VIEW"
    APPLY = "APPLY"
    RECEIVE = "RECEIVE"
    CONSENT = "CONSENT"
    AS_ANYONE = "AS_ANYONE"
    """It says nothing about the citizen, or leads only to what is guarded itself."""

    def opened_by(self, scopes: Iterable[str]) -> bool:
        return self is Delegate.AS_ANYONE or (self is not Delegate.NOTHING and self.value in scopes)


@dataclass(frozen=True, slots=True)
class Rights:
    """What a field declares."""

    delegate: Delegate = Delegate.NOTHING
    demand: Demand | None = None

    @classmethod
    def of(cls, metadata: Mapping[Any, Any]) -> Rights:
        return cls(metadata.get(_DELEGATE, Delegate.NOTHING), metadata.get(_DEMAND))

    def check(self, context: Context) -> None:
        """Raises :class:`NotDelegated` and :class:`StepUpRequired`. Whether one must be signed in is not asked here."""
        viewer = context.viewer
        if viewer is None:
            return
        if viewer.acting is not None and not self.delegate.opened_by(viewer.acting.scopes):
            raise NotDelegated
        if self.demand is not None:
            require(context, self.demand)

    @property
    def words(self) -> str:
        """What the schema says of it, so that a client knows before it asks."""
        said = []
        if self.demand is not None:
            seconds = self.demand.age_seconds_max
            age = "" if seconds is None else f", proved at most {seconds} seconds ago"
            said.append(f"Needs assurance `{self.demand.assurance.acr}`{age}; else STEP_UP_REQUIRED.")
        if self.delegate not in (Delegate.NOTHING, Delegate.AS_ANYONE):
            said.append(f"Open to who acts for the citizen with scope {self.delegate}.")
        return " ".join(said)


def rights(delegate: Delegate, demand: Demand | None = None) -> dict[str, Any]:
    """Metadata of a field that declares them."""
    return {_DELEGATE: delegate, _DEMAND: demand}


def declares(metadata: Mapping[Any, Any]) -> bool:
    """Whether a field says what a delegate may do with it."""
    return isinstance(metadata.get(_DELEGATE), Delegate)


def require(context: Context, demand: Demand) -> None:
    """Raises :class:`StepUpRequired` unless the viewer's sign-in meets the demand, and notes it for the HTTP answer."""
    viewer = context.signed_in()
    if demand.met_by(viewer.acr, viewer.authenticated_at, context.clock.now()):
        return
    earlier = unmet(context)
    context.memo[_UNMET] = demand if earlier is None else earlier.joined(demand)
    raise StepUpRequired(demand)


def unmet(context: Context) -> Demand | None:
    """What would have met every demand that this request failed; None when it failed none."""
    found: Demand | None = context.memo.get(_UNMET)
    return found


def guard(schema: GraphQLSchema, types: Iterable[str] = ("Query", "Subscription", "Citizen")) -> None:
    """Stands before every field of these types, by what each declares; and says it in the fields' descriptions.

    For a schema that nobody uses yet. Mutations are guarded by their unit of work; here they are only described.
    """
    for name in (*types, "Mutation"):
        kind = schema.type_map.get(name)
        if not isinstance(kind, GraphQLObjectType):
            continue
        for field in kind.fields.values():
            declared = Rights.of(getattr(field.extensions.get(_DEFINITION), "metadata", {}))
            describe(field, declared)
            if name != "Mutation" and declared != Rights(Delegate.AS_ANYONE):
                stand_before(field, declared)


def describe(field: GraphQLField, declared: Rights) -> None:
    if declared.words:
        field.description = f"{field.description}\n\n{declared.words}" if field.description else declared.words


def stand_before(field: GraphQLField, declared: Rights) -> None:
    """The field's resolver, and its source of events if it has one, are asked only when the rights allow."""
    if field.subscribe is not None:
        field.subscribe = _checked(declared, field.subscribe)
    else:
        field.resolve = _checked(declared, field.resolve or default_field_resolver)


def _checked(declared: Rights, behind: Callable[..., Any]) -> Callable[..., Any]:
    def checked(source: Any, info: Any, **arguments: Any) -> Any:
        declared.check(info.context)
        return behind(source, info, **arguments)

    return checked
