"""What can be wrong with the wish for a population."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text


class PopulationSizeNotPossible(SitthiError):
    """Fewer citizens than none, or more than there are numbers for."""

    code = "POPULATION_SIZE_NOT_POSSIBLE"
    text = Text(
        th="จำนวนประชากรจำลองต้องอยู่ระหว่าง 0 ถึง {most:,} คน",
        en="A made-up population has between 0 and {most:,} citizens.",
    )


class PopulationDateNotPossible(SitthiError):
    """A day for which the oldest or youngest persona would fall out of the calendars that we can write."""

    code = "POPULATION_DATE_NOT_POSSIBLE"
    text = Text(
        th="วันที่ของประชากรจำลองต้องอยู่ระหว่าง {earliest} ถึง {latest}",
        en="The day of a made-up population lies between {earliest} and {latest}.",
    )
