"""The same six programmes for openfisca-core, in a process and an environment of its own (it needs nothing of ours).

A variable for each condition, as for our reasons; then whether all are met; then each benefit. OpenFisca has no
unknown, so every fact is known here. Days are compared with the same cut dates, since it counts no years of age by
itself. It prints one line of JSON: seconds of every round, and the sum of every column for a comparison of answers.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from openfisca_core.entities import build_entity
from openfisca_core.indexed_enums import Enum
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable
from pyarrow import parquet

PERIOD = "2026-11"
DAY = np.datetime64
OF_A_HOUSEHOLD = 4
PERSON = build_entity(key="person", plural="persons", label="a person", is_person=True)
HOUSEHOLD = build_entity(
    key="household",
    plural="households",
    label="who live together",
    roles=[
        {"key": "head", "plural": "heads", "label": "who applies", "max": 1},
        {"key": "member", "plural": "members", "label": "the others"},
    ],
)
CODES = {
    "nationality": ("thai", "other", "stateless"),
    "person_status": ("normal", "monk", "prisoner", "institution"),
    "state_role": ("none", "official", "pensioner", "politician"),
    "social_security_section": ("none", "s33", "s39", "s40"),
}
ENUMS = {name: Enum(name, {code: code for code in codes}) for name, codes in CODES.items()}
OF_HOUSEHOLD = ("household_income", "household_size")


def inputs(persons: Any, children: Any) -> dict[str, np.ndarray]:
    """Arrays over all persons by name; facts of the tie between child and applicant stand at the child."""
    found = {}
    for column in persons.column_names[1:]:
        found[column] = plain(persons[column])
    child = children["id"].to_numpy()
    for column in children.column_names[2:]:
        values = plain(children[column])
        spread = np.zeros(persons.num_rows, dtype=values.dtype)
        spread[child] = values
        found[f"child_{column}"] = spread
    found["is_child"] = np.zeros(persons.num_rows, dtype=bool)
    found["is_child"][child] = True
    return found


def plain(column: Any) -> np.ndarray:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(whole.type):
        return whole.indices.to_numpy(zero_copy_only=False)
    return whole.to_numpy(zero_copy_only=False)


def input_variable(name: str, values: np.ndarray) -> type:
    body: dict[str, Any] = {"definition_period": DateUnit.MONTH, "label": name}
    code = name.removeprefix("child_")
    body["entity"] = HOUSEHOLD if name in OF_HOUSEHOLD else PERSON
    if code in CODES:
        body |= {"value_type": Enum, "possible_values": ENUMS[code], "default_value": ENUMS[code][CODES[code][0]]}
    elif values.dtype == bool:
        body["value_type"] = bool
    elif np.issubdtype(values.dtype, np.datetime64):
        body["value_type"] = date
    else:
        body["value_type"] = int  # 32 bits: what is drawn fits
    return type(name, (Variable,), body)


def computed(name: str, kind: type, formula: Any) -> type:
    return type(
        name,
        (Variable,),
        {"definition_period": DateUnit.MONTH, "entity": PERSON, "value_type": kind, "label": name, "formula": formula},
    )


def programme(slug: str, conditions: dict[str, Any], benefits: dict[str, Any]) -> list[type]:
    """A variable for each condition, `met`, and each benefit: 0 to whoever is not entitled."""
    prefix = slug.replace("-", "_")
    names = [f"{prefix}__condition_{name}" for name in conditions]
    made = [
        computed(name, bool, lambda p, period, _, f=f: f(p, period))
        for name, f in zip(names, conditions.values(), strict=True)
    ]

    def met(p: Any, period: Any, _: Any) -> Any:
        result = p(names[0], period)
        for name in names[1:]:
            result = result * p(name, period)
        return result

    made.append(computed(f"{prefix}__met", bool, met))
    for kind, amount in benefits.items():
        made.append(
            computed(
                f"{prefix}__benefit_{kind}",
                int,
                lambda p, period, _, f=amount: np.where(p(f"{prefix}__met", period), f(p, period), 0),
            )
        )
    return made


def code(fact: str, *codes: str) -> Any:
    def holds(p: Any, period: Any) -> Any:
        values = p(fact, period)
        result = values == ENUMS[fact.removeprefix("child_")][codes[0]]
        for one in codes[1:]:
            result = result + (values == ENUMS[fact.removeprefix("child_")][one])
        return result

    return holds


def none_of(fact: str, *codes: str) -> Any:
    return lambda p, period: ~code(fact, *codes)(p, period)


def yes(fact: str) -> Any:
    return lambda p, period: p(fact, period)


def no(fact: str) -> Any:
    return lambda p, period: ~p(fact, period)


def at_most(fact: str, limit: int) -> Any:
    return lambda p, period: p(fact, period) <= limit


def born_by(fact: str, day: str) -> Any:
    return lambda p, period: p(fact, period) <= DAY(day)


def born_after(fact: str, day: str) -> Any:
    return lambda p, period: p(fact, period) > DAY(day)


def family_income(p: Any, period: Any) -> Any:
    home = p.household
    return home("household_income", period) <= 10_000_000 * home("household_size", period)


def grandfathered(p: Any, period: Any) -> Any:
    before = p("old_age_registered_on", period) < DAY("2023-08-12")
    return ~p("state_benefit", period) + p("old_age_registered", period) * before


def stepped(p: Any, period: Any) -> Any:
    born = p("birth_date", period)
    cuts = [born <= DAY(day) for day in ("1936-10-01", "1946-10-01", "1956-10-01")]
    return np.select(cuts, [100_000, 80_000, 70_000], 60_000)


def by_age(p: Any, period: Any) -> Any:
    return np.where(p("birth_date", period) > DAY("2008-11-16"), 100_000, 80_000)


def supplement(p: Any, period: Any) -> Any:
    is_minor = p("birth_date", period) > DAY("2008-11-16")
    return np.select([is_minor, p("state_welfare_card", period)], [0, 20_000], 0)


def flat(satang: int) -> Any:
    return lambda _, __: satang


def of_head(condition: Any) -> Any:
    """A condition of the applicant, for everyone in the household."""
    return lambda p, period: p.household.head(condition, period)


def rules() -> list[type]:
    """Every computed variable."""
    return [*of_persons(), *of_children()]


def of_persons() -> list[type]:
    alive, registered = no("deceased"), yes("household_registered")
    thai, free = code("nationality", "thai"), none_of("person_status", "institution")
    return [
        *programme(
            "old-age-allowance",
            {
                "nationality": thai, "age": born_by("birth_date", "1966-11-16"), "registered": registered,
                "no_state_benefit_or_registered_before": grandfathered, "alive": alive,
            },
            {"allowance": stepped},
        ),
        *programme(
            "disability-allowance",
            {
                "nationality": thai, "disability_card": yes("disability_card"), "registered": registered,
                "not_in_institution": free, "alive": alive,
            },
            {"allowance_by_age": by_age, "card_supplement": supplement},
        ),
        *programme(
            "state-welfare-card",
            {
                "nationality": thai, "age": born_by("birth_date", "2008-11-16"),
                "own_income": at_most("annual_income", 10_000_000), "family_income": family_income,
                "financial_assets": at_most("financial_assets", 10_000_000), "no_credit_card": no("has_credit_card"),
                "home_loan": at_most("home_loan", 150_000_000), "car_loan": at_most("car_loan", 100_000_000),
                "house": at_most("house_land_area", 1_000_000), "condominium": at_most("condominium_area", 350_000),
                "other_land": at_most("other_land_area", 16_000_000),
                "farm_land": at_most("agricultural_land_area", 160_000_000),
                "not_excluded_by_status": none_of("person_status", "monk", "prisoner", "institution"),
                "not_of_the_state": none_of("state_role", "official", "pensioner", "politician"), "alive": alive,
            },
            {
                "goods": flat(30_000), "gas": flat(8_000), "transport": flat(75_000), "electricity": flat(31_500),
                "water": flat(10_000),
            },
        ),
        *programme(
            "aids-allowance",
            {
                "certified": yes("aids_certified"), "registered": registered,
                "in_need": lambda p, q: p("state_welfare_card", q) + p("without_support", q), "alive": alive,
            },
            {"allowance": flat(50_000)},
        ),
    ]  # fmt: skip


def of_children() -> list[type]:
    """Computed for everyone, as OpenFisca does; what is said of others than children is not looked at."""
    insured = code("social_security_section", "s33", "s39")
    return [
        computed("head_insured", bool, lambda p, period, _: insured(p, period)),
        computed("head_paid", bool, lambda p, period, _: p("sso_months_in_36", period) >= 12),
        *programme(
            "child-support-grant",
            {
                "nationality": code("child_nationality", "thai"), "thai_parent": yes("child_parent_is_thai"),
                "born": born_by("child_birth_date", "2026-11-16"), "age": born_after("child_birth_date", "2020-11-16"),
                "lives_with_applicant": yes("child_lives_with_applicant"),
                "not_in_institution": none_of("child_person_status", "institution"),
                "household_income": family_income, "alive": no("child_deceased"),
            },
            {"grant": flat(60_000)},
        ),
        *programme(
            "section-33-child-allowance",
            {
                "insured": of_head("head_insured"), "contributions": of_head("head_paid"),
                "born": born_by("child_birth_date", "2026-11-16"), "age": born_after("child_birth_date", "2020-11-16"),
                "at_most": lambda p, q: p("child_elder_siblings_under_six", q) < 3, "alive": no("child_deceased"),
            },
            {"allowance": flat(100_000)},
        ),
    ]  # fmt: skip


def system_of(facts: dict[str, np.ndarray]) -> tuple[Any, list[str]]:
    system = TaxBenefitSystem([PERSON, HOUSEHOLD])
    for name, values in facts.items():
        system.add_variable(input_variable(name, values))
    wanted = []
    for variable in rules():
        system.add_variable(variable)
        if "__" in variable.__name__:
            wanted.append(variable.__name__)
    return system, wanted


def simulation_of(system: Any, facts: dict[str, np.ndarray], count: int) -> Any:
    """Persons, households and facts."""
    builder = SimulationBuilder()
    builder.create_entities(system)
    homes = np.arange(count // OF_A_HOUSEHOLD)
    builder.declare_person_entity("person", np.arange(count))
    households = builder.declare_entity("household", homes)
    roles = np.where(np.arange(count) % OF_A_HOUSEHOLD == 0, "head", "member")
    builder.join_with_persons(households, np.repeat(homes, OF_A_HOUSEHOLD), roles)
    simulation = builder.build(system)
    for name, values in facts.items():
        simulation.set_input(name, PERIOD, values[::OF_A_HOUSEHOLD] if name in OF_HOUSEHOLD else values)
    return simulation


def main(folder: Path, rounds: int) -> None:
    """Each round from file to file; `memory` is from arrays to arrays, with `build` of it before any rule is asked."""
    told: dict[str, list[tuple[float, float]]] = {"build": [], "memory": [], "files": []}
    answers: dict[str, np.ndarray] = {}
    facts: dict[str, np.ndarray] = {}
    for _ in range(rounds):
        began = now()
        persons, children = (parquet.read_table(folder / f"{name}.parquet") for name in ("persons", "children"))
        facts = inputs(persons, children)
        system, wanted = system_of(facts)
        ready = now()
        simulation = simulation_of(system, facts, persons.num_rows)
        built = now()
        answers = {name: simulation.calculate(name, PERIOD) for name in wanted}
        done = now()
        parquet.write_table(pa.table({"id": persons["id"], **answers}), folder / "openfisca.parquet")
        told["build"].append(since(ready, built))
        told["memory"].append(since(ready, done))
        told["files"].append(since(began, now()))
    child = facts["is_child"]
    sums = {
        name: int((values[child] if name.startswith(("child_", "section_33_child")) else values).sum())
        for name, values in answers.items()
    }
    sys.stdout.write(json.dumps({**told, "sums": sums}) + "\n")


def now() -> tuple[float, float]:
    """Of the clock on the wall, and of the CPU."""
    return time.perf_counter(), time.process_time()


def since(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    return end[0] - start[0], end[1] - start[1]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
