"""Every message of the house has a topic."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from identity.notices.topics import CODE, OF_ROOM, TITLES, NoticeTopic, is_urgent, topic_of

ROOT = Path(__file__).parents[3]
ROOMS = ("api", "identity", "services", "welfare")


def templates() -> Iterator[str]:
    """The ids of all templates, out of the source: each is written where it is made."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "MessageTemplate":
                    given = [*node.args[:1], *(one.value for one in node.keywords if one.arg == "id")]
                    assert len(given) == 1, f"{path}: a template has an id"
                    yield ast.literal_eval(given[0])


def test_every_template_has_a_topic_and_every_topic_of_a_room_has_templates() -> None:
    found = list(templates())
    assert len(found) > 50
    assert {one.partition(".")[0] for one in found} | {CODE.partition(".")[0]} == set(OF_ROOM)


def test_every_template_has_an_id_of_its_own() -> None:
    found = list(templates())
    assert sorted(found) == sorted(set(found))


def test_what_may_be_an_attack_waits_for_nothing_and_all_else_does() -> None:
    urgent = {one.partition(".")[0] for one in templates() if is_urgent(one)}
    assert urgent == {"contacts", "delegation", "identity", "passkeys", "pay", "privacy", "sessions"}
    assert is_urgent("pay.destination-changed")
    assert not is_urgent("pay.settled")
    assert topic_of("nobody.knows") is NoticeTopic.APPLICATIONS


def test_the_titles_of_all_but_security_are_alike() -> None:
    assert len({text for topic, text in TITLES.items() if topic is not NoticeTopic.SECURITY}) == 1
    assert set(TITLES) == set(NoticeTopic)
