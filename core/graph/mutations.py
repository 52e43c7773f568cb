"""The unit of work of a mutation field.

One mutation field is one transaction, with its idempotency key in it (docs/adr/0002). The resolver first gathers what
is far away (facts through the gate), then opens `work.transaction()` once and writes; an error raised anywhere rolls
everything back and becomes a problem of the payload. Nothing that failed is remembered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, Self, TypeVar, cast
from uuid import UUID

import strawberry
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.extensions import FieldExtension

from core.assurance import Demand, StepUpRequired
from core.crypto import KeyRing
from core.errors import BadInput, IdempotencyConflict, NotSignedIn, SitthiError
from core.graph.context import Access, Context, Info
from core.graph.rights import Delegate, Rights, rights
from core.idempotency import Claim, checked_key, input_hash, whole_hash
from core.models import IdempotencyRecord
from core.text import Text
from core.viewer import Viewer

T = TypeVar("T")


@strawberry.type(description="With which a client asks the person to prove again who they are (RFC 9470).")
class StepUp:
    acr_values: str
    max_age: int | None = strawberry.field(description="Seconds.")


@strawberry.type
class Problem:
    """Why a mutation did nothing. `code` is stable; `message` is in the caller's language."""

    code: str
    message: str
    path: list[str]
    step_up: StepUp | None = strawberry.field(default=None, description="With STEP_UP_REQUIRED.")


class Payload(Protocol):
    """What a mutation field answers: its thing, or null and problems."""

    problems: list[Problem]

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        """The payload again, from what :meth:`Work.keep` kept when the effect was made."""
        ...


class _WonByTwin(Exception):
    """Another request with the same key committed first."""


class Work:
    """The unit of work of one mutation field of one request."""

    def __init__(
        self,
        context: Context,
        viewer: Viewer,
        field_name: str,
        key: str,
        input_hash: bytes,
        *,
        before: Callable[[], Iterable[bytes]] = tuple,
    ) -> None:
        """`before`: hashes by which the same input may have been kept by an earlier release."""
        self._context, self._viewer, self._before = context, viewer, before
        # Whoever acts for the citizen has keys of their own, and the record says who it was.
        scope = field_name if viewer.acting is None else f"{field_name} by {viewer.acting.person.hex}"
        self._row: dict[str, Any] = {"citizen": viewer.person, "client": viewer.client, "field": scope, "key": key}
        self._input_hash = input_hash
        self._kept: dict[str, Any] = {}
        self._used = False

    @property
    def viewer(self) -> Viewer:
        return self._viewer

    @property
    def acted_by(self) -> UUID | None:
        """Who acts in the citizen's place; None when it is the citizen."""
        return None if self._viewer.acting is None else self._viewer.acting.person

    @property
    def claim(self) -> Claim:
        return Claim(**self._row, input_hash=self._input_hash)

    def keep(self, **references: Any) -> None:
        """Names what the payload can be built from again: ids as hex strings, short plain values; no personal data."""
        self._kept.update(references)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """The one transaction. Its first statement claims the key: a concurrent twin waits for the outcome."""
        if self._used:
            raise RuntimeError("a mutation field has one transaction")
        self._used = True
        async with self._context.db.write() as session:
            dialect = sqlite if self._context.db.is_sqlite else postgresql
            claim = dialect.insert(IdempotencyRecord).values(
                **self._row, input_hash=self._input_hash, kept={}, created_at=self._context.clock.now()
            )
            claimed = await session.execute(claim.on_conflict_do_nothing().returning(IdempotencyRecord.key))
            if claimed.first() is None:
                raise _WonByTwin
            yield session
            await session.execute(update(IdempotencyRecord).filter_by(**self._row).values(kept=self._kept))

    async def earlier(self) -> dict[str, Any] | None:
        """What an earlier request with this key kept. Raises :class:`IdempotencyConflict` if its input was another."""
        async with self._context.db.read() as session:
            found = await session.scalar(select(IdempotencyRecord).filter_by(**self._row))
        if found is None:
            return None
        if found.input_hash != self._input_hash and found.input_hash not in self._before():
            raise IdempotencyConflict(path=("idempotencyKey",))
        return found.kept

    @property
    def was_used(self) -> bool:
        return self._used


class UnitOfWork(FieldExtension):
    """Wraps a mutation's resolver: rights and key checked, earlier answer replayed, errors turned into problems."""

    def __init__(
        self,
        payload: type[Any],
        declared: Rights | None = None,
        *,
        keyed: bool = False,
        access: Access = Access.VIEWER,
    ) -> None:
        self.payload, self.declared, self._keyed, self._access = payload, declared or Rights(), keyed, access

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Any, **kwargs: Any) -> Any:
        context: Context = info.context
        who = context.officer if self._access is Access.OFFICER else context.viewer
        if who is None:
            raise NotSignedIn
        try:
            self.declared.check(context)
            return await self._once(next_, source, info, context, who, kwargs)
        except SitthiError as error:
            return self.payload(problems=[problem_of(error, context)])

    async def _once(
        self,
        next_: Callable[..., Awaitable[Any]],
        source: Any,
        info: Any,
        context: Context,
        viewer: Viewer,
        kwargs: Any,
    ) -> Any:
        key = checked_key(kwargs["input"].idempotency_key)
        asked = kwargs["input"]

        def kept_as(given: bytes) -> bytes:
            return context.room(KeyRing).blind_index(given.hex(), domain="idempotency") if self._keyed else given

        work = Work(
            context,
            viewer,
            info.field_name,
            key,
            kept_as(_hash(asked)),
            before=lambda: map(kept_as, _hashes_before(asked)),
        )
        kept = await work.earlier()
        if kept is None:
            context.memo[_work_key(info)] = work
            try:
                answer = await next_(source, info, **kwargs)
            except _WonByTwin:
                kept = await work.earlier()
                if kept is None:  # it was kept for 30 days, and the last of them has just ended
                    raise IdempotencyConflict(path=("idempotencyKey",)) from None
            except SitthiError:
                kept = await work.earlier()
                if kept is None:
                    raise
            else:
                if not answer.problems:
                    return answer
                kept = await work.earlier()
                if kept is None:
                    return answer
            # A twin was faster: what stood in the way, if anything did, is its own effect ("already applied").
        return await cast("type[Payload]", self.payload).replay(info, kept)


def mutation(
    payload: type[Any],
    *,
    delegate: Delegate | None = None,
    demand: Demand | None = None,
    keyed: bool = False,
    access: Access = Access.VIEWER,
    **options: Any,
) -> Callable[[Callable[..., Awaitable[Any]]], Any]:
    """Makes a mutation field of a resolver `async (self, info: Info, input: SomeInput) -> payload`.

    `delegate` says what scope opens it to who acts for the citizen (none, if it says nothing), `demand` how sure the
    sign-in must be. `access`: whose it is, a citizen's or an officer's. `keyed`: the input holds what could be guessed
    from a plain hash of it, such as a national ID.

    The input has `idempotency_key: str`; the payload is a strawberry type with `problems: list[Problem]` and `replay`
    (see :class:`Payload`), and every other field of it has a default of None. The field is nullable in the graph, so
    that a failing sibling hides nothing.
    """

    declared = {} if delegate is None else rights(delegate, demand)
    if demand is not None and delegate is None:
        raise TypeError("a mutation that makes demands says what a delegate may do with it")

    def make(resolver: Callable[..., Awaitable[Any]]) -> Any:
        return strawberry.mutation(
            resolver=resolver,
            graphql_type=payload | None,
            extensions=[UnitOfWork(payload, Rights.of(declared), keyed=keyed, access=access)],
            metadata={"access": access, **declared},
            **options,
        )

    return make


async def once(work: Work, do: Callable[[], Awaitable[T]], replay: Callable[[dict[str, Any]], Awaitable[T]]) -> T:
    """The same promise for an act that does not come by the graph: `do` opens `work.transaction()`; who asks again with
    the same key and input is answered by `replay`, with what was kept.

    Raises :class:`IdempotencyConflict`, and what `do` raises unless a twin was faster.
    """
    kept = await work.earlier()
    if kept is None:
        try:
            return await do()
        except _WonByTwin:
            kept = await work.earlier()
            if kept is None:
                raise IdempotencyConflict(path=("idempotencyKey",)) from None
        except SitthiError:
            kept = await work.earlier()
            if kept is None:
                raise
    return await replay(kept)


def work_of(info: Info) -> Work:
    """The unit of work of the mutation field being resolved."""
    work: Work = info.context.memo[_work_key(info)]
    return work


def problem_of(error: SitthiError, context: Context) -> Problem:
    step_up = None
    if isinstance(error, StepUpRequired):
        step_up = StepUp(acr_values=error.demand.assurance.acr, max_age=error.demand.age_seconds_max)
    path = [str(step) for step in error.path]
    return Problem(code=error.code, message=error.message(context.language), path=path, step_up=step_up)


def _work_key(info: Any) -> tuple[str, str]:
    return ("work", str(info.path.key))


def _hash(value: Any) -> bytes:
    """Of any input, also of one that the resolver will refuse: a JSON scalar may hold what orjson does not write.

    Of its members only those that say something else than if they were left out: who asks again after a release that
    brought a new argument says the same.
    """
    try:
        return input_hash(_given(value))
    except RecursionError:
        raise BadInput(Text(th="ข้อมูลซ้อนกันลึกเกินไป", en="the input is nested too deep")) from None


def _given(value: Any) -> dict[str, Any]:
    plain = dataclasses.asdict(value)
    plain.pop("idempotency_key")
    return {name: one for name, one in plain.items() if name not in _left_out(value)}


def _left_out(value: Any) -> list[str]:
    """Its members that are as if they had not been given, in the order in which they are declared."""
    defaults = {
        field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        for field in dataclasses.fields(value)
        if field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    }
    return [name for name, default in defaults.items() if getattr(value, name) == default]


def _hashes_before(value: Any) -> Iterator[bytes]:
    """As earlier releases kept it: with all members that there were, of which the last may be newer than the key."""
    plain = dataclasses.asdict(value)
    plain.pop("idempotency_key")
    yield whole_hash(plain)
    for name in reversed(_left_out(value)):
        del plain[name]
        yield whole_hash(plain)
