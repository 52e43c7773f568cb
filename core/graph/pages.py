"""Relay connections with keyset cursors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import strawberry

from core.errors import BadInput
from core.text import Text

T = TypeVar("T")
N = TypeVar("N")

PAGE_SIZE_DEFAULT = 20
PAGE_SIZE_MAX = 100


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Edge(Generic[N]):
    cursor: str
    node: N


@strawberry.type
class Connection(Generic[N]):
    edges: list[Edge[N]]
    page_info: PageInfo

    @strawberry.field
    def nodes(self) -> list[N]:
        return [edge.node for edge in self.edges]


def page_size(first: int | None) -> int:
    """Raises :class:`BadInput` outside 1–100."""
    if first is None:
        return PAGE_SIZE_DEFAULT
    if not 1 <= first <= PAGE_SIZE_MAX:
        raise BadInput(
            Text(th=f"first ต้องอยู่ระหว่าง 1 ถึง {PAGE_SIZE_MAX}", en=f"`first` must be from 1 to {PAGE_SIZE_MAX}"),
            path=("first",),
        )
    return first


def cursor_of(key: str) -> str:
    """An opaque cursor; `key` is what the rows are ordered by, unique per row."""
    return base64.urlsafe_b64encode(f"c:{key}".encode()).decode().rstrip("=")


def read_cursor(after: str | None) -> str | None:
    """The key in a cursor. Raises :class:`BadInput` for one we did not make."""
    if after is None:
        return None
    try:
        raw = base64.b64decode(after + "=" * (-len(after) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        raw = ""
    if not raw.startswith("c:") or "\x00" in raw or len(after) > 300:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",))
    return raw[2:]


def connection(
    kind: type[Connection[N]], rows: Sequence[T], size: int, *, key: Callable[[T], str], node: Callable[[T], N]
) -> Connection[N]:
    """A page out of up to `size + 1` rows: the caller reads one more than it shows, to know whether more follow.

    `kind` is the concrete connection class, e.g. `Connection[Payment]`.
    """
    shown = rows[:size]
    edges = [Edge(cursor=cursor_of(key(row)), node=node(row)) for row in shown]
    info = PageInfo(has_next_page=len(rows) > size, end_cursor=edges[-1].cursor if edges else None)
    return kind(edges=edges, page_info=info)
