"""How satisfied people are, in the graph: for everybody, also who is not signed in."""

from __future__ import annotations

from datetime import date

import strawberry

from core.graph import Access, Info, field, localized
from services.receive.satisfaction.figures import GOAL_BASIS_POINTS, Goal, Month, Published, goal_of
from services.receive.satisfaction.routes import name_of
from services.receive.satisfaction.suppression import Counts

_PROGRAMME = "programme:"

strawberry.enum(
    Goal, name="SatisfactionGoal", description="REACHED and MISSED: also if chance moved it; else UNCERTAIN."
)


@strawberry.type(description="How many rated, and how many of them gave 4 or 5 of 5.")
class Satisfied:
    ratings: int
    satisfied: int
    basis_points: int | None = strawberry.field(description="Share of the satisfied, in hundredths of a per cent.")
    reaches_goal: bool = strawberry.field(description="80 % and more.")
    low: int | None = strawberry.field(
        description="With `high`: between which shares, in hundredths of a per cent, chance alone would move it "
        "(Wilson, 95 %). Of few ratings they lie far apart."
    )
    high: int | None
    goal: Goal = strawberry.field(description="Whether the ratings are enough to say that it is reached.")

    @classmethod
    def of(cls, counts: Counts) -> Satisfied:
        share = counts.basis_points
        low, high = counts.interval or (None, None)
        return cls(
            ratings=counts.ratings,
            satisfied=counts.satisfied,
            basis_points=share,
            reaches_goal=share is not None and share >= GOAL_BASIS_POINTS,
            low=low,
            high=high,
            goal=goal_of(counts),
        )


@strawberry.type
class SatisfactionOfProvince:
    code: str | None = strawberry.field(description="Two digits, as DOPA writes it; null where it was not said.")
    name: str
    figures: Satisfied


@strawberry.type
class SatisfactionOfProgramme:
    programme: str | None = strawberry.field(description="Slug of the programme; null for another service.")
    figures: Satisfied
    provinces: list[SatisfactionOfProvince] = strawberry.field(description="Small figures are left out.")


@strawberry.type(description="A month that is over. What is small, or would let it be worked out, is left out.")
class SatisfactionOfMonth:
    month: date = strawberry.field(description="By its first day.")
    total: Satisfied | None
    programmes: list[SatisfactionOfProgramme]

    @classmethod
    def of(cls, info: Info, month: Month) -> SatisfactionOfMonth:
        total = month.programmes.total
        return cls(
            month=month.first,
            total=None if total is None else Satisfied.of(total),
            programmes=[
                SatisfactionOfProgramme(
                    programme=subject.removeprefix(_PROGRAMME) if subject.startswith(_PROGRAMME) else None,
                    figures=Satisfied.of(counts),
                    provinces=[
                        SatisfactionOfProvince(
                            code=code or None, name=localized(info, name_of(code)), figures=Satisfied.of(cell)
                        )
                        for code, cell in month.provinces[subject].cells.items()
                    ],
                )
                for subject, counts in month.programmes.cells.items()
            ],
        )


@strawberry.type
class SatisfactionQuery:
    @field(Access.PUBLIC, description="How satisfied people are with what they were paid, the latest month first.")
    async def satisfaction(self, info: Info) -> list[SatisfactionOfMonth]:
        return [SatisfactionOfMonth.of(info, one) for one in await info.context.room(Published).months()]
