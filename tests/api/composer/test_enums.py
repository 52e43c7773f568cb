"""What extending a schema does to enums."""

from enum import Enum

import strawberry
from strawberry.schema.config import StrawberryConfig

from api.composer import SHARED, compose, host_names
from core.graph.types import SATANG_SCALAR, Satang
from services.plugins.registry import load_folder
from services.plugins.runner import Runner
from tests.support.plugins import CATALOGUE, LIBRARY

CONFIG = StrawberryConfig(scalar_map={Satang: SATANG_SCALAR})


@strawberry.enum
class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


@strawberry.type
class Query:
    @strawberry.field
    def opposite(self, of: Mood) -> Mood:
        assert isinstance(of, Mood)
        return Mood.BAD if of is Mood.GOOD else Mood.GOOD


@strawberry.type
class Citizen:
    person: str = ""


async def test_members_of_a_python_enum_come_and_go_through_a_composed_schema() -> None:
    base = strawberry.Schema(Query, types=[Citizen, *SHARED], config=CONFIG)
    library = load_folder(LIBRARY, host_names(base), CATALOGUE)
    composed = compose(base, [library], Runner(lambda _: None))  # type: ignore[arg-type,return-value]
    for query, variables in (
        ("{ opposite(of: GOOD) }", None),
        ("query($of: Mood!) { opposite(of: $of) }", {"of": "GOOD"}),
    ):
        result = await composed.execute(query, variable_values=variables)
        assert result.errors is None
        assert result.data == {"opposite": "BAD"}
