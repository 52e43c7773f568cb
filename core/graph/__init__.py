"""What every room's `graph.py` builds with: the request's context, mutations with a unit of work, connections."""

from core.graph.context import Access, Context, Info, localized
from core.graph.fields import citizen_field, field
from core.graph.mutations import Problem, Work, mutation, once, work_of
from core.graph.node import Node, NodeLoader, Nodes, global_id
from core.graph.pages import Connection, Edge, PageInfo, connection, cursor_of, page_size, read_cursor
from core.graph.rights import Delegate, Rights, require, rights
from core.graph.types import MoneyAmount
from core.rooms import Rooms
from core.viewer import NotDelegated, Viewer

__all__ = [
    "Access",
    "Connection",
    "Context",
    "Delegate",
    "Edge",
    "Info",
    "MoneyAmount",
    "Node",
    "NodeLoader",
    "Nodes",
    "NotDelegated",
    "PageInfo",
    "Problem",
    "Rights",
    "Rooms",
    "Viewer",
    "Work",
    "citizen_field",
    "connection",
    "cursor_of",
    "field",
    "global_id",
    "localized",
    "mutation",
    "once",
    "page_size",
    "read_cursor",
    "require",
    "rights",
    "work_of",
]
