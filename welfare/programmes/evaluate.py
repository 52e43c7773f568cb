"""Is this person entitled, to what, why, and what is missing? Pure functions of a version, facts and a day.

Facts map attribute ids to values; None or no entry means unknown, which never counts as a no. Every function raises a
FactError for a value of the wrong type, outside its range or not in its list of codes.
"""

from __future__ import annotations

from datetime import date

from welfare.programmes.answer import Determination
from welfare.programmes.determiner import Facts
from welfare.programmes.model import ForEach, Version
from welfare.rules.errors import ChildExpected

__all__ = ["Facts", "evaluate"]


def evaluate(version: Version, facts: Facts, child: Facts | None, on: date) -> Determination:
    """Decides one version for one citizen (and one child, where the programme is for each child) on a day.

    Raises ChildExpected, DayOutOfRange or a FactError.
    """
    if version.for_each is ForEach.CHILD and child is None:
        raise ChildExpected
    return version.determiner.determine(facts, child, on)[0]
