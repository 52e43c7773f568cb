"""Clients hear in their answers which names of the graph go away, since when and until when (docs/adr/0027)."""

from api.deprecations.index import announce, notices_of
from api.deprecations.ours import OURS, OurNames, our_names
from api.deprecations.telling import DeprecationNotices, warned

__all__ = ["OURS", "DeprecationNotices", "OurNames", "announce", "notices_of", "our_names", "warned"]
