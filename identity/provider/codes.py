"""The repository of authorization codes, and of what is entered when one is redeemed.

Its statements are built once, over the tables themselves: a sign-in is little else than these (docs/measurements.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Select, Table, bindparam, insert, select, update

from identity.provider.models import AuthorizationCode, RefreshToken, SignInSession, TokenFamily
from identity.provider.protocol import hash_of


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


_CODES: Final = _table(AuthorizationCode)
_SESSIONS: Final = _table(SignInSession)
_FAMILIES: Final = _table(TokenFamily)
_REFRESH_TOKENS: Final = _table(RefreshToken)
_IS_THIS: Final = _CODES.c.code_hash == bindparam("this")

ENTER_CODE: Final = insert(_CODES)
_FIND: Final = (
    select(
        *(column for column in _CODES.c if column.name != "replayed_at"),
        _SESSIONS.c.ended_at.label("session_ended_at"),
        _SESSIONS.c.name_sealed,
    )
    .join(_SESSIONS, (_SESSIONS.c.person == _CODES.c.person) & (_SESSIONS.c.id == _CODES.c.session))
    .where(_IS_THIS, _CODES.c.client == bindparam("of_client"))
    .with_for_update(read=True, of=_SESSIONS)
)
_CONSUME: Final = (
    update(_CODES)
    .where(_IS_THIS, _CODES.c.used_at.is_(None))
    .values(used_at=bindparam("now"), family=bindparam("new_family"))
    .returning(_CODES.c.code_hash)
)
_NOTE_REPLAY: Final = (
    update(_CODES).where(_IS_THIS, _CODES.c.replayed_at.is_(None)).values(replayed_at=bindparam("now"))
)
_ENTER_FAMILY: Final = insert(_FAMILIES)
_ENTER_REFRESH_TOKEN: Final = insert(_REFRESH_TOKENS)


def _redeem() -> Select[tuple[bytes]]:
    """The three of a redemption in one, for PostgreSQL: the rows are entered where the code was still there to use."""
    won = _CONSUME.cte("won")
    entered = []
    for table, needed in ((_FAMILIES, "id"), (_REFRESH_TOKENS, "token_hash")):
        values = {column.name: bindparam(f"{table.name}_{column.name}", type_=column.type) for column in table.c}
        row = select(*values.values()).select_from(won).where(values[needed].is_not(None))
        entered.append(insert(table).from_select(list(values), row).cte(f"new_{table.name}"))
    return select(won.c.code_hash).add_cte(*entered)


_REDEEM: Final = _redeem()


@dataclass(frozen=True, slots=True)
class Code:
    """A code's row (identity/provider/models.py), with the browser session in which it was given."""

    code_hash: bytes
    person: UUID
    session: UUID
    client: str
    redirect_uri: str
    scope: str
    resources: Sequence[str]
    code_challenge: str
    dpop_jkt: str | None
    nonce: str | None
    acr: str
    amr: Sequence[str]
    auth_time: datetime
    expires_at: datetime
    used_at: datetime | None
    family: UUID | None
    session_ended_at: datetime | None
    """That the session has expired does not matter: it kept a browser signed in, not a program."""
    name_sealed: bytes


def find_code(connection: Connection, code: str, client: str) -> Code | None:
    """A client's code, used or not. Its browser session cannot be ended until this transaction is over."""
    row = connection.execute(_FIND, {"this": hash_of(code), "of_client": client}).first()
    return None if row is None else Code(*row)


def redeem(
    connection: Connection,
    code: Code,
    family: Mapping[str, Any],
    refresh_token: Mapping[str, Any] | None,
    now: datetime,
) -> bool:
    """Uses the code up, and enters the rows of the family and the refresh token that it is redeemed for.

    False, and nothing is entered, when of parallel redemptions another was first.
    """
    using = {"this": code.code_hash, "now": now, "new_family": family["id"]}
    if connection.dialect.name == "postgresql":
        entered = ((_FAMILIES, family), (_REFRESH_TOKENS, refresh_token or {}))
        rows = {f"{table.name}_{column.name}": row.get(column.name) for table, row in entered for column in table.c}
        return connection.execute(_REDEEM, {**using, **rows}).first() is not None
    if connection.execute(_CONSUME, using).first() is None:
        return False
    connection.execute(_ENTER_FAMILY, family)
    if refresh_token is not None:
        enter_refresh_token(connection, refresh_token)
    return True


def note_replay(connection: Connection, code: Code, now: datetime) -> None:
    connection.execute(_NOTE_REPLAY, {"this": code.code_hash, "now": now})


def enter_refresh_token(connection: Connection, row: Mapping[str, Any]) -> None:
    connection.execute(_ENTER_REFRESH_TOKEN, row)
