"""What an operation answers, in the form in which examples write it, and whether it is of its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from services.exchange.catalogue.loader import load_catalogue
from services.exchange.catalogue.values import InvalidAnswer
from services.plugins.contract import Known, OperationKind, PartialDate
from services.plugins.contract.kinds import ANSWERS, Taken, read_answer
from services.plugins.runner.answers import as_json

_NOTHING: Final = ("none", "NONE", "unknown", "UNKNOWN")


def plain(kind: OperationKind, answer: Any) -> Any:
    """The answer as an example writes it; of the kinds that are the same for all, with every name in its place."""
    if kind in ANSWERS:
        try:
            read = read_answer(kind, answer)
        except ValueError:
            return as_json(answer)
        return read.model_dump(mode="json", by_alias=True) if isinstance(read, BaseModel) else read
    return as_json(answer)


def not_typed(kind: OperationKind, answer: Any, awards_max: int = 0) -> str | None:
    """What is wrong with the type of an answer that the runner let through; None when nothing is.

    The runner has seen to what graph.graphql says. A source's values are seen to by the catalogue. `awards_max`: the
    most satang that the operation may award.
    """
    if kind in ANSWERS:
        try:
            read = read_answer(kind, answer)
        except ValueError:
            return f"it is not what a {kind} answers"
        return _awards_wrong(read, awards_max) if isinstance(read, Taken) else None
    if kind is OperationKind.SOURCE and isinstance(answer, Mapping):
        return next((f"`{name}`: {why}" for name, known in answer.items() if (why := _wrong(name, known))), None)
    return None


def _awards_wrong(taken: Taken, most: int) -> str | None:
    rejected = {one.record for one in taken.rejected}
    if any(one.satang > most for one in taken.awards):
        return "it awards more than `awards_satang_max` says"
    told = {*(one.record for one in taken.told), *(one.record for one in taken.notices)}
    if rejected & {*(one.record for one in taken.awards), *told}:
        return "it awards because of a record that it rejects, or tells of one"
    return None


def _wrong(attribute: str, known: Any) -> str | None:
    found = load_catalogue().attributes.get(attribute)
    if found is None or not isinstance(known, Known):
        return None  # the registry knows which attributes there are, and the runner what a source answers
    value = known.value.first if isinstance(known.value, PartialDate) else known.value
    try:
        found.type.accept(value)
    except InvalidAnswer:
        return "it is no value of the attribute's type in the catalogue"
    return None


def says_nothing(answer: Any) -> bool:
    """Whether the answer is what anybody gets of whom nothing is known: null, empty, all false or 0, or "none"."""
    if isinstance(answer, Mapping):
        return all(says_nothing(value) for key, value in answer.items() if key != "currency")
    if isinstance(answer, list | tuple):
        return all(says_nothing(item) for item in answer)
    return not answer or answer in _NOTHING
