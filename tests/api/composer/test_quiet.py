"""While a graph is made nothing is collected; former graphs of many plugins do not add up."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from api.composer import quiet as module
from api.composer.quiet import FORMER_MAX, MANY, quiet


class Graph:
    """Refers to itself, as a schema does."""

    def __init__(self) -> None:
        self.whole = self


@pytest.fixture(autouse=True)
def nothing_put_aside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "_former", 0)
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_until_the_last_of_several_is_over() -> None:
    with quiet():
        with quiet():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_on_again_after_a_failure_and_stays_off_where_it_was() -> None:
    with pytest.raises(ValueError, match="broken"), quiet(MANY):
        raise ValueError("broken")
    assert gc.isenabled()
    gc.disable()
    with quiet():
        pass
    assert not gc.isenabled()


@pytest.mark.parametrize(("plugins", "aside"), [(MANY - 1, False), (MANY, True)])
def test_what_many_plugins_are_made_of_is_looked_through_no_more(plugins: int, *, aside: bool) -> None:
    gc.unfreeze()
    with quiet(plugins):
        pass
    assert (gc.get_freeze_count() > 0) is aside


def test_of_former_graphs_no_more_than_a_few_stay() -> None:
    former: list[weakref.ref[Graph]] = []
    current: Graph | None = None
    for _ in range(3 * (FORMER_MAX + 1)):
        with quiet(MANY):
            made = Graph()
        current = made
        former.append(weakref.ref(current))
        del made
        # With them the current one, and that which was it when those before were looked for.
        assert sum(one() is not None for one in former) <= FORMER_MAX + 2
    del current
    for _ in range(FORMER_MAX + 1):
        with quiet(MANY):
            pass
    assert [one for one in former if one() is not None] == []
